/** What the steps of a canary and the statuses of a gate ask of the data plane: named requests, copies, and counts. */
import { Agent } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MAX_COPIES_IN_FLIGHT } from '../../src/ingress/copies.ts';
import type { ReleaseSamples } from '../../src/model/engine.ts';
import type { Arm } from '../../src/model/snapshot.ts';
import { Outcome, REQUEST_IS_MIRRORED, REQUEST_IS_TYPED } from '../../src/wire/frames.ts';
import { arm, NEXT, release, rule, snapshot, STABLE, startIngress, type Fixture } from './fixture.ts';
import { until, type ScriptedCall } from './scripted-cell.ts';

let fixture: Fixture;
const agent = new Agent({ keepAlive: true, maxSockets: 16 });
beforeEach(async () => {
  fixture = await startIngress(snapshot([rule()]));
});
afterEach(() => fixture.stop());

const TEAM = [
  { name: 'x-team', type: 'Exact' as const, value: 'us' },
  { name: 'x-beta', type: 'Exact' as const, value: '1' },
];
let generation = 1;
/** Both arms in force, the candidate with what its step says. */
function step(weight: number, more: Partial<Arm> = {}, all: Partial<Arm> = {}, sticky = {}): void {
  const arms = [
    { ...arm(STABLE, 100 - weight), ...all },
    { ...arm(NEXT, weight), ...more, ...all },
  ];
  expect(fixture.ingress.apply(snapshot([rule({ arms, ...sticky })], ++generation)).ok).toBe(true);
}

const saying = (text: string) => (call: ScriptedCall) => call.reply(200, text);
async function ask(count: number, headers: Record<string, string> = {}, method = 'GET'): Promise<string[]> {
  const said: string[] = [];
  for (let index = 0; index < count; index++) said.push((await fixture.get('/', { headers, agent, method })).body);
  return said;
}
function samplesOf(prefix: string): ReleaseSamples {
  return fixture.ingress.samples().find((one) => one.release === release(prefix))!;
}

describe('requests by header', () => {
  test('go to the candidate whatever the weight, by any one of the headers; the others never', async () => {
    await fixture.add(STABLE, saying('stable'));
    await fixture.add(NEXT, saying('next'));
    step(0, { headers: TEAM });
    expect(new Set(await ask(20))).toEqual(new Set(['stable']));
    expect(new Set(await ask(10, { 'X-Team': 'us' }))).toEqual(new Set(['next']));
    expect(new Set(await ask(10, { 'x-beta': '1' }))).toEqual(new Set(['next']));
    expect(new Set(await ask(10, { 'x-team': 'them' }))).toEqual(new Set(['stable']));
    expect(samplesOf('b').traffic.requests).toBe(20);
  });

  test('beside a weight that the others keep exactly', async () => {
    await fixture.add(STABLE, saying('stable'));
    await fixture.add(NEXT, saying('next'));
    step(20, { headers: TEAM });
    await ask(30, { 'x-team': 'us' });
    expect((await ask(100)).filter((text) => text === 'next')).toHaveLength(20);
  });

  test('before what sticks', async () => {
    await fixture.add(STABLE, saying('stable'));
    await fixture.add(NEXT, saying('next'));
    step(0, { headers: TEAM }, {}, { stickyBy: { type: 'cookie', name: 'session' } });
    const named = await fixture.get('/', { headers: { 'x-team': 'us', cookie: 'session=1' } });
    expect([named.body, named.headers['set-cookie']]).toEqual(['next', undefined]);
    expect((await fixture.get('/', { headers: { cookie: 'session=1' } })).body).toBe('stable');
  });

  test('fall back to what serves where the candidate has no replica, and count as its overload', async () => {
    await fixture.add(STABLE, saying('stable'));
    step(0, { headers: TEAM });
    expect(await ask(3, { 'x-team': 'us' })).toEqual(['stable', 'stable', 'stable']);
    expect(samplesOf('b').traffic.overloads).toBe(3);
  });
});

describe('copies of requests', () => {
  test.each([1, 10, 25, 100])(
    '%i percent of the safe ones, exactly, with the mark, and only what serves answers',
    async (mirror) => {
      await fixture.add(STABLE, saying('stable'));
      const { cell } = await fixture.add(NEXT, saying('next'));
      step(0, { mirror });
      expect(new Set(await ask(100, { 'x-a': 'b' }))).toEqual(new Set(['stable']));
      await until(() => (samplesOf('b').mirrored?.requests ?? 0) === mirror);
      expect(cell.calls).toHaveLength(mirror);
      const [copy] = cell.calls;
      expect([copy!.request.flags, copy!.request.method, copy!.path, copy!.header('x-a')]).toEqual([
        REQUEST_IS_MIRRORED,
        'GET',
        '/',
        'b',
      ]);
      const { traffic, mirrored, consecutiveFailures, inFlight } = samplesOf('b');
      expect([traffic.requests, traffic.overloads, consecutiveFailures, inFlight]).toEqual([0, 0, 0, 0]);
      expect(mirrored).toMatchObject({ requests: mirror, failures: 0 });
      expect(samplesOf('a').traffic.requests).toBe(100);
    },
  );

  test('an original carries no mark', async () => {
    const { cell } = await fixture.add(STABLE, saying('stable'));
    await fixture.add(NEXT, saying('next'));
    step(0, { mirror: 100 });
    await ask(1);
    expect(cell.calls[0]!.request.flags & REQUEST_IS_MIRRORED).toBe(0);
  });

  test.each([
    ['GET', 1],
    ['HEAD', 1],
    ['OPTIONS', 1],
    ['POST', 0],
    ['PUT', 0],
    ['DELETE', 0],
    ['PATCH', 0],
  ])('%s: %i', async (method, copies) => {
    await fixture.add(STABLE, saying('stable'));
    const { cell } = await fixture.add(NEXT, saying('next'));
    step(0, { mirror: 100 });
    await ask(1, {}, method);
    await until(() => cell.calls.length >= copies);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(cell.calls).toHaveLength(copies);
  });

  test('a small body goes along, a body that streams does not', async () => {
    await fixture.add(STABLE, saying('stable'));
    const { cell } = await fixture.add(NEXT, saying('next'));
    step(0, { mirror: 100 });
    await fixture.get('/', { method: 'GET', headers: { 'content-length': '5' }, body: 'small' });
    await until(() => cell.calls.length === 1);
    expect(cell.calls[0]!.body.toString()).toBe('small');
    const big = Buffer.alloc(64 * 1024);
    await fixture.get('/', { method: 'GET', headers: { 'content-length': String(big.length) }, body: big });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(cell.calls).toHaveLength(1);
  });

  test('beside a weight: what goes to the candidate itself is no copy', async () => {
    await fixture.add(STABLE, saying('stable'));
    await fixture.add(NEXT, saying('next'));
    step(20, { mirror: 50 });
    expect((await ask(100)).filter((text) => text === 'next')).toHaveLength(20);
    await until(() => samplesOf('b').mirrored!.requests === 40);
    expect(samplesOf('b').traffic.requests).toBe(20);
  });

  test.each<readonly [string, (call: ScriptedCall) => void, object]>([
    ['answers 500', (call) => call.reply(500), { failures: 1, status5xx: 1 }],
    ['traps', (call) => call.done(Outcome.Trap, 'x'), { failures: 1, traps: 1 }],
    [
      'answers with an error code',
      (call) => call.done(Outcome.ErrorCode, 'internal-error'),
      { failures: 1, status5xx: 1 },
    ],
    [
      'breaks off its body',
      (call) => {
        call.head(200);
        call.chunk(Buffer.from('a'));
        call.bodyAbort();
        call.done();
      },
      { failures: 1 },
    ],
    ['answers 404', (call) => call.reply(404), { failures: 0, status4xx: 1 }],
    [
      'streams an answer',
      (call) => {
        call.head(200);
        call.chunk(Buffer.alloc(200_000));
        call.bodyEnd();
        call.done();
      },
      { failures: 0 },
    ],
  ])('one that %s is counted as that, and the visitor has his answer', async (_, script, counted) => {
    await fixture.add(STABLE, saying('stable'));
    await fixture.add(NEXT, script);
    step(0, { mirror: 100 });
    expect(await ask(1)).toEqual(['stable']);
    await until(() => samplesOf('b').mirrored !== undefined);
    expect(samplesOf('b').mirrored).toMatchObject({ requests: 1, ...counted });
    expect(samplesOf('b').consecutiveFailures).toBe(0);
  });

  test('a cell that dies with a copy, or answers never, costs the visitor nothing', async () => {
    await fixture.add(STABLE, saying('stable'));
    const { cell } = await fixture.add(NEXT, () => undefined);
    step(0, { mirror: 100 });
    const startedMs = performance.now();
    expect(await ask(5)).toEqual(Array.from({ length: 5 }, () => 'stable'));
    // None of them has waited for the end of a copy's time.
    expect(performance.now() - startedMs).toBeLessThan(rule().requestTimeoutMs);
    await until(() => cell.calls.length === 5);
    cell.die();
    await until(() => (samplesOf('b').mirrored?.failures ?? 0) === 5);
    expect(await ask(5)).toEqual(Array.from({ length: 5 }, () => 'stable'));
  });

  test('at most half of the places of a replica, and so many of a release; the rest is not sent', async () => {
    await fixture.add(STABLE, saying('stable'));
    const { cell } = await fixture.add(NEXT, () => undefined, { concurrency: 9 });
    step(0, { mirror: 100 });
    await ask(10);
    expect(cell.calls).toHaveLength(4);
    expect(samplesOf('b').mirrored).toMatchObject({ requests: 0, overloads: 6 });
    await fixture.add(NEXT, () => undefined, { concurrency: 4 * MAX_COPIES_IN_FLIGHT });
    await ask(MAX_COPIES_IN_FLIGHT - 4);
    expect(samplesOf('b').mirrored!.overloads).toBe(6);
    await ask(1);
    expect(samplesOf('b').mirrored!.overloads).toBe(7);
  });

  test.each([
    ['visitors meet it', 10, 0],
    ['nobody meets it', 0, 1],
  ])('a replica with one place, where %s', async (_, weight, copies) => {
    await fixture.add(STABLE, saying('stable'));
    const { cell } = await fixture.add(NEXT, () => undefined, { concurrency: 1 });
    step(weight, { mirror: 100 });
    await ask(1);
    await until(() => cell.calls.length >= copies);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(cell.calls).toHaveLength(copies);
  });

  test('the share is kept over snapshots that do not change it', async () => {
    await fixture.add(STABLE, saying('stable'));
    const { cell } = await fixture.add(NEXT, saying('next'));
    for (let round = 0; round < 40; round++) {
      step(0, { mirror: 10 });
      await ask(1);
    }
    await until(() => cell.calls.length === 4);
    expect(samplesOf('a').traffic.requests).toBe(40);
  });
});

describe('statuses that are failures', () => {
  test.each<readonly [string, number, readonly string[] | undefined, object]>([
    ['500 by default', 500, undefined, { failures: 1, status5xx: 1, status4xx: 0 }],
    ['404 by default', 404, undefined, { failures: 0, status4xx: 1 }],
    ['404 where 4xx count', 404, ['4xx', '5xx'], { failures: 1, status4xx: 0 }],
    ['404 where 404 counts', 404, ['404'], { failures: 1, status4xx: 0 }],
    ['403 where 404 counts', 403, ['404'], { failures: 0, status4xx: 1 }],
    ['500 where only 503 counts', 500, ['503'], { failures: 0, status5xx: 1 }],
    ['503 where only 503 counts', 503, ['503'], { failures: 1, status5xx: 1 }],
  ])('%s', async (_, status, failureStatuses, counted) => {
    await fixture.add(STABLE, (call) => call.reply(status));
    await fixture.add(NEXT, (call) => call.reply(status));
    step(50, {}, failureStatuses ? { failureStatuses } : {});
    await ask(2);
    for (const name of ['a', 'b']) {
      expect(samplesOf(name).traffic).toMatchObject({ requests: 1, ...counted });
      expect(samplesOf(name).consecutiveFailures).toBe((counted as { failures: number }).failures);
    }
  });

  test('change with a snapshot, for what comes after it', async () => {
    await fixture.add(STABLE, (call) => call.reply(404));
    await ask(3);
    step(0, {}, { failureStatuses: ['4xx'] });
    await ask(2);
    expect(samplesOf('a').traffic).toMatchObject({ requests: 5, failures: 2, status4xx: 3 });
  });

  test('hold for a trap whatever is written', async () => {
    await fixture.add(STABLE, (call) => call.done(Outcome.Trap, 'x'));
    step(0, {}, { failureStatuses: ['404'] });
    await ask(1);
    expect(samplesOf('a').traffic).toMatchObject({ requests: 1, failures: 1, traps: 1 });
  });

  test('hold for synthetic requests, also of a candidate that no rule names', async () => {
    await fixture.add(NEXT, (call) => call.reply(404));
    const previewed = { ...arm(NEXT, 100), failureStatuses: ['404'] };
    const previews = [{ release: release('b'), label: 'b--checkout', rules: [rule({ arms: [previewed] })] }];
    fixture.ingress.apply({ ...snapshot([rule()], ++generation), previews });
    await fixture.ingress.synthesize({
      id: 'run',
      release: release('b'),
      group: NEXT,
      requests: 3,
      timeoutMs: 30_000,
      call: { type: 'httpGet', path: '/', headers: [] },
    });
    expect(samplesOf('b')).toMatchObject({
      consecutiveFailures: 3,
      synthetic: { requests: 3, failures: 3, status4xx: 0 },
    });
  });
});

test.each([
  ['a function to a handler', { interface: 'a:b/c', function: 'd' }, undefined],
  ['a handler to a function', undefined, { interface: 'a:b/c', function: 'd' }],
  ['a function to another', { interface: 'a:b/c', function: 'd' }, { interface: 'a:b/c', function: 'e' }],
])('a copy asks the release that gets it as that one is called: %s', async (_what, from, to) => {
  const stable = await fixture.add(STABLE, saying('stable'));
  const next = await fixture.add(NEXT, saying('next'));
  const pathOf = (called: typeof from): string => (called ? `a:b/c#${called.function}` : '/where?x=1');
  const typed = (called: typeof from): number => (called ? REQUEST_IS_TYPED : 0);
  const arms = [
    { ...arm(STABLE, 100), ...(from ? { export: from } : {}) },
    { ...arm(NEXT, 0), mirror: 100, ...(to ? { export: to } : {}) },
  ];
  fixture.ingress.apply(snapshot([rule({ arms })], ++generation));
  await fixture.get('/where?x=1', { agent });
  await until(() => next.cell.calls.length === 1);
  expect(stable.cell.calls.map(({ path, request }) => [path, request.flags])).toEqual([[pathOf(from), typed(from)]]);
  expect(next.cell.calls.map(({ path, request }) => [path, request.flags])).toEqual([
    [pathOf(to), typed(to) | REQUEST_IS_MIRRORED],
  ]);
});
