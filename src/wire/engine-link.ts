/**
 * What control and an engine say to each other: JSON, one message per line, over a unix socket of mode 0600. Both are ours,
 * but may be of two builds for as long as an upgrade takes: the first line of each side carries the version.
 *
 * Control calls, the engine answers; each call can be said again without harm. The only thing that the engine says
 * unasked is `changed`, which carries nothing: look again.
 */
import type { AccessPage } from '../model/audit.ts';
import type { CellSpec, EngineObserved, ReleaseSamples, SyntheticRun } from '../model/engine.ts';
import type { StoreOrder, StoresDone } from '../model/edition.ts';
import type { FiringId, FiringOrder } from '../model/firing.ts';
import type { Problem } from '../model/problem.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Result } from '../kit/result.ts';

export const LINK_VERSION = 1;
/** The longest line, either way: a snapshot of some ten thousand rules. */
export const MAX_LINK_LINE_BYTES = 16 * 1024 * 1024;

/** Each method with what it takes and what it gives. */
export interface LinkMethods {
  readonly observe: { readonly params: null; readonly value: EngineObserved };
  readonly samples: { readonly params: null; readonly value: readonly ReleaseSamples[] };
  readonly start: { readonly params: { readonly replica: string; readonly cell: CellSpec }; readonly value: null };
  readonly stop: { readonly params: { readonly replica: string; readonly deadlineMs: number }; readonly value: null };
  readonly forget: { readonly params: { readonly replicas: readonly string[] }; readonly value: null };
  readonly publish: { readonly params: Snapshot; readonly value: { readonly generation: number } };
  /** The snapshot in force; null before the first. */
  readonly inForce: { readonly params: null; readonly value: Snapshot | null };
  /** Uses of grants after the one with that number; those up to it have arrived and are forgotten. */
  readonly records: { readonly params: { readonly after: number }; readonly value: AccessPage };
  /** What control wants done with stores: copied, removed, named as those in use. */
  readonly stores: { readonly params: StoreOrder; readonly value: StoresDone };
  readonly synthesize: { readonly params: SyntheticRun; readonly value: null };
  readonly fire: { readonly params: FiringOrder; readonly value: null };
  readonly stopFiring: { readonly params: { readonly firing: FiringId }; readonly value: null };
  readonly forgetFirings: { readonly params: { readonly firings: readonly FiringId[] }; readonly value: null };
}

export type LinkMethod = keyof LinkMethods;

/** What an engine does for each method: the other half of `EnginePort`. */
export type LinkHandlers = {
  readonly [Method in LinkMethod]: (
    params: LinkMethods[Method]['params'],
  ) => Result<LinkMethods[Method]['value'], Problem> | Promise<Result<LinkMethods[Method]['value'], Problem>>;
};

export type ToEngine =
  | { readonly type: 'hello'; readonly version: number; readonly pid: number }
  | { readonly type: 'call'; readonly id: number; readonly method: LinkMethod; readonly params: unknown };

export type FromEngine =
  | { readonly type: 'hello'; readonly version: number; readonly epoch: string; readonly pid: number }
  | { readonly type: 'answer'; readonly id: number; readonly result: Result<unknown, Problem> }
  | { readonly type: 'changed' }
  /** Another control has said hello: this link is closed, and its owner must not come back by itself. */
  | { readonly type: 'replaced' };

const NEWLINE = 0x0a;

/** Bytes → lines, within a bound. JSON never holds a bare newline, and UTF-8 never holds its byte elsewhere. */
export class LineReader {
  readonly #onLine: (line: string) => void;
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #pieceBytes = 0;

  constructor(onLine: (line: string) => void, maxBytes = MAX_LINK_LINE_BYTES) {
    this.#onLine = onLine;
    this.#maxBytes = maxBytes;
  }

  /** `false` when the peer's line is too long: nothing after it can be read. */
  push(chunk: Buffer): boolean {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      if (!this.#keep(chunk.subarray(start, end))) return false;
      const line = Buffer.concat(this.#pieces).toString('utf8');
      this.#pieces = [];
      this.#pieceBytes = 0;
      this.#onLine(line);
      start = end + 1;
    }
    return start === chunk.length || this.#keep(chunk.subarray(start));
  }

  #keep(piece: Buffer): boolean {
    this.#pieceBytes += piece.length;
    if (this.#pieceBytes > this.#maxBytes) return false;
    this.#pieces.push(piece);
    return true;
  }
}
