import { describe, expect, it } from 'vitest';
import { component, desiredOf, ENVIRONMENT, places, policy, type Files } from './support.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const from = (source: string, more: Files = {}): Files => ({
  'environment.yaml': ENVIRONMENT,
  'cart.yaml': component('cart').replace('path: cart.wasm', source),
  ...more,
});
const https = (url: string, digest = DIGEST) => `https: {url: "${url}", digest: "${digest}"}`;
const oci = (image: string) => `oci: {image: ${image}, tag: "1.0", digest: "${DIGEST}"}`;

describe('artifacts that git does not hold', () => {
  it.each([
    [https('https://a.example/cart.wasm'), { type: 'https', url: 'https://a.example/cart.wasm', digest: DIGEST }],
    [oci('r.example/shop/cart'), { type: 'oci', image: 'r.example/shop/cart', tag: '1.0', digest: DIGEST }],
  ])('are known by their digest: %s', (text, source) => {
    const [member] = desiredOf(from(text)).entries.get('shop/cart')!.members;
    expect(member).toMatchObject({ artifact: DIGEST, source });
  });

  it('where they come from is in no revision', () => {
    const [one, other] = ['a.example', 'b.example'].map((host) => desiredOf(from(https(`https://${host}/c.wasm`))));
    const without = (desired: typeof one) => ({ ...desired!.entries.get('shop/cart')!.members[0], source: undefined });
    expect(without(one)).toEqual(without(other));
  });

  it.each([
    'https://user:secret@a.example/c',
    'https://token@a.example/c',
    'https://a.example/c#part',
    'https://a b/c',
    'https://:0',
  ])('the address %s is refused at its place, and not repeated', (url) => {
    const { invalid, diagnostics } = desiredOf(from(https(url)));
    expect(invalid.map(({ name }) => name)).toEqual(['cart']);
    const code = url.includes(' ') ? 'HW1017' : 'HW2401';
    expect(places(diagnostics)).toEqual([`${code} cart.yaml:5:25`]);
    expect(diagnostics[0]!.message).not.toMatch(/secret|token/);
  });

  it.each([
    ['https: {url: "https://a.example/c.wasm"}', 'https://a.example/c.wasm'],
    ['oci: {image: r.example/cart, tag: "2"}', 'r.example/cart:2'],
    ['oci: {image: r.example/cart}', 'r.example/cart:latest'],
  ])('without a digest are refused: %s', (text, name) => {
    const { invalid, diagnostics } = desiredOf(from(text));
    expect(invalid.map(({ name }) => name)).toEqual(['cart']);
    expect(places(diagnostics)).toEqual(['HW2441 cart.yaml:5:12']);
    expect(diagnostics[0]).toMatchObject({ severity: 'error', message: expect.stringContaining(name) });
    expect(diagnostics[0]!.remedy).toContain('headway lock');
  });

  it('the digest to write is said where another document has it', () => {
    const other = component('other').replace('path: other.wasm', oci('r.example/cart'));
    const { diagnostics } = desiredOf(from('oci: {image: r.example/cart, tag: "1.0"}', { 'other.yaml': other }));
    expect(diagnostics[0]!.remedy).toContain(`digest: ${DIGEST}`);
  });
});

describe('where a Policy lets artifacts come from', () => {
  const under = (artifacts: string, source: string, enforcement = 'Enforce') =>
    desiredOf(
      from(source, {
        'p.yaml': policy('p', `  namespaces: [shop]\n  enforcement: ${enforcement}\n  artifacts: ${artifacts}\n`),
      }),
    ).entries.get('shop/cart')!.refusals;

  it.each([
    ['{httpsHosts: [a.example]}', https('https://a.example/c'), true],
    ['{httpsHosts: [a.example]}', https('https://A.EXAMPLE:8443/c'), true],
    ['{httpsHosts: [a.example]}', https('https://b.a.example/c'), false],
    ['{httpsHosts: ["*.a.example"]}', https('https://b.a.example/c'), true],
    ['{httpsHosts: ["*.a.example"]}', https('https://a.example/c'), false],
    ['{httpsHosts: ["*.a.example"]}', https('https://evila.example/c'), false],
    ['{httpsHosts: []}', https('https://a.example/c'), false],
    ['{registries: [r.example]}', https('https://a.example/c'), false],
    ['{registries: [r.example]}', oci('r.example/shop/cart'), true],
    ['{registries: [r.example/shop]}', oci('r.example/shop/cart'), true],
    ['{registries: [r.example/shop]}', oci('r.example/shopping/cart'), false],
    ['{registries: [r.example]}', oci('r.example:5000/cart'), false],
    ['{httpsHosts: []}', 'path: cart.wasm', true],
  ])('%s: %s: %s', (artifacts, source, allowed) => {
    expect(under(artifacts, source).map(({ code }) => code)).toEqual(allowed ? [] : ['HW1040']);
  });

  it('in Audit it is a warning', () => {
    expect(under('{httpsHosts: []}', https('https://a.example/c'), 'Audit')).toEqual([]);
  });

  it('without artifacts it is not restricted', () => {
    const files = from(https('https://a.example/c'), { 'p.yaml': policy('p', '  namespaces: [shop]\n') });
    expect(desiredOf(files).entries.get('shop/cart')!.refusals).toEqual([]);
  });
});
