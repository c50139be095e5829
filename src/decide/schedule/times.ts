/**
 * When a schedule fires. The arithmetic of the five fields is that of `cron`, on wall-clock times without a zone; what
 * the zone makes of them is done here, because at a change of the clocks `cron` follows rules of its own.
 *
 * T1 A wall-clock time that the clocks skip fires as much later as they skip: 02:30 becomes 03:30 (RFC 5545 §3.3.5: the
 *    offset before the gap). Two times that become the same instant are one firing.
 * T2 A wall-clock time that comes twice fires the first time (RFC 5545 again), unless the hours of the expression are
 *    `*`: what runs in every hour runs through both.
 */
import { CronTime } from 'cron';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** Of one search: expressions come at least every eight years or never, and near a change a few hours are looked at. */
const MAX_LOOKS = 4_096;

/** The next instant strictly after `afterMs` at which the schedule fires; undefined: never (within eight years). */
export function nextTime(expression: string, timeZone: string, afterMs: number): number | undefined {
  try {
    return search(expression, zoneOf(timeZone), afterMs);
  } catch {
    // `cron` throws where it finds no date, and where the form is not one: both never fire.
    return undefined;
  }
}

/** Offset of the zone from UTC at an instant, in milliseconds. */
type Zone = (atMs: number) => number;

function zoneOf(timeZone: string): Zone {
  if (timeZone === 'UTC') return () => 0;
  // The zones that `cron` brings: any date of it has one.
  const { zone } = new CronTime('* * * * *', 'UTC').getNextDateFrom(new Date(0), 'UTC').setZone(timeZone);
  return (atMs) => zone.offset(atMs) * MINUTE_MS;
}

function search(expression: string, offsetAt: Zone, afterMs: number): number | undefined {
  const time = new CronTime(expression, 'UTC');
  const everyHour = expression.split(' ')[1] === '*';
  const shiftMs = Math.abs(offsetAt(afterMs - DAY_MS) - offsetAt(afterMs + DAY_MS));
  let wallMs = afterMs + offsetAt(afterMs) - shiftMs - MINUTE_MS;
  let best: number | undefined;
  for (let looks = 0; looks < MAX_LOOKS; looks++) {
    wallMs = time.getNextDateFrom(new Date(wallMs), 'UTC').toMillis();
    const [before, after] = [offsetAt(wallMs - DAY_MS), offsetAt(wallMs + DAY_MS)];
    // No later wall-clock time comes before this.
    if (best !== undefined && wallMs - Math.max(before, after) >= best) return best;
    for (const instant of instantsOf(wallMs, before, after, offsetAt, everyHour)) {
      if (instant > afterMs) best = Math.min(best ?? instant, instant);
    }
    if (best !== undefined && before === after) return best;
  }
  return best;
}

function instantsOf(wallMs: number, before: number, after: number, offsetAt: Zone, both: boolean): readonly number[] {
  if (before === after) return [wallMs - before];
  const real = [wallMs - before, wallMs - after]
    .filter((instant) => instant + offsetAt(instant) === wallMs)
    .sort((one, other) => one - other);
  if (real.length === 0) return [wallMs - before];
  return both ? real : real.slice(0, 1);
}

/** Nominal times that passed without being looked at are counted up to this; more are "at least". */
export const MAX_COUNTED = 100;

export interface Passed {
  /** The first and the newest of them. */
  readonly firstMs: number;
  readonly newestMs: number;
  /** At least; exact below `MAX_COUNTED`. */
  readonly count: number;
  /** The first one after `untilMs`. */
  readonly nextMs: number | undefined;
}

/** The firing times in (…, untilMs] from `firstMs` on, which is one. A long time is skipped, not walked. */
export function passedUntil(expression: string, timeZone: string, firstMs: number, untilMs: number): Passed {
  let newestMs = firstMs;
  let count = 1;
  for (;;) {
    const nextMs = nextTime(expression, timeZone, newestMs);
    if (nextMs === undefined || nextMs > untilMs) return { firstMs, newestMs, count, nextMs };
    newestMs = nextMs;
    count += 1;
    if (count < MAX_COUNTED) continue;
    return { firstMs, count, ...newestBefore(expression, timeZone, newestMs, untilMs) };
  }
}

/** By halving the way: the newest time up to `untilMs`, which `fromMs` is before. */
function newestBefore(
  expression: string,
  timeZone: string,
  fromMs: number,
  untilMs: number,
): Pick<Passed, 'newestMs' | 'nextMs'> {
  let newestMs = fromMs;
  for (let spanMs = MINUTE_MS; ; spanMs *= 2) {
    const startMs = untilMs - spanMs;
    const first = startMs <= fromMs ? fromMs : nextTime(expression, timeZone, startMs);
    if (first === undefined || first > untilMs) continue;
    newestMs = first;
    for (;;) {
      const nextMs = nextTime(expression, timeZone, newestMs);
      if (nextMs === undefined || nextMs > untilMs) return { newestMs, nextMs };
      newestMs = nextMs;
    }
  }
}
