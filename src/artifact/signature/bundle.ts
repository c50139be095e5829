/**
 * Sigstore bundles, checked without a network: by a public key of a Policy, or by a certificate and a time that the
 * host's trusted root vouches for. The only file that knows the sigstore packages.
 *
 * What is signed is the artifact's bytes, or (by `cosign sign`) an in-toto statement that names its digest; a statement
 * that says something else about it, as attestations do, is no signature.
 */
import type { KeyObject } from 'node:crypto';
import { bundleFromJSON, type Bundle } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier, type SignedEntity, type Signer } from '@sigstore/verify';
import type { Digest } from '../../kit/digest.ts';
import { err, ok, type Result } from '../../kit/result.ts';
import { problem, type Problem } from '../../model/problem.ts';
import type { Signers } from '../../model/signature.ts';
import { shown } from './cosign.ts';

export const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const STATEMENT_TYPE = 'application/vnd.in-toto+json';
const SIGN_PREDICATE = 'https://sigstore.dev/cosign/sign/v1';
const MAX_ENTRIES = 8;
const MAX_SUBJECT_CHARS = 2_048;

/** What a bundle has to be about. */
export interface Signed {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

export type KeylessVerifier = (entity: SignedEntity) => Signer;

/** Whom a Policy takes, and what the host's trusted root says of a certificate. */
export interface Keyless {
  readonly identities: Signers['keyless'];
  readonly verifier: KeylessVerifier;
}

/**
 * @param text a `trusted_root.json`. Where it names logs, an entry of one is asked for, and where it names logs of
 *   certificates, a promise of one; a time that it can prove is asked for always.
 */
export function keylessVerifier(text: string): Result<KeylessVerifier, Problem> {
  try {
    const root = TrustedRoot.fromJSON(JSON.parse(text));
    if (root.certificateAuthorities.length === 0) {
      return err(problem('HW2016', 'the trusted root names no certificate authority'));
    }
    const endless = [...root.tlogs, ...root.ctlogs].find(({ publicKey }) => publicKey?.validFor?.start === undefined);
    // A key without a beginning would be believed about every time.
    if (endless) {
      return err(problem('HW2016', `the trusted root says not since when the log ${shown(endless.baseUrl)} holds`));
    }
    const verifier = new Verifier(toTrustMaterial(root), {
      tlogThreshold: root.tlogs.length > 0 ? 1 : 0,
      ctlogThreshold: root.ctlogs.length > 0 ? 1 : 0,
      timestampThreshold: 1,
    });
    return ok((entity) => verifier.verify(entity));
  } catch (error) {
    return err(problem('HW2016', `the trusted root cannot be read: ${said(error)}`));
  }
}

/** @returns why the bundle is no signature by these signers over this artifact */
export function bundleProblem(
  text: Uint8Array,
  keys: readonly KeyObject[],
  keyless: Keyless | undefined,
  signed: Signed,
): Problem | undefined {
  const read = readBundle(text, signed);
  if (!read.ok) return read.error;
  const { bundle, entity } = read.value;
  if (entity.key.$case === 'public-key') {
    // A key of the Policy needs neither a log nor a time.
    if (!keys.some((key) => entity.signature.verifySignature(key))) {
      return ofNobody(bundle, 'the bundle is signed by none of the keys of the Policy');
    }
    return statementProblem(bundle, signed);
  }
  if (!keyless) return problem('HW2011', 'the bundle is signed without a key, and the Policy names keys only');
  return identityProblem(read.value, keyless) ?? statementProblem(bundle, signed);
}

/** @returns why the bundle (its JSON) is no signature over these bytes by one of the identities, with a certificate */
export function certificateProblem(json: unknown, bytes: Uint8Array, keyless: Keyless): Problem | undefined {
  const read = entityOf(json, bytes);
  if (!read.ok) return read.error;
  if (read.value.entity.key.$case !== 'certificate') return problem('HW2013', 'the signature has no certificate');
  return identityProblem(read.value, keyless);
}

interface ReadBundle {
  readonly bundle: Bundle;
  readonly entity: SignedEntity;
}

function identityProblem({ bundle, entity }: ReadBundle, { identities, verifier }: Keyless): Problem | undefined {
  const signer = signerOf(entity, verifier, bundle);
  if (!signer.ok) return signer.error;
  const { issuer, subject } = signer.value;
  const isTrusted = identities.some((one) => one.issuer === issuer && isMatch(one.subject, subject));
  return isTrusted
    ? undefined
    : problem('HW2011', `it is signed by ${shown(subject)}, vouched for by ${shown(issuer)}`);
}

function readBundle(text: Uint8Array, { bytes }: Signed): Result<ReadBundle, Problem> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch (error) {
    return err(problem('HW2013', `the bundle cannot be read: ${said(error)}`));
  }
  return entityOf(json, bytes);
}

function entityOf(json: unknown, bytes: Uint8Array): Result<ReadBundle, Problem> {
  try {
    const bundle = bundleFromJSON(json);
    const { tlogEntries, timestampVerificationData } = bundle.verificationMaterial;
    const stamps = timestampVerificationData?.rfc3161Timestamps ?? [];
    if (tlogEntries.length > MAX_ENTRIES || stamps.length > MAX_ENTRIES) {
      return err(problem('HW2015', `the bundle has more than ${MAX_ENTRIES} entries of logs or timestamps`));
    }
    return ok({ bundle, entity: toSignedEntity(bundle, Buffer.from(bytes)) });
  } catch (error) {
    return err(problem('HW2013', `the bundle cannot be read: ${said(error)}`));
  }
}

function signerOf(
  entity: SignedEntity,
  verifier: KeylessVerifier,
  bundle: Bundle,
): Result<{ readonly issuer: string; readonly subject: string }, Problem> {
  try {
    const { identity } = verifier(entity);
    const issuer = identity?.extensions?.issuer;
    const subject = identity?.subjectAlternativeName;
    if (issuer && subject && subject.length <= MAX_SUBJECT_CHARS) return ok({ issuer, subject });
    return err(problem('HW2014', 'the certificate does not say who signed and who vouches for it'));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'SIGNATURE_ERROR') return err(ofNobody(bundle, 'the signature does not fit the certificate'));
    if (typeof code === 'string' && /^(CERTIFICATE|TIMESTAMP|TLOG)/.test(code)) {
      return err(problem('HW2014', `certificate, time or log of the bundle: ${said(error)}`));
    }
    return err(problem('HW2013', `the bundle cannot be checked: ${said(error)}`));
  }
}

/** A signature over the bytes themselves that does not fit is as well one over others. */
function ofNobody({ content }: Bundle, why: string): Problem {
  return content.$case === 'messageSignature'
    ? problem('HW2012', `${why}, or it is over other bytes`)
    : problem('HW2011', why);
}

function statementProblem({ content }: Bundle, { digest }: Signed): Problem | undefined {
  // The signature was checked over the artifact's own bytes.
  if (content.$case === 'messageSignature') return undefined;
  const { payload, payloadType } = content.dsseEnvelope;
  const statement = payloadType === STATEMENT_TYPE ? statementOf(payload) : undefined;
  if (!statement) return problem('HW2013', 'what is signed in the bundle is no in-toto statement');
  if (statement.predicateType !== SIGN_PREDICATE) {
    return problem('HW2012', `the bundle attests ${shown(String(statement.predicateType))}, which is no signature`);
  }
  const found = (Array.isArray(statement.subject) ? statement.subject : []).map(sha256Of);
  if (found.includes(digest)) return undefined;
  return problem('HW2012', `the signature is of ${shown(found.slice(0, 2).join(', '))}`);
}

function statementOf(payload: Buffer): { readonly predicateType?: unknown; readonly subject?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(payload.toString('utf8'));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function sha256Of(subject: unknown): string {
  const hex = (subject as { digest?: { sha256?: unknown } } | null)?.digest?.sha256;
  return typeof hex === 'string' ? `sha256:${hex}` : 'something else';
}

/** `*` is any text. In time that is linear for each `*`, whatever the subject is. */
export function isMatch(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return text === pattern;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

function said(error: unknown): string {
  return shown(error instanceof Error ? error.message : String(error)).replaceAll('?', ' ');
}
