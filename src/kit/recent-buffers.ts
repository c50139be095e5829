/** Buffers by name, as many as a number of bytes allows: the one that was used longest ago goes first. */
export class RecentBuffers<Name extends string> {
  readonly #mostBytes: number;
  /** The one that was used last is the last. */
  readonly #kept = new Map<Name, Buffer>();
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** It counts as used. */
  get(name: Name): Buffer | undefined {
    const buffer = this.#kept.get(name);
    if (!buffer) return undefined;
    this.#kept.delete(name);
    this.#kept.set(name, buffer);
    return buffer;
  }

  /** One that is larger than all may be together is not kept. */
  set(name: Name, buffer: Buffer): void {
    this.delete(name);
    if (buffer.length > this.#mostBytes) return;
    this.#kept.set(name, buffer);
    this.#bytes += buffer.length;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#mostBytes) break;
      this.delete(oldest);
    }
  }

  delete(name: Name): void {
    this.#bytes -= this.#kept.get(name)?.length ?? 0;
    this.#kept.delete(name);
  }
}
