/** Where may a request go? Spellings of targets, and grants × ceilings, as tables. */
import { describe, expect, test } from 'vitest';
import { HttpAuthority } from '../../src/broker/http/authority.ts';
import { readHttpRequest } from '../../src/broker/http/request.ts';
import { originOf, targetOf, type AskedTarget, type Target } from '../../src/broker/http/target.ts';
import { parseAddress } from '../../src/model/address.ts';
import type { Grant } from '../../src/model/component.ts';
import type { Ceilings } from '../../src/model/snapshot.ts';
import { MAX_HEADERS } from '../../src/wire/frames.ts';

const NOW = Date.parse('2026-11-28T12:00:00Z');

const asked = (more: Partial<AskedTarget>): AskedTarget => ({
  method: 'GET',
  scheme: 'https',
  authority: 'api.example',
  path: '/',
  ...more,
});

function origin(more: Partial<AskedTarget>): string {
  const target = targetOf(asked(more));
  return 'tag' in target ? target.tag : originOf(target);
}

describe('a target', () => {
  test.each([
    ['api.example', 'https://api.example:443'],
    ['API.Example', 'https://api.example:443'],
    ['api.example.', 'https://api.example:443'],
    ['api.example:8443', 'https://api.example:8443'],
    ['api.example:', 'https://api.example:443'],
    ['%61pi.example', 'https://api.example:443'],
    ['localhost.', 'https://localhost:443'],
    ['xn--mnchen-3ya.example', 'https://xn--mnchen-3ya.example:443'],
    ['127.0.0.1', 'https://127.0.0.1:443'],
    ['127.0.0.1.', 'https://127.0.0.1:443'],
    ['127.1', 'https://127.0.0.1:443'],
    ['0177.0.0.1', 'https://127.0.0.1:443'],
    ['0x7f.0.0.1', 'https://127.0.0.1:443'],
    ['2130706433', 'https://127.0.0.1:443'],
    ['0x7f000001:80', 'https://127.0.0.1:80'],
    ['[::1]', 'https://[::1]:443'],
    ['[0:0::1]:80', 'https://[::1]:80'],
    ['[::ffff:127.0.0.1]', 'https://127.0.0.1:443'],
    ['[::ffff:a9fe:a9fe]', 'https://169.254.169.254:443'],
  ])('%s is %s', (authority, wanted) => expect(origin({ authority })).toBe(wanted));

  test.each([
    '',
    ':80',
    'user@api.example',
    'user:pass@api.example',
    'api.example@127.0.0.1',
    'api.example/x',
    'api.example?x',
    'api.example#x',
    'api.example\\x',
    'api example',
    'api.example\r\nhost: other',
    'api.example:0',
    'api.example:65536',
    'api.example:x',
    'api..example',
    '.example',
    '-x.example',
    'a%00b.example',
    '1.2.3.4.5',
    '256.1.1.1',
    '[::1',
    '[fe80::1%25eth0]',
    'münchen.example',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(127)}example`,
  ])('%j is none', (authority) => expect(origin({ authority })).toBe('HTTP-request-URI-invalid'));

  test.each([
    [{ scheme: 'ftp' }, 'HTTP-request-URI-invalid'],
    [{ scheme: 'HTTPS' }, 'HTTP-request-URI-invalid'],
    [{ path: '' }, 'HTTP-request-URI-invalid'],
    [{ path: '*' }, 'HTTP-request-URI-invalid'],
    [{ path: 'http://other.example/' }, 'HTTP-request-URI-invalid'],
    [{ path: '/a b' }, 'HTTP-request-URI-invalid'],
    [{ path: '/ HTTP/1.1\r\nx: y' }, 'HTTP-request-URI-invalid'],
    [{ path: '/#x' }, 'HTTP-request-URI-invalid'],
    [{ path: `/${'x'.repeat(16 * 1024 - 1)}` }, 'https://api.example:443'],
    [{ path: `/${'x'.repeat(16 * 1024)}` }, 'HTTP-request-URI-too-long'],
    [{ path: '//other.example/' }, 'https://api.example:443'],
    [{ method: 'CONNECT' }, 'HTTP-request-method-invalid'],
    [{ method: 'connect' }, 'HTTP-request-method-invalid'],
    [{ method: 'TRACE' }, 'HTTP-request-method-invalid'],
    [{ method: '' }, 'HTTP-request-method-invalid'],
    [{ method: 'GET /x' }, 'HTTP-request-method-invalid'],
    [{ method: 'PROPFIND' }, 'https://api.example:443'],
  ] as const)('%j is %s', (more, wanted) => expect(origin(more)).toBe(wanted));
});

const web = (settings: object = {}, more: Partial<Grant> = {}): Grant => ({
  name: 'web',
  capability: 'outboundHttp',
  settings: { hosts: ['api.example', '*.pay.example'], schemes: ['https'], ports: [443], ...settings },
  enforcement: 'Enforce',
  ...more,
});
const policy = (settings: object | undefined, more: Partial<Ceilings> = {}): Ceilings => ({
  policy: 'p',
  namespaces: ['shop'],
  enforcement: 'Enforce',
  capabilities: settings ? [{ name: 'web', capability: 'outboundHttp', settings: settings as never }] : [],
  ...more,
});
const AUDIT = { enforcement: 'Audit' } as const;
const CART = { scheme: 'http', authority: 'cart.shop.headway' };

function said(
  grants: readonly Grant[],
  ceilings: readonly Ceilings[],
  more: Partial<AskedTarget>,
  mirrored = false,
): string {
  const { outcome, grant, why } = new HttpAuthority('shop', grants, ceilings).judge(
    targetOf(asked(more)) as Target,
    mirrored,
    NOW,
  );
  return `${outcome} ${grant || '-'}${why === '' ? '' : `: ${why}`}`;
}

const ROWS: readonly (readonly [string, readonly Grant[], readonly Ceilings[], Partial<AskedTarget>, string])[] = [
  ['nothing granted', [], [], {}, 'Denied -: no grant names api.example'],
  ['the host', [web()], [], {}, 'Allowed web'],
  ['in another spelling', [web({ hosts: ['API.Example'] })], [], { authority: 'Api.EXAMPLE.' }, 'Allowed web'],
  ['below a domain', [web()], [], { authority: 'eu.api.pay.example' }, 'Allowed web'],
  ['the domain itself', [web()], [], { authority: 'pay.example' }, 'Denied -: no grant names pay.example'],
  ['a host that ends alike', [web()], [], { authority: 'xpay.example' }, 'Denied -: no grant names xpay.example'],
  ['another host', [web()], [], { authority: 'api.example.evil' }, 'Denied -: no grant names api.example.evil'],
  [
    'another scheme',
    [web()],
    [],
    { scheme: 'http', authority: 'api.example:443' },
    'Denied web: the grant is not for http',
  ],
  ['another port', [web()], [], { authority: 'api.example:444' }, 'Denied web: the grant is not for port 444'],
  ['any method', [web()], [], { method: 'PROPFIND' }, 'Allowed web'],
  ['a method of the list', [web({ methods: ['GET'] })], [], {}, 'Allowed web'],
  ['one that is not', [web({ methods: ['GET'] })], [], { method: 'get' }, 'Denied web: the grant is not for get'],
  ['expired', [web({}, { expireTime: '2026-11-28T12:00:00Z' })], [], {}, 'Denied web: the grant has expired'],
  ['not yet', [web({}, { expireTime: '2026-11-28T12:00:00.001Z' })], [], {}, 'Allowed web'],
  ['two grants: the one that fits', [web({ ports: [1] }), { ...web(), name: 'other' }], [], {}, 'Allowed other'],
  [
    'a name is no address',
    [web({ hosts: ['*.1'] })],
    [],
    { authority: '127.0.0.1' },
    'Denied -: no grant names 127.0.0.1',
  ],
  ['an open address', [web({ hosts: ['8.8.8.8'] })], [], { authority: '8.8.8.8' }, 'Allowed web'],
  ['in a block', [web({ hosts: ['0.0.0.0/0'] })], [], { authority: '8.8.8.8' }, 'Allowed web'],
  [
    'inside, of any',
    [web({ hosts: ['0.0.0.0/0', '::/0'] })],
    [],
    { authority: '169.254.169.254' },
    'Denied -: no grant names 169.254.169.254',
  ],
  ['inside, named', [web({ hosts: ['127.0.0.1'] })], [], { authority: '0x7f.1' }, 'Allowed web'],
  ['inside, in its block', [web({ hosts: ['127.0.0.0/8'] })], [], { authority: '[::ffff:127.0.0.2]' }, 'Allowed web'],
  ['inside, version 6', [web({ hosts: ['[::1]'] })], [], { authority: '[0::1]' }, 'Allowed web'],
  ['another entry', [web({ hosts: ['cart.shop.headway'] })], [], CART, 'Allowed web'],
  ['another entry of a namespace', [web({ hosts: ['*.Shop.headway'] })], [], CART, 'Allowed web'],
  ['another entry of any', [web({ hosts: ['*.headway'] })], [], CART, 'Allowed web'],
  [
    'another entry in another spelling',
    [web({ hosts: ['*.headway'] })],
    [],
    { ...CART, authority: 'CART.shop.HEADWAY.:80' },
    'Allowed web',
  ],
  [
    'another entry, not granted',
    [web({ hosts: ['0.0.0.0/0'] })],
    [],
    CART,
    'Denied -: no grant names cart.shop.headway',
  ],
  [
    'another entry, not granted, in Audit',
    [web({}, AUDIT)],
    [policy(undefined, AUDIT)],
    CART,
    'Denied -: no grant names cart.shop.headway',
  ],
  [
    'another entry over https',
    [web({ hosts: ['*.headway'] }, AUDIT)],
    [],
    { authority: 'cart.shop.headway' },
    'Denied web: other entries are asked over http on port 80: http://cart.shop.headway',
  ],
  [
    'another entry on another port',
    [web({ hosts: ['*.headway'], ports: [8080] })],
    [],
    { ...CART, authority: 'cart.shop.headway:8080' },
    'Denied web: other entries are asked over http on port 80: http://cart.shop.headway',
  ],
  [
    'another entry, by a method that is not granted',
    [web({ hosts: ['*.headway'], methods: ['GET'] })],
    [],
    { ...CART, method: 'PUT' },
    'Denied web: the grant is not for PUT',
  ],
  [
    'another entry below a ceiling, whose schemes and ports are of others',
    [web({ hosts: ['cart.shop.headway'] })],
    [policy({ hosts: ['*.shop.headway'], schemes: ['https'], ports: [443] })],
    CART,
    'Allowed web',
  ],
  [
    'another entry beyond a ceiling',
    [web({ hosts: ['cart.shop.headway'] })],
    [policy({ hosts: ['*.bank.headway', '*.example'] })],
    CART,
    'Denied web: beyond the capabilities of Policy p',
  ],
  ['below a ceiling', [web()], [policy({ hosts: ['*.example'] })], {}, 'Allowed web'],
  ['beyond', [web()], [policy({ hosts: ['*.pay.example'] })], {}, 'Denied web: beyond the capabilities of Policy p'],
  [
    'beyond its methods',
    [web()],
    [policy({ hosts: ['*.example'], methods: ['GET'] })],
    { method: 'PUT' },
    'Denied web: beyond the capabilities of Policy p',
  ],
  [
    'beyond its ports',
    [web()],
    [policy({ hosts: ['*.example'], ports: [80] })],
    {},
    'Denied web: beyond the capabilities of Policy p',
  ],
  [
    'below a block',
    [web({ hosts: ['10.0.0.1'] })],
    [policy({ hosts: ['10.0.0.0/8'] })],
    { authority: '10.0.0.1' },
    'Allowed web',
  ],
  ['no HTTP at all', [web()], [policy(undefined)], {}, 'Denied web: beyond the capabilities of Policy p'],
  ['of others', [web()], [policy(undefined, { namespaces: ['bank'] })], {}, 'Allowed web'],
  ['a ceiling in Audit', [web()], [policy(undefined, AUDIT)], {}, 'Audited web: beyond the capabilities of Policy p'],
  ['a grant in Audit, within', [web({}, AUDIT)], [], {}, 'Allowed web'],
  [
    'a grant in Audit, its port',
    [web({}, AUDIT)],
    [],
    { authority: 'api.example:1' },
    'Audited web: the grant is not for port 1',
  ],
  [
    'a grant in Audit, another host',
    [web({}, AUDIT)],
    [],
    { authority: 'other.example' },
    'Denied -: no grant names other.example',
  ],
  [
    'a grant in Audit, a ceiling that enforces',
    [web({}, AUDIT)],
    [policy(undefined)],
    {},
    'Denied web: beyond the capabilities of Policy p',
  ],
];

describe('may it?', () => {
  test.each(ROWS)('%s', (_what, grants, ceilings, more, wanted) => {
    expect(said(grants, ceilings, more)).toBe(wanted);
  });

  test('a mirrored call may ask another entry: that one is told whose copy it serves', () => {
    expect(said([web({ hosts: ['*.headway'] })], [], CART, true)).toBe('Allowed web');
  });

  test('a mirrored call may nothing, in Audit neither', () => {
    for (const method of ['GET', 'HEAD', 'POST']) {
      expect(said([web({}, AUDIT)], [], { method }, true)).toBe('Denied web: a mirrored call sends nothing');
    }
  });
});

describe('what a name leads to', () => {
  const leads = (grants: readonly Grant[], ceilings: readonly Ceilings[], text: string): string => {
    const target = targetOf(asked({})) as Target;
    const verdict = new HttpAuthority('shop', grants, ceilings).judgeAddress(target, parseAddress(text)!, text, NOW);
    return verdict ? `${verdict.outcome}: ${verdict.why}` : 'nothing to say';
  };
  const inside = web({ hosts: ['api.example', '10.0.0.0/8'] });

  test.each([
    ['open', [web()], [], '8.8.8.8', 'nothing to say'],
    ['open, in Audit', [web({}, AUDIT)], [], '8.8.8.8', 'nothing to say'],
    ['inside', [web()], [], '10.0.0.1', /^Denied: api.example leads to 10.0.0.1, which is inside/],
    ['inside, mapped', [web()], [], '::ffff:10.0.0.1', /^Denied/],
    ['inside, a grant in Audit', [web({}, AUDIT)], [], '10.0.0.1', /^Denied/],
    ['inside, any named', [web({ hosts: ['api.example', '0.0.0.0/0'] })], [], '127.0.0.1', /^Denied/],
    ['inside, named', [inside], [], '10.0.0.1', 'nothing to say'],
    ['inside, another named', [inside], [], '127.0.0.1', /^Denied/],
    ['inside, named for another port', [web(), web({ hosts: ['10.0.0.1'], ports: [80] })], [], '10.0.0.1', /^Denied/],
    ['inside, beyond a ceiling', [inside], [policy({ hosts: ['*.example'] })], '10.0.0.1', /^Denied.*Policy p/],
    [
      'inside, within a ceiling',
      [inside],
      [policy({ hosts: ['*.example', '10.0.0.0/8'] })],
      '10.0.0.1',
      'nothing to say',
    ],
    ['inside, beyond one in Audit', [inside], [policy({ hosts: ['*.example'] }, AUDIT)], '10.0.0.1', /^Audited/],
  ] as const)('%s', (_what, grants, ceilings, text, wanted) => {
    expect(leads(grants, ceilings, text)).toEqual(wanted instanceof RegExp ? expect.stringMatching(wanted) : wanted);
  });
});

describe('a request of a cell that was broken into', () => {
  const frame = (headers: readonly string[]): Buffer => {
    const text = (value: string): Buffer => {
      const length = Buffer.alloc(2);
      length.writeUInt16LE(value.length);
      return Buffer.concat([length, Buffer.from(value, 'latin1')]);
    };
    const count = Buffer.alloc(2);
    count.writeUInt16LE(headers.length / 2);
    const parts: Buffer[] = [Buffer.from([0, 0, 1, ...Array.from({ length: 19 }, () => 0)])];
    for (const part of ['GET', 'https', 'api.example', '/']) parts.push(text(part));
    return Buffer.concat([...parts, count, ...headers.map(text)]);
  };
  const read = (bytes: Buffer): unknown => readHttpRequest(bytes, 0, bytes.length);

  test('one that is whole', () => {
    expect(read(frame(['X-A', '1', 'content-length', '5']))).toMatchObject({
      seat: 1,
      asked: asked({}),
      headers: ['x-a', '1', 'content-length', '5'],
    });
  });

  test.each([
    [['host', 'other.example']],
    [['Host', 'other.example']],
    [['connection', 'x-a']],
    [['transfer-encoding', 'chunked']],
    [['te', 'trailers']],
    [['upgrade', 'websocket']],
    [['proxy-authorization', 'x']],
    [['content-length', '5', 'content-length', '6']],
    [['content-length', '+5']],
    [['content-length', '5, 6']],
    [['x-a', '1\r\nhost: other']],
    [['x-a', '1\n']],
    [['x a', '1']],
    [['x-a:', '1']],
    [['', '1']],
  ])('with %j is no request', (headers) => expect(read(frame(headers))).toEqual(expect.any(String)));

  test('cut anywhere, or longer, it is none', () => {
    const whole = frame(['x-a', '1']);
    for (let length = 0; length < whole.length; length++)
      expect(read(whole.subarray(0, length))).toEqual(expect.any(String));
    expect(read(Buffer.concat([whole, Buffer.from([0])]))).toEqual(expect.any(String));
  });

  test('as many headers as the wire carries are taken, one more is not', () => {
    const many = (count: number): string[] => Array.from({ length: count }, () => ['a', '1']).flat();
    expect([typeof read(frame(many(MAX_HEADERS))), typeof read(frame(many(MAX_HEADERS + 1)))]).toEqual([
      'object',
      'string',
    ]);
  });
});
