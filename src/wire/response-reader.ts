import { RESPONSE_HAS_BODY_FRAMES } from './frames.ts';
import { readResponse, type ResponseHead } from './response-head.ts';

/** A longer head is read each time. */
export const MAX_REMEMBERED_BYTES = 512;

/**
 * Heads of one cell's responses. A guest mostly says the same one again: bytes that have been checked are not checked again, nor
 * made into texts.
 */
export class ResponseReader {
  readonly #bytes = new Uint8Array(MAX_REMEMBERED_BYTES);
  #length = 0;
  #head: Pick<ResponseHead, 'flags' | 'status' | 'contentLength'> = { flags: 0, status: 0, contentLength: -1 };
  #headers: readonly string[] = [];

  /** As `readResponse`. */
  read(bytes: Buffer, start: number, end: number): ResponseHead | string {
    if (this.#isAgain(bytes, start, end)) {
      const { flags, status, contentLength } = this.#head;
      return { flags, status, headers: [...this.#headers], contentLength, bodyStart: start + this.#length };
    }
    const head = readResponse(bytes, start, end);
    if (typeof head !== 'string') this.#remember(bytes, start, head);
    return head;
  }

  /** The bytes of a head say where it ends: none is the beginning of another. */
  #isAgain(bytes: Buffer, start: number, end: number): boolean {
    const length = this.#length;
    if (length === 0 || end - start < length) return false;
    if ((this.#head.flags & RESPONSE_HAS_BODY_FRAMES) !== 0 && end - start !== length) return false;
    const known = this.#bytes;
    for (let index = 0; index < length; index++) if (bytes[start + index] !== known[index]) return false;
    return true;
  }

  #remember(bytes: Buffer, start: number, { flags, status, contentLength, headers, bodyStart }: ResponseHead): void {
    const length = bodyStart - start;
    if (length > MAX_REMEMBERED_BYTES) return;
    bytes.copy(this.#bytes, 0, start, bodyStart);
    this.#length = length;
    this.#head = { flags, status, contentLength };
    this.#headers = [...headers];
  }
}
