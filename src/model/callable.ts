/**
 * Which exported functions can be called with JSON, and why the others cannot. The one rule for lint, plan, admission, the
 * OpenAPI document and the cell.
 */
import {
  partsOf,
  splitVersion,
  type ComponentShape,
  type WitField,
  type WitFunction,
  type WitInterface,
  type WitTypeRef,
} from './wit.ts';

/** Interfaces whose functions the runtime itself calls: they are no functions of the component's own. */
const OF_THE_RUNTIME: readonly string[] = ['headway:component/', 'headway:http/'];

/** Interfaces by which a component answers requests, in any version; `cell/exports.ts` calls them. */
const HTTP_HANDLERS: readonly string[] = ['wasi:http/incoming-handler', 'headway:http/handler'];

/** Whether a request can be handed to the component. */
export function answersHttp({ exports: { interfaces } }: Pick<ComponentShape, 'exports'>): boolean {
  return interfaces.some(({ name }) => HTTP_HANDLERS.includes(splitVersion(name)[0]));
}

/**
 * Types in a function when everything is written out. A type may use another twice, and that one another twice: what is
 * short in WIT can be long on paper, in the conversion and in an OpenAPI document.
 */
export const MAX_WRITTEN_TYPES = 10_000;

export interface CallableFunction {
  /** Full name of the interface, as the component spells it; empty: the world itself exports the function. */
  readonly interface: string;
  readonly function: WitFunction;
}

/** What exports functions: the world itself, under the empty name, and its interfaces. */
export function exporters({
  exports: { functions, interfaces },
}: Pick<ComponentShape, 'exports'>): readonly Pick<WitInterface, 'name' | 'functions'>[] {
  return functions.length > 0 ? [{ name: '', functions }, ...interfaces] : interfaces;
}

/** Every function that can be called, in the order of the component. */
export function callableFunctions(shape: Pick<ComponentShape, 'types' | 'exports'>): readonly CallableFunction[] {
  return exporters(shape).flatMap(({ name, functions }) =>
    functions
      .filter((candidate) => uncallable(shape, name, candidate) === undefined)
      .map((candidate) => ({ interface: name, function: candidate })),
  );
}

/** Why a function cannot be called with JSON; `undefined` where it can. */
export function uncallable(
  shape: Pick<ComponentShape, 'types'>,
  interfaceName: string,
  { name, params, result }: WitFunction,
): string | undefined {
  if (OF_THE_RUNTIME.some((prefix) => interfaceName.startsWith(prefix))) return 'the runtime itself calls it';
  if (interfaceName === '' && isLoader(name, params)) return 'it loads the script of a JavaScript component';
  if (name.startsWith('[')) return 'it belongs to a resource, and resources have no JSON';
  let left = MAX_WRITTEN_TYPES;
  const handleIn = (ref: WitTypeRef): boolean => {
    left -= 1;
    if (typeof ref === 'string' || left < 0) return false;
    const type = shape.types[ref]!;
    return type.kind === 'own' || type.kind === 'borrow' || partsOf(type).some(handleIn);
  };
  for (const param of params) {
    if (handleIn(param.type)) return `its parameter ${param.name} holds a resource, and resources have no JSON`;
  }
  if (result !== undefined && handleIn(result)) return 'its result holds a resource, and resources have no JSON';
  return left < 0 ? `its types have more than ${MAX_WRITTEN_TYPES} parts when they are written out` : undefined;
}

/**
 * componentize-qjs leaves the function with which it gave the component its script. Whoever may call it runs a script of
 * their own in the component.
 */
function isLoader(name: string, params: readonly WitField[]): boolean {
  return name === 'init' && params.some((param) => param.name === 'script');
}

/** What a cell needs to call its exports with JSON: the file `types.json` of a bundle. */
export interface CallableTypes {
  readonly types: ComponentShape['types'];
  readonly functions: readonly CallableFunction[];
}

export function callableTypes(shape: ComponentShape): CallableTypes {
  return { types: shape.types, functions: callableFunctions(shape) };
}

/** How a callable function is named where one text has to do: on the way to a cell, in metrics, in messages. */
export function callName(interfaceName: string, functionName: string): string {
  return interfaceName === '' ? functionName : `${interfaceName}#${functionName}`;
}
