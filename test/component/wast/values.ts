/** Constants of a `.wast` script as the values that bindings take and give. */
import { isList, isQuoted, textOf, type Form } from './script.ts';

/** `(u32.const 1)`; within a `field` without its own parentheses: `(field "n" u32.const 1)`. */
export function valueOf(form: Form): unknown {
  if (!isList(form)) throw new Error('not a constant');
  return constant(form.items);
}

function constant(items: readonly Form[]): unknown {
  const [kind, ...rest] = items;
  switch (kind) {
    case 'bool.const':
      return rest[0] === 'true';
    case 'u64.const':
    case 's64.const':
      return bigIntOf(atom(rest[0]));
    case 'f32.const':
    case 'f64.const':
      return floatOf(atom(rest[0]));
    case 'char.const':
    case 'str.const':
    case 'enum.const':
      return textOf(rest[0]);
    case 'list.const':
    case 'tuple.const':
      return rest.map(valueOf);
    case 'record.const':
      return Object.fromEntries(rest.map(fieldOf));
    case 'flags.const':
      return Object.fromEntries(rest.map((name) => [camelCase(textOf(name)), true]));
    case 'variant.const':
      return { tag: textOf(rest[0]), ...(rest[1] === undefined ? {} : { val: valueOf(rest[1]) }) };
    case 'option.some':
      return valueOf(rest[0]!);
    case 'option.none':
      return undefined;
    case 'result.ok':
    case 'result.err':
      return { tag: kind.slice('result.'.length), val: rest[0] === undefined ? undefined : valueOf(rest[0]) };
    default:
      return numberOf(kind, atom(rest[0]));
  }
}

function numberOf(kind: Form | undefined, text: string): number {
  if (typeof kind !== 'string' || !/^[us](?:8|16|32)\.const$/.test(kind))
    throw new Error(`the constant ${typeof kind === 'string' ? kind : 'without a name'}`);
  return Number(text.replaceAll('_', ''));
}

function fieldOf(form: Form): [string, unknown] {
  if (!isList(form) || form.items[0] !== 'field') throw new Error('not a field');
  const [, name, ...value] = form.items;
  return [camelCase(textOf(name)), value.length === 1 ? valueOf(value[0]!) : constant(value)];
}

function bigIntOf(text: string): bigint {
  const digits = text.replaceAll('_', '');
  return digits.startsWith('-') ? -BigInt(digits.slice(1)) : BigInt(digits);
}

function floatOf(text: string): number {
  if (/^[+-]?nan/.test(text)) return Number.NaN;
  if (/^[+-]?inf$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  return Number(text.replaceAll('_', ''));
}

function atom(form: Form | undefined): string {
  if (typeof form !== 'string') throw new Error(isQuoted(form) ? 'a string is no number' : 'not a number');
  return form;
}

function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_dash, letter: string) => letter.toUpperCase());
}

/** A value in one spelling: arrays for lists of any kind, fields in order, flags and options that are not set left out. */
export function spelled(value: unknown): string {
  return JSON.stringify(plain(value)) ?? 'nothing';
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : Number.isFinite(value) ? value : String(value);
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, plain);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([, item]) => item !== false && item !== undefined);
  return Object.fromEntries(
    fields.toSorted(([one], [two]) => (one < two ? -1 : 1)).map(([name, item]) => [name, plain(item)]),
  );
}
