/** `headway rehearse` of a fleet with everything in it that a manifest can say: a merge that holds, and one that does not. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TrialCase, TrialReport } from '../../src/check/trial/report.ts';
import { headway } from '../support/headway.ts';
import { component, environment, example, route } from '../support/manifests.ts';
import { Repository, type Changes } from '../support/repository.ts';
import { sealedLook, secret } from '../support/sealed.ts';

/** Eleven cells, twice: on a machine that does other things as well. */
const TIMEOUT_MS = 480_000;
const FOLDER = 'environments/production';
const HOST = 'example.test';
const PRICE = '/price?net=1000';
const GATE = 'gate: {minSamples: 20, warmUp: {requests: 5}}, bake: {duration: 1h}';
const CANARY = `{strategy: {type: Canary, canary: {steps: [{weight: 50, minDuration: 10m}]}}, ${GATE}}`;
const BLUE_GREEN = `{strategy: {type: BlueGreen, blueGreen: {previewDuration: 10m, approval: {name: ada}}}, ${GATE}}`;
const ROLLING = `{strategy: {type: Rolling, rolling: {minDuration: 10m}}, ${GATE}}`;
const GROUPED = CANARY.replace('{', '{group: prices, ');

const hostOf = (name: string): string => `${name}.${HOST}`;

/** One that visitors reach under a host of its own. */
function served(name: string, wasm: string, rollout: string, more: { extra?: string; readinessPath?: string } = {}) {
  const own = component({ name, wasm: `wasm/${wasm}.wasm`, rollout, attempt: '${attempt}', ...more });
  return {
    [`base/shop/${name}.yaml`]: `${own}---\n${route({ name, hostname: hostOf(name) })}`,
    [`base/wasm/${wasm}.wasm`]: example(wasm),
  };
}

function linked(name: string, to: string, mode: string, rollout: string): Changes {
  const extra = `  links: [{import: "shop:tax/rates@0.1.0", componentRef: {name: ${to}}, mode: ${mode}}]\n`;
  return served(name, 'checkout', rollout, { extra, readinessPath: `"${PRICE}"` });
}

function tax(name: string, wasm: string, rollout?: string): Changes {
  return {
    [`base/shop/${name}.yaml`]: `apiVersion: headway.dev/v1alpha1
kind: Component
metadata: {name: ${name}, namespace: shop}
spec:
  source: {path: wasm/${wasm}.wasm}
${rollout === undefined ? '' : `  rollout: ${rollout}\n`}`,
    [`base/wasm/${wasm}.wasm`]: example(wasm),
  };
}

/** A command at night and a function once a week. */
function reporter(wasm: string): Changes {
  return {
    'base/shop/nightly.yaml': `apiVersion: headway.dev/v1alpha1
kind: Component
metadata: {name: nightly, namespace: shop}
spec:
  source: {path: wasm/${wasm}.wasm}
---
apiVersion: headway.dev/v1alpha1
kind: Schedule
metadata: {name: nightly, namespace: shop}
spec:
  schedule: "15 2 * * *"
  timeZone: Europe/Berlin
  backendRef: {name: nightly, args: ["say=by night"]}
---
apiVersion: headway.dev/v1alpha1
kind: Schedule
metadata: {name: weekly, namespace: shop}
spec:
  schedule: "0 4 * * 1"
  backendRef: {name: nightly, export: {interface: "headway:examples/jobs", function: tidy}}
`,
    [`base/wasm/${wasm}.wasm`]: example(wasm),
  };
}

const overlay = (attempt: string): Changes => ({
  [`${FOLDER}/environment.yaml`]: environment({
    name: 'production',
    extra: `  bases: [../../base]
  variables: [{name: attempt, value: ${attempt}}]
  patches: [{target: {kind: Component, namespace: shop, name: greeting}, patch: {spec: {limits: {memory: 96Mi}}}}]
`,
  }),
});

const REF = (key: string): string => `valueFrom: {secretKeyRef: {name: pay, key: ${key}}}`;
const ITEM = (name: string): string => `{name: ${name}, version: "1", encrypted: ${sealedLook()}}`;

/** Every way in which a component gets a secret. */
const SECRETS: Changes = {
  'base/shop/paying.yaml': component({ name: 'paying', wasm: 'wasm/testbed.wasm', rollout: CANARY }).replace(
    'env: [{name: ATTEMPT, value: "first"}]',
    `env: [{name: ATTEMPT, value: "\${attempt}"}, {name: TOKEN, ${REF('token')}}]`,
  ),
  'base/shop/settings.yaml': component({
    name: 'settings',
    wasm: 'wasm/testbed-stored.wasm',
    rollout: CANARY,
    extra: `  config: [{name: attempt, value: "\${attempt}"}, {name: currency, ${REF('currency')}}]
  capabilities: [{name: own, keyValue: {store: own, keyPrefix: a/, access: ReadWrite}}]
`,
  }),
  'base/shop/routes.yaml': ['paying', 'settings'].map((name) => route({ name, hostname: hostOf(name) })).join('---\n'),
  'base/shop/pay.yaml': secret({ data: `${ITEM('token')}, ${ITEM('currency')}` }),
  'base/wasm/testbed.wasm': example('testbed'),
  'base/wasm/testbed-stored.wasm': example('testbed-stored'),
};

const call = (name: string, host: string, target: string, contains: string): string =>
  `    - {name: ${name}, request: {hostname: ${hostOf(host)}, path: "${target}"}, expect: {contains: "${contains}"}}\n`;

/** Of a function that no Route leads to. */
const rate = (name: string, given: string, expected: string): string =>
  `    - {name: ${name}, export: {componentRef: {name: rates}, interface: "shop:tax/rates@0.1.0", function: rate, ${given}}, expect: ${expected}}\n`;

const CHECKS: Changes = {
  'base/shop/checks.yaml': `apiVersion: headway.dev/v1alpha1
kind: Check
metadata: {name: all, namespace: shop}
spec:
  standIns:
    - {secretKeyRef: {name: pay, key: token}, value: stands-in-for-token}
    - {secretKeyRef: {name: pay, key: currency}, value: EUR}
  calls:
${[
  ...['greeting', 'blue', 'rolling'].map((name) => call(name, name, '/', 'ello')),
  call('inline', 'inline', PRICE, '11'),
  call('remote', 'remote', PRICE, '11'),
  call('env', 'paying', '/env', 'stands-in-for-token'),
  call('config', 'settings', '/config/get?key=currency', 'some EUR'),
  rate('wave', `arguments: ['"fr"']`, "{wave: 'ok(200)'}"),
  rate('json', 'parameters: {region: xx}', '{result: {err: "no rate for xx"}}'),
].join('')}`,
};

const MEMBERS = (wasm: string): Changes => ({
  ...linked('inline', 'tax', 'Inline', CANARY),
  ...tax('tax', wasm),
  ...linked('remote', 'rates', 'Remote', GROUPED),
  ...tax('rates', wasm, GROUPED),
});

let folder: string;
let repository: Repository;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hw-'));
  repository = await Repository.create(folder);
  await repository.commit('Start', {
    ...overlay('first'),
    ...served('greeting', 'greeting-v1', CANARY),
    ...served('blue', 'greeting-v1', BLUE_GREEN),
    ...served('rolling', 'greeting-v1', ROLLING, { extra: '  scaling: {minReplicas: 2}\n' }),
    ...served('old', 'greeting-v1', CANARY),
    ...MEMBERS('tax-v1'),
    ...reporter('report-v1'),
    ...SECRETS,
    ...CHECKS,
  });
  await repository.git('tag', 'base');
});

afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

async function rehearsed(range: string, ...more: readonly string[]) {
  const args = ['rehearse', range, '--repo', repository.work, '--path', FOLDER, '--format', 'json', ...more];
  const { code, out, err } = await headway(args);

  expect(err).toBe('');
  return { code, report: JSON.parse(out) as TrialReport };
}

const inSuite = ({ cases }: TrialReport, suite: TrialCase['suite']): ReadonlyMap<string, TrialCase> =>
  new Map(cases.filter((one) => one.suite === suite).map((one) => [one.name, one]));

it(
  'ends with 0 where all of it holds: overlays, strategies, groups, links, deletions, secrets and what the clock calls',
  { timeout: TIMEOUT_MS },
  async () => {
    await repository.git('checkout', '-q', '-b', 'good', 'base');
    await repository.commit('Better', {
      ...overlay('second'),
      ...served('blue', 'greeting-v2', BLUE_GREEN),
      ...MEMBERS('tax-v2'),
      ...reporter('report-v2'),
      'base/shop/old.yaml': null,
    });
    const junit = path.join(folder, 'good.xml');
    const { code, report } = await rehearsed('base..good', '--report', `junit=${junit}`);
    // What is only linked runs nowhere by itself.
    expect(report.cases.filter(({ outcome }) => outcome !== 'Passed')).toMatchObject([
      { name: 'shop/tax', outcome: 'Skipped', message: expect.stringContaining('nothing points at it') },
    ]);
    expect(code).toBe(0);
    const rollouts = inSuite(report, 'rollouts');
    const names = [
      'blue',
      'greeting',
      'inline',
      'nightly',
      'old',
      'paying',
      'rates',
      'remote',
      'rolling',
      'settings',
      'tax',
    ];
    expect([...rollouts.keys()]).toEqual(names.map((name) => `shop/${name}`));
    expect(rollouts.get('shop/old')!.message).toBe('deleted');
    const story = (name: string): string =>
      (rollouts.get(`shop/${name}`)!.steps ?? []).map(({ what }) => what).join('\n');
    expect(story('greeting')).toMatch(/at step 1 of 1: 50 %[^]*finished its bake/);
    expect(story('blue')).toMatch(/takes all traffic and bakes/);
    // In lock-step: both switch in one decision.
    const [one, other] = ['rates', 'remote'].map(
      (name) => rollouts.get(`shop/${name}`)!.steps!.find(({ what }) => what.includes('takes all traffic'))!.atMs,
    );
    expect(one).toBe(other);
    // Nights and weeks take seconds, and a step tells the machine's time.
    expect(rollouts.get('shop/nightly')!.elapsedMs).toBeLessThan(600_000);
    const schedules = inSuite(report, 'schedules');
    expect([...schedules.keys()].sort()).toEqual(['shop/nightly', 'shop/weekly']);
    expect(schedules.get('shop/nightly')!.message).toMatch(/^fired \d+ times?$/);
    expect(inSuite(report, 'checks').size).toBe(9);
    const xml = await readFile(junit, 'utf8');
    expect(xml).toContain('<testsuite name="headway rehearse schedules" tests="2" failures="0"');
    expect(xml).toContain('<testsuite name="headway rehearse checks" tests="9" failures="0"');
  },
);

it(
  'ends with 1 and says of each what the fleet would: groups go back, firings fail, the guard holds',
  { timeout: TIMEOUT_MS },
  async () => {
    await repository.git('checkout', '-q', '-b', 'bad', 'base');
    await repository.commit('Worse', {
      ...overlay('second'),
      ...tax('rates', 'tax-traps', GROUPED),
      ...reporter('report-broken'),
      ...Object.fromEntries(['old', 'blue', 'rolling', 'inline'].map((name) => [`base/shop/${name}.yaml`, null])),
      'base/shop/checks.yaml': String(CHECKS['base/shop/checks.yaml']).replaceAll(
        /.*name: (blue|rolling|inline),.*\n/g,
        '',
      ),
    });
    const { code, out } = await headway(['rehearse', 'base..bad', '--repo', repository.work, '--path', FOLDER]);
    expect(code).toBe(1);
    expect(out).toMatch(/FAILED {2}shop\/rates[^]*rolled back: .*\(HW5116\)/);
    expect(out).toMatch(/FAILED {2}shop\/remote .*\n {10}.*\(HW5116\)/);
    expect(out).toMatch(/FAILED {2}shop\/nightly .*\n {10}.*\(HW5116\)/);
    expect(out).toMatch(/FAILED {2}shop\/old.*\n {10}not deleted: [^\n]*confirm[^\n]*\(HW5119\)/);
    expect(out).toMatch(
      /shop\/nightly.*\n {10}.*nightly\.yaml:\d+:\d+: the firing of \S+: exit code 1.*\(HW4601\) \(HW5118\)/,
    );
    expect(out).toMatch(/skipped shop\/all remote\n {10}what the head says of shop\/remote does not serve/);
  },
);
