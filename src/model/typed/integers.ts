/** Integers of WIT: their ranges, and how they travel. */
export interface IntegerRange {
  readonly min: bigint;
  readonly max: bigint;
  /** As a decimal string in JSON: beyond 2^53 other languages' numbers, and JavaScript's, are not exact. */
  readonly isWide: boolean;
}

function range(bits: bigint, signed: boolean): IntegerRange {
  const min = signed ? -(2n ** (bits - 1n)) : 0n;
  return { min, max: min + 2n ** bits - 1n, isWide: bits === 64n };
}

export const INTEGERS: Readonly<Record<string, IntegerRange>> = {
  s8: range(8n, true),
  u8: range(8n, false),
  s16: range(16n, true),
  u16: range(16n, false),
  s32: range(32n, true),
  u32: range(32n, false),
  s64: range(64n, true),
  u64: range(64n, false),
};
