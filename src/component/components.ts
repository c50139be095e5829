import path from 'node:path';
import type { Logger } from 'pino';
import type { Digest } from '../kit/digest.ts';
import { err, ok, type Result } from '../kit/result.ts';
import type { Member } from '../model/component.ts';
import type { Bundle, BundleFile } from '../model/engine.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { ArtifactPort, ComponentPort, SupplyPort } from '../reconcile/ports.ts';
import { refusedImport } from '../model/imports.ts';
import { BundleIndex, MAX_INDEX_ENTRIES, type PreparationKey } from './bundle-index.ts';
import { withDigest } from './bundle.ts';
import { ChildPool, type PoolLimits } from './child/pool.ts';
import type { Death } from './child/worker.ts';
import { Deaths, MAX_DEATHS } from './deaths.ts';
import type { Prepared } from './job.ts';
import { toolchainVersion } from './toolchain.ts';

export const POOL_LIMITS: PoolLimits = {
  children: 2,
  jobsPerChild: 8,
  deadlineMs: 30_000,
  startDeadlineMs: 60_000,
  warmUpRounds: 6,
  heapMiB: 512,
  growthBytes: 768 * 1024 * 1024,
};

export interface ComponentsOptions {
  readonly artifacts: Pick<ArtifactPort, 'read' | 'put'>;
  /** The component behind an artifact; without it the artifact is the component. */
  readonly supply?: Pick<SupplyPort, 'component'>;
  /** Of the index; the bundles' files go to the content store. */
  readonly folder: string;
  readonly log: Logger;
  readonly limits?: Partial<PoolLimits>;
  /** For tests: another toolchain than the one that is installed. */
  readonly toolchain?: string;
}

export interface Components extends ComponentPort {
  /** Resolves when the first child is warm; `false` when it could not be started. Nothing has to wait for it. */
  ready(): Promise<boolean>;
  /** Kills the children. Preparations under way end as `HW2205`. */
  close(): void;
}

export function openComponents(options: ComponentsOptions): Components {
  return new ComponentStore(options);
}

class ComponentStore implements Components {
  readonly #artifacts: ComponentsOptions['artifacts'];
  readonly #supply: ComponentsOptions['supply'];
  readonly #log: Logger;
  readonly toolchain: string;
  readonly #index: BundleIndex;
  readonly #deaths: Deaths;
  readonly #pool: ChildPool;
  /** One preparation per key at a time; whoever asks meanwhile waits for the same one. */
  readonly #underWay = new Map<string, Promise<Result<Bundle, Problem>>>();

  constructor({ artifacts, supply, folder, log, limits, toolchain }: ComponentsOptions) {
    this.#artifacts = artifacts;
    this.#supply = supply;
    this.#log = log;
    this.toolchain = toolchain ?? toolchainVersion();
    this.#index = new BundleIndex(path.join(folder, 'index'), log);
    this.#deaths = new Deaths(path.join(folder, 'deaths'));
    this.#pool = new ChildPool({ ...POOL_LIMITS, ...limits }, log);
  }

  async prepare(member: Member, blockingLinks: readonly string[] = []): Promise<Result<Bundle, Problem>> {
    const key = this.#keyOf(member.artifact, member.limits.memoryBytes, blockingLinks);
    const known = await this.#complete(this.#index.get(key));
    // Grants are not in the key: what the bundle imports is held against them each time.
    if (known) return admitted(known, member);
    const flight = JSON.stringify([key, member.key.split('/')[0], member.capabilities, member.links]);
    let made = this.#underWay.get(flight);
    if (!made) {
      made = this.#make(key, member).finally(() => this.#underWay.delete(flight));
      this.#underWay.set(flight, made);
    }
    return made;
  }

  async cached(artifact: Digest, memoryBytes?: number, blockingLinks?: readonly string[]): Promise<Bundle | undefined> {
    const entries = this.#index
      .of(artifact)
      .filter(
        ({ key }) =>
          (memoryBytes === undefined || key.memoryBytes === memoryBytes) &&
          (blockingLinks === undefined || isSame(key.blockingLinks ?? [], blockingLinks)),
      );
    const isPresent = (entry: { key: PreparationKey }): boolean => entry.key.toolchain === this.toolchain;
    for (const entry of [...entries.filter(isPresent), ...entries.filter((entry) => !isPresent(entry))]) {
      const bundle = await this.#complete(entry.bundle);
      if (bundle) return bundle;
    }
    return undefined;
  }

  async pinned(bundle: Digest): Promise<Bundle | undefined> {
    return this.#complete(this.#index.byDigest(bundle));
  }

  async collect(keep: ReadonlySet<Digest>): Promise<void> {
    this.#index.collect(keep, MAX_INDEX_ENTRIES, this.toolchain);
  }

  ready(): Promise<boolean> {
    return this.#pool.ready();
  }

  close(): void {
    this.#pool.close();
  }

  #keyOf(artifact: Digest, memoryBytes: number, blockingLinks: readonly string[]): PreparationKey {
    const key = { artifact, memoryBytes, toolchain: this.toolchain };
    return blockingLinks.length === 0 ? key : { ...key, blockingLinks };
  }

  /**
   * The bundle, if every file of it is in the content store and whole: a damaged one would fail each start that is made
   * from it, while preparing it again mends it.
   */
  async #complete(bundle: Bundle | undefined): Promise<Bundle | undefined> {
    for (const { digest } of bundle?.files ?? []) {
      const read = await this.#artifacts.read(digest);
      if (!read.ok) return undefined;
    }
    return bundle;
  }

  async #make(key: PreparationKey, member: Member): Promise<Result<Bundle, Problem>> {
    if (this.#deaths.of(key) >= MAX_DEATHS) return err(lethal(key));
    const bytes = await (this.#supply ? this.#supply.component(member) : this.#artifacts.read(key.artifact));
    if (!bytes.ok) return bytes;
    const { capabilities, links } = member;
    const tenant = member.key.split('/')[0]!;
    const { memoryBytes, blockingLinks = [] } = key;
    const job = { bytes: bytes.value, memoryBytes, given: { capabilities, links }, blockingLinks };
    const outcome = await this.#pool.run(tenant, job);
    if (!outcome.ok) return err(this.#died(key, outcome.error));
    this.#deaths.forgive(key);
    if (!outcome.value.ok) return outcome.value;
    return this.#store(key, outcome.value.value);
  }

  #died(key: PreparationKey, death: Death): Problem {
    if (death.type === 'NotStarted' || death.type === 'Stopped') {
      return problem('HW2205', `no child to prepare the component in: ${death.how}`);
    }
    const deaths = this.#deaths.add(key);
    const how = death.type === 'Overran' ? 'overran its deadline' : `ended (${death.how})`;
    this.#log.warn({ artifact: key.artifact, death, deaths }, 'preparation took its child with it');
    return deaths >= MAX_DEATHS ? lethal(key) : problem('HW2202', `the preparation of the component ${how}`);
  }

  async #store(key: PreparationKey, prepared: Prepared): Promise<Result<Bundle, Problem>> {
    const stored = await Promise.all(prepared.files.map((file) => this.#artifacts.put(file.bytes)));
    const files: BundleFile[] = [];
    for (const [index, { name, bytes }] of prepared.files.entries()) {
      const digest = stored[index]!;
      if (!digest.ok) return digest;
      files.push({ name, digest: digest.value, bytes: bytes.byteLength });
    }
    const { tier, tierReason, imports, exports, blockingExports, memories } = prepared;
    const bundle = withDigest({
      artifact: key.artifact,
      tier,
      ...(tierReason === undefined ? {} : { tierReason }),
      files,
      imports,
      exports,
      blockingExports,
      initialMemoryBytes: memories.reduce((sum, memory) => sum + memory.initialBytes, 0),
      memories,
      toolchain: key.toolchain,
    });
    this.#index.set({ key, madeMs: Date.now(), bundle });
    return ok(bundle);
  }
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, at) => name === other[at]);
}

function admitted(bundle: Bundle, member: Member): Result<Bundle, Problem> {
  const refused = refusedImport(bundle.imports, member);
  return refused ? err(refused) : ok(bundle);
}

function lethal(key: PreparationKey): Problem {
  return problem(
    'HW2203',
    `the component has ended ${MAX_DEATHS} preparations; ${key.toolchain} does not get through it`,
  );
}
