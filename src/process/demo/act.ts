/**
 * One act of the tour: a good change, a bad one and its revert, pushed to one component while a visitor asks for it.
 * Everything is known as a user knows it: from the status address and from what the visitor was answered.
 */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { fetchStatus } from '../../check/status-client.ts';
import { short } from '../../kit/digest.ts';
import type { EntryStatus, Status } from '../../model/status.ts';
import type { Guest } from './guest.ts';

const run = promisify(execFile);
const POLL_MS = 20;
const PATIENCE_MS = 120_000;

export interface Stage {
  readonly statusUrl: string;
  /** The clone to push from. */
  readonly work: string;
  readonly signal: AbortSignal;
  tell(atMs: number, what: string): void;
}

export interface Act {
  readonly title: string;
  readonly entry: string;
  /** Its document, relative to the clone. */
  readonly file: string;
  readonly good: string;
  readonly bad: string;
}

/** Times in milliseconds from just before `git push`. */
export interface ActResult {
  readonly title: string;
  readonly firstVisitorMs: number | undefined;
  readonly allTrafficMs: number;
  readonly provenMs: number;
  readonly caughtMs: number;
  /** Where the bad one was when it was caught: `20 %, step 1 of 2`. */
  readonly caughtAt: string;
  readonly caughtAfterSamples: number;
  readonly caughtWhy: string;
  readonly failuresSeen: number;
  readonly revertMs: number;
  readonly requests: number;
  readonly lost: number;
}

/** @throws Error when something does not come as announced, with what was last seen. */
export async function play(act: Act, stage: Stage, guest: Guest): Promise<ActResult> {
  const told = new Teller(act.entry, stage);
  await told.skipPast(await look(stage));
  const before = await entryOf(act, stage);

  const goodMs = await push(act, stage, 'Greet better', (text) => swap(text, act.good));
  const allTraffic = await until(act, stage, told, 'the good change serves', (entry) => {
    const all = entry.serving?.weight === 100 && entry.serving.release !== before.serving?.release;
    return all ? entry.serving : undefined;
  });
  const allTrafficMs = Date.now() - goodMs;
  await until(act, stage, told, 'it is proven', (entry) =>
    entry.proven?.release === allTraffic.release ? entry.proven : undefined,
  );
  const provenMs = Date.now() - goodMs;

  let last = '';
  const badMs = await push(act, stage, 'Break it', (text) => swap(text, act.bad));
  const caught = await until(act, stage, told, 'the bad change is caught', (entry) => {
    if (entry.candidate) last = placeOf(entry.candidate);
    return entry.quarantined[0];
  });
  const caughtMs = Date.now() - badMs;

  const revertMs = Date.now();
  await run('git', ['-C', stage.work, 'revert', '--no-edit', 'HEAD']);
  stage.tell(Date.now(), `${act.title}: git revert, git push`);
  await run('git', ['-C', stage.work, 'push', '-q']);
  await until(act, stage, told, 'git is back', (entry) =>
    entry.conditions.some(({ reason }) => reason === 'Reverted') ? entry : undefined,
  );
  const backMs = Date.now() - revertMs;

  await sleep(POLL_MS * 10);
  const visits = guest.visits();
  const firstAtMs = visits.byRelease[short(allTraffic.release)]?.firstAtMs;
  return {
    title: act.title,
    firstVisitorMs: firstAtMs === undefined ? undefined : firstAtMs - goodMs,
    allTrafficMs,
    provenMs,
    caughtMs,
    caughtAt: last || 'before it took traffic',
    caughtAfterSamples: caught.evidence[0]?.samples ?? 0,
    caughtWhy: caught.why,
    failuresSeen: visits.byRelease[short(caught.release)]?.failures ?? 0,
    revertMs: backMs,
    requests: visits.answers,
    lost: visits.lost,
  };
}

/** Prints what the daemon tells of one entry, once each, oldest first. */
class Teller {
  readonly #entry: string;
  readonly #stage: Stage;
  #lastId = 0;

  constructor(entry: string, stage: Stage) {
    this.#entry = entry;
    this.#stage = stage;
  }

  async skipPast(status: Status): Promise<void> {
    this.#lastId = status.timeline[0]?.id ?? 0;
  }

  tell(status: Status): void {
    const news = status.timeline.filter(({ id, entry }) => id > this.#lastId && entry === this.#entry);
    for (const { at, message } of news.toReversed()) this.#stage.tell(Date.parse(at), `  ${message}`);
    this.#lastId = Math.max(this.#lastId, status.timeline[0]?.id ?? 0);
  }
}

async function push(act: Act, stage: Stage, subject: string, edit: (text: string) => string): Promise<number> {
  const file = path.join(stage.work, act.file);
  await writeFile(file, edit(await readFile(file, 'utf8')));
  await run('git', ['-C', stage.work, 'commit', '-qam', subject]);
  const atMs = Date.now();
  stage.tell(atMs, `${act.title}: git push "${subject}"`);
  await run('git', ['-C', stage.work, 'push', '-q']);
  return atMs;
}

function swap(text: string, artifact: string): string {
  return text.replace(/greeting-[a-z0-9-]+\.wasm/, artifact);
}

function placeOf({ state, step, steps, weight }: NonNullable<EntryStatus['candidate']>): string {
  return step === undefined ? `${weight} %, ${state}` : `${weight} %, step ${step} of ${steps}`;
}

async function look(stage: Stage): Promise<Status> {
  const answer = await fetchStatus(stage.statusUrl);
  if (!answer.ok) throw new Error(answer.error.message);
  return answer.value;
}

async function entryOf(act: Act, stage: Stage): Promise<EntryStatus> {
  const entry = (await look(stage)).entries.find(({ key }) => key === act.entry);
  if (!entry) throw new Error(`${act.entry} is not there`);
  return entry;
}

async function until<T>(
  act: Act,
  stage: Stage,
  told: Teller,
  what: string,
  seen: (entry: EntryStatus) => T | undefined,
): Promise<T> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const status = await look(stage);
    told.tell(status);
    const entry = status.entries.find(({ key }) => key === act.entry);
    const found = entry && seen(entry);
    if (found) return found;
    stage.signal.throwIfAborted();
    if (performance.now() > deadlineMs) {
      const state = entry?.conditions.map(({ reason, message }) => `${reason}: ${message}`)[0] ?? 'not there';
      throw new Error(`not within ${PATIENCE_MS / 1000} s: ${what}; ${act.entry} is ${state}`);
    }
    await sleep(POLL_MS);
  }
}
