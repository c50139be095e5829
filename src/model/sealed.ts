import type { EntryKey } from './component.ts';

/** Whose value it is: inside the ciphertext as well as beside it. */
export interface SealedPlace {
  /** `namespace/name` of the Secret. */
  readonly secret: EntryKey;
  readonly key: string;
  /** Written anew whenever the value is; part of the revision in place of the value. */
  readonly version: string;
}

/** A value of a Secret as it lies in git. Only the cell that was given it gets it in the clear. */
export interface SealedValue extends SealedPlace {
  /** The list of the component that it becomes an item of, and the name there. */
  readonly into: 'env' | 'config';
  readonly name: string;
  /** Base64 of an age file. Not part of the revision: the same value encrypted for other people is the same value. */
  readonly encrypted: string;
}

export function placeText({ secret, key, version }: SealedPlace): string {
  return `Secret ${secret}, key \`${key}\`, version ${version}`;
}
