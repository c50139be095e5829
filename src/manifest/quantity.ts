import type { Result } from '../kit/result.ts';
import { parseCpu, parseDuration, parsePercent, parseSize } from '../kit/units.ts';

/** The annotation `x-quantity` of the schemas: bounds that a pattern cannot say. Other validators ignore it. */
export interface Quantity {
  readonly unit: string;
  readonly min: string;
  readonly max: string;
}

const PARSERS: Readonly<Record<string, (text: string) => Result<number, string>>> = {
  duration: parseDuration,
  size: parseSize,
  'amount of processors': parseCpu,
  percentage: parsePercent,
};

/** Milliseconds, bytes, thousandths of a processor or a share, by unit; undefined where the text is malformed. */
export function amountOf(unit: string, text: string): number | undefined {
  const parsed = PARSERS[unit]?.(text);
  return parsed?.ok ? parsed.value : undefined;
}

/** Malformed text is not for this check: the pattern says so. */
export function withinQuantity(quantity: Quantity, text: string): boolean {
  const amount = amountOf(quantity.unit, text);
  if (amount === undefined) return true;
  return amount >= amountOf(quantity.unit, quantity.min)! && amount <= amountOf(quantity.unit, quantity.max)!;
}

/** Milliseconds of a duration that the schema has checked. */
export function milliseconds(text: string): number {
  return checked(amountOf('duration', text), text);
}

/** Bytes of a size that the schema has checked. */
export function bytesOf(text: string): number {
  return checked(amountOf('size', text), text);
}

/** Thousandths of a processor of an amount that the schema has checked. */
export function processorMillis(text: string): number {
  return checked(amountOf('amount of processors', text), text);
}

/** The share, 1 being all, of a percentage that the schema has checked. */
export function share(text: string): number {
  return checked(amountOf('percentage', text), text);
}

/** @throws Error when the schema let something through: a bug. */
function checked(amount: number | undefined, text: string): number {
  if (amount === undefined) throw new Error(`"${text}" passed the schema and is not a quantity`);
  return amount;
}
