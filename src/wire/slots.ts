/**
 * Cells that share a process. Each slot has its two descriptors from the start of the process, because nothing can be handed
 * to one that runs: it has no channel on which descriptors travel. An ordinary cell is a process of one slot.
 *
 * A thread that spins answers nothing, and still somebody must learn whose guest it runs. So the process says it before each
 * turn where it has changed, in the name of its thread, which the kernel keeps and the engine reads (`/proc/<pid>/comm`).
 */

/**
 * Cells of one process. A runtime of 17 MB is divided by it: of eight, a ninth would save each another 0.2 MB, and one more
 * would go down with whoever takes the process along.
 */
export const MAX_SLOTS = 8;

/** 0 to 2 are the standard ones, of which a cell has the last. */
const FIRST_DESCRIPTOR = 3;

export interface SlotDescriptors {
  /** To the engine. */
  readonly channel: number;
  /** To the broker. */
  readonly broker: number;
}

export function descriptorsOf(slot: number): SlotDescriptors {
  return { channel: FIRST_DESCRIPTOR + 2 * slot, broker: FIRST_DESCRIPTOR + 2 * slot + 1 };
}

/** The first descriptor that no slot has. */
export function descriptorAfter(slots: number): number {
  return descriptorsOf(slots).channel;
}

export function nameOfSlot(slot: number): string {
  return `slot ${slot}`;
}

/** The slot whose turn it is, from the name of a thread; undefined where it says none. */
export function slotOfName(name: string): number | undefined {
  const slot = /^slot ([0-9]{1,3})$/.exec(name.trim())?.[1];
  return slot === undefined ? undefined : Number(slot);
}
