/** The functions of imports that other entries' cells serve, from the file `remote.json` of the bundle. */
import { callName, type CallableTypes } from '../../model/callable.ts';
import { Decoders, type Decode } from '../../model/typed/decode.ts';
import { camelCase } from '../../model/typed/names.ts';
import type { WitFunction, WitTypeRef } from '../../model/wit.ts';
import { Encoders, type Encode } from './encode.ts';

export const REMOTE_FILE = 'remote.json';

export interface RemoteFunction {
  /** `interface#function`. */
  readonly name: string;
  /** As bindings name it. */
  readonly property: string;
  readonly parameters: readonly { readonly name: string; readonly encode: Encode }[];
  /** Absent: there is nothing to read. */
  readonly decode: Decode | undefined;
  /** Of a function whose result is a `result`; without `decode` the error has no payload. */
  readonly failure: { readonly decode: Decode | undefined } | undefined;
}

export class RemoteImports {
  readonly #declared: CallableTypes;
  readonly #decoders: Decoders;
  readonly #encoders: Encoders;

  constructor(file: Uint8Array | undefined) {
    this.#declared = file ? (JSON.parse(Buffer.from(file).toString('utf8')) as CallableTypes) : NONE;
    this.#decoders = new Decoders(this.#declared.types);
    this.#encoders = new Encoders(this.#declared.types);
  }

  of(interfaceName: string): readonly RemoteFunction[] {
    return this.#declared.functions
      .filter((item) => item.interface === interfaceName)
      .map((item) => this.#make(interfaceName, item.function));
  }

  #make(interfaceName: string, { name, params, result }: WitFunction): RemoteFunction {
    const type = typeof result === 'number' ? this.#declared.types[result]! : undefined;
    const isResult = type?.kind === 'result';
    const decoder = (ref: WitTypeRef | undefined): Decode | undefined =>
      ref === undefined ? undefined : this.#decoders.of(ref);
    return {
      name: callName(interfaceName, name),
      property: camelCase(name),
      parameters: params.map((param) => ({ name: param.name, encode: this.#encoders.of(param.type) })),
      decode: decoder(isResult ? type.ok : result),
      failure: isResult ? { decode: decoder(type.err) } : undefined,
    };
  }
}

const NONE: CallableTypes = { types: [], functions: [] };
