/**
 * One request to a receiver that the host names.
 *
 * C1 https, or http to this machine itself; the host was named in runtime.yaml, so its address may be any.
 * C2 No redirect is followed: whoever moved has to be written down again, because credentials go along.
 * C3 An answer has a deadline and a cap; what is larger is cut and only its status counts.
 * C4 Whether it may have arrived although there was no answer is said: the next try then asks first.
 * C5 No credentials, no query and no header of ours in a message.
 */
import { readFileSync } from 'node:fs';
import { Client } from 'undici';
import type { Delivered, OutboxProblem } from '../../model/report.ts';
import { problem } from '../../model/problem.ts';
import type { Code } from '../../model/codes.ts';

const CONNECT_MS = 10_000;
const MAX_ANSWER_BYTES = 512 * 2 ** 10;
const MAX_QUOTED_CHARACTERS = 200;

export interface Receiver {
  /** Without a slash at its end. */
  readonly url: string;
  /** Asked before each request, so that a rotated secret is taken up. */
  readonly headers: () => Readonly<Record<string, string>>;
  /** PEM file of the authorities of its certificate, instead of the system's. */
  readonly caFile?: string;
  /** From the start of a request to the end of its answer. */
  readonly deadlineMs: number;
}

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  /** Behind the receiver's address; begins with a slash, or is empty. */
  readonly path: string;
  /** Sent as it is, as JSON. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** A `Delivered` where there is no answer. */
export type Answer = { readonly answer: Answered } | { readonly failed: Delivered };

const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

export async function callReceiver(receiver: Receiver, call: Call, ending: AbortSignal): Promise<Answer> {
  const url = new URL(`${receiver.url}${call.path}`);
  const place = placeOf(url);
  let ca: string | undefined;
  try {
    ca = receiver.caFile === undefined ? undefined : readFileSync(receiver.caFile, 'utf8');
  } catch (error) {
    return { failed: retry('HW5080', `${place}: the CA file cannot be read: ${(error as Error).message}`, false) };
  }
  const client = new Client(url.origin, {
    allowH2: false,
    connect: { timeout: CONNECT_MS, ...(ca === undefined ? {} : { ca }) },
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 32 * 2 ** 10,
  });
  const signal = AbortSignal.any([ending, AbortSignal.timeout(receiver.deadlineMs)]);
  try {
    const { statusCode, headers, body } = await client.request({
      method: call.method,
      path: `${url.pathname}${url.search}`,
      headers: {
        'user-agent': 'headway',
        accept: 'application/json',
        'accept-encoding': 'identity',
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...receiver.headers(),
        ...call.headers,
      },
      ...(call.body === undefined ? {} : { body: call.body }),
      signal,
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) break;
      chunks.push(chunk);
    }
    return { answer: { status: statusCode, headers, text: Buffer.concat(chunks).toString('utf8') } };
  } catch (error) {
    const { code, message } = innermost(error);
    const said = signal.aborted
      ? `no whole answer in ${receiver.deadlineMs} ms`
      : message.slice(0, MAX_QUOTED_CHARACTERS);
    const isSent = !NOT_SENT.has(code) && !/^(CERT_|ERR_TLS|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code);
    return { failed: retry('HW5080', `${place}: ${said}${code ? ` (${code})` : ''}`, isSent) };
  } finally {
    await client.destroy().catch(() => undefined);
  }
}

/** What an answer means that is not one of success; undefined for 2xx. */
export function failureOf({ status, headers, text }: Answered, place: string, nowMs: number): Delivered | undefined {
  if (status >= 200 && status < 300) return undefined;
  const said = `${place} answers ${status}: ${quote(text)}`;
  if (status >= 300 && status < 400) return retry('HW5084', `${place} redirects (${status})`, false);
  const afterMs = pauseOf(headers, nowMs);
  const isLimited = status === 429 || (status === 403 && afterMs !== undefined);
  if (isLimited) return { ...retry('HW5083', said, false), ...(afterMs === undefined ? {} : { afterMs }) };
  if (status === 401 || status === 403) return retry('HW5081', said, false);
  if (status >= 500 || status === 408 || status === 425) {
    return { ...retry('HW5080', said, true), ...(afterMs === undefined ? {} : { afterMs }) };
  }
  return { type: 'Refused', problem: outboxProblem('HW5082', said) };
}

/** `Retry-After` (RFC 9110 §10.2.3), or the end of the window of a limit that is used up. */
function pauseOf(headers: Answered['headers'], nowMs: number): number | undefined {
  const after = headers['retry-after'];
  if (typeof after === 'string') {
    const ms = /^\d{1,9}$/.test(after) ? Number(after) * 1_000 : Date.parse(after) - nowMs;
    if (Number.isFinite(ms)) return Math.max(0, ms);
  }
  const remaining = headers['x-ratelimit-remaining'] ?? headers['ratelimit-remaining'];
  const reset = Number(headers['x-ratelimit-reset'] ?? headers['ratelimit-reset']);
  return remaining === '0' && Number.isFinite(reset) ? Math.max(0, reset * 1_000 - nowMs) : undefined;
}

export function nonsense(place: string, what: string): Delivered {
  return retry('HW5085', `${place}: ${what}`, true);
}

function retry(code: Code, message: string, unsure: boolean): Extract<Delivered, { type: 'Retry' }> {
  return { type: 'Retry', problem: outboxProblem(code, message), unsure };
}

export function outboxProblem(code: Code, message: string): OutboxProblem {
  const { remedy } = problem(code, message);
  return { code, message: `${message}. ${remedy}` };
}

/** `host/path`, without the query. */
export function placeOf(url: URL): string {
  return `${url.host}${url.pathname}`.slice(0, 300);
}

/** The first words of an answer, or of its `message`. */
function quote(text: string): string {
  const message = (jsonOf(text) as { message?: unknown } | undefined)?.message;
  // oxlint-disable-next-line no-control-regex
  const said = (typeof message === 'string' ? message : text).replaceAll(/[\u0000-\u001f\u007f]+/g, ' ').trim();
  return said.slice(0, MAX_QUOTED_CHARACTERS) || 'nothing';
}

export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function innermost(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof AggregateError && error.errors.length > 0) return innermost(error.errors[0]);
  if (!(error instanceof Error)) return { code: '', message: String(error) };
  const { code } = error as NodeJS.ErrnoException;
  return { code: typeof code === 'string' ? code : '', message: error.message };
}
