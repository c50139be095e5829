/** Who may talk to whom, and what names mean: without a socket. */
import { describe, expect, test } from 'vitest';
import { SocketAuthority } from '../../src/broker/sockets/authority.ts';
import { addressOf, hostOf, MAX_MEANT, MEANT_MS, Meanings } from '../../src/broker/sockets/names.ts';
import { parseAddress } from '../../src/model/address.ts';
import type { Grant } from '../../src/model/component.ts';
import type { Ceilings } from '../../src/model/snapshot.ts';

const NOW = Date.parse('2026-11-28T12:00:00Z');
const PUBLIC = '93.184.216.34';

const grant = (settings: object, more: Partial<Grant> = {}): Grant => ({
  name: 'peers',
  capability: 'sockets',
  settings: { protocols: ['Tcp'], ...settings },
  enforcement: 'Enforce',
  ...more,
});
const ceiling = (
  capability: string,
  settings: Ceilings['capabilities'][number]['settings'] | undefined,
  more: Partial<Ceilings> = {},
): Ceilings => ({
  policy: 'top',
  namespaces: ['shop'],
  enforcement: 'Enforce',
  capabilities: settings ? [{ name: 'top', capability, settings }] : [],
  ...more,
});

interface Asked {
  readonly to: string;
  readonly port?: number;
  readonly protocol?: 'Tcp' | 'Udp';
  readonly names?: readonly string[];
  readonly mirrored?: boolean;
}

function judge(grants: readonly Grant[], asked: Asked, ceilings: readonly Ceilings[] = []): string {
  const { to, port = 5432, protocol = 'Tcp', names = [], mirrored = false } = asked;
  const peer = { protocol, ...addressOf(to)!, port, names };
  const { outcome, why } = new SocketAuthority('shop', grants, ceilings).judgePeer(peer, mirrored, NOW);
  return why === '' ? outcome : `${outcome}: ${why}`;
}

describe('a peer', () => {
  const db = grant({ hosts: ['db.example', '*.pool.example'], ports: [5432] });
  const inside = grant({ hosts: ['10.0.0.0/8'], ports: [5432] });
  const rows: readonly (readonly [string, readonly Grant[], Asked, string])[] = [
    ['nothing granted', [], { to: PUBLIC }, `Denied: no grant names ${PUBLIC}`],
    ['by address', [grant({ hosts: [PUBLIC], ports: [5432] })], { to: PUBLIC }, 'Allowed'],
    ['by a name that leads there', [db], { to: PUBLIC, names: ['db.example'] }, 'Allowed'],
    ['by a wildcard', [db], { to: PUBLIC, names: ['a.pool.example'] }, 'Allowed'],
    ['a name that is not granted', [db], { to: PUBLIC, names: ['evil.example'] }, `Denied: no grant names ${PUBLIC}`],
    ['the domain of a wildcard', [db], { to: PUBLIC, names: ['pool.example'] }, `Denied: no grant names ${PUBLIC}`],
    ['an address of nobody knows where', [db], { to: PUBLIC }, `Denied: no grant names ${PUBLIC}`],
    ['another port', [db], { to: PUBLIC, port: 22, names: ['db.example'] }, 'Denied: the grant is not for port 22'],
    [
      'another protocol',
      [db],
      { to: PUBLIC, protocol: 'Udp', names: ['db.example'] },
      'Denied: the grant is not for Udp',
    ],
    [
      'a name that leads inside',
      [db],
      { to: '10.1.2.3', names: ['db.example'] },
      'Denied: db.example leads to 10.1.2.3, which is inside: no grant names 10.1.2.3',
    ],
    ['a name that leads inside, and the block', [db, inside], { to: '10.1.2.3', names: ['db.example'] }, 'Allowed'],
    [
      'any, which names nothing inside',
      [grant({ hosts: ['0.0.0.0/0', '::/0'], ports: [5432] })],
      { to: '127.0.0.1' },
      'Denied: no grant names 127.0.0.1',
    ],
    ['any, of the open internet', [grant({ hosts: ['0.0.0.0/0'], ports: [5432] })], { to: PUBLIC }, 'Allowed'],
    ['IPv4 in disguise', [inside], { to: '::ffff:10.1.2.3' }, 'Allowed'],
    ['NAT64', [inside], { to: '64:ff9b::a01:203' }, 'Denied: no grant names 64:ff9b::a01:203'],
    ['6to4', [inside], { to: '2002:a01:203::' }, 'Denied: no grant names 2002:a01:203::'],
    [
      'the metadata service',
      [grant({ hosts: ['0.0.0.0/0'], ports: [80] })],
      { to: '169.254.169.254', port: 80 },
      'Denied: no grant names 169.254.169.254',
    ],
    ['mirrored', [inside], { to: '10.1.2.3', mirrored: true }, 'Denied: a mirrored call opens nothing'],
    [
      'expired',
      [{ ...inside, expireTime: '2026-11-28T11:59:59Z' }],
      { to: '10.1.2.3' },
      'Denied: the grant has expired',
    ],
    [
      'Audit: another port',
      [{ ...inside, enforcement: 'Audit' }],
      { to: '10.1.2.3', port: 1 },
      'Audited: the grant is not for port 1',
    ],
    [
      'Audit: another host',
      [{ ...inside, enforcement: 'Audit' }],
      { to: '127.0.0.1' },
      'Denied: no grant names 127.0.0.1',
    ],
    [
      'Audit by name: inside',
      [{ ...db, enforcement: 'Audit' }],
      { to: '10.1.2.3', names: ['db.example'] },
      'Denied: db.example leads to 10.1.2.3, which is inside: no grant names 10.1.2.3',
    ],
  ];
  test.each(rows)('%s', (_what, grants, asked, said) => {
    expect(judge(grants, asked)).toBe(said);
  });

  test('a ceiling denies what is beyond it, by the name as well as by the address', () => {
    const narrow = ceiling('sockets', { protocols: ['Tcp'], hosts: ['*.pool.example'], ports: [5432] });
    expect(judge([db], { to: PUBLIC, names: ['a.pool.example'] }, [narrow])).toBe('Allowed');
    expect(judge([db], { to: PUBLIC, names: ['db.example'] }, [narrow])).toBe(
      'Denied: beyond the capabilities of Policy top',
    );
    expect(judge([db], { to: PUBLIC, names: ['db.example'] }, [{ ...narrow, enforcement: 'Audit' }])).toBe(
      'Audited: beyond the capabilities of Policy top',
    );
    expect(judge([db], { to: PUBLIC, names: ['db.example'] }, [ceiling('sockets', undefined)])).toContain('Denied');
    expect(
      judge([db], { to: PUBLIC, names: ['db.example'] }, [ceiling('sockets', undefined, { namespaces: ['other'] })]),
    ).toBe('Allowed');
  });
});

test('listening is by endpoint, ceiling and protocol', () => {
  const granted = grant({ listen: ['127.0.0.1:9000'] });
  const said = (
    grants: readonly Grant[],
    endpoint: string,
    ceilings: readonly Ceilings[] = [],
    mirrored = false,
  ): string => {
    const { outcome, why } = new SocketAuthority('shop', grants, ceilings).judgeListen('Tcp', endpoint, mirrored, NOW);
    return why === '' ? outcome : `${outcome}: ${why}`;
  };
  expect(said([granted], '127.0.0.1:9000')).toBe('Allowed');
  expect(said([granted], '0.0.0.0:9000')).toContain('no grant lets it listen');
  expect(said([granted], '127.0.0.1:9000', [], true)).toContain('mirrored');
  expect(said([{ ...granted, settings: { ...granted.settings, protocols: ['Udp'] } }], '127.0.0.1:9000')).toContain(
    'not for Tcp',
  );
  expect(said([{ ...granted, expireTime: '2026-01-01T00:00:00Z' }], '127.0.0.1:9000')).toContain('expired');
  expect(said([{ ...granted, enforcement: 'Audit' }], '127.0.0.1:9001')).toContain('Denied');
  expect(said([granted], '127.0.0.1:9000', [ceiling('sockets', { hosts: ['a.example'], ports: [1] })])).toContain(
    'Policy top',
  );
  expect(said([granted], '127.0.0.1:9000', [ceiling('sockets', { listen: ['127.0.0.1:9000'] })])).toBe('Allowed');
});

test('a look-up is by name, ceiling and time', () => {
  const names: Grant = {
    name: 'n',
    capability: 'nameLookup',
    settings: { hosts: ['*.example'] },
    enforcement: 'Enforce',
  };
  const said = (grants: readonly Grant[], name: string, ceilings: readonly Ceilings[] = []): string =>
    new SocketAuthority('shop', grants, ceilings).judgeLookup(name, false, NOW).outcome;
  expect(said([names], 'a.example')).toBe('Allowed');
  expect(said([names], 'example')).toBe('Denied');
  expect(said([{ ...names, expireTime: '2026-01-01T00:00:00Z' }], 'a.example')).toBe('Denied');
  expect(said([{ ...names, expireTime: '2026-01-01T00:00:00Z', enforcement: 'Audit' }], 'a.example')).toBe('Audited');
  expect(said([names], 'a.example', [ceiling('nameLookup', { hosts: ['b.example'] })])).toBe('Denied');
});

test.each([
  ['DB.Example.', 'db.example'],
  ['127.1', '127.0.0.1'],
  ['0x7f.0.0.1', '127.0.0.1'],
  ['2130706433', '127.0.0.1'],
  ['0177.0.0.1', '127.0.0.1'],
  ['[::FFFF:127.0.0.1]', '127.0.0.1'],
  ['::1', '::1'],
  ['bücher.example', 'xn--bcher-kva.example'],
  ['a b', undefined],
  ['a/b', undefined],
  ['a:80', undefined],
  ['user@a', undefined],
  ['fe80::1%eth0', undefined],
  ['a..b', undefined],
  ['', undefined],
  ['a%2eb', undefined],
])('the host %s is %s', (text, said) => {
  expect(hostOf(text)?.text).toBe(said);
});

test('what a name means is what was found, for a while, and bounded', () => {
  let nowMs = 0;
  const meanings = new Meanings(() => nowMs);
  meanings.note('db.example', [PUBLIC, '2606:4700::1']);
  expect(meanings.namesOf(PUBLIC)).toEqual(['db.example']);
  // Another answer adds; it takes nothing back before its time.
  meanings.note('db.example', ['198.51.100.1']);
  expect(meanings.namesOf('198.51.100.1')).toEqual(['db.example']);
  nowMs = MEANT_MS;
  expect(meanings.namesOf(PUBLIC)).toEqual([]);
  for (let index = 0; index <= MAX_MEANT; index++) meanings.note(`n${index}`, [PUBLIC]);
  expect(meanings.namesOf(PUBLIC)).toHaveLength(MAX_MEANT);
  expect(meanings.namesOf(PUBLIC)[0]).toBe('n1');
  expect(meanings.namesOf('198.51.100.1')).toEqual([]);
  // Said again, it is the latest: another one goes first.
  meanings.note('n1', [PUBLIC]);
  meanings.note('one more', ['198.51.100.1']);
  expect(meanings.namesOf(PUBLIC).at(-1)).toBe('n1');
  expect(meanings.namesOf(PUBLIC)).not.toContain('n2');
  expect(meanings.namesOf('198.51.100.1')).toEqual(['one more']);
  expect(parseAddress('fe80::1%2')).toBeUndefined();
});
