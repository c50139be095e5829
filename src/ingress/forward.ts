/**
 * Requests for what another engine of this node alone has: handed over to it as they came, by HTTP over a unix socket, and
 * answered with what it answers (ADR 0126). It routes, waits, counts and keeps the deadline; nothing of that is done twice.
 *
 * Invariants
 * W1 Who asked is told in the first header of a head, which only the inner listener takes: what a client sends under that
 *    name is one of its own headers and stands behind it.
 * W2 A request is sent a second time only where its method is idempotent, its body is here, and a connection that had been
 *    idle broke under it (D2).
 * W3 Whoever goes away first ends the other side: a client its call, the other engine the client's connection.
 */
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { pairsOf } from '../wire/header-text.ts';
import { REFUSALS } from './answers.ts';
import type { Exchange } from './exchange.ts';
import { IDEMPOTENT } from './idempotent.ts';
import type { Request } from './request.ts';

export const CLIENT_HEADER = 'x-headway-client';
/** The other engine keeps the deadline; one that does not answer by then is stuck. */
const STUCK_AFTER_MS = 5_000;
const MAX_FREE_CONNECTIONS = 256;
/** Of a response, what belongs to the connection between the engines. */
const OF_CONNECTION: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'transfer-encoding']);

export class Forward {
  readonly #agent: http.Agent;

  constructor(connect: () => Socket) {
    this.#agent = new http.Agent({ keepAlive: true, maxFreeSockets: MAX_FREE_CONNECTIONS });
    this.#agent.createConnection = connect;
  }

  close(): void {
    this.#agent.destroy();
  }

  send(exchange: Exchange): void {
    const { req } = exchange;
    const upstream = http.request({
      agent: this.#agent,
      method: req.method!,
      path: req.url!,
      headers: headersOf(req),
      setHost: false,
      timeout: exchange.rule!.rule.requestTimeoutMs + STUCK_AFTER_MS,
    });
    exchange.once('close', () => upstream.destroy());
    upstream.on('timeout', () => upstream.destroy(new Error('it does not answer')));
    upstream.on('error', (error) => this.#onError(exchange, upstream, error));
    upstream.on('response', (response) => relay(exchange, response));
    upstream.on('continue', () => {
      exchange.writeContinue();
      pass(req, upstream);
    });
    if (!exchange.hasStreamedBody) return void upstream.end(exchange.body);
    // The other engine may have an answer before the client sends anything of the body.
    upstream.flushHeaders();
    if (!exchange.awaitsContinue) pass(req, upstream);
  }

  #onError(exchange: Exchange, upstream: ClientRequest, error: NodeJS.ErrnoException): void {
    if (exchange.isClientGone) return;
    if (exchange.headersSent) {
      exchange.req.socket.destroy();
      return;
    }
    exchange.req.unpipe(upstream);
    const mayTryAgain = upstream.reusedSocket && !exchange.retried && !exchange.hasStreamedBody;
    if (mayTryAgain && IDEMPOTENT.has(exchange.req.method!)) {
      exchange.retried = true;
      this.send(exchange);
      return;
    }
    const wasSent = upstream.socket !== null && !upstream.socket.connecting && error.syscall !== 'connect';
    exchange.answer(wasSent ? REFUSALS.EngineLost : REFUSALS.EngineAway, error.message);
  }
}

/** The body, and its trailers as the client sent them: the other engine judges them. */
function pass(req: IncomingMessage, upstream: ClientRequest): void {
  req.pipe(upstream, { end: false });
  req.on('end', () => {
    if (upstream.destroyed) return;
    const trailers = pairsOf(req.rawTrailers);
    if (trailers.length > 0) upstream.addTrailers(trailers);
    upstream.end();
  });
}

/** As the client sent them: the other engine reads them as it reads any. */
function headersOf(req: IncomingMessage): string[] {
  const headers = [CLIENT_HEADER, (req as Request).clientAddress];
  const { rawHeaders } = req;
  let hasHost = false;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase();
    hasHost ||= name === 'host';
    const value = name === 'connection' ? namedBy(rawHeaders[index + 1]!) : rawHeaders[index + 1]!;
    if (name !== 'connection' || value !== '') headers.push(rawHeaders[index]!, value);
  }
  // HTTP/1.0 needs none, and between the engines it is 1.1.
  if (!hasHost) headers.push('host', '');
  return headers;
}

/** The headers that `Connection` takes along; whether the client's own is kept is not the other engine's affair. */
function namedBy(connection: string): string {
  return connection
    .split(',')
    .map((option) => option.trim())
    .filter((option) => !['', 'close', 'keep-alive'].includes(option.toLowerCase()))
    .join(', ');
}

function relay(exchange: Exchange, response: IncomingMessage): void {
  if (exchange.isClientGone || exchange.headersSent) return void response.resume();
  const headers: string[] = [];
  const { rawHeaders } = response;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (!OF_CONNECTION.has(rawHeaders[index]!.toLowerCase())) headers.push(rawHeaders[index]!, rawHeaders[index + 1]!);
  }
  if (exchange.owner!.isClosing) exchange.shouldKeepAlive = false;
  // It reads no more of the request (X3).
  if (response.headers.connection === 'close') exchange.endWithAnswer();
  exchange.writeHead(response.statusCode!, headers);
  exchange.flushHeaders();
  response.pipe(exchange, { end: false });
  response.on('end', () => {
    const trailers = pairsOf(response.rawTrailers);
    if (trailers.length > 0 && exchange.acceptsTrailers) exchange.addTrailers(trailers);
    exchange.end();
    // What is left of a body that the other engine did not want.
    if (exchange.hasStreamedBody) exchange.discardBody();
  });
  response.on('close', () => {
    // X1: the client must see that this is not the whole response.
    if (!response.complete) exchange.req.socket.destroy();
  });
}

/** W1: takes the first header off; `undefined` where it is another, which no engine of ours sends. */
export function takeClient({ rawHeaders }: IncomingMessage): string | undefined {
  if (rawHeaders[0]?.toLowerCase() !== CLIENT_HEADER) return undefined;
  const [, client] = rawHeaders.splice(0, 2);
  return client;
}
