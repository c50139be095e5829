import { describe, expect, it } from 'vitest';
import type { ForeignClaim, RootScope } from '../../src/manifest/assemble/scope.ts';
import { HeldMatches } from '../../src/model/held-matches.ts';
import type { Match } from '../../src/model/route.ts';
import { marked } from './marked.ts';
import { ROOT_ROWS } from './root-codes.table.ts';
import { scopeOfOne } from '../../src/manifest/assemble/scope.ts';
import { component, desiredOf, ENVIRONMENT, places, route, type Files } from './support.ts';

function scope(...claims: readonly ForeignClaim[]): RootScope {
  const held = new HeldMatches<ForeignClaim>();
  for (const claim of claims) held.add(claim);
  return { root: 'shops', namespaces: ['shop', 'cart'], claimed: () => held };
}

function match(place: string, more: Partial<Match> = {}): Match {
  const [, host, path] = /^([^/]*)(\/.*)$/.exec(place)!;
  return {
    ...(host === '*' ? {} : { hostname: host! }),
    path: { type: 'PathPrefix', value: path! },
    headers: [],
    ...more,
  };
}

function routed(hostname: string, path = '/', more = ''): Files {
  const hosts = hostname === '*' ? '' : `  hostnames: ["${hostname}"]\n`;
  const matches = `[{path: {value: ${path}}${more}}]`;
  return {
    'environment.yaml': ENVIRONMENT,
    'cart.yaml': component('cart'),
    'route.yaml': route('r', `${hosts}  rules:\n    - matches: ${matches}\n      backendRef: {name: cart}\n`),
  };
}

const theirs = (place: string, more: Partial<Match> = {}): RootScope =>
  scope({ root: 'blog', route: 'blog/site', match: match(place, more) });

describe('what one of several roots may hold', () => {
  it.each(ROOT_ROWS.map((row) => [`${row.code} ${row.what}`, row] as const))('%s', (_what, row) => {
    const { '.headway.yaml': _, ...bad } = row.bad;
    const { files, expected } = marked(row.code, bad);
    const { '.headway.yaml': __, ...good } = row.good;
    const found = desiredOf(files, undefined, theirs('www.example.com/')).diagnostics;
    expect(places(found.filter(({ code }) => code === row.code))).toEqual(expected);
    expect(found.map(({ message }) => message).join()).toContain(row.says);
    expect(desiredOf(good, undefined, theirs('www.example.com/')).diagnostics).toEqual([]);
  });

  it('of a repository that is looked at by itself only its namespaces are known', () => {
    const [namespace, requests] = ROOT_ROWS.map(({ code, bad }) => {
      const { '.headway.yaml': _, ...files } = bad;
      return desiredOf(marked(code, files).files, undefined, scopeOfOne(['shop', 'cart'])).diagnostics;
    });
    expect(namespace).toMatchObject([
      { code: 'HW1120', message: 'this repository may not hold namespace blog: .headway.yaml gives it shop, cart' },
    ]);
    expect(requests).toEqual([]);
  });

  it('a document of another namespace is refused, by the name of the root, and harms nothing else', () => {
    const files = {
      'environment.yaml': ENVIRONMENT,
      'cart.yaml': component('cart'),
      'foreign.yaml': component('site', '', 'blog'),
    };
    const desired = desiredOf(files, undefined, scope());
    expect([...desired.entries.keys()]).toEqual(['shop/cart']);
    expect(places(desired.diagnostics)).toEqual(['HW1120 foreign.yaml:3:35']);
    expect(desired.diagnostics[0]?.message).toBe(
      'the root shops may not hold namespace blog: runtime.yaml gives it shop, cart',
    );
    // It names nobody, so nothing is kept or held because of it.
    expect(desired.invalid).toMatchObject([{ kind: 'Component', file: 'foreign.yaml' }]);
    expect(desired.invalid[0]).not.toHaveProperty('name');
    expect(desiredOf(files).diagnostics).toEqual([]);
  });

  it('nor does one of another namespace that is no valid document speak for it', () => {
    const files = { 'environment.yaml': ENVIRONMENT, 'foreign.yaml': component('site', '  nonsense: 1\n', 'blog') };
    expect(desiredOf(files, undefined, scope()).invalid[0]).not.toHaveProperty('name');
    expect(desiredOf(files).invalid[0]).toHaveProperty('name', 'site');
  });

  it.each([
    ['the same host', 'a.example', '/', theirs('a.example/')],
    ['a path of the same host', 'a.example', '/pay', theirs('a.example/')],
    ['a path below theirs', 'a.example', '/pay/now', theirs('a.example/pay')],
    ['a host under their wildcard', 'a.b.example', '/', theirs('*.b.example/')],
    ['every host, as they do', '*', '/x', theirs('*/')],
  ])('refuses a rule that would take requests: %s', (_what, host, path, taken) => {
    const desired = desiredOf(routed(host, path), undefined, taken);
    expect(places(desired.diagnostics)).toContain(
      'HW1121 route.yaml:7:17'.replace(':7:', host === '*' ? ':6:' : ':7:'),
    );
    expect(desired.diagnostics.find(({ code }) => code === 'HW1121')?.message).toContain(
      'the Route blog/site of the root blog',
    );
    expect(desired.entries.get('shop/cart')?.rules).toEqual([]);
  });

  it('refuses one that takes a method or a header out of theirs', () => {
    for (const more of [', method: GET', ', headers: [{name: x-a, value: b}]']) {
      const { diagnostics } = desiredOf(routed('a.example', '/', more), undefined, theirs('a.example/'));
      expect(
        diagnostics.map(({ code }) => code),
        more,
      ).toContain('HW1121');
    }
  });

  it.each([
    ['another host', 'b.example', '/', theirs('a.example/')],
    ['another path of the same host', 'a.example', '/blog', theirs('a.example/shop')],
    ['what only begins with the same letters', 'a.example', '/shopping', theirs('a.example/shop')],
    ['what is left below theirs', 'a.example', '/', theirs('a.example/shop')],
    ['a host of its own, where theirs names none', 'a.example', '/', theirs('*/')],
    ['another method', 'a.example', '/', theirs('a.example/', { method: 'POST' }), ', method: GET'],
    [
      'another value of a header',
      'a.example',
      '/',
      theirs('a.example/', { headers: [{ name: 'x-a', type: 'Exact', value: 'b' }] }),
      ', headers: [{name: X-A, value: c}]',
    ],
  ])('lets a rule pass that takes nothing: %s', (_what, host, path, taken, more = '') => {
    const desired = desiredOf(routed(host, path, more), undefined, taken);
    expect(desired.diagnostics).toEqual([]);
    expect(desired.entries.get('shop/cart')?.rules).toHaveLength(1);
  });

  it('keeps what it had before the other came, and what it had where a change is refused', () => {
    const before = desiredOf(routed('a.example'), undefined, scope());
    expect(desiredOf(routed('a.example'), before, theirs('a.example/')).diagnostics).toEqual([]);
    const changed = desiredOf(routed('b.example'), before, theirs('b.example/'));
    expect(changed.diagnostics.map(({ code }) => code)).toEqual(['HW1121']);
    expect(changed.entries.get('shop/cart')?.rules.map(({ match: kept }) => kept.hostname)).toEqual(['a.example']);
  });
});
