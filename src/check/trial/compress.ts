/**
 * Rollout settings with their waits shortened. What is measured stays as it is written: weights, samples, errors, latency,
 * hard stops. What waits for time or for people becomes short, never longer than it was written.
 */
import { ROLLOUT_DEFAULTS } from '../../manifest/defaults.ts';
import type { RolloutSpec } from '../../manifest/generated/component.ts';
import type { RolloutPolicySpec } from '../../manifest/generated/rolloutpolicy.ts';
import { milliseconds } from '../../manifest/quantity.ts';
import { formatDuration } from '../../kit/units.ts';

export const DEFAULT_FACTOR = 60;
/** Below it nothing would be seen: a gate is looked at some times a second. */
export const MIN_HOLD_MS = 1_000;
/** Deadlines are for the machine, which does not become faster. */
export const MIN_DEADLINE_MS = 60_000;

/** In the words of the report. */
export function compressionText(factor: number): string {
  return `waits are ${factor} times shorter; steps and bakes hold for at least ${MIN_HOLD_MS / 1000} s and deadlines for ${MIN_DEADLINE_MS / 1000} s, unless they were written shorter; approvals are taken as given, minBake of Policies is not asked for`;
}

type Settings = Pick<RolloutPolicySpec, 'strategy' | 'gate' | 'bake'> & Pick<RolloutSpec, 'strategy' | 'gate' | 'bake'>;

export function compressed<S extends Settings>(spec: S, factor: number): S {
  const hold = (written: string | undefined, otherwise: string): string =>
    shorter(written ?? otherwise, MIN_HOLD_MS, factor);
  const deadline = (written: string | undefined, otherwise: string): string =>
    shorter(written ?? otherwise, MIN_DEADLINE_MS, factor);
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
      ...gate,
      warmUp: { ...gate?.warmUp, duration: hold(gate?.warmUp?.duration, ROLLOUT_DEFAULTS.gate.warmUp.duration) },
    },
    bake: {
      duration: hold(bake?.duration, ROLLOUT_DEFAULTS.bake.duration),
      deadline: deadline(bake?.deadline, ROLLOUT_DEFAULTS.bake.deadline),
    },
  };
}

function shorter(written: string, floorMs: number, factor: number): string {
  const writtenMs = milliseconds(written);
  return formatDuration(Math.min(writtenMs, Math.max(floorMs, Math.round(writtenMs / factor))));
}

function without<T extends object, K extends string>(value: T, key: K): Omit<T, K> {
  const { [key as never]: _, ...rest } = value;
  return rest as Omit<T, K>;
}
