/**
 * The steps of every strategy, as one list: what walks them, judges them, plans them and shows them asks here and
 * nowhere else. `Immediate` has none, a singleton has none whatever is written (singleton.ts); `BlueGreen` has one without traffic; `Rolling` has one for each batch of replicas
 * that stands before the last, because all of them is the switch.
 */
import type { DesiredEntry } from '../model/desired.ts';
import type { Release } from '../model/memory.ts';
import type { Approval } from '../model/rollout.ts';
import { isSingleton } from './singleton.ts';

export interface Step {
  /** Percent of the traffic, 0 to 100. */
  readonly weight: number;
  /** Percent of what serves that must stand ready for it. */
  readonly capacity: number;
  /** `Rolling`: how many replicas the candidate has in this step. */
  readonly replicas?: number;
  readonly minDurationMs: number;
  readonly deadlineMs: number;
  readonly approval?: Approval;
}

export function stepsOf({
  rollout,
  scaling,
  members,
}: Pick<DesiredEntry, 'rollout' | 'scaling' | 'members'>): readonly Step[] {
  if (isSingleton({ members })) return [];
  const { strategy } = rollout.settings;
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
      const { maxSurge, minDurationMs, deadlineMs } = strategy;
      const all = scaling.minReplicas;
      const steps: Step[] = [];
      for (let replicas = maxSurge; replicas < all; replicas += maxSurge) {
        const weight = Math.round((100 * replicas) / all);
        steps.push({ weight, capacity: weight, replicas, minDurationMs, deadlineMs });
      }
      return steps;
    }
    case 'Canary':
      return strategy.steps.map((step) => ({ ...step, capacity: step.weight }));
  }
}

export function isRolling({ entry }: Pick<Release, 'entry'>): boolean {
  return entry.rollout.settings.strategy.type === 'Rolling';
}

export function isBlueGreen({ entry }: Pick<Release, 'entry'>): boolean {
  return entry.rollout.settings.strategy.type === 'BlueGreen';
}
