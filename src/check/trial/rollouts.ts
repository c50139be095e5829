/** Pure: what became of each entry that a range of commits changes, from the status at the end. */
import { isDeepStrictEqual } from 'node:util';
import { CODES } from '../../model/codes.ts';
import type { EntryKey } from '../../model/component.ts';
import type { Desired } from '../../model/desired.ts';
import type { Status } from '../../model/status.ts';
import { askedBy, reached, type PlannedCall } from './plan-calls.ts';
import type { TrialCase } from './report.ts';
import { fateIn } from './settled.ts';

/** Entries that are not the same in both, in the order of their keys. */
export function changedEntries(base: Desired, head: Desired): readonly EntryKey[] {
  const keys = [...new Set([...base.entries.keys(), ...head.entries.keys()])].sort();
  return keys.filter((key) => !isDeepStrictEqual(base.entries.get(key), head.entries.get(key)));
}

/**
 * What has to run so that a range can be rehearsed: what it changes, what is called, by Checks or by the clock, and what is linked
 * with those or asks them. Absent: all of it, because the guard of deletions counts what runs.
 */
export function concerned(
  base: Desired,
  head: Desired,
  calls: readonly PlannedCall[],
): ReadonlySet<EntryKey> | undefined {
  if ([...base.entries.keys()].some((key) => !head.entries.has(key))) return undefined;
  const entries = [...head.entries.values()];
  const fired = entries.filter(({ schedules = [] }) => schedules.length > 0).map(({ key }) => key);
  const found = new Set([...changedEntries(base, head), ...fired, ...reached(calls, head)]);
  const linked = entries.map((entry) => [
    entry.key,
    ...entry.members.flatMap((member) => [member.key, ...member.links.map(({ component }) => component)]),
    ...askedBy(entry, head.entries),
  ]);
  for (let size = -1; size !== found.size;) {
    size = found.size;
    for (const together of linked) {
      if (together.some((key) => found.has(key))) for (const key of together) found.add(key);
    }
  }
  return found;
}

/** Of which something is to be seen yet: they are not proven, taken back, gone, or held by something that time does not mend. */
export function undecided(status: Status, keys: readonly EntryKey[], { entries }: Desired): readonly EntryKey[] {
  return keys.filter((key) => {
    if (!entries.has(key)) return entryIn(status, key) && heldIn(status, key) === undefined;
    if (!isOfAccepted(status, key)) return true;
    const fate = fateIn(status, key);
    return fate.type === 'Serving' ? !fate.proven && fate.over === undefined : fate.type === 'Moving';
  });
}

/** What the range starts from and does not serve there: said, and nobody's failure. */
export function downAtBase(status: Status, base: Desired): readonly TrialCase[] {
  return [...base.entries.keys()].flatMap((name): readonly TrialCase[] => {
    const fate = fateIn(status, name);
    if (fate.type === 'Serving' || fate.type === 'Idle') return [];
    return [{ suite: 'base', name, outcome: 'Skipped', message: `does not serve at the base: ${fate.why}` }];
  });
}

function entryIn({ entries }: Status, key: EntryKey) {
  return entries.find((entry) => entry.key === key);
}

/** Why the guard keeps an entry that git no longer names. */
function heldIn(status: Status, key: EntryKey): string | undefined {
  return entryIn(status, key)?.conditions.find(({ reason }) => reason === 'PruneHeld')?.message;
}

/** A commit is accepted before it is decided about: until then an entry is still told of as the one before had it. */
function isOfAccepted({ source, entries }: Status, key: EntryKey): boolean {
  const conditions = entries.find((entry) => entry.key === key)?.conditions ?? [];
  return conditions.every(({ observedCommit }) => observedCommit === source.acceptedCommit);
}

/** `sinceMs`: when it was pushed; `atMs` of a text of the trial's clock: the machine's time then. */
export function rolloutCase(
  key: EntryKey,
  status: Status,
  head: Desired,
  sinceMs: number,
  atMs: (iso: string) => number = Date.parse,
): TrialCase {
  const events = status.timeline
    .filter((event) => event.entry === key && atMs(event.at) >= sinceMs)
    .map(({ at, message }) => ({ atMs: atMs(at) - sinceMs, what: message }))
    .toReversed();
  const common = { suite: 'rollouts' as const, name: key, ...(events.length > 0 ? { steps: events } : {}) };
  const last = events.at(-1)?.atMs;
  const timed = last === undefined ? common : { ...common, elapsedMs: last };
  const failed = (code: 'HW5116' | 'HW5117' | 'HW5119', message: string): TrialCase => ({
    ...timed,
    outcome: 'Failed',
    code,
    message,
    remedy: CODES[code].remedy,
  });
  if (!head.entries.has(key)) {
    const held = heldIn(status, key);
    if (held !== undefined) return failed('HW5119', `not deleted: ${held}`);
    return entryIn(status, key)
      ? failed('HW5117', 'not deleted in time')
      : { ...timed, outcome: 'Passed', message: 'deleted' };
  }
  const fate = fateIn(status, key);
  switch (fate.type) {
    case 'Serving':
      if (fate.proven) return { ...timed, outcome: 'Passed', message: 'promoted and proven' };
      return failed('HW5117', fate.over ?? 'it has all the traffic, and its bake did not end in time');
    case 'RolledBack':
      return { ...failed('HW5116', `rolled back: ${fate.why}`), evidence: fate.evidence };
    case 'Idle':
      return { ...timed, outcome: 'Skipped', message: fate.why };
    default:
      return failed('HW5117', `not decided: ${fate.why}`);
  }
}
