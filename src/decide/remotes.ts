/**
 * How the cells of some entries reach others: pure, and beside `snapshot.ts` the only place where an arm is made.
 *
 * R1 Whoever calls meets the weights of the called entry's own rollout, as visitors do.
 * R2 While both ends of a call change in one party, each release meets only its like: what comes calls what comes, what
 *    served calls what served.
 * R3 What is called stays reachable for whatever still may call it, also for what is on its way out.
 * R4 Who may ask an entry over HTTP calls it, where the grant names it. `*.shop.headway` opens the way to what runs there and
 *    points at nothing: else one line would keep a whole namespace running.
 */
import type { EntryKey } from '../model/component.ts';
import type { Candidate, EntryMemory, Release } from '../model/memory.ts';
import { pointingHosts } from '../model/entry-host.ts';
import { askersOf } from '../model/remote.ts';
import type { Arm, GroupId, RemoteTarget } from '../model/snapshot.ts';
import type { RemoteStatus } from '../model/status.ts';
import type { EntryDraft } from './memory.ts';
import type { Parties } from './parties.ts';
import { holdsRequests } from './singleton.ts';
import { groupOf, readyCount, type World } from './world.ts';

type Running = Pick<EntryDraft, 'candidate' | 'leaving' | 'serving' | 'warm'>;

/** Every release of an entry whose cells may run. */
function releasesOf({ candidate, leaving, serving, warm }: Running): readonly Release[] {
  return [serving?.release, candidate?.release, leaving?.release, ...warm].filter((release) => release !== undefined);
}

/** Entries that something calls, or that git says something is to call: with its callers (R4). */
export function remoteCallers(
  {
    entries,
    wishes,
  }: {
    readonly entries: ReadonlyMap<EntryKey, Running>;
    readonly wishes?: World['wishes'];
  },
  whom: 'Named' | 'Reachable' = 'Named',
): World['callers'] {
  const callers = new Map<EntryKey, Set<EntryKey>>();
  const asks: (readonly [EntryKey, readonly string[]])[] = [];
  const note = (from: EntryKey, release: Release | undefined): void => {
    const { calls = [], hosts } = release?.entry.remote ?? {};
    for (const { component } of calls) callers.set(component, (callers.get(component) ?? new Set()).add(from));
    if (hosts) asks.push([from, whom === 'Named' ? pointingHosts(from, hosts) : hosts]);
  };
  for (const [key, entry] of entries) for (const release of releasesOf(entry)) note(key, release);
  for (const [key, { target }] of wishes ?? []) note(key, target?.release);
  if (asks.length === 0) return callers;
  const known = [...new Set([...entries.keys(), ...(wishes?.keys() ?? [])])];
  for (const [key, askers] of askersOf(asks, known)) {
    callers.set(key, new Set([...(callers.get(key) ?? []), ...askers]));
  }
  return callers;
}

/** One line for each entry that is called and that there is. */
export function remotesOf(world: World, parties: Parties): readonly RemoteTarget[] {
  const callers = remoteCallers(world, 'Reachable');
  return [...callers.keys()].sort().flatMap((key) => {
    const entry = world.entries.get(key);
    if (!entry || (!entry.serving && !entry.candidate)) return [];
    const { limits } = (entry.serving ?? entry.candidate)!.release.entry.members[0];
    const pairs = [...callers.get(key)!].sort().flatMap((from) => pairsOf(world, parties, from, key));
    return [
      {
        entry: key,
        requestTimeoutMs: limits.requestTimeoutMs,
        requestBodyBytes: limits.requestBodyBytes,
        responseBodyBytes: limits.responseBodyBytes,
        ...(limits.headers === undefined ? {} : { headers: limits.headers }),
        ...(holdsRequests(entry) ? { mailbox: limits.queue } : {}),
        arms: armsOf(world, key, entry),
        ...(pairs.length > 0 ? { pairs } : {}),
      },
    ];
  });
}

/** For people; `undefined` where an entry neither calls nor is called. */
export function remoteStatusOf(
  { callers, observed }: Pick<World, 'callers' | 'observed'>,
  key: EntryKey,
  { candidate, serving }: Pick<EntryMemory, 'candidate' | 'serving'>,
): RemoteStatus | undefined {
  const { calls: links = [], hosts = [] } = (serving ?? candidate)?.release.entry.remote ?? {};
  const linked = links.map(({ component }) => component);
  const asked = hosts.length > 0 ? [...callers].filter(([, askers]) => askers.has(key)).map(([entry]) => entry) : [];
  const from = [...(callers.get(key) ?? [])].sort();
  const called = [...new Set([...linked, ...asked.sort()])];
  if (called.length + from.length === 0) return undefined;
  const calls = called.map((entry) => {
    const counted = observed.engine?.remotes?.find((one) => one.from === key && one.to === entry);
    return { entry, calls: counted?.calls ?? 0, failures: counted?.failures ?? 0 };
  });
  return { calls, callers: from };
}

/** R1. */
function armsOf(world: World, key: EntryKey, { candidate, leaving, serving }: Running): readonly Arm[] {
  if (!serving) return [];
  const second = leaving ?? (candidate?.state === 'Canary' ? candidate : undefined);
  const weight = second && readyCount(world, key, second.release) > 0 ? second.weight : 0;
  const first = armTo(key, serving.release, 100 - weight);
  return second && weight > 0 ? [first, armTo(key, second.release, weight)] : [first];
}

/** R2. */
function pairsOf(world: World, parties: Parties, from: EntryKey, to: EntryKey): NonNullable<RemoteTarget['pairs']> {
  const [caller, called] = [world.entries.get(from), world.entries.get(to)];
  const isTogether = parties.of.get(from)?.members.includes(to) === true;
  if (!isTogether || !caller || !called || !isChanging(caller) || !isChanging(called)) return [];
  const next = nextOf(called);
  const before = beforeOf(called);
  const comes = nextOf(caller);
  const pairs = new Map<GroupId, Arm>();
  for (const release of releasesOf(caller)) {
    const group = groupOf(from, release);
    const like = release.release === comes?.release ? next : before;
    if (like && !pairs.has(group)) pairs.set(group, armTo(to, like, 0));
  }
  return [...pairs].map(([group, arm]) => ({ from: group, arm }));
}

function armTo(key: EntryKey, release: Release, weight: number): Arm {
  return { release: release.release, group: groupOf(key, release), weight };
}

function isChanging({ candidate, serving, warm }: Running): boolean {
  return candidate !== undefined || (serving?.bake?.state === 'Watching' && warm.length > 0);
}

/** States of a candidate in which its cells run, or are about to. */
const STARTED: ReadonlySet<Candidate['state']> = new Set(['Warming', 'Ready', 'Canary']);

/** What comes: the candidate once it runs, and what bakes. */
function nextOf({ candidate, serving }: Running): Release | undefined {
  if (candidate) return STARTED.has(candidate.state) ? candidate.release : undefined;
  return serving?.release;
}

/** What served until then. */
function beforeOf({ candidate, serving, warm }: Running): Release | undefined {
  return candidate ? serving?.release : warm[0];
}
