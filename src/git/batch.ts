import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { KeptReading } from './kept.ts';

export interface BatchLimits {
  readonly blobBytes: number;
  readonly blobsBytes: number;
}

export type BatchFailure = 'BlobTooLarge' | 'BlobsTooLarge' | 'Missing' | 'Damaged' | 'NotABlob' | 'Unexpected';

interface Filling {
  readonly oid: string;
  /** The content and the line feed behind it. */
  readonly content: Buffer;
  filled: number;
}

const HEAD = /^([0-9a-f]{40}) (blob|tree|commit|tag) ([0-9]{1,15})$/;
const MISSING = /^[0-9a-f]{40} missing$/;
const MAX_HEAD_BYTES = 128;
const LINE_FEED = 10;

/**
 * Reads what `cat-file --batch` prints: a head line, the content and a line feed for each object, in the order asked
 * for. Each content is hashed again: what a mirror hands out is what the commit names, or nothing.
 */
export class BatchReader implements KeptReading {
  readonly blobs = new Map<string, Uint8Array>();
  failure: BatchFailure | undefined;
  /** The object that the failure is about. */
  failedOid = '';
  readonly #limits: BatchLimits;
  readonly #wanted: readonly string[];
  #head = Buffer.alloc(0);
  #current: Filling | undefined;
  #totalBytes = 0;

  constructor(wanted: readonly string[], limits: BatchLimits) {
    this.#wanted = wanted;
    this.#limits = limits;
  }

  get input(): string {
    return this.#wanted.map((oid) => `${oid}\n`).join('');
  }

  isComplete(): boolean {
    return this.failure === undefined && this.#current === undefined && this.blobs.size === this.#wanted.length;
  }

  /** Takes the next piece; `false` when it makes no sense to read on. */
  push(chunk: Buffer): boolean {
    let rest = chunk;
    while (rest.length > 0 && this.failure === undefined) {
      rest = this.#current ? this.#fill(this.#current, rest) : this.#readHead(rest);
    }
    return this.failure === undefined;
  }

  #readHead(chunk: Buffer): Buffer {
    const end = chunk.indexOf(LINE_FEED);
    const piece = end < 0 ? chunk : chunk.subarray(0, end);
    if (this.#head.length + piece.length > MAX_HEAD_BYTES) return this.#fail('Unexpected');
    this.#head = Buffer.concat([this.#head, piece]);
    if (end < 0) return chunk.subarray(chunk.length);
    const line = this.#head.toString('latin1');
    this.#head = Buffer.alloc(0);
    this.#begin(line);
    return chunk.subarray(end + 1);
  }

  #begin(line: string): void {
    const wanted = this.#wanted[this.blobs.size];
    const match = HEAD.exec(line);
    if (!match) return void this.#fail(MISSING.test(line) ? 'Missing' : 'Unexpected');
    const [, oid, type, size] = match as unknown as [string, string, string, string];
    if (oid !== wanted) return void this.#fail('Unexpected');
    if (type !== 'blob') return void this.#fail('NotABlob');
    const bytes = Number(size);
    if (bytes > this.#limits.blobBytes) return void this.#fail('BlobTooLarge');
    this.#totalBytes += bytes;
    if (this.#totalBytes > this.#limits.blobsBytes) return void this.#fail('BlobsTooLarge');
    this.#current = { oid, content: Buffer.alloc(bytes + 1), filled: 0 };
  }

  #fill(current: Filling, chunk: Buffer): Buffer {
    const copied = chunk.copy(current.content, current.filled);
    current.filled += copied;
    if (current.filled < current.content.length) return chunk.subarray(copied);
    this.#current = undefined;
    const content = current.content.subarray(0, -1);
    if (current.content.at(-1) !== LINE_FEED || oidOf(content) !== current.oid) {
      this.failedOid = current.oid;
      this.failure = 'Damaged';
    } else {
      this.blobs.set(current.oid, content);
    }
    return chunk.subarray(copied);
  }

  #fail(failure: BatchFailure): Buffer {
    this.failure = failure;
    this.failedOid = this.#wanted[this.blobs.size] ?? '';
    return Buffer.alloc(0);
  }
}

function oidOf(content: Uint8Array): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}
