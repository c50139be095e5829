/**
 * Preparations: started by decide, run beside the loop and reported by state: first the bytes, then the bundle, each at
 * most a few at a time, so that a server that hangs keeps nobody waiting whose bytes are here. Also what the local disk
 * has, which is what a start without network is made from.
 */
import type { Digest } from '../kit/digest.ts';
import type { EntryKey, Member } from '../model/component.ts';
import type { CellPlan } from '../model/decision.ts';
import type { Bundle, CellSpec } from '../model/engine.ts';
import { localKey, type Preparation } from '../model/observed.ts';
import { problem, type Problem } from '../model/problem.ts';
import { stateFault } from '../model/state.ts';
import type { GroupId } from '../model/snapshot.ts';
import { ok, type Result } from '../kit/result.ts';
import { blockingLinksOf, boundLinksOf, providersFirst, unfitLinkOf } from './linking.ts';
import { openedMember, type OpenedMember } from './opened.ts';
import type { ArtifactPort, ComponentPort, SecretPort, ShapePort, SupplyPort } from './ports.ts';

export const MAX_PREPARATIONS_AT_ONCE = 2;
/** Of servers; each may hold an artifact in memory until it is verified. */
export const MAX_FETCHES_AT_ONCE = 8;

export interface Bundles {
  readonly preparations: ReadonlyMap<GroupId, Preparation>;
  readonly local: ReadonlySet<string>;
  /** Of `local`: where the bundle is one of the present toolchain. */
  readonly current: ReadonlySet<string>;
  prepare(group: GroupId, members: readonly Member[]): void;
  /** Asks the disk about the members of one cell that were not asked about yet. */
  learn(members: readonly Member[]): Promise<void>;
  /** Drops what nobody waits for: failures that were decided on, results of candidates that are gone. */
  settle(wanted: ReadonlySet<GroupId>): void;
  cellOf(plan: CellPlan): Promise<Result<CellSpec, Problem>>;
  /** Ends what is being fetched. */
  stop(): void;
}

export function createBundles(
  ports: {
    readonly supply: SupplyPort;
    readonly components: ComponentPort;
    /** Absent: links are not held against types here. */
    readonly shapes?: ShapePort;
    readonly artifacts?: Pick<ArtifactPort, 'read'>;
    readonly secrets?: SecretPort;
  },
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
    const made = new Map<EntryKey, Bundle>();
    for (const member of providersFirst(members)) {
      const prepared = await ports.components.prepare(member, blockingLinksOf(member, made));
      if (!prepared.ok) return { state: 'Failed', problem: prepared.error };
      const fault = stateFault(member, prepared.value.exports);
      if (fault) return { state: 'Failed', problem: problem('HW1133', fault.message, { remedy: fault.remedy }) };
      made.set(member.key, prepared.value);
      note(member, prepared.value);
    }
    // Only whether they can be: what serves goes on where they cannot.
    const opened = await openAll(members);
    if (!opened.ok) return { state: 'Failed', problem: opened.error };
    const unfit = await unfitLink(members);
    return unfit ? { state: 'Failed', problem: unfit } : { state: 'Prepared' };
  }

  async function openAll(members: readonly Member[]): Promise<Result<readonly OpenedMember[], Problem>> {
    const opened: OpenedMember[] = [];
    for (const member of members) {
      const one = await openedMember(member, ports.secrets);
      if (!one.ok) return one;
      opened.push(one.value);
    }
    return ok(opened);
  }

  /** Types were looked at when the commit was read, as far as the bytes were here by then; now they all are. */
  async function unfitLink(members: readonly Member[]): Promise<Problem | undefined> {
    if (members.length === 1 || !ports.shapes || !ports.artifacts) return undefined;
    const { artifacts } = ports;
    const wanted = members.map(({ artifact }) => artifact);
    return unfitLinkOf(members, await ports.shapes.shapes(wanted, (artifact) => artifacts.read(artifact)));
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

  async function bundleOf(member: Member, blockingLinks: readonly string[]): Promise<Result<Bundle, Problem>> {
    const cached = await ports.components.cached(member.artifact, member.limits.memoryBytes, blockingLinks);
    return cached ? ok(cached) : ports.components.prepare(member, blockingLinks);
  }

  /** All or none: what one member knows of another's bundle is part of its own. */
  async function pinnedOf(digests: readonly Digest[] | undefined): Promise<readonly Bundle[] | undefined> {
    const kept: Bundle[] = [];
    for (const digest of digests ?? []) {
      const bundle = await ports.components.pinned(digest);
      if (!bundle) return undefined;
      kept.push(bundle);
    }
    return kept;
  }

  async function bundlesOf(members: readonly Member[]): Promise<Result<ReadonlyMap<EntryKey, Bundle>, Problem>> {
    const made = new Map<EntryKey, Bundle>();
    for (const member of providersFirst(members)) {
      const bundle = await bundleOf(member, blockingLinksOf(member, made));
      if (!bundle.ok) return bundle;
      made.set(member.key, bundle.value);
    }
    return ok(made);
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
      if (members.every((member) => asked.has(localKey(member)) || local.has(localKey(member)))) return;
      const found = new Map<EntryKey, Bundle>();
      for (const member of providersFirst(members)) {
        asked.add(localKey(member));
        const { artifact, limits } = member;
        const cached = await ports.components.cached(artifact, limits.memoryBytes, blockingLinksOf(member, found));
        if (!cached) continue;
        found.set(member.key, cached);
        note(member, cached);
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
      const pinned = await pinnedOf(bundles);
      const made = pinned?.length === members.length ? undefined : await bundlesOf(members);
      if (made && !made.ok) {
        failed(made.error);
        return made;
      }
      const opened = await openAll(members);
      if (!opened.ok) {
        failed(opened.error);
        return opened;
      }
      const cell = members.map((member, index) => ({
        ...opened.value[index]!,
        bundle: made ? made.value.get(member.key)! : pinned![index]!,
      }));
      return ok({ ...plan, members: cell.map((item) => ({ ...item, ...boundLinksOf(item.member, cell) })) });
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
