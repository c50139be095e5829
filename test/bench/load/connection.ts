/**
 * One keep-alive connection of the load client: one request at a time, each stamped with an id, each settled exactly
 * once, as an answer or as a loss.
 *
 * A connection that the server closes while nothing is outstanding is opened again and counts for nothing. One that
 * closes between our write and the first byte of the answer is a loss, even though a server may not have read a byte:
 * a server that closes idle connections has to say so (`connection: close`) in the answer before.
 */
import net from 'node:net';
import { ResponseReader, type ResponseHead } from './response-reader.ts';
import type { LoadTally } from './tally.ts';

const RECONNECT_DELAY_MS = 20;

export interface ConnectionSettings {
  readonly host: string;
  readonly port: number;
  readonly method: string;
  readonly path: string;
  /** `host` header, where `headers` has none. */
  readonly authority: string;
  readonly headers: readonly (readonly [string, string])[];
  /** Sent with each request; with `echoes` the answer has to bring it back. */
  readonly body: Buffer | undefined;
  /** Whether a good answer carries the request's id, and its body where it had one. */
  readonly echoes: boolean;
  /** A header of the answer that is counted beside the release. */
  readonly label: string | undefined;
  readonly timeoutMs: number;
}

/** Whom a connection tells that it can take a request. */
export type OnFree = (connection: LoadConnection) => void;

export class LoadConnection {
  readonly #settings: ConnectionSettings;
  readonly #tally: LoadTally;
  readonly #onFree: OnFree;
  readonly #headStart: string;
  #reader: ResponseReader;
  #socket: net.Socket | undefined;
  #connected = false;
  /** Connected, and nothing has happened after which no request may be written. */
  #usable = false;
  #closed = false;
  #outstanding: { readonly id: string; readonly sinceMs: number; readonly deadline: NodeJS.Timeout } | undefined;
  #received: Buffer[] = [];
  #requests = 0;

  constructor(settings: ConnectionSettings, tally: LoadTally, onFree: OnFree) {
    this.#settings = settings;
    this.#tally = tally;
    this.#onFree = onFree;
    const { method, path, authority, headers, body } = settings;
    const ownHost = headers.some(([name]) => name.toLowerCase() === 'host');
    const lines = [
      `${method} ${path} HTTP/1.1`,
      ...(ownHost ? [] : [`host: ${authority}`]),
      ...headers.map(([name, value]) => `${name}: ${value}`),
    ];
    if (body) lines.push(`content-length: ${body.length}`);
    this.#headStart = `${lines.join('\r\n')}\r\nx-request-id: `;
    this.#reader = this.#newReader();
    this.#connect();
  }

  /** Only while it is ready. `dueMs` is where the latency counts from. */
  send(id: string, dueMs: number): void {
    const { body, method, timeoutMs } = this.#settings;
    this.#tally.sent += 1;
    this.#requests += 1;
    const deadline = setTimeout(() => this.#lose('timeout'), timeoutMs);
    this.#outstanding = { id, sinceMs: dueMs, deadline };
    this.#received = [];
    this.#reader.expect(method);
    const head = `${this.#headStart}${id}\r\n\r\n`;
    this.#socket!.write(body ? Buffer.concat([Buffer.from(head, 'latin1'), body]) : head, 'latin1');
  }

  /** Whether `send` may be called. It says so by itself each time that it becomes true. */
  get ready(): boolean {
    return this.#usable && !this.#closed && !this.busy;
  }

  get busy(): boolean {
    return this.#outstanding !== undefined;
  }

  /** No more requests; what is outstanding is lost. */
  close(): void {
    this.#closed = true;
    if (this.#outstanding) this.#lose('cut by the client');
    this.#drop();
  }

  #newReader(): ResponseReader {
    const keepsBody = this.#settings.echoes && this.#settings.body !== undefined;
    return new ResponseReader({
      body: (chunk) => {
        if (keepsBody) this.#received.push(chunk);
      },
      complete: (head) => this.#answered(head),
    });
  }

  #connect(): void {
    this.#requests = 0;
    this.#reader = this.#newReader();
    const { host, port } = this.#settings;
    const socket = net.connect({ host, port, noDelay: true });
    this.#socket = socket;
    // After another socket took its place, an event of this one is about nothing.
    const current = (): boolean => this.#socket === socket;
    socket.once('connect', () => {
      this.#connected = true;
      this.#usable = true;
      if (!this.#closed) this.#onFree(this);
    });
    socket.on('data', (chunk: Buffer) => {
      if (current()) this.#read(chunk);
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      if (current()) this.#ended();
    });
  }

  #read(chunk: Buffer): void {
    const problem = this.#reader.push(chunk);
    if (problem === undefined) return;
    if (this.#outstanding) this.#lose(problem);
    else this.#tally.duplicated += 1;
    this.#drop();
  }

  #answered(head: ResponseHead): void {
    const { id, sinceMs, deadline } = this.#outstanding!;
    clearTimeout(deadline);
    this.#outstanding = undefined;
    const { label, echoes, body } = this.#settings;
    this.#tally.answer({
      status: head.status,
      release: head.header('x-headway-release') ?? '-',
      label: label === undefined ? undefined : (head.header(label) ?? '-'),
      latencyMs: performance.now() - sinceMs,
    });
    if (echoes && head.status < 400) {
      const wrongBody = body !== undefined && !body.equals(Buffer.concat(this.#received));
      if (head.header('x-request-id') !== id || wrongBody) this.#tally.mismatched += 1;
    }
    const keeps = head.header('connection')?.toLowerCase() !== 'close';
    // Not at once: what else came with these bytes has to be seen first, or a second answer would pass for the next one's.
    if (keeps) queueMicrotask(() => this.#free());
    else this.#drop();
  }

  #drop(): void {
    this.#usable = false;
    this.#socket!.destroy();
  }

  #free(): void {
    if (this.ready) this.#onFree(this);
  }

  #ended(): void {
    const wasConnected = this.#connected;
    this.#connected = false;
    this.#usable = false;
    if (!wasConnected && !this.#closed) this.#tally.refused += 1;
    if (this.#outstanding) {
      const end = this.#reader.end();
      const first = this.#requests === 1 ? 'on a new connection' : 'on a kept connection';
      if (end === 'Unanswered') this.#lose(`closed before the answer, ${first}`);
      else if (end === 'Broken') this.#lose('broke off');
    }
    if (!this.#closed) setTimeout(() => !this.#closed && this.#connect(), wasConnected ? 0 : RECONNECT_DELAY_MS);
  }

  #lose(reason: string): void {
    clearTimeout(this.#outstanding!.deadline);
    this.#outstanding = undefined;
    this.#tally.lose(reason);
    this.#drop();
  }
}
