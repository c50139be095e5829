/**
 * Sockets and look-ups of guests: the cell's end of the lines of `wire/socket-frames.ts`.
 *
 * Invariants
 * N1 A number is free again only after the broker's `Over` for it, or with the broker (L1).
 * N2 A line is over for its guest once: with its call at the latest. Nothing is sent for it afterwards.
 * N3 Bytes and datagrams flow within credit, both ways (L2).
 */
import { BrokerReader } from '../wire/broker-reader.ts';
import type { FrameWriter } from '../wire/encoder.ts';
import { DEFAULT_SOCKETS } from '../model/limits.ts';
import { INITIAL_CREDIT_BYTES } from '../wire/frames.ts';
import {
  AS_ASKED,
  DATAGRAM_BYTES,
  linesFrom,
  MAX_ADDRESS_BYTES,
  MAX_ADDRESSES,
  MAX_DATAGRAM_BYTES,
  MAX_LINES,
  NETWORK_ERRORS,
  Opening,
  SocketFromBroker,
  SocketToBroker,
  type Endpoint,
  type NetworkError,
} from '../wire/socket-frames.ts';
import type { Condition, Scope } from './scope.ts';
import { RequestBody, type RequestBodyOwner } from './serve/request-body.ts';
import { ResponseBody, type ResponseBodyOwner } from './serve/response-body.ts';

/** A broker that is started again is back within a fraction of this. */
const ATTACH_WAIT_MS = 2_000;
/** flags, seat, kind */
const OPEN_HEAD_BYTES = 7;
const CREDIT_PORTION_BYTES = INITIAL_CREDIT_BYTES / 4;

/** What is asked for: `Opening`, and how the rest is written. */
export interface Opener {
  readonly kind: number;
  readonly bytes: number;
  write(writer: FrameWriter): void;
}

export interface Received {
  readonly from: Endpoint;
  readonly bytes: Uint8Array;
}

export class Line implements Condition, RequestBodyOwner, ResponseBodyOwner {
  readonly id: number;
  readonly seat: number;
  readonly flags: number;
  readonly opener: Opener;
  /** Bytes of the peer. */
  readonly incoming: RequestBody = new RequestBody(this, false);
  /** Bytes for it. */
  readonly outgoing: ResponseBody = new ResponseBody('request');
  dueMs = performance.now() + ATTACH_WAIT_MS;
  /** The broker has it. */
  sent = false;
  local: Endpoint | undefined;
  remote: Endpoint | undefined;
  receiveBuffer = 0;
  sendBuffer = 0;
  addresses: readonly string[] | undefined;
  /** Why it is over; absent where it was asked for. */
  failure: NetworkError | undefined;
  readonly #lines: Lines;
  readonly #scope: Scope;
  readonly #received: Received[] = [];
  #refused: NetworkError | undefined;
  #over = false;
  #finished = false;
  #room = INITIAL_CREDIT_BYTES;
  #credit = INITIAL_CREDIT_BYTES;
  #taken = 0;

  constructor(lines: Lines, scope: Scope, id: number, seat: number, flags: number, opener: Opener) {
    this.#lines = lines;
    this.#scope = scope;
    this.id = id;
    this.seat = seat;
    this.flags = flags;
    this.opener = opener;
    this.outgoing.attach(this, -1, Number.POSITIVE_INFINITY);
  }

  get over(): boolean {
    return this.#over;
  }

  /** What was asked for is there, or it is known why not. */
  ready(): boolean {
    if (!this.sent && !this.#over && performance.now() >= this.dueMs) {
      this.#lines.forget(this);
      this.#end('unknown');
    }
    return this.#over || this.local !== undefined || this.addresses !== undefined;
  }

  /** Nobody wants it any more. */
  drop(): void {
    if (this.#over) return;
    this.#end(undefined);
    if (this.sent) this.#lines.frame(SocketToBroker.Drop, this.id, NOTHING);
    else this.#lines.forget(this);
  }

  tune(what: number, value: number): void {
    if (!this.#over) this.#lines.tune(this.id, what, value);
  }

  // Datagrams.

  /** There is room for any one more, or it is known why not. */
  get maySend(): boolean {
    return this.#over || this.#refused !== undefined || this.#room >= MAX_DATAGRAM_BYTES + DATAGRAM_BYTES;
  }

  get hasReceived(): boolean {
    return this.#over || this.#received.length > 0;
  }

  /** `false`: there is no room now. */
  send(to: Endpoint, bytes: Uint8Array): boolean {
    const cost = bytes.length + DATAGRAM_BYTES;
    if (cost > this.#room) return false;
    this.#room -= cost;
    this.#lines.datagram(this.id, to, bytes);
    return true;
  }

  receive(): Received | undefined {
    const received = this.#received.shift();
    if (!received || this.#over) return received;
    this.#taken += received.bytes.length + DATAGRAM_BYTES;
    if (this.#taken < CREDIT_PORTION_BYTES) return received;
    this.#credit += this.#taken;
    this.#lines.credit(this.id, this.#taken);
    this.#taken = 0;
    return received;
  }

  /** What became of an earlier datagram, or of all; said once where it is about one. */
  takeRefusal(): NetworkError | undefined {
    const refused = this.#refused;
    this.#refused = undefined;
    return refused ?? (this.#over ? (this.failure ?? 'invalid-state') : undefined);
  }

  // What the guest does with its streams.

  giveCredit(bytes: number): void {
    if (!this.#over) this.#lines.credit(this.id, bytes);
  }

  changed(): void {
    this.#scope.notify();
  }

  bodyChanged(): void {
    if (this.#over || !this.sent) return;
    this.outgoing.drain((bytes, giveBack) => {
      this.#lines.frame(SocketToBroker.Data, this.id, bytes);
      giveBack();
    });
  }

  bodyOver(): void {
    this.bodyChanged();
    if (this.#over || this.#finished) return;
    this.#finished = true;
    this.#lines.frame(SocketToBroker.Finish, this.id, NOTHING);
  }

  bodyTooLarge(): never {
    throw new RangeError('a stream without a limit is over it');
  }

  // What the broker says. `false`: it broke the protocol.

  take(type: number, payload: Buffer): boolean {
    if (this.#over) return true;
    const reader = new BrokerReader(payload, 0, payload.length);
    switch (type) {
      case SocketFromBroker.Opened:
        return this.#opened(reader);
      case SocketFromBroker.Data:
        return this.incoming.push(Uint8Array.from(payload));
      case SocketFromBroker.Datagram:
        return this.#datagram(reader);
      case SocketFromBroker.Credit: {
        const credit = reader.u32();
        this.#room += credit;
        this.outgoing.addCredit(credit);
        break;
      }
      case SocketFromBroker.Finished:
        this.incoming.end();
        break;
      case SocketFromBroker.Refused:
        this.#refused ??= NETWORK_ERRORS[reader.u8()] ?? 'unknown';
        break;
      case SocketFromBroker.Addresses:
        this.addresses = textsOf(reader);
        break;
      default: {
        const code = reader.u8();
        this.#end(code === AS_ASKED ? undefined : (NETWORK_ERRORS[code] ?? 'unknown'));
      }
    }
    this.#scope.notify();
    return true;
  }

  lose(): void {
    this.#end('connection-aborted');
    this.#scope.notify();
  }

  #opened(reader: BrokerReader): boolean {
    this.local = endpointFrom(reader);
    const remote = endpointFrom(reader);
    if (remote.address !== '') this.remote = remote;
    this.receiveBuffer = reader.u32();
    this.sendBuffer = reader.u32();
    this.#scope.notify();
    return reader.done;
  }

  #datagram(reader: BrokerReader): boolean {
    const from = endpointFrom(reader);
    const bytes = reader.restBytes();
    this.#credit -= bytes.length + DATAGRAM_BYTES;
    if (reader.broken || this.#credit < 0) return false;
    this.#received.push({ from, bytes });
    this.#scope.notify();
    return true;
  }

  #end(failure: NetworkError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.dueMs = Number.POSITIVE_INFINITY;
    this.failure = failure;
    if (failure) this.incoming.fail(failure, { tag: failure, of: 'network' });
    else this.incoming.end();
    this.outgoing.close();
  }
}

/** All of a cell. */
export class Lines {
  readonly #open = new Map<number, Line>();
  readonly #free: number[] = [];
  /** Those that are no look-ups; the broker counts them as well. */
  readonly #sockets = new Set<number>();
  #most = DEFAULT_SOCKETS;
  #onLimit = (): void => undefined;
  #writer: FrameWriter | undefined;

  /** @param onLimit a guest wanted one more than `sockets`. */
  furnish(seats: number, sockets = DEFAULT_SOCKETS, onLimit = (): void => undefined): void {
    this.#most = sockets;
    this.#onLimit = onLimit;
    for (let number = MAX_LINES; number > 0; number--) this.#free.push(linesFrom(seats) + number);
  }

  /** `undefined`: as many as there may be are open. */
  begin(scope: Scope, seat: number, flags: number, opener: Opener): Line | undefined {
    const isSocket = opener.kind !== Opening.Lookup;
    if (isSocket && this.#sockets.size >= this.#most) {
      this.#onLimit();
      return undefined;
    }
    const id = this.#free.pop();
    if (id === undefined) return undefined;
    if (isSocket) this.#sockets.add(id);
    const line = new Line(this, scope, id, seat, flags, opener);
    this.#open.set(id, line);
    if (this.#writer) this.#send(this.#writer, line);
    return line;
  }

  /** A broker is there. */
  attach(writer: FrameWriter): void {
    this.#writer = writer;
    for (const line of this.#open.values()) this.#send(writer, line);
  }

  /** It is gone, and with it whatever it had. */
  leave(): void {
    this.#writer = undefined;
    for (const line of this.#open.values()) {
      if (!line.sent) continue;
      this.forget(line);
      line.lose();
    }
  }

  /** `false`: the broker broke the protocol. */
  take(type: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    const line = this.#open.get(id);
    if (!line?.sent) return false;
    if (type === SocketFromBroker.Over) this.forget(line);
    return line.take(type, bytes.subarray(start, end));
  }

  /** N1. */
  forget({ id }: Line): void {
    this.#sockets.delete(id);
    if (this.#open.delete(id)) this.#free.push(id);
  }

  frame(type: number, id: number, payload: Uint8Array): void {
    this.#writer?.frame(type, id, payload);
  }

  credit(id: number, bytes: number): void {
    this.#writer?.numberFrame(SocketToBroker.Credit, id, bytes, 4);
  }

  tune(id: number, what: number, value: number): void {
    const writer = this.#writer;
    if (!writer) return;
    writer.begin(SocketToBroker.Tune, id, 5);
    writer.u8(what);
    writer.u32(value);
    writer.end();
  }

  datagram(id: number, { address, port }: Endpoint, bytes: Uint8Array): void {
    const writer = this.#writer;
    if (!writer) return;
    writer.begin(SocketToBroker.Datagram, id, 8 + MAX_ADDRESS_BYTES + bytes.length);
    writer.sized(Buffer.from(address));
    writer.u32(port);
    writer.bytes(bytes);
    writer.end();
  }

  #send(writer: FrameWriter, line: Line): void {
    const { id, seat, flags, opener } = line;
    line.sent = true;
    line.dueMs = Number.POSITIVE_INFINITY;
    writer.begin(SocketToBroker.Open, id, OPEN_HEAD_BYTES + opener.bytes);
    writer.u16(flags);
    writer.u32(seat);
    writer.u8(opener.kind);
    opener.write(writer);
    writer.end();
  }
}

function endpointFrom(reader: BrokerReader): Endpoint {
  return { address: reader.text(MAX_ADDRESS_BYTES), port: reader.u32() };
}

function textsOf(reader: BrokerReader): readonly string[] {
  return Array.from({ length: reader.count(MAX_ADDRESSES) }, () => reader.text(MAX_ADDRESS_BYTES));
}

const NOTHING = new Uint8Array(0);
