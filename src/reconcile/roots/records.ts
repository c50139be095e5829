/**
 * Uses of grants for several roots out of the one queue of an engine. The engine forgets what comes before the number that it
 * is asked for, so it is asked for what no root has missed; each root gets what is its own and new to it.
 */
import { err, ok, type Result } from '../../kit/result.ts';
import type { AccessPage } from '../../model/audit.ts';
import { problem, type Problem } from '../../model/problem.ts';
import type { EnginePort } from '../ports.ts';
import { owns, type RootScope } from './merge.ts';

export interface RecordShare {
  /** This root has seen the engine process, whose numbers begin at one. */
  seen(root: string, epoch: string): void;
  records(root: string, after: number): Promise<Result<AccessPage, Problem>>;
}

export function createRecordShare(engine: Pick<EnginePort, 'records'>, roots: readonly RootScope[]): RecordShare {
  let epoch: string | undefined;
  const seenBy = new Map<string, string>();
  /** Up to which number each root has written down what is its own. */
  const written = new Map<string, number>();
  return {
    seen(root, present) {
      if (present !== epoch) {
        epoch = present;
        written.clear();
      }
      seenBy.set(root, present);
    },
    async records(name, after) {
      const root = roots.find((one) => one.name === name)!;
      const of = epoch;
      if (of === undefined || seenBy.get(name) !== of) {
        return err(problem('HW4120', 'the engine is another one than was looked at'));
      }
      written.set(name, Math.max(after, written.get(name) ?? 0));
      for (let seen = -1; ;) {
        const page = await engine.records(Math.min(...roots.map((one) => written.get(one.name) ?? 0)));
        if (!page.ok) return page;
        if (of !== epoch) return err(problem('HW4120', 'the engine is another one than was looked at'));
        const { records, last, lost } = page.value;
        const first = last - records.length + 1;
        const own = records.filter((record, index) => first + index > after && owns(root, record.component));
        if (own.length > 0) return ok({ last, records: own, lost });
        // Nothing of it is its own, so it has it behind it; there may be more where nobody else is further back.
        written.set(name, Math.max(last, written.get(name)!));
        if (records.length === 0 || last <= seen) return ok({ last: after, records: [], lost });
        seen = last;
      }
    },
  };
}
