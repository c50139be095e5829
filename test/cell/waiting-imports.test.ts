import { readFileSync } from 'node:fs';
import path from 'node:path';
import { componentEmbed, print } from '@bytecodealliance/jco-transpile/wasm-tools';
import { describe, expect, it } from 'vitest';
import { compileWaitingImports, WAITING_SIGNATURES } from '../../src/cell/waiting-imports.ts';
import { BLOCKING } from '../../src/model/blocking.ts';
import { wasi } from '../component/support.ts';

/** Rare, and each with a signature that nothing else has. */
const LEFT_OUT = /\.(set-times|link-at)/;
const ALL = Object.entries(BLOCKING)
  .flatMap(([module, names]) => names.map((name) => `${module}#${name}`))
  .filter((name) => !LEFT_OUT.test(name));
/** As wit-component names them in a core module: `cm32p2|wasi:io/poll@0.2`. */
const IMPORT = /\(import "cm32p2\|([^"@]+)@[^"]*" "([^"]+)" \(func \(;\d+;\) \(type (\d+)\)/g;
const KEY_VALUE = path.resolve(import.meta.dirname, '../../wit/keyvalue/package.wit');

describe('the imports that may wait, compiled ahead', () => {
  it('have the core signature of every function of WASI that may, but those that are left out', async () => {
    const text = await print(await everything());
    const missing: string[] = [];
    const seen = new Set<string>();
    for (const [, module, called, type] of text.matchAll(IMPORT)) {
      const name = `${module}#${called}`;
      if (!ALL.includes(name)) continue;
      seen.add(name);
      const signature = signatureOf(text, Number(type));
      if (!WAITING_SIGNATURES.some((one) => one.join(' ') === signature)) missing.push(`${name} ${signature}`);
    }
    expect(missing).toEqual([]);
    expect(ALL.filter((name) => !seen.has(name))).toEqual([]);
  });

  it('are a module that V8 takes, with none twice', () => {
    compileWaitingImports();
    expect(new Set(WAITING_SIGNATURES.map((one) => one.join())).size).toBe(WAITING_SIGNATURES.length);
  });
});

/** A core module that imports all of it: a component would have what it calls alone. */
function everything(): Promise<Uint8Array> {
  const keyValue = readFileSync(KEY_VALUE, 'utf8').replace(/^(package [^;]+);/m, '$1 {');
  const imports = Object.keys(BLOCKING).map((name) => {
    const version = name.startsWith('wasi:keyvalue') ? '0.2.0-draft2' : '0.2.12';
    return `import ${name}@${version};`;
  });
  const witSource = `package test:t; world w { ${imports.join(' ')} } ${wasi()} ${keyValue} }`;
  return componentEmbed({ dummy: true, witSource, world: 'w' });
}

/** The parameters in the text form of the type; a result would stand behind them. */
function signatureOf(text: string, type: number): string {
  const found = new RegExp(`\\(type \\(;${type};\\) \\(func(?: \\(param ([^)]*)\\))?( \\(result [^)]*\\))?\\)`).exec(
    text,
  );
  return `${found?.[1] ?? ''}${found?.[2] ?? ''}`;
}
