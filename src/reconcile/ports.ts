import type { Digest } from '../kit/digest.ts';
import type { Json } from '../kit/json.ts';
import type { Result } from '../kit/result.ts';
import type { AccessPage, AccessRecord } from '../model/audit.ts';
import type { Member } from '../model/component.ts';
import type { Desired } from '../model/desired.ts';
import type { Bundle, CellSpec, EngineObserved, ReleaseSamples, SyntheticRun } from '../model/engine.ts';
import type { StoreOrder, StoresDone } from '../model/edition.ts';
import type { Folders } from '../manifest/folders.ts';
import type { FiringId, FiringOrder } from '../model/firing.ts';
import type { MemoryParts } from '../model/memory-parts.ts';
import type { SealedValue } from '../model/sealed.ts';
import type { Problem } from '../model/problem.ts';
import type { ChannelRef, Delivered, OutboxItem } from '../model/report.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Status, TimelineEvent } from '../model/status.ts';
import type { SignedBy, Signer } from '../model/trust.ts';
import type { ComponentShape, ShapeOf } from '../model/wit.ts';

export interface CommitInfo {
  readonly commit: string;
  readonly parents: readonly string[];
  readonly author: string;
  /** Committer time, milliseconds since the epoch. */
  readonly timeMs: number;
  readonly subject: string;
}

export interface TreeFile {
  /** Relative to the followed path, `/` between segments. */
  readonly path: string;
  readonly oid: string;
  readonly bytes: number;
}

/** What stands in the tree and is not a regular file: never followed, never read. */
export interface SkippedEntry {
  readonly path: string;
  readonly kind: 'Symlink' | 'Submodule' | 'UnreadableName' | 'OtherMode';
}

/** The mirror of the followed repository. Everything but `look` is local and works while the server is gone. */
export interface GitPort {
  /**
   * Asks the server where the ref stands and fetches what is new. The commit may be the same as before. `isHinted`: something is
   * likely to be new, so that the fetch is worth its price without a question before.
   */
  look(isHinted?: boolean): Promise<Result<{ readonly commit: string; readonly fetched: boolean }, Problem>>;
  isAncestor(ancestor: string, descendant: string): Promise<Result<boolean, Problem>>;
  commit(commit: string): Promise<Result<CommitInfo, Problem>>;
  /** Commits reachable from `head` and not from `base`, newest first, at most `limit`. */
  between(base: string, head: string, limit: number): Promise<Result<readonly CommitInfo[], Problem>>;
  /** Regular files under the followed path, sorted by path; links to manifests become findings. */
  files(commit: string): Promise<Result<readonly TreeFile[], Problem>>;
  /** The same of a base, which is relative to the followed path; paths are relative to the base. HW1150: not a base. */
  baseFiles(commit: string, base: string): Promise<Result<readonly TreeFile[], Problem>>;
  /** What `files` leaves out, for diagnostics. */
  skipped?(commit: string): Promise<Result<readonly SkippedEntry[], Problem>>;
  blobs(oids: readonly string[]): Promise<Result<ReadonlyMap<string, Uint8Array>, Problem>>;
  /** Commits reachable from `head` and not from `base` that change something below a folder of the followed path. */
  touching?(base: string, head: string, path: string): Promise<Result<readonly string[], Problem>>;
  /** Who signed which of the commits, by the keys of these signers alone; the others are not in it. */
  signatures?(
    commits: readonly string[],
    signers: readonly Signer[],
  ): Promise<Result<ReadonlyMap<string, SignedBy>, Problem>>;
  /** Gives disk space back where there is need; what the head or one of the commits reaches stays. */
  collect?(keep: ReadonlySet<string>): Promise<Result<void, Problem>>;
}

/** One YAML file of a commit. */
export interface ManifestFile {
  readonly path: string;
  /** Empty of a link. */
  readonly bytes: Uint8Array;
  /** A symbolic link, which is never followed: that it is there is a finding. */
  readonly isLink?: true;
  /** The base that it belongs to: its path begins with it. */
  readonly base?: string;
}

export interface ParsedFiles<Parsed = unknown> {
  readonly parsed: Parsed;
  readonly artifactPaths: readonly string[];
  /** Of folders that are mounted; absent: none. */
  readonly folderPaths?: readonly string[];
  readonly shaped?: ShapedArtifacts;
}

/**
 * Bytes to desired, in two halves so that artifacts can be hashed between them: `parse` runs in a disposable child with
 * a deadline (hostile YAML), `assemble` is pure. `Parsed` is plain data that only `manifest/` looks into.
 */
export interface ManifestPort<Parsed = unknown> {
  parse(files: readonly ManifestFile[]): Promise<Result<ParsedFiles<Parsed>, Problem>>;
  /** The bases that the documents ask for, relative to the followed path. */
  basesOf(parsed: Parsed, previous: Desired | undefined): Result<readonly string[], Problem>;
  /** What was parsed, and the files of its bases: as if they were one. */
  overlay(
    parsed: Parsed,
    files: readonly ManifestFile[],
    previous: Desired | undefined,
  ): Promise<Result<ParsedFiles<Parsed>, Problem>>;
  /**
   * `artifacts` holds the digest of each path that exists in the commit. `previous` is the last accepted desired state:
   * an invalid Environment or Policy leaves the previous one in force, and the rules of an invalid Route stay as they
   * were. (Invalid components are missing from `entries` and named in `invalid`: to keep them is row 1 of the table.)
   * `shapeOf` knows the types of the components that `shaped` named, `folders` the content of those that are mounted.
   */
  assemble(
    commit: string,
    parsed: Parsed,
    artifacts: ReadonlyMap<string, Digest>,
    previous?: Desired,
    shapeOf?: ShapeOf,
    folders?: Folders,
  ): Desired;
}

/** The artifacts whose types matter to what the documents say: called by an exported function, or linked. */
export interface ShapedArtifacts {
  /** Relative to the followed path. */
  readonly paths: readonly string[];
  /** Of artifacts from elsewhere. */
  readonly digests: readonly Digest[];
}

/** The types of components, read from their bytes in a disposable child. */
export interface ShapePort {
  /** One answer for each that is wanted. A problem with the policy `Retry` says nothing about the component. */
  shapes(
    wanted: readonly Digest[],
    read: (artifact: Digest) => Promise<Result<Uint8Array, Problem>>,
  ): Promise<ReadonlyMap<Digest, Result<ComponentShape, Problem>>>;
}

/** A value of a Secret in the clear, and where the cell gets it. */
export interface OpenedValue {
  readonly into: SealedValue['into'];
  readonly name: string;
  readonly value: string;
}

/** Opens values of Secrets in memory. A problem names the place, never a value. */
export interface SecretPort {
  open(sealed: readonly SealedValue[]): Promise<Result<readonly OpenedValue[], Problem>>;
}

/** The content store: bytes by sha256. */
export interface ArtifactPort {
  put(bytes: Uint8Array): Promise<Result<Digest, Problem>>;
  has(digest: Digest): Promise<boolean>;
  /** Reads and hashes again. */
  read(digest: Digest): Promise<Result<Uint8Array, Problem>>;
  /** Removes what is not in `keep`, oldest first, until the store is within its size. */
  collect(keep: ReadonlySet<Digest>): Promise<void>;
}

/** Brings artifacts that git does not hold into the content store. Only `fetch` uses the network. */
export interface SupplyPort {
  /** Does nothing where the store has all of it and what was to be signed was found to be. What is stored hashes to the digest in git. */
  fetch(
    member: Pick<Member, 'artifact' | 'source' | 'signatures'>,
    signal: AbortSignal,
  ): Promise<Result<void, Problem>>;
  /** All that the store keeps for the artifact: itself, and what an OCI manifest leads to. Local disk only. */
  parts(member: Pick<Member, 'artifact' | 'source'>): Promise<readonly Digest[]>;
  /** The component that the artifact is or, for an OCI manifest, leads to. Local disk only. */
  component(member: Pick<Member, 'artifact' | 'source'>): Promise<Result<Uint8Array, Problem>>;
}

/** admit → inspect → transpile → specialise → bundle, in a disposable child; cached by content and tool versions. */
export interface ComponentPort {
  /** Versions of all that shapes a bundle here and now. */
  readonly toolchain: string;
  /**
   * Where an earlier prepare made the bundle already, nothing but the local disk is touched. `blockingLinks`, sorted, are
   * functions of linked imports that can block: they are part of what is made, because such a call suspends.
   */
  prepare(member: Member, blockingLinks?: readonly string[]): Promise<Result<Bundle, Problem>>;
  /**
   * The bundle that an earlier prepare made, from local disk alone: of the present toolchain, else of the newest before
   * it. Memory limits are part of a bundle: without `memoryBytes` it is the newest for any limit,
   * and without `blockingLinks` for any.
   */
  cached(artifact: Digest, memoryBytes?: number, blockingLinks?: readonly string[]): Promise<Bundle | undefined>;
  /** The very bundle of this digest, from local disk alone; undefined where it or a file of it is away. */
  pinned(bundle: Digest): Promise<Bundle | undefined>;
  /** Forgets prepared bundles beyond the cap, never one whose artifact or bundle digest is in `keep`. */
  collect(keep: ReadonlySet<Digest>): Promise<void>;
}

/**
 * The engine, an own process that outlives control. Every call is idempotent, so that control can repeat it after a
 * restart of either.
 */
export interface EnginePort {
  observe(): Promise<Result<EngineObserved, Problem>>;
  /** Called when a replica changed its phase, an arm hit a run of failures, the link came or went: "look again". */
  onChange(listener: () => void): () => void;
  start(replica: string, cell: CellSpec): Promise<Result<void, Problem>>;
  /** Drains: no new requests, ends when idle or at the deadline. */
  stop(replica: string, deadlineMs: number): Promise<Result<void, Problem>>;
  /** Drops ended replicas from the observation. */
  forget(replicas: readonly string[]): Promise<Result<void, Problem>>;
  /** Resolves when the snapshot is in force. An older generation than the present one is refused. */
  publish(snapshot: Snapshot): Promise<Result<{ readonly generation: number }, Problem>>;
  /** Uses of grants after the one with that number. To ask is to say that those up to it are written down. */
  records(after: number): Promise<Result<AccessPage, Problem>>;
  /** Copies, removes or names editions of stores. May take long: an order that was given before is not carried out twice. */
  stores(order: StoreOrder): Promise<Result<StoresDone, Problem>>;
  synthesize(run: SyntheticRun): Promise<Result<void, Problem>>;
  /** Starts a firing; what comes of it is in `observe`, also that nothing took it. An id that it has is not started again. */
  fire(firing: FiringOrder): Promise<Result<void, Problem>>;
  /** Ends a firing that runs. */
  stopFiring(firing: FiringId): Promise<Result<void, Problem>>;
  /** Drops firings that ended from the observation. */
  forgetFirings(firings: readonly FiringId[]): Promise<Result<void, Problem>>;
  /** The snapshot in force and counts, for people; never decides anything. */
  samples(): Promise<Result<readonly ReleaseSamples[], Problem>>;
}

/** An engine that also tells which snapshot it has, so that a control which starts beside it can take over parts of it. */
export interface ServingEngine extends EnginePort {
  /** null before the first. */
  inForce(): Promise<Result<Snapshot | null, Problem>>;
}

/**
 * Where uses and denials of grants are written down. `record` returns when the records are durable; they are given once,
 * in order, and again where it failed.
 */
export interface AuditPort {
  record(records: readonly AccessRecord[]): Result<void, Problem>;
  /** So many uses were made and cannot be recorded any more; a record says so. */
  lost(count: number): Result<void, Problem>;
}

/** One durable step of the loop. `memory` is decide's own value; the journal does not look into its parts. */
export interface JournalStep {
  readonly reconcileId: string;
  /** All parts; those that are the very values of the step before are not written again. */
  readonly memory: MemoryParts;
  /** What is about to be done, so that a restart understands a half-done state. */
  readonly intents: readonly Json[];
  readonly events: readonly Omit<TimelineEvent, 'id'>[];
  /** Also write the copy that a lost journal starts from. A step with a `Proven` event always does. */
  readonly seed?: boolean;
}

/** Intent before effect, outcome after. `write` returns when the bytes are durable. Synchronous: SQLite is. */
export interface JournalPort {
  readonly bootstrapped: boolean;
  /** The parts of the last step; undefined before the first. */
  memory(): MemoryParts | undefined;
  /** The last accepted commit's desired state, so that a start needs neither git nor the manifest room. */
  desired(): Desired | undefined;
  writeDesired(desired: Desired): Result<void, Problem>;
  write(step: JournalStep): Result<void, Problem>;
  outcome(reconcileId: string, results: readonly Json[]): Result<void, Problem>;
  /** Newest first. */
  timeline(limit: number): readonly TimelineEvent[];
  close(): void;
}

/** Where the outbox of reports is kept: by parts, as the memory is, and written before anything is sent. */
export interface OutboxPort {
  /** The journal was lost: what was told before is not known. */
  readonly bootstrapped: boolean;
  /** Undefined before the first. */
  outbox(): MemoryParts | undefined;
  writeOutbox(parts: MemoryParts): Result<void, Problem>;
  /** The newest events of the timeline because of a commit, oldest first. */
  toldOf(commit: string, limit: number): readonly TimelineEvent[];
}

/** One way out: a forge, a web hook, notes. It never throws, and `signal` ends it. */
export interface ReportChannel extends ChannelRef {
  /** How many messages it takes at once. */
  readonly batch: number;
  /** One outcome per item, in their order. An item that is `unsure` may have arrived already. */
  deliver(items: readonly OutboxItem[], signal: AbortSignal): Promise<readonly Delivered[]>;
}

/** Read-only view of the loop for status, metrics and the page. */
export interface StatusSource {
  status(): Status;
  /** Called after every change; carries nothing. */
  onChange(listener: () => void): () => void;
}

/** Everything that the loop has of the world. */
export interface ReconcilerPorts {
  readonly git: GitPort;
  readonly manifest: ManifestPort;
  readonly artifacts: ArtifactPort;
  readonly supply: SupplyPort;
  readonly components: ComponentPort;
  /** Absent: nothing is checked by types. */
  readonly shapes?: ShapePort;
  /** Absent: what uses a Secret does not start. */
  readonly secrets?: SecretPort;
  readonly engine: EnginePort;
  readonly journal: JournalPort;
  /** Where uses of grants are written down; absent: nowhere yet. */
  readonly audit?: AuditPort;
}
