import { EMPTY_MEMORY, resumeMemory } from '../decide/memory.ts';
import type { Memory } from '../model/memory.ts';
import { wholeOf } from '../model/memory-parts.ts';
import type { JournalPort } from './ports.ts';

/** An empty memory would orphan all that runs: only a journal that never held one begins with it. */
export function memoryOf(journal: JournalPort): Memory {
  const written = journal.memory();
  const memory = written === undefined ? EMPTY_MEMORY : resumeMemory(wholeOf(written));
  if (!memory) throw new Error('the journal holds a memory of another version, which its own version should have told');
  return memory;
}
