/**
 * A core module that defines its memory imports it instead (ADR 0174), so that a cell can give an instance the memory of one that
 * is gone. The one entry of the memory section moves to the end of the import section: imports come before definitions, so the
 * memory's index is what it was.
 *
 * The module has been admitted and transpiled. Before that it could not be done, for no component may be instantiated without
 * what its modules import.
 */
import {
  MEMORY_MODULE,
  MEMORY_NAME,
  MEMORY_SECTION,
  memorySection,
  type MemoryShape,
} from '../../model/imported-memory.ts';
import { extended, Kind, moduleOf, nameOf, replaced, Section, sectionsOf } from './core-sections.ts';
import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

/** A larger one is not worth filling with zeros, nor keeping. */
export const MAX_IMPORTED_PAGES = 16;

const WITH_MAXIMUM = 1;

/**
 * @returns the same bytes where the module defines no memory, or several, or one that is too large.
 * @throws Refusal where it is no module.
 */
export function importMemory(bytes: Uint8Array): Uint8Array {
  const sections = sectionsOf(bytes);
  const of = (id: number): Uint8Array | undefined => sections.find((section) => section.id === id)?.body;
  const memory = onlyMemory(of(Section.Memory));
  if (!memory || memory.initial > MAX_IMPORTED_PAGES) return bytes;
  const others = sections.filter(({ id }) => id !== Section.Memory);
  const imports = extended(of(Section.Import), [importOf(memory)]);
  return moduleOf([
    ...replaced(others, new Map([[Section.Import, imports]])),
    { id: Section.Custom, body: sectionOf(memory) },
  ]);
}

/** Admission has given it a maximum. */
function onlyMemory(body: Uint8Array | undefined): MemoryShape | undefined {
  const reader = new Reader(body ?? Uint8Array.of(0));
  if (reader.u32() !== 1 || reader.u8() !== WITH_MAXIMUM) return undefined;
  return { initial: reader.u32(), maximum: reader.u32() };
}

function importOf({ initial, maximum }: MemoryShape): Uint8Array {
  const writer = new Writer();
  writer.bytes(nameOf(MEMORY_MODULE));
  writer.bytes(nameOf(MEMORY_NAME));
  writer.u8(Kind.Memory);
  writer.u8(WITH_MAXIMUM);
  writer.u32(initial);
  writer.u32(maximum);
  return writer.finish();
}

function sectionOf(memory: MemoryShape): Uint8Array {
  const writer = new Writer();
  writer.bytes(nameOf(MEMORY_SECTION));
  writer.bytes(memorySection(memory));
  return writer.finish();
}
