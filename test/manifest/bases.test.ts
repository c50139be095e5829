/** Bases, variables and patches: what documents become, and where each error is found. */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/manifest/assemble.ts';
import { mergePatch } from '../../src/manifest/merge-patch.ts';
import { basesOf, overlaid } from '../../src/manifest/overlay.ts';
import { createParse } from '../../src/manifest/parse.ts';
import { MAX_SUBSTITUTED_CHARACTERS, Variables } from '../../src/manifest/substitute.ts';
import { createValidators } from '../../src/manifest/validator.ts';
import type { Json } from '../../src/kit/json.ts';
import { resolveBase } from '../../src/model/base-path.ts';
import type { Desired } from '../../src/model/desired.ts';
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import { BASE, BASE_ROWS } from './base-codes.table.ts';
import { marked } from './marked.ts';
import { artifactsOf, bytesOf, component, environment, parse, places, policy, route, type Files } from './support.ts';

const validators = createValidators();
const parseFiles = createParse();

function desiredWith(own: Files, base: Files, previous?: Desired): Desired {
  const parsed = parse(own);
  const bases = basesOf(parsed, previous);
  if (!bases.ok) throw new Error(`${bases.error.code} ${bases.error.message}`);
  const files = Object.entries(base).map(([path, text]) => ({
    path: `${BASE}/${path}`,
    bytes: bytesOf(text),
    base: BASE,
  }));
  const whole = overlaid(parsed, parseFiles(files), previous, validators);
  return assemble('0123456789abcdef', whole, artifactsOf(whole), previous);
}

const production = (more = '') => ({ 'environment.yaml': environment(`  bases: [${BASE}]\n${more}`) });
const patch = (target: string, text: string) => `  patches: [{target: ${target}, patch: ${text}}]\n`;
const CART = '{kind: Component, namespace: shop, name: cart}';
const problemsOf = (desired: Desired) => desired.diagnostics.filter(({ severity }) => severity === 'error');

describe('a base', () => {
  it('is as if it lay under the followed path; its artifacts lie beside it', () => {
    const desired = desiredWith(production(), {
      'shop/cart.yaml': component('cart', '  env: [{name: A, value: a}]\n'),
    });
    expect(problemsOf(desired)).toEqual([]);
    const [member] = desired.entries.get('shop/cart')!.members;
    expect(member).toMatchObject({ source: { path: '../../base/cart.wasm' }, env: [{ name: 'A', value: 'a' }] });
    expect(desired.environment.bases).toEqual([BASE]);
  });

  it('has the tenants of the followed path: folders in it belong to the same namespaces', () => {
    const tenants = '  tenants: [{namespace: shop, path: tenants/shop}, {namespace: platform, path: platform}]\n';
    const base = {
      'tenants/shop/cart.yaml': component('cart'),
      'platform/ceiling.yaml': policy('ceiling', '  namespaces: [shop]\n'),
      'tenants/shop/bank.yaml': component('teller', '', 'bank'),
      'tenants/shop/policy.yaml': policy('mine', '  namespaces: [shop]\n'),
    };
    const desired = desiredWith(production(tenants), base);
    expect([...desired.entries.keys()]).toEqual(['shop/cart']);
    expect(desired.policies.map(({ name }) => name)).toEqual(['ceiling']);
    expect(places(problemsOf(desired))).toEqual([
      'HW1022 ../../base/tenants/shop/bank.yaml:3:37',
      'HW1022 ../../base/tenants/shop/policy.yaml:3:18',
    ]);
  });

  it('doubles nothing: a document that both have is in neither', () => {
    const desired = desiredWith(
      { ...production(), 'cart.yaml': component('cart') },
      { 'cart.yaml': component('cart') },
    );
    expect(places(problemsOf(desired))).toEqual(['HW1021 ../../base/cart.yaml:3:18', 'HW1021 cart.yaml:3:18']);
  });

  it('has no Environment of its own, so no base of a base', () => {
    const desired = desiredWith(production(), { 'environment.yaml': environment(`  bases: [../other]\n`, 'other') });
    expect(places(problemsOf(desired))).toEqual(['HW1150 ../../base/environment.yaml:2:7']);
    expect(desired.environment.name).toBe('test');
  });

  it('that cannot be read as YAML keeps what may have been in it', () => {
    const before = desiredWith(production(), { 'cart.yaml': component('cart') });
    const desired = desiredWith(production(), { 'cart.yaml': 'kind: [' }, before);
    expect(desired.unreadablePaths).toEqual(['.']);
  });

  it('is not known without one valid Environment: then the commit is refused, and nothing is taken for deleted', () => {
    const before = desiredWith(production(), { 'cart.yaml': component('cart') });
    const broken = [
      {},
      { 'environment.yaml': environment('  sync: {interval: soon}\n') },
      { ...production(), 'other.yaml': environment('  {}\n', 'other') },
    ];
    for (const files of broken)
      expect(basesOf(parse(files), before)).toMatchObject({ error: { code: 'HW1150', policy: 'Terminal' } });
    expect(basesOf(parse({ 'environment.yaml': environment('  {}\n') }), before)).toEqual({ ok: true, value: [] });
    expect(basesOf(parse({ 'cart.yaml': component('cart') }), undefined)).toEqual({ ok: true, value: [] });
  });
});

describe('each code', () => {
  const found = (files: Files): readonly Diagnostic[] => {
    const [own, base] = [true, false].map((isOwn) =>
      Object.fromEntries(
        Object.entries(files)
          .filter(([name]) => name.startsWith(BASE) !== isOwn)
          .map(([name, text]) => [name.replace(`${BASE}/`, ''), text]),
      ),
    );
    return desiredWith(own!, base!).diagnostics;
  };

  it.each(BASE_ROWS.map((row) => [`${row.code} ${row.what}`, row] as const))('%s', (_name, { code, bad, good }) => {
    const { files, expected } = marked(code, bad);
    const isOf = (one: Diagnostic) => one.code === code;
    expect(places(found(files).filter(isOf))).toEqual(expected);
    expect(found(marked(code, good).files).filter(isOf)).toEqual([]);
  });
});

describe('where a base may be', () => {
  it.each([
    ['environments/production', '../../base', 'base'],
    ['environments/production', '../staging', 'environments/staging'],
    ['environments/production', '../production-base', 'environments/production-base'],
    ['a/b/c', '../x', 'a/b/x'],
  ])('from %s, %s is %s', (followed, base, folder) => {
    expect(resolveBase(followed, base)).toEqual({ ok: true, value: folder });
  });

  it.each([
    ['environments/production', '../../../etc', 'leads out of the repository'],
    ['environments/production', '../..', 'holds the followed path itself'],
    ['environments/production', '../../environments', 'holds the followed path itself'],
    ['environments/production', '../production', 'holds the followed path itself'],
    ['environments/production', '../production/shop', 'lies in the followed path'],
    ['.', '../base', 'leads out of the repository'],
    ['.', 'base', 'lies in the followed path'],
  ])('from %s, %s %s', (followed, base, why) => {
    const resolved = resolveBase(followed, base);
    expect(!resolved.ok && resolved.error).toContain(why);
  });
});

describe('variables', () => {
  const variables = (text: string) => `  variables: [${text}]\n`;

  it('stand in texts, not in keys and numbers, and are texts themselves', () => {
    const spec = '  env: [{name: HOST, value: "https://${domain}/$${x}?a=${port}"}]\n';
    const more = variables('{name: domain, value: "shop.example"}, {name: port, value: "${domain}"}');
    const desired = desiredWith(production(more), { 'cart.yaml': component('cart', spec) });
    expect(problemsOf(desired)).toEqual([]);
    expect(desired.entries.get('shop/cart')!.members[0].env).toEqual([
      { name: 'HOST', value: 'https://shop.example/${x}?a=${domain}' },
    ]);
    const filled = new Variables(new Map([['a', 'b']])).substitute({ '${a}': 1, b: ['${a}', 2, true, null] });
    expect(filled).toEqual({ value: { '${a}': 1, b: ['b', 2, true, null] }, faults: [] });
  });

  it.each([
    ['one that there is not', '${nothing}', 'there is no variable `nothing`'],
    ['one without an end', 'a ${domain', '`${domain` is not a variable'],
    ['one without a name', '${}', '`${}` is not a variable'],
    ['what a shell would do more', '${domain:-x}', '`${domain:-x}` is not a variable'],
    ['one of an object', '${__proto__}', 'there is no variable `__proto__`'],
  ])('%s is an error at its text', (_what, value, message) => {
    const spec = `  env: [{name: HOST, value: "${value}"}, {name: B, value: "\${domain}"}]\n`;
    const desired = desiredWith(production(variables('{name: domain, value: a}')), {
      'cart.yaml': component('cart', spec),
    });
    expect(problemsOf(desired)).toMatchObject([{ code: 'HW1151', message }]);
    expect(places(problemsOf(desired))).toEqual(['HW1151 ../../base/cart.yaml:6:29']);
    expect(desired.invalid).toMatchObject([{ kind: 'Component', namespace: 'shop', name: 'cart' }]);
  });

  it('that nothing uses is an error of the Environment, which holds all the same', () => {
    const desired = desiredWith(production(variables('{name: domain, value: a}')), { 'cart.yaml': component('cart') });
    expect(places(problemsOf(desired))).toEqual(['HW1152 environment.yaml:6:22']);
    expect([desired.environment.name, [...desired.entries.keys()]]).toEqual(['test', ['shop/cart']]);
  });

  it('are no way to make documents without end', () => {
    const filled = new Variables(new Map([['a', 'x'.repeat(4_096)]])).substitute(
      '${a}'.repeat(MAX_SUBSTITUTED_CHARACTERS / 4_096 + 1),
    );
    expect(filled.faults).toEqual([{ pointer: '', message: 'the variables make the documents too large' }]);
    expect(filled.value).toHaveLength(MAX_SUBSTITUTED_CHARACTERS);
  });

  it('that are written in documents of the followed path are plain text', () => {
    const own = { ...production(), 'own.yaml': component('own', '  env: [{name: A, value: "${a}"}]\n') };
    expect(desiredWith(own, {}).entries.get('shop/own')!.members[0].env).toEqual([{ name: 'A', value: '${a}' }]);
  });
});

describe('patches', () => {
  it('change what they name, in their order, before the schema is asked', () => {
    const more = `  patches:
    - {target: ${CART}, patch: {spec: {limits: {memory: 128Mi}, scaling: null, source: {path: own.wasm}}}}
    - {target: ${CART}, patch: {spec: {limits: {memory: 256Mi}}}}
`;
    const spec = '  scaling: {minReplicas: 3}\n  limits: {concurrency: 7}\n';
    const desired = desiredWith(production(more), { 'cart.yaml': component('cart', spec) });
    expect(problemsOf(desired)).toEqual([]);
    const { members, scaling } = desired.entries.get('shop/cart')!;
    expect(members[0]).toMatchObject({
      source: { path: 'own.wasm' },
      limits: { memoryBytes: 256 * 1024 * 1024, concurrency: 7 },
    });
    expect(scaling.minReplicas).toBe(1);
  });

  it('may complete what is none without them', () => {
    const base = { 'route.yaml': route('cart', '  rules: []\n'), 'cart.yaml': component('cart') };
    const target = '{kind: Route, namespace: shop, name: cart}';
    const desired = desiredWith(production(patch(target, '{spec: {rules: [{backendRef: {name: cart}}]}}')), base);
    expect(problemsOf(desired)).toEqual([]);
    expect(desired.entries.get('shop/cart')!.rules).toHaveLength(1);
  });

  it.each([
    ['a value that the schema refuses', '{spec: {instancePolicy: Poled}}', 'HW1016 environment.yaml:6:101'],
    ['a field that there is not', '{spec: {limts: {memory: 1Mi}}}', 'HW1013 environment.yaml:6:85'],
    ['an item of a list', '{spec: {env: [{name: A, value: 1}]}}', 'HW1015 environment.yaml:6:108'],
    ['what refers to nothing', '{spec: {rollout: {policyRef: {name: none}}}}', 'HW1023 environment.yaml:6:113'],
    ['a field that it takes away', '{spec: {source: null}}', 'HW1014 environment.yaml:6:85'],
    ['another name', '{metadata: {name: other}}', 'HW1153 environment.yaml:6:77'],
    ['another kind', '{kind: Route}', 'HW1153 environment.yaml:6:77'],
  ])('%s is found in the patch', (_what, text, place) => {
    const desired = desiredWith(production(patch(CART, text)), { 'cart.yaml': component('cart') });
    expect(places(problemsOf(desired))).toEqual([place]);
    expect(desired.invalid).toMatchObject([{ kind: 'Component', namespace: 'shop', name: 'cart' }]);
  });

  it('without a target are an error, and say which was meant', () => {
    const target = CART.replace('cart', 'crt');
    const desired = desiredWith(production(patch(target, '{spec: {suspend: true}}')), {
      'cart.yaml': component('cart'),
    });
    expect(problemsOf(desired)).toMatchObject([{ code: 'HW1154', remedy: 'did you mean Component shop/cart?' }]);
    expect(places(problemsOf(desired))).toEqual(['HW1154 environment.yaml:6:63']);
    expect(desired.entries.get('shop/cart')!.suspend).toBe(false);
  });

  // The table of RFC 7386, appendix A.
  it.each<[Json, Json, Json]>([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j and %j make %j', (target, change, result) => {
    expect(mergePatch({ value: target, places: {} }, { value: change, places: {}, file: 'a', at: '' }).value).toEqual(
      result,
    );
  });
});
