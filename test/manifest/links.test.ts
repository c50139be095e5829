import { describe, expect, it } from 'vitest';
import { digestOfBytes, type Digest } from '../../src/kit/digest.ts';
import { err, ok, type Result } from '../../src/kit/result.ts';
import { assemble } from '../../src/manifest/assemble.ts';
import type { Desired } from '../../src/model/desired.ts';
import { problem, type Problem } from '../../src/model/problem.ts';
import type { ComponentShape, WitPrimitive } from '../../src/model/wit.ts';
import { fitsRemotely } from '../../src/model/remote.ts';
import { artifactsOf, bytesOf, component, ENVIRONMENT, parse, type Files } from './support.ts';

const RATES = 'shop:tax/rates@0.2.0';

function rates(type: WitPrimitive, name = RATES): ComponentShape['exports'] {
  const functions = [{ name: 'rate', params: [{ name: 'region', type }], result: 'u32' as const }];
  return { interfaces: [{ name, functions, types: [], resources: [] }], functions: [] };
}

const NONE: ComponentShape['exports'] = { interfaces: [], functions: [] };
const importing = (type: WitPrimitive): ComponentShape => ({
  types: [],
  resources: [],
  imports: rates(type),
  exports: NONE,
});
const exporting = (type: WitPrimitive, name?: string): ComponentShape => ({
  types: [],
  resources: [],
  imports: NONE,
  exports: rates(type, name),
});

/** A function of it takes a handle. */
function withResource(): ComponentShape {
  const [item] = rates('u32').interfaces;
  const functions = [{ name: 'rate', params: [{ name: 'region', type: 0 }], result: 'u32' as const }];
  return {
    ...importing('u32'),
    types: [{ kind: 'own', resource: 0 }],
    resources: [{ origin: 'Import', interface: RATES, name: 'region' }],
    imports: { interfaces: [{ ...item!, functions }], functions: [] },
  };
}

type Shapes = Readonly<Record<string, Result<ComponentShape, Problem>>>;

function link(to: string, more = '', name = RATES): string {
  return `  links:\n    - {import: "${name}", componentRef: {name: ${to}}${more}}\n`;
}

function desiredOf(files: Readonly<Record<string, string>>, shapes: Shapes = {}, previous?: Desired): Desired {
  const parsed = parse({ 'environment.yaml': ENVIRONMENT, ...files });
  const artifacts = artifactsOf(parsed);
  // Those too that a document named before it broke.
  const byDigest = new Map<Digest, string>(Object.keys(shapes).map((path) => [digestOfBytes(bytesOf(path)), path]));
  return assemble('c', parsed, artifacts, previous, (digest) => shapes[byDigest.get(digest)!]);
}

const PAIR = { 'cart.yaml': component('cart', link('tax')), 'tax.yaml': component('tax') };

function findings(files: Readonly<Record<string, string>>, shapes?: Shapes) {
  const wanted = desiredOf(files, shapes).diagnostics.filter(({ code }) => code !== 'HW1060');
  return wanted.map(({ code, span, message }) => ({
    code,
    at: `${span?.file}:${span?.line}:${span?.column}`,
    message,
  }));
}

describe('an inline link', () => {
  it('whose types fit is good, and so is one whose types are not known here', () => {
    expect(findings(PAIR)).toEqual([]);
    expect(findings(PAIR, { 'cart.wasm': ok(importing('u32')), 'tax.wasm': ok(exporting('u32')) })).toEqual([]);
    const desired = desiredOf(PAIR);
    expect(desired.entries.get('shop/cart')!.members.map(({ key }) => key)).toEqual(['shop/cart', 'shop/tax']);
  });

  it('whose types differ is an error at its place, and keeps only the one that links', () => {
    const shapes = { 'cart.wasm': ok(importing('u32')), 'tax.wasm': ok(exporting('u64')) };
    const [found, ...more] = findings(PAIR, shapes);
    expect(more).toEqual([]);
    expect(found).toMatchObject({ code: 'HW2355' });
    expect(found!.at).toMatch(/^cart\.yaml:\d+:\d+$/);
    expect(found!.message).toContain('rate(region: u32) -> u32; there is rate(region: u64) -> u32');
    const desired = desiredOf(PAIR, shapes);
    expect([...desired.entries.keys()]).toEqual(['shop/tax']);
    expect(desired.invalid.map(({ name }) => name)).toEqual(['cart']);
  });

  it.each<[string, Shapes, string, RegExp]>([
    ['that the component does not import', { 'cart.wasm': ok(exporting('u32')) }, 'HW2350', /imports nothing/],
    [
      'to a component without such an export',
      { 'tax.wasm': ok(importing('u32')) },
      'HW2352',
      /does not export shop:tax\/rates@0\.2\.0; it exports nothing/,
    ],
    [
      'to another version',
      { 'tax.wasm': ok(exporting('u32', 'shop:tax/rates@0.3.0')) },
      'HW2353',
      /exports shop:tax\/rates@0\.3\.0, which cannot stand for/,
    ],
    [
      'to what cannot be read',
      { 'tax.wasm': err(problem('HW2101', 'the file is not WebAssembly')) },
      'HW1096',
      /shop\/tax cannot be read: the file is not WebAssembly \(HW2101\)/,
    ],
  ])('%s is an error', (_what, changed, code, message) => {
    const good = { 'cart.wasm': ok(importing('u32')), 'tax.wasm': ok(exporting('u32')) };
    const [found] = findings(PAIR, { ...good, ...changed });
    expect(found).toMatchObject({ code, message: expect.stringMatching(message) as string });
  });

  it('that leads back names the circle, in every document of it', () => {
    const circle = {
      'a.yaml': component('a', link('b')),
      'b.yaml': component('b', link('c')),
      'c.yaml': component('c', link('a')),
    };
    const found = findings(circle);
    expect(found.map(({ code }) => code)).toContain('HW1028');
    expect(found.find(({ code }) => code === 'HW1028')!.message).toBe(
      'shop/a links itself: shop/a → shop/b → shop/c → shop/a',
    );
    expect(desiredOf(circle).entries.size).toBe(0);
  });

  it('to nobody is an error, and so is one to a Singleton', () => {
    expect(findings({ 'cart.yaml': component('cart', link('none')) })).toMatchObject([{ code: 'HW1023' }]);
    const single = { ...PAIR, 'tax.yaml': component('tax', '  instancePolicy: Singleton\n') };
    expect(findings(single).map(({ code }) => code)).toContain('HW1095');
  });

  it('breaks with what it leads to, and what leads to it breaks with it', () => {
    const chain = {
      'a.yaml': component('a', link('b')),
      'b.yaml': component('b', link('none')),
    };
    expect(findings(chain).map(({ code }) => code)).toEqual(['HW1024', 'HW1023']);
  });

  it('makes the revision of every entry that uses a member depend on it', () => {
    const both = { ...PAIR, 'other.yaml': component('other', link('tax')) };
    const desired = desiredOf(both);
    for (const key of ['shop/cart', 'shop/other'] as const) {
      expect(desired.entries.get(key)!.members.at(-1)!.key).toBe('shop/tax');
    }
  });
});

describe('a remote link', () => {
  const remote = (more: string = '') => ({
    'cart.yaml': component('cart', link('tax', ', mode: Remote') + more),
    'tax.yaml': component('tax'),
  });
  const fitting = { 'cart.wasm': ok(importing('u32')), 'tax.wasm': ok(exporting('u32')) };

  it('makes two entries of two cells, and each knows of the other', () => {
    const desired = desiredOf(remote(), fitting);
    const [cart, tax] = [desired.entries.get('shop/cart')!, desired.entries.get('shop/tax')!];
    expect(cart.members).toHaveLength(1);
    expect(cart.remote).toMatchObject({ calls: [{ component: 'shop/tax', import: RATES }], callers: [] });
    expect(tax.remote).toMatchObject({ calls: [], callers: ['shop/cart'], offers: [{ interface: RATES }] });
    expect(fitsRemotely(cart.remote!.calls[0]!, tax.remote!.offers)).toBe(true);
    expect(desired.invalid).toEqual([]);
  });

  it('is of the cell that holds the member that has it', () => {
    const files = { ...remote(), 'front.yaml': component('front', link('cart')) };
    const desired = desiredOf(files);
    expect(desired.entries.get('shop/front')!.remote!.calls).toMatchObject([{ component: 'shop/tax' }]);
    expect(desired.entries.get('shop/tax')!.remote!.callers).toEqual(['shop/cart', 'shop/front']);
  });

  it('leads to a Singleton as well', () => {
    const files = { ...remote(), 'tax.yaml': component('tax', '  instancePolicy: Singleton\n') };
    expect(desiredOf(files, fitting).invalid).toEqual([]);
  });

  it.each<[string, Files, Shapes, string, RegExp]>([
    ['to nobody', { 'cart.yaml': component('cart', link('none', ', mode: Remote')) }, {}, 'HW1023', /no Component/],
    ['to itself', { 'cart.yaml': component('cart', link('cart', ', mode: Remote')) }, {}, 'HW1028', /links itself/],
    ['whose types differ', {}, { 'tax.wasm': ok(exporting('u64')) }, 'HW2355', /does not fit/],
    ['to a component without the export', {}, { 'tax.wasm': ok(importing('u32')) }, 'HW2352', /exports nothing/],
    ['with a resource', {}, { 'cart.wasm': ok(withResource()) }, 'HW2354', /resources do not cross a link/],
  ])('%s is an error at its place', (_what, files, shapes, code, says) => {
    const found = findings({ ...remote(), ...files }, { ...fitting, ...shapes });
    expect(found.map((one) => one.code)).toContain(code);
    const one = found.find((each) => each.code === code)!;
    expect(one.message).toMatch(says);
    expect(one.at).toMatch(/^cart\.yaml:\d+:\d+$/);
  });

  it('does not leave its namespace: no namespace can grant for another', () => {
    const elsewhere = link('tax', ', mode: Remote').replace('{name: tax}', '{name: tax, namespace: platform}');
    const files = {
      'cart.yaml': component('cart', elsewhere),
      'platform.yaml': component('tax').replace('namespace: shop', 'namespace: platform'),
    };
    expect(findings(files).map(({ code }) => code)).toContain('HW1110');
  });

  it('that nobody can call with values is refused with the reason', () => {
    const shape = importing('u32');
    const [item] = shape.imports.interfaces;
    const own = { ...shape, imports: { interfaces: [{ ...item!, name: 'headway:http/x@0.2.0' }], functions: [] } };
    const offer = { ...exporting('u32'), exports: own.imports };
    const files = {
      'cart.yaml': component('cart', link('tax', ', mode: Remote', 'headway:http/x@0.2.0')),
      'tax.yaml': component('tax'),
    };
    const found = findings(files, { 'cart.wasm': ok(own), 'tax.wasm': ok(offer) });
    expect(found.map(({ code }) => code)).toContain('HW1111');
    expect(found.find(({ code }) => code === 'HW1111')!.message).toContain('rate: the runtime itself calls it');
  });

  it('that no longer fits holds both: the caller keeps its form, the called one does not start', () => {
    const before = desiredOf(remote(), fitting);
    const changed = { 'cart.wasm': ok(importing('u32')), 'tax.wasm': ok(exporting('u64')) };
    const after = desiredOf(remote(), changed, before);
    expect(after.invalid.map(({ name, problems }) => [name, problems[0]!.code])).toEqual([['cart', 'HW2355']]);
    expect(after.entries.get('shop/tax')!.refusals.map(({ code }) => code)).toEqual(['HW1112']);
    // Who was never valid holds nobody.
    expect(desiredOf(remote(), changed).entries.get('shop/tax')!.refusals).toEqual([]);
  });

  it('of a document that broke is held against what its provider becomes', () => {
    const before = desiredOf(remote(), fitting);
    const broken = { ...remote(), 'cart.yaml': component('cart', '  links: nonsense\n') };
    const changed = { 'cart.wasm': ok(importing('u32')), 'tax.wasm': ok(exporting('u64')) };
    const after = desiredOf(broken, changed, before);
    const refusals = after.entries.get('shop/tax')!.refusals.filter(({ code }) => code === 'HW1112');
    expect(refusals).toMatchObject([
      { message: expect.stringContaining('shop/cart, which keeps its last valid form') },
    ]);
    expect(desiredOf(broken, fitting, before).entries.get('shop/tax')!.refusals).toEqual([]);
    expect(desiredOf(broken, fitting, before).entries.get('shop/tax')!.remote!.callers).toEqual(['shop/cart']);
  });
});
