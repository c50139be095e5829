/** What the broker reports: guests that write to the store that they were granted, as the ceilings in force let them. */
import type { AccessPage, AccessRecord } from '../../src/model/audit.ts';
import type { CellPlan } from '../../src/model/decision.ts';
import type { Ceilings, GroupId } from '../../src/model/snapshot.ts';

/** A use of a group is told once in so many: the real one counts equal ones together. */
const TOLD_EVERY = 50;

export class UsesModel {
  #records: Omit<AccessRecord, 'atWallMs'>[] = [];
  readonly #counts = new Map<GroupId, number>();

  /** Another engine counts from one again. */
  restart(): void {
    this.#records = [];
    this.#counts.clear();
  }

  /** A request was answered by such a cell. */
  used({ group, members }: CellPlan, ceilings: readonly Ceilings[]): void {
    const member = members.find(({ capabilities }) => capabilities.length > 0);
    if (!member) return;
    const count = this.#counts.get(group) ?? 0;
    this.#counts.set(group, count + 1);
    if (count % TOLD_EVERY !== 0) return;
    const [grant] = member.capabilities;
    const needs = { store: String(grant!.settings['store']), access: 'ReadWrite' };
    this.#records.push({
      component: member.key,
      group,
      capability: grant!.capability,
      grant: grant!.name,
      outcome: allows(ceilings, needs.store) ? 'Allowed' : 'Denied',
      asked: `set ${needs.store}`,
      needs,
      why: '',
      count: TOLD_EVERY,
    });
  }

  after(last: number, wallMs: number): AccessPage {
    const records = this.#records.slice(last).map((record) => ({ ...record, atWallMs: wallMs }));
    return { last: last + records.length, records, lost: 0 };
  }
}

/** Whether every Policy lets a store be written to. */
export function allows(ceilings: readonly Ceilings[], store: string): boolean {
  return ceilings.every(({ capabilities }) =>
    capabilities.some(({ settings }) => (settings['stores'] as readonly string[] | undefined)?.includes(store)),
  );
}
