import type { PlannedCall } from '../../check/trial/plan-calls.ts';
import type { TrialCase } from '../../check/trial/report.ts';
import { Caller } from '../../check/trial/send.ts';
import { fateIn } from '../../check/trial/settled.ts';
import { CODES } from '../../model/codes.ts';
import type { Status } from '../../model/status.ts';

export interface Checking {
  readonly origin: string;
  /** At the end of the rollouts. */
  readonly status: Status;
  /** Entries whose rollout is a failure in the report already. */
  readonly failed: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

/** The calls of the head's Checks; of what does not serve none is made, and that is a failure once. */
export async function checked(
  calls: readonly PlannedCall[],
  { origin, status, failed, signal }: Checking,
): Promise<readonly TrialCase[]> {
  const caller = new Caller(origin);
  const cases: TrialCase[] = [];
  for (const call of calls) {
    if (signal.aborted) break;
    const missing = call.entries.find((key) => fateIn(status, key).type !== 'Serving');
    if (missing === undefined) cases.push(await caller.check(call));
    else {
      const common = { suite: 'checks', name: call.name, span: call.span } as const;
      const message = `what the head says of ${missing} does not serve`;
      const { remedy } = CODES.HW5115;
      cases.push(
        failed.has(missing)
          ? { ...common, outcome: 'Skipped', message }
          : { ...common, outcome: 'Failed', message, code: 'HW5115', remedy },
      );
    }
  }
  await caller.close();
  return cases;
}
