/** The longest piece of what came that an answer shows. */
const MAX_SHOWN_CHARACTERS = 40;

/** Thrown by decoders and caught where the body was read: what the type wants, what came instead, and where. */
export class Mismatch extends Error {
  readonly expected: string;
  readonly found: string;
  readonly #steps: (string | number)[] = [];

  constructor(expected: string, found: string) {
    super(`expected ${expected}, found ${found}`);
    this.expected = expected;
    this.found = found;
  }

  /** Called from the inside out, by whatever holds the value that does not fit. */
  within(step: string | number): this {
    this.#steps.push(step);
    return this;
  }

  /** JSON pointer (RFC 6901) into the body. Names of WIT need no escaping; a variant's key comes from the client. */
  get pointer(): string {
    const escaped = this.#steps.map((step) => String(step).replaceAll('~', '~0').replaceAll('/', '~1'));
    return escaped
      .toReversed()
      .map((step) => `/${step}`)
      .join('');
  }
}

/** A value as a person would point at it: short, and never more of it than is needed. */
export function shown(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object') return 'an object';
  if (typeof value !== 'string') return typeof value === 'number' ? String(value) : JSON.stringify(value);
  return value.length <= MAX_SHOWN_CHARACTERS ? JSON.stringify(value) : `a string of ${value.length} characters`;
}
