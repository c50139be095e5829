/** `requestTimeout` at N and N + 1, from the client's request to its answer, on a clock that moves when the test says so. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Abort } from '../../src/wire/frames.ts';
import { errorOf, rule, snapshot, STABLE, startIngress, type Answer, type Fixture, type Replica } from './fixture.ts';

const TIMEOUT_MS = 1_000;

let fixture: Fixture;
let replica: Replica;

/** Answers nothing before it is told to; one call at a time, one more may wait. */
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] });
  // Not at zero, which is no time to the engine.
  vi.advanceTimersByTime(5_000);
  const patient = { match: { path: { type: 'PathPrefix', value: '/patient' }, headers: [] } } as const;
  fixture = await startIngress(
    snapshot([rule({ ...patient, requestTimeoutMs: 5 * TIMEOUT_MS }), rule({ requestTimeoutMs: TIMEOUT_MS })]),
  );
  replica = await fixture.add(STABLE, () => undefined, { concurrency: 1, queue: 1 });
});
afterEach(async () => {
  vi.useRealTimers();
  await fixture.stop();
});

/** In turns of the loop, which no clock holds up. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => void setImmediate(resolve));
}

function told(answer: Answer): unknown {
  return answer.status === 200 ? answer.body : [answer.status, errorOf(answer)['reason']];
}

describe('a call', () => {
  test.each([
    ['with the last millisecond of its time', TIMEOUT_MS, 'late', []],
    ['a millisecond later', TIMEOUT_MS + 1, [504, 'Deadline'], ['shop/checkout requestTimeout']],
  ])('that is answered %s', async (_when, afterMs, expected, hits) => {
    const answer = fixture.get('/');
    await until(() => replica.cell.calls.length === 1);
    vi.advanceTimersByTime(afterMs);
    expect(replica.cell.calls[0]!.cancels).toEqual([]);
    replica.cell.calls[0]!.reply(200, 'late');
    expect(told(await answer)).toEqual(expected);
    expect(fixture.limitHits).toEqual(hits);
    expect(replica.owner.unresponsive).toBeUndefined();
  });

  test.each([
    ['with the last millisecond of its time', TIMEOUT_MS, 'abc'],
    ['a millisecond later', TIMEOUT_MS + 1, 'cut off'],
  ])('whose body ends %s', async (_when, afterMs, expected) => {
    const client = fixture.dial();
    client.write('GET / HTTP/1.1', 'Host: a', '', '');
    await until(() => replica.cell.calls.length === 1);
    const [call] = replica.cell.calls;
    call!.head(200);
    call!.chunk(Buffer.from('a'));
    await until(() => client.received.endsWith('1\r\na\r\n'));
    vi.advanceTimersByTime(afterMs);
    call!.chunk(Buffer.from('bc'));
    call!.bodyEnd();
    call!.done();
    await until(() => client.closed || client.received.endsWith('0\r\n\r\n'));
    expect(client.received.endsWith('0\r\n\r\n') ? 'abc' : 'cut off').toBe(expected);
    expect(client.received.includes('bc')).toBe(expected === 'abc');
  });

  test('that is not answered is ended by the clock alone', async () => {
    const answer = fixture.get('/');
    await until(() => replica.cell.calls.length === 1);
    vi.advanceTimersByTime(TIMEOUT_MS);
    const [call] = replica.cell.calls;
    vi.advanceTimersByTime(10);
    expect(told(await answer)).toEqual([504, 'Deadline']);
    await until(() => call!.cancels.length > 0);
    expect(call!.cancels).toEqual([Abort.Deadline]);
  });
});

describe('a call that waits for room', () => {
  test.each([
    ['has it with the last millisecond of its time', TIMEOUT_MS, 'second', 2],
    ['does not a millisecond later, and no guest sees it', TIMEOUT_MS + 1, [503, 'QueueTimeout'], 1],
  ])('%s', async (_when, afterMs, expected, calls) => {
    const first = fixture.get('/patient');
    await until(() => replica.cell.calls.length === 1);
    const second = fixture.get('/second');
    await until(() => fixture.limitHits.includes('shop/checkout concurrency'));
    replica.cell.script = (call) => call.reply(200, 'second');
    vi.advanceTimersByTime(afterMs);
    replica.cell.calls[0]!.reply(200, 'first');
    expect(told(await first)).toBe('first');
    expect(told(await second)).toEqual(expected);
    expect(replica.cell.calls.length).toBe(calls);
  });
});
