/**
 * How rows are written: WebAssembly text for the body of a handler. Results of calls land at address 64; `u8`, `u32` and
 * `u64` read there. Locals: `$req`, `$out` of the call; `$a` to `$f` (i32) and `$long` (i64) are free.
 */

const RESULT_ADDRESS = 64;
/** Where texts lie: behind what results need, before what `cabi_realloc` gives. */
const TEXTS_ADDRESS = 4096;
export const HEAP_ADDRESS = 65_536;

const texts = new Map<string, number>();
let nextText = TEXTS_ADDRESS;

/** Where results go. */
export const R = `(i32.const ${RESULT_ADDRESS})`;

type Argument = string | number | bigint;

function argument(value: Argument): string {
  if (typeof value === 'string') return value;
  return typeof value === 'bigint' ? `(i64.const ${value})` : `(i32.const ${value})`;
}

/** A call of an import by its short name (`functions.ts`). */
export function call(name: string, ...values: readonly Argument[]): string {
  return `(call $${name} ${values.map(argument).join(' ')})`;
}

/** The same, without its result. */
export function drop(name: string, ...values: readonly Argument[]): string {
  return `(drop ${call(name, ...values)})`;
}

export function put(local: string, value: Argument): string {
  return `(local.set $${local} ${argument(value)})`;
}

export function get(local: string): string {
  return `(local.get $${local})`;
}

/** Address and length of a constant text, as two arguments. */
export function text(value: string): string {
  const bytes = Buffer.from(value, 'latin1');
  let at = texts.get(value);
  if (at === undefined) {
    at = nextText;
    texts.set(value, at);
    nextText = (at + bytes.length + 8) & ~7;
    if (nextText > HEAP_ADDRESS) throw new RangeError('the texts of the rows do not fit');
  }
  return `(i32.const ${at}) (i32.const ${bytes.length})`;
}

/** Text whose bytes are 32-bit words, for lists of what is no text. */
export function words(...values: readonly number[]): string {
  return Buffer.from(Uint32Array.from(values).buffer).toString('latin1');
}

/** The address alone. */
export function address(value: string): number {
  text(value);
  return texts.get(value)!;
}

export function dataSegments(): string {
  return [...texts]
    .map(([value, at]) => {
      const bytes = Buffer.from(value, 'latin1');
      return `(data (i32.const ${at}) "${[...bytes].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')}")`;
    })
    .join('\n');
}

export const u8 = (offset: number): string => `(i32.load8_u (i32.const ${RESULT_ADDRESS + offset}))`;
export const u32 = (offset: number): string => `(i32.load (i32.const ${RESULT_ADDRESS + offset}))`;
export const u64 = (offset: number): string => `(i64.load (i32.const ${RESULT_ADDRESS + offset}))`;

/** Traps unless it holds: the guest's own assertions. */
export function holds(condition: string): string {
  return `(if (i32.eqz ${condition}) (then unreachable))`;
}

export function is(value: string, expected: number): string {
  return holds(`(i32.eq ${value} (i32.const ${expected}))`);
}

export function isLong(value: string, expected: bigint): string {
  return holds(`(i64.eq ${value} (i64.const ${expected}))`);
}

/** The bytes whose address and length lie at these offsets of the result. */
export function isText(offset: number, expected: string): string {
  return holds(`(call $same ${u32(offset)} ${u32(offset + 4)} ${text(expected)})`);
}

/** A text of which address and length lie at an address. */
export function isTextAt(at: string, expected: string): string {
  return holds(`(call $same (i32.load ${at}) (i32.load offset=4 ${at}) ${text(expected)})`);
}

/** Repeats with `$f` as its counter. */
export function times(count: number, body: string): string {
  return `(local.set $f (i32.const ${count})) (loop $again ${body}
    (local.set $f (i32.sub (local.get $f) (i32.const 1))) (br_if $again (local.get $f)))`;
}
