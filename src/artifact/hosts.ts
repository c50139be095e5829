/** What the host's own configuration says about the servers that artifacts come from. */
import { readFileSync } from 'node:fs';
import { problem, type Problem } from '../model/problem.ts';
import { err, ok, type Result } from '../kit/result.ts';

export type HostCredentials =
  | { readonly type: 'token'; readonly token: string }
  | { readonly type: 'basic'; readonly username: string; readonly password: string };

/** One server that the host's configuration names. It may have any address: to name it is to vouch for it. */
export interface HostSettings {
  /** `host` for port 443, else `host:port`; lower case. */
  readonly host: string;
  /** Asked before each request, so that a rotated secret is taken up. */
  readonly credentials?: () => HostCredentials | undefined;
  /** PEM file of the authorities that its certificate may come from, instead of the system's. */
  readonly caFile?: string;
}

/** How a URL writes its host: the port is left out where it is 443. */
export function settingsFor(hosts: readonly HostSettings[], url: URL): HostSettings | undefined {
  return hosts.find(({ host }) => host.toLowerCase().replace(/:443$/, '') === url.host);
}

/** The authorities for one server; undefined: the system's. */
export function authoritiesOf(settings: HostSettings | undefined): Result<string | undefined, Problem> {
  const file = settings?.caFile;
  if (file === undefined) return ok(undefined);
  try {
    return ok(readFileSync(file, 'utf8'));
  } catch (error) {
    const why = `the CA file ${file} of ${settings!.host} cannot be read: ${(error as Error).message}`;
    return err(problem('HW2408', why, { remedy: 'correct artifacts.hosts in runtime.yaml' }));
  }
}

export function authorizationOf(credentials: HostCredentials): string {
  if (credentials.type === 'token') return `Bearer ${credentials.token}`;
  const { username, password } = credentials;
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
