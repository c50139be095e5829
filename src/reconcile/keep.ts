/** What the collectors of the content store and of the bundles must never touch. */
import type { Digest } from '../kit/digest.ts';
import type { Member } from '../model/component.ts';
import type { Desired } from '../model/desired.ts';
import type { Bundle } from '../model/engine.ts';
import type { Memory, Release } from '../model/memory.ts';
import { foldersOf } from '../model/mount.ts';
import type { RouteRule } from '../model/route.ts';
import type { Origin } from './mending.ts';
import type { ComponentPort, SupplyPort } from './ports.ts';

/** Members of all that may have to start from the local disk: serving, candidate, warm, ledger, and what git asks for. */
export function membersInUse(memory: Memory, desired: Desired | undefined): readonly Member[] {
  return cellsInUse(memory, desired).flat();
}

/** The same, cell by cell: what a bundle of one member is made from depends on the others. */
export function cellsInUse(memory: Memory, desired: Desired | undefined): readonly (readonly Member[])[] {
  const entries = [...releasesInUse(memory).map(({ entry }) => entry), ...(desired?.entries.values() ?? [])];
  return entries.map((entry) => entry.members);
}

/** Commits whose content may be asked for again: the accepted one, and those of every release that may have to start. */
export function commitsInUse(memory: Memory, desired: Desired | undefined): ReadonlySet<string> {
  const commits = new Set(releasesInUse(memory).map(({ commit }) => commit));
  if (desired) commits.add(desired.commit);
  return commits;
}

/** Matches that it has accepted or serves: what another root must leave alone. */
export function claimsOf(memory: Memory, desired: Desired | undefined): readonly RouteRule[] {
  const serving = Object.values(memory.entries).flatMap(({ serving: now }) => now?.release.entry.rules ?? []);
  return [...[...(desired?.entries.values() ?? [])].flatMap(({ rules }) => rules), ...serving];
}

/** Where the artifacts of those members came from: the accepted commit first, then the commit of each release. */
export function originsInUse(memory: Memory, desired: Desired | undefined): readonly Origin[] {
  const placed = [
    ...[...(desired?.entries.values() ?? [])].map((entry) => ({ entry, commit: desired!.commit })),
    ...releasesInUse(memory),
  ];
  return placed.flatMap(({ entry, commit }) =>
    entry.members.map(({ artifact, source }) => ({ artifact, commit, source })),
  );
}

function releasesInUse(memory: Memory): readonly Release[] {
  return Object.values(memory.entries)
    .flatMap((entry) => [
      entry.serving?.release,
      entry.candidate?.release,
      entry.judging?.release,
      ...entry.warm,
      ...entry.ledger.map((line) => line.release),
    ])
    .filter((release) => release !== undefined);
}

/** Bundles that something was last ready with, and those of the toolchain before. */
export function pinnedBundles(memory: Memory): readonly Digest[] {
  return Object.values(memory.entries).flatMap(({ bundles }) =>
    Object.values(bundles ?? {}).flatMap(({ digests, before = [] }) => [...digests, ...before]),
  );
}

/** The digests of those members' artifacts, bundles and bundle files, and of the pinned bundles. */
export async function digestsInUse(
  members: readonly Member[],
  pinned: readonly Digest[],
  components: ComponentPort,
  supply: Pick<SupplyPort, 'parts'>,
): Promise<ReadonlySet<Digest>> {
  const keep = new Set<Digest>();
  for (const member of members) {
    for (const part of await supply.parts(member)) keep.add(part);
    for (const { content } of foldersOf(member.capabilities)) keep.add(content);
    keepBundle(keep, await components.cached(member.artifact, member.limits.memoryBytes));
  }
  for (const digest of pinned) if (!keep.has(digest)) keepBundle(keep, await components.pinned(digest));
  return keep;
}

function keepBundle(keep: Set<Digest>, bundle: Bundle | undefined): void {
  if (!bundle) return;
  keep.add(bundle.digest);
  for (const file of bundle.files) keep.add(file.digest);
}
