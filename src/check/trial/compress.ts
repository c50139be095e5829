/**
 * Rollout settings with their waits shortened. What is measured stays as it is written: weights, samples, errors, latency,
 * hard stops. What waits for time or for people becomes short, never longer than it was written.
 */
import { ROLLOUT_DEFAULTS } from '../../manifest/defaults.ts';
import type { RolloutSpec } from '../../manifest/generated/component.ts';
import type { RolloutPolicySpec } from '../../manifest/generated/rolloutpolicy.ts';
import { milliseconds } from '../../manifest/quantity.ts';
import { formatDuration } from '../../kit/units.ts';

/** How fast a trial goes. Nothing becomes longer than it was written. */
export interface Pace {
  /** Waits are divided by it. */
  readonly factor: number;
  /** Of steps, bakes and warm-ups. */
  readonly holdMs: Bounds;
  /** Deadlines are for the machine, which does not become faster. */
  readonly deadlineMs: Bounds;
  /** The gate is passed by whatever is not broken altogether. */
  readonly lenient?: true;
}

interface Bounds {
  readonly least: number;
  readonly most: number;
}

/** Below it nothing would be seen: a gate is looked at some times a second. */
const MIN_HOLD_MS = 1_000;
const MIN_DEADLINE_MS = 60_000;
/** At the rate of a trial's traffic a test of errors is decided well before. */
const MAX_HOLD_MS = 2_000;

/** A machine waits for it: long enough to see something, and no longer. */
export const DEFAULT_PACE: Pace = {
  factor: 60,
  holdMs: { least: MIN_HOLD_MS, most: MAX_HOLD_MS },
  deadlineMs: { least: MIN_DEADLINE_MS, most: MIN_DEADLINE_MS },
};

/** A base is only what a head starts from: the fleet has proven it, or lives with it. */
export const BASE_PACE: Pace = {
  factor: 1_000_000,
  holdMs: { least: 100, most: 100 },
  deadlineMs: DEFAULT_PACE.deadlineMs,
  lenient: true,
};

const LENIENT = { errors: { tolerable: '40%', intolerable: '90%' }, minSamples: 1, warmUp: { requests: 0 } } as const;

/** Exactly so many times faster, however long that is. */
export function paceOf(factor: number): Pace {
  const most = Number.POSITIVE_INFINITY;
  return { factor, holdMs: { least: MIN_HOLD_MS, most }, deadlineMs: { least: MIN_DEADLINE_MS, most } };
}

/** In the words of the report. */
export function paceText({ factor, holdMs, deadlineMs }: Pace): string {
  const between = ({ least, most }: Bounds): string => {
    if (least === most) return `for ${least / 1000} s`;
    return `for at least ${least / 1000} s${most === Number.POSITIVE_INFINITY ? '' : ` and at most ${most / 1000} s`}`;
  };
  return `waits are ${factor} times shorter; steps and bakes hold ${between(holdMs)} and deadlines ${between(deadlineMs)}, unless they were written shorter; approvals are taken as given, minBake of Policies is not asked for`;
}

type Settings = Pick<RolloutPolicySpec, 'strategy' | 'gate' | 'bake'> & Pick<RolloutSpec, 'strategy' | 'gate' | 'bake'>;

export function compressed<S extends Settings>(spec: S, { factor, lenient, ...bounds }: Pace): S {
  const hold = (written: string | undefined, otherwise: string): string =>
    shorter(written ?? otherwise, bounds.holdMs, factor);
  const deadline = (written: string | undefined, otherwise: string): string =>
    shorter(written ?? otherwise, bounds.deadlineMs, factor);
  const { strategy, gate, bake } = spec;
  return {
    ...spec,
    ...(strategy
      ? {
          strategy: {
            ...strategy,
            ...(strategy.type === 'BlueGreen'
              ? {
                  blueGreen: {
                    ...without(strategy.blueGreen ?? {}, 'approval'),
                    previewDuration: hold(
                      strategy.blueGreen?.previewDuration,
                      ROLLOUT_DEFAULTS.blueGreen.previewDuration,
                    ),
                    deadline: deadline(strategy.blueGreen?.deadline, ROLLOUT_DEFAULTS.blueGreen.deadline),
                  },
                }
              : {}),
            ...(strategy.type === 'Rolling'
              ? {
                  rolling: {
                    ...strategy.rolling,
                    minDuration: hold(strategy.rolling?.minDuration, ROLLOUT_DEFAULTS.rolling.minDuration),
                    deadline: deadline(strategy.rolling?.deadline, ROLLOUT_DEFAULTS.rolling.deadline),
                  },
                }
              : {}),
            ...(strategy.canary
              ? {
                  canary: {
                    ...strategy.canary,
                    steps: strategy.canary.steps.map((step) => ({
                      ...without(step, 'approval'),
                      minDuration: hold(step.minDuration, ROLLOUT_DEFAULTS.step.minDuration),
                      deadline: deadline(step.deadline, ROLLOUT_DEFAULTS.step.deadline),
                    })),
                  },
                }
              : {}),
          },
        }
      : {}),
    gate: {
      ...(lenient ? LENIENT : gate),
      warmUp: {
        ...(lenient ? LENIENT : gate)?.warmUp,
        duration: hold(gate?.warmUp?.duration, ROLLOUT_DEFAULTS.gate.warmUp.duration),
      },
    },
    bake: {
      duration: hold(bake?.duration, ROLLOUT_DEFAULTS.bake.duration),
      deadline: deadline(bake?.deadline, ROLLOUT_DEFAULTS.bake.deadline),
    },
  };
}

function shorter(written: string, { least, most }: Bounds, factor: number): string {
  const writtenMs = milliseconds(written);
  return formatDuration(Math.min(writtenMs, most, Math.max(least, Math.round(writtenMs / factor))));
}

function without<T extends object, K extends string>(value: T, key: K): Omit<T, K> {
  const { [key as never]: _, ...rest } = value;
  return rest as Omit<T, K>;
}
