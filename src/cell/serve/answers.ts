import type { Outbox } from '../outbox.ts';

/** Where a call's frames go: the engine, or, in a warm-up, nowhere. */
export type Answers = Pick<Outbox, 'response' | 'body' | 'bodyEnd' | 'bodyAbort' | 'done' | 'credit' | 'callResult'>;

/** Limits of the assignment that a request runs under. */
export interface RequestLimits {
  readonly requestBodyBytes: number;
  readonly responseBodyBytes: number;
}
