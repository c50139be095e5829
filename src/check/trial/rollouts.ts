/** Pure: what became of each entry that a range of commits changes, from the status at the end. */
import { isDeepStrictEqual } from 'node:util';
import { CODES } from '../../model/codes.ts';
import type { EntryKey } from '../../model/component.ts';
import type { Desired } from '../../model/desired.ts';
import type { Status } from '../../model/status.ts';
import type { TrialCase } from './report.ts';
import { fateIn } from './settled.ts';

/** Entries that are not the same in both, in the order of their keys. */
export function changedEntries(base: Desired, head: Desired): readonly EntryKey[] {
  const keys = [...new Set([...base.entries.keys(), ...head.entries.keys()])].sort();
  return keys.filter((key) => !isDeepStrictEqual(base.entries.get(key), head.entries.get(key)));
}

/** Whether nothing more will happen to them: proven, taken back, gone, or held by something that time does not mend. */
export function areDecided(status: Status, keys: readonly EntryKey[], head: Desired): boolean {
  return keys.every((key) => {
    if (!head.entries.has(key)) return status.entries.every((entry) => entry.key !== key);
    if (!isOfAccepted(status, key)) return false;
    const fate = fateIn(status, key);
    return fate.type === 'Serving' ? fate.proven : fate.type !== 'Moving';
  });
}

/** A commit is accepted before it is decided about: until then an entry is still told of as the one before had it. */
function isOfAccepted({ source, entries }: Status, key: EntryKey): boolean {
  const conditions = entries.find((entry) => entry.key === key)?.conditions ?? [];
  return conditions.every(({ observedCommit }) => observedCommit === source.acceptedCommit);
}

/** `sinceMs`: wall clock of the push. */
export function rolloutCase(key: EntryKey, status: Status, head: Desired, sinceMs: number): TrialCase {
  const events = status.timeline
    .filter((event) => event.entry === key && Date.parse(event.at) >= sinceMs)
    .map(({ at, message }) => ({ atMs: Date.parse(at) - sinceMs, what: message }))
    .toReversed();
  const common = { suite: 'rollouts' as const, name: key, ...(events.length > 0 ? { steps: events } : {}) };
  const last = events.at(-1)?.atMs;
  const timed = last === undefined ? common : { ...common, elapsedMs: last };
  const failed = (code: 'HW5116' | 'HW5117', message: string): TrialCase => ({
    ...timed,
    outcome: 'Failed',
    code,
    message,
    remedy: CODES[code].remedy,
  });
  const here = status.entries.some((entry) => entry.key === key);
  if (!head.entries.has(key))
    return here ? failed('HW5117', 'not deleted') : { ...timed, outcome: 'Passed', message: 'deleted' };
  const fate = fateIn(status, key);
  switch (fate.type) {
    case 'Serving':
      return fate.proven
        ? { ...timed, outcome: 'Passed', message: 'promoted and proven' }
        : failed('HW5117', 'it has all the traffic, and its bake did not end in time');
    case 'RolledBack':
      return { ...failed('HW5116', `rolled back: ${fate.why}`), evidence: fate.evidence };
    case 'Idle':
      return { ...timed, outcome: 'Skipped', message: fate.why };
    default:
      return failed('HW5117', `not decided: ${fate.why}`);
  }
}
