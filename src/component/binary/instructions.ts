/**
 * Where a function body has `memory.grow` and `table.grow`. The lengths of all other instructions are those of the binary format
 * (https://webassembly.github.io/spec/core/binary/instructions.html) without garbage collection and exceptions, whose types are
 * refused elsewhere.
 */

const MEMORY_GROW = 0x40;
const BULK = 0xfc;
const TABLE_GROW = 15;
const SINGLE_BYTE = 0;
/** By how many integers follow an instruction of one byte; what is not here is in `length`, or unknown. */
const INTEGERS: Readonly<Record<number, number>> = {
  // Branches, calls, tail calls.
  ...ofEach(0x0c, 0x0d, 1),
  0x10: 1,
  0x11: 2,
  0x12: 1,
  0x13: 2,
  0x14: 1,
  0x15: 1,
  // Variables and tables; `memory.size`; constants of integers; references.
  ...ofEach(0x20, 0x26, 1),
  0x3f: 1,
  0x41: 1,
  0x42: 1,
  0xd0: 1,
  0xd2: 1,
  0xd5: 1,
  0xd6: 1,
  // Nothing follows `unreachable`, `nop`, `else`, `end`, `return`, `drop`, `select`, and what computes.
  ...ofEach(0x00, 0x01, SINGLE_BYTE),
  0x05: SINGLE_BYTE,
  0x0b: SINGLE_BYTE,
  0x0f: SINGLE_BYTE,
  ...ofEach(0x1a, 0x1b, SINGLE_BYTE),
  ...ofEach(0x45, 0xc4, SINGLE_BYTE),
  0xd1: SINGLE_BYTE,
  0xd4: SINGLE_BYTE,
};
/** Value types that are more than one byte. */
const TYPED_REFERENCES: readonly number[] = [0x63, 0x64];
/** Of `0xfc`: conversions, then memories and tables in bulk. */
const BULK_INTEGERS: readonly number[] = [0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 1, 2, 1, 2, 1, 1, 1];

function ofEach(from: number, to: number, integers: number): Record<number, number> {
  return Object.fromEntries(Array.from({ length: to - from + 1 }, (_, index) => [from + index, integers]));
}

/** What grows, its first byte, the one behind it, and of which memory or table. */
export interface Grow {
  readonly grows: 'Memory' | 'Table';
  readonly begin: number;
  readonly end: number;
  readonly index: number;
}

/**
 * @param begin of the first instruction in `bytes`.
 * @returns `undefined` where there is an instruction that is not known, or the bytes end in the middle of one.
 */
export function growsIn(bytes: Uint8Array, begin: number, end: number): readonly Grow[] | undefined {
  const grows: Grow[] = [];
  const cursor = new Cursor(bytes, begin, end);
  while (cursor.at < end) {
    const start = cursor.at;
    const code = bytes[cursor.at++]!;
    if (code === MEMORY_GROW) {
      const index = cursor.integer();
      grows.push({ grows: 'Memory', begin: start, end: cursor.at, index });
    } else if (code === BULK && cursor.takes(TABLE_GROW)) {
      const index = cursor.integer();
      grows.push({ grows: 'Table', begin: start, end: cursor.at, index });
    } else if (!skipped(code, cursor)) return undefined;
  }
  return cursor.at === end ? grows : undefined;
}

/** Whether what follows the first byte is known; then it is behind the cursor. */
function skipped(code: number, cursor: Cursor): boolean {
  const integers = INTEGERS[code];
  if (integers !== undefined) cursor.skip(integers);
  else if (code >= 0x28 && code <= 0x3e) cursor.address();
  else if (code === 0x43) cursor.at += 4;
  else if (code === 0x44) cursor.at += 8;
  // `block`, `loop`, `if`; `select` with its type.
  else if (code >= 0x02 && code <= 0x04) return isPlain(cursor.integer());
  else if (code === 0x1c) return cursor.integer() === 1 && isPlain(cursor.integer());
  // `br_table`: a list, and one more.
  else if (code === 0x0e) cursor.skip(cursor.integer() + 1);
  else if (code === BULK) return bulk(cursor);
  else if (code === 0xfd) vector(cursor);
  else if (code === 0xfe) atomic(cursor);
  else return false;
  return true;
}

/** Whether the type of a block or value ends with its first integer. */
export function isPlain(type: number): boolean {
  return !TYPED_REFERENCES.includes(type);
}

function bulk(cursor: Cursor): boolean {
  const integers = BULK_INTEGERS[cursor.integer()];
  if (integers === undefined) return false;
  cursor.skip(integers);
  return true;
}

/** `0xfd`: loads and stores, lanes, shuffles and constants; the others compute. */
function vector(cursor: Cursor): void {
  const code = cursor.integer();
  if (code <= 11 || code === 92 || code === 93) cursor.address();
  else if (code <= 13) cursor.at += 16;
  else if (code >= 21 && code <= 34) cursor.at += 1;
  else if (code >= 84 && code <= 91) {
    cursor.address();
    cursor.at += 1;
  }
}

/** `0xfe`: all but the fence have an address. */
function atomic(cursor: Cursor): void {
  if (cursor.integer() === 3) cursor.at += 1;
  else cursor.address();
}

class Cursor {
  at: number;
  readonly #bytes: Uint8Array;
  readonly #end: number;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.#bytes = bytes;
    this.at = at;
    this.#end = end;
  }

  /** LEB128 of any width; past the end there are zeros, and `at` says so. */
  integer(): number {
    let value = 0;
    for (let factor = 1; this.at < this.#end; factor *= 128) {
      const byte = this.#bytes[this.at++]!;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    this.at = this.#end + 1;
    return value;
  }

  /** Goes on where this is the next integer, and not where it is another. */
  takes(value: number): boolean {
    const start = this.at;
    if (this.integer() === value) return true;
    this.at = start;
    return false;
  }

  skip(integers: number): void {
    for (let left = integers; left > 0 && this.at <= this.#end; left -= 1) this.integer();
  }

  /** Alignment, which says whether the memory is named, and offset. */
  address(): void {
    if ((this.integer() & 0x40) !== 0) this.integer();
    this.integer();
  }
}
