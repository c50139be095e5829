/**
 * One `git cat-file --batch` that stays open between readings, so that a push does not start git anew for each.
 *
 * K1 One reading at a time, each with the whole deadline of a local command from when its turn has come.
 * K2 A reading that is stopped, or that was answered with anything but what it asked for, takes the process with it: what else
 *    that would print belongs to nobody.
 * K3 A process that died between two readings, or in one, is started once more for the reading that met it. One that dies
 *    again has met something in the mirror, and that is the outcome.
 * K4 Nothing is kept for longer than `idleMs`, over a collection or a rebuild (`rest`), or after `close` of the command. Between
 *    readings it keeps this process from nothing: with the end of its input it is gone.
 */
import type { Buffer } from 'node:buffer';
import type { Ended, GitCommand, Started } from './command.ts';

export interface KeptReading {
  /** What is asked for, a line each. */
  readonly input: string;
  /** `false` stops the process: what it prints makes no sense. */
  push(chunk: Buffer): boolean;
  /** Everything that was asked for has come. */
  isComplete(): boolean;
}

export interface KeptLimits {
  readonly deadlineMs: number;
  readonly idleMs: number;
}

interface Kept {
  readonly started: Started;
  /** Of the reading in hand. */
  reading: { readonly reading: KeptReading; complete(): void } | undefined;
  hasEnded: boolean;
}

export class KeptBatch {
  readonly #command: GitCommand;
  readonly #limits: KeptLimits;
  #kept: Kept | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #idle: NodeJS.Timeout | undefined;

  constructor(command: GitCommand, limits: KeptLimits) {
    this.#command = command;
    this.#limits = limits;
  }

  /** `undefined` where all that was asked for has come; else how the process ended. `make` is asked anew for a second try. */
  read(make: () => KeptReading): Promise<Ended | undefined> {
    const read = this.#turn.then(() => this.#readInTurn(make));
    // Whatever throws is the bug of one reading.
    this.#turn = read.catch(() => undefined);
    return read;
  }

  /** After what is being read: no process is left that has the mirror's files open. */
  rest(): Promise<void> {
    const rested = this.#turn.then(() => this.#end());
    this.#turn = rested;
    return rested;
  }

  async #readInTurn(make: () => KeptReading): Promise<Ended | undefined> {
    clearTimeout(this.#idle);
    const isFresh = this.#kept === undefined || this.#kept.hasEnded;
    const ended = await this.#readOnce(make());
    // K3. Whatever was stopped was stopped for a reason that is still there.
    const again = ended && !isFresh && ended.stop === undefined ? await this.#readOnce(make()) : ended;
    this.#kept?.started.hold(false);
    this.#idle = setTimeout(() => void this.rest(), this.#limits.idleMs).unref();
    return again;
  }

  async #readOnce(reading: KeptReading): Promise<Ended | undefined> {
    const kept = this.#kept?.hasEnded === false ? this.#kept : this.#start();
    this.#kept = kept;
    const deadline = setTimeout(() => kept.started.stop('Deadline'), this.#limits.deadlineMs);
    const completed = new Promise<undefined>((resolve) => {
      kept.reading = { reading, complete: () => resolve(undefined) };
    });
    kept.started.hold(true);
    kept.started.write(reading.input);
    const ended = await Promise.race([completed, kept.started.ended]);
    clearTimeout(deadline);
    kept.reading = undefined;
    return ended;
  }

  #start(): Kept {
    const kept: Kept = {
      reading: undefined,
      hasEnded: false,
      started: this.#command.start({
        args: ['cat-file', '--batch'],
        // K2: also what is printed where nobody has asked.
        onOutput: (chunk) => {
          const { reading } = kept;
          if (!reading?.reading.push(chunk)) return false;
          if (reading.reading.isComplete()) reading.complete();
          return true;
        },
      }),
    };
    void kept.started.ended.then(() => (kept.hasEnded = true));
    return kept;
  }

  async #end(): Promise<void> {
    clearTimeout(this.#idle);
    const kept = this.#kept;
    this.#kept = undefined;
    if (!kept) return;
    kept.started.hold(true);
    kept.started.finish();
    const deadline = setTimeout(() => kept.started.stop('Deadline'), this.#limits.deadlineMs);
    await kept.started.ended;
    clearTimeout(deadline);
  }
}
