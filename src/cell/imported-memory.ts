/**
 * A core module that defines its memory → the same module, importing it. Everything else keeps its place: imports come before
 * definitions, so the memory's index is what it was.
 *
 * The binary has been admitted (`component/binary`): what is not of the shape that is expected here is left as it is.
 */

export interface MemoryShape {
  /** Pages of 64 KiB. */
  readonly initial: number;
  readonly maximum: number;
}

export interface ImportingModule {
  readonly bytes: Uint8Array;
  readonly memory: MemoryShape;
}

/** No name that a guest may import from has a blank. */
export const MEMORY_MODULE = 'the cell';
export const MEMORY_NAME = 'memory';

const HEADER_BYTES = 8;
const Section = { Custom: 0, Type: 1, Import: 2, Memory: 5 } as const;
const WITH_MAXIMUM = 1;
const MEMORY_KIND = 2;

/** @returns `undefined` where the module defines no memory, or several, or one without a maximum or larger than `maxPages`. */
export function importingMemory(bytes: Uint8Array, maxPages: number): ImportingModule | undefined {
  const sections = sectionsOf(bytes);
  const defined = sections?.find(({ id }) => id === Section.Memory);
  const memory = defined && onlyMemory(defined.body);
  if (!sections || !memory || memory.initial > maxPages) return undefined;
  const head: Uint8Array[] = [bytes.subarray(0, HEADER_BYTES)];
  const rest: Uint8Array[] = [];
  let imports: Uint8Array = Uint8Array.of(0);
  for (const { id, body, whole } of sections) {
    if (id === Section.Import) imports = body;
    else if (id === Section.Type || (id === Section.Custom && rest.length === 0)) head.push(whole);
    else if (id !== Section.Memory) rest.push(whole);
  }
  const importing = withMemory(imports, memory);
  return {
    bytes: Buffer.concat([...head, Buffer.from([Section.Import, ...leb(importing.length)]), importing, ...rest]),
    memory,
  };
}

interface SectionOfModule {
  readonly id: number;
  readonly body: Uint8Array;
  /** With its id and length. */
  readonly whole: Uint8Array;
}

function sectionsOf(bytes: Uint8Array): SectionOfModule[] | undefined {
  const sections: SectionOfModule[] = [];
  let at = HEADER_BYTES;
  while (at < bytes.length) {
    const [length, start] = readLeb(bytes, at + 1);
    const end = start + length;
    if (end > bytes.length) return undefined;
    sections.push({ id: bytes[at]!, body: bytes.subarray(start, end), whole: bytes.subarray(at, end) });
    at = end;
  }
  return sections;
}

function onlyMemory(body: Uint8Array): MemoryShape | undefined {
  if (body[0] !== 1 || body[1] !== WITH_MAXIMUM) return undefined;
  const [initial, afterInitial] = readLeb(body, 2);
  const [maximum, end] = readLeb(body, afterInitial);
  return end === body.length ? { initial, maximum } : undefined;
}

/** The import section with the memory behind what is imported already. */
function withMemory(imports: Uint8Array, { initial, maximum }: MemoryShape): Uint8Array {
  const [count, start] = readLeb(imports, 0);
  const entry = [
    ...name(MEMORY_MODULE),
    ...name(MEMORY_NAME),
    MEMORY_KIND,
    WITH_MAXIMUM,
    ...leb(initial),
    ...leb(maximum),
  ];
  return Buffer.concat([Buffer.from(leb(count + 1)), imports.subarray(start), Buffer.from(entry)]);
}

function name(text: string): number[] {
  return [text.length, ...Buffer.from(text, 'latin1')];
}

/** The number, and where it ends. */
function readLeb(bytes: Uint8Array, start: number): readonly [value: number, end: number] {
  let value = 0;
  let at = start;
  for (let factor = 1; ; factor *= 0x80) {
    const byte = bytes[at++] ?? 0;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return [value, at];
  }
}

function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return bytes;
}
