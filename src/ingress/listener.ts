/**
 * node:http, set up so that nothing has to be trusted: bounds in bytes, in time and in connections, and an answer of our
 * own for everything that never becomes a request.
 */
import { createServer, IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { answerBody, REFUSALS, type Answer } from './answers.ts';
import { Exchange } from './exchange.ts';

export interface ListenerLimits {
  /** From the first byte of a connection or request to the end of its head. */
  readonly headersTimeoutMs: number;
  /** To the end of its body. */
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  /** A client that takes nothing of what is written for it. */
  readonly stallTimeoutMs: number;
  /** How often the first two are looked at. */
  readonly timeoutCheckMs: number;
  readonly maxHeadBytes: number;
  readonly maxConnections: number;
}

export const DEFAULT_LISTENER_LIMITS: ListenerLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 65_000,
  stallTimeoutMs: 60_000,
  timeoutCheckMs: 1_000,
  maxHeadBytes: 32 * 1024,
  maxConnections: 16_384,
};

export type Listener = Server<typeof IncomingMessage, typeof Exchange>;

export interface ListenerEvents {
  onRequest(request: IncomingMessage, exchange: Exchange): void;
  /** The client waits for a 100 before it sends the body. */
  onRequestWithExpectation(request: IncomingMessage, exchange: Exchange): void;
  onUnmetExpectation(request: IncomingMessage, exchange: Exchange): void;
}

export function createListener(limits: ListenerLimits, events: ListenerEvents): Listener {
  const server = createServer(
    {
      IncomingMessage,
      ServerResponse: Exchange,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: limits.timeoutCheckMs,
      maxHeaderSize: limits.maxHeadBytes,
      insecureHTTPParser: false,
      requireHostHeader: true,
      noDelay: true,
    },
    (request, exchange) => events.onRequest(request, exchange),
  );
  // Node would drop headers over a number without a word; the head is bounded in bytes, and we count.
  server.maxHeadersCount = 0;
  server.maxConnections = limits.maxConnections;
  server.timeout = limits.stallTimeoutMs;
  server.on('timeout', endIdle);
  server.on('checkContinue', (request, exchange) => events.onRequestWithExpectation(request, exchange));
  server.on('checkExpectation', (request, exchange) => events.onUnmetExpectation(request, exchange));
  server.on('connect', (_request, socket) => refuse(socket, REFUSALS.NotOffered));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => refuse(socket, answerOfError(error.code)));
  return server;
}

/**
 * Nothing has moved on a connection: for `keepAliveTimeoutMs` between requests, else for `stallTimeoutMs`. While a guest
 * works that is no fault of the client's, unless it does not take what is already written for it.
 */
function endIdle(socket: Socket): void {
  if (presentExchange(socket) === undefined || socket.writableLength > 0) socket.destroy();
}

/** By Node's own mark of the response that a connection is at. */
function presentExchange(socket: Duplex): Exchange | undefined {
  const present = (socket as { _httpMessage?: unknown })._httpMessage;
  return present instanceof Exchange ? present : undefined;
}

function answerOfError(code: string | undefined): Answer {
  if (code === 'HPE_HEADER_OVERFLOW') return REFUSALS.TooManyHeaders;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return REFUSALS.RequestTimeout;
  return REFUSALS.BadRequest;
}

/** Answers what is not a request, or not the rest of one, and ends the connection. */
function refuse(socket: Duplex, answer: Answer): void {
  const exchange = presentExchange(socket);
  if (exchange !== undefined) {
    if (!exchange.req.complete) exchange.refuseMidway(answer);
    else endAfter(exchange);
    return;
  }
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = answerBody(answer, {});
  const head = [
    `HTTP/1.1 ${answer.status} ${answer.reason}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/** The fault is behind a good request, which still gets its answer. */
function endAfter(exchange: Exchange): void {
  exchange.shouldKeepAlive = false;
  const { socket } = exchange.req;
  exchange.once('finish', () => socket.destroySoon());
}
