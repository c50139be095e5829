/** `${name}` in the texts of a document. Keys, numbers and booleans stay as they are; `$${` stands for `${`. */
import type { Json } from '../kit/json.ts';
import { child } from './place.ts';

const MARK = /\$\$\{|\$\{([^}]*)\}?/g;
const NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,62}$/;

/** What texts of all documents together may grow by: a short `${a}` can stand for a long value, many times. */
export const MAX_SUBSTITUTED_CHARACTERS = 16 * 1024 * 1024;

export interface Fault {
  readonly pointer: string;
  readonly message: string;
}

/** One for all documents of a commit. */
export class Variables {
  readonly used = new Set<string>();
  readonly #values: ReadonlyMap<string, string>;
  #grown = 0;

  constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  /** The value with its texts filled in, and what could not be. */
  substitute(value: Json): { readonly value: Json; readonly faults: readonly Fault[] } {
    const faults: Fault[] = [];
    return { value: this.#value(value, '', faults), faults };
  }

  #value(value: Json, pointer: string, faults: Fault[]): Json {
    if (typeof value === 'string') return this.#text(value, pointer, faults);
    if (Array.isArray(value)) {
      return (value as readonly Json[]).map((item, index) => this.#value(item, child(pointer, index), faults));
    }
    if (typeof value !== 'object' || value === null) return value;
    const filled: Record<string, Json> = {};
    for (const [name, inner] of Object.entries(value)) {
      const made = this.#value(inner as Json, child(pointer, name), faults);
      // A key such as `__proto__` must become a field, not the prototype of this object.
      Object.defineProperty(filled, name, { value: made, enumerable: true, writable: true, configurable: true });
    }
    return filled;
  }

  #text(text: string, pointer: string, faults: Fault[]): string {
    if (!text.includes('${')) return text;
    return text.replaceAll(MARK, (mark: string, name: string | undefined) => {
      if (name === undefined) return '${';
      const fault = (message: string): string => {
        faults.push({ pointer, message });
        return '';
      };
      if (!mark.endsWith('}') || !NAME.test(name)) return fault(`\`${mark.slice(0, 40)}\` is not a variable`);
      const value = this.#values.get(name);
      if (value === undefined) return fault(`there is no variable \`${name}\``);
      this.used.add(name);
      this.#grown += value.length;
      return this.#grown <= MAX_SUBSTITUTED_CHARACTERS ? value : fault('the variables make the documents too large');
    });
  }
}
