/**
 * Artifacts that were lost or damaged on disk, stored again from the mirror: a head that did not move is not read again,
 * so without this they would stay away for ever. It needs no network, and waits for no look at the server.
 */
import type { Logger } from 'pino';
import { digestOfBytes, type Digest } from '../kit/digest.ts';
import { ok, type Result } from '../kit/result.ts';
import type { Problem } from '../model/problem.ts';
import type { ArtifactPort, GitPort, TreeFile } from './ports.ts';

/** Where an artifact can be found in git. */
export interface Origin {
  readonly artifact: Digest;
  readonly commit: string;
  readonly path: string;
}

/** Codes that promise "stored again from its source". */
const LOST: readonly string[] = ['HW2003', 'HW2005'];

export interface Mending {
  /** A start or a preparation failed like this. Mends beside the loop where the bytes of an artifact are the reason. */
  note(problem: Problem): void;
  /** Resolves when nothing is being mended. */
  idle(): Promise<void>;
}

export function createMending(
  ports: { readonly git: GitPort; readonly artifacts: ArtifactPort },
  options: { readonly origins: () => readonly Origin[]; readonly mended: () => void; readonly log: Logger },
): Mending {
  const { origins, mended, log } = options;
  let wanted = false;
  let flight: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (wanted) {
      wanted = false;
      try {
        const stored = await mend(ports, origins());
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
    idle: async () => flight,
  };
}

/** Puts what is away, one at a time, from the first origin that still has those very bytes; returns what it stored. */
async function mend(
  { git, artifacts }: { readonly git: GitPort; readonly artifacts: ArtifactPort },
  origins: readonly Origin[],
): Promise<Result<readonly Digest[], Problem>> {
  const trees = new Map<string, readonly TreeFile[]>();
  const stored: Digest[] = [];
  for (const { artifact, commit, path } of origins) {
    if (await artifacts.has(artifact)) continue;
    const known = trees.get(commit);
    const files = known ? ok(known) : await git.files(commit);
    // One commit that cannot be read says nothing about the others.
    trees.set(commit, files.ok ? files.value : []);
    const file = files.ok ? files.value.find((one) => one.path === path) : undefined;
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
