import path from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EntryKey } from '../../src/model/component.ts';
import type { EntryMemory } from '../../src/model/memory.ts';
import type { Daemon } from './daemon.ts';

const LOOK_PERIOD_MS = 2;

/**
 * What control has journalled about an entry, read beside it from its own file. Every state is journalled before
 * anything is done about it, so that a control which is stopped while it says so is in that state, and nowhere else.
 */
export class JournalWatch {
  readonly #database: DatabaseSync;
  readonly #read: StatementSync;

  constructor(dataFolder: string) {
    this.#database = new DatabaseSync(path.join(dataFolder, 'journal.db'), { readOnly: true, timeout: 10_000 });
    this.#read = this.#database.prepare('SELECT json FROM memory WHERE part = ?');
  }

  entry(key: EntryKey): EntryMemory | undefined {
    const row = this.#read.get(`entries/${key}`) as { readonly json: string } | undefined;
    return row && (JSON.parse(row.json) as EntryMemory);
  }

  /**
   * Kills control in the first moment in which `holds`; false where `isOver` came first. It is stopped before it is
   * looked at for the last time: what it is killed in is what was meant.
   */
  async killControl(
    daemon: Daemon,
    key: EntryKey,
    { holds, isOver }: { holds(entry: EntryMemory): boolean; isOver(entry: EntryMemory): boolean },
  ): Promise<boolean> {
    for (;;) {
      const entry = this.entry(key);
      if (entry && holds(entry)) {
        const control = daemon.one('control');
        process.kill(control, 'SIGSTOP');
        const still = this.entry(key);
        if (still && holds(still)) {
          process.kill(control, 'SIGKILL');
          return true;
        }
        process.kill(control, 'SIGCONT');
      }
      if (entry && isOver(entry)) return false;
      await sleep(LOOK_PERIOD_MS);
    }
  }

  close(): void {
    this.#database.close();
  }
}
