/**
 * Brings what git does not hold into the content store, and finds the component in it.
 *
 * U1 Nothing enters the store under a digest that git wrote unless it hashes to it; of an OCI artifact that holds for the
 *    manifest, and for everything below it by the digests that stand in it.
 * U2 Only `fetch` uses the network, and only for what the store lacks: a rollback needs none (I14).
 * U3 What a policy wants signed is used only with a signature over that digest (`signature/`): after its bytes, before
 *    anything reads them as code.
 * U4 What is fetched is bounded by the limits of `ask.ts`; one fetch that hangs keeps no other waiting.
 */
import type { Digest } from '../kit/digest.ts';
import { err, ok, type Result } from '../kit/result.ts';
import type { Member } from '../model/component.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { ArtifactPort, SupplyPort } from '../reconcile/ports.ts';
import type { HostSettings } from './hosts.ts';
import { DEFAULT_FETCH_LIMITS, type FetchLimits } from './limits.ts';
import { parseImage } from './oci/image.ts';
import { componentIn, manifestIn, parseDocument, type Descriptor } from './oci/layout.ts';
import { Registry, type RegistryAccess } from './oci/registry.ts';
import { createSignatureCheck, type OnSignature, type SignatureCheck } from './signature/check.ts';
import { fetchFile, verified } from './web.ts';

export interface SupplyOptions {
  readonly store: Pick<ArtifactPort, 'put' | 'has' | 'read'>;
  readonly hosts?: readonly HostSettings[];
  /** Registry credentials in the form of docker's `config.json`. */
  readonly dockerConfig?: string;
  readonly limits?: Partial<FetchLimits>;
  /** From now on these texts must not be logged. */
  readonly protect?: (secrets: readonly string[]) => void;
  /** A sigstore `trusted_root.json`, for keyless signatures. */
  readonly trustedRoot?: string;
  /** Where it is written down that an artifact met a demand; absent: it is looked at each time. */
  readonly verdicts?: string;
  readonly onSignature?: OnSignature;
}

type Kept = Pick<Member, 'artifact' | 'source' | 'signatures'>;

export function openSupply(options: SupplyOptions): SupplyPort {
  return new Supply(options);
}

class Supply implements SupplyPort {
  readonly #store: SupplyOptions['store'];
  readonly #access: RegistryAccess;
  readonly #signatures: SignatureCheck;

  constructor(options: SupplyOptions) {
    const { store, hosts = [], dockerConfig, limits, protect = () => undefined } = options;
    this.#store = store;
    this.#access = {
      hosts,
      limits: { ...DEFAULT_FETCH_LIMITS, ...limits },
      protect,
      ...(dockerConfig === undefined ? {} : { dockerConfig }),
    };
    this.#signatures = createSignatureCheck({ ...options, access: this.#access });
  }

  async fetch(member: Kept, signal: AbortSignal): Promise<Result<void, Problem>> {
    const brought = await this.#obtain(member, signal);
    return brought.ok ? this.#signatures(member, signal) : brought;
  }

  async #obtain({ source, artifact }: Kept, signal: AbortSignal): Promise<Result<void, Problem>> {
    switch (source.type) {
      case 'path':
        if (await this.#store.has(artifact)) return ok(undefined);
        return err(problem('HW2005', `the bytes of ${source.path} (${artifact}) are not in the content store`));
      case 'https':
        return this.#bring(artifact, source.url, () => fetchFile(source.url, this.#access, signal));
      case 'oci': {
        const image = parseImage(source.image);
        if (!image) return err(problem('HW2401', `${source.image} does not name a registry and a repository in it`));
        return this.#pull(artifact, source.image, new Registry(image, this.#access, signal));
      }
    }
  }

  async parts(member: Kept): Promise<readonly Digest[]> {
    if (member.source.type !== 'oci') return [member.artifact];
    const found = await this.#follow(member.artifact);
    return found.ok ? [...found.value.documents, found.value.layer.digest] : [member.artifact];
  }

  async component({ artifact, source }: Kept): Promise<Result<Uint8Array, Problem>> {
    if (source.type !== 'oci') return this.#store.read(artifact);
    const found = await this.#follow(artifact);
    return found.ok ? this.#store.read(found.value.layer.digest) : found;
  }

  async #pull(artifact: Digest, image: string, registry: Registry): Promise<Result<void, Problem>> {
    const from = `registry ${image}`;
    const manifest = (digest: Digest): Promise<Result<void, Problem>> =>
      this.#bring(digest, from, async () => {
        const answered = await registry.manifest(digest);
        return answered.ok ? ok(answered.value.bytes) : answered;
      });
    const first = await manifest(artifact);
    if (!first.ok) return first;
    const found = await this.#follow(artifact, manifest);
    if (!found.ok) return found;
    const { digest, bytes } = found.value.layer;
    const { artifactBytes } = this.#access.limits;
    if (bytes > artifactBytes) {
      return err(
        problem('HW2002', `the component in ${image} has ${bytes} bytes; at most ${artifactBytes} are accepted`),
      );
    }
    return this.#bring(digest, from, () => registry.blob(digest));
  }

  /** From the digest in git over an index, if there is one, to the layer; `obtain` brings a document that is missing. */
  async #follow(
    artifact: Digest,
    obtain: (digest: Digest) => Promise<Result<void, Problem>> = () => Promise.resolve(ok(undefined)),
  ): Promise<Result<{ readonly documents: readonly Digest[]; readonly layer: Descriptor }, Problem>> {
    const top = await this.#document(artifact);
    if (!top.ok) return top;
    if (top.value.type === 'Manifest') return withLayer([artifact], componentIn(top.value));
    const chosen = manifestIn(top.value);
    if (!chosen.ok) return chosen;
    const brought = await obtain(chosen.value.digest);
    if (!brought.ok) return brought;
    const below = await this.#document(chosen.value.digest);
    if (!below.ok) return below;
    if (below.value.type === 'Index') return err(problem('HW2420', 'an index of an index is not read'));
    return withLayer([artifact, chosen.value.digest], componentIn(below.value));
  }

  async #document(digest: Digest): Promise<ReturnType<typeof parseDocument>> {
    const bytes = await this.#store.read(digest);
    return bytes.ok ? parseDocument(bytes.value) : bytes;
  }

  /** Fetched, verified, stored; nothing of that where the store has it. */
  async #bring(
    digest: Digest,
    from: string,
    get: () => Promise<Result<Uint8Array, Problem>>,
  ): Promise<Result<void, Problem>> {
    if (await this.#store.has(digest)) return ok(undefined);
    const got = await get();
    if (!got.ok) return got;
    const right = verified(got.value, digest, from.replace(/[?#].*$/, ''));
    if (!right.ok) return right;
    const put = await this.#store.put(right.value);
    return put.ok ? ok(undefined) : put;
  }
}

function withLayer(
  documents: readonly Digest[],
  layer: Result<Descriptor, Problem>,
): Result<{ readonly documents: readonly Digest[]; readonly layer: Descriptor }, Problem> {
  return layer.ok ? ok({ documents, layer: layer.value }) : layer;
}
