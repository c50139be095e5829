/**
 * What holds for all entries and changes: pauses, guards, how often git is looked at, whose folders are whose. Who may sign
 * is in grants.ts. Nothing of it rolls anything out, and each may decide what a later merge does.
 */
import { canonicalJson, type Json } from '../../kit/json.ts';
import { formatDuration } from '../../kit/units.ts';
import type { Desired, EnvironmentSettings, FreezeWindow } from '../../model/desired.ts';
import type { GrantChange } from './grants.ts';

/** What a side has where it has no Environment at all: then there is nothing to compare. */
const NO_NAME = '';

export function environmentChanges({ environment: before }: Desired, { environment: after }: Desired): GrantChange[] {
  if (before.name === NO_NAME || after.name === NO_NAME) return [];
  const [one, other] = [settingsOf(before), settingsOf(after)];
  const names = [...new Set([...one.keys(), ...other.keys()])];
  return names.flatMap((name) => {
    const [was, is] = [one.get(name), other.get(name)];
    if (was === is) return [];
    const escalation = OWNERSHIP.test(name) && was !== undefined;
    const sides = { ...(was === undefined ? {} : { before: was }), ...(is === undefined ? {} : { after: is }) };
    return [{ of: `Environment ${after.name}`, name, change: changeOf(was, is), escalation, ...sides }];
  });
}

/** Whose documents count where: who gets a folder speaks for its namespace. */
const OWNERSHIP = /^(tenant |platformNamespace$)/;

function changeOf(was: string | undefined, is: string | undefined): GrantChange['change'] {
  if (was === undefined) return 'Gained';
  return is === undefined ? 'Lost' : 'Changed';
}

/** A line for each part, in the words of the manifest. */
function settingsOf(settings: EnvironmentSettings): ReadonlyMap<string, string> {
  const { sync, prune, tenants, freezeWindows, defaultRolloutPolicy: policy, bases = [], report } = settings;
  const lines: readonly (readonly [string, string])[] = [
    ['sync', `every ${formatDuration(sync.intervalMs)}, jitter ${sync.jitter * 100} %`],
    ['prune.enabled', String(prune.enabled)],
    ['prune.maxDeletePercent', String(prune.maxDeletePercent)],
    ...(prune.confirm === '' ? [] : [['prune.confirm', prune.confirm] as const]),
    ['rollouts.maxConcurrent', String(settings.maxConcurrentRollouts)],
    ['platformNamespace', settings.platformNamespace],
    ...(policy ? [['defaults.rolloutPolicyRef', `${policy.namespace}/${policy.name}`] as const] : []),
    ...tenants.map(({ namespace, path }) => [`tenant ${namespace}`, path] as const),
    ...freezeWindows.map((window) => [`freeze window ${window.name}`, windowText(window)] as const),
    ...bases.map((base) => [`base ${base}`, 'taken in'] as const),
    ...(report ? [['report', canonicalJson(report as unknown as Json)] as const] : []),
  ];
  return new Map(lines);
}

function windowText({ schedule, durationMs, timeZone, namespaces }: FreezeWindow): string {
  const whom = namespaces.length === 0 ? 'all' : namespaces.join(', ');
  return `${schedule} ${timeZone} for ${formatDuration(durationMs)}, ${whom}`;
}
