/**
 * Why calls failed, for the log: the first of a release in each second, with the number of those left out before it. A
 * release that fails at every request must not fill the disk.
 */
import type { Logger } from 'pino';
import { short } from '../kit/digest.ts';
import { BROKE_PROTOCOL, LOST, TAKEN_ALONG, type CallEnd } from '../wire/cell-caller.ts';
import { Outcome } from '../wire/frames.ts';

const QUIET_MS = 1_000;
const MAX_RELEASES = 256;

const NAMES: ReadonlyMap<CallEnd, string> = new Map<CallEnd, string>([
  ...Object.entries(Outcome).map(([name, outcome]): [CallEnd, string] => [outcome, name]),
  [LOST, 'CellLost'],
  [BROKE_PROTOCOL, 'ProtocolBroken'],
  [TAKEN_ALONG, 'TakenAlong'],
]);

export class FailureLog {
  readonly #log: Logger;
  readonly #releases = new Map<string, { saidAtMs: number; leftOut: number }>();

  readonly #nowMs: () => number;

  constructor(log: Logger, nowMs: () => number) {
    this.#log = log;
    this.#nowMs = nowMs;
  }

  note(release: string, end: CallEnd, detail: string): void {
    const now = this.#nowMs();
    const said = this.#releases.get(release);
    if (said !== undefined && now - said.saidAtMs < QUIET_MS) {
      said.leftOut++;
      return;
    }
    if (said === undefined && this.#releases.size >= MAX_RELEASES) this.#releases.clear();
    this.#releases.set(release, { saidAtMs: now, leftOut: 0 });
    this.#log.warn(
      { release: short(release), outcome: NAMES.get(end), detail, leftOut: said?.leftOut ?? 0 },
      'call failed',
    );
  }
}
