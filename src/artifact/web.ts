/** `https:` artifacts: one file, known by its digest. */
import { digestOfBytes, short, type Digest } from '../kit/digest.ts';
import { err, ok, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import { ask, isRedirect, placeOf, type Answer } from './ask.ts';
import { authorizationOf, settingsFor, type HostSettings } from './hosts.ts';
import type { FetchLimits } from './limits.ts';

export interface Access {
  readonly hosts: readonly HostSettings[];
  readonly limits: FetchLimits;
}

/**
 * The bytes behind a URL. Redirects are followed within the same origin only: policy and credentials speak of one host,
 * and a digest says nothing about whom we asked.
 */
export async function fetchFile(
  text: string,
  access: Access,
  signal: AbortSignal,
): Promise<Result<Uint8Array, Problem>> {
  let url = URL.parse(text);
  if (!url) return err(problem('HW2401', 'the address of the artifact is not a URL'));
  const settings = settingsFor(access.hosts, url);
  const credentials = settings?.credentials?.();
  for (let hops = 0; ; hops += 1) {
    const answered = await ask({
      url,
      headers: credentials ? { authorization: authorizationOf(credentials) } : {},
      maxBytes: access.limits.artifactBytes,
      settings,
      limits: access.limits,
      signal,
    });
    if (!answered.ok) return answered;
    const { status, bytes } = answered.value;
    if (status === 200) return ok(bytes);
    if (!isRedirect(status)) return err(problemOfStatus(url, status));
    const next: Result<URL, Problem> = redirectOf(url, answered.value);
    if (!next.ok) return next;
    if (next.value.origin !== url.origin) {
      return err(problem('HW2407', `${placeOf(url)} redirects to another server, ${placeOf(next.value)}`));
    }
    if (hops >= access.limits.redirects) {
      return err(problem('HW2407', `${placeOf(url)} redirects for the ${hops + 1}th time`));
    }
    url = next.value;
  }
}

export function redirectOf(url: URL, { headers }: Answer): Result<URL, Problem> {
  const location = headers['location'];
  const next = typeof location === 'string' ? URL.parse(location, url) : null;
  return next ? ok(next) : err(problem('HW2409', `${placeOf(url)} redirects without saying where`));
}

export function problemOfStatus(url: URL, status: number): Problem {
  const said = `${placeOf(url)} answers ${status}`;
  if (status === 401 || status === 403) return problem('HW2403', said);
  if (status === 404 || status === 410) return problem('HW2404', said);
  if (status === 429 || status >= 500) return problem('HW2402', said);
  return problem('HW2409', said);
}

/** The bytes, if they are what git says. */
export function verified(bytes: Uint8Array, digest: Digest, from: string): Result<Uint8Array, Problem> {
  const found = digestOfBytes(bytes);
  if (found === digest) return ok(bytes);
  const message = `what ${from} sends hashes to ${found} (${bytes.byteLength} bytes), not to ${digest}`;
  const remedy = `find out which is right: write the digest of the artifact that was reviewed, or put ${short(digest)} back on the server and raise rollout.retry`;
  return err(problem('HW2406', message, { remedy }));
}
