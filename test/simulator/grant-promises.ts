/** What holds of grants and of the Policies over them: docs/adr/0062, counted here in another way than decide/ does. */
import type { EntryKey } from '../../src/model/component.ts';
import type { Desired, DesiredEntry } from '../../src/model/desired.ts';
import type { EntryMemory, Memory, Revocation } from '../../src/model/memory.ts';
import type { MemoryParts } from '../../src/model/memory-parts.ts';
import type { Ceilings, Snapshot } from '../../src/model/snapshot.ts';
import { Broken } from './broken.ts';
import type { Scene } from './promises.ts';
import { allows } from './uses-model.ts';

const ENTRY = 'entries/';
/** Of those that serve, as the simulated Environment says it. */
const MAX_SHARE = 0.5;

export class GrantPromises {
  #before: MemoryParts = {};
  /** Hashes of changes that were held once: what people can have copied. */
  readonly #held = new Set<string>();

  /** A change of ceilings that takes from many what they use is not in force before it was confirmed. */
  journalled(memory: MemoryParts, desired: Desired | undefined): void {
    const before = this.#before;
    this.#before = memory;
    const revocation = memory['revocation'] as unknown as Revocation | undefined;
    const [was, is] = [before, memory].map((parts) => parts['ceilings'] as unknown as readonly Ceilings[] | undefined);
    const confirm = desired?.environment.prune.confirm ?? '';
    if (was && is && was !== is && !this.#held.has(confirm)) {
      const serving = servingOf(before);
      const losers = serving.filter((key) => loses(memory[ENTRY + key] ?? before[ENTRY + key], was, is));
      const count = new Set([...serving, ...servingOf(memory)]).size;
      if (losers.length >= 2 && losers.length / count > MAX_SHARE)
        throw new Broken('revocation', `${losers.join(', ')} lost what they use, and nobody confirmed it`);
    }
    if (revocation) this.#held.add(revocation.hash);
  }

  /** The engine judges by the ceilings that control holds to be in force, and by no others. */
  published({ grants }: Snapshot, { ceilings }: Memory): void {
    if (!grants || JSON.stringify(grants.ceilings) === JSON.stringify(ceilings ?? [])) return;
    throw new Broken('revocation', 'the ceilings that were published are not those in force');
  }
}

/** Does anything point at it? What nothing calls need not run. */
export function isCalled({ rules, schedules = [] }: Pick<DesiredEntry, 'rules' | 'schedules'>): boolean {
  return rules.length + schedules.length > 0;
}

/** What a Policy forbids in git is refused to what comes, and stops nothing of what serves. */
export function tighteningStopsNothing(id: string, { engine, memory, desired }: Scene): void {
  const group = id.slice(0, id.lastIndexOf('#'));
  const key = group.slice(0, group.indexOf('@')) as EntryKey;
  const { serving } = memory.entries[key] ?? {};
  const isRefused = (desired?.entries.get(key)?.refusals.length ?? 0) > 0;
  if (!isRefused || !serving || !isCalled(serving.release.entry) || `${key}@${serving.release.revision}` !== group)
    return;
  const ready = [...engine.replicas.values()].filter(
    ({ cell, phase }) => cell.group === group && (phase === 'Ready' || phase === 'Parked'),
  );
  if (ready.length === 1 && ready[0]!.id === id)
    throw new Broken('tightening', `${id} serves, is the only one, and is stopped while a Policy refuses its entry`);
}

function servingOf(parts: MemoryParts): readonly string[] {
  return Object.entries(parts)
    .filter(([part, value]) => part.startsWith(ENTRY) && (value as unknown as EntryMemory).serving !== undefined)
    .map(([part]) => part.slice(ENTRY.length));
}

function loses(entry: unknown, was: readonly Ceilings[], is: readonly Ceilings[]): boolean {
  const { uses = [] } = entry as EntryMemory;
  return uses.some(({ needs }) => {
    const store = String(needs['store']);
    return allows(was, store) && !allows(is, store);
  });
}
