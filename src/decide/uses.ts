/** What each entry has used of late, as far as taking it away would be felt. */
import type { AccessRecord } from '../model/audit.ts';
import type { EntryKey } from '../model/component.ts';
import type { EntryMemory, UsedGrant } from '../model/memory.ts';
import type { EntryDraft } from './memory.ts';
import { entryOfGroup } from '../model/snapshot.ts';

/** Kinds of use of one entry; the one that was longest ago goes first. */
export const MAX_USES = 32;
/** A use is noted again only when so much later: memory does not change with every minute of a busy guest. */
export const USE_RESOLUTION_MS = 15 * 60_000;
/** What was used within this time is in use. */
export const USE_HORIZON_MS = 24 * 3_600_000;

/** Each belongs to the entry whose cell it was made in. Denied ones are no uses; those that an Audit let through are. */
export function absorbUses(entries: ReadonlyMap<EntryKey, EntryDraft>, records: readonly AccessRecord[]): void {
  for (const record of records) {
    const entry = entries.get(entryOfGroup(record.group));
    if (!entry) continue;
    if (record.outcome !== 'Denied') entry.uses = withUse(entry.uses, record);
    else if (hasRoom(entry.denied, record)) entry.denied = withUse(entry.denied, record);
  }
}

/** What is denied is a guest's to choose: the first kinds of a day stay, and no more are written down than these. */
function hasRoom(denied: EntryMemory['denied'], record: AccessRecord): boolean {
  const [oldest] = denied ?? [];
  if (!denied || !oldest || denied.length < MAX_USES || knownOf(denied, record)) return true;
  return record.atWallMs - oldest.lastWallMs >= USE_HORIZON_MS;
}

function withUse(uses: EntryMemory['uses'], record: AccessRecord): EntryMemory['uses'] {
  const { capability, needs, atWallMs } = record;
  if (!needs) return uses;
  const known = knownOf(uses ?? [], record);
  if (known && atWallMs - known.lastWallMs < USE_RESOLUTION_MS) return uses;
  const others = (uses ?? []).filter((use) => use !== known);
  return [...others, { capability, needs, lastWallMs: atWallMs }].slice(-MAX_USES);
}

function knownOf(uses: readonly UsedGrant[], { capability, needs }: AccessRecord): UsedGrant | undefined {
  return uses.find((use) => needs !== undefined && use.capability === capability && isSame(use.needs, needs));
}

/** A stamp in the future counts as now. */
export function usesOfLate({ uses }: Pick<EntryMemory, 'uses'>, wallMs: number): readonly UsedGrant[] {
  return ofLate(uses, wallMs);
}

/** What it was denied and has not used: a copy of a request may be denied what the request itself may. */
export function denialsOfLate(entry: Pick<EntryMemory, 'uses' | 'denied'>, wallMs: number): readonly UsedGrant[] {
  const used = usesOfLate(entry, wallMs);
  return ofLate(entry.denied, wallMs).filter(
    ({ capability, needs }) => !used.some((use) => use.capability === capability && isSame(use.needs, needs)),
  );
}

function ofLate(uses: readonly UsedGrant[] = [], wallMs: number): readonly UsedGrant[] {
  return uses.filter(({ lastWallMs }) => wallMs - lastWallMs < USE_HORIZON_MS + USE_RESOLUTION_MS);
}

function isSame(one: UsedGrant['needs'], other: UsedGrant['needs']): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}
