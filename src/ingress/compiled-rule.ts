/** A rule of the snapshot with everything that a request needs looked up beforehand. */
import { short } from '../kit/digest.ts';
import { callName } from '../model/callable.ts';
import { DEFAULT_HEADERS } from '../model/limits.ts';
import type { StickyBy } from '../model/rollout.ts';
import type { HeaderMatch, Match } from '../model/route.ts';
import { matchKey } from '../model/route.ts';
import type { Arm, GroupId, Snapshot, SnapshotRule } from '../model/snapshot.ts';
import { Balance } from './balance.ts';
import { Mirror } from './copies.ts';
import type { Group } from './group.ts';
import type { Queued } from './queued.ts';
import { cookieValue, stickyArm } from './sticky.ts';
import type { RequestFacts } from './request-facts.ts';
import type { ReleaseTally, Tally } from './tally.ts';

/** RFC 9110 §5.6.2, and what a cookie's name may be. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export interface CompiledArm {
  readonly release: string;
  /** The first 12 hex digits, for `x-headway-release`. */
  readonly label: string;
  readonly weight: number;
  /** What is called where the arm leads to an exported function: the path of the head that the cell gets. */
  readonly call: string | undefined;
  readonly group: Group<Queued>;
  readonly tally: ReleaseTally;
  /** What its requests count to: the release's traffic, or those who preview it. */
  readonly counts: Tally;
  /** Of a copy: whether it carries the mark by which the broker denies what it would write. */
  readonly copiesMayWrite: boolean;
  /** Requests with any one of these are its own; empty: none are named. */
  readonly headers: readonly HeaderMatch[];
  /** Visitors may meet it: it has a weight or headers. */
  readonly takesRequests: boolean;
}

export interface CompiledRule {
  readonly match: Match;
  readonly rule: SnapshotRule;
  /** Its requests are of people who look at a candidate before its switch. */
  readonly preview: boolean;
  readonly releaseHeader: boolean;
  /** Of a request and of a response. */
  readonly maxHeaders: number;
  /** With a name that may stand in a head; the manifests allow no other. */
  readonly sticky: StickyBy | undefined;
  readonly arms: readonly CompiledArm[];
  readonly balance: Balance;
  /** The arm that some requests name by a header. */
  readonly named: CompiledArm | undefined;
  /** Some requests to the other arms are copied to one. */
  readonly mirror: Mirror | undefined;
}

export interface Directory {
  group(id: GroupId): Group<Queued>;
  tally(release: string, group: GroupId): ReleaseTally;
}

/** `previous`: where the arms of a rule have not changed, its turn goes on, so that frequent snapshots do not bend the weights. */
export function compileRules(
  snapshot: Snapshot,
  previous: ReadonlyMap<string, CompiledRule>,
  directory: Directory,
): ReadonlyMap<string, CompiledRule> {
  const compiled = new Map<string, CompiledRule>();
  for (const rule of snapshot.rules) {
    const key = `${rule.route} ${matchKey(rule.match)}`;
    const { releaseHeader } = snapshot;
    compiled.set(key, compileRule(rule, directory, { releaseHeader, preview: false, before: previous.get(key) }));
  }
  return compiled;
}

export function compileRule(
  rule: SnapshotRule,
  directory: Directory,
  {
    releaseHeader,
    preview,
    before,
  }: { readonly releaseHeader: boolean; readonly preview: boolean; readonly before?: CompiledRule | undefined },
): CompiledRule {
  const arms = rule.arms.map((arm) => compileArm(arm, directory, preview));
  const mirrorAt = rule.arms.findIndex(({ mirror = 0 }) => mirror > 0);
  return {
    match: rule.match,
    rule,
    preview,
    releaseHeader,
    maxHeaders: rule.headers ?? DEFAULT_HEADERS,
    sticky: rule.stickyBy !== undefined && TOKEN.test(rule.stickyBy.name) ? rule.stickyBy : undefined,
    arms,
    named: arms.find(({ headers }) => headers.length > 0),
    mirror: mirrorAt === -1 ? undefined : new Mirror(arms[mirrorAt]!, rule.arms[mirrorAt]!.mirror!, before?.mirror),
    balance:
      before !== undefined && sameArms(before.rule.arms, rule.arms)
        ? before.balance
        : new Balance(rule.arms.map((arm) => arm.weight)),
  };
}

function compileArm(arm: Arm, directory: Directory, preview: boolean): CompiledArm {
  const tally = directory.tally(arm.release, arm.group);
  return {
    release: arm.release,
    label: short(arm.release),
    weight: arm.weight,
    call: arm.export ? callName(arm.export.interface, arm.export.function) : undefined,
    group: directory.group(arm.group),
    tally,
    counts: preview ? tally.preview : tally.traffic,
    copiesMayWrite: arm.mirroredWrites === 'Allow',
    headers: arm.headers ?? [],
    takesRequests: arm.weight > 0 || arm.headers !== undefined,
  };
}

function sameArms(before: readonly Arm[], now: readonly Arm[]): boolean {
  return (
    before.length === now.length &&
    before.every((arm, index) => arm.release === now[index]!.release && arm.weight === now[index]!.weight)
  );
}

export type Choice =
  | { readonly arm: CompiledArm; readonly newCookie?: string }
  /** No arm that may be used has a ready replica. `tried` had the turn. */
  | { readonly arm?: undefined; readonly tried?: CompiledArm };

/**
 * The arm for a request: the one that it names by a header, else by its header or cookie where the rule is sticky, else
 * whose turn it is. An arm without a ready replica gives way to the heaviest that has one; an arm of weight 0 is chosen
 * by name only.
 */
export function chooseArm(rule: CompiledRule, facts: RequestFacts, newClient: () => string): Choice {
  const { sticky, named } = rule;
  if (named !== undefined && isNamed(named, facts)) {
    const arm = named.group.takesRequests ? named : standIn(rule, named);
    return arm === undefined ? { tried: named } : { arm };
  }
  let client: string | undefined;
  let newCookie: string | undefined;
  if (sticky?.type === 'header') client = facts.header(sticky.name.toLowerCase());
  else if (sticky?.type === 'cookie') {
    client = cookieValue(facts.header('cookie') ?? '', sticky.name);
    if (client === undefined || client === '') {
      client = newClient();
      newCookie = `${sticky.name}=${client}; Path=/; HttpOnly; SameSite=Lax`;
    }
  }
  const index = client === undefined ? rule.balance.next() : stickyArm(client, rule.arms);
  const wanted = rule.arms[index];
  const arm = wanted === undefined || wanted.group.takesRequests ? wanted : standIn(rule, wanted);
  if (arm === undefined) return wanted === undefined ? {} : { tried: wanted };
  return newCookie === undefined ? { arm } : { arm, newCookie };
}

function isNamed({ headers }: CompiledArm, facts: RequestFacts): boolean {
  for (const { name, value } of headers) if (facts.header(name) === value) return true;
  return false;
}

/** Counted with the one that should have answered. */
export function standIn(rule: CompiledRule, wanted: CompiledArm): CompiledArm | undefined {
  wanted.counts.overloads++;
  let best: CompiledArm | undefined;
  for (const arm of rule.arms) {
    if (arm.weight > 0 && arm.group.takesRequests && (best === undefined || arm.weight > best.weight)) best = arm;
  }
  return best;
}
