/**
 * The grants that what a component did would need, as narrow as that can be said: what it used within a day, what
 * `enforcement: Audit` let through, and, by itself, what it was denied. Uses that differ in one list only share an item.
 */
import type { EntryStatus } from '../model/status.ts';

type Uses = NonNullable<EntryStatus['uses']>;
type Settings = Readonly<Record<string, string | readonly string[]>>;

/** Fields of a use that are lists in a grant. */
const LISTS: ReadonlySet<string> = new Set(['schemes', 'hosts', 'ports', 'methods', 'protocols', 'listen']);
/** In YAML without quotes. */
const PLAIN = /^[A-Za-z][-A-Za-z0-9_./]*$|^[1-9][0-9]*$/;
/** They read as something else. */
const WORDS = /^(?:true|false|null|yes|no|on|off)$/i;

/** Items of `spec.capabilities`, a line each; none where nothing was used. */
export function neededGrants(uses: Uses): readonly string[] {
  const lines: string[] = [];
  for (const [capability, of] of Map.groupBy(uses, (use) => use.capability)) {
    const settings = merged(withoutReading(of.map(({ needs }) => needs)).map(asSettings));
    for (const [index, one] of settings.entries()) {
      const name = settings.length === 1 ? kebab(capability) : `${kebab(capability)}-${index + 1}`;
      lines.push(`- {name: ${name}, ${capability}: ${flow(one)}}`);
    }
  }
  return lines;
}

/** `ReadWrite` of the same thing covers it. */
function withoutReading(needs: readonly Uses[number]['needs'][]): readonly Uses[number]['needs'][] {
  const texts = new Set(needs.map((one) => JSON.stringify(sorted(one))));
  return needs.filter(
    (one) => one['access'] !== 'ReadOnly' || !texts.has(JSON.stringify(sorted({ ...one, access: 'ReadWrite' }))),
  );
}

/** A folder of the repository can only be read, which needs no word. */
function asSettings(needs: Uses[number]['needs']): Settings {
  return Object.fromEntries(
    Object.entries(needs)
      .filter(([field]) => field !== 'access' || needs['path'] === undefined)
      .map(([field, value]) => [field, LISTS.has(field) ? [value] : value]),
  );
}

/** Until no two items differ in one list only: joining those grants nothing that was not used. */
function merged(settings: readonly Settings[]): readonly Settings[] {
  const kept: Settings[] = [];
  for (const one of settings) {
    const index = kept.findIndex((other) => differing(one, other) !== undefined);
    if (index === -1) {
      kept.push(one);
      continue;
    }
    const other = kept[index]!;
    const field = differing(one, other)!;
    const union = field === '' ? other : { ...other, [field]: joined(other[field]!, one[field]!) };
    return merged([...kept.toSpliced(index, 1), union, ...settings.slice(settings.indexOf(one) + 1)]);
  }
  return kept;
}

/** The one list in which two items differ, '' where they are the same, `undefined` where they differ in more. */
function differing(one: Settings, other: Settings): string | undefined {
  if (Object.keys(one).toSorted().join() !== Object.keys(other).toSorted().join()) return undefined;
  const fields = Object.keys(one).filter((field) => String(one[field]) !== String(other[field]));
  if (fields.length === 0) return '';
  return fields.length === 1 && LISTS.has(fields[0]!) ? fields[0] : undefined;
}

function joined(one: string | readonly string[], other: string | readonly string[]): readonly string[] {
  return [...new Set([one, other].flat())].toSorted();
}

function flow(settings: Settings): string {
  const fields = Object.entries(settings).map(
    ([field, value]) => `${field}: ${typeof value === 'string' ? scalar(value) : `[${value.map(scalar).join(', ')}]`}`,
  );
  return `{${fields.join(', ')}}`;
}

function scalar(text: string): string {
  return PLAIN.test(text) && !WORDS.test(text) ? text : JSON.stringify(text);
}

function kebab(capability: string): string {
  return capability.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function sorted(needs: Uses[number]['needs']): readonly (readonly [string, string])[] {
  return Object.entries(needs).toSorted(([one], [other]) => (one < other ? -1 : 1));
}
