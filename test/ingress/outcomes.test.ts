/** How a call can end, what the client gets, and what is counted. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Counters } from '../../src/model/engine.ts';
import { countOfDeadline } from '../../src/ingress/answers.ts';
import { Outcome } from '../../src/wire/frames.ts';
import { loopTurns } from '../support/loop-turns.ts';
import { errorOf, rule, snapshot, STABLE, startIngress, type Answer, type Fixture, type Replica } from './fixture.ts';
import { until, type Script } from './scripted-cell.ts';

let fixture: Fixture;
let replica: Replica;
beforeEach(async () => {
  fixture = await startIngress(snapshot([rule({ requestTimeoutMs: 30_000, responseBodyBytes: 1000 })]));
  replica = await fixture.add(STABLE, (call) => call.reply(200));
});
afterEach(async () => {
  vi.useRealTimers();
  await fixture.stop();
});

async function settled(): Promise<Counters> {
  await until(() => fixture.ingress.samples()[0]!.inFlight === 0);
  return fixture.ingress.samples()[0]!.traffic;
}

/** Until its deadline has passed. */
const never: Script = (call) => (call.onCancel = () => call.done(Outcome.Deadline));

/** Only who is to be late has little time. */
function hurry(script: Script): void {
  const short = rule({ requestTimeoutMs: 60, responseBodyBytes: 1000 });
  if (script === never) fixture.ingress.apply(snapshot([short], 2));
}

const FAILURE = {
  requests: 1,
  failures: 1,
  traps: 0,
  deadlines: 0,
  status5xx: 0,
  status4xx: 0,
  clientAborts: 0,
  overloads: 0,
};

describe('without a head', () => {
  test.each<[string, Script, number, Record<string, unknown>, Partial<Counters>]>([
    ['no response', (call) => call.done(Outcome.NoResponse), 502, { reason: 'NoResponse', code: 'HW4530' }, FAILURE],
    ['Ok that was none', (call) => call.done(Outcome.Ok), 502, { reason: 'NoResponse' }, FAILURE],
    [
      'a trap',
      (call) => call.done(Outcome.Trap, 'wasm trap: unreachable'),
      502,
      { reason: 'Trap', code: 'HW4532' },
      { ...FAILURE, traps: 1 },
    ],
    [
      'an error code',
      (call) => call.done(Outcome.ErrorCode, 'connection-refused'),
      502,
      { reason: 'ErrorCode', message: expect.stringContaining('connection-refused') },
      { ...FAILURE, status5xx: 1 },
    ],
    [
      'an error code of time',
      (call) => call.done(Outcome.ErrorCode, 'DNS-timeout'),
      504,
      { reason: 'ErrorCode' },
      { ...FAILURE, status5xx: 1 },
    ],
    [
      'an internal error',
      (call) => call.done(Outcome.ErrorCode, 'internal-error: boom'),
      500,
      { reason: 'ErrorCode' },
      { ...FAILURE, status5xx: 1 },
    ],
    [
      'an error code about the request',
      (call) => call.done(Outcome.ErrorCode, 'HTTP-request-body-size'),
      413,
      { reason: 'ErrorCode' },
      { ...FAILURE, failures: 0, status4xx: 1 },
    ],
    [
      'the deadline, in the cell',
      (call) => call.done(Outcome.Deadline),
      504,
      { reason: 'Deadline', code: 'HW4533' },
      { ...FAILURE, deadlines: 1 },
    ],
    ['the deadline, in the engine', never, 504, { reason: 'Deadline' }, { ...FAILURE, deadlines: 1 }],
    [
      'a response over its limit, in the cell',
      (call) => call.done(Outcome.ResponseTooLarge),
      502,
      { reason: 'ResponseTooLarge', code: 'HW4534' },
      FAILURE,
    ],
    [
      'a response over its limit, in the engine',
      (call) => call.reply(200, 'x'.repeat(1001)),
      502,
      { reason: 'ResponseTooLarge' },
      FAILURE,
    ],
    ['an unasked cancel', (call) => call.done(Outcome.Cancelled), 502, { reason: 'NoResponse' }, FAILURE],
    ['the death of the cell', () => replica.cell.die(), 502, { reason: 'CellLost', code: 'HW4535' }, FAILURE],
    ['a broken protocol', (call) => call.reply(99), 502, { reason: 'CellLost' }, FAILURE],
  ])('%s', async (_name, script, status, error, counts) => {
    replica.cell.script = script;
    hurry(script);
    const answer = await fixture.get('/');
    expect(answer.status).toBe(status);
    expect(errorOf(answer)).toMatchObject({ status, route: 'shop/checkout', release: 'a00000000000', ...error });
    expect(answer.headers['x-headway-release']).toBe('a00000000000');
    expect(await settled()).toMatchObject(counts);
  });
});

describe('with a head', () => {
  test.each<[string, Script, Partial<Counters>]>([
    ['a 500 of the guest', (call) => call.reply(500), { ...FAILURE, status5xx: 1 }],
    ['a 404 of the guest', (call) => call.reply(404), { ...FAILURE, failures: 0, status4xx: 1 }],
    ['a 200', (call) => call.reply(200, 'x'.repeat(1000)), { ...FAILURE, failures: 0 }],
    [
      'a trap after the whole response',
      (call) => {
        call.head(200);
        call.chunk(Buffer.from('whole'));
        call.bodyEnd();
        call.done(Outcome.Trap);
      },
      { ...FAILURE, traps: 1 },
    ],
  ])('%s is passed on and counted', async (_name, script, counts) => {
    replica.cell.script = script;
    await fixture.get('/');
    expect(await settled()).toMatchObject(counts);
  });

  test.each<[string, Script, Partial<Counters>]>([
    [
      'the body is dropped',
      (call) => {
        call.bodyAbort();
        call.done();
      },
      FAILURE,
    ],
    ['the guest traps', (call) => call.done(Outcome.Trap), { ...FAILURE, traps: 1 }],
    ['the guest is done without the end', (call) => call.done(), FAILURE],
    ['the deadline passes', never, { ...FAILURE, deadlines: 1 }],
    ['the cell dies', () => replica.cell.die(), FAILURE],
    [
      'the body goes over its limit',
      (call) => {
        call.chunk(Buffer.alloc(1001));
        call.onCancel = () => call.done(Outcome.Cancelled);
      },
      FAILURE,
    ],
  ])('and then %s: the connection is destroyed', async (_name, ending, counts) => {
    replica.cell.script = (call) => {
      call.head(200);
      call.chunk(Buffer.from('half'));
      ending(call);
    };
    hurry(ending);
    const client = fixture.dial();
    client.write('GET / HTTP/1.1', 'Host: a', '', '');
    await client.whenClosed();
    expect(client.received).not.toContain('0\r\n\r\n');
    expect(await settled()).toMatchObject(counts);
  });

  test('a whole response is the client\u2019s before the call is over', async () => {
    replica.cell.script = (call) => {
      call.head(200);
      call.bodyEnd();
    };
    expect((await fixture.get('/')).status).toBe(200);
    expect(fixture.ingress.samples()[0]).toMatchObject({ inFlight: 1, traffic: { requests: 0 } });
    replica.cell.calls[0]!.done();
    expect(await settled()).toMatchObject({ requests: 1, failures: 0 });
  });
});

describe('a deadline that passes in a cell', () => {
  test.each<[string, number, 'Deadline' | 'Overload']>([
    ['without a wait is the guest\u2019s', 0, 'Deadline'],
    ['after a wait of less than half of the time is the guest\u2019s', 149, 'Deadline'],
    ['after a wait of half of the time is an overload', 150, 'Overload'],
    ['after a wait of nearly all of the time is an overload', 299, 'Overload'],
  ])('%s', (_name, waitedMs, count) => {
    expect(countOfDeadline(1_000, 1_000 + waitedMs, 1_300)).toBe(count);
  });

  test.each<[string, boolean, Partial<Counters>]>([
    ['is no failure where most of the time was spent in the queue', false, { failures: 0, deadlines: 0, overloads: 1 }],
    ['is a failure all the same where the guest had said 500', true, { failures: 1, deadlines: 1, overloads: 0 }],
  ])('%s', async (_name, saysError, counts) => {
    await fixture.stop();
    vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] });
    // Not at zero, which is no time to the engine.
    vi.advanceTimersByTime(5_000);
    fixture = await startIngress(snapshot([rule({ requestTimeoutMs: 1_000 })]));
    const { cell } = await fixture.add(STABLE, () => undefined, { concurrency: 1, queue: 1 });
    cell.script = (call) => {
      if (call.path === '/slow') return;
      if (saysError) call.head(500);
      call.onCancel = () => call.done(Outcome.Deadline);
    };
    const slow = fixture.get('/slow');
    await until(() => cell.calls.length === 1);
    const waiting = fixture.get('/waits').catch(() => undefined);
    await until(() => fixture.ingress.samples()[0]!.inFlight === 2);
    vi.advanceTimersByTime(510);
    cell.calls[0]!.reply(200);
    expect((await slow).status).toBe(200);
    await until(() => cell.calls.length === 2);
    // What the guest has said is with the engine by then.
    await loopTurns();
    vi.advanceTimersByTime(510);
    const answer = await waiting;
    if (!saysError) expect(answer!.status).toBe(504);
    expect(await settled()).toMatchObject({ requests: 1 + counts.failures!, ...counts });
  });
});

test('each answer is in one bucket of the latencies', async () => {
  for (let count = 0; count < 5; count++) await fixture.get('/');
  const { latency, requests } = await settled();
  expect(requests).toBe(5);
  expect(latency.reduce((sum, count) => sum + count, 0)).toBe(5);
});

test('a run of failures is said and is over with a success', async () => {
  const runs: number[] = [];
  await fixture.stop();
  fixture = await startIngress(snapshot([rule()]), { onFailureRun: (_release, run) => runs.push(run) });
  await fixture.add(STABLE, (call) => call.reply(call.path === '/good' ? 200 : 500));
  for (const path of ['/', '/', '/', '/', '/', '/', '/good', '/']) await fixture.get(path);
  expect(runs).toEqual([3, 6]);
  expect(fixture.ingress.samples()[0]!.consecutiveFailures).toBe(1);
});

describe('the head of an answer', () => {
  const send = async (headers: string[], status = 200, body = 'body', method = 'GET'): Promise<Answer> => {
    replica.cell.script = (call) => call.reply(status, body, headers);
    return fixture.get('/', { method });
  };

  test('is the guest\u2019s, without what belongs to the connection', async () => {
    const answer = await send([
      'X-Own',
      '1',
      'connection',
      'close',
      'transfer-encoding',
      'chunked',
      'set-cookie',
      'a',
      'set-cookie',
      'b',
    ]);
    expect(answer).toMatchObject({ status: 200, body: 'body' });
    expect(answer.headers).toMatchObject({ 'x-own': '1', 'content-length': '4', 'set-cookie': ['a', 'b'] });
    expect(answer.headers['transfer-encoding']).toBeUndefined();
  });

  test('names the release that answered, whatever the guest says, and no release where that is turned off', async () => {
    expect((await send(['x-headway-release', 'other'])).headers['x-headway-release']).toBe('a00000000000');
    fixture.ingress.apply(snapshot([rule()], 2, false));
    expect((await send(['x-headway-release', 'other'])).headers['x-headway-release']).toBeUndefined();
  });

  test.each([
    ['HEAD with a body', 200, 'HEAD', [], 'body', '4'],
    ['HEAD with a length', 200, 'HEAD', ['content-length', '1234'], '', '1234'],
    ['204', 204, 'GET', [], '', undefined],
    ['204 with a body', 204, 'GET', [], 'body', undefined],
    ['304', 304, 'GET', ['content-length', '1234'], '', '1234'],
    ['304 with a body', 304, 'GET', [], 'body', undefined],
  ])('%s has no body', async (_name, status, method, headers, body, length) => {
    const answer = await send(headers, status, body, method);
    expect(answer).toMatchObject({ status, body: '' });
    expect(answer.headers['content-length']).toBe(length);
    expect((await send([], 200, 'next')).body).toBe('next');
  });

  test('a streamed answer to HEAD has no body, and one without a length is chunked', async () => {
    replica.cell.script = (call) => {
      call.head(200, []);
      call.chunk(Buffer.from('streamed'));
      call.bodyEnd();
      call.done();
    };
    expect(await fixture.get('/', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
    const answer = await fixture.get('/');
    expect(answer).toMatchObject({ body: 'streamed', headers: { 'transfer-encoding': 'chunked' } });
  });

  test('a streamed answer with a length has that length', async () => {
    replica.cell.script = (call) => {
      call.head(200, ['content-length', '8']);
      call.chunk(Buffer.from('streamed'));
      call.bodyEnd();
      call.done();
    };
    expect(await fixture.get('/')).toMatchObject({ body: 'streamed', headers: { 'content-length': '8' } });
  });

  test('large inline bodies arrive whole', async () => {
    fixture.ingress.apply(snapshot([rule()], 2));
    const body = 'caf\u00e9'.repeat(20_000);
    expect((await send([], 200, body)).body).toBe(body);
  });
});
