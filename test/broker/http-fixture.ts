/** What the tests of requests share: servers on the loopback, a service with grants, and the ears of a cell. */
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { afterEach } from 'vitest';
import { HttpAuthority } from '../../src/broker/http/authority.ts';
import type { CheckedAddress } from '../../src/broker/http/connection.ts';
import type { HttpExchange } from '../../src/broker/http/exchange.ts';
import type { HttpRequest } from '../../src/broker/http/request.ts';
import { HttpService, type HttpAsker, type HttpServiceOptions } from '../../src/broker/http/service.ts';
import { Records } from '../../src/broker/records.ts';
import { Resolver } from '../../src/broker/resolver.ts';
import type { HttpFailure } from '../../src/wire/http-frames.ts';
import { loopTurns } from '../support/loop-turns.ts';
import { lineOf } from './support.ts';

export const MEBIBYTE = 1024 * 1024;
export const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

export async function listen(server: net.Server): Promise<number> {
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as net.AddressInfo).port;
}

/** Until nothing that this process has sent to itself is still on its way, and nothing more will come at once. */
export async function quiet(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 20));
  await loopTurns(20);
}

export const serve = (handler: http.RequestListener): Promise<number> => listen(http.createServer(handler));
/** A server that says this to whoever has said something. */
export const raw = (say: (socket: net.Socket, asked: string) => void): Promise<number> =>
  listen(net.createServer((socket) => socket.once('data', (asked: Buffer) => say(socket, asked.toString('latin1')))));

/** What the cell would hear, and gives credit for at once unless told otherwise. */
export class Heard {
  status: number | undefined;
  headers: readonly string[] = [];
  readonly chunks: Buffer[] = [];
  trailers: readonly string[] | undefined;
  failure: HttpFailure | undefined;
  creditBytes = 0;
  reading = true;
  exchange: HttpExchange | undefined;
  readonly over = Promise.withResolvers<void>();

  head(status: number, headers: readonly string[]): void {
    this.status = status;
    this.headers = headers;
  }
  body(bytes: Buffer): void {
    this.chunks.push(Buffer.from(bytes));
    if (this.reading) setImmediate(() => this.exchange?.addCredit(bytes.length));
  }
  end(trailers: readonly string[]): void {
    this.trailers = trailers;
    this.over.resolve();
  }
  failed(failure: HttpFailure): void {
    this.failure = failure;
    this.over.resolve();
  }
  credit(bytes: number): void {
    this.creditBytes += bytes;
  }
  started(): void {}
  mayWrite(): boolean {
    return true;
  }
  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }
  get bytes(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }
}

export interface Sent extends Partial<Omit<HttpRequest, 'asked'>> {
  readonly method?: string;
  readonly scheme?: string;
  readonly path?: string;
}

export class Fixture {
  readonly records = new Records(() => undefined);
  readonly resolved: string[] = [];
  answers: readonly (readonly string[])[] = [];
  readonly service: HttpService;
  readonly hosts: readonly string[];
  readonly ports: readonly number[];

  constructor(ports: readonly number[], hosts = ['127.0.0.1'], more: Partial<HttpServiceOptions> = {}) {
    this.ports = ports;
    this.hosts = hosts;
    this.service = new HttpService({
      records: this.records,
      wallMs: () => Date.parse('2026-11-28T12:00:00Z'),
      maxBodyBytes: 16 * MEBIBYTE,
      resolver: new Resolver((name) => {
        const answer = this.answers[this.resolved.length] ?? [];
        this.resolved.push(name);
        return Promise.resolve(answer.map((address): CheckedAddress => ({ address, family: net.isIP(address) })));
      }),
      ...more,
    });
  }

  begin(authority: string, sent: Sent = {}, heard = new Heard(), asker: Partial<HttpAsker> = {}): Heard {
    const settings = { hosts: this.hosts, ports: this.ports, schemes: ['http', 'https'] };
    const grant = { name: 'web', capability: 'outboundHttp', settings, enforcement: 'Enforce' } as const;
    const { method = 'GET', scheme = 'http', path: target = '/', ...request } = sent;
    heard.exchange = this.service.begin(
      {
        actor: { component: 'shop/cart', group: 'shop/cart@1' },
        http: new HttpAuthority('shop', [grant], []),
        mirrored: false,
        ...asker,
      },
      {
        flags: 0,
        seat: 1,
        call: 7,
        timeouts: { connectMs: 0, firstByteMs: 0, betweenBytesMs: 0 },
        headers: [],
        hasBody: false,
        ...request,
        asked: { method, scheme, authority, path: target },
      },
      heard,
    );
    return heard;
  }

  async send(authority: string, sent: Sent = {}): Promise<Heard> {
    const heard = this.begin(authority, sent);
    await heard.over.promise;
    return heard;
  }

  lines(): string[] {
    return this.records.drain(0, true).map(lineOf);
  }
}

export async function sendTo(port: number, sent: Sent = {}, more: Partial<HttpServiceOptions> = {}): Promise<Heard> {
  return new Fixture([port], undefined, more).send(`127.0.0.1:${port}`, sent);
}
