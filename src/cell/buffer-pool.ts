/**
 * Buffers of 64 kB for what flows through a cell, used again and again: to get one and to free it is a system call each in a
 * cell, and its pages are new to the process each time (ADR 0150). What was in one before is written over before it is read.
 */
import { freeMemory } from '../kit/lent-memory.ts';

export const POOLED_BYTES = 64 * 1024;
/** The windows of eight streams. */
const MAX_SPARE_BUFFERS = 32;

const spare: Buffer<ArrayBuffer>[] = [];

export function takeBuffer(): Buffer<ArrayBuffer> {
  return spare.pop() ?? (Buffer.allocUnsafeSlow(POOLED_BYTES) as Buffer<ArrayBuffer>);
}

/** Of what `takeBuffer` gave; nobody looks at it any more. */
export function giveBuffer(buffer: Buffer<ArrayBuffer>): void {
  if (spare.length < MAX_SPARE_BUFFERS) spare.push(buffer);
  else freeMemory(buffer);
}
