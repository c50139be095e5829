/** What is said of limits that were hit: for a while after the last time, in one condition; for ever, as numbers. */
import type { EntryKey } from '../model/component.ts';
import { LIMITS, type LimitHits, type LimitWords } from '../model/limits.ts';
import type { LimitStatus } from '../model/status.ts';
import type { Headline } from './headline.ts';
import type { World } from './world.ts';

/** So long after a limit was hit for the last time the condition names it. */
export const LIMITS_TOLD_MS = 5 * 60_000;

export interface LimitsHit extends Headline {
  /** Nothing was refused: calls waited, or instances were replaced. */
  readonly within: boolean;
}

/** `undefined` where none was hit of late. */
export function limitsHit(world: Pick<World, 'engine' | 'now'>, key: EntryKey): LimitsHit | undefined {
  const { wallMs } = world.now;
  const late = world.engine.limitHitsOf(key).filter(({ lastWallMs }) => wallMs - lastWallMs <= LIMITS_TOLD_MS);
  if (late.length === 0) return undefined;
  return {
    within: late.every(({ limit }) => LIMITS[limit].kind === 'Kept'),
    reason: 'LimitsHit',
    message: late.map(sentence).join('. '),
  };
}

export function limitStatusOf(world: Pick<World, 'engine'>, key: EntryKey): readonly LimitStatus[] | undefined {
  const hits = world.engine.limitHitsOf(key);
  if (hits.length === 0) return undefined;
  return hits.map(({ limit, hits: count, lastWallMs, bytes }) => ({
    limit,
    hits: count,
    lastAt: new Date(lastWallMs).toISOString(),
    ...(bytes === undefined ? {} : { bytes }),
    fix: LIMITS[limit].fix,
  }));
}

function sentence({ limit, hits, lastWallMs, bytes }: LimitHits): string {
  const { hit, fix }: LimitWords = LIMITS[limit];
  const times = hits === 1 ? 'once' : `${hits} times`;
  const lost = bytes === undefined ? '' : ` (${bytes} bytes)`;
  return `limits.${limit} was hit ${times}${lost}, last at ${new Date(lastWallMs).toISOString()}: ${hit}; to mend it, ${fix}`;
}
