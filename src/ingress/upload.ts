/**
 * The body of a request on its way into a cell. Small bodies of known length are gathered first and travel inline, which
 * keeps slow clients out of the cell and lets the request be tried again elsewhere; others flow against credit.
 */
import type { IncomingMessage } from 'node:http';
import { LentMemory } from '../kit/lent-memory.ts';
import type { CellCaller } from '../wire/cell-caller.ts';
import { Abort, MAX_CHUNK_BYTES } from '../wire/frames.ts';
import { trailersFit, trailersFrom } from '../wire/trailers.ts';

/** Bodies up to here are gathered. */
export const MAX_GATHERED_BYTES = 16 * 1024;
/** What is read and dropped of a body that nobody wants, so that the client sees the answer; then the connection goes. */
export const MAX_DISCARDED_BYTES = 1024 * 1024;

/** Calls back with the whole body. Where the client goes away first, it never calls. */
export function gather(request: IncomingMessage, onWhole: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => onWhole(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
}

/** Reads the rest of a body and drops it, up to a bound. */
export function discard(request: IncomingMessage, maxBytes: number): void {
  if (request.complete && request.readableEnded) return;
  let left = maxBytes;
  request.removeAllListeners('data');
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) request.socket.destroy();
  });
  request.resume();
}

export interface UploadOptions {
  readonly request: IncomingMessage;
  readonly maxBytes: number;
  /** The client waits for a 100: nothing is read before the guest's first read. */
  readonly awaitsRead: boolean;
  readonly onContinue: () => void;
  readonly onTooLarge: () => void;
  readonly onTooManyTrailers: () => void;
}

export class Upload {
  readonly #options: UploadOptions;
  readonly #caller: CellCaller;
  readonly #id: number;
  #pending: Buffer | undefined;
  /** What it came in. */
  #memory: LentMemory | undefined;
  #received = 0;
  #clientEnded = false;
  #trailers: readonly string[] = [];
  #stopped = false;
  #reading = false;

  constructor(caller: CellCaller, id: number, options: UploadOptions) {
    this.#caller = caller;
    this.#id = id;
    this.#options = options;
    if (!options.awaitsRead) this.#startReading();
  }

  /** The guest would read, and the client does not send. */
  get waitsForClient(): boolean {
    return this.#reading && !this.#clientEnded && this.#pending === undefined;
  }

  /** The cell grants more. */
  onCredit(): void {
    if (this.#stopped) return;
    if (!this.#reading) {
      this.#options.onContinue();
      this.#startReading();
    }
    this.#send();
  }

  /** The call is over, or the client gone: nothing more goes to the cell. */
  stop(): void {
    this.#stopped = true;
    this.#pending = undefined;
  }

  #startReading(): void {
    this.#reading = true;
    const { request, maxBytes, onTooLarge } = this.#options;
    request.on('data', (chunk: Buffer) => {
      if (this.#stopped) return;
      this.#received += chunk.length;
      if (this.#received > maxBytes) {
        this.stop();
        this.#caller.bodyAbort(this.#id, Abort.TooLarge);
        onTooLarge();
        return;
      }
      this.#pending = this.#pending === undefined ? chunk : Buffer.concat([this.#pending, chunk]);
      this.#memory = LentMemory.of(this.#pending);
      this.#send();
    });
    request.on('end', () => {
      if (this.#stopped) return;
      this.#clientEnded = true;
      this.#trailers = trailersFrom(request.rawTrailers);
      if (!trailersFit(this.#trailers)) {
        this.stop();
        this.#caller.bodyAbort(this.#id, Abort.TrailersTooLarge);
        this.#options.onTooManyTrailers();
        return;
      }
      this.#send();
    });
  }

  #send(): void {
    if (this.#stopped) return;
    while (this.#pending !== undefined) {
      const room = Math.min(this.#caller.sendable(this.#id), MAX_CHUNK_BYTES);
      if (room === 0) {
        this.#options.request.pause();
        return;
      }
      this.#caller.body(this.#id, this.#pending.subarray(0, room), this.#memory?.lend());
      this.#pending = room < this.#pending.length ? this.#pending.subarray(room) : undefined;
    }
    this.#memory?.giveBack();
    this.#memory = undefined;
    if (this.#clientEnded) {
      this.#stopped = true;
      this.#caller.bodyEnd(this.#id, this.#trailers.length > 0 ? this.#trailers : undefined);
    } else this.#options.request.resume();
  }
}
