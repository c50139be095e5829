/** Limits that were hit in this cell, on their way to the engine: the first at once, what follows once a second. */
import type { CellLimit } from '../wire/frames.ts';

export type TellLimit = (limit: CellLimit) => void;

const INTERVAL_MS = 1_000;
const MAX_COUNT = 0xffff_ffff;

export function gatherLimits(tell: (limit: CellLimit, count: number) => void): TellLimit {
  /** Not told yet; there while a limit was told within the last second. */
  const waiting = new Map<CellLimit, number>();
  const look = (limit: CellLimit): void => {
    const count = waiting.get(limit) ?? 0;
    if (count === 0) {
      waiting.delete(limit);
      return;
    }
    say(limit, count);
  };
  const say = (limit: CellLimit, count: number): void => {
    waiting.set(limit, 0);
    tell(limit, count);
    setTimeout(look, INTERVAL_MS, limit).unref();
  };
  return (limit) => {
    const count = waiting.get(limit);
    if (count === undefined) say(limit, 1);
    else waiting.set(limit, Math.min(count + 1, MAX_COUNT));
  };
}
