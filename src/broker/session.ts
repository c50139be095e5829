/**
 * The broker's end of one cell's channel: believes nothing that it says (B1 of `wire/broker-frames.ts`).
 *
 * Invariants
 * S1 A seat has at most one `Ask` in the air (B2), so at most `seats` wait here.
 * S2 At most `TURN_ASKS` are done in a turn, for about `TURN_MS`, and none while more than `MAX_BUFFERED_BYTES` wait for the cell to read: a
 *    cell that floods, or does not read, costs others nothing but its share of the turns.
 * S3 The grants of a call are those in force at its first `Ask`, for at most `MAX_PIN_MS`: a call that lives longer, or a
 *    cell that pretends so, sees the present ones from then on.
 * S4 A violation closes the channel first and tells afterwards; nothing behind it is looked at.
 * S5 Which member of a cell asks is the cell's own word: it names one of the cell in the record and changes no judgement.
 *    A position that there is not is the entry's.
 * S6 While more than `MAX_BUFFERED_BYTES` wait for the cell to read, nothing more is read from it: what it says may have an answer
 *    at once (a refusal, a credit), and those are bounded by nothing else.
 * S7 Frames are read for about `TURN_MS` at a time: what is behind them in the same chunk waits until others had theirs.
 */
import type { Duplex } from 'node:stream';
import type { DropReason } from '../model/datagrams.ts';
import { Attachment } from '../wire/attachment.ts';
import { BrokerReader } from '../wire/broker-reader.ts';
import { Ask, ATTACH_BYTES, Capability, MAX_BROKER_PAYLOAD_BYTES, memberOf, ToBroker } from '../wire/broker-frames.ts';
import type { BrokerCell, BrokerLimit } from '../wire/broker-link.ts';
import { FrameWriter } from '../wire/encoder.ts';
import { FileToBroker, isFileToBroker } from '../wire/file-frames.ts';
import { Framer } from '../wire/framer.ts';
import { isHttpToBroker } from '../wire/http-frames.ts';
import { isSocketToBroker } from '../wire/socket-frames.ts';
import { CANCELLED, type Answer } from './answer.ts';
import { readFilesRequest } from './files/request.ts';
import type { FilesAsker, FilesService } from './files/service.ts';
import { FileStreams } from './files/streams.ts';
import { OpenedTable } from './files/table.ts';
import { Exchanges } from './http/exchanges.ts';
import type { HttpAsker, HttpService } from './http/service.ts';
import { readKeyValueRequest } from './key-value-request.ts';
import type { Asker, KeyValueService } from './key-value.ts';
import type { Actor } from './records.ts';
import { Lines } from './sockets/lines.ts';
import type { SocketAsker, SocketService } from './sockets/service.ts';

export const TURN_ASKS = 64;
/** The last one may take longer: a path of five hundred folders, or a thousand keys, takes some by itself. */
export const TURN_MS = 4;
/** Most frames cost less than a look at the clock. */
export const LOOK_AT_FRAMES = 8;
export const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;
export const MAX_PIN_MS = 30_000;

type Judged = Asker & HttpAsker & FilesAsker & SocketAsker;

/** What a cell is judged by from some moment on. */
export type Judge = Omit<Judged, 'mirrored' | 'actor'> & {
  /** The entry, and what it links inline: who is recorded, by position (S5). */
  readonly actors: readonly [Actor, ...Actor[]];
};

export interface SessionOptions {
  readonly cell: BrokerCell;
  readonly socket: Duplex;
  readonly keyValue: KeyValueService;
  readonly http: HttpService;
  readonly files: FilesService;
  readonly sockets: SocketService;
  /** By the grants that are in force now. */
  readonly judge: () => Judge;
  readonly monotonicMs: () => number;
  /** The cell asked for more than it may have open. */
  readonly onLimit: (limit: BrokerLimit) => void;
  /** A datagram went nowhere. */
  readonly onDropped: (reason: DropReason) => void;
  /** The channel is closed; with why where the cell broke the protocol. */
  readonly onEnd: (why: string | undefined) => void;
}

interface Waiting {
  readonly seat: number;
  /** Answers now or later, once. */
  readonly perform: Perform;
  cancelled: boolean;
}

type Perform = (reply: (answer: Answer) => void) => void;

interface Pin {
  readonly judge: Judge;
  readonly sinceMs: number;
}

export class Session {
  readonly #options: SessionOptions;
  readonly #writer: FrameWriter;
  readonly #attachment: Attachment;
  readonly #framer: Framer;
  /** Frames of a chunk wait for the next turn: nothing more is read before. */
  #isReading = false;
  readonly #exchanges: Exchanges;
  readonly #opened: OpenedTable;
  readonly #streams: FileStreams;
  readonly #lines: Lines;
  /** By seat; absent where it asks for nothing. */
  readonly #asking: (Waiting | undefined)[] = [];
  readonly #pins: (Pin | undefined)[] = [];
  #lastJudge: Judge | undefined;
  #lastKind = 0;
  #lastAsker: Judged | undefined;
  #queue: Waiting[] = [];
  #scheduled = false;
  #over = false;

  constructor(options: SessionOptions) {
    const { socket, cell } = options;
    this.#options = options;
    this.#writer = new FrameWriter(socket);
    this.#exchanges = new Exchanges({
      writer: this.#writer,
      seats: cell.seats,
      begin: (request, listener) => options.http.begin(this.#httpAsker(request.seat, request.flags), request, listener),
      mayWrite: () => this.#mayWrite(),
    });
    this.#opened = new OpenedTable(options.files.handles, cell.most.files, () => options.onLimit('files'));
    this.#streams = new FileStreams({
      writer: this.#writer,
      seats: cell.seats,
      service: options.files,
      table: this.#opened,
      // It may live longer than the call that began it: what is in force now is what counts.
      asker: (_seat, flags) => askerOf(options.judge(), flags),
      mayWrite: () => this.#mayWrite(),
    });
    this.#lines = new Lines({
      writer: this.#writer,
      seats: cell.seats,
      sockets: cell.most.sockets,
      onLimit: () => options.onLimit('sockets'),
      onDropped: options.onDropped,
      service: options.sockets,
      asker: (seat, flags) => this.#asker(seat, flags),
      mayWrite: () => this.#mayWrite(),
      monotonicMs: options.monotonicMs,
    });
    const framer = new Framer(
      (type, id, bytes, start, end) => this.#take(type, id, bytes, start, end),
      MAX_BROKER_PAYLOAD_BYTES,
    );
    const token = Buffer.from(cell.token, 'hex');
    if (token.length !== ATTACH_BYTES) throw new RangeError(`a token of ${token.length} bytes`);
    this.#attachment = new Attachment(token, framer);
    this.#framer = framer;
    socket.on('data', (chunk: Buffer) => {
      if (this.#attachment.found) return this.#readOn(chunk, 0);
      if (!this.#attachment.push(chunk)) return this.#violate(framer.violation ?? 'what is no frame');
      if (this.#attachment.found) socket.write(token);
      this.#turn();
    });
    socket.on('error', () => undefined);
    socket.on('drain', () => {
      this.#turn();
      this.#exchanges.resume();
      this.#streams.resume();
      this.#lines.resume();
      if (this.#mayWrite() && !this.#isReading) socket.resume();
    });
    socket.on('end', () => this.close());
    socket.on('close', () => this.close());
    socket.resume();
  }

  /** The process at the other end is gone, or is to be ended. */
  close(why?: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#queue = [];
    this.#exchanges.close();
    this.#streams.close();
    this.#opened.closeAll();
    this.#lines.close();
    this.#options.socket.destroy();
    this.#options.onEnd(why);
  }

  /** S6, S7. */
  #readOn(chunk: Buffer, offset: number): void {
    const { socket, monotonicMs } = this.#options;
    const untilMs = monotonicMs() + TURN_MS;
    let frames = 0;
    const reached = this.#framer.pushFrom(
      chunk,
      offset,
      () => ++frames % LOOK_AT_FRAMES !== 0 || monotonicMs() < untilMs,
    );
    if (this.#framer.isStopped) return this.#violate(this.#framer.violation ?? 'what is no frame');
    this.#isReading = reached < chunk.length;
    this.#turn();
    if (this.#over) return;
    if (this.#isReading || !this.#mayWrite()) socket.pause();
    else if (offset > 0) socket.resume();
    if (this.#isReading)
      setImmediate(() => {
        if (!this.#over) this.#readOn(chunk, reached);
      });
  }

  #take(type: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    const why = this.#accept(type, id, bytes, start, end);
    if (why !== undefined) this.#violate(why);
    return why === undefined;
  }

  #accept(type: number, seat: number, bytes: Buffer, start: number, end: number): string | undefined {
    if (isHttpToBroker(type)) return this.#exchanges.accept(type, seat, bytes, start, end);
    if (isFileToBroker(type)) return this.#streams.accept(type, seat, bytes, start, end);
    if (isSocketToBroker(type)) return this.#lines.accept(type, seat, bytes, start, end);
    if (seat === 0 || seat > this.#options.cell.seats) return `a frame of the seat ${seat}`;
    if (type === ToBroker.Ask) return this.#ask(seat, new BrokerReader(bytes, start, end));
    if (type === FileToBroker.Close) {
      if (end - start !== 8) return `a close of ${end - start} bytes`;
      this.#opened.close(bytes.readBigUInt64LE(start));
      return undefined;
    }
    if (type !== ToBroker.Cancel) return `a frame of the unknown type ${type}`;
    if (end !== start) return 'a cancel that says more';
    // One that comes after the answer has left is late, not wrong.
    const asking = this.#asking[seat];
    if (asking) asking.cancelled = true;
    return undefined;
  }

  #ask(seat: number, reader: BrokerReader): string | undefined {
    if (this.#asking[seat]) return `a second question of the seat ${seat}`;
    const flags = reader.u16();
    const capability = reader.u8();
    const operation = reader.u8();
    const perform = this.#read(capability, operation, reader, () => this.#asker(seat, flags));
    if (typeof perform === 'string') return perform;
    const waiting = { seat, perform, cancelled: false };
    this.#asking[seat] = waiting;
    this.#queue.push(waiting);
    return undefined;
  }

  /** What is asked, and by whom it is judged; a string says how it is no question. */
  #read(capability: number, operation: number, reader: BrokerReader, asker: () => Judged): Perform | string {
    switch (capability) {
      case Capability.KeyValue: {
        const request = readKeyValueRequest(operation, reader);
        if (!request) return `a question of another shape (operation ${operation})`;
        const by = asker();
        return (reply) => this.#options.keyValue.handle(by, request, reply);
      }
      case Capability.Files: {
        const request = readFilesRequest(operation, reader);
        if (!request) return `a question of another shape (operation ${operation})`;
        const by = asker();
        return (reply) => this.#options.files.handle(by, this.#opened, request, reply);
      }
      default:
        return `a question about the unknown capability ${capability}`;
    }
  }

  #asker(seat: number, flags: number): Judged {
    const judge = this.#pinned(seat, (flags & Ask.First) !== 0);
    const kind = flags & ~Ask.First;
    // Most questions are judged by the grants that the one before was judged by, and are of the same member.
    if (judge !== this.#lastJudge || this.#lastKind !== kind) {
      this.#lastJudge = judge;
      this.#lastKind = kind;
      this.#lastAsker = askerOf(judge, flags);
    }
    return this.#lastAsker!;
  }

  #httpAsker(seat: number, flags: number): HttpAsker {
    const { cell, door } = this.#options.cell;
    return { ...this.#asker(seat, flags), ...(door ? { door: { ...door, cell } } : {}) };
  }

  /** S3. */
  #pinned(seat: number, first: boolean): Judge {
    const nowMs = this.#options.monotonicMs();
    const pin = this.#pins[seat];
    if (pin && !first && nowMs - pin.sinceMs < MAX_PIN_MS) return pin.judge;
    const judge = this.#options.judge();
    this.#pins[seat] = { judge, sinceMs: nowMs };
    return judge;
  }

  /** S2. */
  #turn(): void {
    const { keyValue, monotonicMs } = this.#options;
    let done = 0;
    const untilMs = this.#queue.length > 1 ? monotonicMs() + TURN_MS : Number.POSITIVE_INFINITY;
    const hasTime = (): boolean => done < TURN_ASKS && (done === 0 || monotonicMs() < untilMs);
    while (!this.#over && done < this.#queue.length && hasTime() && this.#mayWrite()) {
      const waiting = this.#queue[done++]!;
      if (waiting.cancelled) this.#answer(waiting.seat, CANCELLED);
      else waiting.perform((answer) => this.#answer(waiting.seat, answer));
    }
    // Also where the session ended in it: what was begun in the stores is not left for the turn of another.
    keyValue.endTurn();
    if (this.#over) return;
    this.#queue = done === this.#queue.length ? [] : this.#queue.slice(done);
    this.#writer.flush();
    if (this.#queue.length > 0 && this.#mayWrite()) this.#turnSoon();
  }

  #mayWrite(): boolean {
    return this.#writer.bufferedBytes < MAX_BUFFERED_BYTES;
  }

  #turnSoon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#turn();
    });
  }

  #answer(seat: number, answer: Answer): void {
    this.#asking[seat] = undefined;
    if (!this.#over) answer(this.#writer, seat);
  }

  /** S4. */
  #violate(why: string): void {
    this.close(why);
  }
}

/** S5. */
function askerOf({ actors, ...judge }: Judge, flags: number): Judged {
  return { ...judge, actor: actors[memberOf(flags)] ?? actors[0], mirrored: (flags & Ask.Mirrored) !== 0 };
}
