/**
 * Cells of an engine that has ended: nobody can reach them any more. Its spawner ends them, unless it was killed as well,
 * and then one that spins does not notice that its channel is closed.
 */
import { CellRecords, cellRecordsFolder } from '../host/spawner/records.ts';
import { lockDataFolder } from '../journal/lock.ts';

/** Nothing is swept while an engine holds the folder: it would be another daemon's, and so would its cells. */
export async function sweepLeftCells(runFolder: string): Promise<void> {
  const lock = lockDataFolder(runFolder);
  if (!lock.ok) return;
  try {
    await new CellRecords(cellRecordsFolder(runFolder)).sweep(new Set());
  } finally {
    lock.value.release();
  }
}
