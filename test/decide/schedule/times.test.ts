import { describe, expect, it } from 'vitest';
import { MAX_COUNTED, nextTime, passedUntil } from '../../../src/decide/schedule/times.ts';
import { clockOf, firingsIn } from './oracle.ts';

const DAY_MS = 86_400_000;

function ours(expression: string, zone: string, fromMs: number, untilMs: number): readonly number[] {
  const times: number[] = [];
  for (let at = nextTime(expression, zone, fromMs - 1); at !== undefined && at < untilMs;) {
    times.push(at);
    at = nextTime(expression, zone, at);
  }
  return times;
}

const iso = (times: readonly number[]) => times.map((time) => new Date(time).toISOString());

/** Two days around a change of the clocks, or around none. */
const WINDOWS: readonly (readonly [string, string])[] = [
  ['Europe/Berlin', '2026-03-29'],
  ['Europe/Berlin', '2026-10-25'],
  ['America/New_York', '2026-03-08'],
  ['America/New_York', '2026-11-01'],
  ['America/St_Johns', '2026-11-01'],
  ['Australia/Lord_Howe', '2026-04-05'],
  ['Australia/Lord_Howe', '2026-10-04'],
  ['Australia/Sydney', '2026-10-04'],
  ['Africa/Casablanca', '2026-02-15'],
  ['Asia/Kolkata', '2026-06-15'],
  ['America/Nuuk', '2026-03-28'],
  // A whole day was left out.
  ['Pacific/Apia', '2011-12-30'],
  ['UTC', '2026-12-31'],
];

const EXPRESSIONS = [
  '30 2 * * *',
  '15 2 * * *',
  '0 0 * * *',
  '0 3 * * *',
  '59 1 * * *',
  '*/20 * * * *',
  '0 * * * *',
  '0 */2 * * *',
  '15,45 1-3 * * *',
  '10 2,14 * * 0',
  '30 2 29 3 *',
  '45 23 * * 6,7',
  '0 12 1 * 1',
];

describe('firing times', () => {
  it.each(WINDOWS)('are those of an independent clock: %s around %s', { timeout: 60_000 }, (zone, day) => {
    const middle = Date.parse(`${day}T00:00:00Z`);
    const [from, until] = [middle - 0.5 * DAY_MS, middle + 1.5 * DAY_MS];
    // The clock begins earlier, so that what it shows twice is known to come again.
    const clock = clockOf(zone, from - DAY_MS, until);
    for (const expression of zone === 'Pacific/Apia' ? EXPRESSIONS.slice(0, 5) : EXPRESSIONS) {
      const expected = firingsIn(expression, clock).filter((time) => time >= from);
      expect(iso(ours(expression, zone, from, until)), expression).toEqual(iso(expected));
    }
  });

  it.each([
    // The skipped hour of Berlin: once, an hour later. The doubled one: once, the first time.
    ['30 2 * * *', '2026-03-28T12:00Z', ['2026-03-29T01:30', '2026-03-30T00:30']],
    ['30 2 * * *', '2026-10-24T12:00Z', ['2026-10-25T00:30', '2026-10-26T01:30']],
    // Every hour means every hour that passes.
    ['30 * * * *', '2026-03-29T00:00Z', ['2026-03-29T00:30', '2026-03-29T01:30', '2026-03-29T02:30']],
    ['30 * * * *', '2026-10-25T00:00Z', ['2026-10-25T00:30', '2026-10-25T01:30', '2026-10-25T02:30']],
    // What is skipped and what comes anyway are one firing.
    ['30 2,3 * * *', '2026-03-28T12:00Z', ['2026-03-29T01:30', '2026-03-30T00:30', '2026-03-30T01:30']],
  ])('%s in Berlin after %s', (expression, after, expected) => {
    let at = Date.parse(after);
    const times = expected.map(() => (at = nextTime(expression, 'Europe/Berlin', at)!));
    expect(iso(times)).toEqual(expected.map((time) => `${time}:00.000Z`));
  });

  it.each([
    ['0 0 31 2 *', 'UTC'],
    ['0 0 30 2 *', 'Europe/Berlin'],
    ['not cron at all', 'UTC'],
  ])('never come: %s', (expression, zone) => {
    expect(nextTime(expression, zone, Date.UTC(2026, 0, 1))).toBeUndefined();
  });

  it('a leap day is found years ahead', () => {
    expect(nextTime('0 0 29 2 *', 'UTC', Date.UTC(2026, 2, 1))).toBe(Date.UTC(2028, 1, 29));
  });

  it('what passed is counted to its bound, and the newest is found however long it was', () => {
    const first = Date.UTC(2026, 0, 1);
    for (const minutes of [0, 1, MAX_COUNTED - 2, MAX_COUNTED - 1, MAX_COUNTED, 500_000]) {
      const until = first + minutes * 60_000 + 59_999;
      const { count, newestMs, nextMs } = passedUntil('* * * * *', 'Europe/Berlin', first, until);
      expect([count, newestMs, nextMs]).toEqual([
        Math.min(minutes + 1, MAX_COUNTED),
        first + minutes * 60_000,
        first + (minutes + 1) * 60_000,
      ]);
    }
    const yearly = passedUntil('0 0 1 1 *', 'UTC', first, Date.UTC(2029, 5, 1));
    expect([yearly.count, yearly.newestMs, yearly.nextMs]).toEqual([4, Date.UTC(2029, 0, 1), Date.UTC(2030, 0, 1)]);
  });
});
