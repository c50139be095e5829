/**
 * Reading from one repository of an OCI registry: manifests and blobs, signed in as far as the registry asks for it.
 *
 * R1 Credentials go to the registry and to the token server that it names, over https, and nowhere else.
 * R2 The scope that is asked for is ours: to pull this one repository, whatever the registry proposes.
 * R3 A blob may be redirected to another https server (storage behind a registry), without credentials, and only to a
 *    public address or to a host that the configuration names. Nothing else is redirected.
 */
import { err, ok, type Result } from '../../kit/result.ts';
import { problem, type Problem } from '../../model/problem.ts';
import { ask, isRedirect, placeOf, type Answer } from '../ask.ts';
import { authorizationOf, settingsFor } from '../hosts.ts';
import { problemOfStatus, redirectOf, type Access } from '../web.ts';
import { parseChallenge, type Challenge } from './challenge.ts';
import { credentialsIn, type RegistryCredentials } from './docker-config.ts';
import type { ImageName } from './image.ts';
import { INDEX_TYPE, MANIFEST_TYPE } from './layout.ts';

export interface RegistryAccess extends Access {
  /** A file in the form of docker's `config.json`. */
  readonly dockerConfig?: string;
  /** From now on these texts must not be logged. */
  readonly protect: (secrets: readonly string[]) => void;
}

/** For one image and one fetch: what it signed in with is forgotten with it. */
export class Registry {
  readonly #image: ImageName;
  readonly #access: RegistryAccess;
  readonly #signal: AbortSignal;
  #authorization: string | undefined;

  constructor(image: ImageName, access: RegistryAccess, signal: AbortSignal) {
    this.#image = image;
    this.#access = access;
    this.#signal = signal;
  }

  /** A manifest or an index by digest or tag, as it was sent. */
  async manifest(reference: string): Promise<Result<Answer, Problem>> {
    const url = this.#url(`manifests/${reference}`);
    const { manifestBytes } = this.#access.limits;
    const answered = await this.#get(url, manifestBytes, `${MANIFEST_TYPE}, ${INDEX_TYPE}`);
    if (!answered.ok || answered.value.status === 200) return answered;
    return err(problemOfAnswer(url, answered.value.status));
  }

  /** What refers to a manifest and is of this type, page after page; undefined where the registry does not keep a list. */
  async referrers(digest: string, type: string): Promise<Result<Pages | undefined, Problem>> {
    const first = this.#url(`referrers/${digest}`);
    first.searchParams.set('artifactType', type);
    const { manifestBytes, referrerPages } = this.#access.limits;
    const pages: Answer[] = [];
    for (let url: URL | undefined = first; url;) {
      if (pages.length >= referrerPages) return ok({ pages, problem: tooManyPages(url, referrerPages) });
      const answered: Result<Answer, Problem> = await this.#get(url, manifestBytes, INDEX_TYPE);
      const failed =
        answered.ok && answered.value.status !== 200 ? problemOfAnswer(url, answered.value.status) : undefined;
      if (url === first && answered.ok && NO_SUCH_API.includes(answered.value.status)) return ok(undefined);
      // What the pages before it list may be enough.
      if (!answered.ok || failed) return ok({ pages, problem: answered.ok ? failed! : answered.error });
      pages.push(answered.value);
      const next: Result<URL | undefined, Problem> = nextPage(url, answered.value);
      if (!next.ok) return ok({ pages, problem: next.error });
      url = next.value;
    }
    return ok({ pages });
  }

  async blob(digest: string): Promise<Result<Uint8Array, Problem>> {
    const { limits, hosts } = this.#access;
    let url = this.#url(`blobs/${digest}`);
    let answered = await this.#get(url, limits.artifactBytes, 'application/octet-stream');
    for (let hops = 0; answered.ok && isRedirect(answered.value.status); hops += 1) {
      if (hops >= limits.redirects)
        return err(problem('HW2407', `${placeOf(url)} redirects for the ${hops + 1}th time`));
      const next: Result<URL, Problem> = redirectOf(url, answered.value);
      if (!next.ok) return next;
      url = next.value;
      const settings = settingsFor(hosts, url);
      answered = await ask({ url, maxBytes: limits.artifactBytes, settings, limits, signal: this.#signal });
    }
    if (!answered.ok) return answered;
    return answered.value.status === 200 ? ok(answered.value.bytes) : err(problemOfAnswer(url, answered.value.status));
  }

  #url(rest: string): URL {
    return new URL(`${this.#image.origin}/v2/${this.#image.repository}/${rest}`);
  }

  /** Asks, signs in where the registry wants that, and asks once more. */
  async #get(url: URL, maxBytes: number, accept: string): Promise<Result<Answer, Problem>> {
    const { limits, hosts } = this.#access;
    const settings = settingsFor(hosts, url);
    const send = (): Promise<Result<Answer, Problem>> => {
      const authorization = this.#authorization === undefined ? {} : { authorization: this.#authorization };
      return ask({ url, headers: { accept, ...authorization }, maxBytes, settings, limits, signal: this.#signal });
    };
    const first = await send();
    if (!first.ok || first.value.status !== 401 || this.#authorization !== undefined) return first;
    const challenge = parseChallenge(first.value.headers['www-authenticate']);
    if (!challenge) return err(problem('HW2403', `${placeOf(url)} wants to be signed in to, but does not say how`));
    const signed = await this.#signIn(challenge, url);
    if (!signed.ok) return signed;
    this.#authorization = signed.value;
    return send();
  }

  async #signIn(challenge: Challenge, url: URL): Promise<Result<string, Problem>> {
    const credentials = this.#credentials();
    if (!credentials.ok) return credentials;
    if (challenge.type === 'Bearer') return this.#token(challenge, credentials.value);
    if (credentials.value?.type === 'basic') return ok(authorizationOf(credentials.value));
    return err(problem('HW2403', `${placeOf(url)} wants a user and a password, and there are none for it`));
  }

  /** Of the docker file, else those that the host's configuration has for the server. */
  #credentials(): Result<RegistryCredentials | undefined, Problem> {
    const { dockerConfig, hosts, protect } = this.#access;
    const found = dockerConfig === undefined ? ok(undefined) : credentialsIn(dockerConfig, this.#image);
    if (!found.ok) return found;
    const own = settingsFor(hosts, new URL(this.#image.origin))?.credentials?.();
    const credentials: RegistryCredentials | undefined =
      found.value ?? (own?.type === 'token' ? { type: 'identity', token: own.token } : own);
    if (credentials) protect([credentials.type === 'basic' ? credentials.password : credentials.token]);
    return ok(credentials);
  }

  async #token(
    { realm, service }: Extract<Challenge, { type: 'Bearer' }>,
    credentials: RegistryCredentials | undefined,
  ): Promise<Result<string, Problem>> {
    const url = URL.parse(realm);
    if (!url) return err(problem('HW2422', `${this.#image.registry} names a token server that is not a URL`));
    const { limits, hosts, protect } = this.#access;
    const scope = `repository:${this.#image.repository}:pull`;
    const query = { ...(service === undefined ? {} : { service }), scope };
    const identity = credentials?.type === 'identity' ? credentials.token : undefined;
    const form = identity && { grant_type: 'refresh_token', client_id: 'headway', refresh_token: identity, ...query };
    if (!form) for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const answered = await ask({
      url,
      headers: credentials?.type === 'basic' ? { authorization: authorizationOf(credentials) } : {},
      ...(form ? { form: new URLSearchParams(form) } : {}),
      maxBytes: limits.tokenBytes,
      settings: settingsFor(hosts, url),
      limits,
      signal: this.#signal,
    });
    if (!answered.ok) return answered;
    const { status, bytes } = answered.value;
    if (status === 401 || status === 403) return err(problemOfStatus(url, status));
    if (status !== 200) return err(problem('HW2422', `the token server ${placeOf(url)} answers ${status}`));
    const token = tokenIn(bytes);
    if (token === undefined) return err(problem('HW2422', `the token server ${placeOf(url)} sends no token`));
    protect([token]);
    return ok(`Bearer ${token}`);
  }
}

/** A list, as far as it could be read. */
export interface Pages {
  readonly pages: readonly Answer[];
  /** Why there may be more. */
  readonly problem?: Problem;
}

function tooManyPages(url: URL, most: number): Problem {
  return problem('HW2015', `the list ${placeOf(url)} has more than ${most} pages`);
}

/** R1, R3: the next page lies where this one does. */
function nextPage(url: URL, { headers }: Answer): Result<URL | undefined, Problem> {
  const link = [headers['link'] ?? []].flat().join(', ');
  const target = /<([^<>]{1,4096})>\s*;[^<]*\brel="?next\b/i.exec(link)?.[1];
  if (target === undefined) return ok(undefined);
  const next = URL.parse(target, url);
  if (next && next.origin === url.origin && next.pathname === url.pathname) return ok(next);
  return err(problem('HW2407', `${placeOf(url)} says that its list goes on elsewhere`));
}

/** As registries answer that are older than the API. */
const NO_SUCH_API = [400, 404, 405, 406, 501];

function tokenIn(bytes: Uint8Array): string | undefined {
  try {
    const { token, access_token: other } = JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, unknown>;
    const found = typeof token === 'string' && token !== '' ? token : other;
    return typeof found === 'string' && /^[\x21-\x7e]{1,16384}$/.test(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

/** A registry's redirect of a manifest is not followed: the address in git is what policy and people have seen. */
function problemOfAnswer(url: URL, status: number): Problem {
  if (isRedirect(status))
    return problem('HW2407', `${placeOf(url)} redirects, and manifests are not looked for elsewhere`);
  return problemOfStatus(url, status);
}
