import type { Framer } from './framer.ts';
import { ATTACH_BYTES } from './broker-frames.ts';

/** Drops what comes until the 16 bytes that the engine gave have come (B3); what is behind them are frames. */
export class Attachment {
  readonly #token: Buffer;
  readonly #framer: Framer;
  #found = false;
  /** The end of what was looked through: the token may begin in it. */
  #tail: Buffer = Buffer.alloc(0);

  constructor(token: Buffer, framer: Framer) {
    this.#token = token;
    this.#framer = framer;
  }

  get found(): boolean {
    return this.#found;
  }

  /** `false` after a violation behind the token. */
  push(chunk: Buffer): boolean {
    if (this.#found) return this.#framer.push(chunk);
    const seen = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk]);
    const at = seen.indexOf(this.#token);
    if (at < 0) {
      this.#tail = Buffer.from(seen.subarray(Math.max(0, seen.length - ATTACH_BYTES + 1)));
      return true;
    }
    this.#found = true;
    this.#tail = seen.subarray(0, 0);
    const rest = seen.subarray(at + ATTACH_BYTES);
    return rest.length === 0 || this.#framer.push(rest);
  }
}
