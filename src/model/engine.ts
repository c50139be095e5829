import type { EntryKey, Isolation, Limits, Member, Probes, ProbeCall } from './component.ts';
import type { Digest } from '../kit/digest.ts';
import type { Edition } from './edition.ts';
import type { FiringObserved } from './firing.ts';
import type { DroppedDatagrams } from './datagrams.ts';
import type { LimitHits } from './limits.ts';
import type { Problem } from './problem.ts';
import type { ProcessorUse } from './processor.ts';
import type { GroupId } from './snapshot.ts';

/**
 * How the bindings of a component were made: `quiet` is jco's own without log calls, growing tables and dead code;
 * `stock` is jco's own; `fast` is ours.
 */
export type BindingTier = 'fast' | 'quiet' | 'stock';

/** One file of a bundle, as it lies in the content store. */
export interface BundleFile {
  /** `component.js`, `component.core.wasm`, … */
  readonly name: string;
  readonly digest: Digest;
  readonly bytes: number;
}

/** What prepare makes of a component: all that a cell needs to run it, by content. */
export interface Bundle {
  /** sha256 over the canonical form of everything below: the name under which it is cached. */
  readonly digest: Digest;
  readonly artifact: Digest;
  readonly tier: BindingTier;
  /** Why it is not `fast`; absent where it is, and in bundles of a time before reasons were kept. */
  readonly tierReason?: string;
  readonly files: readonly BundleFile[];
  /** Full names as the component spells them: `wasi:http/incoming-handler@0.2.3`. */
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  /** Exports that can reach an import which suspends; they are called through `promising`. */
  readonly blockingExports: readonly string[];
  /** Sum of the initial sizes that the component's memories declare. */
  readonly initialMemoryBytes: number;
  /** Each memory of one instance: what it starts with, and the maximum that preparation wrote into it. */
  readonly memories?: readonly { readonly initialBytes: number; readonly maximumBytes: number }[];
  /** Versions of every tool and policy that shaped the files. */
  readonly toolchain: string;
}

/** Which bundles a replica runs. */
export interface BundlesInUse {
  /** One per member, in their order. */
  readonly digests: readonly Digest[];
  /** Of the entry's own bundle. */
  readonly toolchain: string;
  /** Of the slowest bundle, with its reason. */
  readonly tier: BindingTier;
  readonly tierReason?: string | undefined;
}

/** One import of a member that another member of its cell serves. */
export interface BoundLink {
  /** As the member spells it: `shop:tax/rates@0.2.0`. */
  readonly import: string;
  /** Position of the provider among the members; 0 is the entry. */
  readonly member: number;
  /** The same interface as the provider spells it, perhaps of a later compatible version. */
  readonly export: string;
}

/** What a group of replicas runs: the whole content of a cell, and nothing about traffic. */
export interface CellSpec {
  readonly group: GroupId;
  readonly entry: EntryKey;
  readonly revision: string;
  /** The entry first, then everything that it links inline. */
  readonly members: readonly {
    readonly member: Member;
    readonly bundle: Bundle;
    readonly links?: readonly BoundLink[];
    /** Values of Secrets among `env` and `config`: in memory only, and hidden wherever the cell says them. */
    readonly secrets?: readonly string[];
  }[];
  readonly limits: Limits;
  readonly isolation: Isolation;
  readonly probes: Probes;
  readonly restartToken: string;
  /** The edition of the entry's own stores that it works on; absent: whichever is in use. */
  readonly edition?: Edition;
  /** It is kept without a process until somebody calls. Absent: it is started at once. */
  readonly parked?: true;
  /** Requests may come before it is ready, and wait for it as for one that a call has woken. */
  readonly awaited?: true;
  /** It is the first of another form of data: the entry's `migrate` is called before anything else. */
  readonly migrate?: Migration;
}

/** What a component is told of the data that it is to bring into its own form. */
export interface Migration {
  /** `spec.state.version` of whoever wrote it; absent: nobody said. */
  readonly from?: string;
  readonly timeoutMs: number;
}

export type ReplicaPhase =
  /** No process: it is started by the first call. */
  | 'Parked'
  /** The process is being assigned, compiled, instantiated. */
  | 'Starting'
  /** Instantiated; the readiness probe has not yet succeeded. */
  | 'Warming'
  /** May take traffic. */
  | 'Ready'
  /** Was ready; its liveness probe fails. Takes no new requests where another replica can. */
  | 'Unhealthy'
  /** Takes no new requests; ends when the last one in flight has, or at its deadline. */
  | 'Draining'
  /** Over. Kept in the observation until control has acknowledged it by `forget`. */
  | 'Ended';

export type ReplicaEnd =
  | 'Stopped'
  /** The process died: signal or exit code in the message. */
  | 'Crashed'
  /** Killed for its own limit: memory, processor, no answer to a cancel. */
  | 'LimitExceeded'
  /** It could not be assigned, compiled, instantiated or initialised. */
  | 'StartFailed'
  /** The readiness probe did not succeed before its deadline. */
  | 'NeverReady'
  /** The liveness probe failed `failureThreshold` times in a row. */
  | 'Unhealthy'
  /** The process that it shared ended, and it is not known to be why: no failure of its own. */
  | 'WithOthers';

export interface ReplicaObserved {
  /** Chosen by control, unique for ever: `namespace/name@revision#7`. Starting the same id twice is starting it once. */
  readonly id: string;
  readonly group: GroupId;
  readonly phase: ReplicaPhase;
  readonly restartToken: string;
  /** Milliseconds since it was asked for, and since it was first ready. */
  readonly ageMs: number;
  readonly readyForMs?: number;
  readonly inFlight: number;
  readonly pid?: number;
  readonly isolation?: 'Strict' | 'Process';
  /** So many cells are in its process, itself among them. Absent: the process is its own. */
  readonly sharedBy?: number;
  readonly effectiveInstancePolicy?: 'Pooled' | 'PerRequest' | 'Singleton';
  /** Why that is not what git says, or what of it is not proven. */
  readonly instancePolicyReason?: string;
  readonly bundles?: BundlesInUse;
  /** Absent: it was not measured. */
  readonly processor?: ProcessorUse;
  /** Why it is not ready, why it ended, or what it does that it may not. */
  readonly problem?: Problem;
  readonly end?: ReplicaEnd;
}

/** Upper bounds in microseconds of the latency buckets; the last bucket has none. Powers of √2 from 64 µs to about 95 s. */
export const LATENCY_BUCKETS_US: readonly number[] = Array.from({ length: 42 }, (_, index) =>
  Math.round(64 * 2 ** (index / 2)),
);

/** Counts since the engine's start; they only grow. */
export interface Counters {
  readonly requests: number;
  /** Made by the guest: a status that its gate counts (by default every 5xx), trap, deadline, limit, no response. */
  readonly failures: number;
  readonly status5xx: number;
  readonly traps: number;
  readonly deadlines: number;
  /** Those that are no failures. */
  readonly status4xx: number;
  /** The client went away first; not counted in `requests`. */
  readonly clientAborts: number;
  /** Not the guest's doing: queue full, no replica. Not counted in `requests`. */
  readonly overloads: number;
  /** One more than `LATENCY_BUCKETS_US`. */
  readonly latency: readonly number[];
}

/** What one release has answered. Probes are counted nowhere. */
export interface ReleaseSamples {
  readonly release: string;
  readonly group: GroupId;
  readonly traffic: Counters;
  readonly synthetic: Counters;
  /** Of people who looked at it before its switch: in no gate and in no run of failures. Absent: none yet. */
  readonly preview?: Counters;
  /** Of copies of other releases' requests: in no gate and in no run of failures. Absent: none yet. */
  readonly mirrored?: Counters;
  /** The present run of failures without a success between, real and synthetic together. */
  readonly consecutiveFailures: number;
  readonly inFlight: number;
}

/** Calls of one entry's cells to another's since the engine's start. */
export interface RemoteCount {
  readonly from: EntryKey;
  readonly to: EntryKey;
  readonly calls: number;
  /** Those without an answer of the function. */
  readonly failures: number;
}

/** How much a group of cells has to do. */
export interface GroupLoad {
  readonly group: GroupId;
  /** Calls in its cells and waiting for them, on average over the last second. */
  readonly inFlight: number;
  /** Since somebody called it last, or since it was first looked at. */
  readonly idleMs: number;
}

/**
 * `CatchingUp`: it serves nothing while others do, and is being given what they have. `Away`: it gives no answer; what is
 * said of it is what was seen last.
 */
export type EngineState = 'Serving' | 'CatchingUp' | 'Away';

/** One engine process of several, for people. */
export interface EngineMember {
  /** `1` is the first. */
  readonly name: string;
  readonly state: EngineState;
  readonly epoch: string;
  readonly generation: number;
  /** That it has answered since its start, of what it serves now. */
  readonly requests: number;
}

export interface EngineObserved {
  /** New with every engine process: counters and replicas of another epoch are gone. */
  readonly epoch: string;
  /** Of the snapshot that is in force; 0 before the first. */
  readonly generation: number;
  readonly replicas: readonly ReplicaObserved[];
  readonly samples: readonly ReleaseSamples[];
  /** Running and finished synthetic runs, by the id that control gave. */
  readonly syntheticRuns: readonly { readonly id: string; readonly sent: number; readonly done: boolean }[];
  /** Firings that run, and those that ended and that control has not acknowledged by `forgetFirings`. Absent: none. */
  readonly firings?: readonly FiringObserved[];
  /** Absent: none. */
  readonly remotes?: readonly RemoteCount[];
  /** Of the groups that the snapshot names. Absent: it does not measure. */
  readonly loads?: readonly GroupLoad[];
  /** Replicas that get no requests for a while because they failed while others did not. Absent: none. */
  readonly ejected?: readonly { readonly replica: string; readonly leftMs: number }[];
  /** Limits of entries that were hit since the engine's start. Absent: none. */
  readonly limitHits?: readonly LimitHits[];
  /** Datagrams of guests that went nowhere. Absent: none. */
  readonly droppedDatagrams?: readonly DroppedDatagrams[];
  /** What the machine offers: is `Strict` possible, and if not why. */
  readonly sandbox: {
    readonly strict: boolean;
    readonly why: string;
    /** What holds cells to their share of the processors. Absent: it is not known yet. */
    readonly processor?: string;
  };
  readonly poolReady: number;
  /** Where several engines are shown as one. Absent: there is one. */
  readonly engines?: readonly EngineMember[];
}

/** Requests that the runtime itself sends to a release, reported as synthetic. */
export interface SyntheticRun {
  readonly id: string;
  readonly release: string;
  readonly group: GroupId;
  readonly requests: number;
  readonly call: ProbeCall;
  readonly timeoutMs: number;
}
