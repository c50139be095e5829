import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { canonicalJson, type Json } from '../../src/kit/json.ts';
import { assemble } from '../../src/manifest/assemble.ts';
import { createParse } from '../../src/manifest/parse.ts';
import type { Desired, DesiredEntry } from '../../src/model/desired.ts';
import {
  bytesOf,
  component,
  desiredOf,
  ENVIRONMENT,
  environment,
  parse,
  places,
  policy,
  rolloutPolicy,
  route,
  type Files,
} from './support.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

function entry(desired: Desired, key = 'shop/cart'): DesiredEntry {
  const found = desired.entries.get(key as 'shop/cart');
  if (!found) throw new Error(`${key} is not there: ${JSON.stringify(desired.diagnostics, undefined, 1)}`);
  return found;
}

function names(desired: Desired): readonly string[] {
  return desired.invalid.map(({ kind, namespace, name }) => `${kind} ${namespace ?? ''}/${name ?? '?'}`);
}

const SHOP: Files = { 'environment.yaml': ENVIRONMENT, 'cart.yaml': component('cart') };
const RULES = '  rules: [{backendRef: {name: cart}}]\n';

describe('the example of the reference', () => {
  const parsed = parse({ 'example.yaml': readFileSync(path.join(ROOT, 'docs/manifests/example.yaml')) });

  it('fits the schemas', () => {
    expect(parsed.documents.map(({ kind }) => kind)).toEqual([
      'Component',
      'Route',
      'Schedule',
      'RolloutPolicy',
      'Environment',
      'Policy',
      'Role',
      'Config',
      'Secret',
      'Check',
    ]);
    expect(parsed.invalid).toEqual([]);
    expect(parsed.unreadableFiles).toEqual([]);
  });

  it('becomes plain units', () => {
    const text = readFileSync(path.join(ROOT, 'docs/manifests/example.yaml'), 'utf8');
    const [shop, routes, , careful, production, ceiling, , rates, pay] = text.split('---\n');
    const desired = desiredOf({
      'environment.yaml': production!,
      'policies.yaml': ceiling!,
      'tenants/shop/checkout.yaml': shop!,
      'tenants/shop/route.yaml': routes!,
      'tenants/shop/careful.yaml': careful!,
      'tenants/shop/rates.yaml': rates!,
      'tenants/shop/pay.yaml': pay!,
      'tenants/shop/tax.yaml': component('tax', '  rollout: {policyRef: {name: careful}}\n'),
    });
    expect(names(desired)).toEqual([]);
    const checkout = entry(desired, 'shop/checkout');
    expect(checkout.members.map(({ key }) => key)).toEqual(['shop/checkout', 'shop/tax']);
    expect(checkout.members[0]).toMatchObject({
      source: { type: 'oci', image: 'registry.example.com/shop/checkout', tag: '2.3.1' },
      limits: {
        memoryBytes: 67_108_864,
        cpuMillis: 500,
        concurrency: 32,
        queue: 64,
        requestTimeoutMs: 2_000,
        startTimeoutMs: 5_000,
        requestBodyBytes: 1_048_576,
        responseBodyBytes: 8_388_608,
        logBytesPerSecond: 65_536,
        handles: 1_024,
      },
    });
    expect(checkout.probes).toMatchObject({
      readiness: { periodMs: 100, timeoutMs: 500, successThreshold: 1, deadlineMs: 30_000 },
      liveness: { periodMs: 5_000, failureThreshold: 3 },
    });
    expect(checkout.rollout).toMatchObject({
      policy: 'shop/careful',
      group: 'storefront',
      approvals: [{ name: 'release-manager', revision: 'b0b0c3d4e5f6' }],
      settings: {
        strategy: {
          type: 'Canary',
          stickyBy: { type: 'header', name: 'x-session' },
          steps: [
            { weight: 10, minDurationMs: 30_000, deadlineMs: 900_000 },
            { weight: 50, minDurationMs: 60_000, approval: { name: 'release-manager', deadlineMs: 259_200_000 } },
          ],
        },
        gate: {
          errors: { tolerable: 0.005, intolerable: 0.02, maxShiftOfClientErrors: 0.05 },
          latency: { percentile: 0.99, maxIncreaseOverStable: 0.2 },
          synthetic: { requests: 300, call: { type: 'httpGet', path: '/healthz', headers: [] } },
        },
        bake: { durationMs: 600_000, deadlineMs: 86_400_000 },
      },
    });
    expect(new Set(checkout.refusals.map(({ code }) => code))).toEqual(new Set(['HW1040']));
    expect(desired.policies[0]).toMatchObject({
      limits: { memoryBytes: 268_435_456 },
      rollout: { minBakeMs: 300_000 },
    });
  });
});

describe('defaults', () => {
  it('fill in everything of a minimal component', () => {
    const cart = entry(desiredOf(SHOP));
    expect(cart).toMatchObject({
      rules: [],
      probes: {},
      scaling: { minReplicas: 1, maxReplicas: 1 },
      supervision: { maxRestarts: 3, windowMs: 30_000, backoffInitialMs: 1_000, backoffMaxMs: 60_000 },
      drainDeadlineMs: 30_000,
      retries: [0],
      suspend: false,
      restartToken: '0',
      refusals: [],
      rollout: { retry: 0, approvals: [], settings: { strategy: { type: 'Immediate' } } },
    });
    expect(cart.members[0]).toMatchObject({ instancePolicy: 'Pooled', isolation: 'Auto', env: [], links: [] });
    expect(cart.rollout.settings.gate).toEqual({
      errors: { tolerable: 0.005, intolerable: 0.02, maxShiftOfClientErrors: 0.05 },
      hardStops: { consecutiveErrors: 5, crashes: 2, windowMs: 60_000 },
      minSamples: 100,
      warmUp: { requests: 50, durationMs: 10_000 },
      insufficientData: 'Hold',
    });
  });

  it.each([
    ['', undefined],
    ['  ambient: {time: "2030-01-01T00:00:00Z", step: 5s, seed: 9}\n', undefined],
    ['  ambient: {clocks: Denied}\n', { clocks: 'Denied' }],
    ['  ambient: {random: Seeded}\n', { random: { seed: 0 } }],
    [
      '  ambient: {clocks: Stepped, step: 5s, random: Denied}\n',
      { clocks: { atMs: Date.UTC(2026, 0, 1), stepMs: 5_000 }, random: 'Denied' },
    ],
  ])('time and chance of %j', (spec, ambient) => {
    const files = { 'environment.yaml': SHOP['environment.yaml']!, 'cart.yaml': component('cart', spec) };
    const [member] = entry(desiredOf(files)).members;
    expect(member.ambient).toEqual(ambient);
    expect('ambient' in member).toBe(ambient !== undefined);
  });

  it.each([
    ['no probe and no synthetic: hold', '', 'Hold', undefined],
    ['a readiness probe: that is what is sent', '  probes: {readiness: {httpGet: {path: /up}}}\n', 'Synthesize', '/up'],
    ['declared: sent', '  rollout: {gate: {synthetic: {httpGet: {path: /s}}}}\n', 'Synthesize', '/s'],
    [
      'Hold is asked for',
      '  probes: {readiness: {httpGet: {path: /up}}}\n  rollout: {gate: {insufficientData: Hold}}\n',
      'Hold',
      undefined,
    ],
    [
      'Synthesize is asked for and nothing can be called',
      '  rollout: {gate: {insufficientData: Synthesize}}\n',
      'Hold',
      undefined,
    ],
  ])('of insufficientData: %s', (_name, spec, wanted, called) => {
    const { gate } = entry(desiredOf({ ...SHOP, 'cart.yaml': component('cart', spec) })).rollout.settings;
    expect(gate.insufficientData).toBe(wanted);
    expect(gate.synthetic?.call.type === 'httpGet' ? gate.synthetic.call.path : undefined).toBe(called);
  });

  it('of synthetic samples by an exported function', () => {
    const called = '{interface: "a:b/c@1.0.0", function: d}';
    const spec = `  rollout: {gate: {synthetic: {export: ${called}}}}\n`;
    const { gate } = entry(desiredOf({ ...SHOP, 'cart.yaml': component('cart', spec) })).rollout.settings;
    const ref = { interface: 'a:b/c@1.0.0', function: 'd' };
    expect(gate.synthetic?.call).toEqual({ type: 'export', export: ref });
    const both = `  rollout: {gate: {synthetic: {httpGet: {path: /}, export: ${called}}}}\n`;
    expect(desiredOf({ ...SHOP, 'cart.yaml': component('cart', both) }).invalid).toHaveLength(1);
  });

  it('of an Environment', () => {
    expect(desiredOf(SHOP).environment).toEqual({
      name: 'test',
      sync: { intervalMs: 15_000, jitter: 0.1 },
      tenants: [],
      prune: { enabled: true, maxDeletePercent: 30, confirm: '' },
      freezeWindows: [],
      maxConcurrentRollouts: 4,
      platformNamespace: 'platform',
    });
  });
});

describe('where rollout settings come from', () => {
  const careful = rolloutPolicy('careful', '  bake: {duration: 1m}\n');
  const standard = rolloutPolicy('standard', '  bake: {duration: 2m}\n', 'platform');
  const files = (spec: string): Files => ({
    'environment.yaml': environment('  defaults: {rolloutPolicyRef: {namespace: platform, name: standard}}\n'),
    'a.yaml': careful,
    'b.yaml': standard,
    'cart.yaml': component('cart', spec),
  });

  it.each([
    ['its own', '  rollout: {bake: {duration: 3m}}\n', 180_000, undefined],
    ['the policy it names', '  rollout: {policyRef: {name: careful}}\n', 60_000, 'shop/careful'],
    [
      'a policy of the platform',
      '  rollout: {policyRef: {namespace: platform, name: standard}}\n',
      120_000,
      'platform/standard',
    ],
    ["the Environment's", '', 120_000, 'platform/standard'],
    ["the Environment's, beside facts", '  rollout: {retry: 2}\n', 120_000, 'platform/standard'],
  ])('%s', (_name, spec, bakeMs, name) => {
    const { rollout } = entry(desiredOf(files(spec)));
    expect([rollout.settings.bake.durationMs, rollout.policy]).toEqual([bakeMs, name]);
  });

  it('an inline gate and an equal policy are the same', () => {
    const spec =
      '{strategy: {type: Canary, canary: {steps: [{weight: 10}]}}, gate: {minSamples: 7}, bake: {duration: 1m}}';
    const inline = entry(desiredOf({ ...SHOP, 'cart.yaml': component('cart', `  rollout: ${spec}\n`) }));
    const referred = entry(
      desiredOf({
        ...SHOP,
        'cart.yaml': component('cart', '  rollout: {policyRef: {name: p}}\n'),
        'p.yaml': rolloutPolicy('p', '').replace('spec:\n', `spec: ${spec}\n`),
      }),
    );
    expect(inline.rollout.settings).toEqual(referred.rollout.settings);
  });

  it.each<readonly [string, object]>([
    ['{type: Immediate}', { type: 'Immediate' }],
    ['{type: BlueGreen}', { type: 'BlueGreen', previewDurationMs: 0, deadlineMs: 900_000 }],
    [
      '{type: BlueGreen, blueGreen: {previewDuration: 5m, deadline: 20m, approval: {name: boss}}}',
      {
        type: 'BlueGreen',
        previewDurationMs: 300_000,
        deadlineMs: 1_200_000,
        approval: { name: 'boss', deadlineMs: 259_200_000 },
      },
    ],
    ['{type: Rolling}', { type: 'Rolling', maxSurge: 1, minDurationMs: 30_000, deadlineMs: 900_000 }],
    [
      '{type: Rolling, rolling: {maxSurge: 2, maxUnavailable: 0, minDuration: 1s, deadline: 1m}}',
      { type: 'Rolling', maxSurge: 2, minDurationMs: 1_000, deadlineMs: 60_000 },
    ],
  ])('strategy %s', (text, strategy) => {
    const { rollout } = entry(desiredOf(files(`  rollout: {strategy: ${text}}\n`)));
    expect(rollout.settings.strategy).toEqual(strategy);
  });

  it("not another tenant's", () => {
    const desired = desiredOf({
      ...files('  rollout: {policyRef: {namespace: bank, name: p}}\n'),
      'p.yaml': rolloutPolicy('p', '  bake: {}\n', 'bank'),
    });
    expect(names(desired)).toEqual(['Component shop/cart']);
  });
});

describe('one bad document harms only itself', () => {
  it('beside good ones of the same file', () => {
    const file = `${component('a')}---\n${component('b', '  suspend: 1\n')}---\n${component('c')}`;
    const desired = desiredOf({ 'environment.yaml': ENVIRONMENT, 'all.yaml': file });
    expect([...desired.entries.keys()]).toEqual(['shop/a', 'shop/c']);
    expect(names(desired)).toEqual(['Component shop/b']);
    expect(desired.unreadablePaths).toEqual([]);
  });

  it('even when it is not YAML; then nothing is pruned beside it', () => {
    const file = `${component('a')}---\n{[}\n---\n${component('c')}`;
    const desired = desiredOf({ 'environment.yaml': ENVIRONMENT, 'all.yaml': file });
    expect([...desired.entries.keys()]).toEqual(['shop/a', 'shop/c']);
    expect(desired.unreadablePaths).toEqual(['.']);
  });

  it('holds pruning in the path of its tenant only', () => {
    const tenants = '  tenants: [{namespace: shop, path: t/shop}, {namespace: bank, path: t/bank}]\n';
    const desired = desiredOf({
      'environment.yaml': environment(tenants),
      't/shop/a.yaml': component('a'),
      't/bank/b.yaml': bytesOf('\u0000'),
    });
    expect(desired.unreadablePaths).toEqual(['t/bank']);
    expect([...desired.entries.keys()]).toEqual(['shop/a']);
  });

  it('a link in the place of a file holds what its tenant has, as a file that cannot be read does', () => {
    const files = [
      { path: 'environment.yaml', bytes: bytesOf(environment('  tenants: [{namespace: shop, path: t/shop}]\n')) },
      { path: 't/shop/cart.yaml', bytes: new Uint8Array(), isLink: true as const },
    ];
    const desired = assemble('c', createParse()(files), new Map());
    expect(places(desired.diagnostics)).toEqual(['HW1002 t/shop/cart.yaml:1:1']);
    expect(desired.unreadablePaths).toEqual(['t/shop']);
  });

  it('and a document without a name is one that could not be read', () => {
    expect(
      desiredOf({ ...SHOP, 'b.yaml': 'apiVersion: headway.dev/v1alpha1\nkind: Component\n' }).unreadablePaths,
    ).toEqual(['.']);
  });

  it('and what depends on it, through links, too', () => {
    const link = (name: string) => `  links: [{import: "a:b/c", componentRef: {name: ${name}}}]\n`;
    const desired = desiredOf({
      'environment.yaml': ENVIRONMENT,
      'a.yaml': component('a', link('b')),
      'b.yaml': component('b', link('c')),
      'c.yaml': component('missing', '').replace('name: missing', 'name: c'),
      'd.yaml': component('d'),
    });
    expect(names(desired)).toEqual(['Component shop/a', 'Component shop/b', 'Component shop/c']);
    expect([...desired.entries.keys()]).toEqual(['shop/d']);
  });
});

describe('the order of things', () => {
  const policies = rolloutPolicy('p', '  bake: {duration: 1m}\n');
  const a = component(
    'cart',
    '  env: [{name: A, value: "1"}, {name: B, value: "2"}]\n  rollout: {policyRef: {name: p}, retry: 1}\n',
  );
  const b = `kind: Component
spec:
  rollout:
    retry: 1
    policyRef: {"name": "p"} # the careful one
  env:
    - value: '2'
      name: B
    - {value: "1", name: A}
  source:
    path: ./cart.wasm
metadata:
  namespace: shop
  labels: {}
  name: cart
apiVersion: headway.dev/v1alpha1
`;

  it('of files, documents, keys and named items changes nothing', () => {
    const first = desiredOf({
      'environment.yaml': ENVIRONMENT,
      'cart.yaml': a,
      'p.yaml': policies,
      'r.yaml': route('r', RULES),
    });
    const second = desiredOf({ 'a.yaml': `${route('r', RULES)}---\n${b}---\n${ENVIRONMENT}`, 'x/y/p.yml': policies });
    const { span: _one, ...left } = entry(first);
    const { span: _two, ...right } = entry(second);
    expect(canonicalJson(left as unknown as Json)).toBe(canonicalJson(right as unknown as Json));
  });
});

describe('tenants', () => {
  const tenants = `  tenants:
    - {namespace: shop, path: ./tenants/shop}
    - {namespace: inner, path: tenants/shop/inner}
    - {namespace: platform, path: platform}
`;
  const rest = { 'environment.yaml': environment(tenants), 'tenants/shop/cart.yaml': component('cart') };

  it.each([
    ['its own path', 'tenants/shop/deep/x.yaml', component('x'), true],
    ['a path that only begins alike', 'tenants/shop-two/x.yaml', component('x'), false],
    ['a path inside that is another tenant', 'tenants/shop/inner/x.yaml', component('x'), false],
    ['the inner tenant in its own path', 'tenants/shop/inner/x.yaml', component('x', '', 'inner'), true],
    ['outside of every path', 'x.yaml', component('x'), false],
    ['a namespace without a path', 'tenants/shop/x.yaml', component('x', '', 'nobody'), false],
    ['a Policy beside the Environment', 'x.yaml', policy('x', '  namespaces: [shop]\n'), true],
    ['a Policy of the platform', 'platform/x.yaml', policy('x', '  namespaces: [shop]\n'), true],
    ['a Policy of a tenant', 'tenants/shop/x.yaml', policy('x', '  namespaces: [shop]\n'), false],
  ])('%s', (_name, file, text, allowed) => {
    const { diagnostics, entries } = desiredOf({ ...rest, [file]: text });
    expect(diagnostics.some(({ code }) => code === 'HW1022')).toBe(!allowed);
    expect(entries.has('shop/cart')).toBe(true);
  });

  it('cannot break, double or name what belongs to another', () => {
    const desired = desiredOf({
      ...rest,
      'platform/evil.yaml': `${component('cart', '  suspend: 1\n')}---\n${component('cart')}`,
    });
    expect([...desired.entries.keys()]).toEqual(['shop/cart']);
    expect(names(desired)).toEqual(['Component /?', 'Component /?']);
  });

  it('keep what was moved to a wrong place by mistake', () => {
    const desired = desiredOf({ 'environment.yaml': environment(tenants), 'tenants/cart.yaml': component('cart') });
    expect(names(desired)).toEqual(['Component shop/cart']);
  });

  it('cannot put a ceiling or an Environment into force', () => {
    const before = desiredOf(rest);
    const desired = desiredOf(
      {
        ...rest,
        'tenants/shop/evil.yaml': `${environment('  tenants: []\n', 'evil')}---\n${policy('p', '  namespaces: [""]\n')}`,
      },
      before,
    );
    expect(desired.environment).toEqual(before.environment);
    expect(entry(desired).refusals).toEqual([]);
  });
});

describe('isolation under a Policy', () => {
  const refusalOf = (allowed: string, asked: string) =>
    desiredOf({
      'environment.yaml': environment('  sync: {interval: 7s}\n'),
      'p.yaml': policy('p', `  namespaces: [shop]\n  isolation: [${allowed}]\n`),
      'cart.yaml': component('cart', asked),
    }).entries.get('shop/cart')?.refusals[0];

  it('Auto is told what to write: it lacks a decision, and does not ask for too much', () => {
    expect(refusalOf('Strict', '')).toMatchObject({
      code: 'HW1040',
      message: expect.stringContaining(
        'isolation Auto may run as Process or Strict, and not both are among the Strict',
      ),
      remedy: 'write spec.isolation: Strict, or allow Process and Strict in spec.isolation of Policy p',
    });
    expect(refusalOf('Strict', '  isolation: Strict\n')).toBeUndefined();
    expect(refusalOf('Process, Strict', '')).toBeUndefined();
  });

  it('what is written and not allowed is told what is', () => {
    expect(refusalOf('Strict', '  isolation: Process\n')?.remedy).toBe(
      'write spec.isolation: Strict, or add Process to spec.isolation of Policy p',
    );
  });
});

describe('what held before holds on', () => {
  const before = desiredOf({
    'environment.yaml': environment('  sync: {interval: 7s}\n'),
    'p.yaml': policy('p', '  namespaces: [shop]\n  limits: {memory: 32Mi}\n'),
    'cart.yaml': component('cart', '  limits: {memory: 32Mi}\n'),
    'route.yaml': route('cart', RULES),
  });

  it.each([
    ['missing', ''],
    ['invalid', environment('  sync: {interval: 0s}\n')],
    [
      'twice there',
      `${environment('  sync: {interval: 9s}\n', 'a')}---\n${environment('  sync: {interval: 9s}\n', 'b')}`,
    ],
  ])('when the Environment is %s', (_name, text) => {
    const desired = desiredOf({ 'environment.yaml': text, 'cart.yaml': component('cart') }, before);
    expect(desired.environment.sync.intervalMs).toBe(7_000);
    expect(desired.diagnostics.map(({ code }) => code)).not.toContain('HW1041');
  });

  it('and without one from before, nothing may start', () => {
    const desired = desiredOf({ 'cart.yaml': component('cart') });
    expect(entry(desired).refusals.map(({ code }) => code)).toEqual(['HW1041']);
  });

  it.each([
    ['invalid', { 'p.yaml': policy('p', '  namespaces: [shop]\n  limits: {memory: 1}\n') }, ['HW1040']],
    ['perhaps in a file that cannot be read', { 'q.yaml': '{[' }, ['HW1040']],
    ['deleted', {}, []],
  ])('when a Policy is %s', (_name, files, codes) => {
    const desired = desiredOf({ ...SHOP, ...files }, before);
    expect(entry(desired).refusals.map(({ code }) => code)).toEqual(codes);
  });

  it.each([
    ['invalid', route('cart', '  rules: [{backendRef: {name: cart, weight: 1}}]\n'), 1],
    ['in a file that cannot be read', '{[', 1],
    ['deleted', '', 0],
  ])('for the rules of a Route that is %s', (_name, text, count) => {
    const desired = desiredOf({ ...SHOP, 'route.yaml': text }, before);
    expect(entry(desired).rules).toHaveLength(count);
  });

  it('but not for a match that a valid Route has taken over', () => {
    const desired = desiredOf(
      { ...SHOP, 'route.yaml': route('cart', '  rules: 1\n'), 'new.yaml': route('new', RULES) },
      before,
    );
    expect(entry(desired).rules.map(({ route }) => route)).toEqual(['shop/new']);
  });
});

describe('routes', () => {
  it('multiply hostnames and matches, in canonical form', () => {
    const spec = `  hostnames: [b.example, "*.a.example"]
  rules:
    - matches: [{path: {value: /x/}, headers: [{name: X-B, value: "1"}, {name: X-A, value: "2"}]}, {method: GET}]
      backendRef: {name: cart}
      timeouts: {request: 3s}
`;
    const { rules } = entry(desiredOf({ ...SHOP, 'route.yaml': route('r', spec) }));
    expect(rules.map(({ match }) => [match.hostname, match.path.value, match.method])).toEqual([
      ['*.a.example', '/', 'GET'],
      ['*.a.example', '/x', undefined],
      ['b.example', '/', 'GET'],
      ['b.example', '/x', undefined],
    ]);
    expect(rules[1]!.match.headers.map(({ name }) => name)).toEqual(['x-a', 'x-b']);
    expect(rules.every(({ requestTimeoutMs, route }) => requestTimeoutMs === 3_000 && route === 'shop/r')).toBe(true);
  });

  it('claim a match within a namespace for nobody', () => {
    const desired = desiredOf({ ...SHOP, 'a.yaml': route('a', RULES), 'b.yaml': route('b', RULES) });
    expect(names(desired)).toEqual(['Route shop/a', 'Route shop/b']);
    expect(entry(desired).rules).toEqual([]);
  });

  it('between namespaces leave it with the one that has it', () => {
    const mine = { ...SHOP, 'a.yaml': route('a', RULES) };
    const theirs = { 'bank.yaml': `${component('cart', '', 'bank')}---\n${route('a', RULES, 'bank')}` };
    const desired = desiredOf({ ...mine, ...theirs }, desiredOf(mine));
    expect(names(desired)).toEqual(['Route bank/a']);
    expect(entry(desired).rules).toHaveLength(1);
    expect(names(desiredOf({ ...mine, ...theirs }))).toEqual(['Route shop/a', 'Route bank/a']);
  });
});

describe('policies', () => {
  const grant = '  capabilities: [{name: pay, outboundHttp: {hosts: [api.pay.example], methods: [GET]}}]\n';
  const withCeiling = (ceiling: string): readonly string[] => {
    const files = {
      ...SHOP,
      'cart.yaml': component('cart', grant),
      'p.yaml': policy('p', `  namespaces: [shop]\n${ceiling}`),
    };
    return entry(desiredOf(files))
      .refusals.map(({ code }) => code)
      .filter((code) => code !== 'HW1042');
  };

  it.each([
    ['none forbids all', '  capabilities: []\n', false],
    ['absent does not restrict', '', true],
    ['the same', '  capabilities: [{name: a, outboundHttp: {hosts: [api.pay.example]}}]\n', true],
    ['wider hosts', '  capabilities: [{name: a, outboundHttp: {hosts: ["*.pay.example"]}}]\n', true],
    ['other hosts', '  capabilities: [{name: a, outboundHttp: {hosts: ["*.example.org"]}}]\n', false],
    ['other ports', '  capabilities: [{name: a, outboundHttp: {hosts: ["*.pay.example"], ports: [8443]}}]\n', false],
    [
      'fewer methods',
      '  capabilities: [{name: a, outboundHttp: {hosts: ["*.pay.example"], methods: [POST]}}]\n',
      false,
    ],
    ['another capability', '  capabilities: [{name: a, keyValue: {stores: [b]}}]\n', false],
  ])('bound grants: %s', (_name, ceiling, allowed) => {
    expect(withCeiling(ceiling)).toEqual(allowed ? [] : ['HW1040']);
  });

  it('in Audit only speak', () => {
    const audit = '  namespaces: [shop]\n  enforcement: Audit\n  limits: {memory: 1Mi}\n  hostnames: [a.example]\n';
    const desired = desiredOf({ ...SHOP, 'r.yaml': route('r', RULES), 'p.yaml': policy('p', audit) });
    expect(entry(desired).refusals).toEqual([]);
    expect(entry(desired).rules).toHaveLength(1);
    expect(desired.diagnostics.map(({ code, severity }) => `${code} ${severity}`)).toEqual([
      'HW1040 warning',
      'HW1031 warning',
    ]);
  });

  it('hold for their namespaces only', () => {
    const desired = desiredOf({ ...SHOP, 'p.yaml': policy('p', '  namespaces: [bank]\n  limits: {memory: 1Mi}\n') });
    expect(entry(desired).refusals).toEqual([]);
  });
});
