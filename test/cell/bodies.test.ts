/** The two bodies against simple models: whatever the order of events, bytes and credit add up (B1, B2, B3). */
import { Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Outbox } from '../../src/cell/outbox.ts';
import { RequestBody } from '../../src/cell/serve/request-body.ts';
import { PIECE_BYTES, ResponseBody, type TakePiece } from '../../src/cell/serve/response-body.ts';
import { FrameWriter } from '../../src/wire/encoder.ts';
import { Framer } from '../../src/wire/framer.ts';
import { FromCell, INITIAL_CREDIT_BYTES, MAX_CHUNK_BYTES } from '../../src/wire/frames.ts';

const bytes = fc.integer({ min: 1, max: MAX_CHUNK_BYTES });

/** What an outbox says, as frames. */
function framesOf(say: (outbox: Outbox) => void): { type: number; payload: Buffer }[] {
  const frames: { type: number; payload: Buffer }[] = [];
  const framer = new Framer((type, id, bytes, start, end) => {
    expect(id).toBe(7);
    return frames.push({ type, payload: Buffer.from(bytes.subarray(start, end)) }) > 0;
  });
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      expect(framer.push(Buffer.from(chunk))).toBe(true);
      done();
    },
  });
  const outbox = new Outbox(new FrameWriter(sink));
  say(outbox);
  outbox.flush();
  expect(framer.idle).toBe(true);
  return frames;
}

describe('the body of a request', () => {
  const steps = fc.array(fc.oneof(fc.record({ send: bytes }), fc.record({ take: bytes })), { maxLength: 200 });

  test('what the engine sends within its credit is accepted, arrives in order, and earns its credit back', () => {
    fc.assert(
      fc.property(steps, (steps) => {
        let credit = INITIAL_CREDIT_BYTES;
        let sent = 0;
        let taken = 0;
        const body = new RequestBody({ giveCredit: (more) => (credit += more), changed: () => undefined }, false);
        for (const step of steps) {
          if ('send' in step) {
            const length = Math.min(step.send, credit);
            if (length === 0) continue;
            credit -= length;
            expect(body.push(Buffer.alloc(length, sent % 251))).toBe(true);
            sent += length;
          } else {
            const got = body.take(step.take);
            expect(got).toBeInstanceOf(Uint8Array);
            expect((got as Uint8Array).length).toBeLessThanOrEqual(step.take);
            taken += (got as Uint8Array).length;
          }
          expect(sent - taken + credit).toBeLessThanOrEqual(INITIAL_CREDIT_BYTES);
        }
        body.end();
        for (let rest = body.take(MAX_CHUNK_BYTES); rest instanceof Uint8Array; rest = body.take(MAX_CHUNK_BYTES))
          taken += rest.length;
        expect(taken).toBe(sent);
      }),
      { numRuns: 200 },
    );
  });

  test('exactly the credit is accepted, one byte more is not', () => {
    const body = new RequestBody({ giveCredit: () => undefined, changed: () => undefined }, false);
    for (let sent = 0; sent < INITIAL_CREDIT_BYTES; sent += MAX_CHUNK_BYTES)
      expect(body.push(Buffer.alloc(MAX_CHUNK_BYTES))).toBe(true);
    expect(body.push(Buffer.alloc(1))).toBe(false);
  });

  test('a body that the client holds back has no credit before the first look at it', () => {
    const given: number[] = [];
    const body = new RequestBody({ giveCredit: (more) => given.push(more), changed: () => undefined }, true);
    expect(body.push(Buffer.alloc(1))).toBe(false);
    const invited = new RequestBody({ giveCredit: (more) => given.push(more), changed: () => undefined }, true);
    expect(invited.ready()).toBe(false);
    expect(invited.ready()).toBe(false);
    expect(given).toEqual([INITIAL_CREDIT_BYTES]);
  });
});

describe('the body of a response', () => {
  const owner = {
    bodyChanged: () => undefined,
    bodyOver: () => undefined,
    bodyTooLarge: (): never => {
      throw new Error('too large');
    },
  };
  const steps = fc.array(
    fc.oneof(
      fc.record({ write: bytes }),
      fc.record({ credit: bytes }),
      fc.record({ send: fc.constantFrom('all', 'full') }),
    ),
    { maxLength: 200 },
  );

  test('what leaves is what was written, in order, and never more than the credit', () => {
    fc.assert(
      fc.property(steps, (steps) => {
        const body = new ResponseBody();
        body.attach(owner, -1, Number.POSITIVE_INFINITY);
        let credit = INITIAL_CREDIT_BYTES;
        const written: Buffer[] = [];
        const left: Buffer[] = [];
        let puts = 0;
        for (const step of steps) {
          if ('write' in step) {
            const length = Math.min(step.write, body.room());
            if (length === 0) continue;
            const bytes = Buffer.alloc(length, (puts += 1));
            written.push(Buffer.from(bytes));
            body.put(bytes);
            // It may be the guest's own memory: whatever becomes of it, the body has a copy.
            bytes.fill(0);
          } else if ('credit' in step) {
            credit += step.credit;
            body.addCredit(step.credit);
          } else {
            const take: TakePiece = (bytes, giveBack) => {
              expect(bytes.length).toBeLessThanOrEqual(PIECE_BYTES);
              credit -= bytes.length;
              left.push(Buffer.from(bytes));
              giveBack();
            };
            if (step.send === 'all') body.drain(take);
            else body.drainFull(take);
          }
          expect(credit).toBeGreaterThanOrEqual(0);
          expect(body.heldBytes).toBeLessThanOrEqual(credit);
        }
        const held = body.heldBytes;
        const all = Buffer.concat(written);
        expect(Buffer.concat(left).length + held).toBe(all.length);
        body.drain((bytes) => left.push(Buffer.from(bytes)));
        expect(Buffer.concat(left).equals(all)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  test.each([
    [10, 10, 'Finished'],
    [10, 9, 'Broken'],
    [10, 11, 'Broken'],
    [-1, 11, 'Finished'],
  ])('%d bytes declared, %d written: %s, whether named before or after', (declared, count, state) => {
    const before = new ResponseBody();
    before.attach(owner, declared, 100);
    before.put(Buffer.alloc(count));
    before.finish();
    expect(before.state).toBe(state);
    const after = new ResponseBody();
    after.put(Buffer.alloc(count));
    after.finish();
    after.attach(owner, declared, 100);
    expect(after.state).toBe(state);
    // B3: nothing of a body that is too long may leave.
    const leaves = (body: ResponseBody): number => {
      let left = body.whole().length;
      body.drain(({ length }) => (left += length));
      return left;
    };
    if (count > declared && declared >= 0) expect([leaves(before), leaves(after)]).toEqual([0, 0]);
  });

  test('one write is kept by itself; pieces that came back are used again, and by other bodies too', () => {
    const body = new ResponseBody();
    body.attach(owner, -1, Number.POSITIVE_INFINITY);
    body.put(Buffer.alloc(4096, 1));
    expect(body.whole().buffer.byteLength).toBe(4096);
    const memories = new Set<ArrayBufferLike>();
    for (let round = 0; round < 20; round++) {
      body.addCredit(PIECE_BYTES);
      body.put(Buffer.alloc(PIECE_BYTES, round));
      body.drain((bytes, giveBack) => {
        expect([bytes[0], bytes.at(-1)]).toEqual([round, round]);
        if (bytes.length === PIECE_BYTES) memories.add(bytes.buffer);
        giveBack();
      });
    }
    expect(memories.size).toBeLessThanOrEqual(2);
    body.finish();
    body.letGo();
    const next = new ResponseBody();
    next.put(Buffer.alloc(PIECE_BYTES + 1, 7));
    next.drainFull((bytes) => expect(memories.has(bytes.buffer)).toBe(true));
    expect(next.heldBytes).toBe(1);
  });

  test('what a body had is free for the next one when it is over: sent, or given up', () => {
    const streamed = new ResponseBody();
    streamed.attach(owner, -1, Number.POSITIVE_INFINITY);
    const memories = new Set<ArrayBufferLike>();
    for (const end of ['', 'finish']) {
      streamed.put(Buffer.alloc(2 * PIECE_BYTES, 1));
      if (end === 'finish') streamed.finish();
      streamed.drain((bytes, giveBack) => {
        memories.add(bytes.buffer);
        giveBack();
      });
    }
    const dropped = new ResponseBody();
    dropped.put(Buffer.alloc(2 * PIECE_BYTES, 2));
    dropped.close();
    const next = new ResponseBody();
    next.put(Buffer.alloc(2 * PIECE_BYTES, 3));
    next.drain(({ buffer }) => expect(memories.has(buffer)).toBe(true));
    expect(memories.size).toBe(2);
  });

  test('a piece that was not given back is not written to', () => {
    const body = new ResponseBody();
    body.attach(owner, -1, Number.POSITIVE_INFINITY);
    const out: Uint8Array[] = [];
    for (let round = 1; round <= 3; round++) {
      body.put(Buffer.alloc(PIECE_BYTES, round));
      body.drain((bytes) => out.push(bytes));
    }
    expect(out.map((bytes) => bytes.every((byte) => byte === bytes[0]) && bytes[0])).toEqual([1, 2, 3]);
  });

  test.each([
    [100, false],
    [101, true],
  ])('%d bytes with a limit of 100: too large is %s, whether named before or after', (count, tooLarge) => {
    const before = new ResponseBody();
    before.attach(owner, -1, 100);
    const after = new ResponseBody();
    after.put(Buffer.alloc(count));
    if (tooLarge) {
      expect(() => before.put(Buffer.alloc(count))).toThrow('too large');
      expect(() => after.attach(owner, -1, 100)).toThrow('too large');
    } else {
      before.put(Buffer.alloc(count));
      after.attach(owner, -1, 100);
      expect(after.heldBytes).toBe(count);
    }
  });
});

describe('a body on its way to the engine', () => {
  const sizes = fc.integer({ min: 1, max: 2 * MAX_CHUNK_BYTES });

  test('is what was handed over, in chunks that the wire allows, and comes back once', async () => {
    let handed = 0;
    let givenBack = 0;
    fc.assert(
      fc.property(fc.array(sizes, { minLength: 1, maxLength: 8 }), (sizes) => {
        const whole = Buffer.concat(sizes.map((size, index) => Buffer.alloc(size, index + 1)));
        handed += 1;
        const frames = framesOf((outbox) => outbox.body(7, whole, () => (givenBack += 1)));
        expect(frames.every(({ type }) => type === FromCell.Body)).toBe(true);
        expect(frames).toHaveLength(Math.ceil(whole.length / MAX_CHUNK_BYTES));
        expect(frames.every(({ payload }) => payload.length > 0 && payload.length <= MAX_CHUNK_BYTES)).toBe(true);
        expect(Buffer.concat(frames.map(({ payload }) => payload)).equals(whole)).toBe(true);
      }),
      { numRuns: 50 },
    );
    await new Promise(setImmediate);
    expect(givenBack).toBe(handed);
  });
});
