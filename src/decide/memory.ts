import type { Json } from '../kit/json.ts';
import type { EntryKey } from '../model/component.ts';
import type { Bake, Candidate, EntryMemory, Memory, Serving } from '../model/memory.ts';
import { IDENTITY } from './identity.ts';

export const MAX_ENDS = 20;
export const MAX_GROUP_ENDS = 50;
export const MAX_COMMITS = 50;
export const MAX_FAILURES = 20;
export const MAX_ROLLBACKS = 20;
export const MAX_WARM = 2;

/** A copy whose own fields may be replaced while one decision is made; the values in them are never changed. */
export type Draft<T> = { -readonly [Field in keyof T]: T[Field] };
export type EntryDraft = Draft<EntryMemory>;
export type MemoryDraft = Draft<Omit<Memory, 'entries'>>;

export const EMPTY_MEMORY: Memory = {
  version: 1,
  identity: IDENTITY,
  clockMs: 0,
  nextReplica: 1,
  nextRun: 1,
  snapshot: { generation: 0, hash: '', groups: [], commit: '' },
  entries: {},
  groupEnds: [],
  commits: [],
};

const EMPTY_ENTRY: EntryMemory = {
  warm: [],
  ledger: [],
  ends: [],
  rollbacks: [],
  preemptions: 0,
  replicas: [],
  failures: [],
  counters: {},
  conditions: {},
  reverted: false,
};

/**
 * What the journal kept, for the first decision of this process: its monotonic clock means nothing any more, so the
 * first decision counts no time. Undefined: not a memory of this version, and the caller must not guess.
 */
export function resumeMemory(value: Json | undefined): Memory | undefined {
  if (value === undefined || value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  const memory = value as unknown as Memory;
  if (memory.version !== EMPTY_MEMORY.version || memory.identity !== IDENTITY) return undefined;
  return { ...memory, lastMonotonicMs: undefined };
}

export function draftEntries(memory: Memory): Map<EntryKey, EntryDraft> {
  const drafts = new Map<EntryKey, EntryDraft>();
  for (const [key, entry] of Object.entries(memory.entries)) drafts.set(key as EntryKey, { ...entry });
  return drafts;
}

export function newEntry(): EntryDraft {
  return { ...EMPTY_ENTRY };
}

/** An entry about which nothing changed stays the value that it was: the journal then writes nothing of it. */
export function sealed(
  memory: MemoryDraft,
  entries: ReadonlyMap<EntryKey, EntryDraft>,
  before: Memory['entries'],
): Memory {
  const sorted = [...entries].sort(([one], [other]) => (one < other ? -1 : 1));
  const kept = sorted.map(([key, draft]) => [key, keep(before[key], draft)] as const);
  return { ...memory, entries: Object.fromEntries(kept) };
}

/** The first of two objects, where their fields are the very same values: what stays equal stays identical. */
export function keep<T extends object>(before: T | undefined, after: T): T {
  if (!before) return after;
  const fields = Object.keys(after) as (keyof T)[];
  if (fields.some((field) => !Object.is(before[field], after[field]))) return after;
  return (Object.keys(before) as (keyof T)[]).every((field) => Object.is(before[field], after[field])) ? before : after;
}

export function withCandidate(entry: EntryDraft, change: Partial<Candidate>): void {
  if (entry.candidate) entry.candidate = { ...entry.candidate, ...change };
}

export function withServing(entry: EntryDraft, change: Partial<Serving>): void {
  if (entry.serving) entry.serving = { ...entry.serving, ...change };
}

export function withBake(entry: EntryDraft, change: Partial<Bake>): void {
  if (entry.serving?.bake) entry.serving = { ...entry.serving, bake: { ...entry.serving.bake, ...change } };
}
