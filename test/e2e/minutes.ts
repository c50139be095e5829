/** Minutes that last seconds: the clock of a daemon is put forward from each minute to the next. */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Skips } from '../../src/process/trial/skips.ts';
import type { ScheduleStatus, Status } from '../../src/model/status.ts';
import type { Daemon, DaemonOptions } from '../support/daemon.ts';

const MINUTE_MS = 60_000;
const LOOK_MS = 50;
const PROGRAM = path.join(import.meta.dirname, '../support/put-forward.ts');

/** Of a daemon that is started with `options(…)`. */
export class Minutes {
  readonly #skips: Skips;
  readonly #lengthMs: number;
  #running: Promise<void> = Promise.resolve();
  #stopped = true;
  #sinceMs = 0;

  /** `lengthMs`: of a minute, at least; what has begun in one is let begin. */
  constructor(folder: string, lengthMs: number) {
    this.#skips = new Skips(path.join(folder, 'skips'));
    this.#lengthMs = lengthMs;
  }

  get options(): Pick<DaemonOptions, 'program' | 'skips'> {
    return { program: PROGRAM, skips: this.#skips.file };
  }

  nowMs(): number {
    return this.#skips.nowMs();
  }

  /** The minute that is next; its nominal time. */
  toNext(): string {
    const nextMs = Math.ceil((this.nowMs() + 1) / MINUTE_MS) * MINUTE_MS;
    this.#skips.to(nextMs);
    this.#sinceMs = performance.now();
    return new Date(nextMs).toISOString();
  }

  go(daemon: Daemon): void {
    this.#stopped = false;
    this.#running = this.#run(daemon);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(daemon: Daemon): Promise<void> {
    while (!this.#stopped) {
      await sleep(LOOK_MS);
      if (performance.now() - this.#sinceMs < this.#lengthMs) continue;
      const status = await daemon.status();
      if (status && !this.#stopped && schedulesOf(status).every((one) => this.#isNoticed(one))) this.toNext();
    }
  }

  /** That the minute has come, and whatever is due in it has begun. */
  #isNoticed({ next, due, suspended }: ScheduleStatus): boolean {
    return suspended || (due === undefined && next !== undefined && Date.parse(next) > this.nowMs());
  }
}

function schedulesOf({ entries }: Status): readonly ScheduleStatus[] {
  return entries.flatMap(({ schedules = [] }) => schedules);
}
