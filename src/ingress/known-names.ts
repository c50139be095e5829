const LENGTHS = 32;
const LETTERS = 32;

/**
 * Names of headers, known by length and first letter before they are looked up: a look-up hashes the text, which costs more than
 * everything else that is done for a header that is none of them.
 */
export class KnownNames {
  /** Per length one bit for each first letter, in either case. */
  readonly #letters = new Uint32Array(LENGTHS);

  /** @param names in lower case, each of a letter first and shorter than 32 characters. */
  constructor(names: Iterable<string>) {
    for (const name of names) this.#letters[name.length]! |= 1 << (name.charCodeAt(0) % LETTERS);
  }

  /** `false`: it is none of them, in whatever case it is written. */
  mayHave(name: string): boolean {
    return name.length < LENGTHS && (this.#letters[name.length]! & (1 << (name.charCodeAt(0) % LETTERS))) !== 0;
  }
}
