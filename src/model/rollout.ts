import type { ProbeCall } from './component.ts';

export interface Approval {
  readonly name: string;
  readonly deadlineMs: number;
}

export interface CanaryStep {
  /** Percent of the traffic, 1 to 100, strictly rising. */
  readonly weight: number;
  readonly minDurationMs: number;
  readonly deadlineMs: number;
  readonly approval?: Approval;
}

export type StickyBy = { readonly type: 'header' | 'cookie'; readonly name: string };

export type Strategy =
  | { readonly type: 'Immediate' }
  /** All replicas beside what serves, without traffic, for at least `previewDurationMs`; then one switch. */
  | {
      readonly type: 'BlueGreen';
      readonly previewDurationMs: number;
      readonly deadlineMs: number;
      readonly approval?: Approval;
    }
  /** `maxSurge` replicas at a time, each time held for `minDurationMs`; weight is the share of those replaced. */
  | { readonly type: 'Rolling'; readonly maxSurge: number; readonly minDurationMs: number; readonly deadlineMs: number }
  | { readonly type: 'Canary'; readonly stickyBy?: StickyBy; readonly steps: readonly CanaryStep[] };

export interface Gate {
  readonly errors: {
    /** Shares between 0 and 1. */
    readonly tolerable: number;
    readonly intolerable: number;
    readonly maxShiftOfClientErrors?: number;
  };
  readonly latency?: {
    /** Between 0 and 1: 0.99 for the 99th percentile. */
    readonly percentile: number;
    /** Share over serving's percentile: 0.2 for 20 %. */
    readonly maxIncreaseOverStable: number;
  };
  readonly hardStops: { readonly consecutiveErrors: number; readonly crashes: number; readonly windowMs: number };
  readonly minSamples: number;
  readonly warmUp: { readonly requests: number; readonly durationMs: number };
  readonly insufficientData: 'Synthesize' | 'Hold' | 'Fail';
  readonly synthetic?: { readonly requests: number; readonly call: ProbeCall };
}

export interface RolloutSettings {
  readonly strategy: Strategy;
  readonly gate: Gate;
  readonly bake: { readonly durationMs: number; readonly deadlineMs: number };
  readonly history: { readonly revisions: number; readonly maxAgeMs: number };
  readonly breaker: { readonly maxRollbacks: number; readonly windowMs: number };
}

/** `spec.rollout` of a component: the settings (its own, a policy's or the defaults) and the facts people write in git. */
export interface Rollout {
  readonly settings: RolloutSettings;
  /** Name of the policy the settings came from, for messages only. */
  readonly policy?: string;
  readonly group?: string;
  readonly retry: number;
  readonly approvals: readonly { readonly name: string; readonly revision: string }[];
  readonly replaces?: string;
  readonly emergency?: { readonly revision: string; readonly reason: string };
}
