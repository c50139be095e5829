/**
 * node:http, set up so that nothing has to be trusted: bounds in bytes, in time and in connections, and an answer of our
 * own for everything that never becomes a request.
 */
import { createServer, STATUS_CODES, type Server } from 'node:http';
import { Server as NetServer, type AddressInfo, type ListenOptions, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { err, ok, type Result } from '../kit/result.ts';
import { answerBody, REFUSALS, type Answer } from './answers.ts';
import { Exchange, isAnswered, presentExchange } from './exchange.ts';
import { Request } from './request.ts';

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

export interface ListenerEvents {
  onRequest(request: Request, exchange: Exchange): void;
  /** The client waits for a 100 before it sends the body. */
  onRequestWithExpectation(request: Request, exchange: Exchange): void;
  onUnmetExpectation(request: Request, exchange: Exchange): void;
}

export class Listener {
  readonly #server: Server<typeof Request, typeof Exchange>;
  readonly #connections = new Set<Socket>();

  /** @param Response a kind of exchange, where it is not the usual one. */
  constructor(limits: ListenerLimits, events: ListenerEvents, Response: typeof Exchange = Exchange) {
    const server = createServer(
      {
        IncomingMessage: Request,
        ServerResponse: Response,
        headersTimeout: limits.headersTimeoutMs,
        requestTimeout: limits.requestTimeoutMs,
        keepAliveTimeout: limits.keepAliveTimeoutMs,
        connectionsCheckingInterval: limits.timeoutCheckMs,
        maxHeaderSize: limits.maxHeadBytes,
        insecureHTTPParser: false,
        // `RequestFacts` refuses a head without one, and says why; Node would answer without a body.
        requireHostHeader: false,
        noDelay: true,
        // One without a body is at its end at once, without the events of a stream that nobody reads.
        optimizeEmptyRequests: true,
      },
      (request, exchange) => events.onRequest(request, exchange),
    );
    server.maxConnections = limits.maxConnections;
    server.timeout = limits.stallTimeoutMs;
    server.on('connection', (socket: Socket) => this.#hold(socket));
    server.on('timeout', endIdle);
    server.on('checkContinue', (request, exchange) => events.onRequestWithExpectation(request, exchange));
    server.on('checkExpectation', (request, exchange) => events.onUnmetExpectation(request, exchange));
    server.on('connect', (_request, socket) => refuse(socket, REFUSALS.NotOffered));
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => refuse(socket, answerOfError(error.code)));
    this.#server = server;
  }

  /** Resolves with where it listens, or with why it does not. `onError` hears of what goes wrong afterwards. */
  open(at: ListenOptions, onError: (error: Error) => void): Promise<Result<AddressInfo, NodeJS.ErrnoException>> {
    const server = this.#server;
    return new Promise((resolve) => {
      const onFailure = (error: NodeJS.ErrnoException): void => resolve(err(error));
      server.once('error', onFailure);
      server.listen(at, () => {
        server.off('error', onFailure);
        server.on('error', onError);
        resolve(ok(server.address() as AddressInfo));
      });
    });
  }

  /** On a unix socket. Rejects where it cannot be made. */
  openPath(path: string, onError: (error: Error) => void): Promise<void> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => {
        server.off('error', reject);
        server.on('error', onError);
        resolve();
      });
    });
  }

  /**
   * Accepts nothing more, and resolves when the last connection has ended: idle ones now, others after the response that
   * they are at (the exchange sees to it), all of them at the deadline. Node's own `close` takes a connection for idle
   * whose response is written and not yet sent, and would cut it off.
   */
  drain(deadlineMs: number): Promise<{ readonly wasCutOff: boolean }> {
    const server = this.#server;
    return new Promise((resolve) => {
      let wasCutOff = false;
      const deadline = setTimeout(() => {
        wasCutOff = true;
        server.closeAllConnections();
      }, deadlineMs);
      NetServer.prototype.close.call(server, () => {
        clearTimeout(deadline);
        // For the timer in it that looks for slow clients.
        server.close(() => undefined);
        resolve({ wasCutOff });
      });
      for (const socket of this.#connections) {
        if (presentExchange(socket) === undefined && socket.writableLength === 0) socket.destroy();
      }
    });
  }

  #hold(socket: Socket): void {
    this.#connections.add(socket);
    socket.on('close', () => this.#connections.delete(socket));
  }
}

/**
 * Nothing has moved on a connection: for `keepAliveTimeoutMs` between requests, else for `stallTimeoutMs`. While a guest
 * works that is no fault of the client's, unless it does not take what is already written for it.
 */
function endIdle(socket: Socket): void {
  if (presentExchange(socket) === undefined || socket.writableLength > 0) socket.destroy();
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
  if (!socket.writable || isAnswered(socket)) {
    socket.destroy();
    return;
  }
  const body = answerBody(answer, {});
  const head = [
    `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}`,
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
