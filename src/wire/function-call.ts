/** A call of an exported function, as its caller sees it: one result, whatever happens to the cell. */
import { Deferred } from '../kit/deferred.ts';
import type { Json } from '../kit/json.ts';
import { isLost, type CallEnd, type CellExchange, type Lineage } from './cell-caller.ts';
import { Outcome } from './frames.ts';

export type FunctionResult =
  | { readonly type: 'ok'; readonly value: Json }
  /** The `err` of a WIT `result`. */
  | { readonly type: 'err'; readonly value: Json }
  | { readonly type: 'trap'; readonly message: string }
  /** A command ended: 0 where it went well. */
  | { readonly type: 'exit'; readonly code: number }
  | { readonly type: 'deadline' }
  /** Its caller ended it. */
  | { readonly type: 'stopped' }
  /** The cell died, or was ended. */
  | { readonly type: 'lost' };

export class FunctionCall implements CellExchange {
  readonly lineage: Lineage;
  readonly #deferred = new Deferred<FunctionResult>();

  /** `isFiring`: somebody's work, and not a question of the runtime's own. */
  constructor(isFiring: boolean) {
    this.lineage = { depth: 0, counts: isFiring ? 'Traffic' : 'Uncounted' };
  }

  get result(): Promise<FunctionResult> {
    return this.#deferred.promise;
  }

  /** The JSON of a `CallResult`. What is neither `ok`, `err` nor `exit` is a trap. */
  settle(result: Json): void {
    const fields = result !== null && typeof result === 'object' ? Object.entries(result) : [];
    const [name, value = null] = fields[0] ?? [];
    if (name === 'exit' && typeof value === 'number' && Number.isSafeInteger(value)) {
      this.#deferred.resolve({ type: 'exit', code: value });
    } else if (name === 'ok' || name === 'err') this.#deferred.resolve({ type: name, value });
    else this.#deferred.resolve({ type: 'trap', message: typeof value === 'string' ? value.slice(0, 1024) : '' });
  }

  onEnd(end: CallEnd): void {
    if (end === Outcome.Deadline) this.#deferred.resolve({ type: 'deadline' });
    else if (end === Outcome.Cancelled) this.#deferred.resolve({ type: 'stopped' });
    else if (isLost(end)) this.#deferred.resolve({ type: 'lost' });
    else this.#deferred.resolve({ type: 'trap', message: '' });
  }

  onResponse(): void {}
  onBody(): void {}
  onBodyEnd(): void {}
  onBodyAbort(): void {}
  onCredit(): void {}
}
