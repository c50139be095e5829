import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RequestFacts } from '../../src/ingress/request-facts.ts';
import { RouteTable } from '../../src/ingress/route-table.ts';
import type { Match } from '../../src/model/route.ts';

interface Asked {
  readonly host?: string;
  readonly path: string;
  readonly method?: string;
  readonly headers?: readonly string[];
}

function factsOf({ host = 'shop.example', path, method = 'GET', headers = [] }: Asked): RequestFacts {
  const facts = new RequestFacts();
  facts.host = host;
  facts.target.path = path;
  facts.head.method = method;
  facts.head.headers = [...headers];
  facts.head.headerStrings = headers.length;
  return facts;
}

/** `host type path method headers`, as in a manifest. */
function match(text: string): Match {
  const [host, type, path, method, ...headers] = text.split(' ');
  return {
    ...(host === '*' ? {} : { hostname: host! }),
    path: { type: type as 'Exact' | 'PathPrefix', value: path! },
    ...(method === undefined || method === '*' ? {} : { method }),
    headers: headers.map((pair) => ({ name: pair.split('=')[0]!, type: 'Exact', value: pair.split('=')[1]! })),
  };
}

const TABLE = [
  '* PathPrefix /',
  'shop.example PathPrefix /',
  'shop.example PathPrefix /a',
  'shop.example PathPrefix /a/b/',
  'shop.example Exact /a/b',
  'shop.example PathPrefix /a POST',
  'shop.example PathPrefix /a * x-region=eu',
  'shop.example PathPrefix /a * x-region=eu x-tier=gold',
  '*.wild.example PathPrefix /',
  '*.deep.wild.example PathPrefix /',
  'one.wild.example PathPrefix /only',
  'strict.example Exact /here',
].map((text) => ({ text, match: match(text) }));

describe('the route table', () => {
  const table = new RouteTable(TABLE);

  test.each<[Asked, string | undefined]>([
    [{ path: '/' }, 'shop.example PathPrefix /'],
    [{ path: '/other' }, 'shop.example PathPrefix /'],
    [{ path: '/a' }, 'shop.example PathPrefix /a'],
    [{ path: '/a/' }, 'shop.example PathPrefix /a'],
    [{ path: '/a/x' }, 'shop.example PathPrefix /a'],
    [{ path: '/ab' }, 'shop.example PathPrefix /'],
    [{ path: '/a/b' }, 'shop.example Exact /a/b'],
    [{ path: '/a/b/' }, 'shop.example PathPrefix /a/b/'],
    [{ path: '/a/b/c' }, 'shop.example PathPrefix /a/b/'],
    [{ path: '/a/bc' }, 'shop.example PathPrefix /a'],
    [{ path: '/a', method: 'POST' }, 'shop.example PathPrefix /a POST'],
    [{ path: '/a', method: 'POST', headers: ['x-region', 'eu'] }, 'shop.example PathPrefix /a POST'],
    [{ path: '/a', headers: ['x-region', 'eu'] }, 'shop.example PathPrefix /a * x-region=eu'],
    [{ path: '/a', headers: ['x-region', 'us'] }, 'shop.example PathPrefix /a'],
    [{ path: '/a', headers: ['x-region', 'eu', 'x-region', 'us'] }, 'shop.example PathPrefix /a'],
    [
      { path: '/a', headers: ['x-tier', 'gold', 'x-region', 'eu'] },
      'shop.example PathPrefix /a * x-region=eu x-tier=gold',
    ],
    [{ host: 'unknown.example', path: '/a' }, '* PathPrefix /'],
    [{ host: '', path: '/a' }, '* PathPrefix /'],
    [{ host: 'x.wild.example', path: '/' }, '*.wild.example PathPrefix /'],
    [{ host: 'x.y.wild.example', path: '/' }, '*.wild.example PathPrefix /'],
    [{ host: 'x.deep.wild.example', path: '/' }, '*.deep.wild.example PathPrefix /'],
    [{ host: 'wild.example', path: '/' }, '* PathPrefix /'],
    [{ host: 'one.wild.example', path: '/only/this' }, 'one.wild.example PathPrefix /only'],
    [{ host: 'one.wild.example', path: '/else' }, '*.wild.example PathPrefix /'],
    [{ host: 'strict.example', path: '/here' }, 'strict.example Exact /here'],
    [{ host: 'strict.example', path: '/here/' }, '* PathPrefix /'],
  ])('%j → %s', (asked, expected) => {
    expect(table.find(factsOf(asked))?.text).toBe(expected);
  });

  test('a request that nothing matches has no rule', () => {
    const table = new RouteTable([{ match: match('shop.example PathPrefix /a') }]);
    expect(table.find(factsOf({ path: '/b' }))).toBeUndefined();
    expect(table.find(factsOf({ path: '/a', host: 'other' }))).toBeUndefined();
    expect(new RouteTable([]).find(factsOf({ path: '/' }))).toBeUndefined();
  });

  test('of equal matches the first given wins', () => {
    const table = new RouteTable([
      { name: 'first', match: match('* PathPrefix /') },
      { name: 'second', match: match('* PathPrefix /') },
    ]);
    expect(table.find(factsOf({ path: '/' }))?.name).toBe('first');
  });

  test('no rule takes the whole of another whose match differs', () => {
    const anyMatch = fc.record({
      host: fc.constantFrom('*', 'a.example', 'b.example', '*.example', '*.b.example'),
      type: fc.constantFrom('Exact', 'PathPrefix'),
      path: fc.constantFrom('/', '/x', '/x/y', '/x/y/z', '/xy'),
      method: fc.constantFrom('*', 'GET', 'POST'),
      header: fc.constantFrom('', ' h=1', ' h=2', ' g=2', ' h=1 g=2'),
    });
    const rules = fc.uniqueArray(
      anyMatch.map(({ host, type, path, method, header }) => `${host} ${type} ${path} ${method}${header}`),
      { minLength: 1, maxLength: 40 },
    );
    fc.assert(
      fc.property(rules, (texts) => {
        const table = new RouteTable(texts.map((text) => ({ text, match: match(text) })));
        for (const text of texts) {
          const { hostname = 'any.other', path, method = 'QUERY', headers } = match(text);
          const asked = {
            host: hostname.replace('*', hostname === '*' ? 'any.other' : 'some'),
            path: path.type === 'Exact' ? path.value : `${path.value.replace(/\/$/, '')}/below`,
            method,
            headers: headers.flatMap(({ name, value }) => [name, value]),
          };
          expect(table.find(factsOf(asked))?.text).toBe(text);
        }
      }),
    );
  });

  test('the look-up finds what going through all rules in order of precedence finds', () => {
    const anyMatch = fc.record({
      host: fc.constantFrom('*', 'a.example', 'b.example', '*.example', '*.b.example'),
      type: fc.constantFrom('Exact', 'PathPrefix'),
      path: fc.constantFrom('/', '/x', '/x/', '/x/y', '/x/y/z', '/xy'),
      method: fc.constantFrom('*', 'GET', 'POST'),
      header: fc.constantFrom('', ' h=1', ' h=1 g=2'),
    });
    const anyRequest = fc.record({
      host: fc.constantFrom('a.example', 'b.example', 'c.b.example', 'other'),
      path: fc.constantFrom('/', '/x', '/x/', '/x/y', '/x/y/', '/x/y/z/w', '/xy', '/q'),
      method: fc.constantFrom('GET', 'POST', 'PUT'),
      headers: fc.constantFrom<string[]>([], ['h', '1'], ['h', '1', 'g', '2'], ['g', '2']),
    });
    fc.assert(
      fc.property(
        fc.array(anyMatch, { maxLength: 12 }),
        fc.array(anyRequest, { maxLength: 12 }),
        (matches, requests) => {
          const rules = matches.map(({ host, type, path, method, header }) => ({
            match: match(`${host} ${type} ${path} ${method}${header}`),
          }));
          const table = new RouteTable(rules);
          const inOrder = [...rules].sort((a, b) => compare(b.match, a.match));
          for (const request of requests) {
            expect(table.find(factsOf(request))).toBe(inOrder.find((rule) => matches_(rule.match, request)));
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});

/** Precedence, spelled out: the greater is asked first. */
function compare(a: Match, b: Match): number {
  const rank = ({ hostname, path, method, headers }: Match): number[] => [
    hostname === undefined ? 0 : hostname.startsWith('*.') ? 1 : 2,
    hostname?.length ?? 0,
    path.type === 'Exact' ? 1 : 0,
    path.value.replace(/(.)\/$/, '$1').length,
    method === undefined ? 0 : 1,
    headers.length,
  ];
  const [left, right] = [rank(a), rank(b)];
  for (const [index, value] of left.entries()) if (value !== right[index]) return value - right[index]!;
  return 0;
}

function matches_(match: Match, { host = '', path, method, headers = [] }: Asked): boolean {
  const { hostname } = match;
  if (hostname?.startsWith('*.') ? !host.endsWith(hostname.slice(1)) : hostname !== undefined && hostname !== host)
    return false;
  if (match.method !== undefined && match.method !== method) return false;
  const prefix = match.path.value.replace(/\/$/, '');
  if (match.path.type === 'Exact' ? path !== match.path.value : path !== prefix && !path.startsWith(`${prefix}/`))
    return false;
  return match.headers.every(
    ({ name, value }) => headers[headers.indexOf(name) + 1] === value && headers.includes(name),
  );
}
