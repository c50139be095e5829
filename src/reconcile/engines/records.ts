/**
 * Uses of grants out of the queues of several engines, in one row of numbers of our own. An engine forgets what comes before
 * the number that it is asked for, so it is asked for what came after the last that was said to be written down.
 */
import { ok, type Result } from '../../kit/result.ts';
import type { AccessPage, AccessRecord } from '../../model/audit.ts';
import type { Problem } from '../../model/problem.ts';
import type { EnginePort } from '../ports.ts';

/** Taken from the engines and not yet said to be written down; beyond it nothing more is taken. */
const MAX_PENDING = 4_000;

/** `epoch`: of the process that would be asked now. */
export type RecordSource = Pick<EnginePort, 'records'> & { readonly epoch: string | undefined };

interface Source {
  readonly engine: RecordSource;
  epoch: string | undefined;
  /** In the engine's own numbers: what is written down, and what is here. */
  written: number;
  taken: number;
  lost: number;
}

interface Pending {
  readonly source: Source;
  readonly epoch: string | undefined;
  readonly number: number;
  readonly record: AccessRecord;
}

export class MergedRecords {
  readonly #sources: readonly Source[];
  readonly #pending: Pending[] = [];
  /** Our number of the first that is pending. */
  #first = 1;
  /** Of engine processes that have ended. */
  #lostBefore = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(engines: readonly RecordSource[]) {
    this.#sources = engines.map((engine) => ({ engine, epoch: undefined, written: 0, taken: 0, lost: 0 }));
  }

  /** The process of each engine that was seen last: another one counts from one. */
  seen(epochs: readonly string[]): void {
    epochs.forEach((epoch, index) => {
      const source = this.#sources[index]!;
      if (source.epoch === epoch) return;
      this.#lostBefore += source.lost;
      Object.assign(source, { epoch, written: 0, taken: 0, lost: 0 });
    });
  }

  /** Whoever writes down counts anew what was lost. */
  begin(): void {
    this.#lostBefore = -this.#sources.reduce((sum, { lost }) => sum + lost, 0);
  }

  /** One after the other: two that took at once would number the same record twice. */
  take(after: number): Promise<Result<AccessPage, Problem>> {
    const turn = this.#turn.then(() => this.#take(after));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #take(after: number): Promise<Result<AccessPage, Problem>> {
    this.#arrived(after);
    for (const source of this.#sources) await this.#fill(source);
    return ok({
      last: this.#first - 1 + this.#pending.length,
      records: this.#pending.map(({ record }) => record),
      lost: this.#lostBefore + this.#sources.reduce((sum, { lost }) => sum + lost, 0),
    });
  }

  /** Those up to `after` are written down. A control that counts anew says 0: then all that is here is given again. */
  #arrived(after: number): void {
    const arrived = Math.min(Math.max(0, after + 1 - this.#first), this.#pending.length);
    for (const { source, epoch, number } of this.#pending.splice(0, arrived)) {
      if (source.epoch === epoch) source.written = Math.max(source.written, number);
    }
    this.#first += arrived;
  }

  async #fill(source: Source): Promise<void> {
    if (this.#pending.length >= MAX_PENDING) return;
    const { epoch } = source;
    // One that is away, or another process than was looked at, is asked with the next look.
    if (epoch === undefined || source.engine.epoch !== epoch) return;
    const page = await source.engine.records(source.written);
    if (!page.ok || source.epoch !== epoch) return;
    const { records, last, lost } = page.value;
    const first = last - records.length + 1;
    records.forEach((record, index) => {
      const number = first + index;
      if (number > source.taken) this.#pending.push({ source, epoch, number, record });
    });
    source.taken = Math.max(source.taken, last);
    source.lost = lost;
  }
}
