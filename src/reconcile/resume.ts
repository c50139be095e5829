import { EMPTY_MEMORY, resumeMemory } from '../decide/memory.ts';
import type { Desired } from '../model/desired.ts';
import type { Memory } from '../model/memory.ts';
import { wholeOf } from '../model/memory-parts.ts';
import type { JournalPort } from './ports.ts';

/** An empty memory would orphan all that runs: only a journal that never held one begins with it. */
export function memoryOf(journal: JournalPort, namespaces?: readonly string[]): Memory {
  const written = journal.memory();
  const memory = written === undefined ? EMPTY_MEMORY : resumeMemory(wholeOf(written));
  if (!memory) throw new Error('the journal holds a memory of another version, which its own version should have told');
  return namespaces ? memoryWithin(memory, namespaces) : memory;
}

export function desiredOf(journal: JournalPort, namespaces?: readonly string[]): Desired | undefined {
  const desired = journal.desired();
  if (!desired || !namespaces) return desired;
  return { ...desired, entries: new Map([...desired.entries].filter(([key]) => isWithin(key, namespaces))) };
}

/** What the host has taken from this root is another's to run: it is not deleted here, it was never here. */
function memoryWithin(memory: Memory, namespaces: readonly string[]): Memory {
  const within = <Value>(values: { readonly [key: string]: Value }) =>
    Object.fromEntries(Object.entries(values).filter(([key]) => isWithin(key, namespaces)));
  if (Object.keys(memory.entries).every((key) => isWithin(key, namespaces))) return memory;
  return {
    ...memory,
    entries: within(memory.entries),
    ...(memory.schedules ? { schedules: within(memory.schedules) } : {}),
  };
}

function isWithin(key: string, namespaces: readonly string[]): boolean {
  return namespaces.includes(key.slice(0, key.indexOf('/')));
}
