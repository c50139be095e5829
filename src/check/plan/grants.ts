/**
 * What a change lets components touch that they could not touch before, and what it takes away. A grant that goes beyond
 * the one of its name, or that none covered, is an escalation: it is what a reviewer looks at first.
 */
import { canonicalJson, type Json } from '../../kit/json.ts';
import { isContained } from '../../model/containment.ts';
import type { EntryKey, Grant, Isolation, Member } from '../../model/component.ts';
import type { CapabilityCeiling, Desired, DesiredEntry, PolicySettings } from '../../model/desired.ts';
import type { TrustSettings } from '../../model/trust.ts';
import { environmentChanges } from './environment-settings.ts';

export interface GrantChange {
  /** The component, the Policy or the Environment. */
  readonly of: string;
  /** As the manifest names it; `isolation` for the boundary itself. */
  readonly name: string;
  /**
   * `Changed`: neither more nor less may be touched by it. `Refilled`: a folder of the repository, mounted as before, holds
   * something else.
   */
  readonly change: 'Gained' | 'Lost' | 'Widened' | 'Narrowed' | 'Changed' | 'Refilled';
  readonly escalation: boolean;
  readonly before?: string;
  readonly after?: string;
}

/** Of every member of a cell; escalations first. */
export function grantChanges(
  before: Pick<DesiredEntry, 'members'> | undefined,
  after: Pick<DesiredEntry, 'members'> | undefined,
): readonly GrantChange[] {
  const keys = new Set([...(before?.members ?? []), ...(after?.members ?? [])].map(({ key }) => key));
  const changes = [...keys].flatMap((key) => memberChanges(key, memberOf(before, key), memberOf(after, key)));
  return escalationsFirst(changes);
}

/** Which ceilings are lower now, and which higher; a Policy that goes takes its ceiling with it. And what holds for all. */
export function policyChanges(base: Desired, head: Desired): readonly GrantChange[] {
  const names = new Set([...base.policies, ...head.policies].map(({ name }) => name));
  const changes = [...names].flatMap((name): GrantChange[] => {
    const [before, after] = [policyOf(base, name), policyOf(head, name)];
    const of = `Policy ${name}`;
    if (!before) return [{ of, name: 'ceiling', change: 'Narrowed', escalation: false }];
    if (!after) return [{ of, name: 'ceiling', change: 'Widened', escalation: true }];
    return settingsChanges(of, before, after);
  });
  const trust = trustChange(base, head);
  return escalationsFirst([...(trust ? [trust] : []), ...changes, ...environmentChanges(base, head)]);
}

/** Whoever may sign may change everything else, so any change of a rule that is in force is looked at first. */
function trustChange({ environment: base }: Desired, { environment: head }: Desired): GrantChange | undefined {
  const [before, after] = [base.trust, head.trust];
  if (text(before) === text(after)) return undefined;
  const of = `Environment ${head.name}`;
  if (!before) return { of, name: 'trust', change: 'Narrowed', escalation: false, after: summaryOf(after) };
  return { of, name: 'trust', change: 'Widened', escalation: true, before: summaryOf(before), after: summaryOf(after) };
}

function summaryOf(trust: TrustSettings | undefined): string {
  if (!trust) return 'none';
  return `${trust.mode}, signers ${trust.signers.map(({ name }) => name).join(' ')}`;
}

function memberOf(entry: Pick<DesiredEntry, 'members'> | undefined, key: EntryKey): Member | undefined {
  return entry?.members.find((member) => member.key === key);
}

function memberChanges(key: EntryKey, before: Member | undefined, after: Member | undefined): GrantChange[] {
  const [earlier, later] = [before?.capabilities ?? [], after?.capabilities ?? []];
  const names = new Set([...earlier, ...later].map(({ name }) => name));
  const changes = [...names].flatMap((name) => {
    const [one, other] = [earlier.find((grant) => grant.name === name), later.find((grant) => grant.name === name)];
    return grantChange(key, name, one, other, earlier);
  });
  const boundary = before && after && isolationChange(key, before.isolation, after.isolation);
  const all = [...changes, ...secretChanges(key, before, after)];
  return boundary ? [boundary, ...all] : all;
}

/** To be given a secret that one was not given is an escalation; under which name, and in which version, is not. */
function secretChanges(of: EntryKey, before: Member | undefined, after: Member | undefined): GrantChange[] {
  const [earlier, later] = [secretsOf(before), secretsOf(after)];
  return [
    ...later
      .filter((name) => !earlier.includes(name))
      .map((name) => ({ of, name, change: 'Gained' as const, escalation: true })),
    ...earlier
      .filter((name) => !later.includes(name))
      .map((name) => ({ of, name, change: 'Lost' as const, escalation: false })),
  ];
}

function secretsOf(member: Member | undefined): readonly string[] {
  return [...new Set((member?.sealed ?? []).map(({ secret, key }) => `secret ${secret} ${key}`))];
}

function grantChange(
  of: EntryKey,
  name: string,
  before: Grant | undefined,
  after: Grant | undefined,
  earlier: readonly Grant[],
): GrantChange[] {
  if (!after) return before ? [{ of, name, change: 'Lost', escalation: false, before: printed(before) }] : [];
  const covered = earlier.some((grant) => covers(grant, after));
  if (!before) return [{ of, name, change: 'Gained', escalation: !covered, after: printed(after) }];
  if (printed(before) === printed(after)) return [];
  if (printed(withoutContent(before)) === printed(withoutContent(after))) {
    const [was, is] = [before, after].map(({ settings }) => String(settings['content']));
    return [{ of, name, change: 'Refilled', escalation: false, before: was!, after: is! }];
  }
  const change = covered ? ('Narrowed' as const) : ('Widened' as const);
  return [{ of, name, change, escalation: !covered, before: printed(before), after: printed(after) }];
}

function withoutContent(grant: Grant): Grant {
  const { content: _, bytes: _bytes, ...settings } = grant.settings;
  return { ...grant, settings };
}

/** Whether the earlier grant already allowed all of the later one, for as long. */
function covers(earlier: Grant, later: Grant): boolean {
  if (earlier.enforcement === 'Enforce' && later.enforcement === 'Audit') return false;
  if (earlier.expireTime !== undefined && !(later.expireTime !== undefined && later.expireTime <= earlier.expireTime)) {
    return false;
  }
  return isContained(later, [asCeiling(earlier)]);
}

/** What names one thing in a grant names a list of them in a ceiling. */
const LISTS = { volume: 'volumes', store: 'stores', container: 'containers', connection: 'connections', path: 'paths' };

function asCeiling({ name, capability, settings }: Grant): CapabilityCeiling {
  const lists = Object.entries(LISTS).flatMap(([one, list]) =>
    settings[one] === undefined ? [] : [[list, [settings[one]]] as const],
  );
  return { name, capability, settings: { ...settings, ...Object.fromEntries(lists) } };
}

/** From the strongest boundary to none between cells; `Auto` may turn out to be the second. */
const STRENGTH: Readonly<Record<Isolation, number>> = { Strict: 3, Auto: 2, Process: 2, Shared: 1 };

function isolationChange(of: EntryKey, before: Isolation, after: Isolation): GrantChange | undefined {
  if (before === after) return undefined;
  const escalation = STRENGTH[after] < STRENGTH[before];
  const change = escalation ? ('Widened' as const) : ('Narrowed' as const);
  return { of, name: 'isolation', change, escalation, before, after };
}

function policyOf({ policies }: Desired, name: string): PolicySettings | undefined {
  return policies.find((policy) => policy.name === name);
}

/** A ceiling that is laxer in one of its fields is an escalation; what only grows tighter is none. */
function settingsChanges(of: string, before: PolicySettings, after: PolicySettings): GrantChange[] {
  const fields = Object.keys({ ...before, ...after }) as (keyof PolicySettings)[];
  return fields
    .filter((field) => text(before[field]) !== text(after[field]))
    .map((field) => {
      const escalation = !isTighter(field, before, after);
      const change = escalation ? ('Widened' as const) : ('Narrowed' as const);
      return { of, name: field, change, escalation, before: text(before[field]), after: text(after[field]) };
    });
}

function isTighter(field: keyof PolicySettings, before: PolicySettings, after: PolicySettings): boolean {
  switch (field) {
    case 'capabilities':
      return areTighter(before.capabilities, after.capabilities);
    case 'hostnames':
      return after.hostnames !== undefined && (!before.hostnames || isSubset(after.hostnames, before.hostnames));
    case 'namespaces':
      return isSubset(before.namespaces, after.namespaces);
    case 'isolation':
      return isSubset(kindsAllowed(after), kindsAllowed(before));
    case 'enforcement':
      return after.enforcement === 'Enforce';
    case 'limits':
      return (Object.keys(before.limits) as (keyof PolicySettings['limits'])[]).every(
        (limit) => (after.limits[limit] ?? Infinity) <= before.limits[limit]!,
      );
    case 'rollout':
      return (
        (after.rollout.minBakeMs ?? 0) >= (before.rollout.minBakeMs ?? 0) &&
        (after.rollout.maxTolerableErrors ?? 1) <= (before.rollout.maxTolerableErrors ?? 1) &&
        (before.rollout.allowEmergency || !after.rollout.allowEmergency)
      );
    default:
      return false;
  }
}

/** A Policy that says nothing of it forbids none, and allows nobody to share. */
function kindsAllowed({ isolation }: PolicySettings): readonly string[] {
  return isolation.length === 0 ? ['Process', 'Strict'] : isolation;
}

/** Absent is no ceiling at all; each that is left must have been there as it is. */
function areTighter(
  before: readonly CapabilityCeiling[] | undefined,
  after: readonly CapabilityCeiling[] | undefined,
): boolean {
  if (!before) return true;
  return after !== undefined && after.every((ceiling) => before.some((other) => text(other) === text(ceiling)));
}

function isSubset(one: readonly string[], other: readonly string[]): boolean {
  return one.every((item) => other.includes(item));
}

function printed({ capability, settings, enforcement, expireTime }: Grant): string {
  const more = [
    ...(enforcement === 'Audit' ? ['enforcement: Audit'] : []),
    ...(expireTime === undefined ? [] : [`until ${expireTime}`]),
  ];
  return [`${capability} ${text(settings)}`, ...more].join(', ');
}

function text(value: unknown): string {
  return value === undefined ? 'none' : canonicalJson(value as Json);
}

function escalationsFirst(changes: readonly GrantChange[]): readonly GrantChange[] {
  return [...changes.filter(({ escalation }) => escalation), ...changes.filter(({ escalation }) => !escalation)];
}
