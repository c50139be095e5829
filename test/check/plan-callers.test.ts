/** What a plan says about those who call what changes: links between components, clients of routes, and what waits. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { planGithub } from '../../src/check/plan/github.ts';
import { planMarkdown } from '../../src/check/plan/markdown.ts';
import { planOf, type Plan } from '../../src/check/plan/plan.ts';
import { planText } from '../../src/check/plan/text.ts';
import { admit } from '../../src/component/admission/admit.ts';
import { inspect } from '../../src/component/inspect.ts';
import { digestOfBytes, type Digest } from '../../src/kit/digest.ts';
import { ok, type Result } from '../../src/kit/result.ts';
import { assemble } from '../../src/manifest/assemble.ts';
import { suspensionsOf } from '../../src/model/blocking.ts';
import type { Member } from '../../src/model/component.ts';
import type { Problem } from '../../src/model/problem.ts';
import type { ComponentShape, WitFunction, WitSide, WitType } from '../../src/model/wit.ts';
import { artifactsOf, bytesOf, component, ENVIRONMENT, parse, route, type Files } from '../manifest/support.ts';

const RATES = 'shop:tax/rates@0.2.0';
const NONE: WitSide = { interfaces: [], functions: [] };
const OPTION: readonly WitType[] = [{ kind: 'option', some: 'string' }];

const rate = (type: 'u32' | 'u64', ...more: WitFunction['params']): WitFunction => ({
  name: 'rate',
  params: [{ name: 'region', type }, ...more],
  result: 'u32',
});

function shape(side: { imports?: readonly WitFunction[]; exports?: readonly WitFunction[] }, name = RATES) {
  const of = (functions?: readonly WitFunction[]): WitSide =>
    functions ? { interfaces: [{ name, functions, types: [], resources: [] }], functions: [] } : NONE;
  return ok({ types: OPTION, resources: [], imports: of(side.imports), exports: of(side.exports) });
}

/** By the path of the artifact. */
type Shapes = Readonly<Record<string, Result<ComponentShape, Problem>>>;

function between(base: Files, head: Files, shapes: Shapes): Plan {
  const byDigest = new Map<Digest, Shapes[string]>(
    Object.entries(shapes).map(([name, one]) => [digestOfBytes(bytesOf(name)), one]),
  );
  const shapeOf = (artifact: Digest) => byDigest.get(artifact);
  const read = (files: Files, previous?: ReturnType<typeof assemble>) => {
    const parsed = parse({ 'environment.yaml': ENVIRONMENT, ...files });
    return assemble('0123456789abcdef', parsed, artifactsOf(parsed), previous, shapeOf);
  };
  const before = read(base);
  return planOf(before, read(head, before), shapeOf);
}

const at = (name: string, artifact: string, spec = '') =>
  component(name, spec).replace(`path: ${name}.wasm`, `path: ${artifact}.wasm`);
const breaks = (plan: Plan) => plan.entries.flatMap(({ key, breaks: all }) => all.map((one) => [key, one] as const));

describe('components that link what changes', () => {
  const link = (mode: string) => `  links: [{import: "${RATES}", componentRef: {name: tax}, mode: ${mode}}]\n`;
  const pair = (tax: string, cart = 'cart', mode = 'Inline'): Files => ({
    'cart.yaml': at('cart', cart, link(mode)),
    'tax.yaml': at('tax', tax),
  });
  const shapes: Shapes = {
    'cart.wasm': shape({ imports: [rate('u32')] }),
    'cart-64.wasm': shape({ imports: [rate('u64')] }),
    'tax.wasm': shape({ exports: [rate('u32')] }),
    'tax-more.wasm': shape({ exports: [rate('u32'), { name: 'check', params: [] }] }),
    'tax-64.wasm': shape({ exports: [rate('u64')] }),
    'tax-none.wasm': shape({}),
    'tax-3.wasm': shape({ exports: [rate('u32')] }, 'shop:tax/rates@0.3.0'),
  };

  it.each([
    ['other types', 'tax-64', 'Inline', 'shop/tax does not fit shop:tax/rates@0.2.0: it calls rate(region: u32)'],
    ['other types', 'tax-64', 'Remote', 'shop/tax does not fit shop:tax/rates@0.2.0: it calls rate(region: u32)'],
    ['no such export', 'tax-none', 'Inline', 'shop/tax does not export shop:tax/rates@0.2.0'],
    ['another version', 'tax-3', 'Inline', 'shop/tax exports shop:tax/rates@0.3.0, which cannot stand for'],
  ])('%s in %s: the provider of an %s link is told', (_what, tax, mode, why) => {
    const plan = between(pair('tax', 'cart', mode), pair(tax, 'cart', mode), shapes);
    expect(breaks(plan)).toEqual([['shop/tax', { type: 'Link', who: 'shop/cart', why: expect.stringContaining(why) }]]);
    // And the consumer is what cannot change: its own entry says so at its own line.
    const cart = plan.entries.find(({ key }) => key === 'shop/cart');
    expect([cart?.change, cart?.problems[0]?.code]).toEqual(['Invalid', expect.stringMatching(/^HW235/)]);
  });

  it.each([
    ['more exports', pair('tax'), pair('tax-more')],
    ['both ends at once', pair('tax'), pair('tax-64', 'cart-64')],
    ['nothing', pair('tax'), pair('tax')],
    ['no link any more', pair('tax'), { ...pair('tax-64'), 'cart.yaml': at('cart', 'cart') }],
  ])('%s breaks nobody', (_what, base, head) => {
    expect(breaks(between(base, head, shapes))).toEqual([]);
  });

  it('is in every format', () => {
    const plan = between(pair('tax'), pair('tax-64'), shapes);
    const said = 'shop/tax breaks shop/cart: shop/tax does not fit';
    expect(planText(plan)).toContain(`\n  ! ${said}`);
    expect(planMarkdown(plan)).toContain(`- ⚠️ ${said}`);
    expect(planGithub(plan)).toContain(`::warning title=breaks a caller::${said}`);
    expect(JSON.parse(JSON.stringify(plan))).toMatchObject({ entries: [{}, { breaks: [{ who: 'shop/cart' }] }] });
  });
});

describe('components that ask what is taken away', () => {
  const asks = (host: string) => component('cart', `  capabilities: [{name: a, outboundHttp: {hosts: [${host}]}}]\n`);
  const pair = (host: string): Files => ({ 'cart.yaml': asks(host), 'tax.yaml': component('tax') });

  it('are named at it, unless only a wildcard covers it', () => {
    const removed = between(pair('tax.shop.headway'), { 'cart.yaml': asks('tax.shop.headway') }, {});
    const why = 'it asks tax.shop.headway, which nobody answers any more';
    expect(breaks(removed)).toEqual([['shop/tax', { type: 'Link', who: 'shop/cart', why }]]);
    expect(planText(removed)).toContain(`shop/tax breaks shop/cart: ${why}`);
    expect(breaks(between(pair('"*.shop.headway"'), { 'cart.yaml': asks('"*.shop.headway"') }, {}))).toEqual([]);
    expect(breaks(between(pair('tax.shop.headway'), pair('tax.shop.headway'), {}))).toEqual([]);
  });
});

describe('clients of a route', () => {
  const PRICES = 'shop:cart/pricing@1.0.0';
  const calls = (artifact: string, called = 'quote', match = '/quote'): Files => ({
    'cart.yaml': at('cart', artifact),
    'route.yaml': route(
      'cart',
      `  hostnames: [shop.example.com]\n  rules:\n    - matches: [{path: {type: Exact, value: ${match}}}]\n      backendRef: {name: cart, export: {interface: "${PRICES}", function: ${called}}}\n`,
    ),
  });
  const quote = (
    params: WitFunction['params'],
    result: WitFunction['result'] = 'u32',
    name = 'quote',
  ): WitFunction => ({
    name,
    params,
    result,
  });
  const item = { name: 'item', type: 'string' as const };
  const count = { name: 'count', type: 'u32' as const };
  const prices = (...functions: readonly WitFunction[]) => shape({ exports: functions }, PRICES);
  const shapes: Shapes = {
    'v1.wasm': prices(quote([item, count]), quote([item], 'u32', 'price')),
    'turned.wasm': prices(quote([count, item])),
    'optional.wasm': prices(quote([{ name: 'note', type: 0 }, item, count])),
    'required.wasm': prices(quote([item, count, { name: 'note', type: 'string' }])),
    'fewer.wasm': prices(quote([item])),
    'result.wasm': prices(quote([item, count], 'string')),
    'gone.wasm': prices(quote([item], 'u32', 'price')),
  };

  it.each([
    ['a new parameter', 'required', 'there is quote(item: string, count: u32, note: string) -> u32'],
    ['a parameter less', 'fewer', 'there is quote(item: string) -> u32'],
    ['another result', 'result', 'there is quote(item: string, count: u32) -> string'],
    ['a function that is gone', 'gone', 'is not there any more'],
  ])('%s breaks them', (_what, artifact, why) => {
    const found = breaks(between(calls('v1'), calls(artifact), shapes));
    expect(found).toEqual([
      ['shop/cart', { type: 'Call', who: 'shop.example.com/quote', why: expect.stringContaining(why) }],
    ]);
    expect(found[0]![1].why).toContain('clients send quote(item: string, count: u32) -> u32');
  });

  it('another function at the same address breaks them, by what it takes', () => {
    expect(breaks(between(calls('v1'), calls('v1', 'price'), shapes))).toMatchObject([
      ['shop/cart', { who: 'shop.example.com/quote' }],
    ]);
  });

  it.each([
    ['another order', calls('turned')],
    ['a new parameter that may be left out', calls('optional')],
    ['the same', calls('v1')],
    ['another address', calls('fewer', 'quote', '/new')],
  ])('%s breaks nobody', (_what, head) => {
    expect(breaks(between(calls('v1'), head, shapes))).toEqual([]);
  });

  it('is in every format', () => {
    const plan = between(calls('v1'), calls('result'), shapes);
    const said = 'shop/cart breaks clients of shop.example.com/quote: clients send quote(';
    expect([planText(plan), planMarkdown(plan), planGithub(plan)].map((text) => text.includes(said))).toEqual([
      true,
      true,
      true,
    ]);
  });
});

describe('where calls may wait', () => {
  const of = (name: string) => inspect(readFileSync(path.resolve(`examples/wasm/${name}.wasm`)));
  const shapes: Shapes = {
    'still.wasm': of('pricing-v1'),
    'stored.wasm': of('counter-v1'),
  };
  const one = (artifact: string): Files => ({ 'cart.yaml': at('cart', artifact) });
  const suspends = (plan: Plan) => plan.entries.map((entry) => [entry.key, entry.suspends]);

  it('a component that begins to wait is told from one that never does', () => {
    const plan = between(one('still'), one('stored'), shapes);
    const [[, found]] = suspends(plan) as [[string, readonly string[]]];
    expect(found).toContain('wasi:keyvalue/store#open');
    expect(planText(plan)).toContain('  ~ its calls may wait in ');
    expect(planMarkdown(plan)).toContain('- its calls may wait in ');
  });

  it('and one that ends to', () => {
    const plan = between(one('stored'), one('still'), shapes);
    expect(suspends(plan)).toEqual([['shop/cart', []]]);
    expect(planText(plan)).toContain('  ~ its calls wait for nothing any more');
  });

  it('nothing is said where nothing changes, and where types are not known', () => {
    expect(suspends(between(one('still'), one('still'), shapes))).toEqual([]);
    expect(suspends(between(one('still'), one('unknown'), shapes))).toEqual([['shop/cart', undefined]]);
  });

  it.each(globSync('examples/wasm/*.wasm'))('%s: as the daemon finds it when it prepares', (file) => {
    const admitted = admit(readFileSync(file), 64 * 2 ** 20);
    // What is not admitted is never prepared.
    if (!admitted.ok) return expect(admitted.error.code).toMatch(/^HW2/);
    const member = { key: 'shop/cart', artifact: 'sha256:00', links: [] } as unknown as Member;
    const { shape: found, blockingImports } = admitted.value;
    expect(suspensionsOf([member], () => found)).toEqual([...blockingImports].sort());
  });

  it('a link spreads it to the callers, with the member that waits', () => {
    const waiting = shape({ imports: [{ name: 'open', params: [] }] }, 'wasi:keyvalue/store@0.2.0-draft');
    const tax = waiting.ok && {
      ...waiting.value,
      exports: (shape({ exports: [rate('u32')] }) as typeof waiting).value.exports,
    };
    const files = (artifact: string): Files => ({
      'cart.yaml': at('cart', 'cart', `  links: [{import: "${RATES}", componentRef: {name: tax}}]\n`),
      'tax.yaml': at('tax', artifact, '  capabilities: [{name: s, keyValue: {store: s}}]\n'),
    });
    const plan = between(files('tax'), files('tax-waits'), {
      'cart.wasm': shape({ imports: [rate('u32')] }),
      'tax.wasm': shape({ exports: [rate('u32')] }),
      'tax-waits.wasm': ok(tax as ComponentShape),
    });
    expect(suspends(plan)).toEqual([
      ['shop/cart', ['shop/tax wasi:keyvalue/store#open']],
      ['shop/tax', ['wasi:keyvalue/store#open']],
    ]);
  });
});
