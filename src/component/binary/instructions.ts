/**
 * The instructions of a function body, one after the other: those that call, that make or move function values, or that grow a
 * memory or a table are told, the others are passed. The lengths are those of the binary format
 * (https://webassembly.github.io/spec/core/binary/instructions.html) without garbage collection and exceptions, whose types are
 * refused elsewhere.
 */

/** What is told, by its first byte; of `0xfc`, with the number that follows it. */
export const Told = {
  Call: 0x10,
  CallIndirect: 0x11,
  ReturnCall: 0x12,
  ReturnCallIndirect: 0x13,
  CallReference: 0x14,
  ReturnCallReference: 0x15,
  TableSet: 0x26,
  MemoryGrow: 0x40,
  Constant: 0x41,
  FunctionReference: 0xd2,
  TableInit: 0xfc0c,
  TableCopy: 0xfc0e,
  TableGrow: 0xfc0f,
  TableFill: 0xfc11,
} as const;
/** By how many integers follow them. */
const TOLD_INTEGERS: Readonly<Record<number, number>> = {
  [Told.Call]: 1,
  [Told.CallIndirect]: 2,
  [Told.ReturnCall]: 1,
  [Told.ReturnCallIndirect]: 2,
  [Told.CallReference]: 1,
  [Told.ReturnCallReference]: 1,
  [Told.TableSet]: 1,
  [Told.MemoryGrow]: 1,
  [Told.FunctionReference]: 1,
};

/**
 * Where an instruction begins and what follows it: integers as they are written. Of `Told.Constant`, which is `i32.const`,
 * the first is its value as an index (from 0 to 2³² - 1).
 */
export type See = (code: number, begin: number, end: number, first: number, second: number) => void;

const END = 0x0b;
const BULK = 0xfc;
const SINGLE_BYTE = 0;
/** By how many integers follow an instruction of one byte; what is not here is in `length`, or unknown. */
const INTEGERS: Readonly<Record<number, number>> = {
  // Branches.
  ...ofEach(0x0c, 0x0d, 1),
  // Variables and `table.get`; `memory.size`; constants of 64 bits; references.
  ...ofEach(0x20, 0x25, 1),
  0x3f: 1,
  0x42: 1,
  0xd0: 1,
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
  const isKnown = readInstructions(bytes, begin, end, (code, from, to, index) => {
    if (code === Told.MemoryGrow) grows.push({ grows: 'Memory', begin: from, end: to, index });
    if (code === Told.TableGrow) grows.push({ grows: 'Table', begin: from, end: to, index });
  });
  return isKnown ? grows : undefined;
}

/** `false` where there is an instruction that is not known, or the bytes end in the middle of one. */
export function readInstructions(bytes: Uint8Array, begin: number, end: number, see: See): boolean {
  const cursor = new Cursor(bytes, begin, end);
  while (cursor.at < end) if (!instruction(cursor, see)) return false;
  return cursor.at === end;
}

/**
 * One expression without blocks, as globals and segments start with: all up to its `end`. Returns where the next thing begins,
 * `undefined` where it is not understood.
 */
export function readExpression(bytes: Uint8Array, begin: number, see: See): number | undefined {
  const cursor = new Cursor(bytes, begin, bytes.length);
  while (cursor.at < bytes.length) {
    const code = bytes[cursor.at]!;
    if (isBlock(code) || !instruction(cursor, see)) return undefined;
    if (code === END) return cursor.at > bytes.length ? undefined : cursor.at;
  }
  return undefined;
}

function instruction(cursor: Cursor, see: See): boolean {
  const begin = cursor.at;
  const code = cursor.byte();
  const integers = TOLD_INTEGERS[code];
  if (integers !== undefined) {
    const first = cursor.integer();
    const second = integers === 2 ? cursor.integer() : 0;
    see(code, begin, cursor.at, first, second);
    return true;
  }
  if (code === Told.Constant) {
    const value = cursor.signed() >>> 0;
    see(code, begin, cursor.at, value, 0);
    return true;
  }
  return code === BULK ? bulk(cursor, begin, see) : skipped(code, cursor);
}

/** Whether what follows the first byte is known; then it is behind the cursor. */
function skipped(code: number, cursor: Cursor): boolean {
  const integers = INTEGERS[code];
  if (integers !== undefined) cursor.skip(integers);
  else if (code >= 0x28 && code <= 0x3e) cursor.address();
  else if (code === 0x43) cursor.at += 4;
  else if (code === 0x44) cursor.at += 8;
  // `block`, `loop`, `if`; `select` with its type.
  else if (isBlock(code)) return isPlain(cursor.integer());
  else if (code === 0x1c) return cursor.integer() === 1 && isPlain(cursor.integer());
  // `br_table`: a list, and one more.
  else if (code === 0x0e) cursor.skip(cursor.integer() + 1);
  else if (code === 0xfd) vector(cursor);
  else if (code === 0xfe) atomic(cursor);
  else return false;
  return true;
}

/** Whether the type of a block or value ends with its first integer. */
export function isPlain(type: number): boolean {
  return !TYPED_REFERENCES.includes(type);
}

function isBlock(code: number): boolean {
  return code >= 0x02 && code <= 0x04;
}

function bulk(cursor: Cursor, begin: number, see: See): boolean {
  const code = cursor.integer();
  const integers = BULK_INTEGERS[code];
  if (integers === undefined) return false;
  const first = integers > 0 ? cursor.integer() : 0;
  const second = integers > 1 ? cursor.integer() : 0;
  see(BULK * 0x100 + code, begin, cursor.at, first, second);
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

  byte(): number {
    return this.#bytes[this.at++]!;
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

  /** The same with the sign that its last byte carries. */
  signed(): number {
    const begin = this.at;
    const value = this.integer();
    const isNegative = this.at <= this.#end && (this.#bytes[this.at - 1]! & 0x40) !== 0;
    return isNegative ? value - 128 ** (this.at - begin) : value;
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
