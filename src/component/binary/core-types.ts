import { PAGE_BYTES } from './limits.ts';
import type { Reader } from './reader.ts';
import { Refusal } from './refusal.ts';
import type { Walk } from './walk.ts';

/** Value types of WebAssembly without garbage collection, exceptions and typed function references. */
const VALUE_TYPES: ReadonlySet<number> = new Set([0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f]);
const REFERENCE_TYPES: ReadonlySet<number> = new Set([0x70, 0x6f]);
const FUNCTION_TYPE = 0x60;
/** `sub`, `sub final`, `rec`, `struct`, `array`. */
const COLLECTED_TYPES: ReadonlySet<number> = new Set([0x50, 0x4f, 0x4e, 0x5f, 0x5e]);
const EXCEPTION_REFERENCES: ReadonlySet<number> = new Set([0x69, 0x74]);

export function coreValueType(reader: Reader): void {
  const type = reader.u8();
  if (VALUE_TYPES.has(type)) return;
  if (EXCEPTION_REFERENCES.has(type)) throw new Refusal('HW2108', 'a core module uses exception references');
  throw new Refusal('HW2107', `a core module uses the value type ${hex(type)}`);
}

/** One entry of a type section: only plain function types. */
export function coreType(reader: Reader, walk: Walk): void {
  const form = reader.u8();
  if (COLLECTED_TYPES.has(form)) throw new Refusal('HW2107', `a core module declares the type ${hex(form)}`);
  if (form !== FUNCTION_TYPE) throw new Refusal('HW2102', `a core module declares an unknown type ${hex(form)}`);
  walk.list(reader, coreValueType);
  walk.list(reader, coreValueType);
}

export interface Limits {
  readonly initial: number;
  readonly maximum: number | undefined;
}

/** Limits of a memory or table. The flags: 1 maximum present, 2 shared, 4 64-bit, 8 custom page size. */
export function coreLimits(reader: Reader, what: string): Limits {
  const flags = reader.u8();
  if (flags > 15) throw new Refusal('HW2102', `${what} has unknown flags ${hex(flags)}`);
  if ((flags & 2) !== 0) throw new Refusal('HW2105', `${what} is shared`);
  if ((flags & 4) !== 0) throw new Refusal('HW2106', `${what} has 64-bit addresses`);
  if ((flags & 8) !== 0) throw new Refusal('HW2108', `${what} has a page size of its own`);
  const initial = reader.u32();
  return { initial, maximum: flags === 1 ? reader.u32() : undefined };
}

export function tableType(reader: Reader, walk: Walk): Limits & { readonly element: number } {
  const element = reader.u8();
  if (element === 0x40) throw new Refusal('HW2108', 'a table has an initial value');
  if (!REFERENCE_TYPES.has(element)) throw new Refusal('HW2107', `a table holds the type ${hex(element)}`);
  const limits = coreLimits(reader, 'a table');
  if (limits.initial > walk.limits.tableElements) {
    throw new Refusal(
      'HW2110',
      `a table starts with ${limits.initial} elements; at most ${walk.limits.tableElements} are accepted`,
    );
  }
  return { ...limits, element };
}

export function memoryType(reader: Reader, walk: Walk): Limits {
  const limits = coreLimits(reader, 'a memory');
  if (limits.initial > walk.memoryPages) {
    throw new Refusal(
      'HW2109',
      `a memory starts with ${limits.initial * PAGE_BYTES} bytes; limits.memory is ${walk.memoryPages * PAGE_BYTES}`,
    );
  }
  return limits;
}

export function globalType(reader: Reader): void {
  coreValueType(reader);
  if (reader.u8() > 1) throw new Refusal('HW2105', 'a global is shared');
}

/** What a core import or a module type's import or export asks for. */
export function coreImportType(reader: Reader, walk: Walk): void {
  const kind = reader.u8();
  if (kind === 0) reader.u32();
  else if (kind === 1) tableType(reader, walk);
  else if (kind === 2) memoryType(reader, walk);
  else if (kind === 3) globalType(reader);
  else if (kind === 4) throw new Refusal('HW2108', 'a core module imports an exception tag');
  else throw new Refusal('HW2102', `a core module imports an unknown kind ${hex(kind)}`);
}

export function hex(value: number): string {
  return `0x${value.toString(16).padStart(2, '0')}`;
}
