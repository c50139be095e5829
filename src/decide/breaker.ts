import type { EntryDraft } from './memory.ts';

/** How long the breaker of an entry stays open; undefined when it is closed. It closes by time alone. */
export function breakerOpenForMs(
  entry: Pick<EntryDraft, 'rollbacks'>,
  breaker: { readonly maxRollbacks: number; readonly windowMs: number },
  clockMs: number,
): number | undefined {
  const within = entry.rollbacks.filter((atMs) => clockMs - atMs < breaker.windowMs);
  if (within.length < breaker.maxRollbacks) return undefined;
  return within[within.length - breaker.maxRollbacks]! + breaker.windowMs - clockMs;
}
