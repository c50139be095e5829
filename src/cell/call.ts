import type { GiveBack } from '../kit/lent-memory.ts';
import type { Abort } from '../wire/frames.ts';
import type { Instance } from './instance.ts';
import type { ScopeCall } from './scope.ts';

export type AbortReason = (typeof Abort)[keyof typeof Abort];

/**
 * One call in flight: a request or a call of an exported function. Made when the engine's frame arrives, run by the pool
 * on an instance, over when the engine has its `Done`.
 *
 * Invariant
 * C1 A call that is over says nothing more, whatever the guest still does (W2).
 */
export interface Call extends ScopeCall {
  readonly over: boolean;
  /** False while it still gathers what it needs before a guest can take it. */
  readonly startable: boolean;
  /** It runs on an instance that has served nothing, and that serves nothing after it. */
  readonly fresh?: boolean;
  /** Whether the export that it calls can wait. */
  maySuspend(instance: Instance): boolean;
  /** Calls the guest. A promise where the export can suspend. */
  begin(instance: Instance): unknown;
  /** The export returned. */
  succeed(value: unknown): void;
  /** The export returned the `err` of its `result`. The instance is fine. */
  decline(payload: unknown): void;
  /** Anything else that was thrown: the instance is discarded. */
  fail(thrown: unknown): void;
  /** The engine ends it. True where the guest must be stopped as well. */
  cancel(reason: AbortReason): boolean;
}

/** The parts of a call that frames of the engine speak to. */
export interface BodyReceiver {
  /** `false`: over the credit. `giveBack` says that the bytes are not needed any more, where somebody calls it. */
  bodyChunk(bytes: Uint8Array, giveBack: GiveBack | undefined): boolean;
  /** @param trailers names in lower case and values in turn, where there are any. */
  bodyEnd(trailers: readonly string[] | undefined): void;
  bodyAbort(reason: AbortReason): void;
  credit(bytes: number): void;
}
