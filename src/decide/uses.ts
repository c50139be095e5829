/** What each entry has used of late, as far as taking it away would be felt. */
import type { AccessRecord } from '../model/audit.ts';
import type { EntryKey } from '../model/component.ts';
import type { EntryMemory, UsedGrant } from '../model/memory.ts';
import type { EntryDraft } from './memory.ts';

/** Kinds of use of one entry; the one that was longest ago goes first. */
export const MAX_USES = 32;
/** A use is noted again only when so much later: memory does not change with every minute of a busy guest. */
export const USE_RESOLUTION_MS = 15 * 60_000;
/** What was used within this time is in use. */
export const USE_HORIZON_MS = 24 * 3_600_000;

/** Each belongs to the entry whose cell it was made in. Denied ones are no uses; those that an Audit let through are. */
export function absorbUses(entries: ReadonlyMap<EntryKey, EntryDraft>, records: readonly AccessRecord[]): void {
  for (const record of records) {
    const entry = entries.get(record.group.slice(0, record.group.indexOf('@')) as EntryKey);
    if (entry && record.outcome !== 'Denied') absorbUse(entry, record);
  }
}

function absorbUse(entry: EntryDraft, { capability, needs, atWallMs }: AccessRecord): void {
  if (!needs) return;
  const uses = entry.uses ?? [];
  const known = uses.find((use) => use.capability === capability && isSame(use.needs, needs));
  if (known && atWallMs - known.lastWallMs < USE_RESOLUTION_MS) return;
  const others = uses.filter((use) => use !== known);
  entry.uses = [...others, { capability, needs, lastWallMs: atWallMs }].slice(-MAX_USES);
}

/** A stamp in the future counts as now. */
export function usesOfLate({ uses = [] }: Pick<EntryMemory, 'uses'>, wallMs: number): readonly UsedGrant[] {
  return uses.filter(({ lastWallMs }) => wallMs - lastWallMs < USE_HORIZON_MS + USE_RESOLUTION_MS);
}

function isSame(one: UsedGrant['needs'], other: UsedGrant['needs']): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}
