import type { Behaviour } from './engine-model.ts';

/** Of a cell, whose members answer together: as bad as the worst of them in each regard. */
export function together([first, ...others]: readonly Behaviour[]): Behaviour {
  return others.reduce((one, other) => {
    const never = one.readyAfterMs === 'never' || other.readyAfterMs === 'never';
    const crashesAfterMs = one.crashesAfterMs ?? other.crashesAfterMs;
    const failuresLater = one.failuresLater ?? other.failuresLater;
    return {
      ...one,
      readyAfterMs: never ? 'never' : Math.max(one.readyAfterMs, other.readyAfterMs),
      failures: Math.max(one.failures, other.failures),
      status4xx: Math.max(one.status4xx ?? 0, other.status4xx ?? 0),
      failsUnder: [...(one.failsUnder ?? []), ...(other.failsUnder ?? [])],
      ...(crashesAfterMs === undefined ? {} : { crashesAfterMs }),
      ...(failuresLater === undefined ? {} : { failuresLater }),
    };
  }, first!);
}
