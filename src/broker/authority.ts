/**
 * What one component may do with which store: its grants, and the ceilings of the Policies of its namespace. Made anew
 * with each set of grants in force and then never changed, so that a call that holds one sees one (I2).
 *
 * Invariants
 * A1 What is allowed ⊆ a grant ∩ every ceiling that enforces (I8). Nothing is allowed by default.
 * A2 `enforcement: Audit` lets through what it would deny, and says that it did; another grant or Policy that enforces
 *    still denies. A grant in Audit is about its own store and no other.
 * A3 A mirrored call changes nothing, whatever is granted or audited.
 */
import { storeOf, type Grant } from '../model/component.ts';
import type { AccessOutcome } from '../model/audit.ts';
import type { Ceilings } from '../model/snapshot.ts';
import { ceilingOf, expiresAtWallMs, type Ceiling } from './ceiling.ts';
import type { Counted } from './records.ts';
import type { Quota } from './store.ts';

export interface Verdict {
  readonly outcome: AccessOutcome;
  /** Name of the grant; empty where none is about the store. */
  readonly grant: string;
  /** Empty for `Allowed`. */
  readonly why: string;
  /** Of the grant; absent where it was denied. */
  readonly quota?: Quota | undefined;
  /** What such uses are counted by, for each operation: of `Allowed`, which is one object for a grant. */
  readonly counted?: (Counted | undefined)[];
}

export interface Use {
  readonly write: boolean;
  readonly mirrored: boolean;
  /** Absent where the use is about the store as a whole. */
  readonly key?: Uint8Array | undefined;
}

interface StoreGrant {
  readonly name: string;
  readonly prefix: Buffer | undefined;
  readonly write: boolean;
  readonly expiresAtWallMs: number;
  readonly audit: boolean;
  readonly quota: Quota;
  readonly allowed: Verdict;
}

interface StoreAccess {
  readonly grants: readonly StoreGrant[];
  readonly reading: Ceiling;
  readonly writing: Ceiling;
}

export class Authority {
  readonly #namespace: string;
  readonly #grants: readonly Grant[];
  readonly #ceilings: readonly Ceilings[];
  readonly #stores = new Map<string, StoreAccess>();

  constructor(namespace: string, grants: readonly Grant[], ceilings: readonly Ceilings[]) {
    this.#namespace = namespace;
    this.#grants = grants.filter(({ capability }) => capability === 'keyValue');
    this.#ceilings = ceilings;
    for (const name of new Set(this.#grants.map(storeOf))) this.#stores.set(name, this.#accessTo(name));
  }

  get namespace(): string {
    return this.#namespace;
  }

  judge(store: string, use: Use, wallMs: number): Verdict {
    const access = this.#stores.get(store);
    if (!access) return denied('', 'no grant names this store');
    const { grants } = access;
    if (use.mirrored && use.write) return denied(grants[0]!.name, 'a mirrored call changes nothing');
    const ceiling = use.write ? access.writing : access.reading;
    if (ceiling.denied !== undefined) return denied(grants[0]!.name, ceiling.denied);
    const fitting = grants.find((grant) => shortfall(grant, use, wallMs) === undefined);
    if (fitting) {
      if (ceiling.audited === undefined) return fitting.allowed;
      return { outcome: 'Audited', grant: fitting.name, why: ceiling.audited, quota: fitting.quota };
    }
    const lenient = grants.find(({ audit }) => audit);
    const { name, quota } = lenient ?? grants[0]!;
    const why = shortfall(lenient ?? grants[0]!, use, wallMs)!;
    return lenient ? { outcome: 'Audited', grant: name, why, quota } : denied(name, why);
  }

  /** Whether a page of keys may show this one. */
  mayList(store: string, key: Uint8Array, wallMs: number): boolean {
    const use = { write: false, mirrored: false, key };
    return (this.#stores.get(store)?.grants ?? []).some(
      (grant) => grant.audit || shortfall(grant, use, wallMs) === undefined,
    );
  }

  #accessTo(store: string): StoreAccess {
    return {
      grants: this.#grants.filter((grant) => storeOf(grant) === store).map(storeGrant),
      reading: this.#ceilingOf(store, 'ReadOnly'),
      writing: this.#ceilingOf(store, 'ReadWrite'),
    };
  }

  #ceilingOf(store: string, access: 'ReadOnly' | 'ReadWrite'): Ceiling {
    return ceilingOf(this.#ceilings, this.#namespace, { capability: 'keyValue', settings: { store, access } });
  }
}

function storeGrant(grant: Grant): StoreGrant {
  const { name, settings, enforcement } = grant;
  const { keyPrefix, access, maxSize, maxKeys, maxValueSize } = settings as {
    readonly keyPrefix?: string;
    readonly access: string;
    readonly maxSize: number;
    readonly maxKeys: number;
    readonly maxValueSize: number;
  };
  const quota = { bytes: maxSize, keys: maxKeys, valueBytes: maxValueSize };
  return {
    name,
    prefix: keyPrefix === undefined ? undefined : Buffer.from(keyPrefix, 'utf8'),
    write: access === 'ReadWrite',
    expiresAtWallMs: expiresAtWallMs(grant),
    audit: enforcement === 'Audit',
    quota,
    allowed: { outcome: 'Allowed', grant: name, why: '', quota, counted: [] },
  };
}

/** Why the grant does not cover the use; `undefined` where it does. */
function shortfall(grant: StoreGrant, { write, key }: Use, wallMs: number): string | undefined {
  if (wallMs >= grant.expiresAtWallMs) return 'the grant has expired';
  if (write && !grant.write) return 'the grant is ReadOnly';
  if (key !== undefined && grant.prefix !== undefined && !startsWith(key, grant.prefix)) {
    return 'the key is outside of keyPrefix';
  }
  return undefined;
}

function startsWith(key: Uint8Array, prefix: Buffer): boolean {
  return key.length >= prefix.length && prefix.compare(key, 0, prefix.length) === 0;
}

function denied(grant: string, why: string): Verdict {
  return { outcome: 'Denied', grant, why };
}
