/** What a rollout asks of the data plane: exact weights, sticky clients, swaps without a loss, second tries, drains. */
import { once } from 'node:events';
import { Agent } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ReleaseSamples } from '../../src/model/engine.ts';
import { Abort, FromCell, Outcome, REQUEST_IS_TYPED } from '../../src/wire/frames.ts';
import { createIngress } from '../../src/ingress/ingress.ts';
import { arm, errorOf, NEXT, rule, SILENT, snapshot, STABLE, startIngress, type Fixture } from './fixture.ts';
import { until, type Script } from './scripted-cell.ts';

let fixture: Fixture;
const agent = new Agent({ keepAlive: true, maxSockets: 16 });
beforeEach(async () => {
  fixture = await startIngress(snapshot([rule()]));
});
afterEach(() => fixture.stop());

const saying =
  (text: string): Script =>
  (call) =>
    call.reply(200, text);
const both = (weight: number, more = {}) => rule({ arms: [arm(STABLE, 100 - weight), arm(NEXT, weight)], ...more });

function samplesOf(prefix: string): ReleaseSamples {
  const found = fixture.ingress.samples().find((samples) => samples.release.startsWith(prefix));
  if (found === undefined) throw new Error(`no samples of ${prefix}`);
  return found;
}

async function bodies(count: number, headers: Record<string, string> = {}): Promise<string[]> {
  const said: string[] = [];
  for (let index = 0; index < count; index++) said.push((await fixture.get('/', { headers, agent })).body);
  return said;
}

describe('weights', () => {
  test.each([5, 20, 50])('of %i percent are kept exactly over 100 requests', async (weight) => {
    await fixture.add(STABLE, saying('stable'));
    await fixture.add(NEXT, saying('next'));
    fixture.ingress.apply(snapshot([both(weight)], 2));
    const said = await bodies(100);
    expect(said.filter((text) => text === 'next')).toHaveLength(weight);
    expect(samplesOf('b').traffic.requests).toBe(weight);
    expect(samplesOf('a').traffic.requests).toBe(100 - weight);
  });

  test('are kept over snapshots that do not change them', async () => {
    await fixture.add(STABLE, saying('stable'));
    await fixture.add(NEXT, saying('next'));
    let next = 0;
    for (let generation = 2; generation < 42; generation++) {
      fixture.ingress.apply(snapshot([both(10)], generation));
      next += (await bodies(1)).filter((text) => text === 'next').length;
    }
    expect(next).toBe(4);
  });

  test('of an arm without a ready replica go to the other, which is counted', async () => {
    await fixture.add(STABLE, saying('stable'));
    fixture.ingress.apply(snapshot([both(50)], 2));
    expect(new Set(await bodies(10))).toEqual(new Set(['stable']));
    expect(samplesOf('b').traffic).toMatchObject({ requests: 0, overloads: 5 });
    expect(samplesOf('a').traffic).toMatchObject({ requests: 10, overloads: 0 });
  });

  test('of 0 are never chosen, not even when nothing else is ready', async () => {
    await fixture.add(NEXT, saying('next'));
    fixture.ingress.apply(snapshot([both(0)], 2));
    const answer = await fixture.get('/');
    expect(answer.status).toBe(503);
    expect(errorOf(answer)).toMatchObject({ reason: 'NoReplica', code: 'HW4521', release: 'a00000000000' });
    expect(samplesOf('a').traffic).toMatchObject({ requests: 0, failures: 0, overloads: 1 });
  });
});

test('a rule without arms says why', async () => {
  const unavailable = { reason: 'FirstDeployment', message: 'the first release is not ready yet' };
  fixture.ingress.apply(snapshot([rule({ arms: [], unavailable })], 2));
  const answer = await fixture.get('/');
  expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  expect(errorOf(answer)).toMatchObject({
    status: 503,
    reason: 'FirstDeployment',
    route: 'shop/checkout',
    message: expect.stringContaining('the first release is not ready yet'),
  });
});

test('each arm is asked as its release is called: one by its HTTP handler, the other by a function', async () => {
  const stable = await fixture.add(STABLE, saying('stable'));
  const next = await fixture.add(NEXT, saying('next'));
  const typed = { ...arm(NEXT, 50), export: { interface: 'a:b/c@1.0.0', function: 'do-it' } };
  fixture.ingress.apply(snapshot([rule({ arms: [arm(STABLE, 50), typed] })], 2));
  await bodies(4);
  expect(stable.cell.calls.map(({ path, request }) => [path, request.flags & REQUEST_IS_TYPED])).toEqual([
    ['/', 0],
    ['/', 0],
  ]);
  expect(next.cell.calls.map(({ path, request }) => [path, request.flags & REQUEST_IS_TYPED])).toEqual([
    ['a:b/c@1.0.0#do-it', REQUEST_IS_TYPED],
    ['a:b/c@1.0.0#do-it', REQUEST_IS_TYPED],
  ]);
});

describe('sticky', () => {
  beforeEach(async () => {
    await fixture.add(STABLE, saying('stable'));
    await fixture.add(NEXT, saying('next'));
  });

  test('by header: a client stays where it is, and moves only to the arm that rises', async () => {
    const clients = Array.from({ length: 40 }, (_, index) => `client-${index}`);
    const moved = new Set<string>();
    for (const [step, weight] of [0, 20, 60, 100].entries()) {
      fixture.ingress.apply(snapshot([both(weight, { stickyBy: { type: 'header', name: 'x-session' } })], 2 + step));
      for (const client of clients) {
        const said = new Set(await bodies(3, { 'x-session': client }));
        expect(said.size).toBe(1);
        if (moved.has(client)) expect(said).toEqual(new Set(['next']));
        if (said.has('next')) moved.add(client);
      }
    }
    expect(moved.size).toBe(clients.length);
  });

  test('by header: without the header the weights are kept exactly', async () => {
    fixture.ingress.apply(snapshot([both(20, { stickyBy: { type: 'header', name: 'x-session' } })], 2));
    expect((await bodies(50)).filter((text) => text === 'next')).toHaveLength(10);
  });

  test('by cookie: one is set where there is none, and it keeps its arm', async () => {
    fixture.ingress.apply(snapshot([both(50, { stickyBy: { type: 'cookie', name: 'sid' } })], 2));
    const seen = new Set<string>();
    for (let index = 0; index < 20; index++) {
      const first = await fixture.get('/');
      const [cookie] = first.headers['set-cookie'] ?? [];
      expect(cookie).toMatch(/^sid=[0-9a-f-]{36}; Path=\/; HttpOnly; SameSite=Lax$/);
      const again = await fixture.get('/', { headers: { cookie: `other=1; ${cookie!.split(';')[0]}` } });
      expect(again.body).toBe(first.body);
      expect(again.headers['set-cookie']).toBeUndefined();
      seen.add(first.body);
    }
    expect(seen).toEqual(new Set(['stable', 'next']));
  });
});

describe('a swap of the snapshot', () => {
  test('under load loses nothing, answers nothing twice and nothing by two releases', async () => {
    const slowly =
      (text: string): Script =>
      (call) =>
        void setTimeout(() => call.reply(200, `${text} ${call.path}`), 2);
    await fixture.add(STABLE, slowly('a00000000000'));
    await fixture.add(NEXT, slowly('b00000000000'));
    let generation = 1;
    const swapping = setInterval(() => {
      generation++;
      fixture.ingress.apply(
        snapshot([generation % 2 === 0 ? rule({ arms: [arm(NEXT, 100)] }) : both(generation % 100)], generation),
      );
    }, 1);
    const asked = Array.from({ length: 800 }, (_, index) => fixture.get(`/${index}`, { agent }));
    const answers = await Promise.all(asked);
    clearInterval(swapping);
    expect(generation).toBeGreaterThan(10);
    for (const [index, answer] of answers.entries()) {
      expect(answer).toMatchObject({ status: 200, body: `${String(answer.headers['x-headway-release'])} /${index}` });
    }
    const total = samplesOf('a').traffic.requests + samplesOf('b').traffic.requests;
    expect(total).toBe(800);
    expect([samplesOf('a').inFlight, samplesOf('b').inFlight]).toEqual([0, 0]);
  });

  test('leaves a request in flight on the release that it started with, on the same connection', async () => {
    const stable = await fixture.add(STABLE, () => undefined);
    await fixture.add(NEXT, saying('next'));
    const client = fixture.dial();
    client.write('GET / HTTP/1.1', 'Host: a', '', '');
    await until(() => stable.cell.calls.length === 1);
    fixture.ingress.apply(snapshot([rule({ arms: [arm(NEXT, 100)] })], 2));
    expect(samplesOf('a').inFlight).toBe(1);
    stable.cell.calls[0]!.reply(200, 'stable');
    await until(() => client.statuses.length === 1);
    expect(client.received).toMatch(/x-headway-release: a0{11}[^]*stable$/);
    expect(samplesOf('a').inFlight).toBe(0);
    client.write('GET / HTTP/1.1', 'Host: a', '', '');
    await until(() => client.statuses.length === 2);
    expect(client.received).toMatch(/next$/);
  });

  test('takes along who still waits for a cell of the old release', async () => {
    const { cell } = await fixture.add(STABLE, () => undefined, { concurrency: 1, queue: 5 });
    await fixture.add(NEXT, saying('next'));
    const inCell = fixture.get('/in-cell');
    await until(() => cell.calls.length === 1);
    const waiting = fixture.get('/waiting');
    await until(() => samplesOf('a').inFlight === 2);
    fixture.ingress.apply(snapshot([rule({ arms: [arm(NEXT, 100)] })], 2));
    fixture.ingress.setReplicas(STABLE, []);
    expect(await waiting).toMatchObject({
      status: 200,
      body: 'next',
      headers: { 'x-headway-release': 'b00000000000' },
    });
    cell.calls[0]!.reply(200, 'stable');
    expect((await inCell).body).toBe('stable');
    expect(samplesOf('a')).toMatchObject({ inFlight: 0, traffic: { requests: 1, overloads: 0 } });
  });

  test('takes along who has not sent its small body yet', async () => {
    const stable = await fixture.add(STABLE, saying('stable'));
    await fixture.add(NEXT, saying('next'));
    const client = fixture.dial();
    client.write('POST / HTTP/1.1', 'Host: a', 'Content-Length: 4', 'Connection: close', '', 'ab');
    expect((await fixture.get('/')).body).toBe('stable');
    fixture.ingress.apply(snapshot([rule({ arms: [arm(NEXT, 100)] })], 2));
    fixture.ingress.setReplicas(STABLE, []);
    client.write('cd');
    expect(await client.whenClosed()).toMatch(/next$/);
    expect(stable.cell.calls).toHaveLength(1);
  });

  test('to an older generation is refused; to the same one it is taken again', () => {
    expect(fixture.ingress.apply(snapshot([], 7))).toEqual({ ok: true, value: 7 });
    expect(fixture.ingress.apply(snapshot([], 7))).toEqual({ ok: true, value: 7 });
    expect(fixture.ingress.apply(snapshot([], 6))).toMatchObject({ ok: false, error: { code: 'HW4122' } });
    expect(fixture.ingress.generation).toBe(7);
  });
});

describe('a cell that dies', () => {
  const dying: Script = () => undefined;

  test.each([
    ['GET', undefined],
    ['HEAD', undefined],
    ['PUT', 'small'],
    ['DELETE', undefined],
  ])('%s is tried once more, on another replica of the release', async (method, body) => {
    const first = await fixture.add(STABLE, dying);
    const asked = fixture.get('/', { method, ...(body === undefined ? {} : { body }) });
    await until(() => first.cell.calls.length === 1);
    const second = await fixture.add(STABLE, saying('second'));
    first.cell.die();
    expect((await asked).status).toBe(200);
    expect(second.cell.calls).toHaveLength(1);
    expect(second.cell.calls[0]!.body.toString()).toBe(body ?? '');
    expect(second.cell.calls[0]!.request.headers).toEqual(first.cell.calls[0]!.request.headers);
    expect(samplesOf('a')).toMatchObject({ inFlight: 0, traffic: { requests: 1, failures: 0 } });
  });

  test('and then another: there is no third try', async () => {
    const replicas = [
      await fixture.add(STABLE, dying),
      await fixture.add(STABLE, dying),
      await fixture.add(STABLE, dying),
    ];
    const calls = (): number => replicas.reduce((sum, { cell }) => sum + cell.calls.length, 0);
    const asked = fixture.get('/');
    for (const tried of [1, 2]) {
      await until(() => calls() === tried);
      replicas.find(({ cell, channel }) => cell.calls.length === 1 && channel.open)!.cell.die();
    }
    const answer = await asked;
    expect(answer.status).toBe(502);
    expect(errorOf(answer)).toMatchObject({ reason: 'CellLost', code: 'HW4535' });
    expect(calls()).toBe(2);
  });

  test.each<[string, { method: string; body: string }]>([
    ['a POST', { method: 'POST', body: 'x' }],
    ['a streamed body', { method: 'PUT', body: 'x'.repeat(100_000) }],
  ])('%s is not tried again', async (_name, options) => {
    const first = await fixture.add(STABLE, dying);
    const asked = fixture.get('/', options);
    await until(() => first.cell.calls.length === 1);
    const second = await fixture.add(STABLE, saying('second'));
    first.cell.die();
    expect((await asked).status).toBe(502);
    expect(second.cell.calls).toEqual([]);
    expect(samplesOf('a').traffic).toMatchObject({ requests: 1, failures: 1 });
  });

  test('after its head is not tried again: the connection is destroyed', async () => {
    const first = await fixture.add(STABLE, (call) => call.head(200));
    const second = await fixture.add(STABLE, (call) => call.head(200));
    const client = fixture.dial();
    client.write('GET / HTTP/1.1', 'Host: a', '', '');
    await until(() => client.statuses.length === 1);
    const [had, other] = first.cell.calls.length === 1 ? [first, second] : [second, first];
    had.cell.die();
    await client.whenClosed();
    expect(other.cell.calls).toEqual([]);
    expect(client.statuses).toEqual([200]);
  });

  test('alone: one 502 for each request in it, and 503 afterwards', async () => {
    const only = await fixture.add(STABLE, dying);
    const asked = [fixture.get('/1'), fixture.get('/2'), fixture.get('/3')];
    await until(() => only.cell.calls.length === 3);
    only.cell.die();
    expect((await Promise.all(asked)).map((answer) => answer.status)).toEqual([502, 502, 502]);
    expect((await fixture.get('/')).status).toBe(503);
  });
});

describe('more requests than a cell takes', () => {
  test('wait in order, and beyond the queue are told to come back', async () => {
    const { cell } = await fixture.add(STABLE, () => undefined, { concurrency: 2, queue: 3 });
    const asked = [];
    for (let index = 0; index < 5; index++) {
      asked.push(fixture.get(`/${index}`));
      await until(() => samplesOf('a').inFlight === index + 1);
    }
    const tooMany = await fixture.get('/too-many');
    expect(tooMany).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    expect(errorOf(tooMany)).toMatchObject({ reason: 'QueueFull', code: 'HW4520' });
    expect(cell.calls.map((call) => call.path)).toEqual(['/0', '/1']);
    for (let index = 0; index < 5; index++) {
      await until(() => cell.calls.length > index);
      cell.calls[index]!.reply(200, cell.calls[index]!.path);
    }
    expect((await Promise.all(asked)).map((answer) => answer.body)).toEqual(['/0', '/1', '/2', '/3', '/4']);
    expect(samplesOf('a')).toMatchObject({ inFlight: 0, traffic: { requests: 5, failures: 0, overloads: 1 } });
  });

  test('go to the replica with the fewest', async () => {
    const first = await fixture.add(STABLE, () => undefined);
    const second = await fixture.add(STABLE, () => undefined);
    const asked = Array.from({ length: 8 }, (_, index) => fixture.get(`/${index}`));
    await until(() => first.cell.calls.length + second.cell.calls.length === 8);
    expect([first.channel.inFlight, second.channel.inFlight]).toEqual([4, 4]);
    for (const call of [...first.cell.calls, ...second.cell.calls]) call.reply(200);
    await Promise.all(asked);
  });

  test('give up at their deadline without ever reaching the guest', async () => {
    fixture.ingress.apply(snapshot([rule({ requestTimeoutMs: 60 })], 2));
    const { cell } = await fixture.add(STABLE, (call) => (call.onCancel = () => undefined), {
      concurrency: 1,
      queue: 5,
    });
    const asked = [fixture.get('/0'), fixture.get('/1')];
    const answers = await Promise.all(asked);
    expect(answers.map((answer) => answer.status).toSorted((a, b) => a - b)).toEqual([503, 504]);
    expect(cell.calls).toHaveLength(1);
    expect(samplesOf('a').traffic).toMatchObject({ requests: 1, deadlines: 1, overloads: 1 });
  });

  test('go on when a probe, or a call that was over at its deadline, leaves its place', async () => {
    const short = rule({ match: { path: { type: 'Exact', value: '/late' }, headers: [] }, requestTimeoutMs: 30 });
    fixture.ingress.apply(snapshot([rule(), short], 2));
    const { cell, channel } = await fixture.add(STABLE, saying('hello'), { concurrency: 1 });
    const probe = channel.call('headway:component/health@0.1.0', 'check', [], 5_000);
    await until(() => cell.functionCalls.length === 1);
    const behindProbe = fixture.get('/');
    await until(() => samplesOf('a').inFlight === 1);
    cell.writer.json(FromCell.CallResult, cell.functionCalls[0]!.id, { ok: null });
    await probe;
    expect(await behindProbe).toMatchObject({ status: 200, body: 'hello' });

    let end: (() => void) | undefined;
    cell.script = (call) => {
      if (call.path === '/') call.reply(200, 'hello');
      else call.onCancel = () => (end = () => call.done(Outcome.Cancelled));
    };
    expect((await fixture.get('/late')).status).toBe(504);
    const behindDeadline = fixture.get('/');
    await until(() => samplesOf('a').inFlight === 1);
    await until(() => end !== undefined);
    end!();
    expect(await behindDeadline).toMatchObject({ status: 200, body: 'hello' });
  });

  test('leave the queue with their client', async () => {
    const { cell } = await fixture.add(STABLE, () => undefined, { concurrency: 1, queue: 5 });
    const first = fixture.get('/first');
    await until(() => cell.calls.length === 1);
    const client = fixture.dial();
    client.write('GET /gone HTTP/1.1', 'Host: a', '', '');
    await until(() => samplesOf('a').inFlight === 2);
    client.socket.destroy();
    await until(() => samplesOf('a').inFlight === 1);
    cell.calls[0]!.reply(200);
    await first;
    cell.script = saying('next');
    expect((await fixture.get('/next')).body).toBe('next');
    expect(cell.calls.map((call) => call.path)).toEqual(['/first', '/next']);
    expect(samplesOf('a').traffic).toMatchObject({ requests: 2, clientAborts: 1 });
  });

  test('that wait go to a replica that comes, and are refused when the last one goes', async () => {
    await fixture.add(STABLE, () => undefined, { concurrency: 1, queue: 5 });
    const held = fixture.get('/held');
    await until(() => samplesOf('a').inFlight === 1);
    const waiting = fixture.get('/waiting');
    await until(() => samplesOf('a').inFlight === 2);
    await fixture.add(STABLE, saying('came'), { concurrency: 1 });
    expect((await waiting).body).toBe('came');
    const { channel } = await fixture.add(STABLE, () => undefined, { concurrency: 1 });
    fixture.ingress.setReplicas(STABLE, [channel]);
    const heldToo = fixture.get('/held-too');
    heldToo.catch(() => undefined);
    await until(() => channel.inFlight === 1);
    const refused = fixture.get('/refused');
    await until(() => samplesOf('a').inFlight === 3);
    fixture.ingress.setReplicas(STABLE, []);
    expect(errorOf(await refused)).toMatchObject({ status: 503, reason: 'NoReplica' });
    expect(samplesOf('a').inFlight).toBe(2);
    await fixture.ingress.close(0);
    await expect(held).rejects.toThrow('socket hang up');
    await expect(heldToo).rejects.toThrow('socket hang up');
  });
});

describe('close', () => {
  test('lets what is in flight end, and accepts nothing more', async () => {
    const { cell } = await fixture.add(STABLE, () => undefined);
    const idle = fixture.dial();
    await once(idle.socket, 'connect');
    const client = fixture.dial();
    client.write('GET / HTTP/1.1', 'Host: a', '', '');
    await until(() => cell.calls.length === 1);
    const closing = fixture.ingress.close(60_000);
    cell.calls[0]!.reply(200, 'last');
    await closing;
    expect(await client.whenClosed()).toMatch(/connection: close[^]*last$/i);
    await expect(fixture.get('/')).rejects.toThrow('ECONNREFUSED');
    expect(samplesOf('a').traffic).toMatchObject({ requests: 1, failures: 0 });
  });

  test('waits for a client that still takes its response, and ends the connection after it', async () => {
    const body = 'r'.repeat(900_000);
    await fixture.add(STABLE, (call) => call.reply(200, body));
    const client = fixture.dial();
    client.socket.pause();
    for (let index = 0; index < 10; index++) client.write('GET / HTTP/1.1', 'Host: a', '', '');
    await until(() => samplesOf('a').traffic.requests === 10);
    const closing = fixture.ingress.close(60_000);
    client.socket.resume();
    await closing;
    const received = await client.whenClosed();
    expect(client.statuses).toEqual(Array.from({ length: 10 }, () => 200));
    expect(received.length).toBeGreaterThan(10 * body.length);
  });

  test('ends connections that are idle between requests', async () => {
    await fixture.add(STABLE, saying('stable'));
    const client = fixture.dial();
    client.write('GET / HTTP/1.1', 'Host: a', '', '');
    await until(() => client.statuses.length === 1);
    await fixture.ingress.close(60_000);
    await client.whenClosed();
    expect(client.statuses).toEqual([200]);
  });

  test('cuts off what has not ended at the deadline, which is nobody\u2019s failure', async () => {
    const { cell } = await fixture.add(STABLE, () => undefined);
    const asked = fixture.get('/');
    asked.catch(() => undefined);
    await until(() => cell.calls.length === 1);
    await fixture.ingress.close(50);
    await expect(asked).rejects.toThrow('socket hang up');
    await until(() => cell.calls[0]!.cancels.length === 1);
    expect(cell.calls[0]!.cancels).toEqual([Abort.ClientGone]);
    cell.calls[0]!.done(Outcome.Cancelled);
    await until(() => samplesOf('a').inFlight === 0);
    expect(samplesOf('a').traffic).toMatchObject({ requests: 0, failures: 0, clientAborts: 1 });
  });
});

test('an address that is taken is a problem that says so', async () => {
  const second = createIngress({ log: SILENT });
  const result = await second.listen({ host: '127.0.0.1', port: fixture.port });
  expect(result).toMatchObject({
    ok: false,
    error: { code: 'HW4501', message: expect.stringContaining(`127.0.0.1:${fixture.port}`) },
  });
});

describe('synthetic requests', () => {
  const run = (more = {}) =>
    ({
      id: 'run-1',
      release: arm(NEXT, 0).release,
      group: NEXT,
      requests: 25,
      call: { type: 'httpGet', path: '/healthz', headers: [] },
      timeoutMs: 30_000,
      ...more,
    }) as const;

  test('are sent once per run, counted apart, and share the run of failures', async () => {
    const { cell } = await fixture.add(NEXT, saying('fine'));
    await Promise.all([fixture.ingress.synthesize(run()), fixture.ingress.synthesize(run())]);
    expect(cell.calls).toHaveLength(25);
    expect(cell.calls[0]!.request).toMatchObject({ flags: 2, path: '/healthz', method: 'GET' });
    expect(samplesOf('b')).toMatchObject({
      synthetic: { requests: 25, failures: 0 },
      traffic: { requests: 0 },
      inFlight: 0,
    });
    expect(fixture.ingress.syntheticRuns()).toEqual([{ id: 'run-1', sent: 25, done: true }]);
    await fixture.ingress.synthesize(run());
    expect(cell.calls).toHaveLength(25);
  });

  test.each<[string, Script, Record<string, number>]>([
    ['500', (call) => call.reply(500), { failures: 25, status5xx: 25 }],
    ['404', (call) => call.reply(404), { failures: 0, status4xx: 25 }],
    ['a trap', (call) => call.done(Outcome.Trap), { failures: 25, traps: 25 }],
  ])('answered by %s', async (_name, script, counts) => {
    await fixture.add(NEXT, script);
    await fixture.ingress.synthesize(run());
    expect(samplesOf('b').synthetic).toMatchObject({ requests: 25, ...counts });
    expect(samplesOf('b').consecutiveFailures).toBe(counts['failures']);
  });

  test('to an exported function ask it', async () => {
    const { cell } = await fixture.add(NEXT, () => undefined);
    cell.onFunctionCall = (id) =>
      cell.writer.json(0x36, id, cell.functionCalls.length > 1 ? { err: 'sick' } : { ok: null });
    const call = { type: 'export', export: { interface: 'headway:component/health@0.1.0', function: 'check' } };
    await fixture.ingress.synthesize(run({ call, requests: 4 }));
    expect(samplesOf('b').synthetic).toMatchObject({ requests: 4, failures: 3 });
  });

  test('wait for room beside the traffic, and end when no replica is left', async () => {
    const { cell, channel } = await fixture.add(NEXT, () => undefined, { concurrency: 1 });
    const running = fixture.ingress.synthesize(run());
    await until(() => cell.calls.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(channel.inFlight).toBe(1);
    fixture.ingress.setReplicas(NEXT, []);
    cell.calls[0]!.reply(200);
    await running;
    expect(fixture.ingress.syntheticRuns()).toEqual([{ id: 'run-1', sent: 1, done: true }]);
  });
});
