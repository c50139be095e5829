import { describe, expect, it } from 'vitest';
import { ok, type Result } from '../../src/kit/result.ts';
import { assemble } from '../../src/manifest/assemble.ts';
import { MAX_PARAMETERS_BYTES } from '../../src/manifest/bounds.ts';
import { shapedArtifactsOf } from '../../src/manifest/shaped.ts';
import type { Desired } from '../../src/model/desired.ts';
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import { problem, type Problem } from '../../src/model/problem.ts';
import type { ComponentShape, WitFunction } from '../../src/model/wit.ts';
import {
  artifactsOf,
  component,
  ENVIRONMENT,
  environment,
  parse,
  places,
  rolloutPolicy,
  route,
  type Files,
} from './support.ts';

const plain = (name: string): WitFunction => ({ name, params: [{ name: 'x', type: 'u8' }] });
const SHAPE: ComponentShape = {
  types: [{ kind: 'borrow', resource: 0 }],
  resources: [{ origin: 'Export', interface: 'shop:cart/pricing@1.0.0', name: 'cart' }],
  imports: { interfaces: [], functions: [] },
  exports: {
    interfaces: [
      {
        name: 'shop:cart/pricing@1.0.0',
        functions: [
          plain('quote'),
          plain('quota'),
          plain('refund'),
          { name: 'lend', params: [{ name: 'c', type: 0 }] },
        ],
        types: [],
        resources: [{ name: 'cart', resource: 0 }],
      },
      { name: 'headway:component/health@0.1.0', functions: [plain('check')], types: [], resources: [] },
    ],
    functions: [plain('about')],
  },
};

/** The findings of one route to an export, and what was asked for. */
function findings(
  written: string,
  shape: Result<ComponentShape, Problem> | undefined = ok(SHAPE),
): readonly Diagnostic[] {
  const parsed = parse({
    'environment.yaml': ENVIRONMENT,
    'cart.yaml': component('cart'),
    'other.yaml': component('other'),
    'route.yaml': route('cart', `  rules:\n    - backendRef: {name: cart, export: ${written}}\n`),
  });
  const artifacts = artifactsOf(parsed);
  const { diagnostics } = assemble('c', parsed, artifacts, undefined, (artifact) =>
    artifact === artifacts.get('cart.wasm') ? shape : undefined,
  );
  expect(shapedArtifactsOf(parsed)).toEqual({ paths: ['cart.wasm'], digests: [] });
  return diagnostics;
}

describe('a route to an exported function', () => {
  it('is good where the function is there', () => {
    expect(findings('{interface: "shop:cart/pricing@1.0.0", function: quote}')).toEqual([]);
  });

  it('is good where the world itself exports the function, and it is named alone', () => {
    expect(findings('{function: about}')).toEqual([]);
    const found = findings('{function: abuot}');
    expect(places(found)).toEqual(['HW1090 route.yaml:6:51']);
    expect(found[0]).toMatchObject({
      message: 'shop/cart exports no function abuot outside of its interfaces',
      remedy: 'it exports about',
    });
  });

  it('says where functions are where the world itself exports none', () => {
    const bare = { ...SHAPE, exports: { ...SHAPE.exports, functions: [] } };
    expect(findings('{function: quote}', ok(bare))[0]).toMatchObject({
      message: 'shop/cart exports no function quote outside of its interfaces',
      remedy: 'it exports shop:cart/pricing@1.0.0, headway:component/health@0.1.0',
    });
  });

  it('names the nearest functions where it is not', () => {
    const found = findings('{interface: "shop:cart/pricing@1.0.0", function: qoute}');
    expect(places(found)).toEqual(['HW1090 route.yaml:6:89']);
    expect(found[0]!.message).toBe('shop/cart exports no function qoute in shop:cart/pricing@1.0.0');
    expect(found[0]!.remedy).toBe('it exports quote, quota, refund');
  });

  it('names the versions of an interface that is there in another', () => {
    const found = findings('{interface: "shop:cart/pricing@2.0.0", function: quote}');
    expect(places(found)).toEqual(['HW1090 route.yaml:6:52']);
    expect(found[0]!.remedy).toBe('it exports shop:cart/pricing@1.0.0');
  });

  it('says why a function cannot be called', () => {
    const lend = findings('{interface: "shop:cart/pricing@1.0.0", function: lend}');
    expect(places(lend)).toEqual(['HW1091 route.yaml:6:89']);
    expect(lend[0]!.message).toContain('its parameter c holds a resource');
    const [check] = findings('{interface: "headway:component/health@0.1.0", function: check}');
    expect(check).toMatchObject({ code: 'HW1091', message: expect.stringContaining('the runtime itself calls it') });
  });

  it('says why a component has no types', () => {
    const found = findings('{interface: "a:b/c", function: d}', {
      ok: false,
      error: problem('HW2102', 'it ends early'),
    });
    expect(found.map(({ code }) => code)).toEqual(['HW1100', 'HW1092']);
    for (const { message } of found) expect(message).toContain('it ends early (HW2102)');
  });

  it('leaves the rules of a Route as they were where it is not there', () => {
    const written = (name: string): Files => ({
      'environment.yaml': ENVIRONMENT,
      'cart.yaml': component('cart'),
      'route.yaml': route(
        'cart',
        `  rules: [{backendRef: {name: cart, export: {interface: "shop:cart/pricing@1.0.0", function: ${name}}}}]\n`,
      ),
    });
    const assembled = (name: string, previous?: Desired): Desired => {
      const parsed = parse(written(name));
      return assemble('c', parsed, artifactsOf(parsed), previous, () => ok(SHAPE));
    };
    const before = assembled('quote');
    const after = assembled('gone', before);
    expect(after.invalid.map(({ kind, name }) => [kind, name])).toEqual([['Route', 'cart']]);
    expect(after.entries.get('shop/cart')!.rules).toEqual(before.entries.get('shop/cart')!.rules);
    expect(before.entries.get('shop/cart')!.rules[0]!.export).toEqual({
      interface: 'shop:cart/pricing@1.0.0',
      function: 'quote',
    });
  });

  it('is left to preparation where the types are not known yet', () => {
    const parsed = parse({
      'environment.yaml': ENVIRONMENT,
      'cart.yaml': component('cart'),
      'route.yaml': route(
        'cart',
        '  rules:\n    - backendRef: {name: cart, export: {interface: "a:b/c", function: d}}\n',
      ),
    });
    const { diagnostics } = assemble('c', parsed, artifactsOf(parsed));
    expect(diagnostics).toEqual([]);
  });
});

describe('the artifacts whose types are read', () => {
  it('are those of linked components too, on both sides, and of no others', () => {
    const parsed = parse({
      'cart.yaml': component('cart', '  links: [{import: "a:b/c", componentRef: {name: tax}}]\n'),
      'tax.yaml': component('tax'),
      'other.yaml': component('other'),
    });
    expect(shapedArtifactsOf(parsed)).toEqual({ paths: ['cart.wasm', 'tax.wasm'], digests: [] });
  });
});

describe('a Schedule that calls', () => {
  const SHAPED: ComponentShape = {
    ...SHAPE,
    exports: {
      functions: [],
      interfaces: [
        ...SHAPE.exports.interfaces,
        { name: 'wasi:cli/run@0.2.12', functions: [{ name: 'run', params: [] }], types: [], resources: [] },
        { name: 'shop:jobs/tidy@1.2.0', functions: [{ name: 'now', params: [] }], types: [], resources: [] },
      ],
    },
  };
  const called = (backendRef: string, shape: ComponentShape = SHAPED): readonly Diagnostic[] => {
    const parsed = parse({
      'environment.yaml': ENVIRONMENT,
      'cart.yaml': component('cart'),
      'schedule.yaml': `apiVersion: headway.dev/v1alpha1
kind: Schedule
metadata: {name: nightly, namespace: shop}
spec:
  schedule: "15 2 * * *"
  backendRef: ${backendRef}
`,
    });
    expect(shapedArtifactsOf(parsed).paths).toEqual(['cart.wasm']);
    return assemble('c', parsed, artifactsOf(parsed), undefined, () => ok(shape)).diagnostics;
  };

  it.each([
    ['the command', '{name: cart}'],
    [
      'the command by another version of its line',
      '{name: cart, export: {interface: "wasi:cli/run@0.2.3", function: run}}',
    ],
    ['a function without parameters', '{name: cart, export: {interface: "shop:jobs/tidy@1.0.0", function: now}}'],
  ])('%s, which is there, is good', (_, backendRef) => {
    expect(called(backendRef)).toEqual([]);
  });

  it('says at its place what is not there, and what is', () => {
    const [missing] = called('{name: cart}', SHAPE);
    expect(places([missing!])).toEqual(['HW1090 schedule.yaml:6:22']);
    expect(missing!.message).toBe('shop/cart exports no interface wasi:cli/run@0.2.0');
    const other = called('{name: cart, export: {interface: "shop:jobs/tidy@1.0.0", function: later}}');
    expect(places(other)).toEqual(['HW1090 schedule.yaml:6:82']);
  });

  describe('with parameters', () => {
    const QUOTING: ComponentShape = {
      ...SHAPE,
      types: [
        {
          kind: 'record',
          fields: [
            { name: 'sku', type: 'string' },
            { name: 'count', type: 'u8' },
          ],
        },
        { kind: 'list', element: 0 },
        { kind: 'enum', names: ['eur', 'usd'] },
      ],
      exports: {
        functions: [],
        interfaces: [
          {
            name: 'shop:cart/pricing@1.2.0',
            functions: [
              {
                name: 'quote',
                params: [
                  { name: 'items', type: 1 },
                  { name: 'in', type: 2 },
                ],
              },
            ],
            types: [],
            resources: [],
          },
          { name: 'wasi:cli/run@0.2.12', functions: [{ name: 'run', params: [] }], types: [], resources: [] },
        ],
      },
    };
    const QUOTE = 'name: cart, export: {interface: "shop:cart/pricing@1.0.0", function: quote}';
    const given = (parameters: string) => called(`{${QUOTE}, parameters: ${parameters}}`, QUOTING);

    it('is good where they fit', () => {
      expect(given('{items: [{sku: tea, count: 2.0}], in: eur}')).toEqual([]);
    });

    it.each([
      [
        'a number beyond its type',
        '{items: [{sku: a, count: 1}, {sku: b, count: »256}], in: eur}',
        'found 256 at /items/1/count',
      ],
      ['a case that is none', '{items: [], in: »gbp}', 'found "gbp" at /in'],
      ['an unknown member', '{items: [], in: eur, into: »eur}', 'found the unknown member "into" at /into'],
      ['a missing one', '»{items: []}', 'found nothing at /in'],
      ['no value', '{items: []\n    , in: »}', 'found null at /in'],
    ])('names the place of %s', (_, marked, message) => {
      const [found, ...others] = given(marked.replace('»', ''));
      expect(others).toEqual([]);
      expect(found).toMatchObject({ code: 'HW1083', message: expect.stringContaining(message) });
      const before = `  backendRef: {${QUOTE}, parameters: ${marked.slice(0, marked.indexOf('»'))}`.split('\n');
      const [line, column] = [5 + before.length, before.at(-1)!.length + 1];
      const isKey = message.includes('null');
      expect([found!.span!.line, found!.span!.column]).toEqual([line, isKey ? 7 : column]);
    });

    it('of which none are written names the function', () => {
      const found = called(`{${QUOTE}}`, QUOTING);
      expect(places(found)).toEqual(['HW1083 schedule.yaml:6:85']);
      expect(found[0]!.message).toContain('found nothing at /items');
    });

    it('refuses those of a command', () => {
      const found = called('{name: cart, parameters: {}}', QUOTING);
      expect(places(found)).toEqual(['HW1084 schedule.yaml:6:28']);
    });

    it('takes as many bytes as travel with a firing, and not one more', () => {
      const bytesOf = (text: string) => JSON.stringify({ in: 'eur', items: [{ count: 1, sku: text }] }).length;
      const written = (bytes: number) => {
        const text = 'x'.repeat(bytes - bytesOf(''));
        // Folded over lines, which YAML joins by a space: no line of a manifest is that long.
        const folded = text.replaceAll(/.{100}/g, (part) => `${part.slice(1)}\n    `);
        return given(`{items: [{sku: "${folded}", count: 1}], in: eur}`).map(({ code }) => code);
      };
      expect(written(MAX_PARAMETERS_BYTES)).toEqual([]);
      expect(written(MAX_PARAMETERS_BYTES + 1)).toEqual(['HW1084']);
    });

    it('is kept with the Schedule, and nothing is where none are written', () => {
      const parsed = parse({
        'environment.yaml': ENVIRONMENT,
        'cart.yaml': component('cart'),
        'schedule.yaml': `apiVersion: headway.dev/v1alpha1\nkind: Schedule\nmetadata: {name: nightly, namespace: shop}\nspec:
  schedule: "15 2 * * *"\n  backendRef: {${QUOTE}, parameters: {items: [], in: eur}}\n---
apiVersion: headway.dev/v1alpha1\nkind: Schedule\nmetadata: {name: other, namespace: shop}\nspec:
  schedule: "15 2 * * *"\n  backendRef: {name: cart}\n`,
      });
      const { schedules } = assemble('c', parsed, artifactsOf(parsed), undefined, () => ok(QUOTING)).entries.get(
        'shop/cart',
      )!;
      expect(schedules!.map(({ parameters }) => parameters)).toEqual([{ items: [], in: 'eur' }, undefined]);
      expect('parameters' in schedules![1]!).toBe(false);
    });
  });
});

describe('what probes and synthetic samples call', () => {
  const HEALTHY: ComponentShape = {
    ...SHAPE,
    exports: {
      functions: [],
      interfaces: [
        SHAPE.exports.interfaces[0]!,
        {
          name: 'headway:component/health@0.1.0',
          functions: [{ name: 'check', params: [] }],
          types: [],
          resources: [],
        },
        {
          name: 'headway:component/lifecycle@0.1.0',
          functions: [{ name: 'init', params: [] }],
          types: [],
          resources: [],
        },
        { name: 'shop:jobs/tidy@1.2.0', functions: [{ name: 'now', params: [] }], types: [], resources: [] },
      ],
    },
  };
  const POLICY = (called: string): string =>
    rolloutPolicy('careful', `  gate: {insufficientData: Synthesize, synthetic: {requests: 9, export: ${called}}}\n`);
  const inline = (called: string): string =>
    `  rollout: {gate: {insufficientData: Synthesize, synthetic: {requests: 9, export: ${called}}}}\n`;
  const assembled = (spec: string, more: Files = {}, environmentSpec = ''): Desired => {
    const parsed = parse({
      'environment.yaml': environmentSpec === '' ? ENVIRONMENT : environment(environmentSpec),
      'cart.yaml': component('cart', spec),
      ...more,
    });
    expect(parsed.invalid).toEqual([]);
    expect(shapedArtifactsOf(parsed).paths).toEqual(['cart.wasm']);
    return assemble('c', parsed, artifactsOf(parsed), undefined, () => ok(HEALTHY));
  };
  const NOW = '{interface: "shop:jobs/tidy@1.0.0", function: now}';
  const HEALTH = '{interface: "headway:component/health@0.1.0", function: check}';
  const LATER = '{interface: "shop:jobs/tidy@1.0.0", function: later}';

  it.each([NOW, HEALTH])('is good where it is there: %s', (called) => {
    expect(
      assembled(`  probes: {readiness: {export: ${called}}, liveness: {export: ${called}}}\n`).diagnostics,
    ).toEqual([]);
    expect(assembled(inline(called)).diagnostics).toEqual([]);
    expect(assembled('  rollout: {policyRef: {name: careful}}\n', { 'p.yaml': POLICY(called) }).diagnostics).toEqual(
      [],
    );
  });

  it.each([
    ['a readiness probe', `  probes: {readiness: {export: ${LATER}}}\n`],
    ['a liveness probe', `  probes: {liveness: {export: ${LATER}}}\n`],
    ['a synthetic sample', inline(LATER)],
  ])('is refused at its place where it is not there: %s', (_, spec) => {
    const { diagnostics, invalid, entries } = assembled(spec);
    expect(places(diagnostics)).toEqual([`HW1090 cart.yaml:6:${spec.indexOf('later') + 1}`]);
    expect(diagnostics[0]).toMatchObject({
      message: 'shop/cart exports no function later in shop:jobs/tidy@1.2.0',
      remedy: 'it exports now',
    });
    expect(invalid.map(({ kind, name }) => [kind, name])).toEqual([['Component', 'cart']]);
    expect(entries.size).toBe(0);
  });

  it('names the nearest of what a probe may ask', () => {
    const [found] = assembled(`  probes: {liveness: {export: ${HEALTH.replace('check', 'chekc')}}}\n`).diagnostics;
    expect(found).toMatchObject({ code: 'HW1090', remedy: 'it exports check' });
  });

  it('of a policy is refused where the policy is referred to, also as the default of the Environment', () => {
    const more = { 'p.yaml': POLICY(LATER) };
    const named = assembled('  rollout: {policyRef: {name: careful}}\n', more);
    expect(places(named.diagnostics)).toEqual(['HW1090 cart.yaml:6:31']);
    const byDefault = assembled('', more, '  defaults: {rolloutPolicyRef: {namespace: shop, name: careful}}\n');
    expect(places(byDefault.diagnostics)).toEqual(['HW1090 cart.yaml:5:3']);
  });

  it.each([
    [
      'takes parameters',
      '{interface: "shop:cart/pricing@1.0.0", function: quote}',
      'which takes x; a probe gives nothing',
    ],
    ['holds a resource', '{interface: "shop:cart/pricing@1.0.0", function: lend}', 'its parameter c holds a resource'],
    [
      'is part of the life cycle',
      '{interface: "headway:component/lifecycle@0.1.0", function: init}',
      'the runtime itself calls it',
    ],
  ])('cannot be called where it %s', (_, called, message) => {
    const [found] = assembled(`  probes: {readiness: {export: ${called}}}\n`).diagnostics;
    expect(found).toMatchObject({ code: 'HW1091', message: expect.stringContaining(message) });
  });
});
