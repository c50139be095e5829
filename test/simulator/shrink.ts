import type { History, Step } from './events.ts';
import type { Row } from '../../src/decide/table.ts';
import { play } from './simulation.ts';

/**
 * The shortest history that still breaks the same promise: leaves out halves, quarters, single events, and then single
 * edits of commits, as long as that works. The time of an event that is left out is kept, so that the rest still
 * happens when it did.
 */
export async function shrink(history: History, promise: string, table?: readonly Row[]): Promise<History> {
  const stillBreaks = async (steps: readonly Step[]) =>
    (await play({ ...history, steps }, table)).broken?.promise === promise;
  let steps = history.steps;
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < steps.length;) {
      const shorter = without(steps, start, size);
      if (shorter.length < steps.length && (await stillBreaks(shorter))) steps = shorter;
      else start += size;
    }
  }
  for (let index = 0; index < steps.length; index++) steps = await fewerEdits(steps, index, stillBreaks);
  return { ...history, steps };
}

function without(steps: readonly Step[], start: number, size: number): readonly Step[] {
  const gone = steps.slice(start, start + size);
  const next = steps[start + size];
  const gapMs = gone.reduce((sum, step) => sum + step.afterMs, 0);
  const rest = next ? [{ ...next, afterMs: next.afterMs + gapMs }, ...steps.slice(start + size + 1)] : [];
  return [...steps.slice(0, start), ...rest];
}

async function fewerEdits(
  steps: readonly Step[],
  index: number,
  stillBreaks: (steps: readonly Step[]) => Promise<boolean>,
): Promise<readonly Step[]> {
  let best = steps;
  for (let edit = 0; ;) {
    const step = best[index]!;
    if (step.event.type !== 'Commit' || edit >= step.event.edits.length || step.event.edits.length === 1) return best;
    const event = { ...step.event, edits: step.event.edits.filter((_, at) => at !== edit) };
    const fewer = best.with(index, { ...step, event });
    if (await stillBreaks(fewer)) best = fewer;
    else edit += 1;
  }
}
