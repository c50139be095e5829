/** How far the clock of a trial was put forward, for its control to read (../clock.ts), and what that makes of its times. */
import { renameSync, writeFileSync } from 'node:fs';

export class Skips {
  readonly file: string;
  #totalMs = 0;
  readonly #made: { readonly toMs: number; readonly moreMs: number }[] = [];

  constructor(file: string) {
    this.file = file;
    writeFileSync(file, '0');
  }

  /** Milliseconds since the Unix epoch, by the trial's clock. */
  nowMs(): number {
    return Date.now() + this.#totalMs;
  }

  /** Nothing where that time has come. */
  to(wallMs: number): void {
    const atMs = this.nowMs();
    if (wallMs <= atMs) return;
    this.#made.push({ toMs: wallMs, moreMs: wallMs - atMs });
    this.#totalMs += wallMs - atMs;
    writeFileSync(`${this.file}.next`, String(this.#totalMs));
    renameSync(`${this.file}.next`, this.file);
  }

  /** A time of the trial's clock as this machine had it. */
  machineMs(iso: string): number {
    const atMs = Date.parse(iso);
    // Before control has noticed it goes on by the clock as it was, which is behind where it was put to.
    return this.#made.reduce((left, one) => (one.toMs <= atMs ? left - one.moreMs : left), atMs);
  }
}
