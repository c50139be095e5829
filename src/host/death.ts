import type { ReplicaEnd } from '../model/engine.ts';
import type { LimitName } from '../model/limits.ts';
import { problem, type Problem } from '../model/problem.ts';
import { describeExit } from './spawner/exit.ts';
import type { CellDeath } from './cell-process.ts';

/** V8 and Node say one of these before they give up for want of memory. */
const OUT_OF_MEMORY = /out of memory|allocation failed|bad_alloc|cannot allocate memory/i;

/** What it means that a process ended by itself. `exit` is undefined where nobody saw how. */
export function reasonOfDeath(
  replica: string,
  exit: CellDeath | undefined,
  wasLoading: boolean,
): { readonly end: ReplicaEnd; readonly problem: Problem } {
  if (exit?.because !== undefined) {
    const why = `${replica} ended with the process that it shared, because of ${exit.because}`;
    return { end: 'WithOthers', problem: problem('HW4140', why) };
  }
  if (exit && OUT_OF_MEMORY.test(exit.stderr)) {
    return { end: 'LimitExceeded', problem: problem('HW4109', `${replica}: ${firstLine(describeExit(exit))}`) };
  }
  const how = exit ? describeExit(exit) : 'its channel closed, and nobody saw how the process ended';
  if (wasLoading) return { end: 'StartFailed', problem: problem('HW4104', `${replica}, while it was loaded: ${how}`) };
  return { end: 'Crashed', problem: problem('HW4107', `${replica}: ${how}`) };
}

/** The limit that a replica ended for, by the code of its problem. */
export function limitOfEnd(why: Problem | undefined): LimitName | undefined {
  if (why?.code === 'HW4105') return 'startTimeout';
  return why?.code === 'HW4109' ? 'processMemory' : undefined;
}

/** V8's last words are a page of addresses below the line that says it. */
function firstLine(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  const said = lines.find((line) => OUT_OF_MEMORY.test(line));
  return said === undefined || said === lines[0] ? lines[0]! : `${lines[0]} ${said}`;
}
