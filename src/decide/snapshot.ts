/**
 * The routes and weights that follow from memory: pure, and with `remotes.ts` the only place where an arm is made.
 *
 * S1 An arm of a candidate is there only while its group has a ready replica.
 * S2 What serves is never taken out of the routes because its replicas are away: the ingress answers 503, or holds in
 *    the mailbox what is for a singleton.
 * S3 What the broker judges by travels with them: one generation is one state of routes, weights and grants.
 * S4 A match goes to the entry that git names when that serves, else to the one that served it before.
 */
import { hashOfJson, short } from '../kit/digest.ts';
import type { Json } from '../kit/json.ts';
import type { EntryKey, Limits } from '../model/component.ts';
import type { Release } from '../model/memory.ts';
import { matchKey, precedence, type RouteRule } from '../model/route.ts';
import type { Arm, GrantsInForce, Preview, RemoteTarget, Snapshot, SnapshotRule } from '../model/snapshot.ts';
import { keep, type EntryDraft } from './memory.ts';
import { counted, countedRemotes, failureStatusesOf } from './failure-statuses.ts';
import { grantsOf } from './grants.ts';
import { desiredOwners, type Parties } from './parties.ts';
import { remotesOf } from './remotes.ts';
import { holdsRequests } from './singleton.ts';
import { isBlueGreen, stepOf, takesRequests } from './steps.ts';
import { entryOf, groupOf, readyCount, type World } from './world.ts';

/** Says why nothing can answer for an entry: the reason and the message of its 503. */
export type Unavailable = (key: EntryKey) => { readonly reason: string; readonly message: string };

/** Publishes when the routes changed, or when the engine does not have the ones decided last. */
export function publish(world: World, parties: Parties, unavailable: Unavailable): void {
  const { engine } = world.observed;
  const statuses = failureStatusesOf(world, parties);
  const rules = counted(rulesOf(world, parties, unavailable), statuses);
  const previews = previewsOf(world).map((preview) => ({ ...preview, rules: counted(preview.rules, statuses) }));
  const grants = grantsOf(world);
  const remotes = countedRemotes(remotesOf(world, parties), statuses);
  const hash = hashOf(rules, previews, grants, remotes);
  const last = world.memory.snapshot;
  const changed = hash !== last.hash;
  if (engine && !changed && engine.generation === last.generation) return;
  if (isUnknownWorld(world)) return;
  if (changed || (engine && engine.generation > last.generation)) {
    const reached = [...rules, ...previews.flatMap((preview) => preview.rules)];
    const called = remotes.flatMap(({ arms, pairs = [] }) => [...arms, ...pairs.map(({ arm }) => arm)]);
    const arms = [...reached.flatMap((rule) => rule.arms), ...called];
    const groups = [...new Set(arms.map((arm) => arm.group))].sort();
    const generation = Math.max(last.generation, engine?.generation ?? 0) + 1;
    world.memory.snapshot = { generation, hash, groups: keep(last.groups, groups), commit: world.desired.commit };
  }
  if (!engine) return;
  const { generation, commit } = world.memory.snapshot;
  const why = changed ? 'routes, weights or grants changed' : 'the engine does not have this generation';
  const snapshot: Snapshot = {
    generation,
    commit,
    rules,
    releaseHeader: true,
    ...(previews.length > 0 ? { previews } : {}),
    ...(remotes.length > 0 ? { remotes } : {}),
    ...(grants ? { grants } : {}),
  };
  world.actions.push({ type: 'Publish', snapshot, why });
}

/** What was not there before has no part in the hash of where it is not: an upgrade publishes nothing anew. */
function hashOf(
  rules: Snapshot['rules'],
  previews: readonly Preview[],
  grants: GrantsInForce | undefined,
  remotes: readonly RemoteTarget[],
): string {
  const parts = {
    rules,
    ...(previews.length > 0 ? { previews } : {}),
    ...(grants ? { grants } : {}),
    ...(remotes.length > 0 ? { remotes } : {}),
  };
  return hashOfJson((Object.keys(parts).length === 1 ? rules : parts) as unknown as Json);
}

/**
 * The journal was lost while the engine went on serving: until the first deployments are decided, an empty route table
 * would take down what runs.
 */
function isUnknownWorld({ memory, observed, entries }: World): boolean {
  if (memory.snapshot.generation > 0 || !observed.engine || observed.engine.generation === 0) return false;
  return [...entries.values()].some((entry) => entry.candidate !== undefined && entry.serving === undefined);
}

function rulesOf(world: World, parties: Parties, unavailable: Unavailable): Snapshot['rules'] {
  const owners = desiredOwners(world.wishes);
  const rules = new Map<string, SnapshotRule>();
  for (const [key, { serving }] of world.entries) {
    for (const rule of serving?.release.entry.rules ?? []) {
      const id = matchKey(rule.match);
      if (rules.has(id) && owners.get(id) !== key) continue;
      rules.set(id, servedRule(world, key, serving!.release, rule));
    }
  }
  for (const [key, entry] of world.entries) addCandidate(world, key, entry, rules, parties, owners);
  for (const [key, wish] of world.wishes) {
    for (const rule of wish.target?.entry.rules ?? []) {
      const id = matchKey(rule.match);
      // A new match of something that serves takes effect with its promotion; nothing else can answer it before.
      if (rules.has(id) || world.entries.get(key)?.serving) continue;
      rules.set(id, { ...emptyRule(key, rule, wish.target!.entry.members[0].limits), unavailable: unavailable(key) });
    }
  }
  return [...rules.values()].sort((one, other) => precedence(one.match, other.match));
}

function servedRule(world: World, key: EntryKey, release: Release, rule: RouteRule): SnapshotRule {
  const arms: readonly Arm[] = [
    { release: release.release, group: groupOf(key, release), weight: 100, ...callOf(rule) },
  ];
  const { limits } = release.entry.members[0];
  const entry = entryOf(world, key);
  const mailbox = holdsRequests(entry) ? { mailbox: limits.queue } : {};
  return { ...emptyRule(key, rule, limits), ...stickinessOf(release), ...mailbox, arms };
}

/** What the rule of a release says about its arm: another release may say something else about the same match. */
function callOf({
  export: called,
  mirroredWrites,
}: Pick<RouteRule, 'export' | 'mirroredWrites'>): Pick<Arm, 'export' | 'mirroredWrites'> {
  return { ...(called ? { export: called } : {}), ...(mirroredWrites ? { mirroredWrites } : {}) };
}

function stickinessOf(release: Release): Pick<SnapshotRule, 'stickyBy'> {
  const { strategy } = release.entry.rollout.settings;
  return strategy.type === 'Canary' && strategy.stickyBy ? { stickyBy: strategy.stickyBy } : {};
}

function emptyRule(
  entry: EntryKey,
  rule: RouteRule,
  limits: Pick<Limits, 'requestTimeoutMs' | 'requestBodyBytes' | 'responseBodyBytes' | 'headers'>,
): SnapshotRule {
  return {
    match: rule.match,
    route: rule.route,
    entry,
    requestTimeoutMs: rule.requestTimeoutMs ?? limits.requestTimeoutMs,
    requestBodyBytes: rule.requestBodyBytes ?? limits.requestBodyBytes,
    responseBodyBytes: limits.responseBodyBytes,
    ...(limits.headers === undefined ? {} : { headers: limits.headers }),
    arms: [],
  };
}

/** The second arm: on the matches that its entry serves today, and on those that it takes over from another. */
function addCandidate(
  world: World,
  key: EntryKey,
  entry: Pick<EntryDraft, 'candidate' | 'leaving' | 'serving'>,
  rules: Map<string, SnapshotRule>,
  parties: Parties,
  owners: ReadonlyMap<string, EntryKey>,
): void {
  const { serving } = entry;
  const { leaving } = entry;
  const candidate = !leaving && entry.candidate?.state === 'Canary' ? entry.candidate : undefined;
  const second = leaving ?? candidate;
  const step = candidate && stepOf(candidate);
  const takes = second !== undefined && (second.weight > 0 || (step && (takesRequests(step) || step.mirror)));
  if (!takes || readyCount(world, key, second.release) === 0) return;
  const taken = new Set(parties.predecessors.get(key) ?? []);
  const own = (serving?.release.entry.rules ?? []).map((rule) => matchKey(rule.match));
  // A match that git has given to another walks with its heir, not with what its old owner tries.
  const matches = new Set(own.filter((id) => (owners.get(id) ?? key) === key));
  const { release, weight } = second;
  const calls = new Map(release.entry.rules.map((rule) => [matchKey(rule.match), callOf(rule)]));
  for (const rule of release.entry.rules) {
    const id = matchKey(rule.match);
    const present = rules.get(id);
    if (present && owners.get(id) === key && taken.has(present.entry)) matches.add(id);
  }
  for (const id of matches) {
    const present = rules.get(id);
    if (!present || (present.entry !== key && !taken.has(present.entry))) continue;
    // Where its rules do not have the match any more, it is asked as the one that serves is.
    const call = calls.get(id) ?? callOf(present.arms[0] ?? {});
    const arm: Arm = {
      release: release.release,
      group: groupOf(key, release),
      weight,
      ...call,
      ...(step?.headers ? { headers: step.headers } : {}),
      ...(step?.mirror ? { mirror: step.mirror } : {}),
    };
    const arms = [...present.arms.map((other) => ({ ...other, weight: 100 - weight })), arm];
    // Two arms are the candidate's canary: its own strategy says what sticks, not that of what it would replace.
    const { stickyBy: _, ...rest } = present;
    rules.set(id, { ...rest, ...stickinessOf(release), arms });
  }
}

/** A BlueGreen candidate in its step, by its own rules: what they will be after the switch. */
function previewsOf(world: World): readonly Preview[] {
  return [...world.entries].flatMap(([key, { candidate }]) => {
    if (candidate?.state !== 'Canary' || !isBlueGreen(candidate.release)) return [];
    const { release } = candidate;
    if (readyCount(world, key, release) === 0 || release.entry.rules.length === 0) return [];
    const rules = release.entry.rules.map((rule) => servedRule(world, key, release, rule));
    const { strategy } = release.entry.rollout.settings;
    const hostname = strategy.type === 'BlueGreen' ? strategy.previewHostname : undefined;
    const label = previewLabel(key, release.release);
    return [{ release: release.release, label, ...(hostname === undefined ? {} : { hostname }), rules }];
  });
}

/** A label of a host name has at most 63 characters (RFC 1035 §2.3.4); the digits before the name are what counts. */
const MAX_LABEL_CHARACTERS = 63;

export function previewLabel(key: EntryKey, release: string): string {
  const name = key.slice(key.indexOf('/') + 1);
  return `${short(release)}--${name}`.slice(0, MAX_LABEL_CHARACTERS).replace(/-+$/, '');
}
