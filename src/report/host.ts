import { isIP } from 'node:net';

/**
 * Which `Host` headers are answered: a page of another origin can point its own name at this address (DNS rebinding)
 * and then read what is here. An address in digits cannot be rebound, so those are always good. On the loopback other
 * names have to be listed; elsewhere only where a list is given.
 */
export class HostCheck {
  readonly #names: ReadonlySet<string> | undefined;

  constructor(boundHost: string, names: readonly string[] | undefined) {
    const loopback = boundHost === 'localhost' || boundHost === '::1' || boundHost.startsWith('127.');
    this.#names =
      names || loopback ? new Set(['localhost', ...(names ?? [])].map((name) => name.toLowerCase())) : undefined;
  }

  allows(header: string | undefined): boolean {
    if (this.#names === undefined) return true;
    const name = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(:[0-9]{1,5})?$/.exec(header ?? '')?.[1]?.toLowerCase();
    if (name === undefined) return false;
    return this.#names.has(name) || isIP(name.replace(/^\[|\]$/g, '')) !== 0;
  }
}
