import { short } from '../../kit/digest.ts';
import { canonicalJson, type Json } from '../../kit/json.ts';
import type { ArtifactSource } from '../../model/component.ts';
import type { DesiredEntry } from '../../model/desired.ts';
import { callName } from '../../model/callable.ts';
import { matchKey } from '../../model/route.ts';
import type { ScheduleTrigger } from '../../model/schedule.ts';

/** What differs between two desired forms of one entry, a line for each part, in the words of the manifests; grants are in grants.ts. */
export function differences(before: DesiredEntry, after: DesiredEntry): string[] {
  const lines: string[] = [];
  const keys = new Set([...before.members, ...after.members].map((member) => member.key));
  for (const key of keys) {
    const one = before.members.find((member) => member.key === key);
    const other = after.members.find((member) => member.key === key);
    const prefix = key === after.key ? '' : `${key} `;
    if (!one || !other) {
      lines.push(`${prefix}${other ? 'joins' : 'leaves'} the cell`);
      continue;
    }
    if (one.artifact !== other.artifact)
      lines.push(`${prefix}artifact ${short(one.artifact)} → ${short(other.artifact)}`);
    if (originOf(one.source) !== originOf(other.source))
      lines.push(`${prefix}source ${originOf(one.source)} → ${originOf(other.source)}`);
    for (const part of ['env', 'config', 'links', 'secretVersions'] as const) {
      if (!same(one[part], other[part])) lines.push(`${prefix}${part}: ${listDifference(one[part], other[part])}`);
    }
    const [was, is] = [readsOf(one), readsOf(other)];
    if (!same(was, is)) lines.push(`${prefix}secrets: ${listDifference(was, is)}`);
    lines.push(...fieldDifferences(`${prefix}limits.`, one.limits, other.limits));
    lines.push(...fieldDifferences(`${prefix}state.`, one.state ?? {}, other.state ?? {}));
    for (const part of ['instancePolicy', 'isolation'] as const) {
      if (one[part] !== other[part]) lines.push(`${prefix}${part} ${one[part]} → ${other[part]}`);
    }
  }
  const claims = (entry: DesiredEntry): Json[] => entry.rules.map((rule) => matchKey(rule.match));
  if (!same(claims(before), claims(after))) lines.push(`routes: ${listDifference(claims(before), claims(after))}`);
  else if (!same(before.rules.map(settingsOfRule), after.rules.map(settingsOfRule)))
    lines.push('routes: time-outs or limits');
  lines.push(...callDifferences(before.rules, after.rules));
  lines.push(...scheduleDifferences(before, after));
  lines.push(...fieldDifferences('rollout.', before.rollout, after.rollout));
  lines.push(...fieldDifferences('', settingsOf(before), settingsOf(after)));
  return lines;
}

/** Which values of Secrets it is given, and as what; never the values. */
function readsOf({ sealed = [] }: DesiredEntry['members'][number]): string[] {
  return sealed.map(({ into, name, secret, key }) => `${into} ${name} from ${secret} ${key}`);
}

/** Where the bytes come from, for people. Files that move within the repository are no news. */
function originOf(source: ArtifactSource): string {
  if (source.type === 'path') return 'the repository';
  return source.type === 'https' ? source.url : `${source.image}${source.tag === undefined ? '' : `:${source.tag}`}`;
}

/** Which schedules come and go, and what changes of the others. */
function scheduleDifferences(before: DesiredEntry, after: DesiredEntry): string[] {
  const [one, other] = [before, after].map(
    ({ schedules = [] }) => new Map(schedules.map((trigger) => [trigger.schedule, trigger])),
  ) as [Map<string, ScheduleTrigger>, Map<string, ScheduleTrigger>];
  return [...new Set([...one.keys(), ...other.keys()])].sort().flatMap((key) => {
    const [was, is] = [one.get(key), other.get(key)];
    if (!was) return [`schedule ${key}: + ${is!.expression} ${is!.timeZone}`];
    if (!is) return [`schedule ${key}: − ${was.expression} ${was.timeZone}`];
    return fieldDifferences(`schedule ${key}: `, was, is);
  });
}

function settingsOfRule(rule: DesiredEntry['rules'][number]): Json {
  return {
    timeout: rule.requestTimeoutMs,
    body: rule.requestBodyBytes,
  };
}

/** A match that calls another function from now on, or a function where it had the HTTP handler. */
function callDifferences(before: DesiredEntry['rules'], after: DesiredEntry['rules']): string[] {
  const called = new Map(before.map((rule) => [matchKey(rule.match), callOf(rule)]));
  return after.flatMap((rule) => {
    const was = called.get(matchKey(rule.match)) ?? (rule.export ? 'nothing' : HANDLER);
    const now = callOf(rule);
    return was === now ? [] : `${rule.match.hostname ?? ''}${rule.match.path.value} calls ${was} → ${now}`;
  });
}

const HANDLER = 'the HTTP handler';

function callOf({ export: called }: DesiredEntry['rules'][number]): string {
  return called ? callName(called.interface, called.function) : HANDLER;
}

function settingsOf(entry: DesiredEntry): object {
  const { probes, scaling, supervision, drainDeadlineMs, suspend, restartToken } = entry;
  return { probes, scaling, supervision, drainDeadlineMs, suspend, restartToken };
}

/** Model types are plain data by construction, which interfaces cannot tell the compiler. */
function same(one: unknown, other: unknown): boolean {
  return canonicalJson(one as Json) === canonicalJson(other as Json);
}

function fieldDifferences(prefix: string, before: object, after: object): string[] {
  const fields = new Set([...Object.keys(before), ...Object.keys(after)]);
  const lines: string[] = [];
  for (const field of fields) {
    const one: unknown = (before as Record<string, unknown>)[field];
    const other: unknown = (after as Record<string, unknown>)[field];
    if (!same(one ?? null, other ?? null)) lines.push(`${prefix}${field} ${printed(one)} → ${printed(other)}`);
  }
  return lines;
}

const LONGEST_PRINTED_VALUE = 60;

function printed(value: unknown): string {
  if (value === undefined) return 'unset';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > LONGEST_PRINTED_VALUE ? `${text.slice(0, LONGEST_PRINTED_VALUE)}…` : text;
}

/** `+ a, − b, ~ c`: what came, went or changed in a list of named things. */
function listDifference(before: readonly unknown[], after: readonly unknown[]): string {
  const named = (list: readonly unknown[]): Map<string, string> =>
    new Map(list.map((item) => [nameOf(item), canonicalJson(item as Json)]));
  const one = named(before);
  const other = named(after);
  const parts: string[] = [];
  for (const name of other.keys()) if (!one.has(name)) parts.push(`+ ${name}`);
  for (const name of one.keys()) if (!other.has(name)) parts.push(`− ${name}`);
  for (const [name, text] of other) if (one.has(name) && one.get(name) !== text) parts.push(`~ ${name}`);
  return parts.join(', ') || 'order';
}

function nameOf(item: unknown): string {
  if (typeof item === 'string') return item;
  const { name, import: imported, secret } = item as { name?: string; import?: string; secret?: string };
  return name ?? imported ?? secret ?? JSON.stringify(item);
}
