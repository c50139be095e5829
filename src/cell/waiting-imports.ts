/**
 * The code between a guest and an import that may wait. V8 compiles it for an instance, 0.3 ms for each signature that the process has
 * not had yet, and keeps it for as long as an instance has it. So a process that waits makes one that imports a function of
 * each of these, and holds on to it.
 */

type Parameters = readonly ('i32' | 'i64')[];

/** Of all that `model/blocking.ts` lists but `set-times` and `link-at`. None has a result: it goes where the last parameter points to. */
export const WAITING_SIGNATURES: readonly Parameters[] = [
  ['i32'],
  ['i32', 'i32'],
  ['i32', 'i32', 'i32'],
  ['i32', 'i64', 'i32'],
  ['i32', 'i32', 'i32', 'i32'],
  ['i32', 'i32', 'i64', 'i32'],
  ['i32', 'i64', 'i64', 'i32'],
  ['i32', 'i32', 'i32', 'i32', 'i32'],
  ['i32', 'i32', 'i32', 'i64', 'i32'],
  ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
  ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
];

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const VALUE_TYPES = { i32: 0x7f, i64: 0x7e } as const;
const FUNCTION_TYPE = 0x60;
const FUNCTION = 0;
const Section = { Type: 1, Import: 2 } as const;
/** Of the imports: the module's name, and that of the first function. */
const MODULE_NAME = 'w';
const FIRST_NAME = 'a';

/** The collector takes the code with the last instance that has it. */
const kept: WebAssembly.Instance[] = [];

/** Once `WebAssembly.Suspending` is ours. */
export function compileWaitingImports(): void {
  // Of as many declared parameters as the guard of `suspension.ts`: V8 tells imports apart by that, too.
  const wait = new WebAssembly.Suspending((..._arguments: readonly unknown[]) => undefined);
  const functions = Object.fromEntries(WAITING_SIGNATURES.map((_, index) => [nameOf(index), wait]));
  const module = new WebAssembly.Module(importing(WAITING_SIGNATURES));
  kept.push(new WebAssembly.Instance(module, { [MODULE_NAME]: functions }));
}

function importing(signatures: readonly Parameters[]): Uint8Array<ArrayBuffer> {
  const types = signatures.map((parameters) => {
    return [FUNCTION_TYPE, parameters.length, ...parameters.map((type) => VALUE_TYPES[type]), 0];
  });
  const imports = signatures.map((_, index) => [...name(MODULE_NAME), ...name(nameOf(index)), FUNCTION, index]);
  return Uint8Array.from([...HEADER, ...section(Section.Type, types), ...section(Section.Import, imports)]);
}

/** All lengths here are below 128: one byte each. */
function section(id: number, entries: readonly (readonly number[])[]): number[] {
  const content = [entries.length, ...entries.flat()];
  return [id, content.length, ...content];
}

function name(text: string): number[] {
  return [text.length, ...Buffer.from(text)];
}

function nameOf(index: number): string {
  return String.fromCharCode(FIRST_NAME.charCodeAt(0) + index);
}
