/**
 * From what the walk read to the shape of a component. Resolves a component as instantiating it would, types only:
 * arguments stand in for imports, an export is what it exports.
 *
 * R1 It is total: what does not fit is refused as malformed, and what it costs is bounded (`Budget`).
 * R2 It believes where it need not doubt: whether arguments fit their imports is left to the transpiler's validation,
 *    which every component passes before it runs. A shape of what does not pass is of no consequence.
 */
import { ExternKind, Sort } from '../binary/component-types.ts';
import type { Definition, Extern, Item } from '../binary/definitions.ts';
import { Refusal } from '../binary/refusal.ts';
import type { ComponentShape, WitField, WitFunction, WitInterface, WitSide } from '../../model/wit.ts';
import { Budget, Scope, type Contents, type Thing } from './scope.ts';
import { TypeTable } from './types.ts';

/** @throws Refusal */
export function shapeOf(definitions: readonly Definition[], maxItems: number): ComponentShape {
  const table = new TypeTable();
  const scope = new Scope(new Budget(maxItems, table));
  const imports = new Map<string, Thing>();
  const exports = resolve(definitions, scope, undefined, imports);
  nameResources(exports, table);
  return {
    types: table.types,
    resources: table.resources,
    imports: sideOf(imports),
    exports: sideOf(exports),
  };
}

/** `given` is absent at the top, where imports stay imports: they are put into `imports`. */
function resolve(
  definitions: readonly Definition[],
  scope: Scope,
  given: Contents | undefined,
  imports?: Map<string, Thing>,
): Contents {
  const exports = new Map<string, Thing>();
  for (const entry of definitions) {
    if (scope.common(entry)) continue;
    switch (entry.is) {
      case 'imported': {
        const thing = given ? given.get(entry.name) : scope.fresh(entry.extern, '', entry.name);
        if (!thing) throw new Refusal('HW2102', 'a component is instantiated without something that it imports');
        imports?.set(entry.name, thing);
        addImported(scope, entry.extern, thing);
        break;
      }
      case 'exported': {
        const thing = ascribed(scope, entry);
        exports.set(entry.name, thing);
        if (entry.sort !== Sort.Core) scope.add(thing);
        break;
      }
      case 'instantiated':
        scope.add({ is: 'instance', contents: instantiate(scope, entry.component, entry.with) });
        break;
      case 'bundled':
        scope.add({ is: 'instance', contents: contentsOf(scope, entry.items) });
        break;
      case 'component':
        scope.add({ is: 'component', definitions: entry.definitions, scope });
        break;
      case 'lifted': {
        const found = scope.get(Sort.Type, entry.type);
        if (found.is !== 'function') throw new Refusal('HW2102', 'a function has a type that is none of functions');
        scope.add({ is: 'value', type: found.type });
      }
    }
  }
  return exports;
}

/** Core modules have an index space that nobody here asks for. */
const MODULE: Thing = { is: 'unknown' };

function addImported(scope: Scope, extern: Extern, thing: Thing): void {
  if (extern.kind !== ExternKind.Module) scope.add(thing);
}

/** What is exported under a type that the component wrote itself has that type: it may be wider than the thing's own. */
function ascribed(scope: Scope, { sort, index, ascribed: extern }: Item & { readonly ascribed?: Extern }): Thing {
  if (sort === Sort.Core) return MODULE;
  const thing = scope.get(sort, index);
  if (!extern || extern.index === undefined || sort === Sort.Component) return thing;
  const type = scope.get(Sort.Type, extern.index);
  if (sort === Sort.Function && type.is === 'function') return { is: 'value', type: type.type };
  if (sort !== Sort.Instance || type.is !== 'instanceType' || thing.is !== 'instance') return thing;
  // Resources keep their identity: the things are the instance's own, and only as many of them as the type names.
  const names = new Set(type.declarations.flatMap((entry) => (entry.is === 'declared' ? entry.name : [])));
  return { is: 'instance', contents: new Map([...thing.contents].filter(([name]) => names.has(name))) };
}

function instantiate(scope: Scope, index: number, items: readonly Item[]): Contents {
  const component = scope.get(Sort.Component, index);
  if (component.is !== 'component') return new Map();
  const inner = new Scope(scope.budget, component.scope);
  return resolve(component.definitions, inner, contentsOf(scope, items));
}

function contentsOf(scope: Scope, items: readonly Item[]): Contents {
  scope.budget.charge(items.length);
  return new Map(
    items.map(({ name, sort, index }) => [name, sort === Sort.Core ? MODULE : scope.get(sort, index)] as const),
  );
}

function nameResources(exports: Contents, table: TypeTable): void {
  for (const [name, thing] of exports) {
    if (thing.is === 'resource') table.nameResource(thing.resource, '', name);
    if (thing.is !== 'instance') continue;
    for (const [inner, item] of thing.contents) {
      if (item.is === 'resource') table.nameResource(item.resource, name, inner);
    }
  }
}

function sideOf(things: Contents): WitSide {
  const interfaces: WitInterface[] = [];
  for (const [name, thing] of things) if (thing.is === 'instance') interfaces.push(interfaceOf(name, thing.contents));
  return { interfaces, functions: functionsOf(things) };
}

function interfaceOf(name: string, contents: Contents): WitInterface {
  const types: WitField[] = [];
  const resources: { readonly name: string; readonly resource: number }[] = [];
  for (const [inner, thing] of contents) {
    if (thing.is === 'type') types.push({ name: inner, type: thing.type });
    if (thing.is === 'resource') resources.push({ name: inner, resource: thing.resource.position });
  }
  return { name, functions: functionsOf(contents), types, resources };
}

function functionsOf(contents: Contents): readonly WitFunction[] {
  return [...contents].flatMap(([name, thing]) => (thing.is === 'value' ? { name, ...thing.type } : []));
}
