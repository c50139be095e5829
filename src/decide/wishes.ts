import { entryKey, type EntryKey } from '../model/component.ts';
import type { Desired, DesiredEntry, EnvironmentSettings, InvalidDocument } from '../model/desired.ts';
import { matchKey, type RouteRule } from '../model/route.ts';
import { identitiesOf, type IdentityCache } from './identity.ts';
import type { ScheduleTrigger } from '../model/schedule.ts';
import type { EntryDraft } from './memory.ts';
import { schedulesOf } from './schedule/calls.ts';
import type { Target, Wish } from './world.ts';

/** A desired entry with its identities; its commit is the first accepted head that showed this attempt. */
function targetOf(entry: DesiredEntry, memory: EntryDraft | undefined, desired: Desired, cache: IdentityCache): Target {
  const { attempt, ...identities } = identitiesOf(entry, cache);
  const shown = memory?.shown;
  const commit = shown?.attempt === attempt ? shown.commit : desired.commit;
  return { entry, attempt, release: { ...identities, commit, entry } };
}

/**
 * What git asks for, entry by entry, with the last valid form in the place of what is broken: an invalid component
 * keeps its own, an invalid route keeps its rules at the components it pointed at. Nothing here deletes: `deleted` only
 * says that a readable repository does not have it.
 */
export function wishesOf(
  desired: Desired,
  entries: ReadonlyMap<EntryKey, EntryDraft>,
  cache: IdentityCache,
): Map<EntryKey, Wish> {
  const invalid = new Map<EntryKey, InvalidDocument>();
  for (const document of desired.invalid) {
    if (document.kind === 'Component' && document.namespace !== undefined && document.name !== undefined) {
      invalid.set(entryKey(document.namespace, document.name), document);
    }
  }
  const keptRules = rulesOfBrokenRoutes(desired, entries);
  const keptSchedules = brokenSchedules(desired, entries);
  const keys = new Set<EntryKey>([...desired.entries.keys(), ...entries.keys(), ...invalid.keys()]);
  const wishes = new Map<EntryKey, Wish>();
  for (const key of [...keys].sort()) {
    const broken = invalid.get(key);
    const written = desired.entries.get(key);
    const entry = broken
      ? entries.get(key)?.desired
      : written && withTriggers(written, keptRules.get(key) ?? [], keptSchedules.get(key) ?? []);
    wishes.set(key, {
      key,
      target: entry && targetOf(entry, entries.get(key), desired, cache),
      invalid: broken,
      deleted: !broken && !written,
    });
  }
  return wishes;
}

function withTriggers(
  entry: DesiredEntry,
  rules: readonly RouteRule[],
  schedules: readonly ScheduleTrigger[],
): DesiredEntry {
  if (rules.length + schedules.length === 0) return entry;
  const timed = [...schedulesOf(entry), ...schedules];
  return { ...entry, rules: [...entry.rules, ...rules], ...(timed.length > 0 ? { schedules: timed } : {}) };
}

/** Schedules that are missing from desired only because their document, or its file, cannot be read. */
function brokenSchedules(
  desired: Desired,
  entries: ReadonlyMap<EntryKey, EntryDraft>,
): ReadonlyMap<EntryKey, readonly ScheduleTrigger[]> {
  const broken = new Set(
    desired.invalid.filter(({ kind }) => kind === 'Schedule').map(({ namespace, name }) => `${namespace}/${name}`),
  );
  const present = new Set([...desired.entries.values()].flatMap(schedulesOf).map(({ schedule }) => schedule));
  const kept = new Map<EntryKey, readonly ScheduleTrigger[]>();
  for (const [key, entry] of entries) {
    const lost = (entry.desired ? schedulesOf(entry.desired) : []).filter(
      ({ schedule }) =>
        !present.has(schedule) && (broken.has(schedule) || isUnreadable(desired, schedule.split('/')[0]!)),
    );
    if (lost.length > 0) kept.set(key, lost);
  }
  return kept;
}

/** Rules that are missing from desired only because their Route document, or its file, cannot be read. */
function rulesOfBrokenRoutes(
  desired: Desired,
  entries: ReadonlyMap<EntryKey, EntryDraft>,
): ReadonlyMap<EntryKey, readonly RouteRule[]> {
  const broken = new Set(
    desired.invalid.filter(({ kind }) => kind === 'Route').map(({ namespace, name }) => `${namespace}/${name}`),
  );
  const written = [...desired.entries.values()].flatMap((entry) => entry.rules);
  const present = new Set(written.map((rule) => rule.route));
  // What a valid Route has taken over meanwhile is its own: two owners of one match would both want its traffic.
  const claimed = new Set(written.map((rule) => matchKey(rule.match)));
  const kept = new Map<EntryKey, readonly RouteRule[]>();
  for (const [key, entry] of entries) {
    const rules = (entry.desired?.rules ?? []).filter(
      ({ route, match }) =>
        !present.has(route) &&
        !claimed.has(matchKey(match)) &&
        (broken.has(route) || isUnreadable(desired, route.split('/')[0]!)),
    );
    if (rules.length > 0) kept.set(key, rules);
  }
  return kept;
}

/** Does a file that cannot be read at all lie where the documents of this namespace may lie? */
export function isUnreadable(desired: Desired, namespace: string): boolean {
  const tenant = desired.environment.tenants.find((candidate) => candidate.namespace === namespace);
  return desired.unreadablePaths.some((path) => path === '.' || tenant === undefined || path === tenant.path);
}

/** The environment that this commit asks for; a missing or invalid one leaves the last valid one in force. */
export function environmentOf(desired: Desired, last: EnvironmentSettings | undefined): EnvironmentSettings {
  const broken = desired.invalid.some((document) => document.kind === 'Environment');
  return broken && last ? last : desired.environment;
}
