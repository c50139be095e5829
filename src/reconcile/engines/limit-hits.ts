import { LIMIT_NAMES, type LimitHits } from '../../model/limits.ts';

/** Of several engines: added up, the last time of any of them, in the order of the list. */
export function addLimitHits(lists: readonly (readonly LimitHits[])[]): readonly LimitHits[] {
  const sums = new Map<string, LimitHits>();
  for (const one of lists.flat()) {
    const name = `${one.entry} ${one.limit}`;
    const sum = sums.get(name);
    const bytes = (sum?.bytes ?? 0) + (one.bytes ?? 0);
    sums.set(name, {
      ...one,
      hits: one.hits + (sum?.hits ?? 0),
      lastWallMs: Math.max(one.lastWallMs, sum?.lastWallMs ?? 0),
      ...(bytes > 0 ? { bytes } : {}),
    });
  }
  return [...sums.values()].sort((a, b) => LIMIT_NAMES.indexOf(a.limit) - LIMIT_NAMES.indexOf(b.limit));
}
