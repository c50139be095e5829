import type { EntryKey } from './component.ts';
import type { BindingTier, EngineMember } from './engine.ts';
import type { FiringOutcome } from './firing.ts';
import type { DropReason } from './datagrams.ts';
import type { LimitName } from './limits.ts';
import type { ProcessorUse } from './processor.ts';
import type { ScheduleKey } from './schedule.ts';
import type { Diagnostic } from './diagnostic.ts';
import type { ReportStatus } from './report.ts';

/** `WithinLimits` is there while a limit was hit of late. */
export type ConditionType = 'Ready' | 'Reconciling' | 'Stalled' | 'Synced' | 'Healthy' | 'WithinLimits';

/** The closed list of reasons and what each says; a new one is added here and in docs/rollouts.md §6. */
export const REASONS = {
  InSync: 'what git says serves and is proven',
  Progressing: 'on its way: fetched, prepared, started, at a step, scaled or drained',
  Baking: 'it has all the traffic and has to hold until the end of its bake',
  Proven: 'it finished its bake and is in the ledger',
  RolledBack: 'it failed and the traffic went back; it is being judged, or was just now',
  Quarantined: 'this attempt failed by its own behaviour; only a change in git starts it again',
  Reverted: 'git went back to what serves after a failure',
  Inconclusive: 'it could not be decided in time: parked, not failed',
  AwaitingApproval: 'a step has passed and waits for an approval in git',
  Waiting: 'something outside is missing; tried again without git',
  SharedOutage: 'candidate and serving fail alike: nobody is blamed',
  Slot: 'as many candidates are being prepared as may be at once',
  Refused: 'it must not start: schema, admission, digest or signature',
  PolicyExceeded: 'it asks for more than a Policy allows',
  Suspended: '`spec.suspend` is true',
  InvalidManifest: 'its document is invalid; the last valid form stays in force',
  SourceUnavailable: 'git cannot be read; the last good state serves on',
  NonFastForward: 'the head does not follow from the accepted commit',
  Unsigned: 'the commit is not signed as the trust settings ask',
  PruneHeld: 'more would be deleted than the guard lets through unconfirmed',
  RevocationHeld: 'Policies would take away what many components use; held until it is confirmed',
  BreakerOpen: 'too many rollbacks within the window; it closes by time',
  FreezeWindow: 'a freeze window is open',
  Starved: 'newer commits took the place of three attempts in a row before one was promoted',
  GroupRolledBack: 'another member of its group failed',
  Bootstrapped: 'the journal was lost; this began from its copy, or from git alone',
  FirstDeployment: 'nothing served before it',
  Degraded: 'it serves, and something about it is wrong',
  LimitsHit: 'limits were hit within the last minutes; the message names them, how often, and what to do',
  ToolchainRegression: 'it did not become ready under the new bindings and runs under the old ones',
  Unreferenced: 'nothing points at it, so nothing runs',
  FiringFailed:
    'a firing of a schedule did not end well; told at the first in a row, and each time that their number has doubled',
  FiringMissed: 'firings of a schedule were missed, skipped or lost; the next one comes at its time',
} as const;

export type Reason = keyof typeof REASONS;

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
    | 'Handover'
    | 'Copying'
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
  /** The whole host name besides, where its strategy names one. */
  readonly previewHostname?: string;
  readonly weight: number;
  /** Headers whose requests it gets in this step, as `name: value`. */
  readonly headers?: readonly string[];
  /** Percent of the safe requests to what serves of which it gets a copy in this step. */
  readonly mirror?: number;
  /** Whole milliseconds. */
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

/** How many replicas of what serves there are, and how many its load asks for. */
export interface ScalingStatus {
  readonly min: number;
  readonly max: number;
  readonly wanted: number;
  readonly ready: number;
  /** Without a process: the first call starts them. */
  readonly parked: number;
  /** Calls in its cells and waiting for them, on average over a second. */
  readonly inFlight: number;
}

/** One kind of use, in the fields that a grant of it would have. */
export interface UseStatus {
  readonly capability: string;
  readonly needs: { readonly [field: string]: string };
  readonly lastAt: string;
}

export interface ReplicaStatus {
  readonly id: string;
  readonly release: string;
  readonly phase: string;
  /** The sandbox that it runs in, `Shared (…)` where other cells may be in its process. */
  readonly isolation?: string;
  /** Who asked for that, or what was found out about the machine. */
  readonly isolationWhy?: string;
  /** So many cells are in its process now, itself among them. Absent: it has one of its own. */
  readonly sharedBy?: number;
  readonly instancePolicy?: string;
  /** Why it is not what git says, or what of it is not proven. */
  readonly instancePolicyReason?: string;
  readonly tier?: BindingTier;
  readonly tierReason?: string;
  readonly pid?: number;
  readonly inFlight: number;
  /** It fails while others of its release do not: no requests for so many milliseconds. Absent: it gets its share. */
  readonly ejectedForMs?: number;
  /** Absent: it was not measured. */
  readonly processor?: ProcessorUse;
  readonly message?: string;
}

/** One schedule of an entry: when it fired last, when next, and how it has been. */
export interface ScheduleStatus {
  readonly schedule: ScheduleKey;
  readonly expression: string;
  readonly timeZone: string;
  readonly concurrencyPolicy: string;
  readonly suspended: boolean;
  /** Wall clock, ISO 8601. Absent: never, or suspended. */
  readonly next?: string;
  /** Its time has come and it waits. */
  readonly due?: { readonly nominal: string; readonly why: string };
  readonly running: readonly { readonly nominal: string; readonly started: string; readonly release: string }[];
  /** Newest first. */
  readonly ended: readonly {
    readonly nominal: string;
    readonly started?: string;
    readonly elapsedMs?: number;
    readonly release?: string;
    readonly outcome: FiringOutcome;
    /** Of the table of codes; absent where it went well. */
    readonly code?: string;
    readonly exitCode?: number;
    readonly why: string;
  }[];
  /** Since this schedule was first served. */
  readonly counts: { readonly [outcome in FiringOutcome]?: number };
}

export interface RemoteStatus {
  /** What the cells of what serves (else of the candidate) call, with the counts since the engine's start. */
  readonly calls: readonly { readonly entry: EntryKey; readonly calls: number; readonly failures: number }[];
  /** Entries whose cells call this one. */
  readonly callers: readonly EntryKey[];
}

export interface LimitStatus {
  readonly limit: LimitName;
  readonly hits: number;
  /** Wall clock, ISO 8601. */
  readonly lastAt: string;
  /** Lost by it. Absent: it is not about bytes. */
  readonly bytes?: number;
  readonly fix: string;
}

/** An edition of the stores of an entry; the first is the empty text. */
export interface EditionStatus {
  readonly edition: string;
  readonly version?: string;
  readonly stores: readonly string[];
}

export interface StateStatus extends EditionStatus {
  /** What can be gone back to, while the release that serves is in its bake. */
  readonly kept?: EditionStatus;
  /** What nothing works on any more, newest first: the data before a migration, or what was written before a rollback. */
  readonly aside: readonly EditionStatus[];
}

export interface EntryStatus extends OfRoot {
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
  /** Absent: their number is fixed, or nothing serves. */
  readonly scaling?: ScalingStatus;
  /** Limits that were hit since the engine's start, with what to do about each. Absent: none. */
  readonly limits?: readonly LimitStatus[];
  /** Datagrams that went nowhere since the engine's start. Absent: none. */
  readonly droppedDatagrams?: { readonly [reason in DropReason]?: number };
  /** How the bindings of what serves (else of the candidate) were made, why they are not `fast`, and with which tools. */
  readonly tier?: BindingTier;
  readonly tierReason?: string;
  readonly toolchain?: string;
  /** What it used of its grants within a day, and when last, to some minutes. */
  readonly uses?: readonly UseStatus[];
  /** What it was denied within a day, and has not used. */
  readonly denied?: readonly UseStatus[];
  /** The form of its data, where it has one: which edition of its stores is in use, and which others are there. */
  readonly state?: StateStatus;
  /** Absent: none. */
  readonly schedules?: readonly ScheduleStatus[];
  /** Exported functions that the routes of what serves call, as `interface#function`; absent: none. */
  readonly calls?: readonly string[];
  /** Calls to and from other entries' cells. Absent: none. */
  readonly remote?: RemoteStatus;
  readonly decision?: DecisionRecord;
}

/** One line of history, for people: what happened, to what, because of which commit, and why. */
export interface TimelineEvent extends OfRoot {
  /** Of several roots: unique within its own. */
  readonly id: number;
  /** Wall clock, ISO 8601. */
  readonly at: string;
  readonly reconcileId: string;
  readonly commit: string;
  /** Who wrote the commit, as git has it; absent where that is not known. */
  readonly author?: string;
  readonly entry?: EntryKey;
  readonly reason: Reason;
  readonly message: string;
  readonly evidence?: readonly Evidence[];
}

/** What came of a commit. */
export interface CommitStatus extends OfRoot {
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
  /** By whose settings commits are judged: those of `runtime.yaml`, or of the accepted commit. Absent: everybody's are followed. */
  readonly trust?: { readonly by: 'Host' | 'Environment'; readonly mode: 'Off' | 'Head' | 'All' };
  readonly condition: Condition;
}

/** One of several repositories of a daemon. */
export interface RootStatus {
  readonly name: string;
  readonly namespaces: readonly string[];
  /** As `Status.ready`, for what this root has. */
  readonly ready: boolean;
  readonly source: SourceStatus;
  readonly environment: string;
  readonly revocation?: Status['revocation'];
}

/** Said by which of several roots. */
export interface OfRoot {
  /** Absent: there is one. */
  readonly root?: string;
}

export interface Status {
  readonly version: string;
  readonly startedAt: string;
  readonly now: string;
  /** The engine has acknowledged the last snapshot, and all that should serve has once been ready in it, or has failed. */
  readonly ready: boolean;
  /** Of several roots: of the first that is not in order, else of the first. */
  readonly source: SourceStatus;
  readonly environment: string;
  /** In the order of `runtime.yaml`. Absent: there is one. */
  readonly roots?: readonly RootStatus[];
  /** A change of Policies that is not in force, because it would take from many what they use. */
  readonly revocation?: { readonly hash: string; readonly why: string; readonly release: string };
  readonly engine: {
    readonly connected: boolean;
    readonly epoch?: string;
    readonly generation: number;
    readonly sandbox: string;
    /** What holds cells to their share of the processors; absent where that is not known. */
    readonly processor?: string;
    /** The processes, where several are shown as one. Absent: there is one. */
    readonly engines?: readonly EngineMember[];
    /** Roots that have to say what they serve before anything is published. Absent: none. */
    readonly waitingFor?: readonly string[];
  };
  readonly entries: readonly EntryStatus[];
  readonly commits: readonly CommitStatus[];
  readonly diagnostics: readonly (Diagnostic & OfRoot)[];
  /** How what is told outside gets there; absent where runtime.yaml sets nothing up and nothing is asked for. */
  readonly report?: ReportStatus;
  readonly timeline: readonly TimelineEvent[];
}
