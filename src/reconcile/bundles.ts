/**
 * Preparations: started by decide, run beside the loop and reported by state: first the bytes, then the bundle, each at
 * most a few at a time, so that a server that hangs keeps nobody waiting whose bytes are here. Also what the local disk
 * has, which is what a start without network is made from.
 */
import type { Digest } from '../kit/digest.ts';
import type { Member } from '../model/component.ts';
import type { CellPlan } from '../model/decision.ts';
import type { Bundle, CellSpec } from '../model/engine.ts';
import { localKey, type Preparation } from '../model/observed.ts';
import type { Problem } from '../model/problem.ts';
import type { GroupId } from '../model/snapshot.ts';
import { err, ok, type Result } from '../kit/result.ts';
import type { ComponentPort, SupplyPort } from './ports.ts';

export const MAX_PREPARATIONS_AT_ONCE = 2;
/** Of servers; each may hold an artifact in memory until it is verified. */
export const MAX_FETCHES_AT_ONCE = 8;

export interface Bundles {
  readonly preparations: ReadonlyMap<GroupId, Preparation>;
  readonly local: ReadonlySet<string>;
  /** Of `local`: where the bundle is one of the present toolchain. */
  readonly current: ReadonlySet<string>;
  prepare(group: GroupId, members: readonly Member[]): void;
  /** Asks the disk about members that were not asked about yet. */
  learn(members: readonly Member[]): Promise<void>;
  /** Drops what nobody waits for: failures that were decided on, results of candidates that are gone. */
  settle(wanted: ReadonlySet<GroupId>): void;
  cellOf(plan: CellPlan): Promise<Result<CellSpec, Problem>>;
  /** Ends what is being fetched. */
  stop(): void;
}

export function createBundles(
  ports: { readonly supply: SupplyPort; readonly components: ComponentPort },
  changed: () => void,
  /** Told why a preparation failed. */
  failed: (problem: Problem) => void = () => undefined,
): Bundles {
  const preparations = new Map<GroupId, Preparation>();
  const local = new Set<string>();
  const current = new Set<string>();
  const asked = new Set<string>();
  const fetching = new Map<GroupId, AbortController>();
  const fetches = createQueue(MAX_FETCHES_AT_ONCE);
  const makings = createQueue(MAX_PREPARATIONS_AT_ONCE);

  async function run(group: GroupId, members: readonly Member[]): Promise<void> {
    const outcome = await prepareAll(members);
    // The candidate may be gone by now; whoever asks again finds the bundle in the cache.
    if (preparations.has(group)) preparations.set(group, outcome);
    if (outcome.state === 'Failed') failed(outcome.problem);
  }

  async function prepareAll(members: readonly Member[]): Promise<Preparation> {
    for (const member of members) {
      const prepared = await ports.components.prepare(member);
      if (!prepared.ok) return { state: 'Failed', problem: prepared.error };
      note(member, prepared.value);
    }
    return { state: 'Prepared' };
  }

  function note(member: Member, bundle: Bundle): void {
    local.add(localKey(member));
    if (bundle.toolchain === ports.components.toolchain) current.add(localKey(member));
  }

  async function fetchAll(members: readonly Member[], signal: AbortSignal): Promise<Problem | undefined> {
    for (const member of members) {
      const fetched = await ports.supply.fetch(member, signal);
      if (!fetched.ok) return fetched.error;
    }
    return undefined;
  }

  async function obtain(group: GroupId, members: readonly Member[], stop: AbortController): Promise<void> {
    if (stop.signal.aborted) return;
    const missing = await fetchAll(members, stop.signal);
    if (fetching.get(group) !== stop) return;
    fetching.delete(group);
    if (missing) {
      failed(missing);
      preparations.set(group, { state: 'Failed', problem: missing });
    } else {
      preparations.set(group, { state: 'Verified' });
      makings.add(async () => {
        if (preparations.has(group)) await run(group, members);
        changed();
      });
    }
    changed();
  }

  async function bundleOf(member: Member, pinned: Digest | undefined): Promise<Result<Bundle, Problem>> {
    const kept = pinned && (await ports.components.pinned(pinned));
    if (kept) return ok(kept);
    const cached = await ports.components.cached(member.artifact, member.limits.memoryBytes);
    return cached ? ok(cached) : ports.components.prepare(member);
  }

  return {
    preparations,
    local,
    current,
    prepare(group, members) {
      if (preparations.has(group)) return;
      const stop = new AbortController();
      preparations.set(group, { state: 'Fetching' });
      fetching.set(group, stop);
      fetches.add(() => obtain(group, members, stop));
    },
    async learn(members) {
      for (const member of members) {
        const key = localKey(member);
        if (asked.has(key) || local.has(key)) continue;
        asked.add(key);
        const cached = await ports.components.cached(member.artifact, member.limits.memoryBytes);
        if (cached) note(member, cached);
      }
    },
    settle(wanted) {
      for (const [group, preparation] of preparations) {
        if (preparation.state !== 'Failed' && wanted.has(group)) continue;
        preparations.delete(group);
        fetching.get(group)?.abort();
        fetching.delete(group);
      }
    },
    async cellOf({ members, bundles, ...plan }) {
      const made: { readonly member: Member; readonly bundle: Bundle }[] = [];
      for (const [index, member] of members.entries()) {
        const bundle = await bundleOf(member, bundles?.[index]);
        if (!bundle.ok) {
          failed(bundle.error);
          return err(bundle.error);
        }
        made.push({ member, bundle: bundle.value });
      }
      return ok({ ...plan, members: made });
    },
    stop() {
      for (const stop of fetching.values()) stop.abort();
    },
  };
}

/** Runs what is added, in order, so many at a time. */
function createQueue(atOnce: number): { add(job: () => Promise<void>): void } {
  const waiting: (() => Promise<void>)[] = [];
  let running = 0;
  function next(): void {
    while (running < atOnce) {
      const job = waiting.shift();
      if (!job) return;
      running += 1;
      void job().finally(() => {
        running -= 1;
        next();
      });
    }
  }
  return {
    add(job) {
      waiting.push(job);
      next();
    },
  };
}
