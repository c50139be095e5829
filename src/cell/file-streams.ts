/**
 * Byte streams of files: the cell's end of those of `wire/file-frames.ts`, and the handles that an instance holds there.
 *
 * Invariants
 * F1 A number is free again only after the broker's `Over` for it, or with the broker.
 * F2 A stream is over for its guest once. Nothing is sent for it afterwards but that it is dropped.
 * F3 What an instance has open is closed with it, whatever its guest has dropped.
 */
import { copyOf } from '../wire/broker-reader.ts';
import type { FrameWriter } from '../wire/encoder.ts';
import {
  FILE_ERRORS,
  FileFromBroker,
  FileToBroker,
  MAX_FILE_STREAMS,
  numbersBelowStreams,
  StreamMode,
  type FileError,
} from '../wire/file-frames.ts';
import { INITIAL_CREDIT_BYTES, MAX_CHUNK_BYTES } from '../wire/frames.ts';
import type { Condition, Scope } from './scope.ts';
import type { ByteSink, ByteSource, StreamEnd } from './wasi/streams.ts';

/** Where a descriptor is: a handle of the broker, or 0 and the name of a volume. */
export interface FilePlace {
  readonly handle: bigint;
  readonly volume: Uint8Array;
}

/** flags, seat, mode, offset, handle, length of the name */
const OPEN_BYTES = 2 + 4 + 1 + 8 + 8 + 4;
const CREDIT_PORTION_BYTES = INITIAL_CREDIT_BYTES / 4;
const ENDED: StreamEnd = Object.freeze({});

export function placeBytes({ volume }: FilePlace): number {
  return 8 + 4 + volume.length;
}

export function writePlace(writer: FrameWriter, { handle, volume }: FilePlace): void {
  writer.u64(handle);
  if (handle === 0n) writer.sized(volume);
}

/** What a stream of a file says to its guest's side. */
abstract class FileStream {
  readonly dueMs = Number.POSITIVE_INFINITY;
  readonly id: number;
  protected readonly streams: FileStreams;
  protected readonly scope: Scope;
  protected end: StreamEnd | undefined;
  #over = false;

  constructor(streams: FileStreams, scope: Scope, id: number) {
    this.streams = streams;
    this.scope = scope;
    this.id = id;
  }

  /** Its guest, or its instance, wants no more of it. */
  drop(): void {
    this.end ??= ENDED;
    if (!this.#over) this.streams.frame(FileToBroker.Drop, this.id, NOTHING);
    this.#over = true;
  }

  /** The broker's last word. */
  finish(code: FileError | undefined): void {
    this.#over = true;
    this.end ??= code === undefined ? ENDED : endOf(code);
    this.scope.notify();
  }

  abstract received(type: number, payload: Buffer): boolean;
}

export class FileSource extends FileStream implements ByteSource {
  readonly #chunks: Uint8Array[] = [];
  #next = 0;
  #taken = 0;
  #credit = INITIAL_CREDIT_BYTES;

  ready(): boolean {
    return this.#next < this.#chunks.length || this.end !== undefined;
  }

  take(maxBytes: number): Uint8Array | StreamEnd {
    const chunk = this.#chunks[this.#next];
    if (!chunk) return this.end ?? NOTHING;
    const bytes = chunk.length <= maxBytes ? chunk : chunk.subarray(0, maxBytes);
    if (bytes !== chunk) this.#chunks[this.#next] = chunk.subarray(maxBytes);
    else if (++this.#next === this.#chunks.length) {
      this.#chunks.length = 0;
      this.#next = 0;
    }
    this.#return(bytes.length);
    return bytes;
  }

  received(type: number, payload: Buffer): boolean {
    if (type !== FileFromBroker.Body || payload.length > this.#credit) return false;
    this.#credit -= payload.length;
    if (this.end) return true;
    this.#chunks.push(copyOf(payload));
    this.scope.notify();
    return true;
  }

  #return(bytes: number): void {
    this.#taken += bytes;
    if (this.end || this.#taken < CREDIT_PORTION_BYTES) return;
    this.#credit += this.#taken;
    this.streams.credit(this.id, this.#taken);
    this.#taken = 0;
  }
}

export class FileSink extends FileStream implements ByteSink {
  /** What was written is in the file, or never will be. */
  readonly flushed: Condition = {
    dueMs: Number.POSITIVE_INFINITY,
    ready: () => this.end !== undefined || this.#credit === INITIAL_CREDIT_BYTES,
  };
  #credit = INITIAL_CREDIT_BYTES;
  #flushing = false;

  get ended(): StreamEnd | undefined {
    return this.end;
  }

  ready(): boolean {
    return this.end !== undefined || this.room() > 0;
  }

  room(): number {
    return this.end || this.#flushing ? 0 : this.#credit;
  }

  /** No room from now on until everything is in the file. */
  flush(): void {
    this.#flushing = !this.flushed.ready();
  }

  put(bytes: Uint8Array): void {
    // A stream may be older than the call: what a copy of a request writes leaves no trace.
    if (this.scope.mirrored) {
      this.finish('read-only');
      return this.streams.frame(FileToBroker.Drop, this.id, NOTHING);
    }
    this.#credit -= bytes.length;
    for (let at = 0; at < bytes.length; at += MAX_CHUNK_BYTES) {
      this.streams.frame(FileToBroker.Body, this.id, bytes.subarray(at, at + MAX_CHUNK_BYTES));
    }
  }

  received(type: number, payload: Buffer): boolean {
    if (type !== FileFromBroker.Credit || payload.length !== 4) return false;
    this.#credit += payload.readUInt32LE(0);
    if (this.#credit > INITIAL_CREDIT_BYTES) return false;
    if (this.#credit === INITIAL_CREDIT_BYTES) this.#flushing = false;
    this.scope.notify();
    return true;
  }
}

export class FileStreams {
  readonly #open = new Map<number, FileSource | FileSink>();
  readonly #free: number[] = [];
  #writer: FrameWriter | undefined;

  furnish(seats: number): void {
    const below = numbersBelowStreams(seats);
    for (let number = MAX_FILE_STREAMS; number > 0; number--) this.#free.push(below + number);
  }

  /** `undefined`: as many as there may be are open, or there is no broker. */
  begin(
    scope: Scope,
    seat: number,
    flags: number,
    mode: number,
    offset: bigint,
    place: FilePlace,
  ): FileSource | FileSink | undefined {
    const writer = this.#writer;
    const id = writer && this.#free.pop();
    if (id === undefined) return undefined;
    const stream = mode === StreamMode.Read ? new FileSource(this, scope, id) : new FileSink(this, scope, id);
    this.#open.set(id, stream);
    writer!.begin(FileToBroker.Open, id, OPEN_BYTES + place.volume.length);
    writer!.u16(flags);
    writer!.u32(seat);
    writer!.u8(mode);
    writer!.u64(offset);
    writePlace(writer!, place);
    writer!.end();
    return stream;
  }

  attach(writer: FrameWriter): void {
    this.#writer = writer;
  }

  /** The broker is gone, and with it whatever it had. */
  leave(): void {
    this.#writer = undefined;
    for (const [id, stream] of this.#open) {
      this.#open.delete(id);
      this.#free.push(id);
      stream.finish('io');
    }
  }

  /** `false`: the broker broke the protocol. */
  take(type: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    const stream = this.#open.get(id);
    if (!stream) return false;
    if (type !== FileFromBroker.Over) return stream.received(type, bytes.subarray(start, end));
    if (end - start !== 1) return false;
    // F1.
    this.#open.delete(id);
    this.#free.push(id);
    const number = bytes[start]!;
    stream.finish(number === 0 ? undefined : (FILE_ERRORS[number - 1] ?? 'io'));
    return true;
  }

  frame(type: number, id: number, payload: Uint8Array): void {
    this.#writer?.frame(type, id, payload);
  }

  credit(id: number, bytes: number): void {
    this.#writer?.numberFrame(FileToBroker.Credit, id, bytes, 4);
  }

  /** One of an earlier broker is unknown to this one, which takes it for late. */
  close(seat: number, handle: bigint): void {
    const writer = this.#writer;
    if (!writer) return;
    writer.begin(FileToBroker.Close, seat, 8);
    writer.u64(handle);
    writer.end();
  }
}

/** F3: what one instance has open. */
export class HeldFiles {
  readonly #streams: FileStreams;
  readonly #handles = new Set<bigint>();
  readonly #open = new Set<FileSource | FileSink>();

  constructor(streams: FileStreams) {
    this.#streams = streams;
  }

  hold(handle: bigint): void {
    this.#handles.add(handle);
  }

  close(seat: number, handle: bigint): void {
    if (this.#handles.delete(handle)) this.#streams.close(seat, handle);
  }

  keep(stream: FileSource | FileSink): void {
    this.#open.add(stream);
  }

  drop(stream: FileSource | FileSink): void {
    if (this.#open.delete(stream)) stream.drop();
  }

  leave(seat: number): void {
    for (const stream of this.#open) stream.drop();
    this.#open.clear();
    for (const handle of this.#handles) this.#streams.close(seat, handle);
    this.#handles.clear();
  }
}

export function endOf(code: FileError): StreamEnd {
  return { failure: { text: code, file: code } };
}

const NOTHING = new Uint8Array(0);
