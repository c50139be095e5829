/**
 * The bindings' text becomes the function that makes instances.
 *
 * What V8 has compiled of it by the end of the warm-up is handed out once, and is given back to later cells of the same bundles
 * (ADR 0178): what they would compile in their first call is there then.
 */
import { compileFunction, Script } from 'node:vm';

/** What the bindings are (src/component/README.md says what it promises). */
export type Instantiate = (
  getCoreModule: (name: string) => WebAssembly.Module,
  imports: object,
  instantiateCore: (module: WebAssembly.Module, imports?: object) => WebAssembly.Instance,
) => Readonly<Record<string, unknown>> | Promise<unknown>;

/** What V8 compiled of the same text in an earlier cell; or it is to be handed out; or neither. */
export type Compiled = Buffer | 'Make' | undefined;

export interface Bindings {
  readonly instantiate: Instantiate;
  /** V8 took what it had compiled before. */
  readonly isCompiled: boolean;
  /** What V8 has compiled so far, where that is to be handed out. */
  readonly compiled: (() => Buffer) | undefined;
}

const URL = 'headway:bindings';
const PARAMETERS = ['getCoreModule', 'imports', 'instantiateCore'];
const HEAD = `export function instantiate(${PARAMETERS.join(', ')}) {`;

/** @throws TypeError where they have another shape than the gate of `component/` lets through; SyntaxError. */
export function readBindings(source: Uint8Array, compiled: Compiled): Bindings {
  const body = bodyOf(Buffer.from(source.buffer, source.byteOffset, source.length).toString('utf8'));
  if (compiled === undefined) return { instantiate: asFunction(body), isCompiled: false, compiled: undefined };
  if (compiled !== 'Make') {
    const script = asScript(body, compiled);
    if (script.cachedDataRejected === true) return readBindings(source, undefined);
    return { instantiate: run(script), isCompiled: true, compiled: undefined };
  }
  // Text is put around the body of a script, and a body that ends early would go on behind it: nobody has said yet that this one does not.
  asFunction(body);
  const script = asScript(body, undefined);
  return { instantiate: run(script), isCompiled: false, compiled: () => script.createCachedData() };
}

function bodyOf(text: string): string {
  const end = text.lastIndexOf('}');
  if (!text.startsWith(HEAD) || text.slice(end + 1).trim() !== '')
    throw new TypeError('the bindings are more or less than one function `instantiate`');
  return `'use strict';${text.slice(HEAD.length, end)}`;
}

/** Not imported as a module: that would be parsed twice, once for its exports and once when it is called (ADR 0167). */
function asFunction(body: string): Instantiate {
  return compileFunction(body, PARAMETERS, { filename: URL }) as Instantiate;
}

/** A script can hand out what V8 has compiled of it, a function cannot. */
function asScript(body: string, cachedData: Buffer | undefined): Script {
  const text = `(function (${PARAMETERS.join(', ')}) {${body}})`;
  return new Script(text, { filename: URL, ...(cachedData ? { cachedData } : {}) });
}

function run(script: Script): Instantiate {
  return script.runInThisContext() as Instantiate;
}
