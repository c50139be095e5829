/**
 * Index spaces, and what stands in them once it is resolved. A component is resolved anew for each time that it is
 * instantiated, with what it is given: that is how a resource keeps its identity through the shims that toolchains wrap
 * around exports.
 */
import { ExternKind, Sort } from '../binary/component-types.ts';
import type { Declaration, Definition, Extern, TypeNode } from '../binary/definitions.ts';
import { Refusal } from '../binary/refusal.ts';
import type { WitFunction, WitType, WitTypeRef } from '../../model/wit.ts';
import type { Resource, TypeTable } from './types.ts';

export type FunctionType = Omit<WitFunction, 'name'>;

export type TypeThing =
  | { readonly is: 'type'; readonly type: WitTypeRef }
  | { readonly is: 'resource'; readonly resource: Resource }
  | { readonly is: 'function'; readonly type: FunctionType }
  | { readonly is: 'instanceType'; readonly declarations: readonly Declaration[]; readonly scope: Scope }
  | { readonly is: 'componentType' };

/** What an instance exports, by name. */
export type Contents = ReadonlyMap<string, Thing>;

export type Thing =
  | TypeThing
  | { readonly is: 'value'; readonly type: FunctionType }
  | { readonly is: 'instance'; readonly contents: Contents }
  | { readonly is: 'component'; readonly definitions: readonly Definition[]; readonly scope: Scope }
  /** An imported component: nothing is known of it, and nothing of it can be exported as a type. */
  | { readonly is: 'unknown' };

/** What one resolution may cost, at all depths together: nested components are resolved once per instantiation. */
export class Budget {
  #left: number;
  readonly #limit: number;
  readonly table: TypeTable;

  constructor(limit: number, table: TypeTable) {
    this.#left = limit;
    this.#limit = limit;
    this.table = table;
  }

  charge(count = 1): void {
    this.#left -= count;
    if (this.#left >= 0) return;
    throw new Refusal('HW2104', `the component has more than ${this.#limit} items when it is put together`);
  }
}

export class Scope {
  readonly budget: Budget;
  readonly #outer: Scope | undefined;
  readonly #types: TypeThing[] = [];
  readonly #functions: FunctionType[] = [];
  readonly #instances: Contents[] = [];
  readonly #components: Thing[] = [];

  constructor(budget: Budget, outer?: Scope) {
    this.budget = budget;
    this.#outer = outer;
  }

  /** Puts a thing at the next position of its sort. */
  add(thing: Thing): void {
    this.budget.charge();
    if (thing.is === 'value') this.#functions.push(thing.type);
    else if (thing.is === 'instance') this.#instances.push(thing.contents);
    else if (thing.is === 'component' || thing.is === 'unknown') this.#components.push(thing);
    else this.#types.push(thing);
  }

  get(sort: number, index: number): Thing {
    const [type, contents] = [this.#functions[index], this.#instances[index]];
    if (sort === Sort.Type && this.#types[index]) return this.#types[index];
    if (sort === Sort.Function && type) return { is: 'value', type };
    if (sort === Sort.Instance && contents) return { is: 'instance', contents };
    if (sort === Sort.Component && this.#components[index]) return this.#components[index];
    throw new Refusal('HW2102', 'something refers to what is not there');
  }

  outer(count: number): Scope {
    const outer = count === 0 ? this : this.#outer?.outer(count - 1);
    if (!outer) throw new Refusal('HW2102', 'something refers to an enclosing component that is not there');
    return outer;
  }

  /** Adds what both components and instance types have. */
  common(entry: Declaration | Definition): boolean {
    if (entry.is === 'type') this.add(this.#typeOf(entry.node));
    else if (entry.is === 'outer') this.add(this.outer(entry.count).get(entry.sort, entry.index));
    else if (entry.is === 'taken') this.add(this.#taken(entry.instance, entry.name));
    else return false;
    return true;
  }

  /** What an import or declared export of this type is, where nothing is given for it. */
  fresh(extern: Extern, interfaceName: string, name: string): Thing {
    const { table } = this.budget;
    if (extern.kind === ExternKind.Type && extern.index === undefined) {
      return { is: 'resource', resource: table.newResource({ origin: 'Import', interface: interfaceName, name }) };
    }
    if (extern.index === undefined) return { is: 'unknown' };
    const type = this.get(Sort.Type, extern.index);
    if (extern.kind === ExternKind.Type) return type;
    if (extern.kind === ExternKind.Function && type.is === 'function') return { is: 'value', type: type.type };
    if (extern.kind === ExternKind.Instance && type.is === 'instanceType') {
      return { is: 'instance', contents: instanceOf(type.declarations, type.scope, name) };
    }
    if (extern.kind === ExternKind.Component) return { is: 'unknown' };
    throw new Refusal('HW2102', 'an import or export has a type of another kind');
  }

  #taken(instance: number, name: string): Thing {
    const thing = this.#instances[instance]?.get(name);
    if (!thing) throw new Refusal('HW2102', 'something is taken out of an instance that does not have it');
    return thing;
  }

  #typeOf(node: TypeNode): TypeThing {
    if (node.is === 'primitive') return { is: 'type', type: node.name };
    if (node.is === 'value') return { is: 'type', type: this.budget.table.add(this.#resolved(node.type)) };
    if (node.is === 'component') return { is: 'componentType' };
    if (node.is === 'instance') return { is: 'instanceType', declarations: node.declarations, scope: this };
    if (node.is === 'resource') {
      const hidden = { origin: 'Hidden', interface: '', name: '' } as const;
      return { is: 'resource', resource: this.budget.table.newResource(hidden) };
    }
    const params = node.params.map(({ name, type }) => ({ name, type: this.#ref(type) }));
    this.budget.charge(params.length);
    return {
      is: 'function',
      type: node.result === undefined ? { params } : { params, result: this.#ref(node.result) },
    };
  }

  #ref(type: WitTypeRef): WitTypeRef {
    if (typeof type === 'string') return type;
    const found = this.#types[type];
    if (found?.is !== 'type') throw new Refusal('HW2102', 'a value has a type that is not there or not of values');
    return found.type;
  }

  #resolved(type: WitType): WitType {
    switch (type.kind) {
      case 'record':
        this.budget.charge(type.fields.length);
        return {
          kind: 'record',
          fields: type.fields.map((field) => ({ name: field.name, type: this.#ref(field.type) })),
        };
      case 'variant':
        this.budget.charge(type.cases.length);
        return {
          kind: 'variant',
          cases: type.cases.map((item) =>
            item.type === undefined ? { name: item.name } : { name: item.name, type: this.#ref(item.type) },
          ),
        };
      case 'list':
        return { kind: 'list', element: this.#ref(type.element) };
      case 'tuple':
        this.budget.charge(type.types.length);
        return { kind: 'tuple', types: type.types.map((item) => this.#ref(item)) };
      case 'option':
        return { kind: 'option', some: this.#ref(type.some) };
      case 'result':
        return {
          kind: 'result',
          ...(type.ok === undefined ? {} : { ok: this.#ref(type.ok) }),
          ...(type.err === undefined ? {} : { err: this.#ref(type.err) }),
        };
      case 'own':
      case 'borrow': {
        const found = this.#types[type.resource];
        if (found?.is !== 'resource') throw new Refusal('HW2102', 'a handle is of a type that is no resource');
        return { kind: type.kind, resource: found.resource.position };
      }
      default:
        this.budget.charge(type.names.length);
        return type;
    }
  }
}

/** The contents of an instance of this type of which nothing else is known. `name` is the interface's. */
function instanceOf(declarations: readonly Declaration[], scope: Scope, name: string): Contents {
  const inner = new Scope(scope.budget, scope);
  const contents = new Map<string, Thing>();
  for (const entry of declarations) {
    if (inner.common(entry) || entry.is !== 'declared') continue;
    const thing = inner.fresh(entry.extern, name, entry.name);
    inner.add(thing);
    contents.set(entry.name, thing);
  }
  return contents;
}
