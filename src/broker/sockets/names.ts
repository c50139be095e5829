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

/** Which names led where, for one cell. */
export class Meanings {
  readonly #monotonicMs: () => number;
  /** `address name` → until when. */
  readonly #until = new Map<string, number>();

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  note(name: string, addresses: readonly string[]): void {
    for (const address of addresses) {
      const key = `${address} ${name}`;
      this.#until.delete(key);
      this.#until.set(key, this.#monotonicMs() + MEANT_MS);
    }
    for (const key of this.#until.keys()) {
      if (this.#until.size <= MAX_MEANT) break;
      this.#until.delete(key);
    }
  }

  namesOf(address: string): readonly string[] {
    const nowMs = this.#monotonicMs();
    const found: string[] = [];
    for (const [key, untilMs] of this.#until) {
      if (key.startsWith(`${address} `) && untilMs > nowMs) found.push(key.slice(address.length + 1));
    }
    return found;
  }
}
