import type { ProbeCall } from './component.ts';
import type { HeaderMatch } from './route.ts';

export interface Approval {
  readonly name: string;
  readonly deadlineMs: number;
}

export interface CanaryStep {
  /** Percent of the traffic, 0 to 100, never falling; a step without one has that of the step before, 0 in the first. */
  readonly weight: number;
  /** Requests with any one of these go to the candidate, whatever the weight; never empty. */
  readonly headers?: readonly HeaderMatch[];
  /** Percent of the safe requests to what serves of which the candidate gets a copy. */
  readonly mirror?: number;
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
      /** A host name of its own for the candidate in its step, whatever its release. */
      readonly previewHostname?: string;
    }
  /** Some replicas at a time, each time held for `minDurationMs`; weight is the share of those replaced. */
  | {
      readonly type: 'Rolling';
      /** How many may be there in addition, at least 1. */
      readonly maxSurge: number;
      /** How many may be missing; absent: none. The sum of both is replaced in one step. */
      readonly maxUnavailable?: number;
      readonly minDurationMs: number;
      readonly deadlineMs: number;
    }
  | { readonly type: 'Canary'; readonly stickyBy?: StickyBy; readonly steps: readonly CanaryStep[] };

export interface Gate {
  readonly errors: {
    /** Shares between 0 and 1. */
    readonly tolerable: number;
    readonly intolerable: number;
    readonly maxShiftOfClientErrors?: number;
    /** `4xx`, `5xx` or one status each, sorted; absent: every 5xx. */
    readonly statuses?: readonly string[];
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
