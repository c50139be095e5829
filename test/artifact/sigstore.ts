/** A sigstore of a test: authority of certificates, logs, time, and the trusted root that names them as the public one does. */
import { execFile } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { canonicalJson } from '../../src/kit/json.ts';
import { withPromise } from './der.ts';
import type { SignatureDemand } from '../../src/model/signature.ts';
import { base64, BUNDLE, demandOf, sha256, signingKey, type Content, type Signing } from './signing.ts';
import { TimestampAuthority } from './timestamps.ts';

const run = promisify(execFile);
export const ISSUER = 'https://issuer.example';
export const SUBJECT = 'https://forge.example/shop/cart/release@refs/tags/1.0';
const SINCE = { start: '2020-01-01T00:00:00Z' };

/** Whether bundles have an entry of the log, and a time of the authority. */
export interface Proofs {
  readonly log?: boolean;
  readonly times?: boolean;
  /** When the log says that it was signed. */
  readonly atMs?: number;
}

/** A Policy that takes our identity. */
export function byIdentity(more: Partial<SignatureDemand['keyless'][number]> = {}): SignatureDemand {
  return demandOf({ keyless: [{ issuer: ISSUER, subject: 'https://forge.example/shop/*@refs/tags/*', ...more }] });
}

interface LogKey {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export class Sigstore {
  readonly trustedRoot: string;
  /** What stands in it. */
  readonly root: TrustedRootText;
  readonly signer: Signing;
  /** With the promise of the log of certificates, and without it. */
  readonly #certificates: { readonly promised: Buffer; readonly plain: Buffer };
  readonly #log: LogKey;
  readonly #times: TimestampAuthority;

  private constructor(
    trustedRoot: string,
    root: TrustedRootText,
    signer: Signing,
    certificates: { readonly promised: Buffer; readonly plain: Buffer },
    log: LogKey,
    times: TimestampAuthority,
  ) {
    this.trustedRoot = trustedRoot;
    this.root = root;
    this.signer = signer;
    this.#certificates = certificates;
    this.#log = log;
    this.#times = times;
  }

  static async make(folder: string, name: string): Promise<Sigstore> {
    const file = (what: string): string => path.join(folder, `${name}-${what}`);
    const signer = signingKey();
    await writeFile(file('leaf.key'), signer.key.export({ type: 'pkcs8', format: 'pem' }));
    const make = (more: readonly string[]) => run('openssl', ['req', '-x509', '-days', '2', ...more]);
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file('ca.key')];
    await make([...newKey, '-out', file('ca.pem'), '-subj', `/O=test/CN=${name}`]);
    const extensions = [
      `subjectAltName=URI:${SUBJECT}`,
      `1.3.6.1.4.1.57264.1.8=ASN1:UTF8String:${ISSUER}`,
      'extendedKeyUsage=codeSigning',
      'basicConstraints=critical,CA:FALSE',
    ].flatMap((extension) => ['-addext', extension]);
    const by = ['-CA', file('ca.pem'), '-CAkey', file('ca.key')];
    await make(['-key', file('leaf.key'), '-out', file('leaf.pem'), '-subj', '/O=test', ...extensions, ...by]);
    const authority = new X509Certificate(await readFile(file('ca.pem')));
    const plain = new X509Certificate(await readFile(file('leaf.pem'))).raw;
    const [log, promises] = [logKey(), logKey()];
    const times = await TimestampAuthority.make(folder, name);
    const promised = withPromise(
      plain,
      { key: createPrivateKey(await readFile(file('ca.key'))), publicKey: spki(authority.publicKey) },
      { key: promises.privateKey, publicKey: spki(promises.publicKey), atMs: Date.now() },
    );
    const root = rootOf(authority, log, promises, await times.listed());
    const trustedRoot = file('trusted_root.json');
    await writeFile(trustedRoot, JSON.stringify(root));
    return new Sigstore(trustedRoot, root, signer, { promised, plain }, log, times);
  }

  /** @param by the certificate in it */
  async bundle(
    { content, signature, hash }: Content,
    { log = true, times = false, atMs = Date.now() }: Proofs = {},
    by: 'promised' | 'plain' = 'promised',
  ): Promise<Uint8Array> {
    const certificate = this.#certificates[by];
    const verificationMaterial = {
      certificate: { rawBytes: base64(certificate) },
      tlogEntries: log ? [this.#entry(this.#body(certificate, signature, hash), atMs)] : [],
      timestampVerificationData: {
        rfc3161Timestamps: times ? [{ signedTimestamp: await this.#times.stamp(signature) }] : [],
      },
    };
    return Buffer.from(JSON.stringify({ mediaType: BUNDLE, verificationMaterial, ...content }));
  }

  /** What cosign wrote beside a signature over a payload before there were bundles. */
  async annotations(
    { signature, hash }: Content,
    { log = true, times = false, atMs = Date.now() }: Proofs = {},
  ): Promise<Readonly<Record<string, string>>> {
    const certificate = this.#certificates.promised;
    const { body, integratedTime, logId, signedEntryTimestamp } = this.#promise(
      this.#body(certificate, signature, hash),
      atMs,
    );
    const said = { body, integratedTime, logIndex: 0, logID: logId };
    return {
      'dev.sigstore.cosign/certificate': new X509Certificate(certificate).toString(),
      'dev.sigstore.cosign/chain': '',
      ...(log
        ? {
            'dev.sigstore.cosign/bundle': JSON.stringify({
              SignedEntryTimestamp: signedEntryTimestamp,
              Payload: said,
            }),
          }
        : {}),
      ...(times
        ? {
            'dev.sigstore.cosign/rfc3161timestamp': JSON.stringify({
              SignedRFC3161Timestamp: await this.#times.stamp(signature),
            }),
          }
        : {}),
    };
  }

  #body(certificate: Buffer, signature: string, hash: Buffer): Buffer {
    const spec = {
      data: { hash: { algorithm: 'sha256', value: hash.toString('hex') } },
      signature: { content: signature, publicKey: { content: base64(certificate) } },
    };
    return Buffer.from(JSON.stringify({ apiVersion: '0.0.1', kind: 'hashedrekord', spec }));
  }

  #promise(body: Buffer, atMs: number) {
    const id = sha256(spki(this.#log.publicKey));
    const integratedTime = Math.floor(atMs / 1_000);
    const promise = canonicalJson({ body: base64(body), integratedTime, logIndex: 0, logID: id.toString('hex') });
    const signedEntryTimestamp = base64(this.#sign(promise));
    return { body: base64(body), integratedTime, logId: id.toString('hex'), signedEntryTimestamp };
  }

  #entry(body: Buffer, atMs: number): object {
    const id = sha256(spki(this.#log.publicKey));
    const { integratedTime, signedEntryTimestamp } = this.#promise(body, atMs);
    // The tree of a log with one entry.
    const root = sha256(Buffer.concat([Buffer.from([0]), body]));
    const note = `log.example\n1\n${base64(root)}\n`;
    const sealed = Buffer.concat([id.subarray(0, 4), this.#sign(note)]);
    return {
      logIndex: '0',
      logId: { keyId: base64(id) },
      kindVersion: { kind: 'hashedrekord', version: '0.0.1' },
      integratedTime: String(integratedTime),
      inclusionPromise: { signedEntryTimestamp },
      inclusionProof: {
        logIndex: '0',
        rootHash: base64(root),
        treeSize: '1',
        hashes: [],
        checkpoint: { envelope: `${note}\n\u2014 log.example ${base64(sealed)}\n` },
      },
      canonicalizedBody: base64(body),
    };
  }

  #sign(text: string): Buffer {
    return sign('sha256', Buffer.from(text), this.#log.privateKey);
  }
}

export interface TrustedRootText {
  readonly mediaType: string;
  readonly tlogs: readonly LogText[];
  readonly ctlogs: readonly LogText[];
  readonly certificateAuthorities: readonly object[];
  readonly timestampAuthorities: readonly object[];
}

export interface LogText {
  readonly baseUrl: string;
  readonly hashAlgorithm: string;
  readonly publicKey: { readonly rawBytes: string; readonly keyDetails: string; readonly validFor?: object };
  readonly logId: { readonly keyId: string };
}

/** With all parts of the public one: several logs and authorities, of which some are past their end. */
function rootOf(authority: X509Certificate, log: LogKey, promises: LogKey, times: object): TrustedRootText {
  const past = { start: '2019-01-01T00:00:00Z', end: '2020-01-01T00:00:00Z' };
  const listed = { rawBytes: base64(authority.raw) };
  const authorityOf = (validFor: object): object => ({
    subject: { organization: 'test', commonName: 'ours' },
    uri: 'https://ca.example',
    certChain: { certificates: [listed] },
    validFor,
  });
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [logText('https://old-log.example', logKey(), past), logText('https://log.example', log, SINCE)],
    certificateAuthorities: [authorityOf(past), authorityOf(SINCE)],
    ctlogs: [logText('https://ct.example/2019', logKey(), past), logText('https://ct.example/2020', promises, SINCE)],
    timestampAuthorities: [times],
  };
}

function logText(baseUrl: string, { publicKey }: LogKey, validFor: object): LogText {
  const rawBytes = base64(spki(publicKey));
  return {
    baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: { rawBytes, keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
    logId: { keyId: base64(sha256(spki(publicKey))) },
  };
}

function logKey(): LogKey {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}
