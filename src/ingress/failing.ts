/** Which statuses of a guest count as failures: looked up by status, made when a snapshot comes. */
const STATUSES = 600;
const FIRST_OF = { '4xx': 400, '5xx': 500 } as const;

/** 1 at each status that is a failure. `4xx`, `5xx` or single statuses; absent: every 5xx. */
export function failingStatuses(written: readonly string[] = ['5xx']): Uint8Array {
  const table = new Uint8Array(STATUSES);
  for (const status of written) {
    if (status === '4xx' || status === '5xx') table.fill(1, FIRST_OF[status], FIRST_OF[status] + 100);
    else table[Number(status)] = 1;
  }
  return table;
}
