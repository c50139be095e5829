/**
 * Where a guest's request goes, in canonical form: what grants are held against is what is connected to. The spelling is
 * read by the URL standard, which knows the decimal, octal, hexadecimal and percent-encoded ways to write an address.
 */
import { parseAddress, type Address } from '../../model/address.ts';
import { MAX_PATH_BYTES, type HttpFailure } from '../../wire/http-frames.ts';

export interface Target {
  readonly scheme: 'http' | 'https';
  /** A name in lower case without a trailing dot, or an address as text, without brackets. */
  readonly host: string;
  /** Where `host` is one. */
  readonly address: Address | undefined;
  readonly port: number;
  readonly method: string;
  /** With the query; begins with `/`. */
  readonly path: string;
}

/** The parts as a guest, or whoever broke out of one, says them. */
export interface AskedTarget {
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/;
/** They ask for something that is no request: a tunnel, and one's own headers back. */
const NO_METHODS = new Set(['CONNECT', 'TRACE']);
/** Visible ASCII without what ends an authority, and without user information. */
const AUTHORITY = /^[!"$-.0->A-[\]-~]{1,512}$/;
const PATH = /^\/[!-"$-~]*$/;
const LABEL = /^[a-z0-9_](?:[-a-z0-9_]{0,61}[a-z0-9_])?$/;
const MAX_NAME_CHARACTERS = 253;
/** Where nothing else is said. */
export const PORTS = { http: 80, https: 443 } as const;

const invalid: HttpFailure = { tag: 'HTTP-request-URI-invalid' };

export function targetOf({ method, scheme, authority, path }: AskedTarget): Target | HttpFailure {
  if (!TOKEN.test(method) || NO_METHODS.has(method.toUpperCase())) return { tag: 'HTTP-request-method-invalid' };
  if (scheme !== 'http' && scheme !== 'https') return invalid;
  if (path.length > MAX_PATH_BYTES) return { tag: 'HTTP-request-URI-too-long' };
  if (!PATH.test(path) || !AUTHORITY.test(authority)) return invalid;
  const url = URL.parse(`${scheme}://${authority}/`);
  if (!url || url.username !== '' || url.password !== '' || url.pathname !== '/') return invalid;
  const host = hostOf(url.hostname);
  if (host === undefined) return invalid;
  const port = url.port === '' ? PORTS[scheme] : Number(url.port);
  if (port === 0) return invalid;
  return { scheme, ...host, port, method, path };
}

/** `https://[2606::1]:8443`: what the connection is for. */
export function originOf({ scheme, host, port }: Target): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** What `host` says: without the port where it is that of the scheme. */
export function authorityOf({ scheme, host, port }: Target): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return port === PORTS[scheme] ? name : `${name}:${port}`;
}

function hostOf(hostname: string): Pick<Target, 'host' | 'address'> | undefined {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname.replace(/\.$/, '');
  const address = parseAddress(bare);
  if (address) return { host: textOf(address, bare), address };
  if (bare.length > MAX_NAME_CHARACTERS || !bare.split('.').every((label) => LABEL.test(label))) return undefined;
  return { host: bare, address: undefined };
}

/** An IPv4 address that came as IPv6 is written, and connected to, as what it is. */
function textOf({ family, value }: Address, text: string): string {
  if (family === 6) return text;
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
}
