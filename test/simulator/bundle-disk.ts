/** Bundles as they lie on disk, of every toolchain that prepared them. */
import { digestOfBytes, type Digest } from '../../src/kit/digest.ts';
import type { Bundle, BundlesInUse } from '../../src/model/engine.ts';

export const TOOLCHAINS = ['tools-1', 'tools-2'] as const;

export class BundleDisk {
  readonly #bundles = new Map<Digest, Bundle>();

  make(artifact: Digest, toolchain: string): Bundle {
    const digest = digestOfBytes(Buffer.from(`${artifact} ${toolchain}`));
    const bundle: Bundle = {
      digest,
      artifact,
      tier: 'quiet',
      tierReason: `made by ${toolchain}`,
      files: [],
      imports: [],
      exports: [],
      blockingExports: [],
      initialMemoryBytes: 0,
      toolchain,
    };
    this.#bundles.set(digest, bundle);
    return bundle;
  }

  /** Of the present toolchain, else the newest. */
  cached(artifact: Digest, toolchain: string): Bundle | undefined {
    const found = [...this.#bundles.values()].filter((bundle) => bundle.artifact === artifact);
    return found.find((bundle) => bundle.toolchain === toolchain) ?? found.at(-1);
  }

  forget(digest: Digest): void {
    this.#bundles.delete(digest);
  }

  clear(): void {
    this.#bundles.clear();
  }

  pinned(digest: Digest): Bundle | undefined {
    return this.#bundles.get(digest);
  }
}

export function inUse(bundles: readonly Bundle[]): BundlesInUse {
  const { toolchain, tier, tierReason } = bundles[0]!;
  return { digests: bundles.map(({ digest }) => digest), toolchain, tier, tierReason };
}
