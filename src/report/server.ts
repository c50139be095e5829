/**
 * The status address: what the daemon knows, for people and machines. Reads, never writes.
 *
 * 1. Everything but GET and HEAD is 405. The one exception, when configured, is the webhook, which carries no state.
 * 2. Nothing here waits for the loop: a status is a value that is there.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { Clock } from '../kit/clock.ts';
import { err, ok, type Result } from '../kit/result.ts';
import { entryKey, type EntryKey } from '../model/component.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { StatusSource } from '../reconcile/ports.ts';
import { readAssets, type Asset } from './assets.ts';
import { EventStream } from './events.ts';
import { Hook, type HookOptions } from './hook.ts';
import { HostCheck } from './host.ts';
import { DEFAULT_REPORT_LIMITS, type ReportLimits } from './limits.ts';
import { Metrics, type MetricsSource } from './metrics.ts';
import { openApiOf, type OpenApiInputs } from './openapi/document.ts';
import { json, send, text, type Answer } from './response.ts';

export interface ReportOptions {
  readonly statusSource: StatusSource;
  readonly metricsSource: MetricsSource;
  readonly clock: Clock;
  readonly log: Logger;
  /** Port 0: any that is free. */
  readonly address: { readonly host: string; readonly port: number };
  /** Names under which the address may be asked for; see `HostCheck`. */
  readonly hosts?: readonly string[];
  /** What the OpenAPI document of an entry is made from; `undefined` where there is no such entry, or nothing serves. */
  readonly openApi?: (key: EntryKey) => Promise<Result<OpenApiInputs, Problem> | undefined>;
  /** Absent: `/hooks/git` is 404. */
  readonly webhook?: HookOptions;
  readonly limits?: Partial<ReportLimits>;
}

export interface Report {
  /** For the loop to tell of its rounds. */
  readonly metrics: Metrics;
  listen(): Promise<Result<{ readonly host: string; readonly port: number; readonly url: string }, Problem>>;
  /** Ends the streams, answers what is being answered, and lets go of the address. */
  close(): Promise<void>;
}

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 5_000;
const MAX_HEADER_BYTES = 16 * 2 ** 10;
const HOOK_PATH = '/hooks/git';
const ENTRY_PATH = /^\/api\/v1\/entries\/([a-z0-9][-a-z0-9]{0,62})\/([a-z0-9][-a-z0-9]{0,62})$/;

const OPENAPI_PATH = /^\/api\/v1\/openapi\/([a-z0-9][-a-z0-9]{0,62})\/([a-z0-9][-a-z0-9]{0,62})$/;

export function createReport(options: ReportOptions): Report {
  return new HttpReport(options);
}

class HttpReport implements Report {
  readonly metrics: Metrics;
  readonly #options: ReportOptions;
  readonly #server: Server;
  readonly #events: EventStream;
  readonly #hook: Hook | undefined;
  readonly #hostCheck: HostCheck;
  readonly #assets: ReadonlyMap<string, Asset>;

  constructor(options: ReportOptions) {
    const limits = { ...DEFAULT_REPORT_LIMITS, ...options.limits };
    const { clock, log, statusSource, webhook } = options;
    this.#options = options;
    this.metrics = new Metrics(statusSource, options.metricsSource, clock);
    this.#events = new EventStream(statusSource, clock, limits);
    this.#hook = webhook && new Hook(webhook, clock, limits, log);
    this.#hostCheck = new HostCheck(options.address.host, options.hosts);
    this.#assets = readAssets();
    this.#server = createServer(
      { maxHeaderSize: MAX_HEADER_BYTES, keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: REQUEST_TIMEOUT_MS },
      (request, response) => this.#handle(request, response),
    );
    this.#server.headersTimeout = HEADERS_TIMEOUT_MS;
    this.#server.maxConnections = limits.connections;
  }

  listen(): ReturnType<Report['listen']> {
    const { host, port } = this.#options.address;
    return new Promise((resolve) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        const why = error.code === 'EADDRINUSE' ? 'another process listens there' : error.message;
        resolve(err(problem('HW5030', `cannot listen on ${host}:${port} for status: ${why}`)));
      });
      this.#server.listen(port, host, () => {
        const bound = this.#server.address() as AddressInfo;
        const inUrl = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
        resolve(ok({ host: bound.address, port: bound.port, url: `http://${inUrl}:${bound.port}` }));
      });
    });
  }

  async close(): Promise<void> {
    this.#events.close();
    this.metrics.close();
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    this.#server.closeIdleConnections();
    const cancel = this.#options.clock.after(KEEP_ALIVE_MS, () => this.#server.closeAllConnections());
    await closed;
    cancel();
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    // What is not read would stay in the connection and be taken for the next request.
    const path = (request.url ?? '/').replace(/[?#].*$/s, '');
    if (path === HOOK_PATH && this.#hook && request.method === 'POST') return this.#hook.accept(request, response);
    request.resume();
    if (!this.#hostCheck.allows(request.headers.host)) {
      return send(request, response, text(421, 'this address does not answer to that name'));
    }
    const allowed = path === HOOK_PATH && this.#hook ? ['POST'] : ['GET', 'HEAD'];
    if (!allowed.includes(request.method ?? '')) {
      const allow = allowed.join(', ');
      return send(request, response, json(405, { error: 'the only way in is git' }, { allow }));
    }
    if (path === '/api/v1/events') return this.#events.accept(request, response);
    this.#answer(path, request).then(
      (answer) => send(request, response, answer),
      (error: unknown) => {
        this.#options.log.error({ err: error, path }, 'a request to the status address failed');
        send(request, response, json(500, { error: 'this is a bug of Headway; its log says more' }));
      },
    );
  }

  async #answer(path: string, request: IncomingMessage): Promise<Answer> {
    const asset = this.#assets.get(path);
    if (asset) return answerAsset(asset, request);
    const { statusSource } = this.#options;
    switch (path) {
      case '/healthz':
        return text(200, 'ok');
      case '/readyz': {
        const { ready } = statusSource.status();
        return ready ? text(200, 'ready') : text(503, 'not ready: the last good state is not yet served');
      }
      case '/metrics':
        return { status: 200, type: this.metrics.contentType, body: await this.metrics.text() };
      case '/api/v1/state':
        return json(200, statusSource.status());
      default:
        return OPENAPI_PATH.test(path) ? this.#answerOpenApi(path) : this.#answerEntry(path);
    }
  }

  async #answerOpenApi(path: string): Promise<Answer> {
    const [, namespace = '', name = ''] = OPENAPI_PATH.exec(path)!;
    const inputs = await this.#options.openApi?.(entryKey(namespace, name));
    if (!inputs) return json(404, { error: `nothing of ${namespace}/${name} serves`, code: 'HW4546' });
    if (!inputs.ok) return json(503, { error: inputs.error.message, code: inputs.error.code });
    return json(200, openApiOf(inputs.value));
  }

  #answerEntry(path: string): Answer {
    const match = ENTRY_PATH.exec(path);
    if (!match) return json(404, { error: 'there is nothing here', see: ['/', '/api/v1/state', '/metrics'] });
    const key = `${match[1]}/${match[2]}`;
    const entry = this.#options.statusSource.status().entries.find((candidate) => candidate.key === key);
    return entry ? json(200, entry) : json(404, { error: `there is no entry ${key}` });
  }
}

function answerAsset(asset: Asset, request: IncomingMessage): Answer {
  const headers = { etag: asset.etag, 'cache-control': 'no-cache' };
  if (request.headers['if-none-match'] === asset.etag) return { status: 304, type: asset.type, body: '', headers };
  return { status: 200, type: asset.type, body: asset.body, headers };
}
