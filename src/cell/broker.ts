/**
 * The cell's end of the broker's channel (descriptor 4): carries questions of guests there and answers back.
 *
 * Invariants
 * Q1 A seat asks one thing at a time; its number goes to another instance only after the answer has come (B2).
 * Q2 Every question ends: with the broker's answer, with `LOST` when that broker ended meanwhile, or with `AWAY` when for
 *    `ATTACH_WAIT_MS` there was none. A call that is ended first says that nobody wants the answer any more.
 */
import type { Duplex } from 'node:stream';
import { Attachment } from '../wire/attachment.ts';
import {
  Ask,
  ATTACH_BYTES,
  flagsOfMember,
  FromBroker,
  MAX_BROKER_PAYLOAD_BYTES,
  Status,
  ToBroker,
} from '../wire/broker-frames.ts';
import { BrokerReader } from '../wire/broker-reader.ts';
import { FrameWriter } from '../wire/encoder.ts';
import { Framer } from '../wire/framer.ts';
import { isFileFromBroker } from '../wire/file-frames.ts';
import { isHttpFromBroker } from '../wire/http-frames.ts';
import { isSocketFromBroker } from '../wire/socket-frames.ts';
import { Exchanges, type Exchange, type SentRequest } from './exchanges.ts';
import { FileStreams, HeldFiles, type FilePlace, type FileSink, type FileSource } from './file-streams.ts';
import { Lines, type Line, type Opener } from './lines.ts';
import type { Condition, Scope } from './scope.ts';

/** A broker that is started again is back within a fraction of this. */
const ATTACH_WAIT_MS = 2_000;
/** flags, capability, operation */
const ASK_HEAD_BYTES = 4;

export interface Reply {
  /** Of `Status`. */
  readonly status: number;
  readonly reader: BrokerReader;
}

export interface Question {
  readonly capability: number;
  readonly operation: number;
  /** The longest that `write` may write. */
  readonly bytes: number;
  write(writer: FrameWriter): void;
}

const LOST = said('the broker ended while it was asked: it may have been done, or not');
const AWAY = said('the broker is not there');
const NO_SEAT = said('too many instances ask at once');

class Asked implements Condition {
  readonly scope: Scope;
  readonly seat: number;
  readonly flags: number;
  readonly question: Question;
  dueMs: number;
  sent = false;
  wanted = true;
  reply: Reply | undefined;

  constructor(scope: Scope, seat: number, flags: number, question: Question, dueMs: number) {
    this.scope = scope;
    this.seat = seat;
    this.flags = flags;
    this.question = question;
    this.dueMs = dueMs;
  }

  ready(): boolean {
    return this.reply !== undefined || (!this.sent && performance.now() >= this.dueMs);
  }
}

export class BrokerChannel {
  /** Requests to the outside. */
  readonly exchanges = new Exchanges();
  readonly files = new FileStreams();
  /** Sockets and look-ups. */
  readonly lines = new Lines();
  readonly #open: () => Duplex;
  readonly #onViolation: (why: string) => void;
  /** By seat; what waits for an answer. */
  readonly #asked: (Asked | undefined)[] = [];
  readonly #free: number[] = [];
  /** Seats whose instance is gone before the answer to its last question has come. */
  readonly #vacated = new Set<number>();
  #seats = 0;
  #taken = 0;
  #socket: Duplex | undefined;
  #writer: FrameWriter | undefined;
  #attachment: Attachment | undefined;

  /** @param open opens the descriptor; called once, when there is a broker for the first time. */
  constructor(open: () => Duplex, onViolation: (why: string) => void) {
    this.#open = open;
    this.#onViolation = onViolation;
  }

  /** How many instances may ask at a time, how many sockets there may be, and who hears of one more. */
  furnish(seats: number, sockets?: number, onLimit?: () => void): void {
    this.#seats = seats;
    this.exchanges.furnish(seats);
    this.files.furnish(seats);
    this.lines.furnish(seats, sockets, onLimit);
  }

  /** The payload of the engine's frame: how the channel begins, or nothing. A string says how it is neither. */
  announce(payload: Buffer): string | undefined {
    if (payload.length !== 0 && payload.length !== ATTACH_BYTES) return `an announcement of ${payload.length} bytes`;
    this.#leave();
    if (payload.length === ATTACH_BYTES) this.#attach(Buffer.from(payload));
    return undefined;
  }

  /** A number for an instance; `undefined` where all are taken. */
  take(): number | undefined {
    const seat = this.#free.pop();
    if (seat !== undefined || this.#taken === this.#seats) return seat;
    return ++this.#taken;
  }

  /** Q1. */
  release(seat: number): void {
    if (this.#asked[seat]) this.#vacated.add(seat);
    else this.#free.push(seat);
  }

  /** Throws where the instance cannot wait. */
  ask(scope: Scope, seat: number, flags: number, question: Question): Promise<Reply> {
    const dueMs = this.#writer ? Number.POSITIVE_INFINITY : performance.now() + ATTACH_WAIT_MS;
    const asked = new Asked(scope, seat, flags, question, dueMs);
    const answered = scope.wait([asked]);
    this.#asked[seat] = asked;
    if (this.#writer) this.#send(this.#writer, asked);
    return answered.then(
      () => asked.reply ?? this.#giveUp(asked),
      (ended: unknown) => {
        this.#abandon(asked);
        throw ended;
      },
    );
  }

  #attach(token: Buffer): void {
    const socket = (this.#socket ??= this.#listen());
    const framer = new Framer(
      (type, seat, bytes, start, end) => this.#take(type, seat, bytes, start, end),
      MAX_BROKER_PAYLOAD_BYTES,
    );
    this.#attachment = new Attachment(token, framer);
    const writer = new FrameWriter(socket);
    this.#writer = writer;
    socket.write(token);
    for (const asked of this.#asked) if (asked && asked.wanted) this.#send(writer, asked);
    this.exchanges.attach(writer);
    this.files.attach(writer);
    this.lines.attach(writer);
  }

  #listen(): Duplex {
    const socket = this.#open();
    socket.on('data', (chunk: Buffer) => {
      if (this.#attachment && !this.#attachment.push(chunk)) this.#onViolation('what is no frame of the broker');
    });
    // The engine holds the other end as long as we live; whatever else happens is for it to say.
    socket.on('error', () => undefined);
    return socket;
  }

  /** Q2: whatever the broker had is lost with it. */
  #leave(): void {
    this.#writer?.discard();
    this.#writer = undefined;
    this.#attachment = undefined;
    this.exchanges.leave();
    this.files.leave();
    this.lines.leave();
    for (const [seat, asked] of this.#asked.entries()) if (asked?.sent) this.#settle(seat, asked, LOST);
  }

  #send(writer: FrameWriter, asked: Asked): void {
    const { seat, flags, question } = asked;
    asked.sent = true;
    asked.dueMs = Number.POSITIVE_INFINITY;
    writer.begin(ToBroker.Ask, seat, ASK_HEAD_BYTES + question.bytes);
    writer.u16(flags);
    writer.u8(question.capability);
    writer.u8(question.operation);
    question.write(writer);
    writer.end();
  }

  #take(type: number, seat: number, bytes: Buffer, start: number, end: number): boolean {
    if (isHttpFromBroker(type)) return this.exchanges.take(type, seat, bytes, start, end);
    if (isFileFromBroker(type)) return this.files.take(type, seat, bytes, start, end);
    if (isSocketFromBroker(type)) return this.lines.take(type, seat, bytes, start, end);
    const asked = this.#asked[seat];
    if (type !== FromBroker.Answer || !asked?.sent || end === start) return false;
    this.#settle(seat, asked, { status: bytes[start]!, reader: new BrokerReader(bytes, start + 1, end) });
    return true;
  }

  #settle(seat: number, asked: Asked, reply: Reply): void {
    this.#over(seat);
    if (!asked.wanted) return;
    asked.reply = reply;
    asked.scope.notify();
  }

  /** Nothing is in the air for the seat any more. */
  #over(seat: number): void {
    this.#asked[seat] = undefined;
    if (this.#vacated.delete(seat)) this.#free.push(seat);
  }

  #giveUp(asked: Asked): Reply {
    this.#over(asked.seat);
    return AWAY;
  }

  #abandon(asked: Asked): void {
    asked.wanted = false;
    if (this.#asked[asked.seat] !== asked) return;
    if (asked.sent) this.#writer?.frame(ToBroker.Cancel, asked.seat, NOTHING);
    else this.#over(asked.seat);
  }
}

/** Where the interfaces of one member ask. */
export interface Asking {
  /** Throws where the member cannot wait. */
  ask(question: Question): Promise<Reply>;
  /** Sends a request to the outside; `undefined` where as many as there may be are open. */
  begin(request: SentRequest): Exchange | undefined;
  /** Opens a socket, or looks something up; `undefined` where as many as there may be are open. */
  open(opener: Opener): Line | undefined;
  readonly files: AskingFiles;
}

/** What a member has open with the broker; all of it is closed with its instance. */
export interface AskingFiles {
  hold(handle: bigint): void;
  close(handle: bigint): void;
  /** `undefined` where as many as there may be are open, or there is no broker. */
  stream(mode: number, offset: bigint, place: FilePlace): FileSource | FileSink | undefined;
  drop(stream: FileSource | FileSink): void;
}

/** Who asks: the scope of a member, and its bits of the flags. */
interface From {
  readonly scope: Scope;
  readonly member: number;
}

/** What an instance asks from, whichever of its members asks: a seat from its first question until it is gone. */
export class Seat {
  readonly #channel: BrokerChannel;
  readonly #files: HeldFiles;
  /** What ends with the call that began it. */
  readonly #begun = new Set<Exchange | Line>();
  #number: number | undefined;
  #call = 0;

  constructor(channel: BrokerChannel) {
    this.#channel = channel;
    this.#files = new HeldFiles(channel.files);
  }

  /** A call is over: nobody reads what it has begun any more. */
  endCall(): void {
    for (const one of this.#begun) one.drop();
    this.#begun.clear();
  }

  /** Where one member asks, by its position in the assignment. */
  of(scope: Scope, position = 0): Asking {
    const from = { scope, member: flagsOfMember(position) };
    return {
      ask: (question) => this.#ask(from, question),
      begin: (request) => this.#begin(from, request),
      files: {
        hold: (handle) => this.#files.hold(handle),
        close: (handle) => this.#files.close(this.#number ?? 0, handle),
        stream: (mode, offset, place) => this.#stream(from, mode, offset, place),
        drop: (stream) => this.#files.drop(stream),
      },
      open: (opener) => this.#open(from, opener),
    };
  }

  /** The instance is gone. */
  leave(): void {
    this.endCall();
    if (this.#number !== undefined) this.#files.leave(this.#number);
    if (this.#number !== undefined) this.#channel.release(this.#number);
    this.#number = undefined;
  }

  #ask(from: From, question: Question): Promise<Reply> {
    this.#number ??= this.#channel.take();
    if (this.#number === undefined) return Promise.resolve(NO_SEAT);
    return this.#channel.ask(from.scope, this.#number, this.#flags(from), question);
  }

  #begin(from: From, request: SentRequest): Exchange | undefined {
    this.#number ??= this.#channel.take();
    if (this.#number === undefined) return undefined;
    return this.#keep(this.#channel.exchanges.begin(from.scope, this.#number, this.#flags(from), request));
  }

  #open(from: From, opener: Opener): Line | undefined {
    this.#number ??= this.#channel.take();
    if (this.#number === undefined) return undefined;
    return this.#keep(this.#channel.lines.begin(from.scope, this.#number, this.#flags(from), opener));
  }

  #stream(from: From, mode: number, offset: bigint, place: FilePlace): FileSource | FileSink | undefined {
    this.#number ??= this.#channel.take();
    if (this.#number === undefined) return undefined;
    const stream = this.#channel.files.begin(from.scope, this.#number, this.#flags(from), mode, offset, place);
    if (stream) this.#files.keep(stream);
    return stream;
  }

  #keep<One extends Exchange | Line>(begun: One | undefined): One | undefined {
    for (const one of this.#begun) if (one.over) this.#begun.delete(one);
    if (begun) this.#begun.add(begun);
    return begun;
  }

  #flags({ scope: { calls, mirrored }, member }: From): number {
    const flags = (calls === this.#call ? 0 : Ask.First) | (mirrored ? Ask.Mirrored : 0) | member;
    this.#call = calls;
    return flags;
  }
}

function said(text: string): Reply {
  const bytes = Buffer.from(text);
  // Read once by each who gets it: the reader is made anew.
  return {
    status: Status.Other,
    get reader() {
      return new BrokerReader(bytes, 0, bytes.length);
    },
  };
}

const NOTHING = new Uint8Array(0);
