import { coreImportType, coreType, hex } from './core-types.ts';
import type { Reader } from './reader.ts';
import { Refusal } from './refusal.ts';
import { bounded, type Walk } from './walk.ts';

/**
 * Types of the component model, read for the names in them and to refuse what is not WASI 0.2: streams, futures, error
 * contexts, asynchronous functions, values. Encoding: component-model/design/mvp/Binary.md.
 */
const FIRST_PRIMITIVE = 0x73; // string … 0x7f bool
const LAST_PRIMITIVE = 0x7f;

export function valueType(reader: Reader): void {
  // Negative one-byte numbers are primitives: 0x73 is -13, 0x7f is -1.
  const type = reader.s33();
  if (type >= 0 || (type >= FIRST_PRIMITIVE - 0x80 && type <= LAST_PRIMITIVE - 0x80)) return;
  throw new Refusal('HW2108', `the component uses a value type that WASI 0.2 does not have (${hex(type + 0x80)})`);
}

function optional(reader: Reader, read: (reader: Reader) => void): void {
  const present = reader.u8();
  if (present > 1) throw new Refusal('HW2102', 'an optional part is neither there nor absent');
  if (present === 1) read(reader);
}

/** One entry of a type section, or of the declarations in a component or instance type. */
export function componentType(reader: Reader, walk: Walk, depth: number): void {
  const form = reader.u8();
  if (form >= FIRST_PRIMITIVE && form <= LAST_PRIMITIVE) return;
  switch (form) {
    case 0x72:
      return walk.list(reader, () => labelled(reader, walk, 'a field'));
    case 0x71:
      return walk.list(reader, () => variantCase(reader, walk));
    case 0x70:
    case 0x6b:
      return valueType(reader);
    case 0x6f:
      return walk.list(reader, valueType);
    case 0x6e:
    case 0x6d:
      return walk.list(reader, () => walk.label(reader, 'a flag or enum case'));
    case 0x6a:
      optional(reader, valueType);
      return optional(reader, valueType);
    case 0x69:
    case 0x68:
      return void reader.u32();
    case 0x40:
      return functionType(reader, walk);
    case 0x3f:
      if (reader.u8() !== 0x7f) throw new Refusal('HW2106', 'a resource has a representation other than i32');
      return optional(reader, () => reader.u32());
    case 0x41:
    case 0x42:
      bounded(depth + 1, walk.limits.typeNesting, 'types within each other');
      return walk.list(reader, () => declaration(reader, walk, depth + 1));
    default:
      throw new Refusal('HW2108', `the component declares a type that WASI 0.2 does not have (${hex(form)})`);
  }
}

function labelled(reader: Reader, walk: Walk, what: string): void {
  walk.label(reader, what);
  valueType(reader);
}

function variantCase(reader: Reader, walk: Walk): void {
  walk.label(reader, 'a case');
  optional(reader, valueType);
  if (reader.u8() !== 0) throw new Refusal('HW2108', 'a case of a variant refines another');
}

function functionType(reader: Reader, walk: Walk): void {
  walk.list(reader, () => labelled(reader, walk, 'a parameter'));
  const results = reader.u8();
  if (results === 0) return valueType(reader);
  if (results !== 1) throw new Refusal('HW2102', 'a function type has an unknown form of result');
  walk.list(reader, () => labelled(reader, walk, 'a result'));
}

function declaration(reader: Reader, walk: Walk, depth: number): void {
  const kind = reader.u8();
  if (kind === 0) coreTypeDefinition(reader, walk);
  else if (kind === 1) componentType(reader, walk, depth);
  else if (kind === 2) alias(reader, walk);
  else if (kind === 3) {
    externNameAfterKind(reader, walk, 'an import');
    externType(reader);
  } else if (kind === 4) {
    externNameAfterKind(reader, walk, 'an export');
    externType(reader);
  } else throw new Refusal('HW2102', `a type has an unknown declaration ${hex(kind)}`);
}

/** Entry of a core type section: a function type or a module type. */
export function coreTypeDefinition(reader: Reader, walk: Walk): void {
  if (reader.peek() !== 0x50) return coreType(reader, walk);
  reader.u8();
  walk.list(reader, () => {
    const kind = reader.u8();
    if (kind === 0) {
      walk.coreName(reader, 'the module of a core import');
      walk.coreName(reader, 'a core import');
      coreImportType(reader, walk);
    } else if (kind === 1) coreType(reader, walk);
    else if (kind === 2) {
      // Only types of an enclosing scope: sort type (0x10), by position.
      if (reader.u8() !== 0x10 || reader.u8() !== 0x01)
        throw new Refusal('HW2102', 'a module type has an unknown alias');
      reader.u32();
      reader.u32();
    } else if (kind === 3) {
      walk.coreName(reader, 'a core export');
      coreImportType(reader, walk);
    } else throw new Refusal('HW2102', `a module type has an unknown declaration ${hex(kind)}`);
  });
}

/** The name of an import or export of a component; 0x02 would carry a version suffix or attributes. */
export function externNameAfterKind(reader: Reader, walk: Walk, what: string): string {
  const kind = reader.u8();
  if (kind > 1) throw new Refusal('HW2108', `${what} has a name of an unknown form (${hex(kind)})`);
  return walk.externName(reader, what);
}

export const ExternKind = { Module: 0, Function: 1, Value: 2, Type: 3, Component: 4, Instance: 5 } as const;

/** The type of an import or export; returns what kind of thing it is. */
export function externType(reader: Reader): { readonly kind: number; readonly isFreshResource: boolean } {
  const kind = reader.u8();
  if (kind === ExternKind.Value) throw new Refusal('HW2108', 'the component uses values');
  if (kind > ExternKind.Instance) throw new Refusal('HW2102', `an import or export has an unknown kind ${hex(kind)}`);
  if (kind === ExternKind.Module && reader.u8() !== 0x11) throw new Refusal('HW2102', 'a module has no type');
  if (kind !== ExternKind.Type) {
    reader.u32();
    return { kind, isFreshResource: false };
  }
  const bound = reader.u8();
  if (bound > 1) throw new Refusal('HW2102', 'a type has an unknown bound');
  if (bound === 0) reader.u32();
  return { kind, isFreshResource: bound === 1 };
}

/** What the index of an import, export or alias counts. Core sorts follow a 0x00. */
export const Sort = { Core: 0, Function: 1, Value: 2, Type: 3, Component: 4, Instance: 5 } as const;
const CORE_SORTS: ReadonlySet<number> = new Set([0x00, 0x01, 0x02, 0x03, 0x10, 0x11, 0x12]);

export function sort(reader: Reader): number {
  const outer = reader.u8();
  if (outer === Sort.Value) throw new Refusal('HW2108', 'the component uses values');
  if (outer > Sort.Instance) throw new Refusal('HW2102', `an unknown sort ${hex(outer)}`);
  if (outer === Sort.Core) coreSort(reader);
  return outer;
}

export function coreSort(reader: Reader): void {
  const inner = reader.u8();
  if (!CORE_SORTS.has(inner)) throw new Refusal('HW2108', `an unknown core sort ${hex(inner)}`);
}

export interface Taken {
  readonly sort: number;
  /** Set where it was taken out of an instance of the component model. */
  readonly instance?: number;
  readonly name?: string;
}

/** Takes something out of an instance by name, or out of an enclosing component by position. */
export function alias(reader: Reader, walk: Walk): Taken {
  const taken = sort(reader);
  const target = reader.u8();
  if (target === 0) {
    const instance = reader.u32();
    const name = walk.externName(reader, 'what is taken out of an instance');
    if (taken === Sort.Function) walk.functionsTaken.add(name);
    return { sort: taken, instance, name };
  }
  if (target === 1) {
    reader.u32();
    walk.coreName(reader, 'what is taken out of a core instance');
    return { sort: taken };
  }
  if (target !== 2) throw new Refusal('HW2102', `an alias of an unknown form ${hex(target)}`);
  reader.u32();
  reader.u32();
  return { sort: taken };
}
