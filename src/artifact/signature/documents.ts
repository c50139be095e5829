/**
 * The documents beside an artifact that may be signatures of it. Whoever can write to the registry can put any there, so
 * each is bounded, and one that is bad is a reason (`problems`), never the end of the search.
 */
import { err, ok, type Result } from '../../kit/result.ts';
import { isDigest, type Digest } from '../../kit/digest.ts';
import { problem, type Problem } from '../../model/problem.ts';
import { parseDocument, type Descriptor } from '../oci/layout.ts';
import { Registry, type Pages, type RegistryAccess } from '../oci/registry.ts';
import { parseImage } from '../oci/image.ts';
import { fetchFile, verified } from '../web.ts';
import { BUNDLE_TYPE } from './bundle.ts';
import { PAYLOAD_TYPE, SIGNATURE_ANNOTATION, type CosignSignature } from './cosign.ts';

export interface SignatureDocuments {
  readonly cosign: readonly CosignSignature[];
  readonly bundles: readonly Uint8Array[];
  /** Why some could not be read. */
  readonly problems: readonly Problem[];
}

interface Found<T> {
  readonly found: readonly T[];
  readonly problems: readonly Problem[];
}

/** Beside the file: its address with `.sigstore.json`. */
export async function documentsOfFile(
  url: string,
  access: RegistryAccess,
  signal: AbortSignal,
): Promise<SignatureDocuments> {
  const beside = new URL(url);
  beside.pathname += '.sigstore.json';
  const got = ofDocument(await fetchFile(beside.href, bounded(access), signal));
  if (got.ok) return { cosign: [], bundles: [got.value], problems: [] };
  return {
    cosign: [],
    bundles: [],
    problems: isAbsent(got.error) ? [] : [got.error],
  };
}

/** In the repository of the image: below cosign's tag, and what refers to the manifest. */
export async function documentsOfImage(
  image: string,
  digest: Digest,
  access: RegistryAccess,
  signal: AbortSignal,
): Promise<SignatureDocuments> {
  const name = parseImage(image);
  if (!name) return { cosign: [], bundles: [], problems: [] };
  const { signatures } = access.limits;
  const registry = new Registry(name, bounded(access), signal);
  const cosign = await cosignSignatures(registry, digest, signatures);
  const bundles = await referringBundles(registry, digest, signatures);
  return {
    cosign: cosign.found,
    bundles: bundles.found,
    problems: [...cosign.problems, ...bundles.problems],
  };
}

async function cosignSignatures(registry: Registry, digest: Digest, most: number): Promise<Found<CosignSignature>> {
  const layers = await layersOf(registry, `${tagOf(digest)}.sig`, PAYLOAD_TYPE);
  if (!layers.ok) return none(layers.error);
  return collect(layers.value, most, async (layer) => {
    const payload = await blobOf(registry, layer);
    if (!payload.ok) return payload;
    const annotations = layer.annotations ?? {};
    return ok({ payload: payload.value, signature: annotations[SIGNATURE_ANNOTATION] ?? '', annotations });
  });
}

async function referringBundles(registry: Registry, digest: Digest, most: number): Promise<Found<Uint8Array>> {
  const listed = await registry.referrers(digest, BUNDLE_TYPE);
  if (!listed.ok) return none(listed.error);
  const { pages, problem: why } = listed.value ?? (await fallbackList(registry, digest));
  const manifests: Descriptor[] = [];
  const problems = why ? [...none(why).problems] : [];
  for (const { bytes } of pages) {
    const index = parseDocument(bytes);
    if (!index.ok) problems.push(...none(index.error).problems);
    else if (index.value.type !== 'Index') problems.push(problem('HW2013', 'what refers to the artifact is no index'));
    else manifests.push(...index.value.manifests.filter(({ artifactType }) => artifactType === BUNDLE_TYPE));
  }
  const bundles = await collect(manifests, most, async (manifest) => {
    const layers = await layersOf(registry, manifest.digest, BUNDLE_TYPE);
    if (!layers.ok) return layers;
    const [only] = layers.value;
    if (layers.value.length === 1 && only) return blobOf(registry, only);
    return err(problem('HW2013', `${manifest.digest} is to hold one bundle and holds ${layers.value.length}`));
  });
  return { found: bundles.found, problems: [...problems, ...bundles.problems] };
}

/** Of registries that keep no list: an index below a tag. */
async function fallbackList(registry: Registry, digest: Digest): Promise<Pages> {
  const answered = await registry.manifest(tagOf(digest));
  return answered.ok ? { pages: [answered.value] } : { pages: [], problem: answered.error };
}

/** The layers of this type of a manifest, by tag or by digest. */
async function layersOf(
  registry: Registry,
  reference: string,
  type: string,
): Promise<Result<readonly Descriptor[], Problem>> {
  const answered = await registry.manifest(reference);
  if (!answered.ok) return answered;
  const { bytes } = answered.value;
  const right = isDigest(reference) ? verified(bytes, reference, 'the registry') : ok(bytes);
  if (!right.ok) return right;
  const document = parseDocument(right.value);
  if (!document.ok) return document;
  if (document.value.type === 'Index') return err(problem('HW2013', 'an index stands where a signature should'));
  return ok(document.value.layers.filter(({ mediaType }) => mediaType === type));
}

async function blobOf(registry: Registry, { digest }: Descriptor): Promise<Result<Uint8Array, Problem>> {
  const got = await registry.blob(digest);
  return got.ok ? verified(got.value, digest, 'the registry') : got;
}

async function collect<T>(
  descriptors: readonly Descriptor[],
  most: number,
  get: (descriptor: Descriptor) => Promise<Result<T, Problem>>,
): Promise<Found<T>> {
  const found: T[] = [];
  const problems: Problem[] = [];
  if (descriptors.length > most) {
    problems.push(problem('HW2015', `there are ${descriptors.length} signatures; the first ${most} are looked at`));
  }
  for (const descriptor of descriptors.slice(0, most)) {
    const got = ofDocument(await get(descriptor));
    if (got.ok) found.push(got.value);
    else problems.push(got.error);
  }
  return { found, problems };
}

function none(found: Problem): Found<never> {
  const said = ofDocument(err(found));
  return {
    found: [],
    problems: isAbsent(found) || said.ok ? [] : [said.error],
  };
}

function isAbsent({ code }: Problem): boolean {
  return code === 'HW2404';
}

/** What is said of artifacts would send people to the artifact. */
function ofDocument<T>(got: Result<T, Problem>): Result<T, Problem> {
  if (got.ok) return got;
  const { code, message } = got.error;
  if (code === 'HW2002') return err(problem('HW2015', message));
  if (code === 'HW2406' || code === 'HW2420') return err(problem('HW2013', message));
  return got;
}

function bounded(access: RegistryAccess): RegistryAccess {
  const { signatureBytes, manifestBytes } = access.limits;
  const limits = {
    ...access.limits,
    artifactBytes: signatureBytes,
    manifestBytes: Math.min(manifestBytes, signatureBytes),
  };
  return { ...access, limits };
}

function tagOf(digest: Digest): string {
  return digest.replace(':', '-');
}
