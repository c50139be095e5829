/**
 * A small synchronous wasi:http host for the tests of the examples: a real implementation of the interfaces that they
 * import, over one exchange in memory. Only time and randomness are given by the test; a block is noted, not waited for.
 *
 * Errors are thrown as the plain payload of the interface's error, which is how the bindings take an `err`.
 */
export type Bytes = Uint8Array<ArrayBuffer>;
export type HeaderEntry = readonly [string, Bytes];

export const CUT = 'cut off by the test';

export interface ExchangeRequest {
  readonly method?: string;
  readonly target: string;
  readonly headers?: readonly (readonly [string, string])[];
  /** Each is one read of the guest; `CUT` ends the body by an error. */
  readonly body?: readonly string[];
}

/** What is known about one call, filled in while the guest runs. */
export class Exchange {
  readonly request: ExchangeRequest;
  /** `read n`, `write n`, in the order in which the guest did it. */
  readonly events: string[] = [];
  readonly written: Bytes[] = [];
  status: number | undefined;
  headers: readonly HeaderEntry[] = [];
  errorCode: { tag: string; val?: unknown } | undefined;
  /** `outgoing-body.finish` was called. */
  finished = false;

  constructor(request: ExchangeRequest) {
    this.request = request;
  }

  get text(): string {
    return Buffer.concat(this.written).toString();
  }

  header(name: string): string | undefined {
    const found = this.headers.find(([key]) => key === name);
    return found && Buffer.from(found[1]).toString();
  }
}

export interface HostSettings {
  /** What `get-random-u64` returns; real randomness where it is absent. */
  readonly random?: bigint;
  readonly env?: readonly (readonly [string, string])[];
}

const KNOWN_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'];
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const FORBIDDEN_HEADERS = new Set(['connection', 'host', 'keep-alive', 'transfer-encoding', 'upgrade']);
const MAX_BLOCKING_WRITE_BYTES = 4096;
/** What `check-write` allows until the next flush: no multiple of anything that a guest may write at once. */
const WRITE_ROOM_BYTES = 10_000;

/** The imports of one instance, and what the guest asked of it. */
export class WasiHost {
  readonly settings: HostSettings;
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  /** Nanoseconds of each timer that the guest blocked on. */
  readonly sleeps: bigint[] = [];
  readonly denied: string[] = [];

  constructor(settings: HostSettings = {}) {
    this.settings = settings;
  }

  imports(): Record<string, Record<string, unknown>> {
    return { ...this.#io(), ...this.#http(), ...this.#cli(), ...this.#clocks(), ...this.#ungranted() };
  }

  /** The two arguments of `incoming-handler.handle`. */
  arguments(exchange: Exchange): [IncomingRequest, ResponseOutparam] {
    return [new IncomingRequest(exchange), new ResponseOutparam(exchange)];
  }

  #io() {
    return {
      'wasi:io/error': { Error: IoError },
      'wasi:io/poll': { Pollable },
      'wasi:io/streams': { InputStream, OutputStream },
    };
  }

  #http() {
    return {
      'wasi:http/types': {
        Fields,
        IncomingRequest,
        IncomingBody,
        OutgoingResponse,
        OutgoingBody,
        OutgoingRequest,
        FutureIncomingResponse,
        RequestOptions,
        ResponseOutparam,
      },
    };
  }

  #cli() {
    const line = (lines: string[]) => () => new OutputStream((bytes) => lines.push(Buffer.from(bytes).toString()));
    return {
      'wasi:cli/environment': {
        getEnvironment: () => this.settings.env ?? [],
        getArguments: () => ['component'],
        initialCwd: () => undefined,
      },
      'wasi:cli/stdout': { getStdout: line(this.stdout) },
      'wasi:cli/stderr': { getStderr: line(this.stderr) },
      'wasi:cli/exit': {
        exit: () => {
          throw new Error('the guest called exit');
        },
      },
    };
  }

  #clocks() {
    return {
      'wasi:clocks/monotonic-clock': {
        now: () => process.hrtime.bigint(),
        subscribeDuration: (nanoseconds: bigint) => new Pollable(() => this.sleeps.push(nanoseconds)),
      },
      'wasi:clocks/wall-clock': { now: () => ({ seconds: BigInt(Math.floor(Date.now() / 1000)), nanoseconds: 0 }) },
      'wasi:random/random': {
        getRandomU64: () => this.settings.random ?? crypto.getRandomValues(new BigUint64Array(1))[0]!,
      },
    };
  }

  #ungranted() {
    return {
      'wasi:filesystem/types': { Descriptor },
      'wasi:filesystem/preopens': {
        getDirectories: () => {
          this.denied.push('wasi:filesystem/preopens');
          return [];
        },
      },
      'wasi:http/outgoing-handler': {
        handle: (request: OutgoingRequest) => {
          this.denied.push(`wasi:http/outgoing-handler ${request.authority}`);
          throw { tag: 'HTTP-request-denied' };
        },
      },
    };
  }
}

class IoError {
  toDebugString(): string {
    return 'cut by the test';
  }
}

/* Named by imports of the examples, but never handed out here. */
class Descriptor {
  readonly kind = 'descriptor';
}
class FutureIncomingResponse {
  readonly kind = 'future-incoming-response';
}
class RequestOptions {
  readonly kind = 'request-options';
}

class Pollable {
  readonly #onBlock: () => unknown;
  constructor(onBlock: () => unknown) {
    this.#onBlock = onBlock;
  }
  block(): void {
    this.#onBlock();
  }
}

class Fields {
  readonly list: HeaderEntry[];
  constructor(list: HeaderEntry[] = []) {
    this.list = list;
  }
  append(name: string, value: Bytes): void {
    if (!HEADER_NAME.test(name) || /[\0\r\n]/.test(Buffer.from(value).toString('latin1')))
      throw { tag: 'invalid-syntax' };
    if (FORBIDDEN_HEADERS.has(name)) throw { tag: 'forbidden' };
    this.list.push([name, value.slice()]);
  }
  get(name: string): Bytes[] {
    return this.list.filter(([key]) => key === name).map(([, value]) => value);
  }
  entries(): HeaderEntry[] {
    return this.list;
  }
}

class InputStream {
  readonly #exchange: Exchange;
  #next = 0;
  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }
  blockingRead(): Bytes {
    const piece = this.#exchange.request.body?.[this.#next++];
    if (piece === undefined) throw { tag: 'closed' };
    if (piece === CUT) throw { tag: 'last-operation-failed', val: new IoError() };
    this.#exchange.events.push(`read ${piece.length}`);
    return new Uint8Array(Buffer.from(piece));
  }
}

class OutputStream {
  readonly #take: (bytes: Bytes) => unknown;
  #room = WRITE_ROOM_BYTES;
  constructor(take: (bytes: Bytes) => unknown) {
    this.#take = take;
  }
  blockingWriteAndFlush(bytes: Bytes): void {
    if (bytes.length > MAX_BLOCKING_WRITE_BYTES) throw new Error('more than blocking-write-and-flush takes');
    this.#take(bytes.slice());
  }
  checkWrite(): bigint {
    return BigInt(this.#room);
  }
  write(bytes: Bytes): void {
    if (bytes.length > this.#room) throw new Error('written more than check-write allowed');
    this.#room -= bytes.length;
    this.#take(bytes.slice());
  }
  blockingFlush(): void {
    this.#room = WRITE_ROOM_BYTES;
  }
  subscribe(): Pollable {
    return new Pollable(() => this.blockingFlush());
  }
}

class IncomingBody {
  readonly #exchange: Exchange;
  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }
  stream(): InputStream {
    return new InputStream(this.#exchange);
  }
}

class IncomingRequest {
  readonly #exchange: Exchange;
  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }
  method(): { tag: string; val?: string } {
    const method = this.#exchange.request.method ?? 'GET';
    return KNOWN_METHODS.includes(method) ? { tag: method.toLowerCase() } : { tag: 'other', val: method };
  }
  pathWithQuery(): string {
    return this.#exchange.request.target;
  }
  scheme(): { tag: string } {
    return { tag: 'HTTP' };
  }
  authority(): string {
    return 'test.example';
  }
  headers(): Fields {
    const entries = this.#exchange.request.headers ?? [];
    return new Fields(entries.map(([name, value]): HeaderEntry => [name, new Uint8Array(Buffer.from(value))]));
  }
  consume(): IncomingBody {
    return new IncomingBody(this.#exchange);
  }
}

class OutgoingBody {
  /** Known once the response was set. */
  exchange: { take(bytes: Bytes): void; finished(): void } | undefined;
  write(): OutputStream {
    return new OutputStream((bytes) => this.exchange?.take(bytes));
  }
  static finish(body: OutgoingBody): void {
    body.exchange?.finished();
  }
}

class OutgoingResponse {
  readonly fields: Fields;
  readonly outgoing = new OutgoingBody();
  status = 200;
  constructor(fields: Fields) {
    this.fields = fields;
  }
  setStatusCode(status: number): void {
    this.status = status;
  }
  body(): OutgoingBody {
    return this.outgoing;
  }
}

class OutgoingRequest {
  authority: string | undefined;
  setAuthority(authority: string | undefined): void {
    this.authority = authority;
  }
}

class ResponseOutparam {
  readonly #exchange: Exchange;
  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }
  static set(param: ResponseOutparam, result: { tag: string; val: unknown }): void {
    param.#accept(result);
  }
  #accept(result: { tag: string; val: unknown }): void {
    const exchange = this.#exchange;
    if (result.tag === 'err') {
      exchange.errorCode = result.val as { tag: string };
      return;
    }
    const response = result.val as OutgoingResponse;
    exchange.status = response.status;
    exchange.headers = response.fields.list;
    response.outgoing.exchange = {
      take: (bytes) => {
        exchange.events.push(`write ${bytes.length}`);
        exchange.written.push(bytes);
      },
      finished: () => {
        exchange.finished = true;
      },
    };
  }
}
