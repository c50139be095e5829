/**
 * What one durable step costs that changes one entry of many: the memory by parts, and as the one value that it was before.
 * The file system's share (one fsync a step) is in both.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { openJournal, type Journal } from '../../../src/journal/journal.ts';
import type { Json } from '../../../src/kit/json.ts';
import type { EntryMemory, Memory } from '../../../src/model/memory.ts';
import { partsOf, type MemoryParts } from '../../../src/model/memory-parts.ts';
import { systemClock } from '../../../src/process/clock.ts';
import { desired, entry } from '../../decide/support/desired.ts';
import { Fleet } from '../../decide/support/fleet.ts';
import { measureInTurn, summarise, type Metrics, type SectionResult, type Subject } from '../harness.ts';

const ENTRIES = 2_000;
const LIMITS = { memoryBytes: 2 ** 30, databaseBytes: 2 ** 32 };

export interface JournalSettings {
  readonly rounds: number;
  /** For each subject and round. */
  readonly seconds: number;
}

export async function benchJournal(
  { rounds, seconds }: JournalSettings,
  onMeasured: (round: number, subject: string, metrics: Metrics) => void,
): Promise<SectionResult> {
  const whole = (memory: Memory): MemoryParts => ({ memory: memory as unknown as Json });
  const parts = (memory: Memory): MemoryParts => partsOf(memory as unknown as { readonly [field: string]: Json });
  const benches = [new Steps('by parts', parts), new Steps('one value', whole)];
  const subjects = benches.map((bench): Subject => ({
    name: bench.name,
    measure: async () => bench.perSecond(seconds * 1_000),
  }));
  try {
    const measured = await measureInTurn(subjects, rounds, onMeasured);
    const conditions = `${ENTRIES} entries, one changes a step, ${benches[0]!.megabytes} MB, ${seconds} s each, Node ${process.versions.node}`;
    return summarise('Journal: one step', conditions, measured, [
      { subject: 'by parts', to: 'one value', metric: 'steps/s', atLeast: 10 },
    ]);
  } finally {
    for (const bench of benches) bench.close();
  }
}

/** A journal of its own, and the memory of a fleet in which one entry after the other changes. */
class Steps {
  readonly name: string;
  readonly megabytes: string;
  readonly #split: (memory: Memory) => MemoryParts;
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'headway-bench-journal-'));
  readonly #journal: Journal;
  #memory = fleetOf(ENTRIES);
  #step = 0;

  constructor(name: string, split: (memory: Memory) => MemoryParts) {
    this.name = name;
    this.#split = split;
    this.megabytes = (JSON.stringify(this.#memory).length / 1e6).toFixed(1);
    const opened = openJournal({
      folder: this.#folder,
      clock: systemClock,
      log: pino({ level: 'silent' }),
      limits: LIMITS,
    });
    if (!opened.ok) throw new Error(opened.error.message);
    this.#journal = opened.value;
    this.#once();
  }

  perSecond(budgetMs: number): Metrics {
    const startMs = performance.now();
    let steps = 0;
    for (; steps === 0 || performance.now() - startMs < budgetMs; steps += 1) this.#once();
    const perSecond = (steps * 1_000) / (performance.now() - startMs);
    return { 'steps/s': perSecond, 'ms per step': 1_000 / perSecond };
  }

  close(): void {
    this.#journal.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #once(): void {
    const step = (this.#step += 1);
    const key = keyOf(step % ENTRIES);
    const changed: EntryMemory = { ...this.#memory.entries[key]!, preemptions: step };
    this.#memory = { ...this.#memory, clockMs: step, entries: { ...this.#memory.entries, [key]: changed } };
    const written = this.#journal.write({
      reconcileId: `r${step}`,
      memory: this.#split(this.#memory),
      intents: [],
      events: [],
    });
    if (!written.ok) throw new Error(written.error.message);
  }
}

function keyOf(index: number): `shop/${string}` {
  return `shop/a${String(index).padStart(5, '0')}`;
}

/** What one release that went all its way left behind, so many times. */
function fleetOf(count: number): Memory {
  const fleet = new Fleet(desired('1', [entry('a')])).until((one) => one.isProven('a', 'a'));
  const text = JSON.stringify(fleet.of('a'));
  const entries = Array.from({ length: count }, (_, index) => {
    const copy = JSON.parse(text.replaceAll('shop/a', keyOf(index))) as EntryMemory;
    return [keyOf(index), copy] as const;
  });
  return { ...fleet.memory, entries: Object.fromEntries(entries) };
}
