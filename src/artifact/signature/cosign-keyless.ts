/**
 * Keyless signatures as cosign wrote them before bundles: below the tag `sha256-<hex>.sig`, with the certificate, the log's
 * promise and the time as annotations of the layer. They are put together as the bundle (version 0.1) that they would be,
 * and checked as one: https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
 */
import { createHash, X509Certificate } from 'node:crypto';
import { problem, type Problem } from '../../model/problem.ts';
import { certificateProblem, type Keyless } from './bundle.ts';
import { isSignature, payloadProblem, type CosignSignature, type SignedImage } from './cosign.ts';

const CERTIFICATE = 'dev.sigstore.cosign/certificate';
const LOG = 'dev.sigstore.cosign/bundle';
const TIMESTAMP = 'dev.sigstore.cosign/rfc3161timestamp';
const BUNDLE_0_1 = 'application/vnd.dev.sigstore.bundle+json;version=0.1';

/** Without one a key has signed. */
export function hasCertificate({ annotations }: CosignSignature): boolean {
  return annotations[CERTIFICATE] !== undefined;
}

/** @returns why it is no signature of this image by one of the identities */
export function cosignKeylessProblem(
  signature: CosignSignature,
  keyless: Keyless,
  signed: SignedImage,
): Problem | undefined {
  const { payload } = signature;
  if (!isSignature(signature.signature)) {
    return problem('HW2013', 'the annotation with the signature is not base64');
  }
  let bundle: object;
  try {
    bundle = bundleOf(signature);
  } catch {
    return problem('HW2013', 'the annotations beside the certificate cannot be read');
  }
  return certificateProblem(bundle, payload, keyless) ?? payloadProblem(payload, signed);
}

function bundleOf({ payload, signature, annotations }: CosignSignature): object {
  const { [CERTIFICATE]: pem = '', [LOG]: log, [TIMESTAMP]: stamp } = annotations;
  const rawBytes = new X509Certificate(pem).raw.toString('base64');
  const digest = createHash('sha256').update(payload).digest('base64');
  return {
    mediaType: BUNDLE_0_1,
    verificationMaterial: {
      x509CertificateChain: { certificates: [{ rawBytes }] },
      tlogEntries: log === undefined ? [] : [entryOf(JSON.parse(log))],
      timestampVerificationData: { rfc3161Timestamps: stamp === undefined ? [] : [stampOf(JSON.parse(stamp))] },
    },
    messageSignature: { messageDigest: { algorithm: 'SHA2_256', digest }, signature },
  };
}

interface LogAnnotation {
  readonly SignedEntryTimestamp: string;
  readonly Payload: {
    readonly body: string;
    readonly integratedTime: number;
    readonly logIndex: number;
    readonly logID: string;
  };
}

/** Whatever is not of this form throws here, or where the bundle is read. */
function entryOf(annotation: unknown): object {
  const { SignedEntryTimestamp: promise, Payload: said } = annotation as LogAnnotation;
  const { kind, apiVersion } = JSON.parse(Buffer.from(said.body, 'base64').toString('utf8')) as Record<string, string>;
  return {
    logIndex: String(said.logIndex),
    logId: { keyId: Buffer.from(said.logID, 'hex').toString('base64') },
    kindVersion: { kind, version: apiVersion },
    integratedTime: String(said.integratedTime),
    inclusionPromise: { signedEntryTimestamp: promise },
    canonicalizedBody: said.body,
  };
}

function stampOf(annotation: unknown): object {
  const { SignedRFC3161Timestamp: signedTimestamp } = annotation as { readonly SignedRFC3161Timestamp: string };
  return { signedTimestamp };
}
