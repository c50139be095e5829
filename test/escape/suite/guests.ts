/** The guests of the suite: those of the examples, one of WebAssembly text for what no compiler writes, and one of values. */
import fc from 'fast-check';
import { echoOf } from '../../cell/kit/json-types.ts';
import { example } from '../../support/manifests.ts';
import { coreImportsOf } from '../../wasi/kit/functions.ts';
import { guestOf } from '../../wasi/kit/guest.ts';
import { ANSWER } from '../../wasi/kit/row.ts';
import type { Isolation } from './attempt.ts';
import type { Guest } from './program.ts';

/** What every object of JavaScript has, as WIT spells it. */
export const TRICKS = ['to-string', 'value-of', 'proto', 'has-own-property', 'is-prototype-of', 'length'] as const;
/** The same as names of variables, settings and headers; `__proto__` where their pattern lets it. */
export const VARIABLES = ['__proto__', 'constructor', 'toString', 'valueOf', 'hasOwnProperty'] as const;
export const SETTINGS = ['constructor', 'toString', 'valueOf', 'hasOwnProperty'] as const;

const members = (payload: (name: string) => string): string =>
  TRICKS.map((name) => `%${name}${payload(name)}`).join(', ');

/** Types whose names mean something to JavaScript; each has a function that gives back the list that it gets. */
const TYPES = [
  { name: 'tricks', definitions: [`record tricks { ${members(() => ': u8')} }`] },
  { name: 'turn', definitions: [`variant turn { ${members(() => '(u8)')} }`] },
  { name: 'kind', definitions: [`enum kind { ${members(() => '')} }`] },
  { name: 'marks', definitions: [`flags marks { ${members(() => '')} }`] },
  { name: 'bool', definitions: [] },
  { name: 'string', definitions: [] },
].map((type) => ({ ...type, json: fc.constant(null) }));

/** What the guest of WebAssembly text does: the number is its path. The first is what its probe asks. */
const handles: string[] = [ANSWER];
export function runs(handle: string): string {
  handles.push(handle);
  return `/${handles.length - 1}`;
}

const low = (isolation: Isolation): string => isolation.toLowerCase();

const files = (isolation: Isolation): string => {
  const quota = 'access: ReadWrite, maxSize: 1Mi, maxFiles: 100';
  const grants = ['media', 'other'].map(
    (name) => `{name: ${name}, filesystem: {volume: ${name}-${low(isolation)}, mountPath: /${name}, ${quota}}}`,
  );
  return `  capabilities: [${grants.join(', ')}]\n`;
};

const values = (backend: string): string =>
  TYPES.map(
    ({ name }, index) => `    - matches: [{path: {type: Exact, value: /${name}}}]
      backendRef: {name: ${backend}, export: {interface: "test:t/api", function: echo${index}}}
`,
  ).join('');

const NAMED = [...VARIABLES].map((name) => `{name: ${name}, value: set}`).join(', ');
const CONFIG = SETTINGS.map((name) => `{name: ${name}, value: set}`).join(', ');

/** @param port of the one peer that is granted, at 127.0.0.1. */
export async function guestsOf(port: number): Promise<readonly Guest[]> {
  const up = `hosts: [127.0.0.1], ports: [${port}]`;
  return [
    { name: 'plain', wasm: example('testbed'), env: NAMED },
    { name: 'files', wasm: example('testbed-files'), spec: files },
    {
      name: 'web',
      wasm: example('testbed-outbound'),
      spec: () => `  capabilities: [{name: up, outboundHttp: {schemes: [http], ${up}, methods: [GET, POST]}}]\n`,
    },
    {
      name: 'sockets',
      wasm: example('testbed-sockets'),
      spec: () => `  capabilities:
    - {name: up, sockets: {protocols: [Tcp, Udp], ${up}}}
    - {name: names, nameLookup: {hosts: [peer.example]}}\n`,
    },
    {
      name: 'stored',
      wasm: example('testbed-stored'),
      spec: (isolation) =>
        `  capabilities: [{name: notes, keyValue: {store: notes-${low(isolation)}, access: ReadWrite}}]
  config: [${CONFIG}]\n`,
    },
    { name: 'values', wasm: await echoOf(TYPES), rules: values },
    { name: 'text', wasm: await guestOf(handles, await coreImportsOf(['io', 'clocks', 'random', 'cli', 'http'])) },
  ];
}
