/** What the collectors of the content store and of the bundles must never touch. */
import type { Digest } from '../kit/digest.ts';
import type { Member } from '../model/component.ts';
import type { Desired } from '../model/desired.ts';
import type { Memory, Release } from '../model/memory.ts';
import type { ComponentPort } from './ports.ts';

/** Members of all that may have to start from the local disk: serving, candidate, warm, ledger, and what git asks for. */
export function membersInUse(memory: Memory, desired: Desired | undefined): readonly Member[] {
  const releases: (Release | undefined)[] = Object.values(memory.entries).flatMap((entry) => [
    entry.serving?.release,
    entry.candidate?.release,
    entry.judging?.release,
    ...entry.warm,
    ...entry.ledger.map((line) => line.release),
  ]);
  const entries = [...releases.map((release) => release?.entry), ...(desired?.entries.values() ?? [])];
  return entries.flatMap((entry) => entry?.members ?? []);
}

/** The digests of those members' artifacts, bundles and bundle files. */
export async function digestsInUse(
  members: readonly Member[],
  components: ComponentPort,
): Promise<ReadonlySet<Digest>> {
  const keep = new Set<Digest>();
  for (const { artifact, limits } of members) {
    keep.add(artifact);
    const bundle = await components.cached(artifact, limits.memoryBytes);
    if (!bundle) continue;
    keep.add(bundle.digest);
    for (const file of bundle.files) keep.add(file.digest);
  }
  return keep;
}
