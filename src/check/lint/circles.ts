import type { EntryKey } from '../../model/component.ts';
import type { DesiredEntry } from '../../model/desired.ts';
import { entryOfHost } from '../../model/entry-host.ts';
import { MAX_REMOTE_DEPTH } from '../../model/remote.ts';

type Entries = ReadonlyMap<EntryKey, DesiredEntry>;

/** The way from an entry over remote calls, and requests to entries by name, back to itself, the shortest; `undefined` where there is none. */
export function circleOf(key: EntryKey, entries: Entries): readonly EntryKey[] | undefined {
  const from = new Map<EntryKey, EntryKey>();
  const open: EntryKey[] = [key];
  for (const at of open) {
    for (const component of calledBy(entries.get(at))) {
      if (component === key) return way(key, at, from);
      if (from.has(component)) continue;
      from.set(component, at);
      open.push(component);
    }
  }
  return undefined;
}

/** What is said about it. */
export function circleText(circle: readonly EntryKey[]): string {
  return `calls may come back to where they began: ${circle.join(' → ')}; the one at depth ${MAX_REMOTE_DEPTH + 1} is refused`;
}

function calledBy(entry: DesiredEntry | undefined): readonly EntryKey[] {
  const { calls = [], hosts = [] } = entry?.remote ?? {};
  const asked = hosts.map(entryOfHost).filter((key) => key !== undefined);
  return [...calls.map(({ component }) => component), ...asked];
}

function way(key: EntryKey, last: EntryKey, from: ReadonlyMap<EntryKey, EntryKey>): readonly EntryKey[] {
  const back: EntryKey[] = [key];
  for (let at: EntryKey | undefined = last; at !== undefined && at !== key; at = from.get(at)) back.push(at);
  return [...back, key].toReversed();
}
