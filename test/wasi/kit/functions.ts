/** What the WIT of WASI 0.2 lists: every function of every interface of a package, as a core module imports them. */
import { readFile } from 'node:fs/promises';
import { componentEmbed, print } from '@bytecodealliance/jco-transpile/wasm-tools';
import { packages } from '../../cell/kit/guest.ts';

export const VERSION = '0.2.12';

/** Interfaces that guests export: the host calls those. */
export const EXPORTED = ['wasi:cli/run', 'wasi:http/incoming-handler'] as const;

export interface CoreImport {
  /** `input-stream.read`, `fields.new`, `fields.drop`; functions of no resource with their interface: `wall-clock.now`. */
  readonly short: string;
  /** `wasi:io/streams`. */
  readonly interface: string;
  /** As modules import it: `[method]input-stream.read`. */
  readonly field: string;
  /** Parameters and result, in WebAssembly text. */
  readonly type: string;
  readonly isDrop: boolean;
  /** Whether its WIT says that it can answer with an error. */
  readonly canFail: boolean;
}

const WIT = new URL('../../../node_modules/@bytecodealliance/jco/lib/wit/builtin/', import.meta.url);

export async function witTextOf(name: string): Promise<string> {
  return readFile(new URL(`${VERSION}/wasi-${name}/package.wit`, WIT), 'utf8');
}

/** Full names without version: `wasi:io/poll`. */
export async function interfacesOf(packageName: string): Promise<readonly string[]> {
  const wit = await witTextOf(packageName);
  return [...wit.matchAll(/^interface ([a-z0-9-]+)/gm)].map((match) => `wasi:${packageName}/${match[1]!}`);
}

export async function witOfImports(imports: readonly string[]): Promise<string> {
  const lines = imports.map((name) => `import ${name}@${VERSION};`);
  const exported = `export wasi:http/incoming-handler@${VERSION};`;
  return `package test:guest;\nworld w { ${lines.join(' ')} ${exported} }\n${await packages()}`;
}

/** What a module that imports these packages can call. */
export async function coreImportsOf(packageNames: readonly string[]): Promise<readonly CoreImport[]> {
  const named = (await Promise.all(packageNames.map(interfacesOf))).flat();
  const imports = named.filter((name) => !(EXPORTED as readonly string[]).includes(name));
  const failing = new Set((await Promise.all(packageNames.map(failingFunctions))).flat());
  const options = {
    dummy: true,
    witSource: await witOfImports(imports),
    world: 'w',
    features: { tag: 'all' },
  } as const;
  const module = await print(await componentEmbed(options));
  const types = new Map(
    [...module.matchAll(/\(type \(;([0-9]+);\) \(func ?(.*)\)\)$/gm)].map((match) => [match[1]!, match[2]!]),
  );
  const rows = [
    ...module.matchAll(/\(import "cm32p2\|([^"@]+)@0\.2" "([^"]+)" \(func \(;[0-9]+;\) \(type ([0-9]+)\)\)\)/g),
  ];
  return rows.map(([, interfaceName, name, type]) => {
    const dropped = /^(.*)_drop$/.exec(name!)?.[1];
    const field = dropped === undefined ? name! : `[resource-drop]${dropped}`;
    const short = shortName(interfaceName!, field);
    return {
      short,
      interface: interfaceName!,
      field,
      type: types.get(type!)!,
      isDrop: dropped !== undefined,
      canFail: failing.has(short),
    };
  });
}

function shortName(interfaceName: string, field: string): string {
  const [, kind, name] = /^(?:\[([a-z-]+)\])?(.*)$/.exec(field)!;
  if (kind === 'constructor') return `${name}.new`;
  if (kind === 'resource-drop') return `${name}.drop`;
  return kind === undefined ? `${interfaceName.slice(interfaceName.indexOf('/') + 1)}.${name}` : name!;
}

/** Short names of the functions that return a `result`, or an `option` of one, read from the text. */
async function failingFunctions(packageName: string): Promise<readonly string[]> {
  const found: string[] = [];
  let interfaceName = '';
  let resource = '';
  const text = (await witTextOf(packageName)).replaceAll(/\/\/.*$/gm, '').replaceAll(/\s+/g, ' ');
  const words =
    /interface ([a-z0-9-]+) \{|resource ([a-z0-9-]+) \{|\} (?=[a-z])|%?([a-z0-9-]+): (?:static )?func\(([^;]*);/g;
  for (const [whole, opened, resourceName, name, rest] of text.matchAll(words)) {
    if (opened !== undefined) interfaceName = opened;
    else if (resourceName !== undefined) resource = resourceName;
    else if (whole.startsWith('}')) resource = '';
    else if (/-> (?:option<)?result\b/.test(rest!)) found.push(`${resource || interfaceName}.${name!}`);
  }
  return found;
}
