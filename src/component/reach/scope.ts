/**
 * How the modules and components of one component are put together: its index spaces, as far as calls go, in the order of the
 * binary. Encoding: component-model/design/mvp/Binary.md.
 */
import { ComponentSection as Section, ExternKind, externType, Sort } from '../binary/component-types.ts';
import { Kind } from '../binary/core-sections.ts';
import { Reader } from '../binary/reader.ts';
import { readModule, type CoreModule, type Ground } from './module.ts';
import { found, NotUnderstood } from './not-understood.ts';
import { Table } from './tables.ts';
import { awaited, Made, OTHER, type Component, type Exports, type FunctionThing, type Thing } from './things.ts';

const HEADER_BYTES = 8;
/** Sorts behind a 0x00. */
const CORE_MODULE = 0x11;
const Alias = { Export: 0, CoreExport: 1, Outer: 2 } as const;
const Canonical = { Lift: 0, Lower: 1 } as const;
/** Options that carry an index: of a memory, a function that allocates, one that cleans up. */
const Option = { Memory: 3, Realloc: 4, PostReturn: 5 } as const;

/** What a core instance exports: a function, a table, or what leads to no call. */
type CoreExports = ReadonlyMap<string, number | Table | undefined>;

/** Who gives the outermost component its imports; in one that is nested they are awaited. */
export type ImportOf = (name: string, is: 'function' | 'instance') => Thing;

/** @throws NotUnderstood, or what the reader throws. */
export function readComponent(bytes: Uint8Array, ground: Ground, importOf: ImportOf): Component {
  return new Scope(ground, importOf, undefined).read(bytes);
}

class Scope {
  readonly #ground: Ground;
  readonly #importOf: ImportOf;
  readonly #outer: Scope | undefined;
  readonly #imports = new Map<string, Thing>();
  readonly #exports = new Made();
  readonly #coreModules: (CoreModule | undefined)[] = [];
  readonly #coreInstances: CoreExports[] = [];
  readonly #coreFunctions: number[] = [];
  readonly #coreTables: Table[] = [];
  readonly #functions: FunctionThing[] = [];
  readonly #components: (Component | undefined)[] = [];
  readonly #instances: Exports[] = [];

  constructor(ground: Ground, importOf: ImportOf, outer: Scope | undefined) {
    this.#ground = ground;
    this.#importOf = importOf;
    this.#outer = outer;
  }

  read(bytes: Uint8Array): Component {
    const reader = new Reader(bytes);
    reader.bytes(HEADER_BYTES);
    while (!reader.done) {
      const id = reader.u8();
      this.#section(id, reader.bytes(reader.u32()));
    }
    return { imports: this.#imports, exports: this.#exports };
  }

  #section(id: number, body: Uint8Array): void {
    if (id === Section.CoreModule) return void this.#coreModules.push(readModule(body, this.#ground));
    if (id === Section.Component) return void this.#components.push(this.#nested(body));
    // Types say nothing of calls.
    if (id === Section.CoreType || id === Section.Type) return;
    const reader = new Reader(body);
    this.#ground.walk.list(reader, () => this.#entry(id, reader));
  }

  #nested(body: Uint8Array): Component {
    const { gifts } = this.#ground;
    return new Scope(this.#ground, (_name, is) => awaited(is, gifts), this).read(body);
  }

  #entry(id: number, reader: Reader): void {
    switch (id) {
      case Section.CoreInstance:
        return void this.#coreInstances.push(this.#coreInstance(reader));
      case Section.Instance:
        return void this.#instances.push(this.#instance(reader));
      case Section.Alias:
        return this.#alias(reader);
      case Section.Canonical:
        return this.#canonical(reader);
      case Section.Import:
        return this.#import(reader);
      case Section.Export:
        return this.#export(reader);
      default:
        throw new NotUnderstood('a section');
    }
  }

  #coreInstance(reader: Reader): CoreExports {
    if (reader.u8() !== 0) return this.#coreBundle(reader);
    const module = found(this.#coreModules[reader.u32()], 'module whose code is here');
    const given = new Map<string, CoreExports>();
    this.#ground.walk.list(reader, () => {
      const name = reader.name();
      reader.u8();
      given.set(name, found(this.#coreInstances[reader.u32()], 'core instance'));
    });
    for (const { module: from, name, is } of module.imports) {
      this.#ground.walk.charge(1);
      if (is === undefined) continue;
      const thing = given.get(from)?.get(name);
      if (typeof is === 'number' && typeof thing === 'number') this.#ground.calls.may(is, thing);
      else if (is instanceof Table && thing instanceof Table) is.is(thing);
      else throw new NotUnderstood('what is given to a module is something else than what it imports');
    }
    return module.exports;
  }

  #coreBundle(reader: Reader): CoreExports {
    const exports = new Map<string, number | Table | undefined>();
    this.#ground.walk.list(reader, () => {
      const name = reader.name();
      const kind = reader.u8();
      const index = reader.u32();
      if (kind === Kind.Function) exports.set(name, found(this.#coreFunctions[index], 'core function'));
      else if (kind === Kind.Table) exports.set(name, found(this.#coreTables[index], 'core table'));
      else exports.set(name, undefined);
    });
    return exports;
  }

  #instance(reader: Reader): Exports {
    if (reader.u8() !== 0) return this.#bundle(reader);
    const component = found(this.#components[reader.u32()], 'component whose code is here');
    const given = new Map<string, Thing>();
    this.#ground.walk.list(reader, () => {
      const name = reader.name();
      given.set(name, this.#thing(reader));
    });
    for (const [name, place] of component.imports) {
      const thing = found(given.get(name), 'argument');
      this.#ground.gifts.give(place, () => thing);
    }
    return component.exports;
  }

  #bundle(reader: Reader): Exports {
    const made = new Made();
    this.#ground.walk.list(reader, () => {
      reader.u8();
      made.add(reader.name(), this.#thing(reader));
    });
    return made;
  }

  #thing(reader: Reader): Thing {
    const sort = reader.u8();
    const isModule = sort === Sort.Core && reader.u8() === CORE_MODULE;
    const index = reader.u32();
    if (sort === Sort.Function) return found(this.#functions[index], 'function');
    if (sort === Sort.Instance) return { is: 'instance', exports: found(this.#instances[index], 'instance') };
    const component = sort === Sort.Component ? this.#components[index] : undefined;
    if (component) return { is: 'component', component };
    const module = isModule ? this.#coreModules[index] : undefined;
    return module ? { is: 'module', module } : OTHER;
  }

  /** Something is one more of its sort. */
  #add(sort: number, coreSort: number, thing: Thing): void {
    if (sort === Sort.Function) {
      if (thing.is !== 'function') throw new NotUnderstood('something else than a function');
      this.#functions.push(thing);
    } else if (sort === Sort.Instance) {
      if (thing.is !== 'instance') throw new NotUnderstood('something else than an instance');
      this.#instances.push(thing.exports);
    } else if (sort === Sort.Component) this.#components.push(thing.is === 'component' ? thing.component : undefined);
    else if (sort === Sort.Core && coreSort === CORE_MODULE) {
      this.#coreModules.push(thing.is === 'module' ? thing.module : undefined);
    }
  }

  #alias(reader: Reader): void {
    const sort = reader.u8();
    const coreSort = sort === Sort.Core ? reader.u8() : 0;
    const from = reader.u8();
    if (from === Alias.Export) {
      const instance = found(this.#instances[reader.u32()], 'instance');
      const is = sort === Sort.Function ? 'function' : sort === Sort.Instance ? 'instance' : 'other';
      this.#add(sort, coreSort, instance.get(is, reader.name()));
    } else if (from === Alias.CoreExport) {
      const instance = found(this.#coreInstances[reader.u32()], 'core instance');
      this.#coreExport(coreSort, instance.get(reader.name()));
    } else this.#outerThing(sort, coreSort, reader.u32(), reader.u32());
  }

  #coreExport(kind: number, thing: number | Table | undefined): void {
    if (kind === Kind.Function) {
      if (typeof thing !== 'number') throw new NotUnderstood('something else than a core function');
      this.#coreFunctions.push(thing);
    } else if (kind === Kind.Table) {
      if (!(thing instanceof Table)) throw new NotUnderstood('something else than a core table');
      this.#coreTables.push(thing);
    }
  }

  /** Of types, modules and components only. */
  #outerThing(sort: number, coreSort: number, count: number, index: number): void {
    const scope = this.#enclosing(count);
    const component = sort === Sort.Component ? scope.#components[index] : undefined;
    const module = coreSort === CORE_MODULE ? scope.#coreModules[index] : undefined;
    this.#add(sort, coreSort, component ? { is: 'component', component } : module ? { is: 'module', module } : OTHER);
  }

  #enclosing(count: number): Scope {
    return count === 0 ? this : found(this.#outer, 'enclosing component').#enclosing(count - 1);
  }

  #import(reader: Reader): void {
    reader.u8();
    const name = reader.name();
    const { kind } = externType(reader);
    const sort = SORT_OF[kind] ?? Sort.Type;
    const is = kind === ExternKind.Function ? 'function' : kind === ExternKind.Instance ? 'instance' : undefined;
    const thing = is ? this.#importOf(name, is) : OTHER;
    this.#imports.set(name, thing);
    this.#add(sort, kind === ExternKind.Module ? CORE_MODULE : 0, thing);
  }

  #export(reader: Reader): void {
    reader.u8();
    const name = reader.name();
    const sort = reader.peek();
    const thing = this.#thing(reader);
    if (reader.u8() === 1) externType(reader);
    this.#exports.add(name, thing);
    this.#add(sort, thing.is === 'module' || sort === Sort.Core ? CORE_MODULE : 0, thing);
  }

  #canonical(reader: Reader): void {
    const form = reader.u8();
    if (form === Canonical.Lift) this.#lift(reader);
    else if (form === Canonical.Lower) this.#lower(reader);
    else {
      // New, drop and representation of a resource: the host's, and a destructor is called by the host.
      reader.u32();
      this.#coreFunctions.push(this.#ground.calls.add());
    }
  }

  /** The host allocates and cleans up by calls of its own. Between guests, an adapter does, in the caller's stead. */
  #lift(reader: Reader): void {
    reader.u8();
    const entered = found(this.#coreFunctions[reader.u32()], 'core function');
    const { calls } = this.#ground;
    const called = calls.add();
    calls.may(called, entered);
    for (const function_ of this.#options(reader)) calls.may(called, function_);
    reader.u32();
    this.#functions.push({ is: 'function', called, entered });
  }

  #lower(reader: Reader): void {
    reader.u8();
    const lowered = found(this.#functions[reader.u32()], 'function');
    const { calls } = this.#ground;
    const called = calls.add();
    calls.may(called, lowered.called);
    const helpers = this.#options(reader);
    if (!lowered.isHost) for (const helper of helpers) calls.may(called, helper);
    this.#coreFunctions.push(called);
  }

  /** Functions that lifting and lowering call. */
  #options(reader: Reader): readonly number[] {
    const functions: number[] = [];
    this.#ground.walk.list(reader, () => {
      const option = reader.u8();
      if (option < Option.Memory) return;
      if (option > Option.PostReturn) throw new NotUnderstood('an option of a function');
      const index = reader.u32();
      if (option !== Option.Memory) functions.push(found(this.#coreFunctions[index], 'core function'));
    });
    return functions;
  }
}

/** What an import adds to. */
const SORT_OF: Readonly<Record<number, number>> = {
  [ExternKind.Module]: Sort.Core,
  [ExternKind.Function]: Sort.Function,
  [ExternKind.Type]: Sort.Type,
  [ExternKind.Component]: Sort.Component,
  [ExternKind.Instance]: Sort.Instance,
};
