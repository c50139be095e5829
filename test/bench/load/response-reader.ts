/**
 * Reads the responses of one HTTP/1.1 connection that has at most one request outstanding. Not a general parser: it
 * wants what a load client wants, which is when a response is complete, whose it is, and whether anything came that
 * nobody asked for.
 */
export const MAX_HEAD_BYTES = 64 * 1024;
const MAX_LINE_BYTES = 4 * 1024;
const EMPTY = Buffer.alloc(0);

export interface ResponseHead {
  readonly status: number;
  /** The value, trimmed, of the first header of that (lower-case) name. */
  header(name: string): string | undefined;
}

export interface ResponseEvents {
  body(chunk: Buffer): void;
  complete(head: ResponseHead): void;
}

/** What the end of the connection means for the request that is outstanding. */
export type EndOfConnection = 'Idle' | 'Unanswered' | 'Broken' | 'Complete';

type State = 'Idle' | 'Head' | 'Length' | 'ChunkSize' | 'Chunk' | 'ChunkEnd' | 'Trailers' | 'UntilClose';

export class ResponseReader {
  readonly #events: ResponseEvents;
  #state: State = 'Idle';
  #rest: Buffer = EMPTY;
  #left = 0;
  #head: ResponseHead | undefined;
  #bodyless = false;

  constructor(events: ResponseEvents) {
    this.#events = events;
  }

  /** A request was written: its response may come. */
  expect(method: string): void {
    this.#state = 'Head';
    this.#bodyless = method === 'HEAD';
  }

  /** Returns what is wrong with what came, after which the connection is of no use. */
  push(chunk: Buffer): string | undefined {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      if (this.#rest.length === 0) return undefined;
      if (this.#state === 'Idle') return 'bytes that nobody asked for';
      const before = this.#rest.length;
      const state = this.#state;
      const problem = this.#step();
      if (problem !== undefined) return problem;
      if (this.#rest.length === before && this.#state === state) return undefined;
    }
  }

  end(): EndOfConnection {
    if (this.#state === 'Idle') return 'Idle';
    if (this.#state === 'UntilClose') {
      this.#complete();
      return 'Complete';
    }
    return this.#state === 'Head' && this.#rest.length === 0 ? 'Unanswered' : 'Broken';
  }

  #step(): string | undefined {
    switch (this.#state) {
      case 'Head':
        return this.#readHead();
      case 'Length':
      case 'Chunk':
        return this.#readBytes();
      case 'ChunkSize':
        return this.#readLine((line) => {
          this.#left = Number.parseInt(line, 16);
          if (!(this.#left >= 0)) return `"${line}" is not the size of a chunk`;
          this.#state = this.#left === 0 ? 'Trailers' : 'Chunk';
          return undefined;
        });
      case 'ChunkEnd':
        return this.#readLine((line) => {
          this.#state = 'ChunkSize';
          return line === '' ? undefined : 'a chunk is longer than its size';
        });
      case 'Trailers':
        return this.#readLine((line) => {
          if (line === '') this.#complete();
          return undefined;
        });
      case 'UntilClose':
        this.#events.body(this.#rest);
        this.#rest = EMPTY;
        return undefined;
      default:
        return undefined;
    }
  }

  #readHead(): string | undefined {
    const end = this.#rest.indexOf('\r\n\r\n');
    if (end < 0) return this.#rest.length > MAX_HEAD_BYTES ? 'a head without an end' : undefined;
    const head = parseHead(this.#rest.toString('latin1', 0, end + 2));
    if (!head) return 'not an HTTP/1.1 response';
    this.#rest = this.#rest.subarray(end + 4);
    if (head.status < 200) return undefined;
    this.#head = head;
    const length = head.header('content-length');
    if (this.#bodyless || head.status === 204 || head.status === 304) {
      this.#complete();
    } else if (head.header('transfer-encoding') === 'chunked') {
      this.#state = 'ChunkSize';
    } else if (length !== undefined) {
      this.#left = Number(length);
      this.#state = 'Length';
      if (!(this.#left >= 0)) return `"${length}" is not a length`;
      if (this.#left === 0) this.#complete();
    } else {
      this.#state = 'UntilClose';
    }
    return undefined;
  }

  #readBytes(): undefined {
    const bytes = this.#rest.subarray(0, this.#left);
    this.#rest = this.#rest.subarray(bytes.length);
    this.#left -= bytes.length;
    this.#events.body(bytes);
    if (this.#left > 0) return;
    if (this.#state === 'Chunk') this.#state = 'ChunkEnd';
    else this.#complete();
  }

  #readLine(take: (line: string) => string | undefined): string | undefined {
    const end = this.#rest.indexOf('\r\n');
    if (end < 0) return this.#rest.length > MAX_LINE_BYTES ? 'a line without an end' : undefined;
    const line = this.#rest.toString('latin1', 0, end);
    this.#rest = this.#rest.subarray(end + 2);
    return take(line);
  }

  #complete(): void {
    this.#state = 'Idle';
    this.#events.complete(this.#head!);
  }
}

const STATUS_LINE = /^HTTP\/1\.1 ([1-9][0-9]{2})(?: [^\r\n]*)?\r\n/;

function parseHead(text: string): ResponseHead | undefined {
  const match = STATUS_LINE.exec(text);
  if (!match) return undefined;
  // Names are found in a lower-case copy, values are cut out of the original.
  const names = text.toLowerCase();
  return {
    status: Number(match[1]),
    header(name) {
      const at = names.indexOf(`\r\n${name}:`);
      if (at < 0) return undefined;
      const from = at + name.length + 3;
      return text.slice(from, text.indexOf('\r\n', from)).trim();
    },
  };
}
