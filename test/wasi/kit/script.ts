/**
 * A guest in JavaScript (QuickJS) that runs the JavaScript it is given, with every interface of WASI 0.2 that its toolchain
 * can import: `wasi:http` 0.2 it cannot, nor what is behind a feature. It notes which functions were called, and how they ended.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { componentize } from 'componentize-qjs';
import { EXPORTED, interfacesOf, VERSION, witTextOf } from './functions.ts';

export const PACKAGES = ['io', 'clocks', 'random', 'cli', 'filesystem', 'sockets'] as const;
export const INTERFACE = 'test:script/script';
/** Interfaces that have nothing to call without a feature. */
const NOTHING_TO_CALL = [
  'wasi:clocks/timezone',
  'wasi:cli/terminal-input',
  'wasi:cli/terminal-output',
  'wasi:sockets/network',
];

export async function scriptGuest(): Promise<Uint8Array> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'headway-script-'));
  try {
    const named = (await Promise.all(PACKAGES.map(interfacesOf))).flat();
    const imports = named.filter(
      (name) => !(EXPORTED as readonly string[]).includes(name) && !NOTHING_TO_CALL.includes(name),
    );
    const deps = [...PACKAGES, 'http'];
    for (const name of deps) {
      await mkdir(path.join(folder, 'wit/deps', name), { recursive: true });
      await writeFile(path.join(folder, 'wit/deps', name, 'package.wit'), await witTextOf(name));
    }
    const world = imports.map((name) => `import ${name}@${VERSION};`).join(' ');
    const script = 'interface script { run: func(code: string) -> string; }';
    await writeFile(
      path.join(folder, 'wit/script.wit'),
      `package test:script;\n${script}\nworld w { ${world} export script; }`,
    );
    const jsPath = path.join(folder, 'guest.js');
    const modules = imports.map((name, index) => `import * as m${index} from '${name}@${VERSION}';`);
    const table = imports.map((name, index) => `['${name.slice(name.indexOf('/') + 1)}', m${index}]`);
    const shared = await readFile(new URL('../fixtures/script.js', import.meta.url), 'utf8');
    const jsSource = `${modules.join('\n')}\nconst MODULES = [${table.join(', ')}];\n${shared}`;
    await writeFile(jsPath, jsSource);
    const options = { world: 'w', sync: true, optSize: true };
    const { component } = await componentize({ witPath: path.join(folder, 'wit'), jsSource, jsPath, ...options });
    return component;
  } finally {
    await rm(folder, { recursive: true });
  }
}
