import type { Logger } from 'pino';
import type { Result } from '../../kit/result.ts';
import type { Problem } from '../../model/problem.ts';
import type { Job, Prepared } from '../job.ts';
import { Worker, type Death, type WorkerLimits } from './worker.ts';

export interface PoolLimits extends WorkerLimits {
  /** Children at the same time, waiting ones included. */
  readonly children: number;
  /** Jobs that a child does for its tenant before it is replaced. */
  readonly jobsPerChild: number;
}

export type Outcome = Result<Result<Prepared, Problem>, Death>;

interface Waiting {
  readonly tenant: string;
  readonly run: (worker: Worker) => void;
  readonly fail: (death: Death) => void;
}

/**
 * Warm children ahead of the jobs.
 *
 * P1 A child that has seen a component of one tenant never works for another: what the one left behind in the transpiler cannot
 *    get into the other's bindings.
 * P2 A child does no further job after one that did not end in a bundle, unless admission had refused the component before
 *    the transpiler saw it.
 * P3 While jobs come, one child that has seen nothing is warm or warming, within the bound.
 */
export class ChildPool {
  readonly #limits: PoolLimits;
  readonly #log: Logger;
  readonly #idle: Worker[] = [];
  readonly #busy = new Set<Worker>();
  readonly #warming = new Set<Worker>();
  readonly #waiting: Waiting[] = [];
  #closed = false;

  constructor(limits: PoolLimits, log: Logger) {
    this.#limits = limits;
    this.#log = log;
    this.#refill();
  }

  /** Resolves when a child is warm, or could not be started. */
  async ready(): Promise<boolean> {
    const [worker] = [...this.#idle, ...this.#warming];
    return worker !== undefined && (await worker.warm).ok;
  }

  /** Runs one job of a tenant; the outer error says how the child ended. */
  async run(tenant: string, job: Job): Promise<Outcome> {
    const worker = await this.#worker(tenant);
    if (!(worker instanceof Worker)) return { ok: false, error: worker };
    worker.tenant = tenant;
    const outcome = await worker.run(job);
    this.#busy.delete(worker);
    if (isSpent(outcome) || worker.jobs >= this.#limits.jobsPerChild || this.#closed) worker.stop();
    else this.#idle.push(worker);
    this.#refill();
    this.#serve();
    return outcome;
  }

  close(): void {
    this.#closed = true;
    for (const worker of [...this.#idle, ...this.#busy, ...this.#warming]) worker.stop();
    this.#idle.length = 0;
    for (const { fail } of this.#waiting.splice(0)) fail({ type: 'Stopped', how: 'the daemon stops' });
  }

  #worker(tenant: string): Promise<Worker | Death> {
    return new Promise((resolve) => {
      if (this.#closed) return resolve({ type: 'Stopped', how: 'the daemon stops' });
      this.#waiting.push({ tenant, run: resolve, fail: resolve });
      this.#refill();
      this.#serve();
    });
  }

  /** Hands idle children to jobs, first come first served as far as P1 lets it. */
  #serve(): void {
    for (let index = 0; index < this.#waiting.length;) {
      const job = this.#waiting[index]!;
      const worker = this.#take(job.tenant);
      if (worker) {
        this.#waiting.splice(index, 1);
        this.#busy.add(worker);
        job.run(worker);
      } else index += 1;
    }
    this.#refill();
  }

  #take(tenant: string): Worker | undefined {
    const mine = this.#idle.findIndex((worker) => worker.alive && worker.tenant === tenant);
    const index = mine === -1 ? this.#idle.findIndex((worker) => worker.alive && worker.tenant === undefined) : mine;
    return index === -1 ? undefined : this.#idle.splice(index, 1)[0];
  }

  /** P3. Where the bound leaves no room, an idle child of another tenant gives way. */
  #refill(): void {
    if (this.#closed) return;
    const dead = this.#idle.filter((worker) => !worker.alive);
    for (const worker of dead) this.#idle.splice(this.#idle.indexOf(worker), 1);
    if (this.#warming.size > 0 || this.#idle.some((worker) => worker.tenant === undefined)) return;
    if (this.#idle.length + this.#busy.size >= this.#limits.children) {
      if (this.#waiting.length === 0) return;
      const oldest = this.#idle.shift();
      if (!oldest) return;
      oldest.stop();
    }
    this.#start();
  }

  #start(): void {
    const worker = new Worker(this.#limits, this.#log);
    this.#warming.add(worker);
    void this.#warmed(worker);
  }

  async #warmed(worker: Worker): Promise<void> {
    const warm = await worker.warm;
    this.#warming.delete(worker);
    if (this.#closed) return;
    if (warm.ok) {
      this.#idle.push(worker);
      this.#serve();
      return;
    }
    this.#log.error({ death: warm.error }, 'a preparing child did not start');
    // Those who wait are told; the next job tries again.
    for (const { fail } of this.#waiting.splice(0)) fail(warm.error);
  }
}

function isSpent(outcome: Outcome): boolean {
  if (!outcome.ok) return true;
  return !outcome.value.ok && !isAdmission(outcome.value.error);
}

function isAdmission({ code }: Problem): boolean {
  return code.startsWith('HW21');
}
