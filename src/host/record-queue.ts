import type { AccessPage, AccessRecord } from '../model/audit.ts';

/** Records that control has not taken yet; one more pushes the oldest out. */
export const MAX_RECORDS = 10_000;
/** Of one answer to control. */
const MAX_TAKEN = 1_000;

/** Records in the order in which they came, each with a number: taken again until somebody says that they arrived. */
export class RecordQueue {
  readonly #records: AccessRecord[] = [];
  /** Number of the first in the list. */
  #first = 1;
  #lost = 0;

  add(records: readonly AccessRecord[]): void {
    for (const record of records) this.#records.push(record);
    const surplus = this.#records.length - MAX_RECORDS;
    if (surplus <= 0) return;
    for (const { count } of this.#records.splice(0, surplus)) this.#lost += count;
    this.#first += surplus;
  }

  /** What came after the one numbered `after`; those up to it have arrived, and are dropped. */
  take(after: number): AccessPage {
    const arrived = Math.min(Math.max(0, after + 1 - this.#first), this.#records.length);
    this.#records.splice(0, arrived);
    this.#first += arrived;
    const records = this.#records.slice(0, MAX_TAKEN);
    return { last: this.#first - 1 + records.length, records, lost: this.#lost };
  }
}
