/**
 * What a core module does with its memories, made visible to the cell (ADR 0156): a memory that it keeps to itself is exported, and
 * a `memory.grow` beyond `limits.memory`, which the guest alone would know of, is counted in a global. Both under names that no
 * component can have, for a space is in none.
 *
 * Everything new stands at the end of its index space, so that nothing in the module has another number than before. What
 * does not parse is left as it is: it does not compile either.
 */
import { WATCHED_MEMORY, WATCHED_REFUSALS } from '../../model/watched-memory.ts';
import { countOf, exportOf, extended, Kind, listOf, replaced, Section, type CoreSection } from './core-sections.ts';
import { growsIn, isPlain, type Grow } from './instructions.ts';
import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

/** `(func (param i32) (result i32))` */
const GROW_TYPE = Uint8Array.of(0x60, 1, 0x7f, 1, 0x7f);
/** `(global (mut i32) (i32.const 0))` */
const COUNTER = Uint8Array.of(0x7f, 1, 0x41, 0, 0x0b);
const CALL = 0x10;

/**
 * @param limitPages what `limits.memory` allows. A module with a lower maximum of its own, which refuses it as well, is told of
 * where it asked for more than both.
 */
export function watchMemory(sections: readonly CoreSection[], limitPages: number): readonly CoreSection[] {
  const of = (id: number): Uint8Array | undefined => sections.find((section) => section.id === id)?.body;
  const imports = importsOf(of(Section.Import));
  const imported = imports.get(Kind.Memory) ?? 0;
  const memories = imported + countOf(of(Section.Memory));
  if (memories === 0) return sections;
  const changed = new Map<number, Uint8Array>();
  const exported = hidden(imported, memories, of(Section.Export)).map((index) =>
    exportOf(`${WATCHED_MEMORY}${index}`, Kind.Memory, index),
  );
  const bodies = bodiesOf(of(Section.Code));
  const grown = bodies && [...new Set(bodies.flatMap(({ grows }) => grows.map(({ memory }) => memory)))];
  if (bodies && grown && grown.length > 0 && grown.every((memory) => memory < memories)) {
    const types = countOf(of(Section.Type));
    const counter = (imports.get(Kind.Global) ?? 0) + countOf(of(Section.Global));
    const firstHelper = (imports.get(Kind.Function) ?? 0) + countOf(of(Section.Function));
    const helperOf = new Map(grown.map((memory, index) => [memory, firstHelper + index]));
    changed.set(Section.Type, extended(of(Section.Type), [GROW_TYPE]));
    changed.set(
      Section.Function,
      extended(
        of(Section.Function),
        grown.map(() => integer(types)),
      ),
    );
    changed.set(Section.Global, extended(of(Section.Global), [COUNTER]));
    exported.push(exportOf(WATCHED_REFUSALS, Kind.Global, counter));
    const helpers = grown.map((memory) => sized(helper(memory, limitPages, counter)));
    changed.set(Section.Code, listOf([...bodies.map((body) => rewritten(body, helperOf)), ...helpers]));
  }
  if (exported.length > 0) changed.set(Section.Export, extended(of(Section.Export), exported));
  return replaced(sections, changed);
}

function importsOf(body: Uint8Array | undefined): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  if (!body) return counts;
  const reader = new Reader(body);
  for (let left = reader.u32(); left > 0; left -= 1) {
    reader.name();
    reader.name();
    const kind = reader.u8();
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    if (kind === Kind.Function) reader.u32();
    else if (kind === Kind.Global) reader.bytes(2);
    else {
      if (kind === Kind.Table) reader.u8();
      const hasMaximum = reader.u8() === 1;
      reader.u32();
      if (hasMaximum) reader.u32();
    }
  }
  return counts;
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

function rewritten({ bytes, grows }: Body, helperOf: ReadonlyMap<number, number>): Uint8Array {
  const writer = new Writer();
  let from = 0;
  for (const { begin, end, memory } of grows) {
    writer.bytes(bytes.subarray(from, begin));
    writer.u8(CALL);
    writer.u32(helperOf.get(memory)!);
    from = end;
  }
  writer.bytes(bytes.subarray(from));
  return sized(writer.finish());
}

/** Grows the memory as it was asked to, and counts before it where more is asked than it may ever have. */
function helper(memory: number, pages: number, counter: number): Uint8Array {
  const writer = new Writer();
  // No locals. `(i32.gt_u (local.get 0) (i32.sub (i32.const pages) (memory.size)))`
  writer.bytes(Uint8Array.of(0, 0x20, 0, 0x41));
  writer.bytes(signed(pages));
  writer.u8(0x3f);
  writer.u32(memory);
  // `(if (then (global.set (i32.add (global.get) (i32.const 1)))))`
  writer.bytes(Uint8Array.of(0x6b, 0x4b, 0x04, 0x40, 0x23));
  writer.u32(counter);
  writer.bytes(Uint8Array.of(0x41, 1, 0x6a, 0x24));
  writer.u32(counter);
  // `(memory.grow (local.get 0))`
  writer.bytes(Uint8Array.of(0x0b, 0x20, 0, 0x40));
  writer.u32(memory);
  writer.u8(0x0b);
  return writer.finish();
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
