/** Signatures as cosign and sigstore make them, by keys of a test. */
import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import type { Digest } from '../../src/kit/digest.ts';
import type { SignatureDemand } from '../../src/model/signature.ts';

export const PAYLOAD = 'application/vnd.dev.cosign.simplesigning.v1+json';
export const SIGNATURE = 'dev.cosignproject.cosign/signature';
export const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

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

export const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
export const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

export interface Content {
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
