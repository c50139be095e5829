/**
 * When a schedule fires, said another way: every minute of a window is looked at on the clock of its zone as the platform
 * tells it (Intl), and held against the five fields. No date arithmetic, no library of ours.
 */
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** A wall clock as one number that sorts: what the zone shows, read as if it were UTC. */
type Wall = number;

/** What the zone's clock shows at each minute of [fromMs, untilMs). */
export function clockOf(timeZone: string, fromMs: number, untilMs: number): ReadonlyMap<number, Wall> {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  const shown = new Map<number, Wall>();
  for (let atMs = fromMs; atMs < untilMs; atMs += MINUTE_MS) {
    const parts = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
    const { year, month, day, hour, minute } = parts as Record<string, number>;
    shown.set(atMs, Date.UTC(year!, month! - 1, day, hour, minute));
  }
  return shown;
}

const BOUNDS = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 6],
] as const;

function valuesOf(field: string, index: number): ReadonlySet<number> {
  const [low, high] = BOUNDS[index]!;
  const values = new Set<number>();
  for (const part of field.split(',')) {
    const [range = '', step = '1'] = part.split('/');
    const [from, to = part.includes('/') ? String(high) : range] = range.split('-') as [string, string?];
    const [start, end] = range === '*' ? [low, high] : [Number(from), Number(to)];
    for (let value = start; value <= end; value += Number(step)) values.add(index === 4 ? value % 7 : value);
  }
  return values;
}

function matcher(expression: string): (wall: Wall) => boolean {
  const fields = expression.split(' ');
  const [minutes, hours, days, months, weekdays] = fields.map(valuesOf);
  return (wall) => {
    const date = new Date(wall);
    const [byDay, byWeekday] = [days!.has(date.getUTCDate()), weekdays!.has(date.getUTCDay())];
    const isDay = fields[2] === '*' || fields[4] === '*' ? byDay && byWeekday : byDay || byWeekday;
    return (
      minutes!.has(date.getUTCMinutes()) &&
      hours!.has(date.getUTCHours()) &&
      months!.has(date.getUTCMonth() + 1) &&
      isDay
    );
  };
}

/** Every firing of the window, in order. */
export function firingsIn(expression: string, clock: ReadonlyMap<number, Wall>): readonly number[] {
  const matches = matcher(expression);
  const everyHour = expression.split(' ')[1] === '*';
  const found = new Set<number>();
  const seen = new Map<Wall, number>();
  let last: readonly [number, Wall] | undefined;
  for (const [atMs, wall] of clock) {
    if (last && wall > last[1] + MINUTE_MS) {
      // The clock jumped over these: each comes as much later as it jumped, as if it had not yet.
      for (let skipped = last[1] + MINUTE_MS; skipped < wall; skipped += MINUTE_MS) {
        if (matches(skipped)) found.add(last[0] + (skipped - last[1]));
      }
    }
    const before = seen.get(wall);
    const isSecond = before !== undefined && atMs - before < 25 * HOUR_MS;
    seen.set(wall, atMs);
    if (matches(wall) && (!isSecond || everyHour)) found.add(atMs);
    last = [atMs, wall];
  }
  return [...found].sort((one, other) => one - other);
}
