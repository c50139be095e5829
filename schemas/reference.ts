/** The part of JSON Schema that our schemas use. */
export interface ReferenceSchema {
  readonly title?: string;
  readonly description?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, ReferenceSchema>>;
  readonly additionalProperties?: boolean | ReferenceSchema;
  readonly items?: ReferenceSchema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly definitions?: Readonly<Record<string, ReferenceSchema>>;
  readonly $ref?: string;
  readonly 'x-quantity'?: { readonly unit: string; readonly min: string; readonly max: string };
}

/** A page of the reference: one table with a row for each field, by its path. */
export function referenceOf(schema: ReferenceSchema, source: string): string {
  const rows = [...rowsOf(schema, '', schema)];
  return [
    `# ${schema.title ?? ''}`,
    '',
    schema.description ?? '',
    '',
    `Made from [\`${source}\`](../../${source}) by \`npm run generate\`. **Bold**: required where what holds it is written.`,
    '',
    '| field | type | default | meaning |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

function* rowsOf(schema: ReferenceSchema, prefix: string, root: ReferenceSchema): Generator<string> {
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const resolved = resolve(field, root);
    const list = resolved.type === 'array';
    const inner = list ? resolve(resolved.items ?? {}, root) : resolved;
    const path = `${prefix}${name}${list ? '[]' : ''}`;
    const label = schema.required?.includes(name) ? `**\`${path}\`**` : `\`${path}\``;
    yield `| ${label} | ${typeOf(resolved, inner, list)} | ${defaultOf(resolved)} | ${meaningOf(resolved, inner, list)} |`;
    yield* rowsOf(inner, `${path}.`, root);
  }
}

function resolve(schema: ReferenceSchema, root: ReferenceSchema): ReferenceSchema {
  if (schema.$ref === undefined) return schema;
  const name = schema.$ref.replace('#/definitions/', '');
  const target = root.definitions?.[name];
  if (!target) throw new Error(`${schema.$ref} is not in the schema`);
  return target;
}

function typeOf(schema: ReferenceSchema, inner: ReferenceSchema, list: boolean): string {
  const one = typeOfOne(inner);
  return list ? `list of ${one}` : schema.type === 'object' && !schema.properties ? mapOf(schema) : one;
}

function mapOf({ additionalProperties }: ReferenceSchema): string {
  return additionalProperties === true ? 'map of any JSON' : 'map of text';
}

function typeOfOne(schema: ReferenceSchema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum) return schema.enum.map((value) => `\`${String(value)}\``).join(' ');
  const quantity = schema['x-quantity'];
  if (quantity) return `${quantity.unit}, ${quantity.min} to ${quantity.max}`;
  if (schema.type === 'integer') return `integer, ${schema.minimum} to ${schema.maximum}`;
  return { object: 'object', string: 'text', boolean: 'boolean' }[schema.type ?? ''] ?? schema.type ?? '';
}

function defaultOf(schema: ReferenceSchema): string {
  return schema.default === undefined ? '' : `\`${JSON.stringify(schema.default).replaceAll('"', '')}\``.replace('``', '`""`');
}

function meaningOf(schema: ReferenceSchema, inner: ReferenceSchema, list: boolean): string {
  const example = inner.examples?.[0];
  const text = `${schema.description ?? ''}${list && inner.properties && inner.description ? ` ${inner.description}` : ''}`;
  const shown = example === undefined || typeof example !== 'string' ? '' : ` For example \`${example}\`.`;
  return `${text}${shown}`.replaceAll('|', '\\|');
}
