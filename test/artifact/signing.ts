/** Signatures as cosign and sigstore make them, by keys and authorities of a test. */
import { execFile } from 'node:child_process';
import { createHash, generateKeyPairSync, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { canonicalJson } from '../../src/kit/json.ts';
import type { Digest } from '../../src/kit/digest.ts';
import type { SignatureDemand } from '../../src/model/signature.ts';

const run = promisify(execFile);
export const PAYLOAD = 'application/vnd.dev.cosign.simplesigning.v1+json';
export const SIGNATURE = 'dev.cosignproject.cosign/signature';
export const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
export const ISSUER = 'https://issuer.example';
export const SUBJECT = 'https://forge.example/shop/cart/release@refs/tags/1.0';

export interface Signing {
  readonly pem: string;
  readonly key: KeyObject;
}

export function signingKey(): Signing {
  const { publicKey, privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
  });
  return {
    pem: publicKey.export({ type: 'spki', format: 'pem' }),
    key: privateKey,
  };
}

export function demandOf(signers: Partial<SignatureDemand>): SignatureDemand {
  return {
    policy: 'signed',
    enforcement: 'Enforce',
    keys: [],
    keyless: [],
    ...signers,
  };
}

export function payloadOf(reference: string, digest: string): Uint8Array {
  const critical = {
    identity: { 'docker-reference': reference },
    image: { 'docker-manifest-digest': digest },
    type: 'cosign container image signature',
  };
  return Buffer.from(JSON.stringify({ critical, optional: null }));
}

export function signed(bytes: Uint8Array, { key }: Signing): string {
  return sign('sha256', bytes, key).toString('base64');
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

interface Content {
  /** As the bundle holds it. */
  readonly content: object;
  readonly signature: string;
  /** Of what was signed. */
  readonly hash: Buffer;
}

/** The bytes themselves are signed. */
export function messageOf(bytes: Uint8Array, by: Signing): Content {
  const signature = signed(bytes, by);
  const messageDigest = {
    algorithm: 'SHA2_256',
    digest: base64(sha256(bytes)),
  };
  return {
    content: { messageSignature: { messageDigest, signature } },
    signature,
    hash: sha256(bytes),
  };
}

/** A statement about a digest is signed, as `cosign sign` does. */
export function statementOf(
  digest: Digest,
  by: Signing,
  predicateType = 'https://sigstore.dev/cosign/sign/v1',
): Content {
  const subject = [{ digest: { sha256: digest.slice('sha256:'.length) } }];
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject,
    predicateType,
    predicate: {},
  };
  const payload = Buffer.from(JSON.stringify(statement));
  const payloadType = 'application/vnd.in-toto+json';
  const text = Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `), payload]);
  const signature = signed(text, by);
  const dsseEnvelope = {
    payload: base64(payload),
    payloadType,
    signatures: [{ sig: signature, keyid: '' }],
  };
  return { content: { dsseEnvelope }, signature, hash: sha256(text) };
}

export function keyBundle({ content }: Content): Uint8Array {
  const verificationMaterial = {
    publicKey: { hint: 'of-a-test' },
    tlogEntries: [],
  };
  return Buffer.from(JSON.stringify({ mediaType: BUNDLE, verificationMaterial, ...content }));
}

/** A certificate authority and a log, and the trusted root that names both. */
export class Sigstore {
  readonly trustedRoot: string;
  readonly signer: Signing;
  readonly #certificate: X509Certificate;
  readonly #log = generateKeyPairSync('ec', { namedCurve: 'P-256' });

  private constructor(trustedRoot: string, signer: Signing, certificate: X509Certificate) {
    this.trustedRoot = trustedRoot;
    this.signer = signer;
    this.#certificate = certificate;
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
    const certificate = new X509Certificate(await readFile(file('leaf.pem')));
    const made = new Sigstore(file('trusted_root.json'), signer, certificate);
    const authority = new X509Certificate(await readFile(file('ca.pem')));
    await writeFile(made.trustedRoot, JSON.stringify(made.#root(authority)));
    return made;
  }

  #root(authority: X509Certificate): object {
    const validFor = { start: '2020-01-01T00:00:00Z' };
    return {
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [
        {
          baseUrl: 'https://log.example',
          hashAlgorithm: 'SHA2_256',
          publicKey: {
            rawBytes: base64(this.#logKey()),
            keyDetails: 'PKIX_ECDSA_P256_SHA_256',
            validFor,
          },
          logId: { keyId: base64(sha256(this.#logKey())) },
        },
      ],
      certificateAuthorities: [
        {
          uri: 'https://ca.example',
          certChain: { certificates: [{ rawBytes: base64(authority.raw) }] },
          validFor,
        },
      ],
      ctlogs: [],
      timestampAuthorities: [],
    };
  }

  #logKey(): Buffer {
    return this.#log.publicKey.export({ type: 'spki', format: 'der' });
  }

  /** @param atMs when the log says that it was signed */
  bundle({ content, signature, hash }: Content, atMs = Date.now()): Uint8Array {
    const body = Buffer.from(
      JSON.stringify({
        apiVersion: '0.0.1',
        kind: 'hashedrekord',
        spec: {
          data: { hash: { algorithm: 'sha256', value: hash.toString('hex') } },
          signature: {
            content: signature,
            publicKey: { content: base64(this.#certificate.raw) },
          },
        },
      }),
    );
    const id = sha256(this.#logKey());
    const integratedTime = Math.floor(atMs / 1_000);
    const promise = canonicalJson({
      body: base64(body),
      integratedTime,
      logIndex: 0,
      logID: id.toString('hex'),
    });
    // The tree of a log with one entry.
    const root = sha256(Buffer.concat([Buffer.from([0]), body]));
    const note = `log.example\n1\n${base64(root)}\n`;
    const sealed = Buffer.concat([id.subarray(0, 4), this.#sign(note)]);
    const entry = {
      logIndex: '0',
      logId: { keyId: base64(id) },
      kindVersion: { kind: 'hashedrekord', version: '0.0.1' },
      integratedTime: String(integratedTime),
      inclusionPromise: { signedEntryTimestamp: base64(this.#sign(promise)) },
      inclusionProof: {
        logIndex: '0',
        rootHash: base64(root),
        treeSize: '1',
        hashes: [],
        checkpoint: {
          envelope: `${note}\n\u2014 log.example ${base64(sealed)}\n`,
        },
      },
      canonicalizedBody: base64(body),
    };
    const verificationMaterial = {
      certificate: { rawBytes: base64(this.#certificate.raw) },
      tlogEntries: [entry],
    };
    return Buffer.from(JSON.stringify({ mediaType: BUNDLE, verificationMaterial, ...content }));
  }

  #sign(text: string): Buffer {
    return sign('sha256', Buffer.from(text), this.#log.privateKey);
  }
}
