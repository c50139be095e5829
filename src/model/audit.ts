import type { EntryKey } from './component.ts';
import type { GroupId } from './snapshot.ts';

/**
 * `Allowed`: granted, within the ceilings. `Denied`: the guest got its interface's own error. `Audited`: it would have
 * been denied, and `enforcement: Audit` of a grant or Policy let it through.
 */
export type AccessOutcome = 'Allowed' | 'Denied' | 'Audited';

/** One use, or several equal ones counted together, of the outside world by a guest. A line of the audit. */
export interface AccessRecord {
  /** Wall clock in milliseconds of the first of them. */
  readonly atWallMs: number;
  readonly component: EntryKey;
  /** `namespace/name@revision`: the content that ran. */
  readonly group: GroupId;
  /** The release that had the traffic of the group, and the commit that showed it first; absent where none was published. */
  readonly release?: string | undefined;
  readonly commit?: string | undefined;
  /** `keyValue`, … */
  readonly capability: string;
  /** Name of the grant; empty where none covers what was asked. */
  readonly grant: string;
  readonly outcome: AccessOutcome;
  /** `set carts`: the function and the object in the guest's words; never a value. At most 256 characters. */
  readonly asked: string;
  /** What a grant or a ceiling has to hold for it, in the words of its capability: `{store: carts, access: ReadOnly}`. */
  readonly needs?: { readonly [field: string]: string } | undefined;
  /** Why it was denied, or would have been; empty for `Allowed`. */
  readonly why: string;
  /** How many; 1 or more. First uses and first denials of their kind come at once, repetitions are counted together. */
  readonly count: number;
}

/** Records that an engine has, in the order in which they came. */
export interface AccessPage {
  /** Number of the last one in `records`, or what was asked for: what to ask for the next time. */
  readonly last: number;
  readonly records: readonly AccessRecord[];
  /** How many uses since the start of the engine were given up because nobody took them for too long. */
  readonly lost: number;
}
