/** Frames of lines that no cell of ours would send: each ends the channel, or harms nobody; the broker serves another cell. */
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Grant } from '../../src/model/component.ts';
import { Ask } from '../../src/wire/broker-frames.ts';
import { FrameWriter } from '../../src/wire/encoder.ts';
import { Framer } from '../../src/wire/framer.ts';
import {
  linesFrom,
  MAX_ADDRESS_BYTES,
  MAX_LINES,
  MAX_NAME_BYTES,
  NETWORK_ERRORS,
  Opening,
  SocketFromBroker,
  SocketToBroker,
  Tuning,
} from '../../src/wire/socket-frames.ts';
import { freePort } from '../support/child-server.ts';
import { openChannel } from './channel.ts';
import { TestBroker } from './support.ts';

const SEATS = 4;
const LINE = linesFrom(SEATS) + 1;
const LAST_LINE = linesFrom(SEATS) + MAX_LINES;
const HERE = '127.0.0.1';
const CHUNK_BYTES = 64 * 1024;
const MEBIBYTE = 1024 * 1024;

let broker: TestBroker;
let echo: net.Server;
let port: number;
/** Where a cell may listen. */
let own: number;

beforeEach(async () => {
  broker = new TestBroker();
  echo = net.createServer((socket) => socket.on('error', () => undefined).pipe(socket)).listen(0, HERE);
  await once(echo, 'listening');
  port = (echo.address() as net.AddressInfo).port;
  own = await freePort();
});
afterEach(() => {
  broker.close();
  echo.close();
});

interface Heard {
  readonly type: number;
  readonly line: number;
  readonly payload: Buffer;
}

class Cell {
  readonly socket: net.Socket;
  readonly writer: FrameWriter;
  readonly heard: Heard[] = [];

  private constructor(socket: net.Socket) {
    this.socket = socket;
    this.writer = new FrameWriter(socket);
    const framer = new Framer((type, line, bytes, start, end) => {
      this.heard.push({ type, line, payload: Buffer.from(bytes.subarray(start, end)) });
      return true;
    });
    socket.on('data', (chunk: Buffer) => framer.push(chunk));
  }

  static async open(): Promise<Cell> {
    const settings = { protocols: ['Tcp', 'Udp'], hosts: [HERE], ports: [port], listen: [`${HERE}:${own}`] };
    const grants: Grant[] = [{ name: 'peers', capability: 'sockets', settings, enforcement: 'Enforce' }];
    return new Cell(await openChannel(broker, { grants, seats: SEATS }));
  }

  begin(kind: number, to: { address?: string; port?: number; line?: number; seat?: number } = {}): void {
    const { line = LINE, seat = 1, address = HERE } = to;
    this.writer.begin(SocketToBroker.Open, line, 4096);
    this.writer.u16(Ask.First);
    this.writer.u32(seat);
    this.writer.u8(kind);
    this.writer.sized(Buffer.from(address));
    if (kind !== Opening.Lookup) this.writer.u32(to.port ?? port);
    this.writer.end();
  }

  say(type: number, payload: string | Uint8Array = '', line = LINE): void {
    this.writer.frame(type, line, Buffer.from(payload as string, 'latin1'));
    this.writer.flush();
  }

  tune(what: number, value: number): void {
    this.writer.begin(SocketToBroker.Tune, LINE, 5);
    this.writer.u8(what);
    this.writer.u32(value);
    this.writer.end();
  }

  datagram(address: string, to: number, bytes: Uint8Array): void {
    this.writer.begin(SocketToBroker.Datagram, LINE, 8 + MAX_ADDRESS_BYTES * 2 + bytes.length);
    this.writer.sized(Buffer.from(address));
    this.writer.u32(to);
    this.writer.bytes(bytes);
    this.writer.end();
  }

  /** Of the line, the first of a type. */
  async hears(type: number, line = LINE): Promise<Heard> {
    this.writer.flush();
    for (;;) {
      const found = this.heard.find((one) => one.type === type && one.line === line);
      if (found) return found;
      await Promise.race([
        once(this.socket, 'data'),
        once(this.socket, 'close').then(() => Promise.reject(new Error('closed'))),
      ]);
    }
  }

  async opened(kind: number = Opening.Connect): Promise<void> {
    this.begin(
      kind,
      kind === Opening.Udp ? { address: '0.0.0.0', port: 0 } : kind === Opening.Bind ? { port: own } : {},
    );
    await this.hears(SocketFromBroker.Opened);
  }
}

async function isServed(): Promise<void> {
  const cell = await Cell.open();
  await cell.opened();
  cell.say(SocketToBroker.Data, 'well');
  expect((await cell.hears(SocketFromBroker.Data)).payload.toString()).toBe('well');
  cell.socket.destroy();
}

describe('a frame that breaks the protocol ends the channel', () => {
  const tcp = (then: (cell: Cell) => void) => (cell: Cell) => cell.opened().then(() => then(cell));
  const udp = (then: (cell: Cell) => void) => (cell: Cell) => cell.opened(Opening.Udp).then(() => then(cell));
  const rows: readonly (readonly [string, (cell: Cell) => unknown, RegExp])[] = [
    ['a line below the first', (cell) => cell.begin(Opening.Connect, { line: LINE - 1 }), /./],
    ['a line beyond the last', (cell) => cell.begin(Opening.Connect, { line: LAST_LINE + 1 }), /the line/],
    ['the line 2^32 - 1', (cell) => cell.begin(Opening.Connect, { line: 0xffff_ffff }), /the line 4294967295/],
    ['an opening of the seat 0', (cell) => cell.begin(Opening.Connect, { seat: 0 }), /the seat 0/],
    ['an opening of a seat too many', (cell) => cell.begin(Opening.Connect, { seat: SEATS + 1 }), /the seat 5/],
    ['an opening of an unknown kind', (cell) => cell.begin(9), /unknown kind 9/],
    ['an empty opening', (cell) => cell.say(SocketToBroker.Open), /the seat 0|another shape/],
    ['an address that is a name', (cell) => cell.begin(Opening.Connect, { address: 'localhost' }), /another shape/],
    [
      'an address too long',
      (cell) => cell.begin(Opening.Connect, { address: '1'.repeat(MAX_ADDRESS_BYTES + 1) }),
      /another shape/,
    ],
    ['an address of zeroes', (cell) => cell.begin(Opening.Connect, { address: '\0\0' }), /another shape/],
    ['a port of 65,536', (cell) => cell.begin(Opening.Connect, { port: 65_536 }), /another shape/],
    [
      'a name too long',
      (cell) => cell.begin(Opening.Lookup, { address: 'a'.repeat(MAX_NAME_BYTES + 1) }),
      /another shape/,
    ],
    [
      'a second opening of a line',
      (cell) => (cell.begin(Opening.Connect), cell.begin(Opening.Connect)),
      /a second opening/,
    ],
    ['an accept that says more', (cell) => cell.begin(Opening.Accept), /another shape/],
    [
      'bytes after the end',
      tcp((cell) => (cell.say(SocketToBroker.Finish), cell.say(SocketToBroker.Data, 'x'))),
      /bytes that nobody/,
    ],
    [
      'credit beyond what there is',
      tcp((cell) => cell.say(SocketToBroker.Credit, Buffer.alloc(4, 255))),
      /credit that nobody/,
    ],
    ['credit of three bytes', tcp((cell) => cell.say(SocketToBroker.Credit, 'abc')), /credit that nobody/],
    ['an option that there is not', tcp((cell) => cell.tune(99, 1)), /an option/],
    ['listening with a connection', tcp((cell) => cell.tune(Tuning.Listen, 1)), /an option/],
    ['a datagram on a connection', tcp((cell) => cell.datagram(HERE, port, Buffer.from('x'))), /a datagram/],
    ['bytes on a socket of datagrams', udp((cell) => cell.say(SocketToBroker.Data, 'x')), /bytes that nobody/],
    ['a datagram to no address', udp((cell) => cell.datagram('here', port, Buffer.from('x'))), /a datagram/],
    ['a datagram to the port 0', udp((cell) => cell.datagram(HERE, 0, Buffer.from('x'))), /a datagram/],
    ['a datagram of another family', udp((cell) => cell.datagram('::1', port, Buffer.from('x'))), /a datagram/],
    ['a datagram of 65,508 bytes', udp((cell) => cell.datagram(HERE, port, Buffer.alloc(65_508))), /a datagram/],
    ['a buffer of 0 bytes', udp((cell) => cell.tune(Tuning.ReceiveBuffer, 0)), /an option/],
    [
      'bytes on a listener',
      (cell) => cell.opened(Opening.Bind).then(() => cell.say(SocketToBroker.Data, 'x')),
      /bytes that nobody/,
    ],
    ['an unknown type in between', (cell) => cell.say(0x67), /unknown type|the seat/],
  ];
  test.each(rows)('%s', async (_what, send, why) => {
    const cell = await Cell.open();
    const closed = closeOf(cell.socket);
    await send(cell);
    cell.writer.flush();
    await closed;
    expect(broker.violations.at(-1)).toMatch(why);
    await isServed();
  });
});

test('bytes beyond the credit, to who does not read, end the channel', async () => {
  const deaf = net
    .createServer({ pauseOnConnect: true }, (socket) => socket.on('error', () => undefined))
    .listen(0, HERE);
  await once(deaf, 'listening');
  port = (deaf.address() as net.AddressInfo).port;
  const cell = await Cell.open();
  await cell.opened();
  const closed = closeOf(cell.socket);
  // More than the kernel takes for itself.
  for (let sent = 0; sent < 32 * MEBIBYTE; sent += CHUNK_BYTES)
    cell.say(SocketToBroker.Data, Buffer.alloc(CHUNK_BYTES));
  await closed;
  expect(broker.violations).toEqual(['bytes that nobody may send']);
  deaf.close();
});

describe('what harms nobody', () => {
  test('frames of a line that is free are late', async () => {
    const cell = await Cell.open();
    for (const type of [
      SocketToBroker.Data,
      SocketToBroker.Credit,
      SocketToBroker.Finish,
      SocketToBroker.Tune,
      SocketToBroker.Drop,
    ]) {
      cell.say(type, '\xff');
    }
    await cell.opened();
    expect(broker.violations).toEqual([]);
  });

  test('an accept of a line that is no listener is aborted', async () => {
    const cell = await Cell.open();
    cell.writer.begin(SocketToBroker.Open, LINE, 64);
    cell.writer.u16(Ask.First);
    cell.writer.u32(1);
    cell.writer.u8(Opening.Accept);
    cell.writer.u32(0xffff_ffff);
    cell.writer.end();
    const { payload } = await cell.hears(SocketFromBroker.Over);
    expect(NETWORK_ERRORS[payload[0]!]).toBe('connection-aborted');
  });

  test.each([0, 1, 0xffff_ffff])('options of a connection at %d', async (value) => {
    const cell = await Cell.open();
    await cell.opened();
    for (const what of [Tuning.KeepAliveIdle, Tuning.KeepAliveInterval, Tuning.KeepAliveCount]) cell.tune(what, value);
    cell.say(SocketToBroker.Data, 'x');
    expect((await cell.hears(SocketFromBroker.Data)).payload.toString()).toBe('x');
    await isServed();
  });

  test.each([1, 0xffff_ffff])('options of a socket of datagrams at %d', async (value) => {
    const cell = await Cell.open();
    await cell.opened(Opening.Udp);
    for (const what of [Tuning.HopLimit, Tuning.ReceiveBuffer, Tuning.SendBuffer]) cell.tune(what, value);
    cell.say(SocketToBroker.Drop);
    expect((await cell.hears(SocketFromBroker.Over)).line).toBe(LINE);
    await isServed();
  });

  test('every line opened and dropped, a thousand times over', async () => {
    const cell = await Cell.open();
    for (let round = 0; round < 1000; round++) {
      const line = LINE + (round % MAX_LINES);
      cell.begin(round % 2 === 0 ? Opening.Connect : Opening.Udp, {
        line,
        ...(round % 2 === 0 ? {} : { address: HERE, port: 0 }),
      });
      cell.say(SocketToBroker.Drop, '', line);
      // Each `Over` makes its number free again (L1).
      if (round % MAX_LINES === MAX_LINES - 1) await expect.poll(() => overs(cell)).toBe(round + 1);
    }
    await expect.poll(() => overs(cell)).toBe(1000);
    expect(broker.violations).toEqual([]);
    await isServed();
  });

  test('a channel that ends in the middle of all of it leaves no connection behind', async () => {
    const cell = await Cell.open();
    for (let line = LINE; line <= LAST_LINE; line++) cell.begin(Opening.Connect, { line });
    await cell.hears(SocketFromBroker.Opened);
    cell.socket.destroy();
    const count = (): Promise<number> => new Promise((resolve) => echo.getConnections((_error, open) => resolve(open)));
    await expect.poll(count).toBe(0);
    await isServed();
  });
});

/** Also where what was still written is answered with a reset. */
function closeOf(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

function overs(cell: Cell): number {
  return cell.heard.filter(({ type }) => type === SocketFromBroker.Over).length;
}
