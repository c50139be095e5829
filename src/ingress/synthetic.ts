/**
 * Requests that the runtime itself sends to a release, through its own handler, for want of real ones. They share the
 * release's run of failures and nothing else with the traffic.
 *
 * Invariants
 * S1 The same run given twice is one run.
 * S2 A run takes no room from the traffic: it waits while every replica is at its concurrency, and ends early where no
 *    replica is left.
 */
import type { SyntheticRun } from '../model/engine.ts';
import { LOST, type CallEnd, type CellCaller } from '../wire/cell-caller.ts';
import { Outcome } from '../wire/frames.ts';
import type { FunctionResult } from '../wire/function-call.ts';
import { sendRuntimeRequest, type RuntimeAnswer } from '../wire/runtime-request.ts';
import type { Directory } from './compiled-rule.ts';
import type { ReleaseTally, Tallies } from './tally.ts';

const MAX_PARALLEL = 4;
const MAX_KEPT_RUNS = 64;
/** How long to wait for room in the replicas before looking again. */
const ROOM_POLL_MS = 10;

export interface SyntheticProgress {
  readonly id: string;
  readonly sent: number;
  readonly done: boolean;
}

export class SyntheticRuns {
  readonly #directory: Directory;
  readonly #tallies: Tallies;
  readonly #onDone: (id: string) => void;
  readonly #runs = new Map<string, { sent: number; done: boolean }>();
  #closed = false;

  constructor(directory: Directory, tallies: Tallies, onDone: (id: string) => void) {
    this.#directory = directory;
    this.#tallies = tallies;
    this.#onDone = onDone;
  }

  /** Resolves when the run has ended. */
  async start(run: SyntheticRun): Promise<void> {
    if (this.#runs.has(run.id) || this.#closed) return;
    this.#forgetOldest();
    const progress = { sent: 0, done: false };
    this.#runs.set(run.id, progress);
    const senders = Math.min(MAX_PARALLEL, run.requests);
    await Promise.all(Array.from({ length: senders }, () => this.#send(run, progress)));
    progress.done = true;
    this.#onDone(run.id);
  }

  progress(): readonly SyntheticProgress[] {
    return [...this.#runs].map(([id, { sent, done }]) => ({ id, sent, done }));
  }

  close(): void {
    this.#closed = true;
  }

  /** One of the senders of a run: sends until the run has had its number. */
  async #send(run: SyntheticRun, progress: { sent: number }): Promise<void> {
    const group = this.#directory.group(run.group);
    const tally = this.#directory.tally(run.release, run.group);
    while (progress.sent < run.requests && !this.#closed && group.isReady) {
      const caller = group.leastBusy();
      if (caller === undefined) {
        await new Promise((resolve) => setTimeout(resolve, ROOM_POLL_MS));
        continue;
      }
      progress.sent++;
      this.#count(tally, await ask(caller, run));
    }
  }

  #count(tally: ReleaseTally, answer: RuntimeAnswer): void {
    const { synthetic } = tally;
    const status = answer.status ?? 0;
    const failed = answer.end !== Outcome.Ok || status === 0 || tally.failing[status] === 1;
    synthetic.requests++;
    synthetic.latency(answer.elapsedMs);
    if (status >= 500) synthetic.status5xx++;
    else if (status >= 400 && !failed) synthetic.status4xx++;
    if (!failed) {
      this.#tallies.succeeded(tally);
      return;
    }
    synthetic.failures++;
    if (answer.end === Outcome.Trap) synthetic.traps++;
    if (answer.end === Outcome.Deadline) synthetic.deadlines++;
    this.#tallies.failed(tally);
  }

  #forgetOldest(): void {
    for (const [id, { done }] of this.#runs) {
      if (this.#runs.size < MAX_KEPT_RUNS) return;
      if (done) this.#runs.delete(id);
    }
  }
}

async function ask(caller: CellCaller, run: SyntheticRun): Promise<RuntimeAnswer> {
  const { call, timeoutMs } = run;
  if (call.type === 'httpGet') return sendRuntimeRequest(caller, call.path, call.headers, timeoutMs);
  const startedAtMs = performance.now();
  const result = await caller.call(call.export.interface, call.export.function, [], timeoutMs);
  const elapsedMs = performance.now() - startedAtMs;
  // A health check that says no is a failure as a 500 is.
  const answer = { end: END_OF_RESULT[result.type], detail: '', elapsedMs };
  return result.type === 'ok' ? { ...answer, status: 200 } : answer;
}

const END_OF_RESULT = {
  ok: Outcome.Ok,
  err: Outcome.ErrorCode,
  trap: Outcome.Trap,
  exit: Outcome.Trap,
  stopped: Outcome.Cancelled,
  deadline: Outcome.Deadline,
  lost: LOST,
} as const satisfies Record<FunctionResult['type'], CallEnd>;
