import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AuthorityCache, parseAuthority } from '../../src/ingress/authority.ts';
import { normalisePath, RequestTarget } from '../../src/ingress/target.ts';

describe('a path has one spelling', () => {
  test.each([
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['/a/b/', '/a/b/'],
    ['/%61/%7Eb', '/a/~b'],
    ['/caf%c3%a9', '/caf%C3%A9'],
    ['/a//b', '/a/b'],
    ['//', '/'],
    ['//evil.example/a', '/evil.example/a'],
    ['/a/./b', '/a/b'],
    ['/a/../b', '/b'],
    ['/a/%2e%2E/b', '/b'],
    ['/a/%2e/b', '/a/b'],
    ['/a/b/..', '/a/'],
    ['/a/b/.', '/a/b/'],
    ['/a/..', '/'],
    ['/.hidden', '/.hidden'],
    ['/a..b', '/a..b'],
    ['/a/...', '/a/...'],
    ['/%252e%252e/a', '/%252e%252e/a'],
    ['/a%20b', '/a%20b'],
    ['/a;b=c', '/a;b=c'],
    ['/%25', '/%25'],
  ])('%s → %s', (path, expected) => {
    expect(normalisePath(path)).toBe(expected);
  });

  test.each([
    '/..',
    '/../a',
    '/a/../../b',
    '/%2e%2e/a',
    '/a%2fb',
    '/a%2Fb',
    '/a%5cb',
    '/a\\b',
    '/a%00',
    '/%0a',
    '/%7f',
    '/%',
    '/%4',
    '/%zz',
    '/a b',
    '/a#b',
    '/caf\u00e9',
    '/a\u0000',
  ])('%j is refused', (path) => {
    expect(normalisePath(path)).toMatchObject({ why: expect.any(String) });
  });

  test('normalising twice is normalising once, and what comes out hides nothing', () => {
    const piece = fc.constantFrom('/', '.', '..', 'a', '%2e', '%2E', '%41', '%c3', '%25', '//', '~', '%', '%2f');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const once = normalisePath(`/${pieces.join('')}`);
        if (typeof once !== 'string') return;
        expect(normalisePath(once)).toBe(once);
        expect(once).not.toMatch(/\/\/|\/\.\.?(\/|$)|%2[fFeE]/);
        expect(once.startsWith('/')).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a request target', () => {
  test.each([
    ['/a?b=c/../d', '/a', '?b=c/../d', undefined],
    ['/a?', '/a', '?', undefined],
    ['http://Shop.example:8080/a/../b?c', '/b', '?c', 'Shop.example:8080'],
    ['HTTP://shop.example', '/', '', 'shop.example'],
    ['https://shop.example?x', '/', '?x', 'shop.example'],
  ])('%s', (text, path, query, authority) => {
    const target = new RequestTarget();
    expect(target.read(text)).toBeUndefined();
    expect(target).toMatchObject({ path, query });
    expect(target.authority).toBe(authority);
  });

  test.each(['*', 'a/b', 'ftp://host/a', '/a?b\u00e9', '/a?b c', '/a?b#c', 'shop.example:443', ''])(
    '%j is refused',
    (text) => {
      expect(new RequestTarget().read(text)).toBeTypeOf('string');
    },
  );
});

describe('an authority', () => {
  test.each([
    ['Shop.Example', 'shop.example', 'shop.example'],
    ['shop.example.', 'shop.example', 'shop.example'],
    ['shop.example:8080', 'shop.example', 'shop.example:8080'],
    ['shop.example.:080', 'shop.example', 'shop.example:80'],
    ['shop.example:', 'shop.example', 'shop.example'],
    ['[::1]:80', '[::1]', '[::1]:80'],
    ['127.0.0.1', '127.0.0.1', '127.0.0.1'],
    ['under_score.example', 'under_score.example', 'under_score.example'],
  ])('%s', (text, host, authority) => {
    expect(parseAuthority(text)).toEqual({ host, authority, isEntryHost: false });
  });

  test.each([
    ['cart.shop.headway', true],
    ['CART.Shop.Headway.:80', true],
    ['headway', true],
    ['xheadway', false],
    ['headway.example', false],
  ])('%s is one by which entries ask each other: %s', (text, isEntryHost) => {
    expect(parseAuthority(text)?.isEntryHost).toBe(isEntryHost);
  });

  test.each([
    'a b',
    'user@shop.example',
    'a..b',
    '.a',
    'a/b',
    'a?b',
    'shop.example:65536',
    'shop.example:-1',
    'shop.example:8o',
    '[::1',
    '::1',
    'a,b',
    '',
    'caf\u00e9',
    'a'.repeat(254),
    'a%2eb',
  ])('%j is none', (text) => {
    expect(parseAuthority(text)).toBeUndefined();
  });

  test('the length is bounded', () => {
    const labels = (last: number): string =>
      `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(last)}`;
    expect(parseAuthority(labels(61))?.host).toHaveLength(253);
    expect(parseAuthority(labels(62))).toBeUndefined();
  });

  test('more hosts than the cache holds are still understood', () => {
    const cache = new AuthorityCache();
    for (let index = 0; index <= 2 * AuthorityCache.MAX_ENTRIES; index++) {
      expect(cache.get(`H${index}.example`)?.host).toBe(`h${index}.example`);
    }
    expect(cache.get('a b')).toBeUndefined();
  });
});
