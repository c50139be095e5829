/** The functions that can be called with JSON, from the file `types.json` of the bundle. */
import { callName, type CallableTypes } from '../../model/callable.ts';
import { exportFor } from '../../model/wit-version.ts';
import { exportMeant } from '../../model/schedule.ts';
import type { WitFunction, WitTypeRef } from '../../model/wit.ts';
import { Decoders, type Decode } from '../../model/typed/decode.ts';
import { Encoders, type Encode } from './encode.ts';
import { camelCase } from '../../model/typed/names.ts';

export const TYPES_FILE = 'types.json';

export interface TypedFunction {
  readonly interface: string;
  /** As bindings name it. */
  readonly property: string;
  /** As bindings name them, in order. */
  readonly parameters: readonly string[];
  /** The members of the body, by the names that bindings give them. */
  readonly decode: Decode;
  /** Absent: there is nothing to say. */
  readonly encode: Encode | undefined;
  /** Of a function whose result is a `result`; without `encode` the error has no payload. */
  readonly failure: { readonly encode: Encode | undefined } | undefined;
}

export class TypedExports {
  readonly #declared = new Map<string, { readonly interface: string; readonly function: WitFunction }>();
  readonly #made = new Map<string, TypedFunction>();
  readonly #types: CallableTypes['types'];
  readonly #decoders: Decoders;
  readonly #encoders: Encoders;

  /** `file` is absent in bundles of versions that had no typed calls. */
  constructor(file: Uint8Array | undefined) {
    const { types, functions } = file ? (JSON.parse(Buffer.from(file).toString('utf8')) as CallableTypes) : NONE;
    this.#types = types;
    this.#decoders = new Decoders(types);
    this.#encoders = new Encoders(types);
    for (const item of functions) this.#declared.set(callName(item.interface, item.function.name), item);
  }

  find(name: string): TypedFunction | undefined {
    const made = this.#made.get(name);
    if (made) return made;
    const declared = this.#declared.get(name);
    if (!declared) return undefined;
    const typed = this.#make(declared.interface, declared.function);
    this.#made.set(name, typed);
    return typed;
  }

  /** As another cell calls, by the name of its import: a compatible version will do, of several the newest. */
  linked(name: string): TypedFunction | undefined {
    const [interfaceName = '', functionName = ''] = name.split('#');
    const interfaces = [...this.#declared.values()].map((declared) => declared.interface);
    const chosen = exportFor(interfaceName, interfaces);
    return chosen === undefined ? undefined : this.find(callName(chosen, functionName));
  }

  /** As the runtime itself calls: an interface of the same release line will do. */
  meant(interfaceName: string, functionName: string): TypedFunction | undefined {
    const interfaces = [...this.#declared.values()].map((declared) => declared.interface);
    const meant = exportMeant(interfaces, interfaceName);
    return meant === undefined ? undefined : this.find(callName(meant, functionName));
  }

  #make(interfaceName: string, { name, params, result }: WitFunction): TypedFunction {
    const type = typeof result === 'number' ? this.#types[result]! : undefined;
    const isResult = type?.kind === 'result';
    const encoder = (ref: WitTypeRef | undefined): Encode | undefined =>
      ref === undefined ? undefined : this.#encoders.of(ref);
    return {
      interface: interfaceName,
      property: camelCase(name),
      parameters: params.map((param) => camelCase(param.name)),
      decode: this.#decoders.record(params, 'an object'),
      encode: encoder(isResult ? type.ok : result),
      failure: isResult ? { encode: encoder(type.err) } : undefined,
    };
  }
}

/**
 * The members of an object in the order of the function's parameters, as values of its types.
 *
 * @throws Mismatch
 */
export function argumentsOf({ decode, parameters }: TypedFunction, body: unknown): readonly unknown[] {
  const members = decode(body) as Readonly<Record<string, unknown>>;
  return parameters.map((name) => members[name]);
}

const NONE: CallableTypes = { types: [], functions: [] };
