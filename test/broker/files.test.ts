/** The channel's frames about files, from a cell that says what it likes. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BrokerReader } from '../../src/wire/broker-reader.ts';
import { Ask, Capability, FromBroker, Status, ToBroker } from '../../src/wire/broker-frames.ts';
import { FrameWriter } from '../../src/wire/encoder.ts';
import { INITIAL_CREDIT_BYTES } from '../../src/wire/frames.ts';
import {
  DescriptorFlag,
  FILE_ERRORS,
  FILE_ERROR_STATUS,
  FileFromBroker,
  Files,
  FileToBroker,
  MAX_FILE_STREAMS,
  numbersBelowStreams,
  OpenFlag,
  StreamMode,
} from '../../src/wire/file-frames.ts';
import { Framer } from '../../src/wire/framer.ts';
import { TestBroker, volume } from './support.ts';

const SEATS = 4;
const STREAM = numbersBelowStreams(SEATS) + 1;
const NOTHING = new Uint8Array(0);

let node: TestBroker;
let cells = 0;

beforeEach(() => {
  node = new TestBroker();
});
afterEach(() => node.close());

interface Said {
  readonly type: number;
  readonly id: number;
  readonly payload: Buffer;
}

class Cell {
  readonly socket: Duplex;
  readonly writer: FrameWriter;
  readonly said: Said[] = [];
  #wake: () => void = () => undefined;

  private constructor(socket: Duplex) {
    this.socket = socket;
    this.writer = new FrameWriter(socket);
  }

  static async open(): Promise<Cell> {
    const token = randomBytes(16);
    const server = net.createServer();
    server.listen(path.join(node.folder, `s${++cells}`));
    await once(server, 'listening');
    const near = net.connect(path.join(node.folder, `s${cells}`));
    const [far] = (await once(server, 'connection')) as [net.Socket];
    server.close();
    const place = {
      cell: cells,
      replica: 'r',
      component: 'shop/cart',
      group: 'shop/cart@1',
      seats: SEATS,
      most: { sockets: 64, files: 512 },
    } as const;
    node.broker.attach({ ...place, grants: [volume('media')], token: token.toString('hex') }, far);
    near.write(token);
    await once(near, 'readable');
    near.read(16);
    const cell = new Cell(near);
    const framer = new Framer((type, id, bytes, start, end) => {
      cell.said.push({ type, id, payload: Buffer.from(bytes.subarray(start, end)) });
      return true;
    });
    near.on('data', (chunk: Buffer) => {
      framer.push(chunk);
      cell.#wake();
    });
    near.on('error', () => undefined);
    return cell;
  }

  async next(test: (said: Said) => boolean): Promise<Said> {
    const from = this.said.length;
    for (;;) {
      const found = this.said.slice(from).find(test);
      if (found) return found;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  ask(operation: number, write: (writer: FrameWriter) => void, seat = 1): void {
    this.writer.begin(ToBroker.Ask, seat, 700_000);
    for (const byte of [Ask.First, 0, Capability.Files, operation]) this.writer.u8(byte);
    write(this.writer);
    this.writer.end();
  }

  async answer(operation: number, write: (writer: FrameWriter) => void): Promise<BrokerReader & { status: number }> {
    const coming = this.next(({ type }) => type === FromBroker.Answer);
    this.ask(operation, write);
    const { payload } = await coming;
    return Object.assign(new BrokerReader(payload, 1, payload.length), { status: payload[0]! });
  }

  /** A file that is made where it is not there. */
  async file(name: string): Promise<bigint> {
    const reader = await this.answer(Files.OpenAt, (writer) => {
      root(writer);
      for (const byte of [0, OpenFlag.Create, DescriptorFlag.Read | DescriptorFlag.Write]) writer.u8(byte);
      writer.sized(Buffer.from(name));
    });
    expect(reader.status).toBe(Status.Ok);
    return reader.u64();
  }

  stream(mode: number, handle: bigint, id = STREAM): void {
    this.writer.begin(FileToBroker.Open, id, 64);
    this.writer.u16(0);
    this.writer.u32(1);
    this.writer.u8(mode);
    this.writer.u64(0n);
    this.writer.u64(handle);
    this.writer.end();
  }
}

function root(writer: FrameWriter, name = 'media'): void {
  writer.u64(0n);
  writer.sized(Buffer.from(name));
}

async function violation(send: (cell: Cell) => void | Promise<void>): Promise<string> {
  const cell = await Cell.open();
  const closed = once(cell.socket, 'close');
  await send(cell);
  await closed;
  return node.violations.at(-1)!;
}

describe('a frame that breaks the protocol ends the channel', () => {
  const rows: readonly (readonly [string, (cell: Cell) => void | Promise<void>, RegExp])[] = [
    ['an unknown operation', (cell) => cell.ask(99, root), /operation 99/],
    ['a question without a place', (cell) => cell.ask(Files.Stat, () => undefined), /another shape/],
    ['a question that ends early', (cell) => cell.ask(Files.StatAt, root), /another shape/],
    [
      'one that goes on',
      (cell) =>
        cell.ask(Files.Stat, (writer) => {
          root(writer);
          writer.u8(1);
        }),
      /another shape/,
    ],
    [
      'flags that there are not',
      (cell) =>
        cell.ask(Files.OpenAt, (writer) => {
          root(writer);
          for (const byte of [0, 16, 1]) writer.u8(byte);
          writer.sized(Buffer.from('a'));
        }),
      /another shape/,
    ],
    [
      'a path that is no text',
      (cell) =>
        cell.ask(Files.CreateDirectoryAt, (writer) => {
          root(writer);
          writer.sized(Buffer.from([0xff]));
        }),
      /another shape/,
    ],
    [
      'a time that is none',
      (cell) =>
        cell.ask(Files.SetTimes, (writer) => {
          root(writer);
          for (let time = 0; time < 2; time++) {
            writer.u8(3);
            writer.u64(0n);
            writer.u32(0);
          }
        }),
      /another shape/,
    ],
    ['a close of another length', (cell) => cell.writer.frame(FileToBroker.Close, 1, Buffer.alloc(7)), /close of 7/],
    ['a stream below its numbers', (cell) => cell.stream(StreamMode.Read, 1n, STREAM - 1), /stream \d+/],
    ['a stream above them', (cell) => cell.stream(StreamMode.Read, 1n, STREAM + MAX_FILE_STREAMS), /stream \d+/],
    ['a stream of an unknown mode', (cell) => cell.stream(3, 1n), /another shape/],
    [
      'a second start',
      async (cell) => {
        const handle = await cell.file('a');
        cell.stream(StreamMode.Write, handle);
        cell.stream(StreamMode.Write, handle);
      },
      /second start/,
    ],
    [
      'bytes for a stream that is read',
      async (cell) => {
        writeFileSync(path.join(node.folder, 'volumes/shop/media/long'), Buffer.alloc(2 * INITIAL_CREDIT_BYTES));
        cell.stream(StreamMode.Read, await cell.file('long'));
        cell.writer.frame(FileToBroker.Body, STREAM, Buffer.alloc(1));
      },
      /than there was credit for/,
    ],
    [
      'more credit than a stream has',
      async (cell) => {
        writeFileSync(path.join(node.folder, 'volumes/shop/media/long'), Buffer.alloc(2 * INITIAL_CREDIT_BYTES));
        const handle = await cell.file('long');
        const full = cell.next(({ type }) => type === FileFromBroker.Body);
        cell.stream(StreamMode.Read, handle);
        await full;
        cell.writer.numberFrame(FileToBroker.Credit, STREAM, INITIAL_CREDIT_BYTES + 1, 4);
      },
      /more credit/,
    ],
    [
      'an end that says more',
      async (cell) => {
        cell.stream(StreamMode.Write, await cell.file('a'));
        cell.writer.frame(FileToBroker.Drop, STREAM, Buffer.alloc(1));
      },
      /says more/,
    ],
  ];

  beforeEach(() => mkdirSync(path.join(node.folder, 'volumes/shop/media'), { recursive: true }));
  test.each(rows)('%s', async (_what, send, why) => {
    expect(await violation(send)).toMatch(why);
  });
});

test('whatever comes, the broker answers others and nothing outside of the volume is touched', async () => {
  mkdirSync(path.join(node.folder, 'volumes/shop/media'), { recursive: true });
  writeFileSync(path.join(node.folder, 'volumes/shop/secret'), 'secret');
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.constantFrom('media', '../secret', 'secret', '..', 'a/../../secret', '/etc').map((text) => {
      const bytes = Buffer.from(text);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return Buffer.concat([length, bytes]);
    }),
    fc.constant(Buffer.alloc(8)),
  );
  const frame = fc.tuple(
    fc.constantFrom(ToBroker.Ask, ToBroker.Cancel, ...Object.values(FileToBroker)),
    fc.constantFrom(1, 2, SEATS, STREAM, STREAM + 1),
    fc.integer({ min: 0, max: 21 }),
    fc.array(piece, { maxLength: 5 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 8 }), async (frames) => {
      const cell = await Cell.open();
      for (const [type, id, operation, pieces] of frames) {
        const head = type === ToBroker.Ask ? [1, 0, Capability.Files, operation] : [];
        cell.writer.frame(type, id, Buffer.concat([Buffer.from(head), ...pieces]));
      }
      cell.writer.flush();
      await new Promise((resolve) => setTimeout(resolve, 2));
      cell.socket.destroy();
    }),
    { numRuns: 150 },
  );
  const good = await Cell.open();
  expect((await good.answer(Files.Stat, root)).status).toBe(Status.Ok);
  expect(readFileSync(path.join(node.folder, 'volumes/shop/secret'), 'utf8')).toBe('secret');
  expect(node.failures).toEqual([]);
});

test('a handle of another channel, or of one that was closed, is unknown', async () => {
  const [one, other] = [await Cell.open(), await Cell.open()];
  const handle = await one.file('a');
  const unknown = FILE_ERROR_STATUS + FILE_ERRORS.indexOf('bad-descriptor');
  const read = (writer: FrameWriter): void => {
    writer.u64(handle);
    writer.u64(0n);
    writer.u32(10);
  };
  expect((await one.answer(Files.Read, read)).status).toBe(Status.Ok);
  expect((await other.answer(Files.Read, read)).status).toBe(unknown);
  one.writer.begin(FileToBroker.Close, 1, 8);
  one.writer.u64(handle);
  one.writer.end();
  expect((await one.answer(Files.Read, read)).status).toBe(unknown);
  const over = one.next(({ type }) => type === FileFromBroker.Over);
  one.stream(StreamMode.Read, handle);
  expect((await over).payload[0]).toBe(1 + FILE_ERRORS.indexOf('bad-descriptor'));
});

test('a cell that does not read is sent no more than its credit, and what it drops is over', async () => {
  mkdirSync(path.join(node.folder, 'volumes/shop/media'), { recursive: true });
  writeFileSync(path.join(node.folder, 'volumes/shop/media/long'), Buffer.alloc(3 * INITIAL_CREDIT_BYTES));
  const cell = await Cell.open();
  const handle = await cell.file('long');
  cell.stream(StreamMode.Read, handle);
  // The answer comes behind everything that was sent before it.
  expect((await cell.answer(Files.Stat, root)).status).toBe(Status.Ok);
  const bytes = (): number =>
    cell.said.reduce((sum, { type, payload }) => sum + (type === FileFromBroker.Body ? payload.length : 0), 0);
  expect(bytes()).toBe(INITIAL_CREDIT_BYTES);
  cell.writer.numberFrame(FileToBroker.Credit, STREAM, 1, 4);
  expect((await cell.answer(Files.Stat, root)).status).toBe(Status.Ok);
  expect(bytes()).toBe(INITIAL_CREDIT_BYTES + 1);
  const over = cell.next(({ type }) => type === FileFromBroker.Over);
  cell.writer.frame(FileToBroker.Drop, STREAM, NOTHING);
  expect((await over).payload).toEqual(Buffer.from([0]));
});
