/** Names that JavaScript gives a meaning to, wherever a name can be said; and values that are no values of their type. */
import { SETTINGS, TRICKS, VARIABLES } from '../guests.ts';
import type { Attempt, Scene } from '../attempt.ts';
import type { Asked } from '../program.ts';

const GROUP = 'prototype names';
const NAMES = ['__proto__', 'constructor', 'toString', 'valueOf', 'hasOwnProperty', '__defineGetter__', 'prototype'];

/** That it is the name that was said, and nothing that every object has. */
const same = (what: string, expected: string, tries: (scene: Scene) => Promise<string>): Attempt => ({
  group: GROUP,
  what,
  comes: 'what was said',
  tries: async (scene) => {
    const said = await tries(scene);
    return said === expected ? 'what was said' : said;
  },
});

const HEADERS: readonly Attempt[] = [
  same(
    'names of headers',
    NAMES.map((name) => `${name.toLowerCase()}: ${name}`).join(),
    async ({ program, isolation }) => {
      const headers = NAMES.flatMap((name) => [name, name]);
      const { body } = await program.ask('plain', isolation, '/request', { headers });
      return body
        .split('\n')
        .filter((line) => /^(?:_|constructor|tostring|valueof|hasown|prototype)/.test(line))
        .join();
    },
  ),
  same('names in a query', '__proto__=1&constructor[prototype][x]=1&toString', async ({ program, isolation }) => {
    const { body } = await program.ask('plain', isolation, '/request?__proto__=1&constructor[prototype][x]=1&toString');
    return body.split('\n')[2]!;
  }),
  same('names of cookies', 'cookie: __proto__=a; constructor=b; toString', async ({ program, isolation }) => {
    const { body } = await program.ask('plain', isolation, '/request', {
      headers: ['cookie', '__proto__=a; constructor=b; toString'],
    });
    return body.split('\n').find((line) => line.startsWith('cookie'))!;
  }),
  same('names of segments', '/__proto__/constructor', async ({ program, isolation }) => {
    const { body } = await program.ask('plain', isolation, '/__proto__/constructor');
    return body.replace('no such route: ', '').trim();
  }),
  same('names of headers towards others', '200', async (scene) => {
    const query = `to=127.0.0.1:${scene.outside.port}&header=__proto__&value=x`;
    const { body } = await scene.program.ask('web', scene.isolation, `/send?${query}`);
    return body.split('\n', 1)[0]!;
  }),
];

const STORED: readonly Attempt[] = [
  same(
    'names of variables',
    VARIABLES.map((name) => `env ${name}=set`)
      .sort()
      .join(),
    async ({ program, isolation }) => {
      const { body } = await program.ask('plain', isolation, '/env');
      return body
        .split('\n')
        .filter((line) => line.endsWith('=set'))
        .sort()
        .join();
    },
  ),
  same('names of settings', 'some set,some set,some set,some set,none,none', async ({ program, isolation }) => {
    const ask = async (key: string): Promise<string> =>
      (await program.ask('stored', isolation, `/config/get?key=${key}`)).body;
    const said = [];
    for (const key of [...SETTINGS, '__proto__', 'isPrototypeOf']) said.push(await ask(key));
    return said.join();
  }),
  same('keys that were never set', NAMES.map(() => 'none').join(), async ({ program, isolation }) => {
    const said = [];
    for (const key of NAMES)
      said.push((await program.ask('stored', isolation, `/get?store=${store(isolation)}&key=${key}`)).body);
    return said.join();
  }),
  same('keys', NAMES.map((name) => `ok some ${name}`).join(), async ({ program, isolation }) => {
    const said = [];
    for (const key of NAMES) {
      const at = `store=${store(isolation)}&key=${key}`;
      const { body } = await program.ask('stored', isolation, `/set?${at}&value=${key}`);
      said.push(`${body} ${(await program.ask('stored', isolation, `/get?${at}`)).body}`);
    }
    return said.join();
  }),
  ...['__proto__', 'constructor', '../notes', 'shop/notes', ''].map((name): Attempt => ({
    group: GROUP,
    what: `a store named "${name}"`,
    comes: /^(?:access-denied|no-such-store)$/,
    tries: async ({ program, isolation }) =>
      (await program.ask('stored', isolation, `/get?store=${name || '%20'}&key=a`)).body,
    ...(name === 'constructor' ? { denial: /constructor/ } : {}),
  })),
];

function store(isolation: Scene['isolation']): string {
  return `notes-${isolation.toLowerCase()}`;
}

async function call({ program, isolation }: Scene, name: string, body: string, more: Asked = {}): Promise<string> {
  const headers = ['content-type', 'application/json', 'content-length', String(Buffer.byteLength(body))];
  const said = await program.ask('values', isolation, `/${name}`, { method: 'POST', headers, body, ...more });
  return said.status === 200 ? said.body : `status ${said.status}`;
}

const record = Object.fromEntries(TRICKS.map((name, index) => [name, index]));
const VALUES: readonly Attempt[] = [
  ['a record', 'tricks', [record]],
  ['cases of a variant', 'turn', TRICKS.map((name, index) => ({ [name]: index }))],
  ['cases of an enum', 'kind', TRICKS],
  ['flags', 'marks', [TRICKS, [], ['to-string', 'proto']]],
].map(([what, name, values]) =>
  same(`${what as string} of such names`, JSON.stringify(values), (scene) =>
    call(scene, name as string, JSON.stringify({ value: values })),
  ),
);

const text = JSON.stringify(record);
const WRONG: readonly Attempt[] = [
  ['a record with __proto__', 'tricks', `{"value":[${text.replace('{', '{"__proto__":{"toString":1},')}]}`],
  ['a record of __proto__ alone', 'tricks', `{"value":[{"__proto__":${text}}]}`],
  ['a record that lacks what every object has', 'tricks', '{"value":[{"proto":1,"is-prototype-of":1,"length":1}]}'],
  ['parameters by __proto__', 'tricks', `{"__proto__":{"value":[${text}]}}`],
  ['a case that every object has', 'turn', '{"value":[{"toString":1}]}'],
  ['a case named __proto__', 'turn', '{"value":[{"__proto__":1}]}'],
  ['an enum case that every object has', 'kind', '{"value":["hasOwnProperty"]}'],
  ['a flag named __proto__', 'marks', '{"value":[["__proto__"]]}'],
  ['an object that says that it is a list', 'bool', '{"value":{"length":4294967295}}'],
  ['a list of the wrong', 'bool', '{"value":[true,null,{}]}'],
].map(([what, name, body]) => ({
  group: GROUP,
  what: what!,
  comes: 'status 400',
  tries: (scene) => call(scene, name!, body!),
}));

const HUGE: readonly Attempt[] = [
  {
    group: 'huge lists',
    what: 'JSON of 100,000 levels',
    comes: 'status 400',
    tries: (scene) => call(scene, 'bool', `{"value":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
  },
  {
    group: 'huge lists',
    what: 'JSON of 100,000 objects in each other',
    comes: 'status 400',
    tries: (scene) => call(scene, 'bool', `{"value":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`),
  },
  {
    group: 'huge lists',
    what: 'a list of 150,000',
    comes: /^(?:whole|status (?:400|413))$/,
    async tries(scene) {
      const said = await call(scene, 'bool', `{"value":[${'true,'.repeat(149_999)}true]}`);
      return said.startsWith('status')
        ? said
        : said === `[${'true,'.repeat(149_999)}true]`
          ? 'whole'
          : 'not what was said';
    },
  },
  {
    group: 'huge lists',
    what: 'a body of 2 MB',
    comes: 'status 413',
    tries: (scene) => call(scene, 'string', `{"value":["${'x'.repeat(2 * 1024 * 1024)}"]}`),
  },
  {
    group: 'huge lists',
    what: 'a body that declares 2^53 bytes',
    comes: 'status 413',
    tries: ({ program, isolation }) =>
      program
        .ask('values', isolation, '/bool', {
          method: 'POST',
          headers: ['content-type', 'application/json', 'content-length', '9007199254740992'],
        })
        .then(({ status }) => `status ${status}`),
  },
];

export const NAMED: readonly Attempt[] = [...HEADERS, ...STORED, ...VALUES, ...WRONG, ...HUGE];
