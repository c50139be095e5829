import type { Digest } from '../kit/digest.ts';
import type { EntryKey } from './component.ts';
import type { DesiredEntry, EnvironmentSettings } from './desired.ts';
import type { DataOf, Edition } from './edition.ts';
import type { BundlesInUse, ReplicaEnd } from './engine.ts';
import type { Problem } from './problem.ts';
import type { ScaleMemory } from './scaling.ts';
import type { Ceilings, GroupId } from './snapshot.ts';
import type { ScheduleKey } from './schedule.ts';
import type { ScheduleMemory } from './schedule-memory.ts';
import type { CommitStatus, Condition, ConditionType, DecisionRecord, Evidence, Reason } from './status.ts';

/**
 * Everything that decide/ knows of the past: one JSON value, journalled before each effect.
 *
 * Every duration is measured on `clockMs`, the milliseconds that control has been running over all its lives: it is
 * journalled and resumed, so time that control was down counts for nothing. Fields that end in `WallMs` are wall clock
 * and serve the age of history and people only.
 */
export interface Memory {
  readonly version: 1;
  /** The form of the hashes in here (see decide/identity.ts). */
  readonly identity: 1;
  readonly clockMs: number;
  /** Monotonic time of the last decision; means nothing to another process, so `resume` takes it out. */
  readonly lastMonotonicMs?: number | undefined;
  /** Numbers that are given out once and never again, whatever is lost: replicas, synthetic runs. */
  readonly nextReplica: number;
  readonly nextRun: number;
  /** The engine process that the counters and replicas were last seen in. */
  readonly epoch?: string | undefined;
  /** The accepted commit, its environment, and the environment before it, which also judges what it introduced. */
  readonly commit?: string | undefined;
  readonly environment?: EnvironmentSettings | undefined;
  readonly judge?: EnvironmentSettings | undefined;
  /** A hash of each Policy of the accepted commit, so that the next commit can say which it changes. */
  readonly policies?: { readonly [policy: string]: string } | undefined;
  readonly snapshot: PublishedSnapshot;
  /** Of the Policies, in force for what runs; those of the accepted commit, unless a change of them is held. */
  readonly ceilings?: readonly Ceilings[] | undefined;
  /** The change of Policies that is held. */
  readonly revocation?: Revocation | undefined;
  readonly entries: { readonly [key: EntryKey]: EntryMemory };
  /** Schedules that something serves, or that still have a firing in flight. Absent: none. */
  readonly schedules?: { readonly [key: ScheduleKey]: ScheduleMemory } | undefined;
  /** Group attempts in which a member failed. Bounded. */
  readonly groupEnds: readonly { readonly attempt: string; readonly member: EntryKey; readonly why: string }[];
  /** Newest first. Bounded. */
  readonly commits: readonly CommitMemory[];
}

/** What the last snapshot said, so that a change is noticed and a restarted engine gets the same again. */
export interface PublishedSnapshot {
  readonly generation: number;
  /** sha256 of its rules. */
  readonly hash: string;
  readonly groups: readonly GroupId[];
  readonly commit: string;
}

/** A whole resolved release: it can be started from this and the local disk alone. Never changed once made. */
export interface Release {
  readonly release: string;
  readonly revision: string;
  /** The release without its secret versions: equal for two releases that differ in nothing else. */
  readonly secretless: string;
  /** The first accepted head that showed it. */
  readonly commit: string;
  readonly entry: DesiredEntry;
}

/** States before the switch; `Promoted` is `Serving.bake`. */
export type CandidateState =
  | 'Pending'
  | 'Fetching'
  | 'Verified'
  | 'Prepared'
  /** Singletons only: the mailbox is paused, what serves drains and ends. */
  | 'Handover'
  /** Another form of data: nothing of the entry runs, its stores are being copied. */
  | 'Copying'
  | 'Warming'
  | 'Ready'
  | 'Canary';

export interface Candidate {
  readonly release: Release;
  readonly attempt: string;
  readonly state: CandidateState;
  /** `clockMs` at which the state, or the step within `Canary`, began. */
  readonly sinceMs: number;
  /** From 1; 0 before `Canary`. */
  readonly step: number;
  /** Where to go on when it is ready: after an engine restart, or for a change of secret versions only. */
  readonly resumeStep?: number | undefined;
  /** The share it should have, 0 to 100. */
  readonly weight: number;
  /** `Rolling`: how many replicas it is to have by now; absent: all. */
  readonly replicas?: number | undefined;
  /** Of the stores, in the form that it brings them into; absent: it works on what is there. */
  readonly copy?: CopyMemory | undefined;
  /** The lock-step that it belongs to: its own key, or the name of its group. */
  readonly party: string;
  readonly trial: Trial;
}

/** A copy of an entry's own stores, taken for a release of another version. */
export interface CopyMemory {
  readonly edition: Edition;
  readonly stores: readonly string[];
  /** What it is a copy of; where nobody knew that, from when it is there. */
  readonly from?: DataOf;
  readonly isThere?: true;
  /** Why it could not be made. */
  readonly problem?: Problem;
  /** The replica that migrates it, started once. */
  readonly replica?: string | undefined;
  readonly isMigrated?: true;
}

/** An edition of an entry's own stores that may lie on the disk. */
export interface EditionMemory extends DataOf {
  readonly stores: readonly string[];
  /** What wrote to it was seen by visitors: it is set aside, and not removed, when nothing works on it. */
  readonly hasServed: boolean;
  readonly atWallMs: number;
  /** Its removal was ordered, on `clockMs`. */
  readonly triedAtMs?: number;
}

/** The release with the traffic. */
export interface Serving {
  readonly release: Release;
  readonly attempt: string;
  readonly sinceMs: number;
  readonly proven: boolean;
  readonly bake?: Bake | undefined;
  /** Its bake failed and nothing stands behind it: it serves on, and this says why it should not. */
  readonly degraded?: string | undefined;
}

export interface Bake {
  readonly sinceMs: number;
  readonly party: string;
  readonly trial: Trial;
  /**
   * `Watching`: clock and tests run. The others are over without proof, and only hard stops are left: `Preempted` by a
   * newer desired, `Unproven` for want of samples.
   */
  readonly state: 'Watching' | 'Preempted' | 'Unproven';
  /** Firings of this release that ended since its bake began. */
  readonly firings?: { readonly good: number; readonly failed: number } | undefined;
  /** Whether there was a release before it to go back to (its own or, for a moved match, another entry's). */
  readonly back: boolean;
}

/** The samples and tests of one attempt, carried from its first request to the end of its bake. */
export interface Trial {
  /** `clockMs` at which the attempt began: crashes before it are somebody else's. */
  readonly startedMs: number;
  /** Since the test began, after the warm-up: candidate and control (what served meanwhile). */
  readonly whole: ArmPair;
  /** Since the present step, or the bake, began. */
  readonly step: ArmPair;
  /** Fading counts, for "in the same window" and for an outage that is shared. */
  readonly recent: { readonly candidate: FadingCount; readonly control: FadingCount };
  /** Log-likelihood ratio of the carried test, and whether its pass boundary was reached once. */
  readonly errors: { readonly ratio: number; readonly passed: boolean };
  readonly warmUp: { readonly requests: number; readonly sinceMs?: number | undefined; readonly done: boolean };
  /** Synthetic requests: the run in the air, and how many were sent in this step. */
  readonly synthetic: { readonly run?: string | undefined; readonly sentInStep: number };
  readonly approvalSinceMs?: number | undefined;
  /** Of a bake: how long it had run when its look at the end failed by what only the past could be compared with. */
  readonly doubtedAfterMs?: number | undefined;
  readonly verdict: 'Pass' | 'Fail' | 'Continue';
  readonly evidence: readonly Evidence[];
}

export interface ArmPair {
  readonly candidate: Tally;
  readonly control: Tally;
}

export interface Tally {
  /** Real and synthetic together. */
  readonly requests: number;
  readonly failures: number;
  /** How many of `requests` the runtime itself sent. */
  readonly synthetic: number;
  /** Of real requests only. */
  readonly status4xx: number;
  /** Real requests by bucket of `LATENCY_BUCKETS_US`. */
  readonly latency: readonly number[];
}

/** Counts that halve every ten seconds. */
export interface FadingCount {
  readonly requests: number;
  readonly failures: number;
}

/** A bake failed, traffic went back; what it went back to is watched before the attempt is judged. */
export interface Judging {
  readonly release: Release;
  readonly attempt: string;
  readonly sinceMs: number;
  readonly why: string;
  readonly evidence: readonly Evidence[];
  readonly control: FadingCount;
}

/**
 * A rolling release on its way out: the attempt is over, and its share goes back as fast as what serves gets back the
 * replicas that it had given away.
 */
export interface Leaving {
  readonly release: Release;
  /** 1 to 100; never rises. */
  readonly weight: number;
  readonly sinceMs: number;
}

export type EndKind = 'Refused' | 'Waiting' | 'Inconclusive' | 'Failed';

/** How an attempt ended, and what releases it. */
export interface End {
  readonly kind: EndKind;
  readonly attempt: string;
  readonly release: string;
  readonly revision: string;
  readonly commit: string;
  readonly reason: Reason;
  readonly why: string;
  /** The edit (or the wait) that releases it, to be printed as it is. */
  readonly releasedBy: string;
  readonly evidence: readonly Evidence[];
  readonly atMs: number;
  readonly atWallMs: number;
  /** `Refused` and `Inconclusive`: what else releases it when it changes, as a hash. */
  readonly inputs?: string | undefined;
  /** `Waiting`: how often, and when again on `clockMs`. */
  readonly tries?: number | undefined;
  readonly retryAtMs?: number | undefined;
  /** It ended while this emergency was in force: the same words do not start it again. */
  readonly emergency?: string | undefined;
}

/** One line of the ledger: a release that finished its bake. */
export interface Proof {
  readonly release: Release;
  readonly commit: string;
  readonly provenAtWallMs: number;
  readonly evidence: readonly Evidence[];
  /** A revert took it out: it walks its steps again if it comes back. */
  readonly takenOut: boolean;
}

export interface ReplicaMemory {
  readonly id: string;
  readonly group: GroupId;
  /** Restart token and probes that it was started with. */
  readonly token: string;
  readonly stopping: boolean;
  /** It was asked for without a process, and has not been seen ready since. */
  readonly parked?: true;
  /** It used more of the processor than it may: it is replaced, and that was counted as a failure. */
  readonly recycled?: true;
  /** Nothing of its entry may run beside it until it has ended. */
  readonly isSingleton?: true;
}

export interface ReplicaFailure {
  readonly group: GroupId;
  readonly atMs: number;
  readonly end: ReplicaEnd;
  readonly message: string;
  /** Of the problem that it ended with. */
  readonly remedy?: string | undefined;
  /** Not its own doing: no capacity, no sandbox. */
  readonly waiting: boolean;
}

/** Counters as last seen, per release, so that each sample is counted once even over a restart of control. */
export interface SeenCounters {
  readonly requests: number;
  readonly failures: number;
  readonly status4xx: number;
  readonly syntheticRequests: number;
  readonly syntheticFailures: number;
  readonly latency: readonly number[];
}

/** The bundles that a group of cells was last ready with: its cells can be started from them, whatever the toolchain is. */
export interface PinnedBundles extends BundlesInUse {
  /** Of the toolchain before, for a daemon that goes back to it. */
  readonly before?: readonly Digest[] | undefined;
  /** Under this toolchain the cells were not ready: they start from the pinned bundles while it is the present one. */
  readonly regression?: { readonly toolchain: string; readonly why: string } | undefined;
  /** Bundles of the present toolchain are being prepared. */
  readonly renewing?: boolean | undefined;
  /** Not to be asked for before, on `clockMs`: something outside was in the way. */
  readonly renewAtMs?: number | undefined;
}

/** What was used of a grant: what a ceiling has to hold for it, and when last, to some minutes. */
export interface UsedGrant {
  readonly capability: string;
  readonly needs: { readonly [field: string]: string };
  readonly lastWallMs: number;
}

/** A change of Policies that would take from many what they use. */
export interface Revocation {
  /** Names the exact set and the exact change. */
  readonly hash: string;
  readonly why: string;
  readonly entries: readonly EntryKey[];
  /** The line that lets it through. */
  readonly release: string;
}

export interface EntryMemory {
  /** Its last valid form. */
  readonly desired?: DesiredEntry | undefined;
  /** The attempt that git asks for and the first accepted head that showed it. */
  readonly shown?: { readonly attempt: string; readonly release: string; readonly commit: string } | undefined;
  readonly candidate?: Candidate | undefined;
  readonly leaving?: Leaving | undefined;
  readonly serving?: Serving | undefined;
  /** Kept running to go back to, nearest first: what served before, then the last proven. At most two. */
  readonly warm: readonly Release[];
  readonly judging?: Judging | undefined;
  /** Newest first. */
  readonly ledger: readonly Proof[];
  /** Newest first, one per attempt. */
  readonly ends: readonly End[];
  /** `clockMs` of each rollback, newest last. */
  readonly rollbacks: readonly number[];
  readonly preemptions: number;
  readonly replicas: readonly ReplicaMemory[];
  readonly failures: readonly ReplicaFailure[];
  /** Absent: their number is fixed. */
  readonly scale?: ScaleMemory | undefined;
  readonly counters: { readonly [release: string]: SeenCounters };
  /** Bounded; the one noted last is last. */
  readonly uses?: readonly UsedGrant[] | undefined;
  /** What it asked for and was denied, as it would have to be granted. Bounded, too. */
  readonly denied?: readonly UsedGrant[] | undefined;
  /** Which data each release in use works on, by revision. Absent, as the four below: it never had more than one edition. */
  readonly data?: { readonly [revision: string]: DataOf } | undefined;
  /** Of what served last. */
  readonly left?: DataOf | undefined;
  readonly editions?: readonly EditionMemory[] | undefined;
  /** The edition that the broker was last told is in use. */
  readonly named?: { readonly edition: Edition; readonly triedAtMs: number; readonly isDone?: true } | undefined;
  /** What served was stopped for a migration: requests wait until something serves. */
  readonly paused?: true | undefined;
  /** Of every group in use: serving, candidate, warm, ledger. Absent in memories of a time before they were kept. */
  readonly bundles?: { readonly [group: GroupId]: PinnedBundles } | undefined;
  readonly conditions: { readonly [type in ConditionType]?: Pick<Condition, 'status' | 'reason' | 'since'> };
  readonly decision?: DecisionRecord | undefined;
  /** A failure was answered by going back in git: shown as `Reverted` until the next release. */
  readonly reverted: boolean;
  /** The first accepted head that did not have it any more; absent while git has it. */
  readonly deletedIn?: string | undefined;
  readonly deletedAtWallMs?: number | undefined;
}

export interface CommitMemory {
  readonly commit: string;
  readonly subject: string;
  readonly author: string;
  readonly seenAtWallMs: number;
  readonly state: CommitStatus['state'];
  readonly why: string;
  /** The attempts that this head showed first. */
  readonly attempts: readonly { readonly key: EntryKey; readonly attempt: string; readonly release: string }[];
  /** What else it changed of what runs, without another attempt. */
  readonly edits?: readonly CommitEdit[] | undefined;
  /** What it changed of the settings that hold for all (Environment, Policy), as sentences. */
  readonly settings?: readonly string[] | undefined;
  /** The first file of it that is invalid. */
  readonly invalid?: string | undefined;
}

/** A deletion, or fields that are in no attempt (`restartToken`, `scaling`) of an entry whose release stays. */
export interface CommitEdit {
  readonly key: EntryKey;
  readonly deleted: boolean;
  /** Names as in the manifest; empty for a deletion. */
  readonly fields: readonly string[];
}
