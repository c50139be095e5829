/**
 * Uses and denials on their way from the engine to the audit.
 *
 * U1 A record is forgotten by the engine only when it is asked for what comes after it, and that is after the audit has
 *    it: control or the engine may end at any moment in between, and at worst a record is written twice.
 * U2 One look at a time; a change in the middle of one is another look.
 */
import type { Logger } from 'pino';
import type { AccessRecord } from '../model/audit.ts';
import type { AuditPort, EnginePort } from './ports.ts';

export interface Access {
  /** Takes what there is, from this engine process. Returns at once. */
  look(epoch: string): void;
  /** Resolves when no look is under way. */
  idle(): Promise<void>;
}

export function createAccess(
  engine: Pick<EnginePort, 'records'>,
  audit: AuditPort,
  log: Logger,
  taken: (records: readonly AccessRecord[]) => void = () => undefined,
): Access {
  let epoch: string | undefined;
  let last = 0;
  let lost = 0;
  let again = false;
  let flight: Promise<void> | undefined;

  function look(present: string): void {
    if (present !== epoch) {
      epoch = present;
      last = 0;
      lost = 0;
    }
    again = true;
    flight ??= takeAll().finally(() => {
      flight = undefined;
    });
  }

  async function takeAll(): Promise<void> {
    while (again) {
      again = false;
      while (await takeOne()) again = false;
    }
  }

  /** True where there may be more. */
  async function takeOne(): Promise<boolean> {
    const of = epoch;
    const page = await engine.records(last);
    // Another engine counts from one again; what this one said is its own affair.
    if (!page.ok || of !== epoch) return false;
    const { records } = page.value;
    if (page.value.lost > lost) {
      const written = audit.lost(page.value.lost - lost);
      if (!written.ok) return failed(written.error);
      lost = page.value.lost;
    }
    if (records.length === 0) return false;
    const written = audit.record(records);
    if (!written.ok) return failed(written.error);
    last = page.value.last;
    taken(records);
    return true;
  }

  function failed(problem: object): false {
    log.error({ problem }, 'uses of grants cannot be written down: the engine keeps them until they can');
    return false;
  }

  return { look, idle: () => flight ?? Promise.resolve() };
}
