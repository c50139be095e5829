/** Signatures beside an image in a registry, as cosign and sigstore leave them there. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SupplyOptions } from '../../src/artifact/supply.ts';
import type { OnSignature } from '../../src/artifact/signature/check.ts';
import { digestOfBytes, type Digest } from '../../src/kit/digest.ts';
import type { SignatureDemand } from '../../src/model/signature.ts';
import { DockerRegistry } from '../support/docker-registry.ts';
import {
  bytesOf,
  config,
  descriptor,
  EMPTY,
  imageAt,
  INDEX,
  layer,
  manifest,
  MANIFEST,
  tagOf,
  type Part,
} from './images.ts';
import {
  BUNDLE,
  demandOf,
  keyBundle,
  messageOf,
  PAYLOAD,
  payloadOf,
  SIGNATURE,
  signed,
  signingKey,
  statementOf,
  type Signing,
} from './signing.ts';
import { byIdentity, Sigstore, SUBJECT, type Proofs } from './sigstore.ts';
import { NEVER, place, supplyIn } from './support.ts';

const there = place();
const OURS = signingKey();
const THEIRS = signingKey();
const byKey = demandOf({ keys: [OURS.pem] });
let sigstore: Sigstore;
let strangers: Sigstore;
beforeAll(async () => {
  sigstore = await Sigstore.make(there().folder, 'ours');
  strangers = await Sigstore.make(there().folder, 'theirs');
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
  type Annotations = Readonly<Record<string, string>>;

  interface Keyless {
    readonly proofs?: Proofs;
    readonly reference?: (image: Pushed) => string;
    readonly digest?: Digest;
    readonly authority?: () => Sigstore;
    readonly demand?: SignatureDemand;
    readonly edit?: Annotations;
    /** Over other bytes than the payload. */
    readonly by?: 'Another';
    readonly code?: string;
  }

  function cosign(image: Pushed, payload: Uint8Array, ...signatures: readonly string[]) {
    return annotated(image, payload, ...signatures.map((signature) => ({ [SIGNATURE]: signature })));
  }

  async function annotated({ repository, digest }: Pushed, payload: Uint8Array, ...all: readonly Annotations[]) {
    await registry.pushBlob(repository, payload);
    const part = descriptor({ mediaType: PAYLOAD, bytes: payload });
    const layers = all.map((annotations) => ({ ...part, annotations }));
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

  it.each<[string, (image: Pushed) => Uint8Array | Promise<Uint8Array>, SignatureDemand, string | undefined]>([
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
    await refer(image, await bundle(image));
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
    await refer(image, await sigstore.bundle(statementOf(image.digest, sigstore.signer)));
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

  it.each<[string, Keyless]>([
    ['with an entry of the log', {}],
    ['with a time of the authority too', { proofs: { times: true } }],
    ['of another repository', { reference: (image) => `${image.image}-2`, code: 'HW2012' }],
    ['of another digest', { digest: OTHER, code: 'HW2012' }],
    ['over another payload than it stands beside', { by: 'Another', code: 'HW2014' }],
    ['by another subject', { demand: byIdentity({ subject: 'https://forge.example/q/*' }), code: 'HW2011' }],
    ['for a Policy of keys', { demand: byKey, code: 'HW2011' }],
    ['of an authority that nobody trusts', { authority: () => strangers, code: 'HW2014' }],
    ['before the certificate', { proofs: { atMs: Date.now() - 86_400_000 }, code: 'HW2014' }],
    ['without an entry of the log, with a time', { proofs: { log: false, times: true }, code: 'HW2014' }],
    ['with nothing that proves the time', { proofs: { log: false }, code: 'HW2014' }],
    ['with a certificate of noise', { edit: { 'dev.sigstore.cosign/certificate': 'x' }, code: 'HW2013' }],
    ['with a log of noise', { edit: { 'dev.sigstore.cosign/bundle': '{"Payload": {"body": 7}}' }, code: 'HW2013' }],
    ['with a log that is null', { edit: { 'dev.sigstore.cosign/bundle': 'null' }, code: 'HW2013' }],
    ['with a signature of noise', { edit: { [SIGNATURE]: '!' }, code: 'HW2013' }],
  ])('by cosign without a key and without a bundle, %s: %#', async (_, wanted) => {
    const { proofs = {}, authority = () => sigstore, demand = byIdentity(), edit = {}, by, code } = wanted;
    const image = await pushed();
    const payload = payloadOf(wanted.reference?.(image) ?? image.image, wanted.digest ?? image.digest);
    const content = messageOf(by === 'Another' ? Buffer.from('other') : payload, authority().signer);
    const annotations = await authority().annotations(content, proofs);
    await annotated(image, payload, { [SIGNATURE]: content.signature, ...annotations, ...edit });
    expect(await fetched(image, [demand])).toMatchObject(code ? refused(code) : { ok: true });
  });

  it('by cosign with a certificate is one of a key too, where the Policy has that key', async () => {
    const image = await pushed();
    const payload = payloadOf(image.image, image.digest);
    const content = messageOf(payload, OURS);
    const annotations = await sigstore.annotations(content);
    await annotated(image, payload, { [SIGNATURE]: content.signature, ...annotations });
    expect(await fetched(image, [byKey])).toMatchObject({ ok: true });
    expect(await fetched(image, [byIdentity()])).toMatchObject({ ok: false, error: { policy: 'Terminal' } });
    // Without a trusted root nobody knows, and nothing is taken for signed.
    const lost = path.join(there().folder, 'nowhere.json');
    expect(await fetched(image, [byIdentity()], { trustedRoot: lost })).toMatchObject(refused('HW2016', 'Waiting'));
  });
});
