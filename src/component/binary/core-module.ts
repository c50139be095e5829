import { CORE_HEADER, moduleOf, Section, type CoreSection } from './core-sections.ts';
import { coreImportType, coreType, hex, memoryType, tableType } from './core-types.ts';
import { Reader } from './reader.ts';
import { Refusal } from './refusal.ts';
import type { Walk } from './walk.ts';
import { watchMemory } from './watch-memory.ts';
import { Writer } from './writer.ts';

const LAST_SECTION = Section.Tag;

/**
 * Walks one core module and returns it with maxima written into its tables and memories, without custom sections, and with its
 * memories watched. Function bodies are looked into for what grows a memory only, and data not at all: what they can do is
 * bounded by the types, imports and limits that are.
 */
export function walkCoreModule(bytes: Uint8Array, walk: Walk): Uint8Array {
  walk.coreModule();
  const reader = new Reader(bytes);
  if (!startsWith(reader.bytes(CORE_HEADER.length), CORE_HEADER))
    throw new Refusal('HW2102', 'a core module has no header');
  const sections: CoreSection[] = [];
  while (!reader.done) {
    walk.charge(1);
    const id = reader.u8();
    const body = reader.bytes(reader.u32());
    if (id !== Section.Custom) sections.push({ id, body: walkSection(id, body, walk) });
  }
  return moduleOf(watchMemory(sections, { pages: walk.memoryPages, elements: walk.limits.tableElements }));
}

function walkSection(id: number, body: Uint8Array, walk: Walk): Uint8Array {
  const reader = new Reader(body);
  switch (id) {
    case Section.Type:
      walk.list(reader, () => coreType(reader, walk));
      break;
    case Section.Import:
      walk.list(reader, () => walkImport(reader, walk));
      break;
    case Section.Export:
      walk.list(reader, () => walkExport(reader, walk));
      break;
    case Section.Table:
      return rewritten(reader, walk, clippedTable);
    case Section.Memory:
      return rewritten(reader, walk, cappedMemory);
    case Section.Tag:
      throw new Refusal('HW2108', 'a core module declares exception tags');
    default:
      if (id > LAST_SECTION) throw new Refusal('HW2102', `a core module has an unknown section ${hex(id)}`);
      return body;
  }
  reader.end('a section of a core module');
  return body;
}

function walkImport(reader: Reader, walk: Walk): void {
  walk.coreName(reader, 'the module of a core import');
  walk.coreName(reader, 'a core import');
  coreImportType(reader, walk);
}

function walkExport(reader: Reader, walk: Walk): void {
  walk.coreName(reader, 'a core export');
  reader.u8();
  reader.u32();
}

function rewritten(
  reader: Reader,
  walk: Walk,
  entry: (reader: Reader, writer: Writer, walk: Walk) => void,
): Uint8Array {
  const writer = new Writer();
  const count = reader.u32();
  walk.charge(count);
  writer.u32(count);
  for (let index = 0; index < count; index += 1) entry(reader, writer, walk);
  reader.end('a section of a core module');
  return writer.finish();
}

function clippedTable(reader: Reader, writer: Writer, walk: Walk): void {
  walk.table();
  const table = tableType(reader, walk);
  writer.u8(table.element);
  limits(writer, table.initial, Math.min(table.maximum ?? Infinity, walk.limits.tableElements));
}

function cappedMemory(reader: Reader, writer: Writer, walk: Walk): void {
  const { initial, maximum } = memoryType(reader, walk);
  const maximumPages = Math.min(maximum ?? Infinity, walk.memoryPages);
  walk.memory({ initialPages: initial, maximumPages });
  limits(writer, initial, maximumPages);
}

function limits(writer: Writer, initial: number, maximum: number): void {
  writer.u8(1);
  writer.u32(initial);
  writer.u32(maximum);
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return start.every((byte, index) => bytes[index] === byte);
}
