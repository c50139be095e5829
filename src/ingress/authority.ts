/** Host headers, normalised once: lower case, without a trailing dot. */
import { isEntryHost } from '../model/entry-host.ts';

export interface Authority {
  /** For routing: without the port. */
  readonly host: string;
  /** For the guest: with the port where one was given. */
  readonly authority: string;
  /** One of those by which entries reach each other. */
  readonly isEntryHost: boolean;
}

const AUTHORITY = /^(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)\.?(?::([0-9]{0,5}))?$/;
const MAX_HOST_CHARACTERS = 253;
const MAX_PORT = 65_535;

export function parseAuthority(text: string): Authority | undefined {
  if (text.length > MAX_HOST_CHARACTERS + 7) return undefined;
  const match = AUTHORITY.exec(text);
  if (match === null) return undefined;
  const host = match[1]!.toLowerCase();
  const port = match[2] ?? '';
  if (host.length > MAX_HOST_CHARACTERS || Number(port) > MAX_PORT) return undefined;
  return { host, authority: port === '' ? host : `${host}:${Number(port)}`, isEntryHost: isEntryHost(host) };
}

/** Few hosts make most requests: what was parsed is kept, up to a bound that no client can move. */
export class AuthorityCache {
  static readonly MAX_ENTRIES = 1024;
  readonly #known = new Map<string, Authority>();

  get(text: string): Authority | undefined {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const authority = parseAuthority(text);
    if (authority === undefined) return undefined;
    if (this.#known.size >= AuthorityCache.MAX_ENTRIES) this.#known.clear();
    this.#known.set(text, authority);
    return authority;
  }
}
