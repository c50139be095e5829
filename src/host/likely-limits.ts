/** What the next starts from the pool will probably be given, so that their limit can be set while they wait. */
import type { CellSpec, ReplicaPhase } from '../model/engine.ts';
import type { ReplicaBudget } from './budget.ts';

interface Candidate {
  readonly phase: ReplicaPhase;
  readonly cell: Pick<CellSpec, 'isolation'>;
  readonly budget: Pick<ReplicaBudget, 'dataBytes'>;
}

export interface LikelyLimits {
  /** Different `dataBytes`, the most frequent first: of what is parked, for a call waits for that; else of what is there. */
  readonly likely: readonly number[];
  /** Of all that is there. */
  readonly most: number;
}

export function likelyLimits(replicas: readonly Candidate[]): LikelyLimits {
  // Those that share a process do not come from the pool.
  const there = replicas.filter(({ phase, cell }) => phase !== 'Ended' && cell.isolation !== 'Shared');
  const parked = there.filter(({ phase }) => phase === 'Parked');
  const counts = new Map<number, number>();
  for (const { budget } of parked.length > 0 ? parked : there) {
    counts.set(budget.dataBytes, (counts.get(budget.dataBytes) ?? 0) + 1);
  }
  return {
    likely: [...counts].sort(([, a], [, b]) => b - a).map(([dataBytes]) => dataBytes),
    most: Math.max(0, ...there.map(({ budget }) => budget.dataBytes)),
  };
}

/**
 * Shares the limits out to those that wait, in turn, the likeliest first. Whoever has one of them keeps it.
 *
 * @param places so many wait when nobody is missing.
 * @param has of each that waits.
 * @returns what each is to have.
 */
export function shareOut(
  likely: readonly number[],
  places: number,
  has: readonly (number | undefined)[],
): readonly (number | undefined)[] {
  if (likely.length === 0) return has;
  const wanted = Array.from({ length: Math.max(places, has.length) }, (_, index) => likely[index % likely.length]!);
  const kept = has.map((one) => {
    const at = one === undefined ? -1 : wanted.indexOf(one);
    return at < 0 ? undefined : wanted.splice(at, 1)[0];
  });
  return kept.map((one) => one ?? wanted.shift());
}
