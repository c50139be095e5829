/**
 * The body of a request, on its way from the cell to the upstream.
 *
 * Invariant
 * U1 What waits here is never more than the credit that was given; credit goes back for what the upstream has taken.
 */
import { INITIAL_CREDIT_BYTES } from '../../wire/frames.ts';
import { GatheredBytes } from '../gathered-bytes.ts';
import { HttpBroken } from './failure.ts';

/** Small chunks do not cost a frame each. */
const CREDIT_PORTION_BYTES = INITIAL_CREDIT_BYTES / 4;

export interface UploadOptions {
  /** The upstream has taken so much. */
  readonly giveCredit: (bytes: number) => void;
  /** The cell is waited for: everything that it has said has been taken, and it is not over. `false`: it has said more. */
  readonly awaits: (isAwaited: boolean) => void;
}

export class Upload implements AsyncIterable<Buffer> {
  readonly #options: UploadOptions;
  readonly #chunks = new GatheredBytes();
  #credit = INITIAL_CREDIT_BYTES;
  #taken = 0;
  #end: 'Whole' | 'Broken' | undefined;
  #trailers: readonly string[] = [];
  #wake: (() => void) | undefined;

  constructor(options: UploadOptions) {
    this.#options = options;
  }

  get over(): boolean {
    return this.#end !== undefined;
  }

  /** Names and values in turn; known when it is over. */
  get trailers(): readonly string[] {
    return this.#trailers;
  }

  /** `false`: more than there was credit for. The chunk is copied. */
  push(chunk: Buffer): boolean {
    this.#credit -= chunk.length;
    if (this.#credit < 0) return false;
    if (!this.#end) this.#chunks.push(chunk);
    this.#wake?.();
    return true;
  }

  end(how: 'Whole' | 'Broken', trailers: readonly string[] = []): void {
    if (this.#end === undefined) this.#trailers = trailers;
    this.#end ??= how;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, void> {
    for (;;) {
      if (this.#end === 'Broken') throw new HttpBroken({ tag: 'connection-terminated' });
      const chunk = this.#chunks.shift();
      if (chunk) {
        yield chunk;
        this.#return(chunk.length);
      } else if (this.#end) return;
      else {
        this.#options.awaits(true);
        await this.#more();
        this.#options.awaits(false);
      }
    }
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #return(bytes: number): void {
    this.#taken += bytes;
    if (this.#end || this.#taken < CREDIT_PORTION_BYTES) return;
    this.#credit += this.#taken;
    this.#options.giveCredit(this.#taken);
    this.#taken = 0;
  }
}
