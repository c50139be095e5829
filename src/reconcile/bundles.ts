/**
 * Preparations: started by decide, run beside the loop, at most a few at a time, and reported by state. Also what the
 * local disk has, which is what a start without network is made from.
 */
import type { Digest } from '../kit/digest.ts';
import type { Member } from '../model/component.ts';
import type { CellPlan } from '../model/decision.ts';
import type { Bundle, CellSpec } from '../model/engine.ts';
import { localKey, type Preparation } from '../model/observed.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { GroupId } from '../model/snapshot.ts';
import { err, ok, type Result } from '../kit/result.ts';
import type { ArtifactPort, ComponentPort } from './ports.ts';

export const MAX_PREPARATIONS_AT_ONCE = 2;

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
}

export function createBundles(
  ports: { readonly artifacts: ArtifactPort; readonly components: ComponentPort },
  changed: () => void,
  /** Told why a preparation failed. */
  failed: (problem: Problem) => void = () => undefined,
): Bundles {
  const preparations = new Map<GroupId, Preparation>();
  const local = new Set<string>();
  const current = new Set<string>();
  const asked = new Set<string>();
  const queue: { readonly group: GroupId; readonly members: readonly Member[] }[] = [];
  let running = 0;

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

  async function verified(members: readonly Member[]): Promise<Problem | undefined> {
    for (const { artifact, key } of members) {
      if (!(await ports.artifacts.has(artifact))) {
        return problem('HW2005', `the bytes of ${key} (${artifact}) are not in the content store`);
      }
    }
    return undefined;
  }

  function next(): void {
    while (running < MAX_PREPARATIONS_AT_ONCE) {
      const job = queue.shift();
      if (!job) return;
      running += 1;
      void work(job.group, job.members).finally(() => {
        running -= 1;
        next();
        changed();
      });
    }
  }

  async function work(group: GroupId, members: readonly Member[]): Promise<void> {
    const missing = await verified(members);
    if (missing) failed(missing);
    if (!preparations.has(group)) return;
    if (missing) {
      preparations.set(group, { state: 'Failed', problem: missing });
      return;
    }
    preparations.set(group, { state: 'Verified' });
    changed();
    await run(group, members);
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
      preparations.set(group, { state: 'Fetching' });
      queue.push({ group, members });
      next();
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
        if (preparation.state === 'Failed' || !wanted.has(group)) preparations.delete(group);
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
  };
}
