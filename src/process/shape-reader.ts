/**
 * The types of components behind their port: each is read once, in a disposable child with a deadline and a heap limit.
 *
 * Invariants
 * Y1 What was found out about bytes is found out once: shapes are kept by digest, the least recently asked for leave first.
 * Y2 Bytes that end two children have no shape for good (`HW2301`); a child that does not start is tried again (`HW2302`).
 * Y3 The child is started for the first component and ended when a minute has brought none: nobody pays for what he does
 *    not use.
 */
import path from 'node:path';
import type { Logger } from 'pino';
import type { Digest } from '../kit/digest.ts';
import { err, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { ComponentShape } from '../model/wit.ts';
import type { ShapePort } from '../reconcile/ports.ts';
import { DisposableChild } from './disposable-child.ts';

export type ShapeAnswer = Result<ComponentShape, Problem>;

/** A 12 MB component takes 30 ms; the rest is for a machine that is busy. */
const READ_DEADLINE_MS = 10_000;
const START_DEADLINE_MS = 30_000;
const IDLE_MS = 60_000;
const MAX_HEAP_MB = 512;
/** Shapes have some 10 kB each. */
export const MAX_KNOWN_SHAPES = 1_000;
const TRIES = 2;

export interface ShapeReader extends ShapePort {
  close(): void;
}

export interface ShapeReaderOptions {
  readonly log: Logger;
  readonly deadlineMs?: number;
  /** Entry file of the child; tests bring one that misbehaves. */
  readonly entry?: string;
}

type ReadBytes = (artifact: Digest) => Promise<Result<Uint8Array, Problem>>;
type ShapeChild = DisposableChild<Uint8Array, ShapeAnswer>;

export function openShapeReader(options: ShapeReaderOptions): ShapeReader {
  const reader = new Reader(options);
  // One at a time: the next caller waits for the one before.
  let turn: Promise<unknown> = Promise.resolve();
  return {
    shapes(wanted, read) {
      const result = turn.then(() => reader.shapes(wanted, read));
      turn = result;
      return result;
    },
    close: () => reader.close(),
  };
}

class Reader {
  readonly #log: Logger;
  readonly #deadlineMs: number;
  readonly #entry: string;
  readonly #known = new Map<Digest, ShapeAnswer>();
  #child: ShapeChild | undefined;
  #idle: NodeJS.Timeout | undefined;
  #closed = false;

  constructor({ log, deadlineMs = READ_DEADLINE_MS, entry }: ShapeReaderOptions) {
    this.#log = log;
    this.#deadlineMs = deadlineMs;
    this.#entry = entry ?? path.join(import.meta.dirname, 'shape-child.ts');
  }

  close(): void {
    this.#closed = true;
    this.#drop();
  }

  async shapes(wanted: readonly Digest[], read: ReadBytes): Promise<ReadonlyMap<Digest, ShapeAnswer>> {
    const found = new Map<Digest, ShapeAnswer>();
    for (const artifact of new Set(wanted)) found.set(artifact, await this.#shape(artifact, read));
    return found;
  }

  async #shape(artifact: Digest, read: ReadBytes): Promise<ShapeAnswer> {
    const known = this.#known.get(artifact);
    if (known) {
      this.#keep(artifact, known);
      return known;
    }
    const bytes = await read(artifact);
    if (!bytes.ok) return bytes;
    const answer = await this.#inspect(artifact, bytes.value);
    if (answer.ok || answer.error.policy === 'Terminal') this.#keep(artifact, answer);
    return answer;
  }

  #keep(artifact: Digest, answer: ShapeAnswer): void {
    this.#known.delete(artifact);
    this.#known.set(artifact, answer);
    if (this.#known.size > MAX_KNOWN_SHAPES) this.#known.delete(this.#known.keys().next().value!);
  }

  async #inspect(artifact: Digest, bytes: Uint8Array): Promise<ShapeAnswer> {
    let why = '';
    for (let tried = 0; tried < TRIES; tried += 1) {
      const child = await this.#ready();
      if (!child.ok) return err(problem('HW2302', `nothing to read the types of a component in: ${child.error}`));
      const outcome = await child.value.run(bytes, this.#deadlineMs);
      if (outcome.ok) return outcome.value;
      this.#drop();
      why = outcome.error;
      this.#log.warn({ artifact, why }, 'the types of a component ended the process that reads them');
    }
    return err(problem('HW2301', `the types of the component cannot be read: ${why}`));
  }

  async #ready(): Promise<Result<ShapeChild, string>> {
    if (this.#closed) return err('the daemon stops');
    clearTimeout(this.#idle);
    const child = (this.#child ??= new DisposableChild(this.#entry, MAX_HEAP_MB));
    const ready = await child.ready(START_DEADLINE_MS);
    if (!ready.ok) {
      this.#drop();
      return ready;
    }
    this.#idle = setTimeout(() => this.#drop(), IDLE_MS).unref();
    return { ok: true, value: child };
  }

  #drop(): void {
    clearTimeout(this.#idle);
    this.#child?.kill();
    this.#child = undefined;
  }
}
