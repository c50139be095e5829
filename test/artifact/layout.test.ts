import { describe, expect, it } from 'vitest';
import { componentIn, manifestIn, parseDocument, type Document } from '../../src/artifact/oci/layout.ts';
import { parseChallenge } from '../../src/artifact/oci/challenge.ts';
import { parseImage } from '../../src/artifact/oci/image.ts';
import { isPublicAddress } from '../../src/artifact/public-address.ts';
import { digestOfBytes } from '../../src/kit/digest.ts';
import { bytesOf, config, index, INDEX, layer, manifest, MANIFEST, SPIN_CONFIG, SPIN_WASM } from './images.ts';

const WASM = Buffer.from('\0asm-one');
const OTHER = Buffer.from('\0asm-two');

function read<Type extends Document['type']>(type: Type, document: object): Extract<Document, { type: Type }> {
  const parsed = parseDocument(bytesOf(document));
  if (!parsed.ok || parsed.value.type !== type) throw new Error(JSON.stringify(parsed));
  return parsed.value as Extract<Document, { type: Type }>;
}

describe('which layer is the component', () => {
  it.each([
    ['of the CNCF layout', manifest([layer(WASM)])],
    [
      'of a Spin application',
      manifest(
        [layer(WASM, SPIN_WASM), layer(OTHER, 'application/vnd.wasm.content.layer.v1+data')],
        config(SPIN_CONFIG),
      ),
    ],
    [
      'of a Spin application beside a plain image config',
      manifest([layer(WASM, SPIN_WASM), layer(OTHER, SPIN_CONFIG)], config('application/vnd.oci.image.config.v1+json')),
    ],
  ])('%s', (_name, document) => {
    const found = componentIn(read('Manifest', document));
    expect(found).toMatchObject({ ok: true, value: { digest: digestOfBytes(WASM), bytes: WASM.length } });
  });

  it.each([
    [
      'a container image',
      'HW2420',
      manifest(
        [layer(WASM, 'application/vnd.oci.image.layer.v1.tar+gzip')],
        config('application/vnd.oci.image.config.v1+json'),
      ),
    ],
    ['a layer of another type', 'HW2420', manifest([layer(WASM, 'application/octet-stream')])],
    ['no layer', 'HW2420', manifest([])],
    ['two components', 'HW2421', manifest([layer(WASM), layer(OTHER)])],
    ['a config type that is a property of every object', 'HW2420', manifest([layer(WASM)], config('constructor'))],
  ])('not of %s', (_name, code, document) => {
    expect(componentIn(read('Manifest', document))).toMatchObject({ ok: false, error: { code, policy: 'Terminal' } });
  });
});

describe('which manifest of an index', () => {
  const one = manifest([layer(WASM)]);
  const two = manifest([layer(OTHER)]);
  const linux = { architecture: 'amd64', os: 'linux' };

  it.each([
    ['the only one', index({ document: one })],
    [
      'the one for wasm',
      index({ document: two, platform: linux }, { document: one, platform: { architecture: 'wasm', os: 'wasi' } }),
    ],
    [
      'the component beside the module',
      index(
        { document: two, platform: { architecture: 'wasm', os: 'wasip1' } },
        { document: one, platform: { architecture: 'wasm', os: 'wasip2' } },
      ),
    ],
  ])('%s', (_name, document) => {
    const found = manifestIn(read('Index', document));
    expect(found).toMatchObject({ ok: true, value: { digest: digestOfBytes(bytesOf(one)) } });
  });

  it('none where two may be meant, and it says which', () => {
    const found = manifestIn(read('Index', index({ document: one }, { document: two })));
    expect(found).toMatchObject({ ok: false, error: { code: 'HW2421' } });
    expect(JSON.stringify(found)).toContain(digestOfBytes(bytesOf(one)));
  });

  it('none where there is none', () => {
    expect(manifestIn(read('Index', index()))).toMatchObject({ ok: false, error: { code: 'HW2420' } });
  });
});

describe('documents that are not read', () => {
  const good = manifest([layer(WASM)]);
  it.each<[string, object]>([
    ['both at once', { ...good, manifests: [] }],
    ['an index that says it is a manifest', { ...index(), mediaType: MANIFEST }],
    ['a manifest that says it is an index', { ...good, mediaType: INDEX }],
    ['docker’s own form', { ...good, mediaType: 'application/vnd.docker.distribution.manifest.v2+json' }],
    ['schema 1', { schemaVersion: 1, layers: [] }],
    ['a list', []],
    [
      'a digest of another kind',
      { ...good, layers: [{ mediaType: 'application/wasm', digest: 'sha512:aa', size: 1 }] },
    ],
    ['a negative size', { ...good, layers: [{ ...good.layers[0], size: -1 }] }],
    ['a size that is no number', { ...good, layers: [{ ...good.layers[0], size: '8' }] }],
    ['a thousand and one layers', { ...good, layers: Array.from({ length: 1_001 }, () => good.layers[0]) }],
    ['no config', { ...good, config: undefined }],
  ])('%s', (_name, document) => {
    expect(parseDocument(bytesOf(document))).toMatchObject({ ok: false, error: { code: 'HW2420' } });
  });

  it('a thousand layers are the most', () => {
    const most = { ...good, layers: Array.from({ length: 1_000 }, () => good.layers[0]) };
    expect(parseDocument(bytesOf(most)).ok).toBe(true);
  });

  it.each([
    ['not JSON', 'x{'],
    ['not UTF-8', '\xff'],
  ])('%s', (_name, text) => {
    expect(parseDocument(Buffer.from(text, 'latin1'))).toMatchObject({ ok: false, error: { code: 'HW2420' } });
  });

  it('what is foreign is quoted harmlessly', () => {
    const parsed = parseDocument(bytesOf({ ...good, mediaType: '\u001b[31mred\n' }));
    expect(JSON.stringify(parsed)).toContain('??31mred?');
  });
});

it.each([
  ['Basic realm="x"', { type: 'Basic' }],
  [
    'bearer realm="https://a.example/t",service="r",scope="repository:x:pull"',
    { type: 'Bearer', realm: 'https://a.example/t', service: 'r' },
  ],
  [`Bearer realm="https://a.example/\\"q",service=r`, { type: 'Bearer', realm: 'https://a.example/"q', service: 'r' }],
  ['Bearer service="r"', undefined],
  ['Negotiate', undefined],
  [`Bearer realm="${'x'.repeat(5_000)}"`, undefined],
  [['Negotiate', 'Basic realm="x"'], { type: 'Basic' }],
  [undefined, undefined],
])('the challenge %j', (header, challenge) => {
  expect(parseChallenge(header)).toEqual(challenge);
});

it.each([
  ['registry.example.com/shop/cart', 'https://registry.example.com', 'shop/cart'],
  ['registry.example.com:5000/cart', 'https://registry.example.com:5000', 'cart'],
  ['docker.io/library/cart', 'https://registry-1.docker.io', 'library/cart'],
  ['registry.example.com/../cart', undefined, undefined],
  ['registry.example.com', undefined, undefined],
  ['registry.example.com:99999/cart', undefined, undefined],
])('the image %s', (image, origin, repository) => {
  const parsed = parseImage(image);
  expect([parsed?.origin, parsed?.repository]).toEqual([origin, repository]);
});

it.each([
  ['8.8.8.8', true],
  ['2606:4700::1111', true],
  ...[
    '127.0.0.1',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
  ].map((a) => [a, false] as const),
  ...[
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    'fe80::1',
    'fd00::1',
    '::ffff:10.8.8.8',
    '64:ff9b::808:808',
    '2002:7f00:1::',
    '2001:db8::1',
    'ff02::1',
    'x',
  ].map((a) => [a, false] as const),
  ['172.32.0.1', true],
  ['100.128.0.1', true],
] as const)('the address %s: public %s', (address, expected) => {
  expect(isPublicAddress(address)).toBe(expected);
});
