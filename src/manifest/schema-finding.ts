import type { ErrorObject } from 'ajv';
import type { Code } from '../model/codes.ts';
import type { Fix } from '../model/diagnostic.ts';
import { child, pathOf } from './place.ts';
import type { Quantity } from './quantity.ts';
import { certain, closest } from './suggest.ts';

/** What one error of the schema means for the person who wrote the document. */
export interface SchemaFinding {
  readonly code: Code;
  /** JSON pointer of what is wrong. */
  readonly pointer: string;
  /** Whether the key or the value is wrong. */
  readonly at: 'key' | 'value';
  readonly message: string;
  readonly remedy?: string;
  readonly fix?: Fix;
}

type Schema = Readonly<Record<string, unknown>>;
type Meaning = (error: ErrorObject, schema: Schema, pointer: string, path: string) => SchemaFinding | undefined;

/** Undefined where another error says the same better. */
export function meaningOf(error: ErrorObject): SchemaFinding | undefined {
  // The branches of a choice fail one by one; the choice itself says what is wrong.
  if (/\/(oneOf|anyOf|not)\/.*required$/.test(error.schemaPath)) return undefined;
  const pointer = error.instancePath;
  const meaning = MEANINGS[error.keyword];
  const path = pointer === '' ? 'the document' : pathOf(pointer);
  if (error.parentSchema?.['x-secret'] === true) {
    // Whatever stands there may be what was to be hidden.
    return { code: 'HW1147', pointer, at: 'key', message: `${path} is not the encrypted form of a value` };
  }
  if (!meaning) {
    return { code: 'HW1017', pointer, at: 'value', message: `${path} ${error.message ?? 'is not valid'}` };
  }
  return meaning(error, error.parentSchema ?? {}, pointer, path);
}

/** How quantities are written, by unit. */
const QUANTITIES: Readonly<Record<string, string>> = {
  duration: 'one to four whole numbers of at most five digits, each with h, m, s or ms',
  size: 'a whole number of at most twelve digits with Ki, Mi, Gi, k, M or G, or none of them for bytes',
  'amount of processors': 'a whole number of at most six digits, with m for thousandths',
  percentage: 'a number of at most three digits before the point and four after it, with %',
};

/** How the commonest texts are written, by the pattern of their schema. A test holds them to be patterns of some schema. */
export const FORMS: Readonly<Record<string, string>> = {
  '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$': 'at most 63 of a-z, 0-9 and -, and neither begins nor ends with -',
  '^(\\./)?[^/\\\\\\s.][^/\\\\\\x00-\\x1f]*(/[^/\\\\\\x00-\\x1f.][^/\\\\\\x00-\\x1f]*)*$':
    'relative to the followed path, without a / at its start, without .. and without segments that begin with a dot',
};

/** A reference that says of which namespace it is, where it cannot be of another. */
function isForeign(name: string, fields: readonly string[], pointer: string): boolean {
  return name === 'namespace' && fields.includes('name') && pointer.endsWith('Ref');
}

const MEANINGS: Readonly<Record<string, Meaning>> = {
  additionalProperties(error, schema, pointer, path) {
    const name = String(error.params['additionalProperty']);
    const fields = fieldsOf(schema);
    const meant = closest(name, fields);
    const remedy = isForeign(name, fields, pointer)
      ? 'leave it out: what is named here is always of the namespace of its own document'
      : meant
        ? `did you mean \`${meant}\`?`
        : fields.length > 0
          ? `the fields are ${inWords(fields)}`
          : undefined;
    const message = `\`${printable(name)}\` is not a field of ${path}`;
    const sure = certain(name, fields);
    // A second key of the same name would only be the next error.
    const free = sure !== undefined && !Object.hasOwn(error.data as object, sure);
    const fix = free ? { fix: { type: 'Replace', text: sure } as const } : {};
    return { code: 'HW1013', pointer: child(pointer, name), at: 'key', message, ...(remedy ? { remedy } : {}), ...fix };
  },
  required(error, _schema, pointer, path) {
    const name = String(error.params['missingProperty']);
    const message = `${path} has no \`${name}\``;
    return { code: 'HW1014', pointer: child(pointer, name), at: 'key', message, remedy: `add \`${name}\`` };
  },
  type(error, schema, pointer, path) {
    const wanted = [schema['type']].flat().join(' or ');
    const remedy = remedyOfType(wanted, error.data, schema);
    const message = `${path} is ${kindOf(error.data)}, not ${withArticle(wanted)}`;
    const fix = fixOfType(wanted, error.data, schema);
    return { code: 'HW1015', pointer, at: 'value', message, ...(remedy ? { remedy } : {}), ...(fix ? { fix } : {}) };
  },
  const: (error, _schema, pointer, path) => choice([error.params['allowedValue']], error.data, pointer, path),
  enum: (error, _schema, pointer, path) =>
    choice(error.params['allowedValues'] as unknown[], error.data, pointer, path),
  pattern(error, schema, pointer, path) {
    if (error.propertyName !== undefined) {
      const message = `\`${printable(error.propertyName)}\` in ${path} is not a name that is allowed there`;
      return { code: 'HW1017', pointer: child(pointer, error.propertyName), at: 'key', message };
    }
    const unit = (schema['x-quantity'] as Quantity | undefined)?.unit;
    const form = unit === undefined ? FORMS[String(schema['pattern'])] : QUANTITIES[unit];
    const message = `${path}: ${quoted(error.data)} is ${unit ? `not ${withArticle(unit)}` : 'malformed'}`;
    const why = form === undefined ? '' : `: ${unit ? withArticle(unit) : 'it'} is ${form}`;
    return { code: 'HW1017', pointer, at: 'value', message: `${message}${why}`, ...exampleOf(schema) };
  },
  'x-quantity'(error, schema, pointer, path) {
    const { min, max } = schema['x-quantity'] as Quantity;
    const message = `${path}: ${quoted(error.data)} is out of range`;
    return { code: 'HW1018', pointer, at: 'value', message, remedy: `write something from ${min} to ${max}` };
  },
  minimum: (error, schema, pointer, path) => number(error, schema, pointer, path),
  maximum: (error, schema, pointer, path) => number(error, schema, pointer, path),
  minLength: (error, _schema, pointer, path) => length(error, pointer, path, 'at least', 'characters'),
  maxLength: (error, _schema, pointer, path) => length(error, pointer, path, 'at most', 'characters'),
  minItems: (error, _schema, pointer, path) => length(error, pointer, path, 'at least', 'items'),
  maxItems: (error, _schema, pointer, path) => length(error, pointer, path, 'at most', 'items'),
  minProperties: (_error, schema, pointer, path) =>
    schema['maxProperties'] === 1 ? exactlyOne(schema, pointer, path) : atLeastOne(schema, pointer, path),
  maxProperties(error, schema, pointer, path) {
    if (schema['minProperties'] === 1 && schema['maxProperties'] === 1) return exactlyOne(schema, pointer, path);
    return length(error, pointer, path, 'at most', 'fields');
  },
  uniqueItems(error, _schema, pointer, path) {
    const at = child(pointer, laterOf(error));
    return { code: 'HW1030', pointer: at, at: 'value', message: `${path} holds ${quoted(dataAt(error))} twice` };
  },
  oneOf: (error, _schema, pointer, path) => alternatives(error, pointer, path, 'exactly one of'),
  anyOf: (error, _schema, pointer, path) => alternatives(error, pointer, path, 'at least one of'),
  not(error, _schema, pointer, path) {
    const fields = ((error.schema as Schema)['required'] ?? []) as string[];
    const last = fields.at(-1) ?? '';
    const at = child(pointer, last);
    if (fields.length === 1) {
      const type = quoted((error.data as Schema)['type']);
      return {
        code: 'HW1019',
        pointer: at,
        at: 'key',
        message: `\`${last}\` in ${path} does not go with type ${type}`,
      };
    }
    return { code: 'HW1019', pointer: at, at: 'key', message: `${inWords(fields)} in ${path} exclude each other` };
  },
  // What they wrap has spoken already.
  if: () => undefined,
  propertyNames: () => undefined,
};

function choice(allowed: readonly unknown[], data: unknown, pointer: string, path: string): SchemaFinding {
  const values = allowed.map(String);
  const meant = typeof data === 'string' ? closest(data, values) : undefined;
  const remedy = `${meant ? `did you mean \`${meant}\`? ` : ''}allowed: ${values.join(', ')}`;
  const sure = typeof data === 'string' ? certain(data, values) : undefined;
  const fix = sure === undefined ? {} : { fix: { type: 'Replace', text: sure } as const };
  return { code: 'HW1016', pointer, at: 'value', message: `${path}: ${quoted(data)} is not allowed`, remedy, ...fix };
}

function number(error: ErrorObject, schema: Schema, pointer: string, path: string): SchemaFinding {
  const message = `${path}: ${quoted(error.data)} is out of range`;
  const remedy = `write a number from ${String(schema['minimum'])} to ${String(schema['maximum'])}`;
  return { code: 'HW1018', pointer, at: 'value', message, remedy };
}

function length(error: ErrorObject, pointer: string, path: string, bound: string, what: string): SchemaFinding {
  const limit = Number(error.params['limit']);
  const message = `${path} has too ${bound === 'at most' ? 'many' : 'few'} ${what}: ${bound} ${limit}`;
  const at = what === 'characters' ? 'value' : 'key';
  return { code: 'HW1018', pointer, at, message };
}

function exactlyOne(schema: Schema, pointer: string, path: string): SchemaFinding {
  const fields = inWords(fieldsOf(schema));
  const remedy = `keep one of ${fields}`;
  return { code: 'HW1019', pointer, at: 'key', message: `${path} needs exactly one of ${fields}`, remedy };
}

function atLeastOne(schema: Schema, pointer: string, path: string): SchemaFinding {
  const fields = inWords(fieldsOf(schema));
  const message = `${path} needs at least one of ${fields}`;
  return { code: 'HW1019', pointer, at: 'key', message, remedy: `add one of ${fields}` };
}

function alternatives(error: ErrorObject, pointer: string, path: string, bound: string): SchemaFinding {
  const branches = error.schema as readonly { readonly required: readonly string[] }[];
  const fields = branches.flatMap((branch) => branch.required);
  // An empty document is null, and its type is another finding.
  const present = fields.filter((field) => Object.hasOwn((error.data ?? {}) as object, field));
  const message = `${path} needs ${bound} ${inWords(fields)}; it has ${present.length > 0 ? inWords(present) : 'none'}`;
  const at = present.length > 1 ? child(pointer, present[1]!) : pointer;
  const remedy = present.length > 1 ? 'keep one of them' : `add one of ${inWords(fields)}`;
  return { code: present.length > 1 ? 'HW1019' : 'HW1014', pointer: at, at: 'key', message, remedy };
}

function remedyOfType(wanted: string, data: unknown, schema: Schema): string | undefined {
  if (wanted === 'string' && (typeof data === 'number' || typeof data === 'boolean')) {
    if (isAsText(data, schema)) return `quote it: "${String(data)}"`;
    const unit = (schema['x-quantity'] as Quantity | undefined)?.unit;
    return `${unit === undefined ? 'it is text' : `give it a unit: ${withArticle(unit)} is ${QUANTITIES[unit]}`}; ${exampleOf(schema).remedy}`;
  }
  if (wanted === 'boolean') return 'write true or false';
  if (wanted === 'integer' || wanted === 'number') return `write ${withArticle(wanted)} without quotes`;
  if (wanted === 'array') return 'write a list: each item on its own line after `- `';
  const fields = fieldsOf(schema);
  return fields.length > 0 ? `the fields are ${inWords(fields)}` : undefined;
}

/** Whether it would do with quotes around it. What has no example to show is told to be quoted all the same. */
function isAsText(data: number | boolean, schema: Schema): boolean {
  const pattern = schema['pattern'];
  return typeof pattern !== 'string' || new RegExp(pattern, 'u').test(String(data)) || !exampleOf(schema).remedy;
}

/** A scalar that stands as it is meant, and only lacks its quotes or has them too much. */
function fixOfType(wanted: string, data: unknown, schema: Schema): Fix | undefined {
  if (wanted === 'string' && (typeof data === 'number' || typeof data === 'boolean')) {
    return isAsText(data, schema) ? { type: 'Quote' } : undefined;
  }
  if (wanted === 'boolean' && (data === 'true' || data === 'false')) return { type: 'Replace', text: data };
  const isWhole = typeof data === 'string' && /^(0|-?[1-9][0-9]{0,14})$/.test(data);
  return wanted === 'integer' && isWhole ? { type: 'Replace', text: data } : undefined;
}

function fieldsOf(schema: Schema): readonly string[] {
  return Object.keys(schema['properties'] ?? {});
}

function exampleOf(schema: Schema): { remedy?: string } {
  const examples = (schema['examples'] ?? []) as readonly unknown[];
  return examples.length > 0
    ? { remedy: `write for example ${examples.map((example) => String(example)).join(' or ')}` }
    : {};
}

/** The second of two equal items. */
function laterOf(error: ErrorObject): number {
  return Math.max(Number(error.params['i']), Number(error.params['j']));
}

function dataAt(error: ErrorObject): unknown {
  return (error.data as readonly unknown[])[laterOf(error)];
}

function kindOf(data: unknown): string {
  if (data === null) return 'empty';
  if (Array.isArray(data)) return 'a list';
  if (typeof data === 'object') return 'a mapping';
  return `the ${typeof data} ${quoted(data)}`;
}

function withArticle(word: string): string {
  const name = { object: 'mapping', array: 'list' }[word] ?? word;
  return `${/^[aeiou]/.test(name) ? 'an' : 'a'} ${name}`;
}

const MAX_QUOTED = 60;

/** A value of the document as it appears in a message: short, on one line. */
function quoted(data: unknown): string {
  return typeof data === 'object' ? kindOf(data) : printable(JSON.stringify(data) ?? 'nothing');
}

function printable(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > MAX_QUOTED ? `${line.slice(0, MAX_QUOTED)}…` : line;
}

function inWords(names: readonly string[]): string {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)!}`;
}
