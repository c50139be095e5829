import { expect, test } from 'vitest';
import { measureInTurn, median, summarise } from './harness.ts';
import { LOAD_CLIENT, WRK, parseWrk } from './meter.ts';
import { startBare, startJcoServe } from './peers/peer.ts';
import { commandOf, familyOf, processorUs, residentBytes } from './processes.ts';
import { renderSection } from './table.ts';
import { percentile, summariseTimes } from './times.ts';

test.each([
  [[3], 3],
  [[9, 1, 5], 5],
  [[4, 1, 3, 2], 2.5],
  [[], Number.NaN],
])('the median of %j is %d', (values, expected) => {
  expect(median(values)).toBe(expected);
});

test.each([
  [[5], 0.95, 5],
  [Array.from({ length: 20 }, (_, index) => 20 - index), 0.95, 19],
  [Array.from({ length: 21 }, (_, index) => index + 1), 0.95, 20],
  [[3, 1, 2], 0, 1],
  [[3, 1, 2], 1, 3],
  [[], 0.95, Number.NaN],
])('of %j the percentile %d is %d', (values, share, expected) => {
  expect(percentile(values, share)).toBe(expected);
});

test('durations are judged by their 95th percentile', () => {
  const times = new Map([
    ['ours', [10, 20, 30]],
    ['by hand', [5]],
  ]);
  const result = summariseTimes('Times', 'conditions', times, [
    { subject: 'ours', p95AtMostMs: 30 },
    { subject: 'ours', p95AtMostMs: 29 },
    { subject: 'absent', p95AtMostMs: 100 },
  ]);
  expect(result.limits.map(({ value, met }) => [value, met])).toEqual([
    [30, true],
    [30, false],
    [Number.NaN, false],
  ]);
  expect(renderSection(result)).toBe(
    [
      'Times (3 rounds; conditions)',
      '          p50 ms   p95 ms   least ms   most ms   spread',
      'ours        20.0     30.0       10.0      30.0    100 %',
      'by hand     5.00     5.00       5.00      5.00      0 %',
      'ours, p95 ms: 30.0   wanted ≤ 30   met',
      'ours, p95 ms: 30.0   wanted ≤ 29   MISSED',
      'absent, p95 ms: -   wanted ≤ 100   MISSED',
      '',
    ].join('\n'),
  );
});

test('subjects are measured in turn, and ratios are of medians', async () => {
  const order: string[] = [];
  const figures: Record<string, number[]> = { fast: [100, 900, 110], slow: [20, 10, 30] };
  const subjects = ['fast', 'slow'].map((name) => ({
    name,
    measure: async () => {
      order.push(name);
      return { 'req/s': figures[name]!.shift()! };
    },
  }));
  const measured = await measureInTurn(subjects, 3);
  expect(order).toEqual(['fast', 'slow', 'fast', 'slow', 'fast', 'slow']);
  const result = summarise('A title', 'conditions', measured, [
    { subject: 'fast', to: 'slow', metric: 'req/s', atLeast: 5.5 },
    { subject: 'slow', to: 'fast', metric: 'req/s', atLeast: 0.2 },
    { subject: 'absent', to: 'fast', metric: 'req/s', atLeast: 0 },
    { subject: 'fast', to: 'slow', metric: 'req/s', atMost: 5.5 },
    { subject: 'fast', to: 'slow', metric: 'req/s', atMost: 5.4 },
    { subject: 'fast', metric: 'req/s', atLeast: 111 },
  ]);
  expect(result.subjects.map(({ medians }) => medians['req/s'])).toEqual([110, 20]);
  expect(result.ratios.map(({ value, met }) => [value, met])).toEqual([
    [5.5, true],
    [20 / 110, false],
    [Number.NaN, false],
    [5.5, true],
    [5.5, false],
    [110, false],
  ]);
  expect(renderSection(result)).toBe(
    [
      'A title (3 rounds; conditions)',
      '       req/s   spread',
      'fast     110    727 %',
      'slow    20.0    100 %',
      'fast ÷ slow, req/s: 5.50   wanted ≥ 5.5   met',
      'slow ÷ fast, req/s: 0.182   wanted ≥ 0.2   MISSED',
      'absent ÷ fast, req/s: -   wanted ≥ 0   MISSED',
      'fast ÷ slow, req/s: 5.50   wanted ≤ 5.5   met',
      'fast ÷ slow, req/s: 5.50   wanted ≤ 5.4   MISSED',
      'fast, req/s: 110   wanted ≥ 111   MISSED',
      '',
    ].join('\n'),
  );
});

test('bounds are judged by the median, and the best round is told beside it', async () => {
  const figures: Record<string, number[]> = { ours: [9, 3, 4], theirs: [2, 2, 3] };
  const subjects = ['ours', 'theirs'].map((name) => ({
    name,
    measure: async () => ({ [name === 'ours' ? 'µs' : 'ns']: figures[name]!.shift()!, 'calls/s': 10 }),
  }));
  const measured = await measureInTurn(subjects, 3);
  const result = summarise(
    'A title',
    'conditions',
    measured,
    [],
    [
      { subject: 'ours', metric: 'µs', atMost: 4 },
      { subject: 'ours', metric: 'µs', atMost: 3 },
      { subject: 'ours', metric: 'µs', atLeast: 4.5 },
      { subject: 'ours', minus: 'theirs', metric: 'calls/s', atMost: 0 },
      { subject: 'absent', metric: 'µs', atMost: 3 },
    ],
  );
  expect(result.bounds!.map(({ value, best, met }) => [value, best, met])).toEqual([
    [4, 3, true],
    [4, 3, false],
    [4, 9, false],
    [0, 0, true],
    [Number.NaN, Infinity, false],
  ]);
  expect(renderSection(result)).toBe(
    [
      'A title (3 rounds; conditions)',
      '           µs   calls/s     ns   spread',
      'ours     4.00      10.0      -    150 %',
      'theirs      -      10.0   2.00     50 %',
      'ours, µs: 4.00 (best 3.00)   wanted ≤ 4   met',
      'ours, µs: 4.00 (best 3.00)   wanted ≤ 3   MISSED',
      'ours, µs: 4.00 (best 9.00)   wanted ≥ 4.5   MISSED',
      'ours − theirs, calls/s: 0.00   wanted ≤ 0   met',
      'absent, µs: - (best -)   wanted ≤ 3   MISSED',
      '',
    ].join('\n'),
  );
});

const WRK_OUTPUT = `Running 3s test @ http://127.0.0.1:18431/
  Latency Distribution
     50%  421.00us
     75%   33.53ms
     90%   39.76ms
     99%    1.09s
  3005 requests in 3.00s, 689.82KB read
Requests/sec:   1001.16
`;

test('wrk is read with its units', () => {
  expect(parseWrk(WRK_OUTPUT)).toEqual({ 'req/s': 1001.16, 'p50 ms': 0.421, 'p99 ms': 1090 });
});

test.each(['  Socket errors: connect 0, read 3, write 0, timeout 0\n', '  Non-2xx or 3xx responses: 7\n'])(
  'a run of wrk with failures is no figure: %s',
  (line) => {
    expect(() => parseWrk(WRK_OUTPUT + line)).toThrow('wrk: ');
  },
);

test('jco serve answers as the bare server does, and nothing of it is left when it is stopped', async () => {
  const peers = [await startBare(), await startJcoServe('greeting-v1')];
  const answers: string[] = [];
  for (const { url, stop } of peers) {
    answers.push(await (await fetch(url, { headers: { connection: 'close' } })).text());
    await stop();
    await expect(fetch(url)).rejects.toThrow('fetch failed');
  }
  expect(answers).toEqual(['Hello, world! (greeting v1)\n', 'Hello, world! (greeting v1)\n']);
});

test('a process is known by what it used, what it holds and what came of it', async () => {
  const bare = await startBare();
  try {
    const pid = bare.serverPid!;
    expect(familyOf(process.pid)).toContain(pid);
    expect(familyOf(pid)).toEqual([pid]);
    expect(commandOf(pid)).toContain('peers/bare.ts');
    expect(residentBytes(pid)).toBeGreaterThan(10_000_000);
    const before = processorUs(pid);
    await LOAD_CLIENT.measure(bare.url, { connections: 8, seconds: 1 });
    expect(processorUs(pid)).toBeGreaterThan(before);
  } finally {
    await bare.stop();
  }
});

test.each([WRK, LOAD_CLIENT])('$name measures a real server', async (meter) => {
  const bare = await startBare();
  try {
    const metrics = await meter.measure(bare.url, { connections: 2, seconds: 1 });
    expect(metrics['req/s']).toBeGreaterThan(0);
    expect(metrics['p99 ms']).toBeGreaterThanOrEqual(metrics['p50 ms']!);
  } finally {
    await bare.stop();
  }
});
