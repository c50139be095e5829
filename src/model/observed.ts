import type { Result } from '../kit/result.ts';
import type { AccessRecord } from './audit.ts';
import type { Member } from './component.ts';
import type { StoreOrder, StoresDone } from './edition.ts';
import type { EngineObserved } from './engine.ts';
import type { Problem } from './problem.ts';
import type { GroupId } from './snapshot.ts';

/** How far a preparation that this process started has come. */
export type Preparation =
  | { readonly state: 'Fetching' | 'Verified' | 'Prepared' }
  | { readonly state: 'Failed'; readonly problem: Problem };

/** What a bundle is made from: the artifact, and the memory limit that is written into it. */
export function localKey(member: Pick<Member, 'artifact' | 'limits'>): string {
  return `${member.artifact} ${member.limits.memoryBytes}`;
}

/** An order about stores, and what came of it. */
export interface StoresOutcome {
  readonly order: StoreOrder;
  readonly result: Result<StoresDone, Problem>;
}

/** A commit as people know it. */
export interface CommitSeen {
  readonly commit: string;
  readonly subject: string;
  readonly author: string;
}

/** The live world, looked at once, as plain data. */
export interface Observed {
  /** Absent while the link to the engine is down: nothing is known, so nothing is judged. */
  readonly engine?: EngineObserved | undefined;
  readonly preparations: ReadonlyMap<GroupId, Preparation>;
  /** `localKey` of each member whose bundle lies on the local disk. */
  readonly local: ReadonlySet<string>;
  /** Versions of the tools that prepare here and now. */
  readonly toolchain?: string | undefined;
  /** `localKey` of each member whose bundle of that toolchain lies on the local disk. */
  readonly current?: ReadonlySet<string> | undefined;
  /** Starts that the engine did not take, since the last decision. */
  readonly refusedStarts: readonly { readonly replica: string; readonly problem: Problem }[];
  /** What came of orders about stores, since the last decision. */
  readonly stores?: readonly StoresOutcome[] | undefined;
  /** Uses of grants since the last decision. */
  readonly uses?: readonly AccessRecord[] | undefined;
  /** The accepted head first, then the heads that it passed over since the one accepted before. */
  readonly commits: readonly CommitSeen[];
}
