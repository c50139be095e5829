import { hashOfJson } from '../kit/digest.ts';
import type { Json } from '../kit/json.ts';
import type { Member } from '../model/component.ts';
import type { DesiredEntry } from '../model/desired.ts';
import { matchKey } from '../model/route.ts';

/** The version of these forms. Another form re-keys what is stored and starts no rollout. */
export const IDENTITY = 1;

/**
 * Revision: what runs. The content of every member and nothing of how it is named, labelled, probed, scaled, rolled
 * out or called.
 */
export function revisionOf(entry: Pick<DesiredEntry, 'members'>): string {
  return hashOfJson({ identity: IDENTITY, members: entry.members.map((member) => contentOf(member, true)) });
}

/**
 * Release: a revision and the triggers that point at it, as one entry. The entry's key is in it because requests are
 * counted by release: during a rename the same revision answers under two entries, and they are compared.
 */
export function releaseOf(entry: Pick<DesiredEntry, 'key' | 'members' | 'rules' | 'schedules'>): string {
  const { key } = entry;
  return hashOfJson({ identity: IDENTITY, entry: key, revision: revisionOf(entry), triggers: triggersOf(entry) });
}

/** The release as if secrets had no versions: two releases that share it differ in secret versions at most. */
export function secretlessOf(entry: Pick<DesiredEntry, 'key' | 'members' | 'rules' | 'schedules'>): string {
  const members = entry.members.map((member) => contentOf(member, false));
  return hashOfJson({ identity: IDENTITY, entry: entry.key, members, triggers: triggersOf(entry) });
}

/** Attempt: a release, how it is tried, and how often people asked for another try. */
export function attemptOf(entry: DesiredEntry): string {
  const { strategy, gate } = entry.rollout.settings;
  return hashOfJson({
    identity: IDENTITY,
    release: releaseOf(entry),
    strategy: asJson(strategy),
    gate: asJson(gate),
    probes: asJson(entry.probes),
    retries: entry.retries,
  });
}

/** All identities of one desired entry. */
export interface Identities {
  readonly revision: string;
  readonly release: string;
  readonly secretless: string;
  readonly attempt: string;
}

/**
 * Identities already computed, by the desired entry they belong to. Only a saving: the loop keeps one per accepted
 * commit, so that looking ten times a second does not hash every manifest ten times a second.
 */
export type IdentityCache = WeakMap<DesiredEntry, Identities>;

export function identitiesOf(entry: DesiredEntry, cache: IdentityCache): Identities {
  const known = cache.get(entry);
  if (known) return known;
  const identities = {
    revision: revisionOf(entry),
    release: releaseOf(entry),
    secretless: secretlessOf(entry),
    attempt: attemptOf(entry),
  };
  cache.set(entry, identities);
  return identities;
}

function contentOf(member: Member, withSecrets: boolean): Json {
  return {
    artifact: member.artifact,
    env: sortedBy(member.env, (variable) => variable.name),
    config: sortedBy(member.config, (variable) => variable.name),
    secrets: withSecrets ? sortedBy(member.secretVersions, (version) => version.secret) : [],
    // Where they go; absent where there are none, so that what was written before there were Secrets keeps its form.
    ...(member.sealed ? { sealed: sealedOf(member.sealed) } : {}),
    capabilities: sortedBy(member.capabilities, (grant) => grant.name),
    limits: asJson(member.limits),
    instancePolicy: member.instancePolicy,
    isolation: member.isolation,
    links: sortedBy(member.links, (link) => link.import),
    // What says nothing about its data keeps the form that it had before anybody could.
    ...(member.state ? { state: asJson(member.state) } : {}),
    ...(member.ambient ? { ambient: asJson(member.ambient) } : {}),
  };
}

/** Neither the version, which stands in `secrets`, nor the ciphertext, which is another at each encryption. */
function sealedOf(sealed: NonNullable<Member['sealed']>): Json {
  const places = sealed.map(({ into, name, secret, key }) => ({ into, name, secret, key }));
  return sortedBy(places, ({ into, name }) => `${into} ${name}`);
}

/**
 * The name of the Route document and its file are not part of it: moving a rule changes nothing. That of a Schedule is,
 * because it names the firings. What has no schedules keeps the form that it had before there were any.
 */
function triggersOf({ rules, schedules = [] }: Pick<DesiredEntry, 'rules' | 'schedules'>): Json {
  const routes = sortedBy(
    rules.map((rule) => ({
      match: matchKey(rule.match),
      export: asJson(rule.export ?? null),
      requestTimeoutMs: rule.requestTimeoutMs ?? null,
      requestBodyBytes: rule.requestBodyBytes ?? null,
      // What did not exist before has no part in the hash of what does not say it.
      ...(rule.mirroredWrites ? { mirroredWrites: rule.mirroredWrites } : {}),
    })),
    (trigger) => trigger.match,
  );
  if (schedules.length === 0) return routes;
  const timed = schedules.map(({ suspend: _, backend: _entry, ...trigger }) => trigger);
  return { routes, schedules: sortedBy(timed, ({ schedule }) => schedule) };
}

function sortedBy<T>(list: readonly T[], name: (item: T) => string): Json {
  const sorted = [...list].sort((one, other) => (name(one) < name(other) ? -1 : name(one) > name(other) ? 1 : 0));
  return asJson(sorted);
}

/** Model types are plain data by construction, which interfaces cannot tell the compiler. */
function asJson(value: unknown): Json {
  return value as Json;
}
