import type { EntryKey, ExportRef } from './component.ts';
import type { CapabilityCeiling } from './desired.ts';
import type { StickyBy } from './rollout.ts';
import type { HeaderMatch, Match } from './route.ts';

/** `namespace/name@revision`: the replicas of one cell content. Several releases may share one group. */
export type GroupId = `${EntryKey}@${string}`;

export function groupId(entry: EntryKey, revision: string): GroupId {
  return `${entry}@${revision}`;
}

export function entryOfGroup(group: GroupId): EntryKey {
  return group.slice(0, group.lastIndexOf('@')) as EntryKey;
}

/** One side of a rule: a release, the group of cells that answers for it, and its share of the requests in percent. */
export interface Arm {
  readonly release: string;
  readonly group: GroupId;
  /** 0 to 100; the weights of a rule's arms add up to 100. An arm of weight 0 takes what names it and nothing else. */
  readonly weight: number;
  /** Requests with any one of these headers are its own, whatever the weights. */
  readonly headers?: readonly HeaderMatch[];
  /** Percent of the safe requests to the other arms of which it gets a copy, 1 to 100. Its answers are dropped. */
  readonly mirror?: number;
  /** What reaches outside in those copies is not denied, because the Route says so; absent: it is. */
  readonly mirroredWrites?: 'Allow';
  /** Statuses of the guest that count as failures, as in `gate.errors.statuses`; absent: every 5xx. */
  readonly failureStatuses?: readonly string[];
  /**
   * The exported function that answers, by the rules of this release; absent: its HTTP handler. Of the arm and not of the
   * rule, because a commit can change both the component and what a match calls: then two functions share one match.
   */
  readonly export?: ExportRef;
}

export interface SnapshotRule {
  readonly match: Match;
  /** `namespace/name` of the Route document, for messages and metrics. */
  readonly route: string;
  readonly entry: EntryKey;
  readonly requestTimeoutMs: number;
  readonly requestBodyBytes: number;
  readonly responseBodyBytes: number;
  /** Of a request and of a response. Absent: `DEFAULT_HEADERS`. */
  readonly headers?: number;
  readonly stickyBy?: StickyBy;
  /**
   * How many requests may wait while the one instance is busy, away, or being replaced by another. Absent: a request
   * waits only for room, never for a replica.
   */
  readonly mailbox?: number;
  /** Empty: nothing can answer; `unavailable` says why. */
  readonly arms: readonly Arm[];
  /** The body of the 503 where `arms` is empty: first deployment never ready, and the like. */
  readonly unavailable?: { readonly reason: string; readonly message: string };
}

/** How the cells of others reach an entry: a rule without a match. */
export interface RemoteTarget {
  readonly entry: EntryKey;
  readonly requestTimeoutMs: number;
  readonly requestBodyBytes: number;
  readonly responseBodyBytes: number;
  /** Absent: `DEFAULT_HEADERS`. */
  readonly headers?: number;
  readonly mailbox?: number;
  /** By weight, for whoever is not paired; empty: nothing serves it. */
  readonly arms: readonly Arm[];
  /** Which release those cells meet that walk in lock-step with the entry. */
  readonly pairs?: readonly { readonly from: GroupId; readonly arm: Arm }[];
}

/** A candidate without traffic, reached by people who name it. Its requests are counted apart and judged by nobody. */
export interface Preview {
  readonly release: string;
  /** `<release12>--<name>`, one label of a host name. */
  readonly label: string;
  /** A whole host name besides, which means something only below the host's preview domain. */
  readonly hostname?: string;
  /** Its own rules, as they would be after the switch. */
  readonly rules: readonly SnapshotRule[];
}

/** Who may use previews. The host's to say, not the repository's: control adds it on the way to the engine. */
export interface PreviewAccess {
  /** `<label>.<domain>`. */
  readonly domain?: string;
  /** `x-headway-preview: <release12>`. */
  readonly header: boolean;
}

/** What a Policy allows at most, for everything that runs in its namespaces. Judged at each call. */
export interface Ceilings {
  readonly policy: string;
  /** `*` is every namespace. */
  readonly namespaces: readonly string[];
  readonly enforcement: 'Enforce' | 'Audit';
  readonly capabilities: readonly CapabilityCeiling[];
}

/** All that the broker has to know beyond the grants of each cell, which are part of its revision. */
export interface GrantsInForce {
  readonly ceilings: readonly Ceilings[];
  /** Whose traffic each group has, for the audit. */
  readonly groups: readonly { readonly group: GroupId; readonly release: string; readonly commit: string }[];
}

/** All that the ingress knows of the world. Replaced as a whole; a request keeps the one that it started with. */
export interface Snapshot {
  readonly generation: number;
  readonly commit: string;
  /** In order of precedence: the first rule that matches takes the request. */
  readonly rules: readonly SnapshotRule[];
  /** Send `x-headway-release` with each response. */
  readonly releaseHeader: boolean;
  readonly previews?: readonly Preview[];
  /** Absent: no cell calls another. */
  readonly remotes?: readonly RemoteTarget[];
  /** Absent: no Policy restricts anything, and no group is named. */
  readonly grants?: GrantsInForce;
  /** Of a daemon with several roots: the generation of each root's own part. Absent: there is one. */
  readonly parts?: { readonly [root: string]: number };
  /** Absent: nobody may. */
  readonly previewAccess?: PreviewAccess;
  /** Of one engine among several: entries whose cells the first engine alone has. Absent: this one has all. */
  readonly elsewhere?: readonly EntryKey[];
}
