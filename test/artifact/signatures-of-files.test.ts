/** The bundle beside a file on a web server, and what the host's trusted root says of its certificate, log and time. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleProblem, keylessVerifier } from '../../src/artifact/signature/bundle.ts';
import type { SupplyOptions } from '../../src/artifact/supply.ts';
import { digestOfBytes } from '../../src/kit/digest.ts';
import type { SignatureDemand } from '../../src/model/signature.ts';
import { HostileServer } from '../support/hostile-server.ts';
import { demandOf, keyBundle, messageOf, signingKey } from './signing.ts';
import { byIdentity, ISSUER, Sigstore, type LogText, type Proofs, type TrustedRootText } from './sigstore.ts';
import { fileAt, NEVER, place, supplyIn } from './support.ts';

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
  const edited = async (edit: (material: Material) => void) => {
    const bundle = JSON.parse(Buffer.from(await sigstore.bundle(message())).toString()) as {
      verificationMaterial: Material;
    };
    edit(bundle.verificationMaterial);
    return Buffer.from(JSON.stringify(bundle));
  };

  it.each<[string, () => Uint8Array | number | Promise<Uint8Array>, () => SignatureDemand, string | undefined]>([
    ['by an identity', () => sigstore.bundle(message()), byIdentity, undefined],
    ['by a key', () => keyBundle(messageOf(file, OURS)), () => byKey, undefined],
    [
      'by another subject',
      () => sigstore.bundle(message()),
      () => byIdentity({ subject: 'https://forge.example/q/*' }),
      'HW2011',
    ],
    ['by another issuer', () => sigstore.bundle(message()), () => byIdentity({ issuer: `${ISSUER}/` }), 'HW2011'],
    ['before the certificate', () => sigstore.bundle(message(), { atMs: Date.now() - DAY_MS }), byIdentity, 'HW2014'],
    [
      'after the certificate',
      () => sigstore.bundle(message(), { atMs: Date.now() + 3 * DAY_MS }),
      byIdentity,
      'HW2014',
    ],
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
    const outcome = await fetched(await bundle(), demand());
    expect(outcome).toMatchObject(code ? { ok: false, error: { code } } : { ok: true });
  });

  it('of an identity waits where the host has no trusted root', async () => {
    const [missing, large] = ['not-there.json', 'large.json'].map((name) => path.join(there().folder, name));
    await writeFile(large!, Buffer.alloc(4 * 2 ** 20 + 1, ' '));
    for (const trustedRoot of [missing!, large!]) {
      const outcome = await fetched(await sigstore.bundle(message()), byIdentity(), {
        trustedRoot,
      });
      expect(outcome).toMatchObject({
        ok: false,
        error: { code: 'HW2016', policy: 'Waiting' },
      });
    }
  });

  it('with any byte damaged is a reason or a signature, never a failure of ours', async () => {
    const root = keylessVerifier(readFileSync(sigstore.trustedRoot, 'utf8'));
    if (!root.ok) throw new Error(root.error.message);
    const bundle = await sigstore.bundle(message());
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

  describe('against a trusted root', () => {
    const rooted = async (change: (root: Root) => void): Promise<string> => {
      const root = structuredClone(sigstore.root) as Root;
      change(root);
      const file = path.join(there().folder, `root-${Math.random()}.json`);
      await writeFile(file, JSON.stringify(root));
      return file;
    };
    type Root = { -readonly [Part in keyof TrustedRootText]: TrustedRootText[Part] };

    it.each<[string, Proofs, 'promised' | 'plain', (root: Root) => void, string | undefined]>([
      ['as the public one is, with a promise of the log of certificates', {}, 'promised', () => undefined, undefined],
      ['and a certificate without that promise', {}, 'plain', () => undefined, 'HW2014'],
      ['without logs of certificates, and no promise', {}, 'plain', (root) => (root.ctlogs = []), undefined],
      [
        'whose log of certificates is another',
        {},
        'promised',
        (root) => (root.ctlogs = strangers.root.ctlogs),
        'HW2014',
      ],
      [
        'whose log of certificates is past its end',
        {},
        'promised',
        (root) => (root.ctlogs = root.ctlogs.slice(0, 1)),
        'HW2014',
      ],
      ['with an entry of the log and a time', { times: true }, 'promised', () => undefined, undefined],
      ['with a time, and no log', { log: false, times: true }, 'promised', (root) => (root.tlogs = []), undefined],
      ['with a time where an entry is asked for', { log: false, times: true }, 'promised', () => undefined, 'HW2014'],
      ['with an entry where there is no log', {}, 'promised', (root) => (root.tlogs = []), 'HW2014'],
      [
        'with a time of an authority that it does not name',
        { times: true },
        'promised',
        (root) => (root.timestampAuthorities = strangers.root.timestampAuthorities),
        'HW2014',
      ],
      ['without a time that anything proves', { log: false }, 'promised', (root) => (root.tlogs = []), 'HW2014'],
      ['whose log is past its end', {}, 'promised', (root) => (root.tlogs = root.tlogs.slice(0, 1)), 'HW2014'],
      [
        'whose authority is past its end',
        {},
        'promised',
        (root) => (root.certificateAuthorities = root.certificateAuthorities.slice(0, 1)),
        'HW2014',
      ],
      ['without an authority', {}, 'promised', (root) => (root.certificateAuthorities = []), 'HW2016'],
      [
        'whose log holds since nobody knows when',
        {},
        'promised',
        (root) => (root.tlogs = root.tlogs.map(withoutStart)),
        'HW2016',
      ],
    ])('%s: %#', async (_, proofs, by, change, code) => {
      const trustedRoot = await rooted(change);
      const outcome = await fetched(await sigstore.bundle(message(), proofs, by), byIdentity(), { trustedRoot });
      expect(outcome).toMatchObject(code ? { ok: false, error: { code } } : { ok: true });
    });

    it('a time over another signature proves nothing', async () => {
      const one = JSON.parse(Buffer.from(await sigstore.bundle(message(), { times: true })).toString()) as Stamped;
      const other = JSON.parse(
        Buffer.from(await sigstore.bundle(messageOf(Buffer.from('x'), sigstore.signer), { times: true })).toString(),
      ) as Stamped;
      one.verificationMaterial.timestampVerificationData = other.verificationMaterial.timestampVerificationData;
      const outcome = await fetched(Buffer.from(JSON.stringify(one)), byIdentity());
      expect(outcome).toMatchObject({ ok: false, error: { code: 'HW2014' } });
    });
  });
});

interface Stamped {
  readonly verificationMaterial: { timestampVerificationData: object };
}

function withoutStart(log: LogText): LogText {
  const { validFor: _, ...publicKey } = log.publicKey;
  return { ...log, publicKey };
}
