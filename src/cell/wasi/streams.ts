/**
 * `wasi:io/streams`: the two resources, over whatever gives or takes bytes.
 *
 * Invariants
 * T1 `write` takes no byte beyond the permit of the last `check-write`: more is a trap, as specified.
 * T2 Nothing is lost: what `write` has taken is with the sink.
 */
import { HostResource } from '../resource.ts';
import type { Condition, Scope } from '../scope.ts';
import { HostTrap } from '../trap.ts';
import { IoError } from './error.ts';
import type { FileError } from '../../wire/file-frames.ts';
import type { ErrorCode } from './error-code.ts';
import { Pollable } from './poll.ts';
import { failed, type Failed } from './result.ts';

/** The most that one read gives, and one check-write permits. */
export const MAX_TRANSFER_BYTES = 64 * 1024;
/** The most that `blocking-write-and-flush` and `blocking-write-zeroes-and-flush` take, by the specification. */
export const MAX_BLOCKING_WRITE_BYTES = 4096;

/** Why a stream is over: quietly (`closed`), or with a reason that the guest can ask for. */
export interface StreamEnd {
  readonly failure?: { readonly text: string; readonly code?: ErrorCode; readonly file?: FileError };
}

/** Where an input stream's bytes come from. `ready` means that `take` has bytes or knows the end. */
export interface ByteSource extends Condition {
  /** At most `maxBytes` (at least 1), which are the caller's until the next `take`; an empty array where there are none yet. */
  take(maxBytes: number): Uint8Array | StreamEnd;
}

/** Where an output stream's bytes go. `ready` means that there is room, or that it has ended. */
export interface ByteSink extends Condition {
  /** Bytes that it takes now. */
  room(): number;
  /** Set once it takes no more. */
  readonly ended: StreamEnd | undefined;
  /** Takes all of `bytes`, which are within `room`: copies them, since they may be the guest's own memory. */
  put(bytes: Uint8Array): void;
  /** Where bytes are somewhere only later: whether all of them are, or never will be. */
  readonly flushed?: Condition;
  /** No room until they are. */
  flush?(): void;
}

type StreamError = { readonly tag: 'last-operation-failed'; readonly val: IoError } | { readonly tag: 'closed' };

const CLOSED: Failed<StreamError> = Object.freeze(failed(Object.freeze({ tag: 'closed' as const })));
const NOTHING = new Uint8Array(0);
const ZEROES = new Uint8Array(MAX_TRANSFER_BYTES);

function streamFailed(scope: Scope, { failure }: StreamEnd): Failed<StreamError> {
  if (!failure) return CLOSED;
  return failed({ tag: 'last-operation-failed', val: new IoError(scope, failure.text, failure.code, failure.file) });
}

export class InputStream extends HostResource {
  readonly #source: ByteSource;
  readonly #onDrop: (() => void) | undefined;

  constructor(scope: Scope, source: ByteSource, onDrop?: () => void, parent?: HostResource) {
    super(scope, parent);
    this.#source = source;
    this.#onDrop = onDrop;
  }

  read(length: bigint): Uint8Array | Failed<StreamError> {
    const taken = this.#take(length);
    return taken instanceof Uint8Array ? taken : streamFailed(this.scope, taken);
  }

  blockingRead(length: bigint): Uint8Array | Failed<StreamError> | Promise<Uint8Array | Failed<StreamError>> {
    if (length === 0n || this.#source.ready()) return this.read(length);
    return this.scope.wait([this.#source]).then(() => this.read(length));
  }

  skip(length: bigint): bigint | Failed<StreamError> {
    const taken = this.#take(length);
    return taken instanceof Uint8Array ? BigInt(taken.length) : streamFailed(this.scope, taken);
  }

  blockingSkip(length: bigint): bigint | Failed<StreamError> | Promise<bigint | Failed<StreamError>> {
    if (length === 0n || this.#source.ready()) return this.skip(length);
    return this.scope.wait([this.#source]).then(() => this.skip(length));
  }

  subscribe(): Pollable {
    return new Pollable(this.scope, this.#source);
  }

  protected override dropped(): void {
    this.#onDrop?.();
  }

  #take(length: bigint): Uint8Array | StreamEnd {
    const maxBytes = length > MAX_TRANSFER_BYTES ? MAX_TRANSFER_BYTES : Number(length);
    return maxBytes === 0 ? NOTHING : this.#source.take(maxBytes);
  }

  static sourceOf(stream: InputStream): ByteSource {
    return stream.#source;
  }
}

export class OutputStream extends HostResource {
  readonly #sink: ByteSink;
  readonly #onDrop: (() => void) | undefined;
  #permit = 0;

  constructor(scope: Scope, sink: ByteSink, onDrop?: () => void, parent?: HostResource) {
    super(scope, parent);
    this.#sink = sink;
    this.#onDrop = onDrop;
  }

  checkWrite(): bigint | Failed<StreamError> {
    const ended = this.#sink.ended;
    if (ended) return streamFailed(this.scope, ended);
    this.#permit = Math.min(this.#sink.room(), MAX_TRANSFER_BYTES);
    return BigInt(this.#permit);
  }

  write(contents: Uint8Array): Failed<StreamError> | undefined {
    if (contents.length > this.#permit) {
      throw new HostTrap(`write of ${contents.length} bytes, check-write permits ${this.#permit}`);
    }
    this.#permit -= contents.length;
    return this.#put(contents);
  }

  writeZeroes(length: bigint): Failed<StreamError> | undefined {
    if (length > this.#permit) throw new HostTrap(`write-zeroes of ${length}, check-write permits ${this.#permit}`);
    return this.write(ZEROES.subarray(0, Number(length)));
  }

  blockingWriteAndFlush(
    contents: Uint8Array,
  ): Failed<StreamError> | undefined | Promise<Failed<StreamError> | undefined> {
    if (contents.length > MAX_BLOCKING_WRITE_BYTES) {
      throw new HostTrap(
        `blocking-write-and-flush of ${contents.length} bytes, the most is ${MAX_BLOCKING_WRITE_BYTES}`,
      );
    }
    this.#permit = 0;
    if (this.#sink.ended || this.#sink.room() >= contents.length) return this.#flushed(this.#put(contents));
    // Who wrote them goes on only when they are all taken, but this is ours to know, and not the guest's memory's.
    const own = new Uint8Array(contents);
    return this.#writeInPieces(own).then((failure) => this.#flushed(failure));
  }

  blockingWriteZeroesAndFlush(length: bigint): ReturnType<OutputStream['blockingWriteAndFlush']> {
    if (length > MAX_BLOCKING_WRITE_BYTES) {
      throw new HostTrap(`blocking-write-zeroes-and-flush of ${length}, the most is ${MAX_BLOCKING_WRITE_BYTES}`);
    }
    return this.blockingWriteAndFlush(ZEROES.subarray(0, Number(length)));
  }

  /** What was written is with the sink, which sends it at the latest when the guest waits or returns. */
  flush(): Failed<StreamError> | undefined {
    this.#sink.flush?.();
    return this.#failure();
  }

  blockingFlush(): Failed<StreamError> | undefined | Promise<Failed<StreamError> | undefined> {
    return this.#flushed(this.#failure());
  }

  subscribe(): Pollable {
    return new Pollable(this.scope, this.#sink);
  }

  splice(source: InputStream, length: bigint): bigint | Failed<StreamError> {
    const ended = this.#sink.ended;
    if (ended) return streamFailed(this.scope, ended);
    const room = Math.min(this.#sink.room(), MAX_TRANSFER_BYTES);
    const maxBytes = length > room ? room : Number(length);
    this.#permit = 0;
    if (maxBytes === 0) return 0n;
    const taken = InputStream.sourceOf(source).take(maxBytes);
    if (!(taken instanceof Uint8Array)) return streamFailed(this.scope, taken);
    if (taken.length > 0) this.#sink.put(taken);
    return BigInt(taken.length);
  }

  blockingSplice(
    source: InputStream,
    length: bigint,
  ): bigint | Failed<StreamError> | Promise<bigint | Failed<StreamError>> {
    if (length === 0n || (this.#sink.ready() && InputStream.sourceOf(source).ready()))
      return this.splice(source, length);
    return this.#spliceWhenReady(InputStream.sourceOf(source), source, length);
  }

  protected override dropped(): void {
    this.#onDrop?.();
  }

  #put(contents: Uint8Array): Failed<StreamError> | undefined {
    const ended = this.#sink.ended;
    if (ended) return streamFailed(this.scope, ended);
    if (contents.length > 0) this.#sink.put(contents);
    // The sink may have ended by what it was given: over its declared length, over its limit.
    const endedNow = this.#sink.ended;
    return endedNow ? streamFailed(this.scope, endedNow) : undefined;
  }

  #failure(): Failed<StreamError> | undefined {
    const ended = this.#sink.ended;
    return ended ? streamFailed(this.scope, ended) : undefined;
  }

  /** The same once everything is where it belongs, or why it is not. */
  #flushed(
    failure: Failed<StreamError> | undefined,
  ): Failed<StreamError> | undefined | Promise<Failed<StreamError> | undefined> {
    const { flushed } = this.#sink;
    if (failure || !flushed || flushed.ready()) return failure;
    return this.scope.wait([flushed]).then(() => this.#failure());
  }

  async #writeInPieces(contents: Uint8Array): Promise<Failed<StreamError> | undefined> {
    let at = 0;
    while (at < contents.length) {
      if (!this.#sink.ready()) await this.scope.wait([this.#sink]);
      const end = Math.min(contents.length, at + this.#sink.room());
      const failure = this.#put(contents.subarray(at, end));
      if (failure) return failure;
      at = end;
    }
    return undefined;
  }

  async #spliceWhenReady(
    source: ByteSource,
    stream: InputStream,
    length: bigint,
  ): Promise<bigint | Failed<StreamError>> {
    if (!source.ready()) await this.scope.wait([source]);
    if (!this.#sink.ready()) await this.scope.wait([this.#sink]);
    return this.splice(stream, length);
  }
}
