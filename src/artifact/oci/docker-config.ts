/** Registry credentials in the form of docker's `config.json`, as `docker login` and its relatives write it. */
import { readFileSync, statSync } from 'node:fs';
import { err, ok, type Result } from '../../kit/result.ts';
import { problem, type Problem } from '../../model/problem.ts';
import type { ImageName } from './image.ts';

export type RegistryCredentials =
  | { readonly type: 'basic'; readonly username: string; readonly password: string }
  /** A refresh token that the token server changes into one that the registry takes. */
  | { readonly type: 'identity'; readonly token: string };

const MAX_CONFIG_BYTES = 2 ** 20;
const HUB_KEY = 'https://index.docker.io/v1/';

interface Auth {
  readonly auth?: unknown;
  readonly username?: unknown;
  readonly password?: unknown;
  readonly identitytoken?: unknown;
}

/**
 * The credentials for one image; undefined: none, it is asked anonymously. The longest key that is a path prefix of the
 * image wins, as podman reads the file. Helper programs that the file names are not started.
 */
export function credentialsIn(
  file: string,
  { registry, repository }: ImageName,
): Result<RegistryCredentials | undefined, Problem> {
  let auths: unknown;
  try {
    if (statSync(file).size > MAX_CONFIG_BYTES) return unreadable(file, `it has more than ${MAX_CONFIG_BYTES} bytes`);
    auths = (JSON.parse(readFileSync(file, 'utf8')) as { readonly auths?: unknown } | null)?.auths;
  } catch (error) {
    // What JSON.parse says quotes the text, which is full of secrets.
    return unreadable(file, error instanceof SyntaxError ? 'it is not JSON' : (error as Error).message);
  }
  if (typeof auths !== 'object' || auths === null) return ok(undefined);
  const named = new Map(Object.entries(auths).map(([key, auth]) => [normal(key), auth as Auth]));
  for (const key of keysOf(registry, repository)) {
    const auth = named.get(key);
    if (auth) return readAuth(file, key, auth);
  }
  return ok(undefined);
}

/** `https://registry/v1/` and `registry` are the same key; Docker Hub has one of its own. */
function normal(key: string): string {
  if (key === HUB_KEY) return 'docker.io';
  return key.replace(/^https?:\/\//, '').replace(/(\/v[12])?\/*$/, '');
}

function keysOf(registry: string, repository: string): readonly string[] {
  const segments = [registry, ...repository.split('/')];
  return segments.map((_, index) => segments.slice(0, segments.length - index).join('/'));
}

function readAuth(file: string, key: string, auth: Auth): Result<RegistryCredentials | undefined, Problem> {
  if (typeof auth.identitytoken === 'string' && auth.identitytoken !== '') {
    return ok({ type: 'identity', token: auth.identitytoken });
  }
  if (typeof auth.username === 'string' && typeof auth.password === 'string') {
    return ok({ type: 'basic', username: auth.username, password: auth.password });
  }
  if (typeof auth.auth !== 'string' || auth.auth === '') return ok(undefined);
  const text = Buffer.from(auth.auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 1) return unreadable(file, `the auth of ${key} is not base64 of user:password`);
  return ok({ type: 'basic', username: text.slice(0, colon), password: text.slice(colon + 1) });
}

function unreadable(file: string, why: string): Result<never, Problem> {
  return err(problem('HW2423', `the credentials of registries in ${file} cannot be read: ${why}`));
}
