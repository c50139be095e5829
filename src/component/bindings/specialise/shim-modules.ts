/**
 * The two core modules that `wit-component` puts around a guest whose imports need its memory: a shim that the guest is
 * linked with, of functions that call what a table holds, and one that fills the table once the guest, and so its memory, is
 * there. Both are made again here from what they declare and compared to the last byte, so that what they do is known.
 */
import { Reader } from '../../binary/reader.ts';
import { Refusal } from '../../binary/refusal.ts';
import { Writer } from '../../binary/writer.ts';

const HEADER = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00);
const Section = { Type: 1, Import: 2, Function: 3, Table: 4, Export: 7, Element: 9, Code: 10 } as const;
const Kind = { Function: 0, Table: 1 } as const;
const FUNCTION_TYPE = 0x60;
const FUNCTION_REFERENCE = 0x70;
const Op = { End: 0x0b, CallIndirect: 0x11, LocalGet: 0x20, I32Const: 0x41 } as const;

/** Names that `wit-component` gives. */
const TABLE = '$imports';
const [ACTUAL, SHIM] = ['actual', 'shim'];

interface Declared {
  /** The section of types as it is. */
  readonly types: Uint8Array;
  /** Of each type, how many parameters it has. */
  readonly parameters: readonly number[];
  /** Of each function, its type. */
  readonly functions: readonly number[];
}

/** How many functions the shim has; `undefined` where the two are anything but a shim and what fills it. */
export function shimmedFunctions(shim: Uint8Array, filler: Uint8Array): number | undefined {
  const declared = declaredBy(shim);
  if (!declared || !same(shim, shimOf(declared)) || !same(filler, fillerOf(declared))) return undefined;
  return declared.functions.length;
}

function declaredBy(shim: Uint8Array): Declared | undefined {
  try {
    const reader = new Reader(shim);
    reader.bytes(HEADER.length);
    const types = section(reader, Section.Type);
    const functions = section(reader, Section.Function);
    if (!types || !functions) return undefined;
    const [typeReader, functionReader] = [new Reader(types), new Reader(functions)];
    return {
      types,
      parameters: list(typeReader, () => parametersOf(typeReader)),
      functions: list(functionReader, () => functionReader.u32()),
    };
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

function section(reader: Reader, id: number): Uint8Array | undefined {
  return reader.u8() === id ? reader.bytes(reader.u32()) : undefined;
}

/** One entry after the other, so that a length that is a lie ends with the bytes. */
function list<T>(reader: Reader, entry: () => T): T[] {
  const entries: T[] = [];
  for (let left = reader.u32(); left > 0; left -= 1) entries.push(entry());
  return entries;
}

function parametersOf(reader: Reader): number {
  if (reader.u8() !== FUNCTION_TYPE) throw new Refusal('HW2102', 'a shim has a type of another form');
  const parameters = reader.u32();
  reader.bytes(parameters);
  reader.bytes(reader.u32());
  return parameters;
}

function shimOf({ types, parameters, functions }: Declared): Uint8Array {
  const writer = new Writer();
  writer.bytes(HEADER);
  writer.section(Section.Type, types);
  writer.section(
    Section.Function,
    entries(functions, (into, type) => into.u32(type)),
  );
  writer.section(
    Section.Table,
    entries([0], (into) => table(into, functions.length)),
  );
  const names = [...functions.keys()].map(String);
  writer.section(
    Section.Export,
    entries([...names, TABLE], (into, item, index) => {
      name(into, item);
      into.u8(item === TABLE ? Kind.Table : Kind.Function);
      into.u32(item === TABLE ? 0 : index);
    }),
  );
  writer.section(
    Section.Code,
    entries(functions, (into, type, index) => {
      const body = bodyOf(type, parameters[type] ?? 0, index);
      into.u32(body.length);
      into.bytes(body);
    }),
  );
  return writer.finish();
}

/** Hands all parameters on to the function at `index` of the table. */
function bodyOf(type: number, parameters: number, index: number): Uint8Array {
  const body = new Writer();
  body.u32(0);
  for (let parameter = 0; parameter < parameters; parameter += 1) {
    body.u8(Op.LocalGet);
    body.u32(parameter);
  }
  body.u8(Op.I32Const);
  signed(body, index);
  body.u8(Op.CallIndirect);
  body.u32(type);
  body.u32(0);
  body.u8(Op.End);
  return body.finish();
}

function fillerOf({ types, functions }: Declared): Uint8Array {
  const writer = new Writer();
  writer.bytes(HEADER);
  writer.section(Section.Type, types);
  writer.section(
    Section.Import,
    entries([...functions, TABLE], (into, item, index) => {
      name(into, item === TABLE ? SHIM! : ACTUAL!);
      name(into, item === TABLE ? TABLE : String(index));
      into.u8(typeof item === 'number' ? Kind.Function : Kind.Table);
      if (typeof item === 'number') into.u32(item);
      else table(into, functions.length);
    }),
  );
  const elements = new Writer();
  // One segment, for table 0, from element 0 on.
  elements.bytes(Uint8Array.of(1, 0, Op.I32Const, 0, Op.End));
  elements.bytes(entries([...functions.keys()], (into, index) => into.u32(index)));
  writer.section(Section.Element, elements.finish());
  return writer.finish();
}

/** Of functions, as many as it has to hold and no more. */
function table(writer: Writer, length: number): void {
  writer.u8(FUNCTION_REFERENCE);
  writer.u8(1);
  writer.u32(length);
  writer.u32(length);
}

function entries<T>(items: readonly T[], write: (into: Writer, item: T, index: number) => void): Uint8Array {
  const writer = new Writer();
  writer.u32(items.length);
  for (const [index, item] of items.entries()) write(writer, item, index);
  return writer.finish();
}

function name(writer: Writer, text: string): void {
  writer.u32(text.length);
  writer.bytes(new TextEncoder().encode(text));
}

/** Signed LEB128 of what is not negative: the last byte has no sign. */
function signed(writer: Writer, value: number): void {
  let rest = value;
  while (rest >= 0x40) {
    writer.u8((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  writer.u8(rest);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
