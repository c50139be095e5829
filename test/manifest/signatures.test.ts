import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { revisionOf } from '../../src/decide/identity.ts';
import { component, desiredOf, ENVIRONMENT, places, policy } from './support.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const pem = (namedCurve: string) =>
  generateKeyPairSync('ec', { namedCurve }).publicKey.export({ type: 'spki', format: 'pem' });
const KEY = pem('P-256');
const oci = (image: string) => `oci: {image: ${image}, digest: "${DIGEST}"}`;
const https = (url: string) => `https: {url: "${url}", digest: "${DIGEST}"}`;

function desired(from: string, rules: object, more = '', enforcement = 'Enforce') {
  const spec = `  namespaces: [shop]\n  enforcement: ${enforcement}\n  artifacts: {${more}signatures: ${JSON.stringify(rules)}}\n`;
  return desiredOf({
    'environment.yaml': ENVIRONMENT,
    'cart.yaml': component('cart').replace('path: cart.wasm', from),
    'p.yaml': policy('p', spec),
  });
}

const memberOf = (found: ReturnType<typeof desired>) => found.entries.get('shop/cart')!.members[0]!;

describe('which artifacts a Policy wants signed', () => {
  it.each([
    ['oci:*', oci('r.example/shop/cart'), true],
    ['oci:*', https('https://a.example/c'), false],
    ['oci:r.example/shop/*', oci('r.example/shop/cart'), true],
    ['oci:r.example/shop/*', oci('r.example/shop/deep/cart'), true],
    ['oci:r.example/shop/*', oci('r.example/shopping/cart'), false],
    ['oci:r.example/*', oci('r.example/cart'), true],
    ['oci:r.example/shop/cart', oci('r.example/shop/cart'), true],
    ['oci:r.example/shop', oci('r.example/shop/cart'), false],
    ['oci:r.example/*', oci('r.example:443/cart'), true],
    ['oci:r.example/*', oci('r.example:00443/cart'), true],
    ['oci:r.example/*', oci('r.example./cart'), true],
    ['oci:r.example/*', oci('r.example.:443/cart'), true],
    ['oci:r.example/*', oci('r.example:5000/cart'), false],
    ['oci:r.example:5000/*', oci('r.example:05000/cart'), true],
    ['oci:127.0.0.1:5000/*', oci('127.1:5000/cart'), true],
    ['oci:127.0.0.1:5000/*', oci('0x7f.0.0.1:5000/cart'), true],
    ['https:127.0.0.1', https('https://2130706433/c'), true],
    ['https:*.example', https('https://a.example.:443/c'), true],
    ['oci:docker.io/shop/*', oci('registry-1.docker.io/shop/cart'), true],
    ['https:*', https('https://a.example/c'), true],
    ['https:a.example', https('https://A.EXAMPLE:443/%63'), true],
    ['https:a.example', https('https://a.example./c'), true],
    ['https:a.example', https('https://a.example:8443/c'), false],
    ['https:*.example', https('https://a.example/c'), true],
    ['https:*.a.example', https('https://evila.example/c'), false],
    ['oci:*', 'path: cart.wasm', false],
  ])('%s and %s: %s', (source, from, isAsked) => {
    const found = desired(from, [{ source, keys: [KEY] }]);
    expect(found.entries.get('shop/cart')!.refusals).toEqual([]);
    const demand = {
      policy: 'p',
      enforcement: 'Enforce',
      keys: [KEY.trim()],
      keyless: [],
    };
    expect(memberOf(found).signatures).toEqual(isAsked ? [demand] : undefined);
  });

  it('each rule is a demand of its own, and says whether it is only counted', () => {
    const keyless = [
      {
        issuer: 'https://issuer.example',
        subject: 'https://forge.example/shop/*',
      },
    ];
    const rules = [
      { source: 'oci:*', keys: [KEY] },
      { source: 'oci:r.example/*', keyless },
    ];
    const found = memberOf(desired(oci('r.example/cart'), rules, '', 'Audit')).signatures!;
    expect(found.map(({ enforcement }) => enforcement)).toEqual(['Audit', 'Audit']);
    expect(found.flatMap((demand) => demand.keyless)).toEqual(keyless);
  });

  it('who has to sign is in no revision, and says nothing about where artifacts come from', () => {
    const [one, other] = [KEY, pem('P-256')].map((key) =>
      desired(oci('r.example/cart'), [{ source: 'oci:*', keys: [key] }]).entries.get('shop/cart')!,
    );
    expect(revisionOf(one!)).toBe(revisionOf(other!));
    expect(one!.refusals).toEqual([]);
    const both = desired(oci('r.example/cart'), [{ source: 'oci:*', keys: [KEY] }], 'registries: [q.example], ');
    expect(both.entries.get('shop/cart')!.refusals.map(({ code }) => code)).toEqual(['HW1040']);
  });
});

describe('a Policy about signatures that cannot be meant', () => {
  it.each([
    ['a path', { source: 'path:*', keys: [KEY] }, 'HW1160'],
    ['another curve', { source: 'oci:*', keys: [pem('P-384')] }, 'HW1161'],
    ['a damaged key', { source: 'oci:*', keys: [KEY.replace(/M/, 'A')] }, 'HW1161'],
    ['nobody', { source: 'oci:*' }, 'HW1162'],
  ])('%s is refused at its place, and nothing starts under it', (_, rule, code) => {
    const { diagnostics, invalid, entries } = desired(oci('r.example/cart'), [rule]);
    expect(invalid.map(({ kind, name }) => `${kind} ${name}`)).toEqual(['Policy p']);
    expect(places(diagnostics).filter((place) => place.startsWith(code))).toEqual([expect.stringContaining('p.yaml:')]);
    expect(entries.get('shop/cart')!.refusals.map((refusal) => refusal.code)).toEqual(['HW1041']);
  });
});
