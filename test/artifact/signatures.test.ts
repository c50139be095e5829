import { readFileSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SupplyOptions } from '../../src/artifact/supply.ts';
import type { OnSignature } from '../../src/artifact/signature/check.ts';
import { bundleProblem, isMatch, keylessVerifier } from '../../src/artifact/signature/bundle.ts';
import { openVerdicts } from '../../src/artifact/signature/verdicts.ts';
import { digestOfBytes, type Digest } from '../../src/kit/digest.ts';
import type { SignatureDemand } from '../../src/model/signature.ts';
import { DockerRegistry } from '../support/docker-registry.ts';
import { endless, HostileServer } from '../support/hostile-server.ts';
import { bytesOf, config, descriptor, imageAt, INDEX, layer, manifest, MANIFEST, type Part } from './images.ts';
import {
  BUNDLE,
  demandOf,
  ISSUER,
  keyBundle,
  messageOf,
  PAYLOAD,
  payloadOf,
  SIGNATURE,
  signed,
  signingKey,
  Sigstore,
  statementOf,
  SUBJECT,
  type Signing,
} from './signing.ts';
import { fileAt, NEVER, place, supplyIn } from './support.ts';

const there = place();
const OURS = signingKey();
const THEIRS = signingKey();
const EMPTY = config('application/vnd.oci.empty.v1+json');
const byKey = demandOf({ keys: [OURS.pem] });
const tagOf = (digest: Digest) => digest.replace(':', '-');
let sigstore: Sigstore;
let strangers: Sigstore;
beforeAll(async () => {
  sigstore = await Sigstore.make(there().folder, 'ours');
  strangers = await Sigstore.make(there().folder, 'theirs');
});

const byIdentity = (more: Partial<SignatureDemand['keyless'][number]> = {}) =>
  demandOf({
    keyless: [
      {
        issuer: ISSUER,
        subject: 'https://forge.example/shop/*@refs/tags/*',
        ...more,
      },
    ],
  });

describe('a signature in a real registry', () => {
  let registry: DockerRegistry;
  beforeAll(async () => {
    registry = await DockerRegistry.start(path.join(there().folder, 'registry'), there().certificate, {
      type: 'Anonymous',
    });
  });
  afterAll(() => registry?.stop());
  let images = 0;

  async function pushed() {
    images += 1;
    const repository = `shop/cart-${images}`;
    const wasm = layer(Buffer.from(`\0asm-${images}`));
    for (const { bytes } of [config(), EMPTY, wasm]) await registry.pushBlob(repository, bytes);
    const document = manifest([wasm]);
    const digest = await registry.pushManifest(repository, document);
    return {
      repository,
      image: `${registry.host}/${repository}`,
      digest,
      bytes: bytesOf(document),
    };
  }

  type Pushed = Awaited<ReturnType<typeof pushed>>;

  async function cosign({ repository, digest }: Pushed, payload: Uint8Array, ...signatures: readonly string[]) {
    await registry.pushBlob(repository, payload);
    const layers = signatures.map((signature) => ({
      ...descriptor({ mediaType: PAYLOAD, bytes: payload }),
      annotations: { [SIGNATURE]: signature },
    }));
    await registry.pushManifest(repository, { ...manifest([], EMPTY), layers } as never, `${tagOf(digest)}.sig`);
  }

  async function refer({ repository, digest }: Pushed, ...bundles: readonly Uint8Array[]) {
    const parts: Part[] = [];
    for (const bytes of bundles) {
      await registry.pushBlob(repository, bytes);
      const document = manifest([{ mediaType: BUNDLE, bytes }], EMPTY);
      await registry.pushManifest(repository, document);
      parts.push({ mediaType: MANIFEST, bytes: bytesOf(document) });
    }
    const manifests = parts.map((part) => ({
      ...descriptor(part),
      artifactType: BUNDLE,
    }));
    const index = { schemaVersion: 2, mediaType: INDEX, manifests };
    await registry.pushManifest(repository, index, tagOf(digest));
  }

  function fetched({ image, digest }: Pushed, demands: readonly SignatureDemand[], more: Partial<SupplyOptions> = {}) {
    const hosts = [{ host: registry.host, caFile: there().certificate.caFile }];
    const { supply } = supplyIn(there().folder, {
      hosts,
      trustedRoot: sigstore.trustedRoot,
      ...more,
    });
    return supply.fetch({ ...imageAt(image, digest), signatures: demands }, NEVER);
  }

  const refused = (code: string, policy = 'Terminal') => ({
    ok: false,
    error: { code, policy },
  });

  it('by cosign with a key of the Policy is enough, beside others that are not', async () => {
    const image = await pushed();
    const payload = payloadOf(image.image, image.digest);
    await cosign(image, payload, signed(payload, THEIRS), signed(payload, OURS));
    expect(await fetched(image, [byKey])).toEqual({
      ok: true,
      value: undefined,
    });
    expect(await fetched(image, [demandOf({ keys: [signingKey().pem, OURS.pem] })])).toMatchObject({ ok: true });
    expect(await fetched(image, [byKey, demandOf({ keys: [signingKey().pem] })])).toMatchObject(refused('HW2011'));
  });

  it('that is no base64 is damaged, and harms none beside it', async () => {
    const image = await pushed();
    const payload = payloadOf(image.image, image.digest);
    await cosign(image, payload, 'not base64!');
    expect(await fetched(image, [byKey])).toMatchObject(refused('HW2013'));
    await cosign(image, payload, 'not base64!', signed(payload, OURS));
    expect(await fetched(image, [byKey])).toMatchObject({ ok: true });
  });

  it('that is not there is waited for, and the message says for what and why', async () => {
    const image = await pushed();
    const outcome = await fetched(image, [byKey]);
    expect(outcome).toMatchObject(refused('HW2010', 'Waiting'));
    for (const part of [image.image, image.digest, 'Policy signed']) {
      expect(!outcome.ok && outcome.error.message).toContain(part);
    }
    const payload = payloadOf(image.image, image.digest);
    await cosign(image, payload, signed(payload, OURS));
    expect(await fetched(image, [byKey])).toMatchObject({ ok: true });
  });

  const OTHER = digestOfBytes(Buffer.from('other'));
  const reference = (image: Pushed) => `${image.image}:1.0@${image.digest}`;
  it.each<[string, (image: Pushed) => Uint8Array, Signing, string | undefined]>([
    ['with tag and digest in the name', (image) => payloadOf(reference(image), image.digest), OURS, undefined],
    ['by another key', (image) => payloadOf(image.image, image.digest), THEIRS, 'HW2011'],
    ['of another digest', (image) => payloadOf(image.image, OTHER), OURS, 'HW2012'],
    ['of another repository', (image) => payloadOf(`${image.image}-2`, image.digest), OURS, 'HW2012'],
    ['of a text', () => Buffer.from('hello'), OURS, 'HW2013'],
    ['of an empty object', () => Buffer.from('{}'), OURS, 'HW2013'],
    ['of null', () => Buffer.from('null'), OURS, 'HW2013'],
  ])('by cosign %s: %#', async (_, payloadFor, by, code) => {
    const image = await pushed();
    const payload = payloadFor(image);
    await cosign(image, payload, signed(payload, by));
    expect(await fetched(image, [byKey])).toMatchObject(code ? refused(code) : { ok: true });
  });

  it.each<[string, (image: Pushed) => Uint8Array, SignatureDemand, string | undefined]>([
    ['by a key, of a statement', ({ digest }) => keyBundle(statementOf(digest, OURS)), byKey, undefined],
    ['by a key, of the bytes', ({ bytes }) => keyBundle(messageOf(bytes, OURS)), byKey, undefined],
    ['by another key', ({ digest }) => keyBundle(statementOf(digest, THEIRS)), byKey, 'HW2011'],
    ['of another digest', () => keyBundle(statementOf(OTHER, OURS)), byKey, 'HW2012'],
    ['of other bytes', () => keyBundle(messageOf(Buffer.from('other'), OURS)), byKey, 'HW2012'],
    [
      'that attests something else',
      ({ digest }) => keyBundle(statementOf(digest, OURS, 'https://spdx.dev/Document')),
      byKey,
      'HW2012',
    ],
    ['that is damaged', () => Buffer.from('{"mediaType":"application/x"}'), byKey, 'HW2013'],
    ['that is cut', ({ digest }) => keyBundle(statementOf(digest, OURS)).subarray(0, 200), byKey, 'HW2013'],
    ['too large', () => Buffer.alloc(8_001, ' '), byKey, 'HW2015'],
    [
      'by an identity',
      ({ digest }) => sigstore.bundle(statementOf(digest, sigstore.signer)),
      byIdentity({ subject: SUBJECT }),
      undefined,
    ],
    [
      'by an identity where keys are asked for',
      ({ digest }) => sigstore.bundle(statementOf(digest, sigstore.signer)),
      byKey,
      'HW2011',
    ],
    [
      'by a key where an identity is asked for',
      ({ digest }) => keyBundle(statementOf(digest, OURS)),
      byIdentity(),
      'HW2011',
    ],
  ])('as a bundle %s: %#', async (_, bundle, demand, code) => {
    const image = await pushed();
    await refer(image, bundle(image));
    expect(await fetched(image, [demand])).toMatchObject(code ? refused(code) : { ok: true });
  });

  it('in more documents than are looked at is found only among the first', async () => {
    const [first, last] = [await pushed(), await pushed()];
    const wrong = (count: number) => Array.from({ length: count }, () => Buffer.from(`{"n":${count}}`));
    const right = (image: Pushed) => keyBundle(statementOf(image.digest, OURS));
    await refer(first, ...wrong(3), right(first), ...wrong(2));
    expect(await fetched(first, [byKey])).toMatchObject({ ok: true });
    await refer(last, ...wrong(4), right(last));
    expect(await fetched(last, [byKey])).toMatchObject({
      ok: false,
      error: { policy: 'Terminal' },
    });
  });

  it('in Audit is counted and nothing more', async () => {
    const image = await pushed();
    const seen: Parameters<OnSignature>[0][] = [];
    const audit = demandOf({ keys: [OURS.pem], enforcement: 'Audit' });
    expect(await fetched(image, [audit], { onSignature: (one) => seen.push(one) })).toMatchObject({ ok: true });
    expect(seen).toMatchObject([{ outcome: 'Audited', policy: 'signed', problem: { code: 'HW2010' } }]);
  });

  it('is verified once for what shaped the verdict, and anew for another Policy', async () => {
    const image = await pushed();
    await refer(image, sigstore.bundle(statementOf(image.digest, sigstore.signer)));
    const outcomes: string[] = [];
    const root = path.join(there().folder, 'other_root.json');
    const once = (demand: SignatureDemand, more: Partial<SupplyOptions> = {}) =>
      fetched(image, [demand], {
        verdicts: path.join(there().folder, 'verdicts'),
        onSignature: ({ outcome }) => outcomes.push(outcome),
        ...more,
      });
    expect(await once(byIdentity())).toMatchObject({ ok: true });
    expect(await once({ ...byIdentity(), policy: 'renamed' })).toMatchObject({
      ok: true,
    });
    expect(outcomes).toEqual(['Verified']);
    expect(await once(byIdentity({ issuer: 'https://other.example' }))).toMatchObject(refused('HW2011'));
    await writeFile(root, '{}');
    expect(await once(byIdentity(), { trustedRoot: root })).toMatchObject(refused('HW2016', 'Waiting'));
    expect(await once(byIdentity(), { trustedRoot: strangers.trustedRoot })).toMatchObject(refused('HW2014'));
    expect(outcomes).toEqual(['Verified', 'Refused', 'Refused', 'Refused']);
  });
});

describe('a bundle beside a file', () => {
  let server: HostileServer;
  const file = Buffer.from(`\0asm-${'y'.repeat(500)}`);
  beforeAll(async () => {
    server = await HostileServer.start(there().certificate);
  });
  afterAll(() => server?.stop());

  function fetched(bundle: Uint8Array | number, demand: SignatureDemand, more: Partial<SupplyOptions> = {}) {
    server.answer(({ url }, response) => {
      const isBundle = new URL(url!, 'https://x').pathname === '/cart.wasm.sigstore.json';
      if (!isBundle) response.end(file);
      else if (typeof bundle === 'number') response.writeHead(bundle).end();
      else response.end(bundle);
    });
    const hosts = [{ host: server.host, caFile: there().certificate.caFile }];
    const { supply } = supplyIn(there().folder, {
      hosts,
      trustedRoot: sigstore.trustedRoot,
      ...more,
    });
    return supply.fetch({ ...fileAt(server.url('cart.wasm?a=b'), file), signatures: [demand] }, NEVER);
  }

  const message = () => messageOf(file, sigstore.signer);
  const DAY_MS = 86_400_000;
  interface Material {
    tlogEntries: { integratedTime: string }[];
    certificate: { rawBytes: string };
  }
  const edited = (edit: (material: Material) => void) => {
    const bundle = JSON.parse(Buffer.from(sigstore.bundle(message())).toString()) as { verificationMaterial: Material };
    edit(bundle.verificationMaterial);
    return Buffer.from(JSON.stringify(bundle));
  };

  it.each<[string, () => Uint8Array | number, () => SignatureDemand, string | undefined]>([
    ['by an identity', () => sigstore.bundle(message()), byIdentity, undefined],
    ['by a key', () => keyBundle(messageOf(file, OURS)), () => byKey, undefined],
    [
      'by another subject',
      () => sigstore.bundle(message()),
      () => byIdentity({ subject: 'https://forge.example/q/*' }),
      'HW2011',
    ],
    ['by another issuer', () => sigstore.bundle(message()), () => byIdentity({ issuer: `${ISSUER}/` }), 'HW2011'],
    ['before the certificate', () => sigstore.bundle(message(), Date.now() - DAY_MS), byIdentity, 'HW2014'],
    ['after the certificate', () => sigstore.bundle(message(), Date.now() + 3 * DAY_MS), byIdentity, 'HW2014'],
    [
      'of an authority that nobody trusts',
      () => strangers.bundle(messageOf(file, strangers.signer)),
      byIdentity,
      'HW2014',
    ],
    ['of other bytes', () => sigstore.bundle(messageOf(Buffer.from('x'), sigstore.signer)), byIdentity, 'HW2012'],
    ['by another key than the certificate', () => sigstore.bundle(messageOf(file, THEIRS)), byIdentity, 'HW2012'],
    ['without an entry of a log', () => edited((it) => (it.tlogEntries = [])), byIdentity, 'HW2014'],
    [
      'with another time than the log promised',
      () => edited((it) => (it.tlogEntries[0]!.integratedTime = '1600000000')),
      byIdentity,
      'HW2014',
    ],
    [
      'with entries without end',
      () =>
        edited((it) => {
          it.tlogEntries = Array.from({ length: 9 }, () => ({
            ...it.tlogEntries[0]!,
            canonicalizedBody: '',
            inclusionProof: { checkpoint: { envelope: '' } },
          }));
        }),
      byIdentity,
      'HW2015',
    ],
    ['with a certificate of noise', () => edited((it) => (it.certificate.rawBytes = 'MIIBAAAA')), byIdentity, 'HW2013'],
    ['of noise', () => Buffer.from([0xff, 0xfe, 0]), byIdentity, 'HW2013'],
    ['of one byte too many', () => Buffer.alloc(8_001, ' '), byIdentity, 'HW2015'],
    ['of all the bytes that are accepted', () => Buffer.alloc(8_000, ' '), byIdentity, 'HW2013'],
    ['that is not there', () => 404, byIdentity, 'HW2010'],
    ['on a server that fails', () => 500, byIdentity, 'HW2402'],
  ])('%s: %#', async (_, bundle, demand, code) => {
    const outcome = await fetched(bundle(), demand());
    expect(outcome).toMatchObject(code ? { ok: false, error: { code } } : { ok: true });
  });

  it('of an identity waits where the host has no trusted root', async () => {
    const [missing, large] = ['not-there.json', 'large.json'].map((name) => path.join(there().folder, name));
    await writeFile(large!, Buffer.alloc(4 * 2 ** 20 + 1, ' '));
    for (const trustedRoot of [missing!, large!]) {
      const outcome = await fetched(sigstore.bundle(message()), byIdentity(), {
        trustedRoot,
      });
      expect(outcome).toMatchObject({
        ok: false,
        error: { code: 'HW2016', policy: 'Waiting' },
      });
    }
  });

  it('with any byte damaged is a reason or a signature, never a failure of ours', () => {
    const root = keylessVerifier(readFileSync(sigstore.trustedRoot, 'utf8'));
    if (!root.ok) throw new Error(root.error.message);
    const bundle = sigstore.bundle(message());
    const identities = byIdentity().keyless;
    const check = (bytes: Uint8Array) =>
      bundleProblem(bytes, [], { identities, verifier: root.value }, { digest: digestOfBytes(file), bytes: file });
    expect(check(bundle)).toBeUndefined();
    for (let at = 0; at < bundle.length; at += 13) {
      const damaged = Buffer.from(bundle);
      damaged[at] = damaged[at]! ^ 1;
      expect([undefined, 'HW2011', 'HW2012', 'HW2013', 'HW2014', 'HW2015']).toContain(check(damaged)?.code);
    }
  });
});

describe('a hostile registry', () => {
  let server: HostileServer;
  const wasm = layer(Buffer.from('\0asm-hostile'));
  const document = bytesOf(manifest([wasm]));
  const digest = digestOfBytes(document);
  beforeAll(async () => {
    server = await HostileServer.start(there().certificate);
  });
  afterAll(() => server?.stop());

  type Way = (response: ServerResponse) => void;
  const none: Way = (response) => void response.writeHead(404).end();
  const image = () => `${server.host}/shop/cart`;
  const payload = () => payloadOf(image(), digest);
  const right: Way = (response) => {
    const part = descriptor({ mediaType: PAYLOAD, bytes: payload() });
    const layers = [{ ...part, annotations: { [SIGNATURE]: signed(payload(), OURS) } }];
    response.end(bytesOf({ ...manifest([], EMPTY), layers }));
  };

  it.each<[string, string | undefined, Way, Way, Way]>([
    ['that behaves', undefined, right, (response) => void response.end(payload()), none],
    [
      'without a list beside a signature',
      undefined,
      right,
      (response) => void response.end(payload()),
      (response) => void response.writeHead(500).end(),
    ],
    ['with a list that fails', 'HW2402', none, none, (response) => void response.writeHead(500).end()],
    ['with an endless list', 'HW2015', none, none, (response) => endless(response, new Uint8Array(4_096))],
    ['with a list that is none', 'HW2013', none, none, (response) => void response.end(document)],
    ['with an endless signature', 'HW2015', (response) => endless(response, new Uint8Array(4_096)), none, none],
    ['with a signature in drips', 'HW2405', (response) => endless(response, Buffer.from(' '), 50), none, none],
    ['with another payload than it lists', 'HW2013', right, (response) => void response.end('other'), none],
    ['with an endless payload', 'HW2015', right, (response) => endless(response, new Uint8Array(4_096)), none],
    [
      'with an index for a signature',
      'HW2013',
      (response) => void response.end(bytesOf({ schemaVersion: 2, manifests: [] })),
      none,
      none,
    ],
    [
      'that redirects the signature',
      'HW2407',
      (response) => void response.writeHead(307, { location: '/x' }).end(),
      none,
      none,
    ],
    [
      'with a compressed signature',
      'HW2409',
      (response) =>
        void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(10_000_000))),
      none,
      none,
    ],
  ])('%s: %s', async (_, code, onSignature, onPayload, onList) => {
    server.answer(({ url = '' }, response) => {
      if (url.endsWith(`/manifests/${digest}`)) response.end(document);
      else if (url.endsWith(`/blobs/${digestOfBytes(wasm.bytes)}`)) response.end(wasm.bytes);
      else if (url.endsWith('.sig')) onSignature(response);
      else if (url.includes('/blobs/')) onPayload(response);
      else if (url.includes('/referrers/')) onList(response);
      else none(response);
    });
    const hosts = [{ host: server.host, caFile: there().certificate.caFile }];
    const { supply } = supplyIn(there().folder, { hosts });
    const outcome = await supply.fetch({ ...imageAt(image(), digest), signatures: [byKey] }, NEVER);
    expect(outcome).toMatchObject(code ? { ok: false, error: { code } } : { ok: true });
  });
});

describe('what shapes a verdict', () => {
  it.each([
    ['a', 'a', true],
    ['a', 'ab', false],
    ['a*', 'ab', true],
    ['*b', 'ab', true],
    ['a*b', 'ab', true],
    ['ab*b', 'ab', false],
    ['a*c*e', 'abcde', true],
    ['a*c*e', 'aede', false],
    ['a.c', 'abc', false],
    ['*', '', true],
  ])('%s matches %s: %s', (pattern, text, expected) => {
    expect(isMatch(pattern, text)).toBe(expected);
  });

  it('a file that was damaged is no verdict, and the oldest go beyond the cap', async () => {
    const folder = path.join(there().folder, 'capped');
    await mkdir(folder);
    const verdicts = openVerdicts(folder, 2);
    await verdicts.add({ n: 1 });
    const [name] = await readdir(folder);
    expect(await verdicts.has({ n: 1 })).toBe(true);
    await writeFile(path.join(folder, name!), '{"n":2}');
    expect(await verdicts.has({ n: 1 })).toBe(false);
    for (const n of [2, 3, 4]) await verdicts.add({ n });
    expect(await readdir(folder)).toHaveLength(2);
    expect(await verdicts.has({ n: 4 })).toBe(true);
  });
});
