/**
 * The snapshots of several roots as the one that an engine has, and back again: a control that starts beside an engine that
 * serves finds out what each root has in force. Pure.
 *
 * G1 A root speaks for its own namespaces only: rules of other namespaces are left out, its ceilings hold for its own.
 * G2 Nothing that serves is taken away by another root: of rules that claim the same requests, the one in force before
 *    stays, else that of the root that stands first in the host's file.
 */
import { HeldMatches } from '../../model/held-matches.ts';
import { matchKey, precedence, type Match } from '../../model/route.ts';
import type { Ceilings, GrantsInForce, Preview, Snapshot, SnapshotRule } from '../../model/snapshot.ts';

export interface RootScope {
  readonly name: string;
  readonly namespaces: readonly string[];
}

/** What one root wants in force, by its own generation. */
export type Part = Snapshot;

/** A rule that is left out, and the one of another root that it would take requests from. */
export interface RouteConflict {
  readonly root: string;
  readonly rule: SnapshotRule;
  readonly heldBy: string;
  readonly other: SnapshotRule;
}

export interface Merged {
  readonly snapshot: Snapshot;
  readonly conflicts: readonly RouteConflict[];
}

/** `holders`: which root each match in force belongs to, by `matchKey`. */
export function mergeParts(
  roots: readonly RootScope[],
  parts: ReadonlyMap<string, Part>,
  holders: ReadonlyMap<string, string>,
  generation: number,
  commit: string,
): Merged {
  const present = roots.flatMap((root) => {
    const part = parts.get(root.name);
    return part ? [{ root, part }] : [];
  });
  const { rules, conflicts } = settleRules(present, holders);
  const previews = present.flatMap(({ root, part }) =>
    (part.previews ?? []).filter(({ rules: [first] }) => first !== undefined && owns(root, first.entry)),
  );
  const remotes = present.flatMap(({ root, part }) => (part.remotes ?? []).filter(({ entry }) => owns(root, entry)));
  const grants = present.flatMap(({ root, part }) => (part.grants ? [scoped(root, part.grants)] : []));
  // Every field is named, so that a new one does not compile before somebody has thought of several roots.
  const whole: { readonly [Field in keyof Required<Snapshot>]: Snapshot[Field] | undefined } = {
    generation,
    commit,
    rules,
    releaseHeader: present.every(({ part }) => part.releaseHeader),
    parts: Object.fromEntries(present.map(({ root, part }) => [root.name, part.generation])),
    previews: previews.length > 0 ? previews : undefined,
    remotes: remotes.length > 0 ? remotes : undefined,
    grants: grants.length > 0 ? together(grants) : undefined,
    // Of one engine among several: said on the way to it, and where each is sent what is its own.
    elsewhere: undefined,
    // The host's to say: set on the way to the engine.
    previewAccess: undefined,
  };
  const said = Object.entries(whole).filter(([, value]) => value !== undefined);
  return { snapshot: Object.fromEntries(said) as unknown as Snapshot, conflicts };
}

/** What of a merged snapshot is whose. Roots that had no part in it are not there. */
export function splitParts(roots: readonly RootScope[], snapshot: Snapshot): ReadonlyMap<string, Part> {
  const parts = new Map<string, Part>();
  for (const root of roots) {
    const generation = snapshot.parts?.[root.name];
    if (generation === undefined) continue;
    const { releaseHeader, commit, grants } = snapshot;
    const previews = (snapshot.previews ?? []).filter((preview) => isOf(root, preview));
    const remotes = (snapshot.remotes ?? []).filter(({ entry }) => owns(root, entry));
    parts.set(root.name, {
      generation,
      commit,
      releaseHeader,
      rules: snapshot.rules.filter(({ entry }) => owns(root, entry)),
      ...(previews.length > 0 ? { previews } : {}),
      ...(remotes.length > 0 ? { remotes } : {}),
      ...(grants ? { grants: scoped(root, grants) } : {}),
    });
  }
  return parts;
}

/** Whose each match of a snapshot is. */
export function holdersOf(
  roots: readonly RootScope[],
  { rules }: Pick<Snapshot, 'rules'>,
): ReadonlyMap<string, string> {
  const rootOf = new Map(roots.flatMap(({ name, namespaces }) => namespaces.map((namespace) => [namespace, name])));
  return new Map(
    rules.flatMap(({ match, entry }): [string, string][] => {
      const root = rootOf.get(namespaceOf(entry));
      return root === undefined ? [] : [[matchKey(match), root]];
    }),
  );
}

export function namespaceOf(key: string): string {
  return key.slice(0, key.indexOf('/'));
}

export function owns({ namespaces }: RootScope, key: string): boolean {
  return namespaces.includes(namespaceOf(key));
}

function isOf(root: RootScope, { rules: [first] }: Preview): boolean {
  return first !== undefined && owns(root, first.entry);
}

interface Claim {
  readonly root: string;
  readonly rule: SnapshotRule;
  readonly match: Match;
}

/** G2. */
function settleRules(
  present: readonly { readonly root: RootScope; readonly part: Part }[],
  holders: ReadonlyMap<string, string>,
): { readonly rules: readonly SnapshotRule[]; readonly conflicts: readonly RouteConflict[] } {
  const claims = present.flatMap(({ root, part }) =>
    part.rules
      .filter(({ entry }) => owns(root, entry))
      .map((rule): Claim => ({ root: root.name, rule, match: rule.match })),
  );
  const isHeld = ({ root, rule }: Claim): boolean => holders.get(matchKey(rule.match)) === root;
  const settled: Claim[] = [];
  const held = new HeldMatches<Claim>();
  const conflicts: RouteConflict[] = [];
  for (const claim of [...claims.filter(isHeld), ...claims.filter((one) => !isHeld(one))]) {
    const { root, rule } = claim;
    const other = held.find(rule.match, (one) => one.root !== root);
    if (other) {
      conflicts.push({ root, rule, heldBy: other.root, other: other.rule });
      continue;
    }
    settled.push(claim);
    held.add(claim);
  }
  const rules = settled.map(({ rule }) => rule).sort((a, b) => precedence(a.match, b.match));
  return { rules, conflicts };
}

/** G1: `*` of a root's Policy is every namespace of that root. */
function scoped(root: RootScope, { ceilings, groups }: GrantsInForce): GrantsInForce {
  return {
    ceilings: ceilings.flatMap((ceiling): Ceilings[] => {
      const { namespaces } = ceiling;
      const own = namespaces.includes('*')
        ? root.namespaces
        : namespaces.filter((namespace) => root.namespaces.includes(namespace));
      return own.length > 0 ? [{ ...ceiling, namespaces: own }] : [];
    }),
    groups: groups.filter(({ group }) => owns(root, group)),
  };
}

function together(grants: readonly GrantsInForce[]): GrantsInForce {
  return {
    ceilings: grants.flatMap(({ ceilings }) => ceilings),
    groups: grants.flatMap(({ groups }) => groups).sort((a, b) => (a.group < b.group ? -1 : 1)),
  };
}
