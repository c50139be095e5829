import type { WitCase, WitField, WitType, WitTypeRef } from '../../model/wit.ts';
import { coreImportType, coreType, hex } from './core-types.ts';
import { PRIMITIVES, type Declaration, type Extern, type TypeNode } from './definitions.ts';
import type { Reader } from './reader.ts';
import { Refusal } from './refusal.ts';
import { bounded, type Walk } from './walk.ts';

/**
 * Types of the component model, read as they are written (`definitions.ts`), with their names checked and what is not
 * WASI 0.2 refused: streams, futures, error contexts, asynchronous functions, values. Encoding: component-model/design/mvp/Binary.md.
 */
const FIRST_PRIMITIVE = 0x73; // string … 0x7f bool
const LAST_PRIMITIVE = 0x7f;

/** A primitive, or the position of a type. */
function valueType(reader: Reader): WitTypeRef {
  // Negative one-byte numbers are primitives: 0x73 is -13, 0x7f is -1.
  const type = reader.s33();
  const primitive = type < 0 ? PRIMITIVES[-1 - type] : type;
  if (primitive !== undefined) return primitive;
  throw new Refusal('HW2108', `the component uses a value type that WASI 0.2 does not have (${hex(type + 0x80)})`);
}

function optional<T>(reader: Reader, read: (reader: Reader) => T): T | undefined {
  const present = reader.u8();
  if (present > 1) throw new Refusal('HW2102', 'an optional part is neither there nor absent');
  return present === 1 ? read(reader) : undefined;
}

/** One entry of a type section, or of the declarations in a component or instance type. */
export function componentType(reader: Reader, walk: Walk, depth: number): TypeNode {
  const form = reader.u8();
  if (form >= FIRST_PRIMITIVE && form <= LAST_PRIMITIVE) {
    return { is: 'primitive', name: PRIMITIVES[LAST_PRIMITIVE - form]! };
  }
  if (form === 0x40) return functionType(reader, walk);
  if (form === 0x3f) return resourceType(reader);
  if (form === 0x41 || form === 0x42) {
    bounded(depth + 1, walk.limits.typeNesting, 'types within each other');
    const declarations = walk.list(reader, () => declaration(reader, walk, depth + 1, form === 0x41));
    return form === 0x41
      ? { is: 'component' }
      : { is: 'instance', declarations: declarations.filter((item) => item !== undefined) };
  }
  return { is: 'value', type: compoundType(form, reader, walk) };
}

function compoundType(form: number, reader: Reader, walk: Walk): WitType {
  switch (form) {
    case 0x72:
      return { kind: 'record', fields: walk.list(reader, () => labelled(reader, walk, 'a field')) };
    case 0x71:
      return { kind: 'variant', cases: walk.list(reader, () => variantCase(reader, walk)) };
    case 0x70:
      return { kind: 'list', element: valueType(reader) };
    case 0x6b:
      return { kind: 'option', some: valueType(reader) };
    case 0x6f:
      return { kind: 'tuple', types: walk.list(reader, valueType) };
    case 0x6e:
    case 0x6d:
      return {
        kind: form === 0x6e ? 'flags' : 'enum',
        names: walk.list(reader, () => walk.label(reader, 'a flag or enum case')),
      };
    case 0x6a: {
      const ok = optional(reader, valueType);
      const err = optional(reader, valueType);
      return { kind: 'result', ...(ok === undefined ? {} : { ok }), ...(err === undefined ? {} : { err }) };
    }
    case 0x69:
      return { kind: 'own', resource: reader.u32() };
    case 0x68:
      return { kind: 'borrow', resource: reader.u32() };
    default:
      throw new Refusal('HW2108', `the component declares a type that WASI 0.2 does not have (${hex(form)})`);
  }
}

function resourceType(reader: Reader): TypeNode {
  if (reader.u8() !== 0x7f) throw new Refusal('HW2106', 'a resource has a representation other than i32');
  optional(reader, () => reader.u32());
  return { is: 'resource' };
}

function labelled(reader: Reader, walk: Walk, what: string): WitField {
  const name = walk.label(reader, what);
  return { name, type: valueType(reader) };
}

function variantCase(reader: Reader, walk: Walk): WitCase {
  const name = walk.label(reader, 'a case');
  const type = optional(reader, valueType);
  if (reader.u8() !== 0) throw new Refusal('HW2108', 'a case of a variant refines another');
  return type === undefined ? { name } : { name, type };
}

function functionType(reader: Reader, walk: Walk): TypeNode {
  const params = walk.list(reader, () => labelled(reader, walk, 'a parameter'));
  const results = reader.u8();
  if (results === 0) return { is: 'function', params, result: valueType(reader) };
  if (results !== 1) throw new Refusal('HW2102', 'a function type has an unknown form of result');
  if (reader.u32() !== 0) throw new Refusal('HW2108', 'a function has several results');
  return { is: 'function', params };
}

function declaration(reader: Reader, walk: Walk, depth: number, inComponent: boolean): Declaration | undefined {
  const kind = reader.u8();
  if (kind === 0) {
    coreTypeDefinition(reader, walk);
    return undefined;
  }
  if (kind === 1) return { is: 'type', node: componentType(reader, walk, depth) };
  if (kind === 2) return alias(reader, walk);
  // Only a component type imports.
  if (kind === 4 || (kind === 3 && inComponent)) {
    const name = externNameAfterKind(reader, walk, kind === 3 ? 'an import' : 'an export');
    return { is: 'declared', name, extern: externType(reader) };
  }
  throw new Refusal('HW2102', `a type has an unknown declaration ${hex(kind)}`);
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

/** The type of an import or export. */
export function externType(reader: Reader): Extern {
  const kind = reader.u8();
  if (kind === ExternKind.Value) throw new Refusal('HW2108', 'the component uses values');
  if (kind > ExternKind.Instance) throw new Refusal('HW2102', `an import or export has an unknown kind ${hex(kind)}`);
  if (kind === ExternKind.Module) {
    if (reader.u8() !== 0x11) throw new Refusal('HW2102', 'a module has no type');
    reader.u32();
    return { kind };
  }
  if (kind !== ExternKind.Type) return { kind, index: reader.u32() };
  const bound = reader.u8();
  if (bound > 1) throw new Refusal('HW2102', 'a type has an unknown bound');
  return bound === 0 ? { kind, index: reader.u32() } : { kind };
}

/** Section ids of a component. */
export const ComponentSection = {
  Custom: 0,
  CoreModule: 1,
  CoreInstance: 2,
  CoreType: 3,
  Component: 4,
  Instance: 5,
  Alias: 6,
  Type: 7,
  Canonical: 8,
  Import: 10,
  Export: 11,
} as const;

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

/** Takes something out of an instance by name, or out of an enclosing component by position; core items are not kept. */
export function alias(reader: Reader, walk: Walk): Declaration | undefined {
  const taken = sort(reader);
  const target = reader.u8();
  if (target === 0) {
    const instance = reader.u32();
    const name = walk.externName(reader, 'what is taken out of an instance');
    if (taken === Sort.Function) walk.functionsTaken.add(name);
    return taken === Sort.Core ? undefined : { is: 'taken', sort: taken, instance, name };
  }
  if (target === 1) {
    reader.u32();
    walk.coreName(reader, 'what is taken out of a core instance');
    return undefined;
  }
  if (target !== 2) throw new Refusal('HW2102', `an alias of an unknown form ${hex(target)}`);
  const count = reader.u32();
  const index = reader.u32();
  return taken === Sort.Core ? undefined : { is: 'outer', sort: taken, count, index };
}
