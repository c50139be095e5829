/**
 * What a merge would do, from git alone: the desired states of two commits, compared with the daemon's own identities
 * and its own gate. Pure: the same two states give the same plan in CI and on a laptop.
 */
import { short } from '../../kit/digest.ts';
import { identitiesOf, type IdentityCache } from '../../decide/identity.ts';
import type { EntryKey } from '../../model/component.ts';
import type { Desired, DesiredEntry } from '../../model/desired.ts';
import type { BindingTier } from '../../model/engine.ts';
import { suspensionsOf } from '../../model/blocking.ts';
import type { Problem } from '../../model/problem.ts';
import type { ShapeOf } from '../../model/wit.ts';
import { breaksBetween, type Break } from './contracts.ts';
import { differences } from './differences.ts';
import { grantChanges, policyChanges, type GrantChange } from './grants.ts';
import type { Live, LiveEntry } from './live.ts';
import { lostVersion } from './migration.ts';
import { deletionBetween, partiesBetween, type PlannedDeletion } from './together.ts';
import { walkOf, type PlannedWalk } from './walk.ts';

export type Change =
  /** Not there before: first deployment. */
  | 'Add'
  /** Another revision: other cells, the whole walk. */
  | 'Replace'
  /** The same cells, other triggers: one assignment and a bake. */
  | 'Retrigger'
  /** Neither content nor triggers: settings of the rollout, scaling, labels. Nothing is tried. */
  | 'Settings'
  | 'Remove'
  | 'Invalid';

export interface PlannedEntry {
  readonly key: EntryKey;
  readonly change: Change;
  /** Full hashes; people see the first twelve digits. */
  readonly base?: { readonly revision: string; readonly release: string };
  readonly head?: { readonly revision: string; readonly release: string; readonly attempt: string };
  /** What differs, one line each. */
  readonly differences: readonly string[];
  /** What it may touch that it could not, and the other way round; escalations first. */
  readonly grants: readonly GrantChange[];
  /** Callers that its new types leave behind. */
  readonly breaks: readonly Break[];
  /** Where its calls may wait, if that changes or the entry is new: an export that can come there costs a promise whether it waits or not. */
  readonly suspends?: readonly string[];
  /** Of a component that is new: which bindings it gets, and why no better ones. */
  readonly bindings?: { readonly tier: BindingTier; readonly reason?: string };
  /** Absent where nothing walks: removals, settings, refusals. */
  readonly walk?: PlannedWalk;
  /** Name of the lock-step that it declares. */
  readonly group?: string;
  /** The others that walk with it: of its group, of a moved match, of a rename. */
  readonly together: readonly EntryKey[];
  /** With `--live`. */
  readonly live?: LiveEntry;
  /** Why it would not start or is not valid. */
  readonly problems: readonly Problem[];
}

export interface Plan {
  readonly base: string;
  readonly head: string;
  readonly entries: readonly PlannedEntry[];
  /** Ceilings that rise or fall, and settings of the Environment. */
  readonly policies: readonly GrantChange[];
  /** What leaves, and whether the guard lets it. */
  readonly deletion?: PlannedDeletion;
  readonly live?: Live;
  /** Errors of the head that belong to no entry of the plan. */
  readonly problems: readonly Problem[];
}

export function planOf(base: Desired, head: Desired, shapeOf: ShapeOf = () => undefined): Plan {
  const cache: IdentityCache = new WeakMap();
  const invalid = new Map<string, readonly Problem[]>();
  const problems: Problem[] = [];
  for (const document of head.invalid) {
    const key = document.kind === 'Component' && document.name ? `${document.namespace}/${document.name}` : undefined;
    if (key) invalid.set(key, document.problems);
    else problems.push(...document.problems);
  }
  const keys = new Set<string>([...base.entries.keys(), ...head.entries.keys(), ...invalid.keys()]);
  const entries: PlannedEntry[] = [];
  const parties = partiesBetween(base, head, cache);
  const broken = breaksBetween(base, head, shapeOf);
  for (const key of [...keys].sort() as EntryKey[]) {
    const [before, after] = [base.entries.get(key), head.entries.get(key)];
    const planned = planEntry(key, before, after, invalid.get(key), cache);
    const together = (parties.of.get(key)?.members ?? []).filter((member) => member !== key);
    const suspends = after && suspensionChange(before, after, shapeOf);
    if (planned)
      entries.push({ ...planned, together, breaks: broken.get(key) ?? [], ...(suspends ? { suspends } : {}) });
  }
  const deletion = deletionBetween(base, head, parties);
  const policies = policyChanges(base, head);
  return { base: base.commit, head: head.commit, entries, policies, ...(deletion ? { deletion } : {}), problems };
}

/** Every escalation of a plan: what `--fail-on escalation` is about. */
export function escalationsOf({ entries, policies }: Plan): readonly GrantChange[] {
  return [...policies, ...entries.flatMap(({ grants }) => grants)].filter(({ escalation }) => escalation);
}

function planEntry(
  key: EntryKey,
  before: DesiredEntry | undefined,
  after: DesiredEntry | undefined,
  invalid: readonly Problem[] | undefined,
  cache: IdentityCache,
): Omit<PlannedEntry, 'together' | 'breaks'> | undefined {
  const was = before && identitiesOf(before, cache);
  const base = was && { revision: was.revision, release: was.release };
  if (invalid)
    return { key, change: 'Invalid', ...(base ? { base } : {}), differences: [], grants: [], problems: invalid };
  if (!after) return base && { key, change: 'Remove', base, differences: [], grants: [], problems: [] };

  const { secretless: _, ...head } = identitiesOf(after, cache);
  const changed = before ? differences(before, after) : [];
  const change = changeOf(was, head, changed);
  if (!change) return undefined;
  const problems = [...after.refusals, ...lostVersion(before, after)];
  const walks = change !== 'Settings' && problems.length === 0;
  return {
    key,
    change,
    ...(base ? { base } : {}),
    head,
    differences: changed,
    grants: grantChanges(before, after),
    ...(walks ? { walk: walkOf(after, change, before) } : {}),
    ...(after.rollout.group === undefined ? {} : { group: after.rollout.group }),
    problems,
  };
}

function suspensionChange(
  before: DesiredEntry | undefined,
  after: DesiredEntry,
  shapeOf: ShapeOf,
): readonly string[] | undefined {
  const now = suspensionsOf(after.members, shapeOf);
  const was = before && suspensionsOf(before.members, shapeOf);
  if (!now || (before && !was)) return undefined;
  return now.join() === (was ?? []).join() ? undefined : now;
}

function changeOf(
  was: { readonly revision: string; readonly release: string; readonly attempt: string } | undefined,
  head: { readonly revision: string; readonly release: string; readonly attempt: string },
  changed: readonly string[],
): Change | undefined {
  if (!was) return 'Add';
  if (was.revision !== head.revision) return 'Replace';
  if (was.release !== head.release) return 'Retrigger';
  if (was.attempt !== head.attempt || changed.length > 0) return 'Settings';
  return undefined;
}

/** `a1b2c3d4e5f6 → 0f9e8d7c6b5a`, with `-` for a side that is not there. */
export function arrow(before: string | undefined, after: string | undefined): string {
  return `${before ? short(before) : '-'} → ${after ? short(after) : '-'}`;
}
