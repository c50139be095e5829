import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { generate, stalePages } from '../../schemas/generate.ts';
import * as defaults from '../../src/manifest/defaults.ts';
import { LINT_SCHEMA, RUNTIME_SCHEMA, SCHEMAS } from '../../src/manifest/kinds.ts';
import { amountOf, withinQuantity, type Quantity } from '../../src/manifest/quantity.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

interface Node {
  readonly [keyword: string]: unknown;
}

const all: readonly (readonly [string, Node])[] = [
  ...Object.entries(SCHEMAS),
  ['Runtime', RUNTIME_SCHEMA],
  ['Lint', LINT_SCHEMA],
];

/** Every schema inside a schema, with its path. */
function* nodesOf(node: unknown, at: string): Generator<readonly [string, Node]> {
  if (typeof node !== 'object' || node === null) return;
  if (Array.isArray(node)) {
    for (const [index, item] of node.entries()) yield* nodesOf(item, `${at}/${index}`);
    return;
  }
  const schema = node as Node;
  if (typeof schema['type'] === 'string') yield [at, schema];
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword !== 'examples' && keyword !== 'default') yield* nodesOf(value, `${at}/${keyword}`);
  }
}

const nodes = all.flatMap(([kind, schema]) => [...nodesOf(schema, kind)]);

/** `spec.limits.memory` of a schema, through local references and the items of lists. */
function fieldAt(schema: Node, dotted: string): Node {
  return dotted.split('.').reduce((node, name) => {
    const properties = resolve(schema, node)['properties'] as Record<string, Node>;
    const field = resolve(schema, properties[name]!);
    return field['type'] === 'array' ? resolve(schema, field['items'] as Node) : field;
  }, schema);
}

function resolve(root: Node, node: Node): Node {
  if (typeof node['$ref'] !== 'string') return node;
  return (root['definitions'] as Record<string, Node>)[node['$ref'].replace('#/definitions/', '')]!;
}

function* leaves(value: unknown, at: string): Generator<readonly [string, unknown]> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) yield [at, value];
  else for (const [name, inner] of Object.entries(value)) yield* leaves(inner, at === '' ? name : `${at}.${name}`);
}

describe('the schemas', () => {
  it('are what types and reference are made from', async () => {
    const made = await generate();
    expect(stalePages(made)).toEqual([]);
    for (const [file, text] of made) {
      expect(readFileSync(path.join(ROOT, file), 'utf8') === text, `${file} is stale: npm run generate`).toBe(true);
    }
  });

  it('lie where validators look for them, one for each kind', () => {
    const files = globSync('schemas/headway.dev/*.json', { cwd: ROOT }).map((file) => path.basename(file));
    expect(files.sort()).toEqual(all.map(([kind]) => `${kind.toLowerCase()}_v1alpha1.json`).sort());
  });

  it.each(all)('%s is draft-07 and needs no other file', (_kind, schema) => {
    expect(schema['$schema']).toBe('http://json-schema.org/draft-07/schema#');
    const references = [...JSON.stringify(schema).matchAll(/"\$ref":"([^"]*)"/g)].map((match) => match[1]!);
    expect(references.filter((reference) => !reference.startsWith('#/definitions/'))).toEqual([]);
    // Without our annotation, as any other validator reads it.
    expect(() => new Ajv({ strict: false, validateFormats: false }).compile(schema)).not.toThrow();
  });

  it('describe every field, close every object and bound every list, text and number', () => {
    const bare = nodes.filter(
      ([, node]) => typeof node['description'] !== 'string' && typeof node['pattern'] !== 'string',
    );
    const inMaps = /additionalProperties$/;
    expect(bare.map(([at]) => at).filter((at) => !inMaps.test(at))).toEqual([]);
    const open = nodes.filter(([, node]) => node['type'] === 'object' && node['additionalProperties'] === undefined);
    expect(open.map(([at]) => at)).toEqual([]);
    const unbounded = nodes.filter(([, node]) => {
      if (node['type'] === 'array') return node['maxItems'] === undefined;
      if (node['type'] === 'integer') return node['minimum'] === undefined || node['maximum'] === undefined;
      return false;
    });
    expect(unbounded.map(([at]) => at)).toEqual([]);
  });

  it('use patterns that other engines than that of JavaScript know', () => {
    const patterns = nodes.flatMap(([at, { pattern }]) =>
      typeof pattern === 'string' ? [[at, pattern] as const] : [],
    );
    expect(patterns.length).toBeGreaterThan(50);
    expect(patterns.filter(([, pattern]) => /\(\?|\\[upkbdDwW]/.test(pattern))).toEqual([]);
    // Whole values, never parts of them.
    expect(patterns.filter(([, pattern]) => !/^\^.*\$$/.test(pattern))).toEqual([]);
  });

  it('say the same wherever they share a definition', () => {
    const named = nodes.filter(([at]) => /^[A-Za-z]+\/definitions\/[^/]+$/.test(at));
    const groups = Map.groupBy(named, ([at]) => at.split('/').at(-1)!);
    for (const [name, definitions] of groups) {
      expect(new Set(definitions.map(([, node]) => JSON.stringify(node))).size, name).toBe(1);
    }
  });

  it('have examples and defaults that are valid', () => {
    const ajv = new Ajv({ strict: false, validateFormats: false });
    for (const [at, node] of nodes.filter(([, { type }]) => type !== 'object')) {
      if (JSON.stringify(node).includes('$ref')) continue;
      const quantity = node['x-quantity'] as Quantity | undefined;
      const validate = ajv.compile(node);
      for (const value of [
        ...((node['examples'] ?? []) as unknown[]),
        ...('default' in node ? [node['default']] : []),
      ]) {
        expect(validate(value), `${at}: ${String(value)}`).toBe(true);
        if (quantity) expect(withinQuantity(quantity, String(value)), `${at}: ${String(value)}`).toBe(true);
      }
    }
  });

  it('bound each quantity at its ends', () => {
    const quantities = nodes.filter(([, node]) => node['x-quantity']);
    expect(quantities.length).toBeGreaterThan(50);
    for (const [at, node] of quantities) {
      const quantity = node['x-quantity'] as Quantity;
      const [min, max] = [amountOf(quantity.unit, quantity.min)!, amountOf(quantity.unit, quantity.max)!];
      expect(min, at).toBeLessThan(max);
      expect(withinQuantity(quantity, quantity.min) && withinQuantity(quantity, quantity.max), at).toBe(true);
      const text = (amount: number): string =>
        ({ duration: `${amount}ms`, size: `${amount}`, percentage: `${amount * 100}%` })[quantity.unit] ?? `${amount}m`;
      if (min > 0 && min < 99_999 && quantity.unit !== 'percentage') {
        expect(withinQuantity(quantity, text(min - 1)), at).toBe(false);
      }
      const above = text(max + 1);
      if (quantity.unit !== 'percentage' && amountOf(quantity.unit, above) !== undefined) {
        expect(withinQuantity(quantity, above), at).toBe(false);
      }
    }
  });
});

describe('the defaults', () => {
  const tables: readonly (readonly [string, Node, string, object])[] = [
    [
      'Component',
      SCHEMAS.Component,
      'spec',
      { ...defaults.COMPONENT_DEFAULTS, probes: {}, rollout: defaults.COMPONENT_DEFAULTS.rollout },
    ],
    ['readiness', SCHEMAS.Component, 'spec.probes.readiness', defaults.COMPONENT_DEFAULTS.probes.readiness],
    ['liveness', SCHEMAS.Component, 'spec.probes.liveness', defaults.COMPONENT_DEFAULTS.probes.liveness],
    ['grants', SCHEMAS.Component, 'spec.capabilities', defaults.GRANT_DEFAULTS],
    ['state', SCHEMAS.Component, 'spec.state', defaults.STATE_DEFAULTS],
    ['links', SCHEMAS.Component, 'spec.links', defaults.LINK_DEFAULTS],
    ['gate', SCHEMAS.RolloutPolicy, 'spec.gate', defaults.ROLLOUT_DEFAULTS.gate],
    ['inline gate', SCHEMAS.Component, 'spec.rollout.gate', defaults.ROLLOUT_DEFAULTS.gate],
    ['bake', SCHEMAS.RolloutPolicy, 'spec.bake', defaults.ROLLOUT_DEFAULTS.bake],
    ['inline bake', SCHEMAS.Component, 'spec.rollout.bake', defaults.ROLLOUT_DEFAULTS.bake],
    ['history', SCHEMAS.RolloutPolicy, 'spec.history', defaults.ROLLOUT_DEFAULTS.history],
    ['breaker', SCHEMAS.RolloutPolicy, 'spec.breaker', defaults.ROLLOUT_DEFAULTS.breaker],
    ['BlueGreen', SCHEMAS.RolloutPolicy, 'spec.strategy.blueGreen', defaults.ROLLOUT_DEFAULTS.blueGreen],
    ['Rolling', SCHEMAS.RolloutPolicy, 'spec.strategy.rolling', defaults.ROLLOUT_DEFAULTS.rolling],
    ['step', SCHEMAS.RolloutPolicy, 'spec.strategy.canary.steps', defaults.ROLLOUT_DEFAULTS.step],
    ['path', SCHEMAS.Route, 'spec.rules.matches.path', defaults.ROUTE_DEFAULTS.path],
    ['Environment', SCHEMAS.Environment, 'spec', { ...defaults.ENVIRONMENT_DEFAULTS, freezeWindow: undefined }],
    ['freeze window', SCHEMAS.Environment, 'spec.freezeWindows', defaults.ENVIRONMENT_DEFAULTS.freezeWindow],
    ['Policy', SCHEMAS.Policy, 'spec', defaults.POLICY_DEFAULTS],
  ];

  it.each(tables)('of %s stand in the schema too', (_name, schema, at, table) => {
    const within = fieldAt(schema, at);
    for (const [field, value] of leaves(table, '')) {
      if (value === undefined || field === 'probes') continue;
      const described = field.split('.').reduce<Node>((node, name) => {
        const properties = resolve(schema, node)['properties'] as Record<string, Node>;
        return resolve(schema, properties[name]!);
      }, within);
      expect(described['default'], `${at}.${field}`).toEqual(value);
    }
  });

  it('of Runtime stand in the schema too', () => {
    for (const [field, value] of leaves(defaults.RUNTIME_DEFAULTS, '')) {
      expect(fieldAt(RUNTIME_SCHEMA as Node, field)['default'], field).toEqual(value);
    }
  });
});
