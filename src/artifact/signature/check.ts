/**
 * Whether an artifact is signed as the policies ask: `fetch → verify digest and signature → admit`.
 *
 * S1 One valid signature is enough, whatever else lies beside it; without one the first reason in `RANK` is told.
 * S2 What a server did not answer is `Waiting`: a valid signature may be there.
 * S3 A verdict is kept by all that shaped it (artifact, place, signers, trusted root), and only where the demand was met.
 * S4 In Audit nothing of this keeps an artifact from being used.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { digestOfBytes, type Digest } from '../../kit/digest.ts';
import type { Json } from '../../kit/json.ts';
import { err, ok, type Result } from '../../kit/result.ts';
import type { ArtifactSource, Member } from '../../model/component.ts';
import { problem, type Problem } from '../../model/problem.ts';
import type { SignatureDemand, SignatureOutcome } from '../../model/signature.ts';
import type { ArtifactPort } from '../../reconcile/ports.ts';
import type { RegistryAccess } from '../oci/registry.ts';
import { bundleProblem, keylessVerifier, type Keyless } from './bundle.ts';
import { cosignProblem, type CosignSignature, type SignedImage } from './cosign.ts';
import { cosignKeylessProblem, hasCertificate } from './cosign-keyless.ts';
import { documentsOfFile, documentsOfImage, type SignatureDocuments } from './documents.ts';
import { openVerdicts } from './verdicts.ts';

const MAX_TRUSTED_ROOT_BYTES = 4 * 2 ** 20;

/** Of several reasons: the one that leads furthest. */
const RANK = ['HW2012', 'HW2014', 'HW2013', 'HW2015', 'HW2011'];

type Asked = Pick<Member, 'artifact' | 'source' | 'signatures'>;
type Fetched = Exclude<ArtifactSource, { type: 'path' }>;

export type SignatureCheck = (member: Asked, signal: AbortSignal) => Promise<Result<void, Problem>>;

/** Told of each demand that was looked at, not of those that were met before. */
export type OnSignature = (seen: {
  readonly outcome: SignatureOutcome;
  readonly policy: string;
  readonly artifact: Digest;
  readonly problem?: Problem;
}) => void;

export interface SignatureCheckOptions {
  readonly store: Pick<ArtifactPort, 'read'>;
  readonly access: RegistryAccess;
  readonly trustedRoot?: string;
  readonly verdicts?: string;
  readonly onSignature?: OnSignature;
}

export function createSignatureCheck(options: SignatureCheckOptions): SignatureCheck {
  const { store, access, trustedRoot, onSignature = () => undefined } = options;
  const verdicts = openVerdicts(options.verdicts);

  return async ({ artifact, source, signatures = [] }, signal) => {
    // What lies in git is trusted by its commit; a Policy that asks for more is refused (HW1160).
    if (signatures.length === 0 || source.type === 'path') return ok(undefined);
    let documents: SignatureDocuments | undefined;
    for (const demand of signatures) {
      const root = demand.keyless.length > 0 ? await readRoot(trustedRoot) : undefined;
      const about = verdictOf(artifact, source, demand, root?.ok ? digestOfBytes(Buffer.from(root.value)) : null);
      if (await verdicts.has(about)) continue;
      documents ??= await documentsOf(artifact, source, access, signal);
      const why = await demandProblem({ artifact, source, demand, root, documents }, store);
      const seen = { policy: demand.policy, artifact };
      if (!why) {
        onSignature({ ...seen, outcome: 'Verified' });
        await verdicts.add(about);
        continue;
      }
      const isAudit = demand.enforcement === 'Audit';
      onSignature({
        ...seen,
        outcome: isAudit ? 'Audited' : 'Refused',
        problem: why,
      });
      if (!isAudit) return err(why);
    }
    return ok(undefined);
  };
}

function documentsOf(artifact: Digest, source: Fetched, access: RegistryAccess, signal: AbortSignal) {
  return source.type === 'https'
    ? documentsOfFile(source.url, access, signal)
    : documentsOfImage(source.image, artifact, access, signal);
}

interface Case {
  readonly artifact: Digest;
  readonly source: Fetched;
  readonly demand: SignatureDemand;
  readonly root: Result<string, Problem> | undefined;
  readonly documents: SignatureDocuments;
}

async function demandProblem(
  { artifact, source, demand, root, documents }: Case,
  store: Pick<ArtifactPort, 'read'>,
): Promise<Problem | undefined> {
  const bytes = await store.read(artifact);
  if (!bytes.ok) return bytes.error;
  const keys = demand.keys.map(keyOf).filter((key) => key !== undefined);
  const verifier = root?.ok ? keylessVerifier(root.value) : root;
  const keyless = verifier?.ok ? { identities: demand.keyless, verifier: verifier.value } : undefined;
  const signed = { digest: artifact, bytes: bytes.value };
  const reasons: Problem[] = [...documents.problems];
  for (const bundle of documents.bundles) {
    const why = bundleProblem(bundle, keys, keyless, signed);
    if (!why) return undefined;
    reasons.push(why);
  }
  const image = source.type === 'oci' ? source.image : '';
  for (const signature of documents.cosign) {
    const why = cosignReason(signature, keys, keyless, { digest: artifact, image });
    if (!why) return undefined;
    reasons.push(why);
  }
  const place = source.type === 'https' ? source.url.replace(/[?#].*$/, '') : image;
  const wanted = `${place} (${artifact}), which Policy ${demand.policy} wants signed`;
  if (verifier && !verifier.ok) reasons.unshift(verifier.error);
  const { code, message, remedy } = firstOf(reasons) ?? problem('HW2010', 'there is no signature');
  return problem(code, `${wanted}: ${message}`, { remedy });
}

/** With a certificate beside it a signature may still be by a key of the Policy. */
function cosignReason(
  signature: CosignSignature,
  keys: readonly KeyObject[],
  keyless: Keyless | undefined,
  signed: SignedImage,
): Problem | undefined {
  if (keys.length > 0) {
    const byKey = cosignProblem(signature, keys, signed);
    if (!byKey || !keyless || !hasCertificate(signature)) return byKey;
  }
  if (keyless && hasCertificate(signature)) return cosignKeylessProblem(signature, keyless, signed);
  return problem('HW2011', 'it is signed in another way than the Policy asks for: by a key, or without one');
}

/** S2 before S1's order. */
function firstOf(reasons: readonly Problem[]): Problem | undefined {
  const waiting = reasons.find(({ policy }) => policy !== 'Terminal');
  if (waiting) return waiting;
  return [...reasons].sort((a, b) => RANK.indexOf(a.code) - RANK.indexOf(b.code))[0];
}

function keyOf(pem: string): KeyObject | undefined {
  try {
    return createPublicKey(pem);
  } catch {
    return undefined;
  }
}

async function readRoot(file: string | undefined): Promise<Result<string, Problem>> {
  if (file === undefined)
    return err(problem('HW2016', 'a Policy names keyless signers, and this host no trusted root'));
  try {
    const { size } = await stat(file);
    if (size > MAX_TRUSTED_ROOT_BYTES) {
      return err(problem('HW2016', `the trusted root ${file} has more than ${MAX_TRUSTED_ROOT_BYTES} bytes`));
    }
    return ok(await readFile(file, 'utf8'));
  } catch (error) {
    return err(problem('HW2016', `the trusted root ${file} cannot be read: ${(error as Error).message}`));
  }
}

/** S3. The place is part of it: cosign's payload names the repository. */
function verdictOf(artifact: Digest, source: Fetched, { keys, keyless }: SignatureDemand, root: Digest | null): Json {
  const place = source.type === 'oci' ? source.image : source.url;
  return {
    form: 1,
    artifact,
    place,
    keys,
    keyless: keyless.map(({ issuer, subject }) => ({ issuer, subject })),
    root,
  };
}
