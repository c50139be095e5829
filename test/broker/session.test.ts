/** One cell's channel with bytes that no cell of ours would send, with too much of them, and without end. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type net from 'node:net';
import type { Duplex } from 'node:stream';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Authority } from '../../src/broker/authority.ts';
import { KeyValueService } from '../../src/broker/key-value.ts';
import { FileStreams } from '../../src/broker/files/streams.ts';
import { LOOK_AT_FRAMES, MAX_BUFFERED_BYTES, MAX_PIN_MS, TURN_MS } from '../../src/broker/session.ts';
import { MAX_KINDS } from '../../src/broker/records.ts';
import type { EntryKey, Grant } from '../../src/model/component.ts';
import { BrokerReader } from '../../src/wire/broker-reader.ts';
import {
  Ask,
  Capability,
  flagsOfMember,
  KeyValue,
  MAX_BATCH_KEYS,
  MAX_BROKER_PAYLOAD_BYTES,
  MAX_KEY_BYTES,
  MAX_VALUE_BYTES,
  Status,
  ToBroker,
} from '../../src/wire/broker-frames.ts';
import { FrameWriter, MIN_HANDED_BYTES } from '../../src/wire/encoder.ts';
import { FileToBroker, numbersBelowStreams } from '../../src/wire/file-frames.ts';
import { Framer } from '../../src/wire/framer.ts';
import { openChannel, type ChannelOptions } from './channel.ts';
import { ceiling, grant, KIB, TestBroker } from './support.ts';

const SEATS = 4;
const ROOMY = grant('carts', { maxSize: 64 * 1024 * KIB, maxValueSize: 512 * KIB });

let test_: TestBroker;

beforeEach(() => {
  test_ = new TestBroker();
});
afterEach(() => test_.close());

const judged = Authority.prototype.judge;
const accepted = FileStreams.prototype.accept;
const { endTurn } = KeyValueService.prototype;

/** The cell's side, which says what it likes. */
class Cell {
  readonly socket: Duplex;
  /** The broker's end. */
  readonly far: Promise<net.Socket>;
  readonly writer: FrameWriter;
  readonly answers: { readonly seat: number; readonly status: number; readonly payload: Buffer }[] = [];
  #waiting: (() => void)[] = [];

  private constructor(socket: Duplex, far: Promise<net.Socket>) {
    this.socket = socket;
    this.far = far;
    this.writer = new FrameWriter(socket);
  }

  static async open(
    grants: readonly Grant[] = [ROOMY],
    options: Partial<Omit<ChannelOptions, 'grants'>> = {},
  ): Promise<Cell> {
    const far = Promise.withResolvers<net.Socket>();
    const near = await openChannel(test_, { grants, seats: SEATS, onFar: far.resolve, ...options });
    const cell = new Cell(near, far.promise);
    const framer = new Framer((_type, seat, bytes, start, end) => {
      cell.answers.push({ seat, status: bytes[start]!, payload: Buffer.from(bytes.subarray(start + 1, end)) });
      return true;
    });
    near.on('data', (chunk: Buffer) => {
      framer.push(chunk);
      for (const wake of cell.#waiting.splice(0)) wake();
    });
    return cell;
  }

  ask(
    seat: number,
    operation: number,
    write: (writer: FrameWriter) => void,
    flags: number = Ask.First,
    bytes = 1 << 19,
  ): void {
    this.writer.begin(ToBroker.Ask, seat, bytes + 4096);
    this.writer.u16(flags);
    this.writer.u8(Capability.KeyValue);
    this.writer.u8(operation);
    write(this.writer);
    this.writer.end();
  }

  async until(count: number): Promise<void> {
    while (this.answers.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async get(key: string, flags: number = Ask.First, seat = 1): Promise<number> {
    const before = this.answers.length;
    this.ask(seat, KeyValue.Get, (writer) => named(writer, 'carts', key), flags);
    await this.until(before + 1);
    return this.answers[before]!.status;
  }
}

function named(writer: FrameWriter, ...texts: readonly string[]): void {
  for (const text of texts) writer.sized(Buffer.from(text));
}

/** Of a file of no volume: answered at once, with its end. */
function streamOpening(number: number): Buffer {
  const payload = Buffer.alloc(2 + 4 + 1 + 8 + 8 + 4);
  payload.writeUInt32LE(1, 2);
  return Buffer.concat([header(payload.length, number, FileToBroker.Open), payload]);
}

async function violation(send: (cell: Cell) => void): Promise<string> {
  const cell = await Cell.open();
  const closed = once(cell.socket, 'close');
  cell.socket.resume();
  send(cell);
  await closed;
  return test_.violations.at(-1)!;
}

describe('a frame that breaks the protocol ends the channel', () => {
  const rows: readonly (readonly [string, (cell: Cell) => void, RegExp])[] = [
    ['seat 0', (cell) => cell.ask(0, KeyValue.Open, (writer) => named(writer, 'carts')), /seat 0/],
    ['a seat too many', (cell) => cell.ask(SEATS + 1, KeyValue.Open, (writer) => named(writer, 'carts')), /seat 5/],
    ['an unknown type', (cell) => cell.writer.frame(0x4f, 1, new Uint8Array(0)), /unknown type 79/],
    ['an unknown operation', (cell) => cell.ask(1, 99, (writer) => named(writer, 'carts')), /operation 99/],
    [
      'an unknown capability',
      (cell) => cell.writer.frame(ToBroker.Ask, 1, Buffer.from([1, 0, 77, 1])),
      /capability 77/,
    ],
    ['an empty question', (cell) => cell.writer.frame(ToBroker.Ask, 1, new Uint8Array(0)), /capability 0/],
    [
      'a question that ends early',
      (cell) => cell.ask(1, KeyValue.Get, (writer) => named(writer, 'carts')),
      /another shape/,
    ],
    [
      'one that goes on',
      (cell) => cell.ask(1, KeyValue.Get, (writer) => named(writer, 'carts', 'a', 'b')),
      /another shape/,
    ],
    [
      'a key that is no text',
      (cell) =>
        cell.ask(1, KeyValue.Get, (writer) => {
          named(writer, 'carts');
          writer.sized(Buffer.from([0xff]));
        }),
      /another shape/,
    ],
    [
      'a length beyond the frame',
      (cell) =>
        cell.ask(1, KeyValue.Get, (writer) => {
          named(writer, 'carts');
          writer.u32(0xffff_ffff);
        }),
      /another shape/,
    ],
    [
      'a key too long',
      (cell) => cell.ask(1, KeyValue.Get, (writer) => named(writer, 'carts', 'k'.repeat(MAX_KEY_BYTES + 1))),
      /another shape/,
    ],
    [
      'a value too long',
      (cell) => cell.ask(1, KeyValue.Set, (writer) => named(writer, 'carts', 'k', 'v'.repeat(MAX_VALUE_BYTES + 1))),
      /another shape/,
    ],
    [
      'a batch too long',
      (cell) =>
        cell.ask(1, KeyValue.DeleteMany, (writer) => {
          named(writer, 'carts');
          writer.u32(MAX_BATCH_KEYS + 1);
          for (let count = 0; count <= MAX_BATCH_KEYS; count++) writer.sized(Buffer.from('a'));
        }),
      /another shape/,
    ],
    [
      'a frame too long',
      (cell) => cell.socket.write(header(MAX_BROKER_PAYLOAD_BYTES + 1, 1, ToBroker.Ask)),
      /1048577 bytes/,
    ],
    ['a cancel that says more', (cell) => cell.writer.frame(ToBroker.Cancel, 1, Buffer.from([1])), /says more/],
    [
      'two questions of a seat',
      (cell) => {
        cell.ask(1, KeyValue.Set, (writer) => named(writer, 'carts', 'a', '1'));
        cell.ask(1, KeyValue.Set, (writer) => named(writer, 'carts', 'a', '2'));
      },
      /second question/,
    ],
  ];
  test.each(rows)('%s', async (_what, send, why) => {
    expect(await violation(send)).toMatch(why);
  });

  test('what is at the bounds is no violation', async () => {
    const cell = await Cell.open();
    cell.ask(SEATS, KeyValue.Set, (writer) =>
      named(writer, 'carts', 'k'.repeat(MAX_KEY_BYTES), 'v'.repeat(MAX_VALUE_BYTES)),
    );
    cell.ask(1, KeyValue.DeleteMany, (writer) => {
      named(writer, 'carts');
      writer.u32(MAX_BATCH_KEYS);
      for (let count = 0; count < MAX_BATCH_KEYS; count++) writer.sized(Buffer.from('a'));
    });
    await cell.until(2);
    expect(cell.answers.map(({ status }) => status)).toEqual([Status.Ok, Status.Ok]);
    expect(test_.violations).toEqual([]);
  });

  test('a value is answered as it was set, copied into the frame or handed over behind it', async () => {
    const cell = await Cell.open();
    const values = [0, MIN_HANDED_BYTES - 1, MIN_HANDED_BYTES, MAX_VALUE_BYTES].map((bytes) => randomBytes(bytes));
    for (const [index, value] of values.entries()) {
      cell.ask(index + 1, KeyValue.Set, (writer) => {
        named(writer, 'carts', `key ${index}`);
        writer.sized(value);
      });
    }
    await cell.until(values.length);
    for (const operation of [KeyValue.Get, KeyValue.Current]) {
      cell.answers.length = 0;
      for (const index of values.keys()) {
        cell.ask(index + 1, operation, (writer) => named(writer, 'carts', `key ${index}`));
      }
      await cell.until(values.length);
      // Behind the version, where there is one, that there is a value and how long it is.
      const head = operation === KeyValue.Get ? 5 : 13;
      for (const { seat, payload } of cell.answers) {
        expect(payload.subarray(head).equals(values[seat - 1]!), `${operation} ${seat}`).toBe(true);
      }
    }
  });

  test('any bytes end in answers or in a closed channel, and another cell is served', async () => {
    const neighbour = await Cell.open();
    const questions = [KeyValue.Open, KeyValue.Get, KeyValue.SetMany, KeyValue.ListKeys, 0, 255];
    const frame = fc
      .record({
        seat: fc.nat(SEATS + 1),
        type: fc.constantFrom(0x40, 0x40, 0x40, 0x41, 0x99),
        operation: fc.constantFrom(...questions),
        rest: fc.uint8Array({ maxLength: 64 }),
      })
      .map(({ seat, type, operation, rest }) => {
        const payload = Buffer.concat([Buffer.from([1, 0, 1, operation]), rest]);
        return Buffer.concat([header(payload.length, seat, type), payload]);
      });
    const junk = fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(frame, junk), { maxLength: 8 }), async (pieces) => {
        const cell = await Cell.open();
        const closed = once(cell.socket, 'close');
        cell.socket.end(Buffer.concat(pieces));
        await closed;
        expect(await neighbour.get('a')).toBe(Status.Ok);
      }),
      { numRuns: 200 },
    );
    expect(test_.failures).toEqual([]);
  });
});

test('what comes before the token is dropped, whatever it is, and costs nothing', async () => {
  const cell = await Cell.open([ROOMY], { greets: false });
  for (let count = 0; count < 100; count++) cell.socket.write(randomBytes(KIB));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(test_.violations).toEqual([]);
  expect(test_.broker.cells).toBe(1);
});

test('a cell that asks and does not read is read from no more until it does', async () => {
  const cell = await Cell.open();
  const far = await cell.far;
  cell.socket.pause();
  // Each is answered at once, with the end of a stream that there is not: what it has in the air is bounded by nothing.
  const many = Buffer.concat(Array<Buffer>(1_000).fill(streamOpening(numbersBelowStreams(SEATS) + 1)));
  let sent = 0;
  for (; !far.isPaused() && sent < 1_000_000; sent += 1_000) {
    cell.socket.write(many);
    while (cell.socket.writableNeedDrain && !far.isPaused()) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(far.isPaused()).toBe(true);
  expect(far.writableLength).toBeLessThan(MAX_BUFFERED_BYTES + 128 * KIB);
  cell.socket.resume();
  await cell.until(sent);
  expect([cell.answers.length, test_.violations]).toEqual([sent, []]);
});

describe('turns', () => {
  test.each([
    ['at once where they take no time', 0, 1],
    ['some at a time where each takes as long as a turn', TURN_MS, 5],
  ])('frames of a chunk are read %s, all of them and in order', async (_what, takesMs, turns) => {
    const cell = await Cell.open();
    const neighbour = await Cell.open();
    const accept = vi.spyOn(FileStreams.prototype, 'accept').mockImplementation(function (this: FileStreams, ...frame) {
      test_.monotonicMs += takesMs;
      return accepted.apply(this, frame);
    });
    const ends = vi.spyOn(KeyValueService.prototype, 'endTurn');
    const first = numbersBelowStreams(SEATS) + 1;
    const frames = Array.from({ length: 4 * LOOK_AT_FRAMES + 1 }, (_, index) => streamOpening(first + index));
    cell.socket.write(Buffer.concat(frames));
    await cell.until(frames.length);
    const taken = ends.mock.calls.length;
    ends.mockRestore();
    accept.mockRestore();
    expect(cell.answers.map(({ seat }) => seat)).toEqual(frames.map((_, index) => first + index));
    expect(taken).toBe(turns);
    // Both are read as before.
    expect([await cell.get('a'), await neighbour.get('a'), test_.violations]).toEqual([Status.Ok, Status.Ok, []]);
  });

  test.each([
    ['as long as they take no time', 0, 1],
    ['one at a time where each takes as long as a turn', TURN_MS, SEATS],
    ['two at a time where each takes more than half of that', TURN_MS / 2 + 0.1, SEATS / 2],
  ])('are of all that is asked at once %s', async (_what, takesMs, turns) => {
    const cell = await Cell.open();
    expect(await cell.get('k')).toBe(Status.Ok);
    const judge = vi.spyOn(Authority.prototype, 'judge').mockImplementation(function (this: Authority, ...use) {
      test_.monotonicMs += takesMs;
      return judged.apply(this, use);
    });
    let answered = 0;
    const ends = vi.spyOn(KeyValueService.prototype, 'endTurn').mockImplementation(function (this: KeyValueService) {
      if (judge.mock.calls.length > answered) turnsTaken += 1;
      answered = judge.mock.calls.length;
      endTurn.call(this);
    });
    let turnsTaken = 0;
    for (let seat = 1; seat <= SEATS; seat++) cell.ask(seat, KeyValue.Get, (writer) => named(writer, 'carts', 'k'));
    await cell.until(1 + SEATS);
    ends.mockRestore();
    judge.mockRestore();
    expect(turnsTaken).toBe(turns);
  });

  test('a cell that does not read waits, and others are served; then it gets all of it', async () => {
    const cell = await Cell.open();
    const neighbour = await Cell.open();
    cell.ask(1, KeyValue.Set, (writer) => named(writer, 'carts', 'large', 'v'.repeat(MAX_VALUE_BYTES)));
    await cell.until(1);
    cell.socket.pause();
    // Cancelled or not, every question gets its answer; what is never read is held at the bound.
    for (let seat = 1; seat <= SEATS; seat++) cell.ask(seat, KeyValue.Get, (writer) => named(writer, 'carts', 'large'));
    cell.writer.flush();
    for (let count = 0; count < 50; count++) expect(await neighbour.get('large')).toBe(Status.Ok);
    cell.socket.resume();
    await cell.until(1 + SEATS);
    expect(cell.answers.slice(1).map(({ payload }) => payload.length)).toEqual(Array(SEATS).fill(MAX_VALUE_BYTES + 5));
  });

  test('a batch is done as a whole: one key that is not granted, and nothing of it is there', async () => {
    const cell = await Cell.open([grant('carts', { keyPrefix: 'cart/' })]);
    cell.ask(1, KeyValue.SetMany, (writer) => {
      named(writer, 'carts');
      writer.u32(2);
      named(writer, 'cart/1', 'v', 'other', 'v');
    });
    await cell.until(1);
    expect(cell.answers[0]!.status).toBe(Status.AccessDenied);
    cell.ask(1, KeyValue.Exists, (writer) => named(writer, 'carts', 'cart/1'));
    await cell.until(2);
    expect(cell.answers[1]!.payload[0]).toBe(0);
  });

  test('values of a batch that do not fit into one answer are refused with the bound', async () => {
    const cell = await Cell.open();
    for (const key of ['a', 'b']) {
      cell.ask(1, KeyValue.Set, (writer) => named(writer, 'carts', key, 'v'.repeat(MAX_VALUE_BYTES)));
      await cell.until(key === 'a' ? 1 : 2);
    }
    cell.ask(1, KeyValue.GetMany, (writer) => {
      named(writer, 'carts');
      writer.u32(2);
      named(writer, 'a', 'b');
    });
    await cell.until(3);
    expect(cell.answers[2]!.status).toBe(Status.Other);
    expect(cell.answers[2]!.payload.toString()).toContain('ask for fewer');
  });
});

describe('grants in force', () => {
  const nothing = { ceilings: [ceiling('p', undefined)], groups: [] };

  test('a call keeps those of its first question, and the next one has the new ones', async () => {
    const cell = await Cell.open();
    expect(await cell.get('a')).toBe(Status.Ok);
    test_.broker.grant(nothing);
    expect(await cell.get('a', 0)).toBe(Status.Ok);
    expect(await cell.get('a')).toBe(Status.AccessDenied);
    expect(await cell.get('a', 0)).toBe(Status.AccessDenied);
  });

  test('not for longer than a call may last', async () => {
    const cell = await Cell.open();
    expect(await cell.get('a')).toBe(Status.Ok);
    test_.broker.grant(nothing);
    test_.monotonicMs = MAX_PIN_MS - 1;
    expect(await cell.get('a', 0)).toBe(Status.Ok);
    test_.monotonicMs = MAX_PIN_MS;
    expect(await cell.get('a', 0)).toBe(Status.AccessDenied);
  });

  test('a seat that never says that its call is the first has those of its first question', async () => {
    const cell = await Cell.open();
    expect(await cell.get('a', 0, 2)).toBe(Status.Ok);
  });
});

describe('records', () => {
  test('say who, by which grant, and how often; the first at once', async () => {
    const cell = await Cell.open();
    test_.broker.grant({ ceilings: [], groups: [{ group: 'shop/cart@1', release: 'r1', commit: 'c1' }] });
    await cell.get('a');
    expect(test_.broker.drain()).toEqual([
      {
        atWallMs: test_.wallMs,
        component: 'shop/cart',
        group: 'shop/cart@1',
        release: 'r1',
        commit: 'c1',
        capability: 'keyValue',
        grant: 'carts',
        outcome: 'Allowed',
        asked: 'get carts',
        needs: { store: 'carts', access: 'ReadOnly' },
        why: '',
        count: 1,
      },
    ]);
    for (let count = 0; count < 9; count++) await cell.get('b');
    expect(test_.broker.drain()).toEqual([]);
    test_.wallMs += 60_000;
    expect(test_.broker.drain()).toMatchObject([{ asked: 'get carts', count: 9 }]);
  });

  test('are of so many kinds at most, and count on beyond them', async () => {
    const cell = await Cell.open([grant('carts', { keyPrefix: 'cart/' })]);
    for (let count = 0; count < MAX_KINDS + 5; count++) await cell.get(`other/${count}`);
    const lines = test_.records();
    expect(lines.length).toBe(MAX_KINDS + 2);
    expect(lines.at(-1)).toBe('Denied - (more kinds than are told apart) ×4');
  });

  test('name the member that the cell says, and the entry where there is none such', async () => {
    const cell = await Cell.open([ROOMY], { members: ['shop/cart', 'shop/tax', 'shop/fees'] });
    // 3 is one too many, and 255 the last that can be said.
    for (const position of [0, 1, 2, 3, 255, 2, 1, 0]) await cell.get('k', Ask.First | flagsOfMember(position));
    const told = test_.broker.drain(true).map(({ component, asked: what, count }) => `${component} ${what} ×${count}`);
    expect(told).toEqual([
      'shop/cart get carts ×1',
      'shop/tax get carts ×1',
      'shop/fees get carts ×1',
      'shop/cart get carts ×3',
      'shop/tax get carts ×1',
      'shop/fees get carts ×1',
    ]);
  });

  test('are of so many kinds at most, whichever members a cell pretends to be', async () => {
    const members: readonly EntryKey[] = ['shop/cart', 'shop/tax'];
    const cell = await Cell.open([grant('carts', { keyPrefix: 'cart/' })], { members });
    for (let count = 0; count < MAX_KINDS + 5; count++) {
      await cell.get(`other/${count}`, Ask.First | flagsOfMember(count % 2));
    }
    // Each member has one more kind for the rest.
    expect(test_.broker.drain(true).length).toBeLessThanOrEqual(MAX_KINDS + 4);
  });
});

test('a page is read as it was written', async () => {
  const cell = await Cell.open();
  cell.ask(1, KeyValue.Set, (writer) => named(writer, 'carts', 'ключ', 'v'));
  await cell.until(1);
  cell.ask(1, KeyValue.ListKeys, (writer) => {
    named(writer, 'carts');
    writer.u64(0n);
  });
  await cell.until(2);
  const { payload } = cell.answers[1]!;
  const reader = new BrokerReader(payload, 0, payload.length);
  expect([reader.u32(), reader.text(MAX_KEY_BYTES), reader.u64(), reader.done]).toEqual([1, 'ключ', 0n, true]);
});

function header(length: number, seat: number, type: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes.writeUInt32LE(length, 0);
  bytes.writeUInt32LE(seat, 4);
  bytes[8] = type;
  return bytes;
}
