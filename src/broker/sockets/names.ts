/** What names mean: the canonical form of a name, and which names were found to lead to an address. */
import { isIP } from 'node:net';
import { parseAddress, type Address } from '../../model/address.ts';

const LABEL = /^[a-z0-9_](?:[-a-z0-9_]{0,61}[a-z0-9_])?$/;
const MAX_NAME_CHARACTERS = 253;
/** How long a found address counts as what its name means. */
export const MEANT_MS = 600_000;
/** Of one cell; the oldest go first. */
export const MAX_MEANT = 1_024;

export interface Host {
  /** Canonical text, of a name or of an address. */
  readonly text: string;
  /** Where it is one. */
  readonly address: Address | undefined;
}

/**
 * As the URL standard reads a host: in lower case, without the dot at the end, other scripts in ASCII, and the decimal, octal
 * and hexadecimal spellings of an address as that address. `undefined`: it is no name.
 */
export function hostOf(text: string): Host | undefined {
  if (/[\s/?#@\\[\]%]/.test(text.replace(/^\[([0-9A-Fa-f:.]+)\]$/, '$1'))) return undefined;
  const bracketed = isIP(text) === 6 ? `[${text}]` : text;
  // A port is no part of a host, also where it is the usual one.
  if (bracketed.includes(':') && !bracketed.startsWith('[')) return undefined;
  const url = URL.parse(`http://${bracketed}/`);
  if (!url || url.port !== '' || url.hostname === '') return undefined;
  const bare = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname.replace(/\.$/, '');
  const address = parseAddress(bare);
  if (address) return { text: addressText(address, bare), address };
  if (bare.length > MAX_NAME_CHARACTERS || !bare.split('.').every((label) => LABEL.test(label))) return undefined;
  return { text: bare, address: undefined };
}

/** Only addresses: what a guest connects to. */
export function addressOf(text: string): { readonly text: string; readonly address: Address } | undefined {
  if (!parseAddress(text)) return undefined;
  const host = hostOf(text);
  return host?.address ? { text: host.text, address: host.address } : undefined;
}

/** An IPv4 address that came as IPv6 is written, and connected to, as what it is. */
function addressText({ family, value }: Address, text: string): string {
  if (family === 6) return text;
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
}

/** Which names led where, for one cell. Looked at for each datagram: by the address, not through all that is known. */
export class Meanings {
  readonly #monotonicMs: () => number;
  /** `address name`, the oldest first. */
  readonly #known = new Map<string, Meaning>();
  /** Name → until when. */
  readonly #byAddress = new Map<string, Map<string, number>>();

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  note(name: string, addresses: readonly string[]): void {
    const untilMs = this.#monotonicMs() + MEANT_MS;
    for (const address of addresses) {
      const key = `${address} ${name}`;
      this.#known.delete(key);
      this.#known.set(key, { address, name });
      const names = this.#byAddress.get(address) ?? new Map<string, number>();
      names.delete(name);
      this.#byAddress.set(address, names.set(name, untilMs));
    }
    for (const [key, oldest] of this.#known) {
      if (this.#known.size <= MAX_MEANT) break;
      this.#known.delete(key);
      this.#forget(oldest);
    }
  }

  namesOf(address: string): readonly string[] {
    const names = this.#byAddress.get(address);
    if (!names) return NONE;
    const nowMs = this.#monotonicMs();
    return [...names].flatMap(([name, untilMs]) => (untilMs > nowMs ? [name] : []));
  }

  #forget({ address, name }: Meaning): void {
    const names = this.#byAddress.get(address)!;
    names.delete(name);
    if (names.size === 0) this.#byAddress.delete(address);
  }
}

interface Meaning {
  readonly address: string;
  readonly name: string;
}

const NONE: readonly string[] = [];
