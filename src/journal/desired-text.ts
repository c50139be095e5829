import type { EntryKey } from '../model/component.ts';
import type { Desired, DesiredEntry } from '../model/desired.ts';

/** `entries` is the one map of a desired state; written as pairs, it keeps its order and any key. */
export function desiredToText(desired: Desired): string {
  return JSON.stringify({ ...desired, entries: [...desired.entries] });
}

/** @throws SyntaxError or TypeError for what `desiredToText` has not written. */
export function desiredFromText(text: string): Desired {
  const value = JSON.parse(text) as Omit<Desired, 'entries'> & { entries: readonly [EntryKey, DesiredEntry][] };
  if (typeof value.commit !== 'string' || !Array.isArray(value.entries)) throw new TypeError('not a desired state');
  return { ...value, entries: new Map(value.entries) };
}
