/**
 * One request to a server that nobody vouches for: the answer, whole and within its bounds, or why not.
 *
 * F1 https only; the certificate is checked; no proxy and nothing else of the daemon's environment.
 * F2 A server that the host's configuration does not name has a public address, or is not connected to.
 * F3 Every answer has a deadline, a cap in bytes and a least rate: a drip, an endless body and a silent head are cut.
 * F4 No content-encoding is accepted: what is counted is what was sent, and nothing here can blow up.
 * F5 Nothing of a query, a header or a body of the request reaches a message.
 */
import { isIP } from 'node:net';
import { Client, type Dispatcher } from 'undici';
import { err, ok, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import { authoritiesOf, type HostSettings } from './hosts.ts';
import type { FetchLimits } from './limits.ts';
import { isPublicAddress, lookupPublic, NotPublic } from './public-address.ts';

export interface Ask {
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** A form that is posted; without it the request is a GET. */
  readonly form?: URLSearchParams;
  readonly maxBytes: number;
  readonly settings: HostSettings | undefined;
  readonly limits: FetchLimits;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Empty for a redirect. */
  readonly bytes: Uint8Array;
}

type Cut = 'Head' | 'Deadline' | 'Rate' | 'Size' | 'Stopped';

/** `host/path`, without the query, which may be a secret. */
export function placeOf(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`.slice(0, 500);
}

/** @returns the answer whatever its status is; a problem only where there is no whole answer. */
export async function ask(request: Ask): Promise<Result<Answer, Problem>> {
  const { url, settings, limits } = request;
  if (url.protocol !== 'https:' || url.username !== '' || url.password !== '') {
    return err(problem('HW2401', `${placeOf(url)} is not an https address without credentials in it`));
  }
  const literal = url.hostname.replace(/^\[|\]$/g, '');
  if (!settings && isIP(literal) !== 0 && !isPublicAddress(literal)) {
    return err(notPublic(url, `${literal} is not a public address`));
  }
  const authorities = authoritiesOf(settings);
  if (!authorities.ok) return authorities;
  const client = new Client(url.origin, {
    allowH2: false,
    connect: {
      timeout: limits.connectMs,
      ...(authorities.value === undefined ? {} : { ca: authorities.value }),
      ...(settings ? {} : { lookup: lookupPublic }),
    },
    // Ours are sharper: they count from the request, and a byte now and then does not put them off.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 32 * 2 ** 10,
  });
  try {
    return await answerOf(client, request);
  } finally {
    await client.destroy().catch(() => undefined);
  }
}

async function answerOf(client: Client, request: Ask): Promise<Result<Answer, Problem>> {
  const { url, limits, maxBytes, signal } = request;
  const stop = new AbortController();
  let cut: Cut | undefined;
  const give = (why: Cut) => (): void => {
    cut ??= why;
    stop.abort();
  };
  const onStopped = give('Stopped');
  signal.addEventListener('abort', onStopped, { once: true });
  if (signal.aborted) onStopped();
  const deadline = setTimeout(give('Deadline'), limits.answerMs);
  const head = setTimeout(give('Head'), limits.headMs);
  let rate: NodeJS.Timeout | undefined;
  try {
    const response = await client.request(requestOf(request, stop.signal));
    clearTimeout(head);
    const { statusCode: status, headers } = response;
    if (isRedirect(status)) return ok({ status, headers, bytes: new Uint8Array() });
    const encoded = headers['content-encoding'];
    if (encoded !== undefined && encoded !== 'identity') {
      return err(problem('HW2409', `${placeOf(url)} answers with a content-encoding, which was not asked for`));
    }
    const announced = Number(headers['content-length'] ?? 0);
    if (announced > maxBytes) return err(tooLarge(url, maxBytes));
    const chunks: Buffer[] = [];
    let bytes = 0;
    let seen = 0;
    rate = setInterval(() => {
      if (bytes - seen < limits.rateBytes) give('Rate')();
      seen = bytes;
    }, limits.rateSpanMs);
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        give('Size')();
        break;
      }
      chunks.push(chunk);
    }
    if (cut) return err(problemOfCut(cut, request));
    return ok({ status, headers, bytes: Buffer.concat(chunks) });
  } catch (error) {
    return err(cut ? problemOfCut(cut, request) : problemOfError(error, request));
  } finally {
    clearTimeout(deadline);
    clearTimeout(head);
    clearInterval(rate);
    signal.removeEventListener('abort', onStopped);
    stop.abort();
  }
}

function requestOf({ url, headers, form }: Ask, signal: AbortSignal): Dispatcher.RequestOptions {
  return {
    method: form ? 'POST' : 'GET',
    path: `${url.pathname}${url.search}`,
    headers: {
      'user-agent': 'headway',
      'accept-encoding': 'identity',
      ...(form ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
      ...headers,
    },
    ...(form ? { body: form.toString() } : {}),
    signal,
  };
}

export function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

function problemOfCut(cut: Cut, { url, limits, maxBytes }: Ask): Problem {
  const place = placeOf(url);
  switch (cut) {
    case 'Size':
      return tooLarge(url, maxBytes);
    case 'Head':
      return problem('HW2405', `${place} did not begin its answer within ${limits.headMs} ms`);
    case 'Rate':
      return problem('HW2405', `${place} sent fewer than ${limits.rateBytes} bytes in ${limits.rateSpanMs} ms`);
    case 'Deadline':
      return problem('HW2405', `${place} was not done within ${limits.answerMs} ms`);
    case 'Stopped':
      return problem('HW2405', `the fetch of ${place} was stopped: nobody waits for it any more`);
  }
}

function tooLarge(url: URL, maxBytes: number): Problem {
  return problem('HW2002', `${placeOf(url)} sends more than the ${maxBytes} bytes that are accepted`);
}

function notPublic(url: URL, why: string): Problem {
  return problem('HW2410', `${placeOf(url)} is not fetched: ${why}`);
}

const TLS = /^(CERT_|ERR_TLS|ERR_SSL|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|EPROTO|HOSTNAME_MISMATCH|INVALID_CA)/;
const NONSENSE = /^(HPE_|UND_ERR_(HEADERS_OVERFLOW|RES_|INFO|NOT_SUPPORTED|RESPONSE))/;

function problemOfError(error: unknown, { url }: Ask): Problem {
  const { code, message } = innermost(error);
  const said = `${placeOf(url)}: ${message.slice(0, 300)}`;
  if (error instanceof NotPublic) return notPublic(url, error.message);
  if (TLS.test(code)) return problem('HW2408', `the certificate or TLS of ${said}`);
  if (NONSENSE.test(code) || (error instanceof Error && error.name === 'HTTPParserError'))
    return problem('HW2409', `no answer in HTTP from ${said}`);
  return problem('HW2402', `no whole answer from ${said}${code ? ` (${code})` : ''}`);
}

/** Of an attempt at several addresses each has its own error; the first tells enough. */
function innermost(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof AggregateError && error.errors.length > 0) return innermost(error.errors[0]);
  if (!(error instanceof Error)) return { code: '', message: String(error) };
  const code = (error as NodeJS.ErrnoException).code;
  return { code: typeof code === 'string' ? code : '', message: error.message };
}
