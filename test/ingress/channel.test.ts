/** The engine's end of a channel against a peer that breaks every rule (W1-W3, C1-C3). */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CellExchange, CallEnd } from '../../src/wire/cell-caller.ts';
import { BROKE_PROTOCOL, LOST } from '../../src/wire/cell-caller.ts';
import {
  Abort,
  CANCEL_GRACE_MS,
  FromCell,
  INITIAL_CREDIT_BYTES,
  MAX_CHUNK_BYTES,
  MAX_OUTCOME_BYTES,
  MAX_PAYLOAD_BYTES,
  Outcome,
  RESPONSE_HAS_BODY_FRAMES,
} from '../../src/wire/frames.ts';
import type { RequestHead } from '../../src/wire/request-head.ts';
import { isGoodAnswer, sendRuntimeRequest } from '../../src/wire/runtime-request.ts';
import { MAX_RUNTIME_CALLS } from '../../src/host/channel.ts';
import { startReplica, type Replica } from './fixture.ts';
import { until, type ScriptedCall } from './scripted-cell.ts';

class RecordingExchange implements CellExchange {
  readonly events: unknown[] = [];
  end: CallEnd | undefined;
  detail = '';

  onResponse(head: { status: number }, bytes: Buffer, end: number, complete: boolean): void {
    this.events.push(['head', head.status, complete]);
  }
  onBody(bytes: Buffer): void {
    this.events.push(['body', bytes.length]);
  }
  onBodyEnd(): void {
    this.events.push('bodyEnd');
  }
  onBodyAbort(): void {
    this.events.push('bodyAbort');
  }
  onCredit(): void {
    this.events.push('credit');
  }
  onEnd(end: CallEnd, detail: string): void {
    if (this.end !== undefined) throw new Error('ended twice');
    this.end = end;
    this.detail = detail;
    this.events.push('end');
  }
}

function head(more: Partial<RequestHead> = {}): RequestHead {
  return {
    flags: 0,
    deadlineMs: 1000,
    method: 'GET',
    path: '/',
    authority: 'a',
    scheme: 'http',
    headers: [],
    headerStrings: 0,
    ...more,
  };
}

let replica: Replica;
const exchange = (): RecordingExchange => new RecordingExchange();
beforeEach(async () => {
  replica = await startReplica(() => undefined, { concurrency: 4 });
});
afterEach(() => {
  replica.channel.destroy();
  replica.cell.die();
});

/** Sends a request and waits until the cell has it. */
async function ask(
  exchange: CellExchange,
  more: Partial<RequestHead> = {},
  deadlineMs = 60_000,
): Promise<ScriptedCall> {
  const seen = replica.cell.calls.length;
  replica.channel.request(exchange, head(more), undefined, performance.now() + deadlineMs);
  await until(() => replica.cell.calls.length > seen);
  return replica.cell.calls[seen]!;
}

const frame =
  (type: number, payload: Uint8Array = Buffer.alloc(0)) =>
  (call: ScriptedCall) =>
    replica.cell.raw(type, call.id, payload);
const streaming =
  (...then: ((call: ScriptedCall) => void)[]) =>
  (call: ScriptedCall) => {
    call.head(200, ['content-length', '10']);
    for (const step of then) step(call);
  };

describe('ends the cell for', () => {
  test.each<[string, (call: ScriptedCall) => void]>([
    ['an unknown type', frame(0x77)],
    ['a type of the engine', frame(0x20, Buffer.alloc(30))],
    ['a frame longer than any', () => replica.cell.cellEnd.write(Buffer.from([1, 0, 0x10, 0x01, 1, 0, 0, 0, 0x30]))],
    ['an id that is not in flight', (call) => replica.cell.raw(FromCell.Done, call.id + 1, Buffer.of(0))],
    ['an id beyond all', () => replica.cell.raw(FromCell.Done, 0xffff_ffff, Buffer.of(0))],
    ['a report with the id of a call', frame(FromCell.Log, Buffer.alloc(6, 1))],
    [
      'a second response',
      (call) => {
        call.head(200);
        call.head(200);
      },
    ],
    ['a truncated response', frame(FromCell.Response, Buffer.of(0, 200))],
    ['a status of 101', (call) => call.reply(101)],
    ['an invalid header', (call) => call.reply(200, '', ['a b', 'c'])],
    ['a body before its head', frame(FromCell.Body, Buffer.of(1))],
    ['an end before its head', frame(FromCell.BodyEnd)],
    ['an abort before its head', frame(FromCell.BodyAbort)],
    [
      'a body after its end',
      (call) => {
        call.head(200);
        call.bodyEnd();
        call.chunk(Buffer.of(1));
      },
    ],
    [
      'a body behind an inline one',
      (call) => {
        replica.cell.raw(FromCell.Response, call.id, Buffer.of(0, 200, 0, 0, 0));
        call.chunk(Buffer.of(1));
      },
    ],
    [
      'anything after Done',
      (call) => {
        call.done();
        call.done();
      },
    ],
    ['an empty chunk', streaming(frame(FromCell.Body))],
    ['a chunk that is too long', streaming(frame(FromCell.Body, Buffer.alloc(MAX_CHUNK_BYTES + 1)))],
    ['a body longer than its length', streaming((call) => call.chunk(Buffer.alloc(11)))],
    [
      'a body shorter than its length',
      streaming(
        (call) => call.chunk(Buffer.alloc(9)),
        (call) => call.bodyEnd(),
      ),
    ],
    ['an inline body of another length', (call) => call.reply(200, 'abc', ['content-length', '4'])],
    [
      'a body over its credit',
      (call) => {
        call.head(200);
        call.chunk(Buffer.alloc(INITIAL_CREDIT_BYTES + 1));
      },
    ],
    ['an unknown outcome', (call) => call.done(7)],
    ['no outcome', frame(FromCell.Done)],
    ['an outcome that tells too much', (call) => call.done(Outcome.Trap, 'x'.repeat(MAX_OUTCOME_BYTES + 1))],
    ['a credit that is no number', frame(FromCell.Credit, Buffer.of(1, 2))],
    ['a result for a request', frame(FromCell.CallResult, Buffer.from('{"ok":1}'))],
    ['a Loaded of another shape', () => replica.cell.writer.json(FromCell.Loaded, 0, { compileMs: '1' })],
    ['a LoadFailed that is not JSON', () => replica.cell.raw(FromCell.LoadFailed, 0, Buffer.from('{'))],
    [
      'a Denied of no calls',
      () =>
        replica.cell.writer.json(FromCell.Denied, 0, {
          member: 0,
          interface: 'a',
          function: 'b',
          reason: 'c',
          count: 0,
        }),
    ],
    ['a Denied without an interface', () => replica.cell.writer.json(FromCell.Denied, 0, { member: 0 })],
    [
      'a Denied of nobody',
      () => replica.cell.writer.json(FromCell.Denied, 0, { member: -1, interface: 'a', function: 'b', reason: 'c' }),
    ],
    ['a log of no stream', () => replica.cell.raw(FromCell.Log, 0, Buffer.of(4, 0, 0, 0, 0, 0, 65))],
    ['a log without a head', () => replica.cell.raw(FromCell.Log, 0, Buffer.of(1, 0))],
    ['a log that is too long', () => replica.cell.raw(FromCell.Log, 0, Buffer.alloc(6 + 65_537, 1))],
    [
      'JSON that is too long',
      () =>
        replica.cell.raw(
          FromCell.LoadFailed,
          0,
          Buffer.from(JSON.stringify({ code: 'x', message: 'x'.repeat(65_536) })),
        ),
    ],
    ['a report about no call', () => replica.cell.raw(FromCell.Body, 0, Buffer.of(1))],
  ])('%s', async (_name, misbehave) => {
    const [broken, bystander] = [exchange(), exchange()];
    await ask(bystander);
    misbehave(await ask(broken));
    await until(() => replica.owner.closed);
    expect(replica.owner.problem).toMatchObject({ code: 'HW4112' });
    expect(replica.channel.open).toBe(false);
    expect(bystander.end).toBe(BROKE_PROTOCOL);
    expect(broken.events.filter((event) => event === 'end')).toHaveLength(1);
  });
});

describe('takes', () => {
  test.each<[string, (call: ScriptedCall) => void]>([
    [
      'a body as long as its credit',
      (call) => {
        call.head(200);
        call.chunk(Buffer.alloc(INITIAL_CREDIT_BYTES));
        call.bodyEnd();
        call.done();
      },
    ],
    [
      'a chunk as long as a chunk can be',
      streaming(
        (call) => call.chunk(Buffer.alloc(10)),
        (call) => call.bodyEnd(),
        (call) => call.done(),
      ),
    ],
    ['the longest outcome', (call) => call.done(Outcome.Trap, 'x'.repeat(MAX_OUTCOME_BYTES))],
    [
      'the longest log',
      (call) => {
        replica.cell.raw(FromCell.Log, 0, Buffer.concat([Buffer.of(1, 0, 0, 0, 0, 0), Buffer.alloc(65_536, 65)]));
        call.done();
      },
    ],
    [
      'the longest payload',
      (call) => {
        replica.cell.raw(
          FromCell.Response,
          call.id,
          Buffer.concat([Buffer.of(2, 200, 0, 0, 0), Buffer.alloc(MAX_PAYLOAD_BYTES - 5)]),
        );
      },
    ],
    [
      'credit for a body that is already over',
      (call) => {
        call.grant(1_000_000);
        call.done();
      },
    ],
  ])('%s', async (_name, behave) => {
    const asked = exchange();
    behave(await ask(asked));
    await until(() => asked.end !== undefined);
    expect(replica.channel.open).toBe(true);
    expect(replica.channel.inFlight).toBe(0);
  });
});

describe('credit for a request\u2019s body', () => {
  test('is what the cell grants, and never more than the initial', async () => {
    const asked = exchange();
    const call = await ask(asked, { flags: 1 });
    const { channel } = replica;
    expect(channel.sendable(call.id)).toBe(INITIAL_CREDIT_BYTES);
    channel.body(call.id, Buffer.alloc(MAX_CHUNK_BYTES));
    expect(channel.sendable(call.id)).toBe(INITIAL_CREDIT_BYTES - MAX_CHUNK_BYTES);
    expect(() => channel.body(call.id, Buffer.alloc(MAX_CHUNK_BYTES + 1))).toThrow(RangeError);
    call.grant(MAX_CHUNK_BYTES);
    await until(() => asked.events.includes('credit'));
    expect(channel.sendable(call.id)).toBe(INITIAL_CREDIT_BYTES);
    call.grant(1);
    await until(() => replica.owner.closed);
    expect(replica.owner.problem).toMatchObject({ code: 'HW4112' });
  });

  test('starts at nothing where the client waits for a 100', async () => {
    const asked = exchange();
    const call = await ask(asked, { flags: 1 | 4 });
    expect(replica.channel.sendable(call.id)).toBe(0);
    call.grant(INITIAL_CREDIT_BYTES);
    await until(() => asked.events.includes('credit'));
    expect(replica.channel.sendable(call.id)).toBe(INITIAL_CREDIT_BYTES);
  });

  test('ends with the body', async () => {
    const call = await ask(exchange(), { flags: 1 });
    replica.channel.bodyEnd(call.id);
    replica.channel.bodyEnd(call.id);
    replica.channel.bodyAbort(call.id, Abort.ClientGone);
    expect(replica.channel.sendable(call.id)).toBe(0);
    await until(() => call.bodyEnded);
    expect(call.bodyAborts).toEqual([]);
  });
});

describe('a deadline', () => {
  test('ends the exchange at once; the id is free when the cell has ended the call', async () => {
    const asked = exchange();
    const call = await ask(asked, {}, 30);
    call.onCancel = () => {
      expect(replica.channel.inFlight).toBe(1);
      call.head(200);
      call.chunk(Buffer.of(1));
      call.done(Outcome.Deadline);
    };
    await until(() => asked.end !== undefined);
    expect(asked.end).toBe(Outcome.Deadline);
    await until(() => replica.channel.inFlight === 0);
    expect(call.cancels).toEqual([Abort.Deadline]);
    expect(asked.events).toEqual(['end']);
    expect(replica.owner.unresponsive).toBeUndefined();
  });

  test('that the cell does not answer is reported once, after its grace', async () => {
    const started = performance.now();
    await Promise.all([ask(exchange(), {}, 20), ask(exchange(), {}, 20)]);
    let reports = 0;
    replica.owner.onUnresponsiveDo = () => reports++;
    await until(() => reports > 0);
    expect(performance.now() - started).toBeGreaterThanOrEqual(CANCEL_GRACE_MS);
    expect(replica.owner.unresponsive).toMatchObject({ code: 'HW4111' });
    await new Promise((resolve) => setTimeout(resolve, 2 * CANCEL_GRACE_MS));
    expect(reports).toBe(1);
    expect(replica.channel.inFlight).toBe(2);
  });

  test('of a client that left is the deadline still; a cancel for it needs no answer', async () => {
    const asked = exchange();
    const call = await ask(asked, {}, 60_000);
    replica.channel.cancel(call.id, Abort.ClientGone);
    await new Promise((resolve) => setTimeout(resolve, 2 * CANCEL_GRACE_MS));
    expect(replica.owner.unresponsive).toBeUndefined();
    expect(asked.end).toBeUndefined();
    call.done();
    await until(() => asked.end !== undefined);
  });

  test('cancelAll ends what is in flight, and is answered', async () => {
    const asked = [exchange(), exchange()];
    for (const one of asked) {
      const call = await ask(one);
      call.onCancel = (reason) => call.done(reason === Abort.Draining ? Outcome.Cancelled : Outcome.Trap);
    }
    replica.channel.cancelAll();
    await until(() => asked.every((one) => one.end !== undefined));
    expect(asked.map((one) => one.end)).toEqual([Outcome.Cancelled, Outcome.Cancelled]);
  });
});

test('ids are reused, and only when they are free', async () => {
  const used = new Set<number>();
  for (let round = 0; round < 20; round++) {
    const asked = [exchange(), exchange(), exchange(), exchange()];
    for (const one of asked) await ask(one);
    const present = replica.cell.calls.slice(-4);
    expect(new Set(present.map((call) => call.id)).size).toBe(4);
    for (const call of present.toReversed()) {
      used.add(call.id);
      call.reply(200);
    }
    await until(() => asked.every((one) => one.end === Outcome.Ok));
  }
  expect(used.size).toBeLessThanOrEqual(4 + MAX_RUNTIME_CALLS);
});

test('takes as many calls as there are ids, and one more is a bug that shows', () => {
  const far = performance.now() + 60_000;
  for (let count = 0; count < 4 + MAX_RUNTIME_CALLS; count++)
    replica.channel.request(exchange(), head(), undefined, far);
  expect(() => replica.channel.request(exchange(), head(), undefined, far)).toThrow(RangeError);
});

test('when the cell dies every call ends as lost', async () => {
  const asked = [exchange(), exchange()];
  for (const one of asked) await ask(one);
  const result = replica.channel.call('a:b/c', 'd', [], 60_000);
  replica.cell.die();
  await until(() => replica.owner.closed);
  expect(asked.map((one) => one.end)).toEqual([LOST, LOST]);
  expect(replica.owner.problem).toBeUndefined();
  expect(await result).toEqual({ type: 'lost' });
  expect(await replica.channel.call('a:b/c', 'd', [], 60_000)).toEqual({ type: 'lost' });
});

test('reports reach the owner', async () => {
  const loaded = {
    compileMs: 1,
    instantiateMs: 2,
    initMs: 3,
    instancePolicy: 'Pooled',
    hasHealth: true,
    hasShutdown: false,
    hasHttp: 'wasi',
    isProven: true,
    isCompiled: true,
    isReady: false,
  };
  const { writer } = replica.cell;
  writer.json(FromCell.Booted, 0, { wire: 1 });
  writer.json(FromCell.Loaded, 0, loaded);
  writer.json(FromCell.LoadFailed, 0, { code: 'HW1', message: 'm', extra: 1 });
  writer.json(FromCell.Denied, 0, {
    member: 0,
    interface: 'wasi:sockets/tcp',
    function: 'connect',
    reason: 'not granted',
  });
  writer.frame(FromCell.Log, 0, Buffer.concat([Buffer.of(2, 1, 7, 0, 0, 0), Buffer.from('caf\u00e9\n')]));
  await until(() => replica.owner.events.length === 4);
  expect(replica.owner.events).toEqual([
    ['loaded', loaded],
    ['loadFailed', { code: 'HW1', message: 'm' }],
    [
      'denied',
      {
        member: 0,
        interface: 'wasi:sockets/tcp',
        function: 'connect',
        reason: 'not granted',
        count: 1,
        asked: '',
        others: false,
      },
    ],
    ['log', 2, 1, 7, 'caf\u00e9\n'],
  ]);
});

describe('a call of an exported function', () => {
  test.each<[unknown, unknown]>([
    [{ ok: { a: 1 } }, { type: 'ok', value: { a: 1 } }],
    [{ ok: null }, { type: 'ok', value: null }],
    [{ err: 'no' }, { type: 'err', value: 'no' }],
    [{ trap: 'unreachable' }, { type: 'trap', message: 'unreachable' }],
    ['nonsense', { type: 'trap', message: '' }],
  ])('%j → %j', async (payload, expected) => {
    replica.cell.onFunctionCall = (id) => replica.cell.writer.json(FromCell.CallResult, id, payload);
    expect(await replica.channel.call('headway:component/health@0.1.0', 'check', [1], 1000)).toEqual(expected);
    expect(replica.cell.functionCalls[0]!.payload).toEqual({
      interface: 'headway:component/health@0.1.0',
      function: 'check',
      args: [1],
    });
    expect(replica.channel.inFlight).toBe(0);
  });

  test('has a deadline', async () => {
    expect(await replica.channel.call('a:b/c', 'd', [], 20)).toEqual({ type: 'deadline' });
  });

  test('that is cancelled may be answered by Done', async () => {
    const result = replica.channel.call('a:b/c', 'd', [], 20);
    expect(await result).toEqual({ type: 'deadline' });
    await until(() => replica.cell.functionCalls.length === 1);
    replica.cell.raw(FromCell.Done, replica.cell.functionCalls[0]!.id, Buffer.of(Outcome.Deadline));
    await until(() => replica.channel.inFlight === 0);
    expect(replica.channel.open).toBe(true);
  });

  test('is not answered by a response', async () => {
    replica.cell.onFunctionCall = (id) => replica.cell.raw(FromCell.Response, id, Buffer.of(2, 200, 0, 0, 0));
    expect(await replica.channel.call('a:b/c', 'd', [], 1000)).toEqual({ type: 'lost' });
    expect(replica.owner.problem).toMatchObject({ code: 'HW4112' });
  });
});

describe('a request of the runtime', () => {
  test('is marked as one and reads its answer to the end', async () => {
    replica.cell.script = (call) => {
      replica.cell.raw(FromCell.Response, call.id, Buffer.of(RESPONSE_HAS_BODY_FRAMES, 200, 0, 0, 0));
      call.chunk(Buffer.alloc(INITIAL_CREDIT_BYTES));
      call.onCredit = () => {
        if (call.credit < INITIAL_CREDIT_BYTES) return;
        call.bodyEnd();
        call.done();
      };
    };
    const answer = await sendRuntimeRequest(replica.channel, '/healthz', [{ name: 'X-A', value: 'b' }], 5000);
    expect(answer).toMatchObject({ end: Outcome.Ok, status: 200 });
    expect(isGoodAnswer(answer)).toBe(true);
    expect(replica.cell.calls[0]!.request).toMatchObject({
      flags: 2,
      method: 'GET',
      path: '/healthz',
      headers: ['x-a', 'b'],
    });
  });

  test.each<[string, (call: ScriptedCall) => void, boolean]>([
    ['204', (call) => call.reply(204), true],
    ['399', (call) => call.reply(399), true],
    ['400', (call) => call.reply(400), false],
    ['a trap', (call) => call.done(Outcome.Trap), false],
    ['half a body', streaming((call) => call.done()), false],
    [
      'a trap after the body',
      streaming(
        (call) => call.chunk(Buffer.alloc(10)),
        (call) => call.bodyEnd(),
        (call) => call.done(Outcome.Trap),
      ),
      false,
    ],
    ['death', () => replica.cell.die(), false],
  ])('answered by %s is good: %3$s', async (_name, script, good) => {
    replica.cell.script = script;
    expect(isGoodAnswer(await sendRuntimeRequest(replica.channel, '/', [], 5000))).toBe(good);
  });

  test('to a closed channel is lost', async () => {
    replica.cell.die();
    await until(() => replica.owner.closed);
    expect(await sendRuntimeRequest(replica.channel, '/', [], 5000)).toMatchObject({ end: LOST });
  });
});

test('shutdown is passed on', async () => {
  replica.channel.shutdown(1234);
  await until(() => replica.cell.shutdowns.length === 1);
  expect(replica.cell.shutdowns).toEqual([{ deadlineMs: 1234 }]);
});
