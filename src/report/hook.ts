/**
 * `POST /hooks/git`: a git host says that something was pushed. The delivery is a hint to look and nothing else: of several
 * repositories it chooses which is looked at, so a forged or replayed one could at worst make the daemon look.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Clock } from '../kit/clock.ts';
import { addressOf, repositoriesIn } from './hook-repository.ts';
import { isAuthentic } from './hook-signature.ts';
import type { ReportLimits } from './limits.ts';
import { json, send } from './response.ts';

export interface HookOptions {
  readonly secret: string;
  /** "Look again", said to the repository that the delivery names: `isMeant` tells whether an address is that one. */
  hint(isMeant: (repository: string) => boolean): void;
}

export class Hook {
  readonly #options: HookOptions;
  readonly #clock: Clock;
  readonly #limits: ReportLimits;
  readonly #log: Logger;
  /** A bucket of `hookBurst` places, one of which comes back every `hookRefillMs`. */
  #places: number;
  #refilledAtMs: number;

  constructor(options: HookOptions, clock: Clock, limits: ReportLimits, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#limits = limits;
    this.#log = log;
    this.#places = limits.hookBurst;
    this.#refilledAtMs = clock.now().monotonicMs;
  }

  accept(request: IncomingMessage, response: ServerResponse): void {
    if (!this.#takePlace()) {
      request.resume();
      return send(request, response, json(429, { error: 'too many deliveries' }, { 'retry-after': '1' }));
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= this.#limits.hookBodyBytes) chunks.push(chunk);
      else chunks.length = 0;
      if (bytes <= this.#limits.hookBodyBytes || response.headersSent) return;
      const error = `a delivery has at most ${this.#limits.hookBodyBytes} bytes`;
      send(request, response, json(413, { error }, { connection: 'close' }));
    });
    request.on('end', () => {
      if (!response.headersSent) this.#judge(request, response, Buffer.concat(chunks));
    });
    // A sender that goes away in the middle has said nothing.
    request.on('error', () => undefined);
  }

  #judge(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    if (!isAuthentic(request.headers, body, this.#options.secret, this.#clock.now().wallMs)) {
      this.#log.warn({ from: request.socket.remoteAddress }, 'refused a webhook delivery without a valid signature');
      return send(request, response, json(401, { error: 'no valid signature' }));
    }
    const named = repositoriesIn(body);
    this.#options.hint((repository) => named.has(addressOf(repository) ?? ''));
    send(request, response, json(202, { accepted: true }));
  }

  #takePlace(): boolean {
    const { monotonicMs } = this.#clock.now();
    const back = Math.floor((monotonicMs - this.#refilledAtMs) / this.#limits.hookRefillMs);
    if (back > 0) {
      this.#places = Math.min(this.#limits.hookBurst, this.#places + back);
      this.#refilledAtMs += back * this.#limits.hookRefillMs;
    }
    if (this.#places === 0) return false;
    this.#places -= 1;
    return true;
  }
}
