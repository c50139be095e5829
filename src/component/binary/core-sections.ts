/** The sections of a core module, as what admission adds to one needs them: read, extended at their ends, put in order. */
import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

export interface CoreSection {
  readonly id: number;
  readonly body: Uint8Array;
}

export const CORE_HEADER = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00);

/** Ids of the sections of a core module. */
export const Section = {
  Custom: 0,
  Type: 1,
  Import: 2,
  Function: 3,
  Table: 4,
  Memory: 5,
  Global: 6,
  Export: 7,
  Start: 8,
  Element: 9,
  Code: 10,
  Data: 11,
  DataCount: 12,
  Tag: 13,
} as const;
/** In this order, whatever their numbers are. */
const ORDER: readonly number[] = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];
/** Kinds of imports and exports. */
export const Kind = { Function: 0, Table: 1, Memory: 2, Global: 3 } as const;

/** @throws Refusal where no sections follow the header. */
export function sectionsOf(bytes: Uint8Array): readonly CoreSection[] {
  const reader = new Reader(bytes);
  reader.bytes(CORE_HEADER.length);
  const sections: CoreSection[] = [];
  while (!reader.done) sections.push({ id: reader.u8(), body: reader.bytes(reader.u32()) });
  return sections;
}

export function moduleOf(sections: readonly CoreSection[]): Uint8Array {
  const writer = new Writer();
  writer.bytes(CORE_HEADER);
  for (const { id, body } of sections) writer.section(id, body);
  return writer.finish();
}

export function exportOf(name: string, kind: number, index: number): Uint8Array {
  const writer = new Writer();
  writer.bytes(nameOf(name));
  writer.u8(kind);
  writer.u32(index);
  return writer.finish();
}

/** As the format writes it; ASCII. */
export function nameOf(name: string): Uint8Array {
  const writer = new Writer();
  writer.u32(name.length);
  writer.bytes(Buffer.from(name, 'latin1'));
  return writer.finish();
}

/** Of a memory or a table that admission has let in: a first size, and a maximum where there is one. */
export function skipLimits(reader: Reader): void {
  const hasMaximum = (reader.u8() & 1) !== 0;
  reader.u32();
  if (hasMaximum) reader.u32();
}

export function countOf(list: Uint8Array | undefined): number {
  return list ? new Reader(list).u32() : 0;
}

export function listOf(entries: readonly Uint8Array[]): Uint8Array {
  const writer = new Writer();
  writer.u32(entries.length);
  for (const entry of entries) writer.bytes(entry);
  return writer.finish();
}

/** A list with more at its end. */
export function extended(list: Uint8Array | undefined, entries: readonly Uint8Array[]): Uint8Array {
  const reader = new Reader(list ?? Uint8Array.of(0));
  const count = reader.u32();
  const writer = new Writer();
  writer.u32(count + entries.length);
  writer.bytes(reader.rest());
  for (const entry of entries) writer.bytes(entry);
  return writer.finish();
}

/** Sections that are changed, or new, in their place. */
export function replaced(
  sections: readonly CoreSection[],
  changed: ReadonlyMap<number, Uint8Array>,
): readonly CoreSection[] {
  const kept = sections.map(({ id, body }) => ({ id, body: changed.get(id) ?? body }));
  const added = [...changed].filter(([id]) => !sections.some((section) => section.id === id));
  return added.reduce<readonly CoreSection[]>((all, [id, body]) => {
    const after = all.findIndex((section) => ORDER.indexOf(section.id) > ORDER.indexOf(id));
    const at = after === -1 ? all.length : after;
    return [...all.slice(0, at), { id, body }, ...all.slice(at)];
  }, kept);
}
