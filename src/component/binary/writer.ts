/** Collects pieces of a binary and joins them once. */
export class Writer {
  readonly #pieces: Uint8Array[] = [];
  #length = 0;

  bytes(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  u8(value: number): void {
    this.bytes(Uint8Array.of(value));
  }

  u32(value: number): void {
    const leb: number[] = [];
    let rest = value >>> 0;
    while (rest >= 0x80) {
      leb.push((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    leb.push(rest);
    this.bytes(Uint8Array.from(leb));
  }

  section(id: number, body: Uint8Array): void {
    this.u8(id);
    this.u32(body.length);
    this.bytes(body);
  }

  finish(): Uint8Array {
    const joined = new Uint8Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      joined.set(piece, at);
      at += piece.length;
    }
    return joined;
  }
}
