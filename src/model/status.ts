import type { EntryKey } from './component.ts';
import type { Diagnostic } from './diagnostic.ts';

export type ConditionType = 'Ready' | 'Reconciling' | 'Stalled' | 'Synced' | 'Healthy';

/** The closed list of reasons; a new one is added here and in the documentation of rollouts. */
export const REASONS = [
  'InSync',
  'Progressing',
  'Baking',
  'Proven',
  'RolledBack',
  'Quarantined',
  'Reverted',
  'Inconclusive',
  'AwaitingApproval',
  'Waiting',
  'SharedOutage',
  'Slot',
  'Refused',
  'PolicyExceeded',
  'Suspended',
  'InvalidManifest',
  'SourceUnavailable',
  'NonFastForward',
  'Unsigned',
  'PruneHeld',
  'BreakerOpen',
  'FreezeWindow',
  'Starved',
  'GroupRolledBack',
  'Bootstrapped',
  'FirstDeployment',
  'Degraded',
  'ToolchainRegression',
  'Unreferenced',
] as const;

export type Reason = (typeof REASONS)[number];

export interface Condition {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: Reason;
  readonly message: string;
  /** Wall clock, ISO 8601. */
  readonly since: string;
  /** The commit whose desired state was observed. */
  readonly observedCommit: string;
}

/** A release as people see it. */
export interface ReleaseRef {
  readonly release: string;
  readonly revision: string;
  /** The first accepted head that showed it. */
  readonly commit: string;
}

/** One measured value beside its bound. */
export interface Evidence {
  readonly metric: string;
  readonly observed: string;
  readonly threshold: string;
  readonly samples: number;
  readonly synthetic: number;
}

export interface CandidateStatus extends ReleaseRef {
  readonly attempt: string;
  /** `Canary`, `Preview` and `Rolling` are the steps of the strategies of that kind. */
  readonly state:
    | 'Pending'
    | 'Fetching'
    | 'Verified'
    | 'Prepared'
    | 'Warming'
    | 'Ready'
    | 'Canary'
    | 'Preview'
    | 'Rolling'
    | 'Promoted';
  readonly strategy: string;
  /** From 1; absent outside its steps. */
  readonly step?: number;
  readonly steps: number;
  /** `BlueGreen` in its step: its label below the host's preview domain. */
  readonly preview?: string;
  readonly weight: number;
  readonly inStateMs: number;
  readonly evidence: readonly Evidence[];
  readonly verdict: 'Pass' | 'Fail' | 'Continue';
}

/** The last decision about an entry: which row of the table, from what, and why. */
export interface DecisionRecord {
  readonly row: number;
  readonly rule: string;
  readonly why: string;
  /** The inputs that the row looked at, already printed. */
  readonly inputs: { readonly [name: string]: string };
  readonly actions: readonly string[];
  readonly at: string;
}

export interface ReplicaStatus {
  readonly id: string;
  readonly release: string;
  readonly phase: string;
  readonly isolation?: string;
  readonly instancePolicy?: string;
  readonly pid?: number;
  readonly inFlight: number;
  readonly message?: string;
}

export interface EntryStatus {
  readonly key: EntryKey;
  readonly conditions: readonly Condition[];
  readonly desired?: ReleaseRef;
  readonly candidate?: CandidateStatus;
  readonly serving?: ReleaseRef & { readonly weight: number };
  readonly proven?: ReleaseRef;
  readonly draining: readonly ReleaseRef[];
  readonly quarantined: readonly {
    readonly attempt: string;
    readonly release: string;
    readonly commit: string;
    readonly why: string;
    readonly releasedBy: string;
    readonly evidence: readonly Evidence[];
  }[];
  readonly replicas: readonly ReplicaStatus[];
  readonly tier?: string;
  readonly decision?: DecisionRecord;
}

/** One line of history, for people: what happened, to what, because of which commit, and why. */
export interface TimelineEvent {
  readonly id: number;
  /** Wall clock, ISO 8601. */
  readonly at: string;
  readonly reconcileId: string;
  readonly commit: string;
  readonly entry?: EntryKey;
  readonly reason: Reason;
  readonly message: string;
  readonly evidence?: readonly Evidence[];
}

/** What came of a commit. */
export interface CommitStatus {
  readonly commit: string;
  readonly subject: string;
  readonly author: string;
  readonly seenAt: string;
  readonly state: 'Accepted' | 'InProgress' | 'Live' | 'Proven' | 'RolledBack' | 'Refused' | 'Superseded' | 'NoChange';
  readonly why: string;
}

export interface SourceStatus {
  /** With credentials taken out. */
  readonly repository: string;
  readonly ref: string;
  readonly path: string;
  readonly acceptedCommit?: string;
  readonly headCommit?: string;
  readonly lastLookAt?: string;
  readonly condition: Condition;
}

export interface Status {
  readonly version: string;
  readonly startedAt: string;
  readonly now: string;
  /** The engine has acknowledged the last snapshot, and all that should serve has once been ready in it, or has failed. */
  readonly ready: boolean;
  readonly source: SourceStatus;
  readonly environment: string;
  readonly engine: {
    readonly connected: boolean;
    readonly epoch?: string;
    readonly generation: number;
    readonly sandbox: string;
  };
  readonly entries: readonly EntryStatus[];
  readonly commits: readonly CommitStatus[];
  readonly diagnostics: readonly Diagnostic[];
  readonly timeline: readonly TimelineEvent[];
}
