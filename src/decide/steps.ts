/**
 * The steps of every strategy, as one list: what walks them, judges them, plans them and shows them asks here and
 * nowhere else. `Immediate` has none, a singleton has none whatever is written (singleton.ts); `BlueGreen` has one without traffic; `Rolling` has one for each batch of replicas
 * that stands before the last, because all of them is the switch; `Canary` has those that are written.
 */
import type { DesiredEntry } from '../model/desired.ts';
import type { Candidate, Release } from '../model/memory.ts';
import type { Approval, CanaryStep, Strategy } from '../model/rollout.ts';
import type { HeaderMatch } from '../model/route.ts';
import { callsOf } from './schedule/calls.ts';
import { isSingleton } from './singleton.ts';

export interface Step {
  /** Percent of the traffic, 0 to 100. */
  readonly weight: number;
  /** Percent of what serves that must stand ready for it. */
  readonly capacity: number;
  /** `Rolling`: how many replicas the candidate has in this step. */
  readonly replicas?: number;
  /** `Canary`: requests with any one of these are the candidate's, whatever the weight. */
  readonly headers?: readonly HeaderMatch[];
  /** `Canary`: percent of the safe requests to what serves of which the candidate gets a copy. */
  readonly mirror?: number;
  readonly minDurationMs: number;
  readonly deadlineMs: number;
  readonly approval?: Approval;
}

export function stepsOf(
  entry: Pick<DesiredEntry, 'rollout' | 'scaling' | 'members' | 'rules' | 'schedules' | 'remote'>,
): readonly Step[] {
  const { rollout, scaling } = entry;
  if (isSingleton(entry)) return [];
  const { strategy } = rollout.settings;
  if (callsOf(entry) === 'Firings') return beside(strategy);
  switch (strategy.type) {
    case 'Immediate':
      return [];
    case 'BlueGreen': {
      const { previewDurationMs, deadlineMs, approval } = strategy;
      // All of it stands ready beside what serves before anybody looks at it.
      return [
        { weight: 0, capacity: 100, minDurationMs: previewDurationMs, deadlineMs, ...(approval ? { approval } : {}) },
      ];
    }
    case 'Rolling': {
      const { maxSurge, maxUnavailable = 0, minDurationMs, deadlineMs } = strategy;
      const all = Math.max(1, scaling.minReplicas);
      const batch = maxSurge + maxUnavailable;
      const steps: Step[] = [];
      for (let replicas = batch; replicas < all; replicas += batch) {
        const weight = Math.round((100 * replicas) / all);
        steps.push({ weight, capacity: weight, replicas, minDurationMs, deadlineMs });
      }
      return steps;
    }
    case 'Canary':
      return strategy.steps.map((step) => ({ ...step, capacity: capacityOf(step) }));
  }
}

/** How many requests carry a header is not known beforehand: all replicas stand ready for them. */
function capacityOf({ weight, headers, mirror = 0 }: CanaryStep): number {
  return headers ? 100 : Math.max(weight, mirror);
}

/** The present step of a candidate; step 0 is the weight it had when its steps were changed under it. */
export function stepOf({ release, step, weight }: Pick<Candidate, 'release' | 'step' | 'weight'>): Step | undefined {
  const steps = stepsOf(release.entry);
  if (step > 0) return steps[step - 1];
  const [first] = steps;
  if (!first) return undefined;
  const { approval: _, headers: __, mirror: ___, ...rest } = first;
  return { ...rest, weight };
}

/** Do visitors meet the candidate in this step? Copies of their requests are not theirs. */
export function takesRequests({ weight, headers }: Pick<Step, 'weight' | 'headers'>): boolean {
  return weight > 0 || headers !== undefined;
}

/** What the candidate gets in a step, for people: `20 %, requests with x-region: eu, copies of 10 %`. */
export function shareText({ weight, headers, mirror }: Pick<Step, 'weight' | 'headers' | 'mirror'>): string {
  const named = headers && `requests with ${headers.map(headerText).join(' or ')}`;
  const copies = mirror === undefined ? undefined : `copies of ${mirror} %`;
  return [`${weight} %`, named, copies].filter((part) => part !== undefined).join(', ');
}

export function headerText({ name, value }: HeaderMatch): string {
  return `${name}: ${value}`;
}

/**
 * Only the clock calls it: there is no traffic to share out, so it stands beside what serves for as long as people want to
 * look at it, and for each approval that they ask for.
 */
function beside(strategy: Strategy): readonly Step[] {
  const waits = { weight: 0, capacity: 100 };
  if (strategy.type === 'BlueGreen') {
    const { previewDurationMs, deadlineMs, approval } = strategy;
    if (previewDurationMs === 0 && !approval) return [];
    return [{ ...waits, minDurationMs: previewDurationMs, deadlineMs, ...(approval ? { approval } : {}) }];
  }
  if (strategy.type !== 'Canary') return [];
  return strategy.steps.flatMap(({ approval, deadlineMs }) =>
    approval ? [{ ...waits, minDurationMs: 0, deadlineMs, approval }] : [],
  );
}

export function isRolling({ entry }: Pick<Release, 'entry'>): boolean {
  return entry.rollout.settings.strategy.type === 'Rolling';
}

export function isBlueGreen({ entry }: Pick<Release, 'entry'>): boolean {
  return entry.rollout.settings.strategy.type === 'BlueGreen';
}
