/**
 * Which data a release works on. A component that writes `spec.state.version` says what form its stores have; a release of
 * another version gets a copy of them, which it migrates before it serves (docs/adr/0097).
 *
 * T1 No two releases of different versions write one edition.
 * T2 A copy is taken while nothing of the entry runs: nothing is written between it and the switch that would be lost.
 * T3 What can be gone back to keeps its own edition, untouched since.
 * T4 Each copy has a name of its own: one that was interrupted is taken anew, never gone on with.
 * T5 An edition that nothing works on is set aside if it ever served, and removed if not.
 */
import { short } from '../kit/digest.ts';
import { ownStoresOf, type EntryKey } from '../model/component.ts';
import { FIRST_EDITION, type DataOf, type Edition, type StoresDone } from '../model/edition.ts';
import type { Migration } from '../model/engine.ts';
import type { Candidate, EditionMemory, EntryMemory, Release } from '../model/memory.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { EntryDraft } from './memory.ts';
import type { World } from './world.ts';

/** Editions that served and that nothing works on any more: the newest so many are kept. */
export const MAX_ASIDE = 3;

type Known = Pick<EntryMemory, 'serving' | 'warm' | 'data' | 'left'>;

export function versionOf({ entry }: Pick<Release, 'entry'>): string | undefined {
  return entry.members[0].state?.version;
}

/** The edition that a release works on; undefined: whichever is in use, because nobody ever said. */
export function dataOf(entry: Known & Pick<EntryMemory, 'candidate'>, release: Release): DataOf | undefined {
  const copy = copyOf(entry.candidate, release);
  return copy?.isThere ? { edition: copy.edition, ...versioned(versionOf(release)) } : keptFor(entry, release);
}

/** It is not the form of the data that the entry has: a copy is to be taken and migrated, before anything of it starts. */
export function migrates(entry: Known, release: Release): boolean {
  const version = versionOf(release);
  return version !== undefined && !isReadable(entry, release);
}

/** It reads and writes other data than what serves: no request may go now to one, now to the other. */
export function changesData(entry: Known & Pick<EntryMemory, 'candidate'>, release: Release): boolean {
  if (!entry.serving || entry.serving.release.revision === release.revision) return false;
  if (migrates(entry, release)) return true;
  return dataOf(entry, release)?.edition !== dataOf(entry, entry.serving.release)?.edition;
}

/** Why a release that does not say which form it reads must not touch data that has one. */
export function unreadable(key: EntryKey, entry: Known, release: Release): Problem | undefined {
  if (versionOf(release) !== undefined || isReadable(entry, release)) return undefined;
  return unreadableData(key, presentOf(entry)?.version ?? '');
}

export function unreadableData(key: EntryKey, present: string): Problem {
  return problem('HW4624', `the data of ${key} has version "${present}", and this release says none`, {
    remedy: `write spec.state: {version: "…"} with the form that it reads; one that is not "${present}" is migrated to`,
  });
}

/** What a replica is started with, so that it finds its data in its own form. */
export function dataPlanOf(
  entry: Known & Pick<EntryMemory, 'candidate'>,
  release: Release,
): { readonly edition?: Edition; readonly migrate?: Migration } {
  const data = dataOf(entry, release);
  const copy = copyOf(entry.candidate, release);
  const { state } = release.entry.members[0];
  const isFirst = copy?.isThere && !copy.isMigrated && state !== undefined;
  return {
    ...(data ? { edition: data.edition } : {}),
    ...(isFirst ? { migrate: { ...from(copy.from), timeoutMs: state.migrateTimeoutMs } } : {}),
  };
}

/** The candidate's only replica is the one that migrates, until it has. */
export function isMigrating({ copy }: Pick<Candidate, 'copy'>): boolean {
  return copy !== undefined && !copy.isMigrated;
}

/** Other entries of the namespace whose cells may still use one of the stores, by what they were granted. */
export function othersWith(world: World, key: EntryKey, release: Release): readonly EntryKey[] {
  const own = new Set(ownStoresOf(release.entry.members[0].capabilities));
  const namespace = `${key.split('/')[0]!}/`;
  return [...world.entries]
    .filter(([other, { serving, candidate, warm }]) => {
      if (other === key || !other.startsWith(namespace)) return false;
      const releases = [serving?.release, candidate?.release, ...warm];
      return releases.some((one) => one?.entry.members.some(({ capabilities }) => mayUse(capabilities, own)));
    })
    .map(([other]) => other);
}

/** T4: begun anew each time. */
export function beginCopy(world: World, entry: EntryDraft): void {
  const { candidate } = entry;
  if (!candidate) return;
  const { release } = candidate;
  const stamp = new Date(world.now.wallMs).toISOString().replaceAll(/[-:.]/g, '');
  const edition = `${stamp}-${short(release.release)}`;
  const stores = ownStoresOf(release.entry.members[0].capabilities);
  const present = presentOf(entry);
  entry.candidate = { ...candidate, copy: { edition, stores, ...(present ? { from: present } : {}) } };
  note(entry, { edition, stores, hasServed: false, atWallMs: world.now.wallMs, ...versioned(versionOf(release)) });
}

/** The copy is there, or it could not be made. */
export function endCopy(entry: EntryDraft, edition: Edition, end: StoresDone | Problem): void {
  const { candidate } = entry;
  if (candidate?.copy?.edition !== edition || candidate.copy.isThere) return;
  if ('code' in end) {
    entry.candidate = { ...candidate, copy: { ...candidate.copy, problem: end } };
    return;
  }
  const source = candidate.copy.from ?? end.from ?? { edition: FIRST_EDITION };
  entry.candidate = { ...candidate, copy: { ...candidate.copy, isThere: true, from: source } };
  const atWallMs = entry.editions?.find((one) => one.edition === edition)?.atWallMs ?? 0;
  if (!end.isEmpty) note(entry, { ...source, stores: candidate.copy.stores, hasServed: true, atWallMs });
  pin(entry, source);
}

/** The first replica is ready: the data has the candidate's form. */
export function endMigration(entry: EntryDraft): void {
  const { candidate } = entry;
  if (candidate?.copy) entry.candidate = { ...candidate, copy: { ...candidate.copy, isMigrated: true } };
}

/** The candidate serves: its copy is the data, and what served before keeps what it had. */
export function takeCopy(entry: EntryDraft, { release }: Candidate): void {
  const data = dataOf(entry, release);
  if (!data) return;
  entry.data = { ...entry.data, [release.revision]: data };
  // A release of the same version may name a store more: its file belongs to the edition as well.
  const own = ownStoresOf(release.entry.members[0].capabilities);
  entry.editions = (entry.editions ?? []).map((one) => {
    if (one.edition !== data.edition) return one;
    return { ...one, hasServed: true, stores: [...new Set([...one.stores, ...own])].sort() };
  });
}

export function editionText(edition: Edition): string {
  return edition === FIRST_EDITION ? 'the first edition' : `edition ${edition}`;
}

/** What is known of editions besides those that something works on: newest first. */
export function asideOf(entry: EntryMemory): readonly EditionMemory[] {
  const used = usedEditions(entry);
  return (entry.editions ?? [])
    .filter(({ edition, hasServed }) => hasServed && !used.has(edition))
    .sort((one, other) => other.atWallMs - one.atWallMs);
}

/** T5: those that are to be removed. */
export function surplusOf(entry: EntryMemory): readonly EditionMemory[] {
  const used = usedEditions(entry);
  const scratch = (entry.editions ?? []).filter(({ edition, hasServed }) => !hasServed && !used.has(edition));
  return [...scratch, ...asideOf(entry).slice(MAX_ASIDE)];
}

export function presentOf({ serving, data, left }: Pick<Known, 'serving' | 'data' | 'left'>): DataOf | undefined {
  return serving ? data?.[serving.release.revision] : left;
}

function usedEditions({ data, left, candidate }: EntryMemory): ReadonlySet<Edition> {
  const copy = candidate?.copy;
  return new Set(
    [...Object.values(data ?? {}), ...(left ? [left] : []), ...(copy ? [copy] : [])].map((one) => one.edition),
  );
}

function isReadable(entry: Known, release: Release): boolean {
  const version = versionOf(release);
  if (keptFor(entry, release)) return true;
  if (entry.serving) return versionOf(entry.serving.release) === version;
  return version === undefined && entry.left?.version === undefined;
}

/** T3: its own; else that of what serves, or can be gone back to, where it has the same form. */
function keptFor({ serving, warm, data = {}, left }: Known, release: Release): DataOf | undefined {
  const own = data[release.revision];
  if (own) return own;
  const version = versionOf(release);
  const alike = [...(serving ? [serving.release] : []), ...warm].find((one) => versionOf(one) === version);
  if (alike) return data[alike.revision];
  return !serving && left && left.version === version ? left : undefined;
}

/** All of one form that could not tell so far which edition is theirs: what serves, and what is warm behind it. */
function pin(entry: EntryDraft, source: DataOf): void {
  const { serving, warm } = entry;
  if (!serving) return;
  const version = versionOf(serving.release);
  const same = [serving.release, ...warm].filter((release) => versionOf(release) === version);
  const pinned = Object.fromEntries(same.map(({ revision }) => [revision, source]));
  entry.data = { ...pinned, ...entry.data };
}

function note(entry: EntryDraft, edition: EditionMemory): void {
  const known = entry.editions ?? [];
  if (known.some((one) => one.edition === edition.edition)) return;
  entry.editions = [...known, edition];
}

function copyOf(candidate: Candidate | undefined, release: Release): Candidate['copy'] {
  return candidate?.release.revision === release.revision ? candidate.copy : undefined;
}

function from(data: DataOf | undefined): { readonly from?: string } {
  return data?.version === undefined ? {} : { from: data.version };
}

function versioned(version: string | undefined): { readonly version?: string } {
  return version === undefined ? {} : { version };
}

function mayUse(grants: Parameters<typeof ownStoresOf>[0], stores: ReadonlySet<string>): boolean {
  return grants.some(({ capability, settings }) => capability === 'keyValue' && stores.has(String(settings['store'])));
}
