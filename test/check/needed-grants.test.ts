/** What `headway explain` says a component would need, held against the schema and against what was used. */
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { neededGrants } from '../../src/check/needed-grants.ts';

const use = (capability: string, needs: Record<string, string>) => ({
  capability,
  needs,
  lastAt: '2026-11-28T12:00:00.000Z',
});
const web = (hosts: string, more: Record<string, string> = {}) =>
  use('outboundHttp', { schemes: 'https', hosts, ports: '443', methods: 'GET', ...more });

describe('the grants that uses need', () => {
  test.each([
    ['none of none', [], []],
    [
      'one of one',
      [web('api.example')],
      ['- {name: outbound-http, outboundHttp: {schemes: [https], hosts: [api.example], ports: [443], methods: [GET]}}'],
    ],
    [
      'those that differ in one list are one',
      [web('b.example'), web('a.example'), web('a.example')],
      [
        '- {name: outbound-http, outboundHttp: {schemes: [https], hosts: [a.example, b.example], ports: [443], methods: [GET]}}',
      ],
    ],
    [
      'those that differ in two are two: together they would grant a third',
      [web('a.example'), web('b.example', { methods: 'POST' })],
      [
        '- {name: outbound-http-1, outboundHttp: {schemes: [https], hosts: [a.example], ports: [443], methods: [GET]}}',
        '- {name: outbound-http-2, outboundHttp: {schemes: [https], hosts: [b.example], ports: [443], methods: [POST]}}',
      ],
    ],
    [
      'a full square is one',
      ['a.example', 'b.example'].flatMap((host) => ['GET', 'PUT'].map((methods) => web(host, { methods }))),
      [
        '- {name: outbound-http, outboundHttp: {schemes: [https], hosts: [a.example, b.example], ports: [443], methods: [GET, PUT]}}',
      ],
    ],
    [
      'writing covers reading of the same store, not of another',
      [
        use('keyValue', { store: 'carts', access: 'ReadOnly' }),
        use('keyValue', { store: 'carts', access: 'ReadWrite' }),
        use('keyValue', { store: 'rates', access: 'ReadOnly' }),
      ],
      [
        '- {name: key-value-1, keyValue: {store: carts, access: ReadWrite}}',
        '- {name: key-value-2, keyValue: {store: rates, access: ReadOnly}}',
      ],
    ],
    [
      'a folder of the repository has no access to say',
      [use('filesystem', { path: 'assets/pages', access: 'ReadOnly' })],
      ['- {name: filesystem, filesystem: {path: assets/pages}}'],
    ],
    [
      'listening and talking are two',
      [
        use('sockets', { protocols: 'Tcp', hosts: '10.0.0.1', ports: '5432' }),
        use('sockets', { protocols: 'Tcp', listen: '127.0.0.1:9000' }),
      ],
      [
        '- {name: sockets-1, sockets: {protocols: [Tcp], hosts: ["10.0.0.1"], ports: [5432]}}',
        '- {name: sockets-2, sockets: {protocols: [Tcp], listen: ["127.0.0.1:9000"]}}',
      ],
    ],
  ])('%s', (_what, uses, lines) => expect(neededGrants(uses)).toEqual(lines));

  test('whatever was asked for stays a text in YAML', () => {
    const hostile = ['no', 'a: b', '"', '{x}', '*.a.example', '::1', '0x1', '1.0', '- a', '#'];
    for (const store of hostile) {
      const [line] = neededGrants([use('keyValue', { store, access: 'ReadOnly' })]);
      expect(parse(line!)).toEqual([{ name: 'key-value', keyValue: { store, access: 'ReadOnly' } }]);
    }
  });
});
