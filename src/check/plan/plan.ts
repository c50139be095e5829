/**
 * What a merge would do, from git alone: the desired states of two commits, compared with the daemon's own identities
 * and its own gate. Pure: the same two states give the same plan in CI and on a laptop.
 */
import { short } from '../../kit/digest.ts';
import { identitiesOf, type IdentityCache } from '../../decide/identity.ts';
import type { EntryKey } from '../../model/component.ts';
import type { Desired, DesiredEntry } from '../../model/desired.ts';
import type { Problem } from '../../model/problem.ts';
import { differences } from './differences.ts';
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
  /** Absent where nothing walks: removals, settings, refusals. */
  readonly walk?: PlannedWalk;
  /** Name of the lock-step that it belongs to. */
  readonly group?: string;
  /** Why it would not start or is not valid. */
  readonly problems: readonly Problem[];
}

export interface Plan {
  readonly base: string;
  readonly head: string;
  readonly entries: readonly PlannedEntry[];
  /** Errors of the head that belong to no entry of the plan. */
  readonly problems: readonly Problem[];
}

export function planOf(base: Desired, head: Desired): Plan {
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
  for (const key of [...keys].sort() as EntryKey[]) {
    const planned = planEntry(key, base.entries.get(key), head.entries.get(key), invalid.get(key), cache);
    if (planned) entries.push(planned);
  }
  return { base: base.commit, head: head.commit, entries, problems };
}

function planEntry(
  key: EntryKey,
  before: DesiredEntry | undefined,
  after: DesiredEntry | undefined,
  invalid: readonly Problem[] | undefined,
  cache: IdentityCache,
): PlannedEntry | undefined {
  const was = before && identitiesOf(before, cache);
  const base = was && { revision: was.revision, release: was.release };
  if (invalid) return { key, change: 'Invalid', ...(base ? { base } : {}), differences: [], problems: invalid };
  if (!after) return base && { key, change: 'Remove', base, differences: [], problems: [] };

  const { secretless: _, ...head } = identitiesOf(after, cache);
  const changed = before ? differences(before, after) : [];
  const change = changeOf(was, head, changed);
  if (!change) return undefined;
  const walks = change !== 'Settings' && after.refusals.length === 0;
  return {
    key,
    change,
    ...(base ? { base } : {}),
    head,
    differences: changed,
    ...(walks ? { walk: walkOf(after, change, before) } : {}),
    ...(after.rollout.group === undefined ? {} : { group: after.rollout.group }),
    problems: after.refusals,
  };
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
