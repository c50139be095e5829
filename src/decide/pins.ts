/**
 * Which bundles each group of cells was last ready with, and what another toolchain makes of that: a daemon of a new
 * version makes other bindings of the same components.
 *
 * B1 What was ready once stays startable: its bundles are pinned until others of it were ready.
 * B2 Cells that were not ready under the present toolchain start from the pinned bundles while it is the present one.
 *    That is no failure of the component's, so it counts in no gate and no back-off; it is said in a condition.
 * B3 What serves gets bundles of the present toolchain one entry at a time, while nothing else is being prepared.
 */
import { localKey } from '../model/observed.ts';
import type { EntryKey } from '../model/component.ts';
import { CODES } from '../model/codes.ts';
import type { BundlesInUse, ReplicaObserved } from '../model/engine.ts';
import type { PinnedBundles, Release } from '../model/memory.ts';
import type { GroupId } from '../model/snapshot.ts';
import { keep, type EntryDraft } from './memory.ts';
import { groupOf, say, type World } from './world.ts';

/** After a preparation that something outside was in the way of. */
export const RENEW_AGAIN_MS = 60_000;

type Pins = { [group: GroupId]: PinnedBundles };

/** Told of each regression as it is noticed. */
export type TellRegression = (group: GroupId, pinned: PinnedBundles) => void;

/**
 * Pins what is ready, notices what is not ready under the present toolchain though it was under another. Runs before the
 * ends of replicas are taken in; returns the replicas whose end is the toolchain's doing.
 */
export function absorbPins(
  entry: EntryDraft,
  key: EntryKey,
  { replicas, toolchain }: { readonly replicas: readonly ReplicaObserved[]; readonly toolchain: string | undefined },
  tell: TellRegression,
): ReadonlySet<string> {
  const excused = new Set<string>();
  const before: Pins = entry.bundles ?? {};
  const pins: Pins = {};
  const inUse = groupsInUse(entry, key);
  for (const [group, pin] of Object.entries(before) as [GroupId, PinnedBundles][]) {
    if (inUse.has(group)) pins[group] = upToDate(pin, toolchain);
  }
  const mine = new Set(entry.replicas.filter(({ stopping }) => !stopping).map(({ id }) => id));
  for (const replica of replicas) {
    const { id, group, bundles } = replica;
    if (!mine.has(id) || !bundles || !inUse.has(group)) continue;
    const pin = pins[group];
    if (replica.phase === 'Ready') pins[group] = readyWith(pin, bundles, toolchain);
    else if (pin && isRegression(replica, bundles, pin, toolchain)) {
      excused.add(id);
      pins[group] = { ...pin, renewing: undefined, regression: { toolchain: bundles.toolchain, why: whyOf(replica) } };
      tell(group, pins[group]);
    }
  }
  if (Object.keys(pins).length > 0 || entry.bundles) entry.bundles = keep(entry.bundles, pins);
  return excused;
}

/** What is known of another toolchain than the present one says nothing any more. */
function upToDate(pin: PinnedBundles, toolchain: string | undefined): PinnedBundles {
  if (!pin.regression || toolchain === undefined || pin.regression.toolchain === toolchain) return pin;
  return { ...pin, regression: undefined };
}

/** While replicas are being replaced two kinds are ready: those of the present toolchain count. */
function readyWith(
  pin: PinnedBundles | undefined,
  bundles: BundlesInUse,
  toolchain: string | undefined,
): PinnedBundles {
  if (!pin) return bundles;
  if (String(pin.digests) === String(bundles.digests)) return pin;
  if (pin.toolchain === toolchain && bundles.toolchain !== toolchain) return pin;
  return bundles.toolchain === pin.toolchain ? bundles : { ...bundles, before: pin.digests };
}

/** It was ready with other bundles, and with these it ended by itself before it ever was. Noticed once a toolchain. */
function isRegression(
  { phase, end, problem, readyForMs }: ReplicaObserved,
  bundles: BundlesInUse,
  pin: PinnedBundles,
  toolchain: string | undefined,
): boolean {
  if (phase !== 'Ended' || end === undefined || end === 'Stopped' || problem?.policy !== 'Terminal') return false;
  if (readyForMs !== undefined || bundles.toolchain !== toolchain || pin.toolchain === toolchain) return false;
  return pin.regression === undefined;
}

function whyOf({ problem, end }: ReplicaObserved): string {
  return problem?.message ?? `the replica ended: ${end}`;
}

function groupsInUse(entry: EntryDraft, key: EntryKey): ReadonlySet<GroupId> {
  const { serving, candidate, judging, leaving, warm, ledger } = entry;
  const releases: readonly (Release | undefined)[] = [
    serving?.release,
    candidate?.release,
    judging?.release,
    leaving?.release,
    ...warm,
    ...ledger.map(({ release }) => release),
  ];
  return new Set(releases.flatMap((release) => (release ? [groupOf(key, release)] : [])));
}

/** The regression of a group that holds under the present toolchain. */
export function regressionOf(
  { observed }: World,
  entry: Pick<EntryDraft, 'bundles'>,
  group: GroupId,
): PinnedBundles['regression'] {
  const regression = entry.bundles?.[group]?.regression;
  return regression?.toolchain === observed.toolchain ? regression : undefined;
}

/** The bundles of a group are of another toolchain, and there are some of the present one that were not tried yet. */
export function isOutdated(world: World, entry: EntryDraft, release: Release, replica: ReplicaObserved): boolean {
  const { toolchain, current } = world.observed;
  if (toolchain === undefined || replica.bundles === undefined || replica.bundles.toolchain === toolchain) return false;
  if (!isCalm(entry) || regressionOf(world, entry, replica.group)) return false;
  return release.entry.members.every((member) => current?.has(localKey(member)) === true);
}

/** Nothing of this entry is being tried or judged: its cells may be replaced without disturbing a comparison. */
function isCalm({ candidate, leaving, judging, serving }: EntryDraft): boolean {
  return !candidate && !leaving && !judging && serving?.bake?.state !== 'Watching';
}

/** B3: prepares bundles of the present toolchain for what serves with others. */
export function renew(world: World): void {
  const { preparations, toolchain } = world.observed;
  if (toolchain === undefined) return;
  for (const [key, entry] of world.entries) settleRenewals(world, key, entry);
  const isBusy =
    world.actions.some(({ type }) => type === 'Prepare') ||
    [...preparations.values()].some(({ state }) => state === 'Fetching' || state === 'Verified');
  if (isBusy) return;
  for (const key of [...world.entries.keys()].sort()) {
    const entry = world.entries.get(key)!;
    const { serving } = entry;
    const group = serving && groupOf(key, serving.release);
    const pin = group && entry.bundles?.[group];
    if (!serving || !pin || pin.toolchain === toolchain || pin.regression || !isCalm(entry)) continue;
    if ((pin.renewAtMs ?? 0) > world.memory.clockMs) continue;
    const { members } = serving.release.entry;
    if (members.every((member) => world.observed.current?.has(localKey(member)))) continue;
    entry.bundles = { ...entry.bundles, [group]: { ...pin, renewing: true, renewAtMs: undefined } };
    world.actions.push({ type: 'Prepare', group, members, why: `${key} serves with bundles of another toolchain` });
    return;
  }
}

/** What came of the preparations that were asked for: the bundles are there, or the present toolchain has none for it. */
function settleRenewals(world: World, key: EntryKey, entry: EntryDraft): void {
  const { preparations, toolchain } = world.observed;
  for (const [group, pin] of Object.entries(entry.bundles ?? {}) as [GroupId, PinnedBundles][]) {
    if (!pin.renewing) continue;
    const preparation = preparations.get(group);
    if (preparation?.state === 'Fetching' || preparation?.state === 'Verified') continue;
    let next: PinnedBundles = { ...pin, renewing: undefined };
    if (preparation?.state === 'Failed') {
      const { policy, message } = preparation.problem;
      if (policy === 'Terminal') {
        next = { ...next, regression: { toolchain: toolchain!, why: message } };
        tellRegression(world, key)(group, next);
      } else next = { ...next, renewAtMs: world.memory.clockMs + RENEW_AGAIN_MS };
    }
    entry.bundles = { ...entry.bundles, [group]: next };
  }
}

export function tellRegression(world: Pick<World, 'events' | 'desired'>, key: EntryKey): TellRegression {
  return (_group, pinned) => {
    say(world, key, { reason: 'ToolchainRegression', message: regressionMessage(pinned) });
  };
}

export function regressionMessage({ regression, toolchain }: PinnedBundles): string {
  const remedy = CODES.HW6020.remedy;
  return `not ready under the present toolchain (${regression!.toolchain}): ${regression!.why}; it runs with the bundles of ${toolchain}; ${remedy} (HW6020)`;
}
