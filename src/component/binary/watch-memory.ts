/**
 * What a core module does with its memories and tables, made visible to the cell (ADR 0156): a memory that it keeps to itself is
 * exported, and a `memory.grow` beyond `limits.memory` or a `table.grow` beyond what a table may have, which the guest alone would
 * know of, is counted in a global. All under names that no component can have, for a space is in none.
 *
 * Everything new stands at the end of its index space, so that nothing in the module has another number than before. What
 * does not parse is left as it is: it does not compile either.
 */
import { WATCHED_MEMORY, WATCHED_REFUSALS, WATCHED_TABLE_REFUSALS } from '../../model/watched-memory.ts';
import {
  countOf,
  exportOf,
  extended,
  Kind,
  listOf,
  replaced,
  Section,
  skipLimits,
  type CoreSection,
} from './core-sections.ts';
import { growsIn, isPlain, type Grow } from './instructions.ts';
import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

/** `(global (mut i32) (i32.const 0))` */
const COUNTER = Uint8Array.of(0x7f, 1, 0x41, 0, 0x0b);
const CALL = 0x10;
const I32 = 0x7f;

/** What one memory, and one table, may have. */
export interface GrowthLimits {
  /** `limits.memory`. */
  readonly pages: number;
  readonly elements: number;
}

type Sections = (id: number) => Uint8Array | undefined;

/** Something that the module grows, and the function that does it in the place of the instruction. */
interface Grown {
  readonly grows: Grow['grows'];
  readonly index: number;
}

/**
 * @param limits A module with a lower maximum of its own, which refuses it as well, is told of where it asked for more than both.
 */
export function watchMemory(sections: readonly CoreSection[], limits: GrowthLimits): readonly CoreSection[] {
  const of: Sections = (id) => sections.find((section) => section.id === id)?.body;
  const imports = importsOf(of(Section.Import));
  const memories = imports.memories + countOf(of(Section.Memory));
  const tables = [...imports.tables, ...elementsOf(of(Section.Table))];
  if (memories + tables.length === 0) return sections;
  const changed = new Map<number, Uint8Array>();
  const exported = hidden(imports.memories, memories, of(Section.Export)).map((index) =>
    exportOf(`${WATCHED_MEMORY}${index}`, Kind.Memory, index),
  );
  const bodies = bodiesOf(of(Section.Code));
  const grown = grownIn(bodies ?? []);
  const isKnown = grown.every(({ grows, index }) => index < (grows === 'Memory' ? memories : tables.length));
  if (bodies && grown.length > 0 && isKnown) {
    const counted = COUNTED.filter(([kind]) => grown.some(({ grows }) => grows === kind));
    const firstCounter = imports.globals + countOf(of(Section.Global));
    const counterOf = new Map(counted.map(([kind], at) => [kind, firstCounter + at]));
    const { types, functions, code } = growing(of, bodies, grown, { imports, tables, limits, counterOf });
    changed.set(Section.Type, extended(of(Section.Type), types));
    changed.set(Section.Function, extended(of(Section.Function), functions));
    changed.set(
      Section.Global,
      extended(
        of(Section.Global),
        counted.map(() => COUNTER),
      ),
    );
    changed.set(Section.Code, code);
    exported.push(...counted.map(([kind, name]) => exportOf(name, Kind.Global, counterOf.get(kind)!)));
  }
  if (exported.length > 0) changed.set(Section.Export, extended(of(Section.Export), exported));
  return replaced(sections, changed);
}

const COUNTED = [
  ['Memory', WATCHED_REFUSALS],
  ['Table', WATCHED_TABLE_REFUSALS],
] as const;

function grownIn(bodies: readonly Body[]): readonly Grown[] {
  const all = bodies.flatMap((body) => body.grows);
  return [...new Map(all.map(({ grows, index }) => [`${grows} ${index}`, { grows, index }])).values()];
}

interface Around {
  readonly imports: Imports;
  /** Types of their elements. */
  readonly tables: readonly number[];
  readonly limits: GrowthLimits;
  readonly counterOf: ReadonlyMap<Grow['grows'], number>;
}

/** A function for each thing that is grown, of a type of its own, and the bodies that call it. */
function growing(of: Sections, bodies: readonly Body[], grown: readonly Grown[], around: Around) {
  const { imports, tables, limits, counterOf } = around;
  const firstType = countOf(of(Section.Type));
  const firstHelper = imports.functions + countOf(of(Section.Function));
  const helperOf = new Map(grown.map(({ grows, index }, at) => [`${grows} ${index}`, firstHelper + at]));
  const helpers = grown.map(({ grows, index }) => {
    const counter = counterOf.get(grows)!;
    return sized(
      grows === 'Memory' ? memoryHelper(index, limits.pages, counter) : tableHelper(index, limits.elements, counter),
    );
  });
  return {
    types: grown.map(({ grows, index }) => growType(grows === 'Memory' ? [I32] : [tables[index]!, I32])),
    functions: grown.map((_, at) => integer(firstType + at)),
    code: listOf([...bodies.map((body) => rewritten(body, helperOf)), ...helpers]),
  };
}

function growType(parameters: readonly number[]): Uint8Array {
  return Uint8Array.of(0x60, parameters.length, ...parameters, 1, I32);
}

interface Imports {
  functions: number;
  memories: number;
  globals: number;
  /** Types of their elements. */
  readonly tables: number[];
}

function importsOf(body: Uint8Array | undefined): Imports {
  const imports: Imports = { functions: 0, memories: 0, globals: 0, tables: [] };
  const reader = new Reader(body ?? Uint8Array.of(0));
  for (let left = reader.u32(); left > 0; left -= 1) {
    reader.name();
    reader.name();
    const kind = reader.u8();
    if (kind === Kind.Function) {
      imports.functions += 1;
      reader.u32();
    } else if (kind === Kind.Global) {
      imports.globals += 1;
      reader.bytes(2);
    } else {
      if (kind === Kind.Table) imports.tables.push(reader.u8());
      else imports.memories += 1;
      skipLimits(reader);
    }
  }
  return imports;
}

/** Of each table, the type of what is in it. */
function elementsOf(body: Uint8Array | undefined): readonly number[] {
  const reader = new Reader(body ?? Uint8Array.of(0));
  return Array.from({ length: reader.u32() }, () => {
    const element = reader.u8();
    skipLimits(reader);
    return element;
  });
}

/** Its own memories that it does not export. */
function hidden(imported: number, memories: number, exports: Uint8Array | undefined): readonly number[] {
  const seen = new Set<number>();
  if (exports) {
    const reader = new Reader(exports);
    for (let left = reader.u32(); left > 0; left -= 1) {
      reader.name();
      const kind = reader.u8();
      const index = reader.u32();
      if (kind === Kind.Memory) seen.add(index);
    }
  }
  return Array.from({ length: memories }, (_, index) => index).filter((index) => index >= imported && !seen.has(index));
}

interface Body {
  /** With its locals, without its size. */
  readonly bytes: Uint8Array;
  readonly grows: readonly Grow[];
}

/** `undefined` where there is an instruction or a type that is not known. */
function bodiesOf(code: Uint8Array | undefined): readonly Body[] | undefined {
  const bodies: Body[] = [];
  if (!code) return bodies;
  const reader = new Reader(code);
  for (let left = reader.u32(); left > 0; left -= 1) {
    const bytes = reader.bytes(reader.u32());
    const locals = new Reader(bytes);
    for (let groups = locals.u32(); groups > 0; groups -= 1) {
      locals.u32();
      if (!isPlain(locals.u8())) return undefined;
    }
    const grows = growsIn(bytes, locals.at, bytes.length);
    if (!grows) return undefined;
    bodies.push({ bytes, grows });
  }
  return bodies;
}

function rewritten({ bytes, grows }: Body, helperOf: ReadonlyMap<string, number>): Uint8Array {
  const writer = new Writer();
  let from = 0;
  for (const { grows: kind, begin, end, index } of grows) {
    writer.bytes(bytes.subarray(from, begin));
    writer.u8(CALL);
    writer.u32(helperOf.get(`${kind} ${index}`)!);
    from = end;
  }
  writer.bytes(bytes.subarray(from));
  return sized(writer.finish());
}

/** Grows the memory as it was asked to, and counts before it where more is asked than it may ever have. */
function memoryHelper(memory: number, pages: number, counter: number): Uint8Array {
  const writer = counting(0, pages, counter, (size) => {
    size.u8(0x3f);
    size.u32(memory);
  });
  // `(memory.grow (local.get 0))`
  writer.bytes(Uint8Array.of(0x20, 0, 0x40));
  writer.u32(memory);
  writer.u8(0x0b);
  return writer.finish();
}

/** The same of a table, which is told before how much is asked what it is to be filled with. */
function tableHelper(table: number, elements: number, counter: number): Uint8Array {
  const writer = counting(1, elements, counter, (size) => {
    size.bytes(Uint8Array.of(0xfc, 16));
    size.u32(table);
  });
  // `(table.grow (local.get 0) (local.get 1))`
  writer.bytes(Uint8Array.of(0x20, 0, 0x20, 1, 0xfc, 15));
  writer.u32(table);
  writer.u8(0x0b);
  return writer.finish();
}

/** No locals. Counts where what is asked for is more than the limit leaves. */
function counting(asked: number, limit: number, counter: number, size: (writer: Writer) => void): Writer {
  const writer = new Writer();
  // `(i32.gt_u (local.get asked) (i32.sub (i32.const limit) (size)))`
  writer.bytes(Uint8Array.of(0, 0x20, asked, 0x41));
  writer.bytes(signed(limit));
  size(writer);
  // `(if (then (global.set (i32.add (global.get) (i32.const 1)))))`
  writer.bytes(Uint8Array.of(0x6b, 0x4b, 0x04, 0x40, 0x23));
  writer.u32(counter);
  writer.bytes(Uint8Array.of(0x41, 1, 0x6a, 0x24));
  writer.u32(counter);
  writer.u8(0x0b);
  return writer;
}

/** Signed LEB128 of what is not negative. */
function signed(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7) {
    if (rest < 0x40) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}

function integer(value: number): Uint8Array {
  const writer = new Writer();
  writer.u32(value);
  return writer.finish();
}

function sized(bytes: Uint8Array): Uint8Array {
  const writer = new Writer();
  writer.u32(bytes.length);
  writer.bytes(bytes);
  return writer.finish();
}
