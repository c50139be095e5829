/**
 * How a core module of a bundle says that it imports the memory that it once defined (ADR 0174): under a name with a space, which no
 * name of a component has, and with a section of its own, of which admission leaves none to a component. The section tells of
 * what size the memory is to be; an engine tells nobody, and asking it for all imports costs more than asking for a section.
 */
export const MEMORY_MODULE = 'headway own';
export const MEMORY_NAME = 'memory';
export const MEMORY_SECTION = 'headway own memory';

/** In pages of 64 KiB. */
export interface MemoryShape {
  readonly initial: number;
  readonly maximum: number;
}

const SECTION_BYTES = 8;

/** What the section says. */
export function memorySection({ initial, maximum }: MemoryShape): Uint8Array {
  const view = new DataView(new ArrayBuffer(SECTION_BYTES));
  view.setUint32(0, initial, true);
  view.setUint32(4, maximum, true);
  return new Uint8Array(view.buffer);
}

/** @param section absent where the module has none: its memories, if it has any, are its own. */
export function memoryShape(section: ArrayBuffer | undefined): MemoryShape | undefined {
  if (section?.byteLength !== SECTION_BYTES) return undefined;
  const view = new DataView(section);
  return { initial: view.getUint32(0, true), maximum: view.getUint32(4, true) };
}
