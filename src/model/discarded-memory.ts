/**
 * Bytes of memories that a cell has let go of and V8 has not collected yet: beyond that, the cell collects before it makes the
 * next instance, and the cap of its process has room for as much (ADR 0157).
 */
export const MAX_DISCARDED_BYTES = 64 * 2 ** 20;
