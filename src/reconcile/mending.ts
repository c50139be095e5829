/**
 * Artifacts that were lost or damaged on disk, stored again from where they came from: a head that did not move is not
 * read again, so without this they would stay away for ever. What git holds comes from the mirror, needs no network and
 * goes first; the rest is fetched again, and waits for no look at the git server.
 */
import type { Logger } from 'pino';
import { digestOfBytes, type Digest } from '../kit/digest.ts';
import { err, ok, type Result } from '../kit/result.ts';
import type { ArtifactSource } from '../model/component.ts';
import type { Problem } from '../model/problem.ts';
import type { ArtifactPort, GitPort, SupplyPort, TreeFile } from './ports.ts';

interface Stores {
  readonly git: GitPort;
  readonly artifacts: ArtifactPort;
  readonly supply: SupplyPort;
}

/** Where an artifact can be found again. */
export interface Origin {
  readonly artifact: Digest;
  readonly commit: string;
  readonly source: ArtifactSource;
}

/** Codes that promise "stored again from its source". */
const LOST: readonly string[] = ['HW2003', 'HW2005'];

export interface Mending {
  /** A start or a preparation failed like this. Mends beside the loop where the bytes of an artifact are the reason. */
  note(problem: Problem): void;
  /** Resolves when nothing is being mended any more. */
  stop(): Promise<void>;
}

export function createMending(
  ports: Stores,
  options: { readonly origins: () => readonly Origin[]; readonly mended: () => void; readonly log: Logger },
): Mending {
  const { origins, mended, log } = options;
  let wanted = false;
  let flight: Promise<void> | undefined;
  const stopping = new AbortController();

  async function run(): Promise<void> {
    while (wanted) {
      wanted = false;
      try {
        const stored = await mend(ports, origins(), stopping.signal);
        if (!stored.ok) log.warn({ problem: stored.error }, 'lost artifacts cannot be stored again yet');
        else if (stored.value.length > 0) {
          log.info({ artifacts: stored.value }, 'lost artifacts were stored again');
          mended();
        }
      } catch (cause) {
        log.error({ cause }, 'storing lost artifacts again failed: this is a bug; what serves goes on serving');
      }
    }
    flight = undefined;
  }

  return {
    note({ code }) {
      if (!LOST.includes(code)) return;
      wanted = true;
      flight ??= run();
    },
    async stop() {
      stopping.abort();
      await flight;
    },
  };
}

/** Puts what is away, one at a time, from the first origin that still has those very bytes; returns what it stored. */
async function mend(
  ports: Stores,
  origins: readonly Origin[],
  signal: AbortSignal,
): Promise<Result<readonly Digest[], Problem>> {
  const stored = await mendFromGit(ports, origins);
  if (!stored.ok) return stored;
  const fetched: Digest[] = [];
  let failed: Problem | undefined;
  for (const origin of origins) {
    if (origin.source.type === 'path' || (await isWhole(ports, origin))) continue;
    const again = await ports.supply.fetch(origin, signal);
    // One server that is away says nothing about the others.
    if (again.ok) fetched.push(origin.artifact);
    else failed = again.error;
  }
  if (failed && stored.value.length + fetched.length === 0) return err(failed);
  return ok([...stored.value, ...fetched]);
}

async function isWhole({ artifacts, supply }: Stores, origin: Origin): Promise<boolean> {
  const parts = await supply.parts(origin);
  const present = await Promise.all(parts.map((part) => artifacts.has(part)));
  return present.every(Boolean);
}

async function mendFromGit(
  { git, artifacts }: Pick<Stores, 'git' | 'artifacts'>,
  origins: readonly Origin[],
): Promise<Result<readonly Digest[], Problem>> {
  const trees = new Map<string, readonly TreeFile[]>();
  const stored: Digest[] = [];
  for (const { artifact, commit, source } of origins) {
    if (source.type !== 'path' || (await artifacts.has(artifact))) continue;
    // What lies in a base is named by the way to it.
    const folder = source.path.startsWith('../') ? source.path.slice(0, source.path.lastIndexOf('/')) : undefined;
    const tree = `${commit} ${folder ?? ''}`;
    const known = trees.get(tree);
    const read = () => (folder === undefined ? git.files(commit) : git.baseFiles(commit, folder));
    const files = known ? ok(known) : await read();
    // One commit that cannot be read says nothing about the others.
    trees.set(tree, files.ok ? files.value : []);
    const name = folder === undefined ? source.path : source.path.slice(folder.length + 1);
    const file = files.ok ? files.value.find((one) => one.path === name) : undefined;
    if (!file) continue;
    const blobs = await git.blobs([file.oid]);
    const bytes = blobs.ok ? blobs.value.get(file.oid) : undefined;
    if (!bytes || digestOfBytes(bytes) !== artifact) continue;
    const put = await artifacts.put(bytes);
    if (!put.ok) return put;
    stored.push(artifact);
  }
  return ok(stored);
}
