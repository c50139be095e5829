/**
 * Signatures as cosign keeps them in a registry: below the tag `sha256-<hex>.sig` a manifest whose layers are payloads,
 * each signed by an annotation. The form is that of github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md.
 */
import { verify, type KeyObject } from 'node:crypto';
import type { Digest } from '../../kit/digest.ts';
import { problem, type Problem } from '../../model/problem.ts';

export const PAYLOAD_TYPE = 'application/vnd.dev.cosign.simplesigning.v1+json';
export const SIGNATURE_ANNOTATION = 'dev.cosignproject.cosign/signature';
const KIND = 'cosign container image signature';

export interface CosignSignature {
  readonly payload: Uint8Array;
  /** Base64, as in the annotation. */
  readonly signature: string;
  /** All of the layer: a certificate and what a log said of it, where no key signed. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** What was signed has to be. */
export interface SignedImage {
  readonly digest: Digest;
  /** Registry and repository. */
  readonly image: string;
}

/** @returns why the signature is none of these keys over this image; the payload is read only when it is authentic. */
export function cosignProblem(
  { payload, signature }: CosignSignature,
  keys: readonly KeyObject[],
  signed: SignedImage,
): Problem | undefined {
  if (!isSignature(signature)) return problem('HW2013', 'the annotation with the signature is not base64');
  const bytes = Buffer.from(signature, 'base64');
  if (!keys.some((key) => verify('sha256', payload, key, bytes))) {
    return problem('HW2011', 'the signature is by none of the keys of the Policy');
  }
  return payloadProblem(payload, signed);
}

export function isSignature(text: string): boolean {
  return /^[A-Za-z0-9+/]{1,512}={0,2}$/.test(text);
}

/** Of a payload whose signature is right. */
export function payloadProblem(payload: Uint8Array, { digest, image }: SignedImage): Problem | undefined {
  const { type, found, reference } = fieldsOf(payload);
  if (type !== KIND || found === undefined || reference === undefined) {
    return problem('HW2013', 'the payload that is signed is not one of cosign');
  }
  if (found !== digest) return problem('HW2012', `the signature is of ${shown(found)}`);
  if (repositoryOf(reference) !== repositoryOf(image)) {
    return problem('HW2012', `the signature is of this digest as ${shown(reference)}`);
  }
  return undefined;
}

interface PayloadFields {
  readonly type?: unknown;
  readonly found?: string | undefined;
  readonly reference?: string | undefined;
}

function fieldsOf(payload: Uint8Array): PayloadFields {
  try {
    const value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload)) as {
      critical?: {
        type?: unknown;
        identity?: { 'docker-reference'?: unknown };
        image?: { 'docker-manifest-digest'?: unknown };
      };
    } | null;
    const { type, identity, image } = value?.critical ?? {};
    return {
      type,
      found: textOf(image?.['docker-manifest-digest']),
      reference: textOf(identity?.['docker-reference']),
    };
  } catch {
    return {};
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Without tag and digest, which a signer may add, and under the one name of Docker's hub. */
function repositoryOf(reference: string): string {
  return reference
    .replace(/@.*$/, '')
    .replace(/:[^:/]*$/, '')
    .replace(/^index\.docker\.io\//, 'docker.io/');
}

/** Foreign text in a message. */
export function shown(text: string): string {
  return text.replaceAll(/[^\w.+/:@*-]/g, '?').slice(0, 200);
}
