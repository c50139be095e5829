/** `headway test` as a component's author calls it: real cells, real answers, and nothing of the repository runs outside. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { headway } from '../support/headway.ts';
import { component, environment, example, quickPolicy, route } from '../support/manifests.ts';

const CHECKS = 'examples/pricing/checks';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hw-'));
});

afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

async function write(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const dir = await mkdtemp(path.join(folder, 'fleet-'));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.join(dir, path.dirname(name)), { recursive: true });
    await writeFile(path.join(dir, name), content);
  }
  return dir;
}

function check(calls: string, standIns = '[]'): string {
  return `apiVersion: headway.dev/v1alpha1
kind: Check
metadata: {name: greets, namespace: shop}
spec:
  standIns: ${standIns}
  calls:
${calls}`;
}

const GREETS = `    - name: healthy
      request: {path: /healthz}
`;

describe('headway test of one component', () => {
  it('passes the example that its documentation shows, and fails a release that does not keep it', async () => {
    const good = await headway(['test', 'examples/wasm/pricing-v1.wasm', '--checks', CHECKS]);
    expect(good.err).toBe('');
    expect(good.out).toMatch(/^ok {6}shop\/quote two-teas \(\d+ ms\)\nok {6}shop\/quote empty-basket/);
    expect(good.out).toContain('3 passed, 0 failed, 0 skipped');
    expect(good.code).toBe(0);

    const dir = await write({
      'quote.yaml': readFileSync(path.join(CHECKS, 'quote.yaml'), 'utf8').replace('"900"', '"901"'),
    });
    const junit = path.join(folder, 'checks.xml');
    const bad = await headway(['test', 'examples/wasm/pricing-v1.wasm', '--checks', dir, '--report', `junit=${junit}`]);
    expect(bad.code).toBe(1);
    expect(bad.out).toContain('FAILED  shop/quote two-teas');
    expect(bad.out).toContain('quote.yaml:7:13: the function returned something else (HW5111)');
    expect(bad.out).toContain('expected {"ok":{"total-cents":"901","currency":"eur","discount":null}}');
    expect(bad.out).toContain('found    {"ok":{"total-cents":"900","currency":"eur","discount":null}}');
    expect(readFileSync(junit, 'utf8')).toContain('tests="3" failures="1" errors="0" skipped="0"');
  });

  it('says what is wrong before it starts anything', async () => {
    const dir = await write({
      'quote.yaml': readFileSync(path.join(CHECKS, 'quote.yaml'), 'utf8').replace('count: 2', 'count: -2'),
    });
    const wrong = await headway(['test', 'examples/wasm/pricing-v1.wasm', '--checks', dir, '--format', 'json']);
    expect(wrong.code).toBe(1);
    expect(JSON.parse(wrong.out)).toMatchObject({
      cases: [{ suite: 'manifests', outcome: 'Failed', code: 'HW1083', span: { file: 'quote.yaml', line: 12 } }],
    });
    expect(await headway(['test', 'examples/wasm/pricing-v1.wasm'])).toMatchObject({ code: 2 });
    const none = await headway(['test', await write({ 'environment.yaml': environment() })]);
    expect(none).toMatchObject({ code: 2, err: expect.stringContaining('there is no Check (HW5112)') });
  });
});

describe('headway test of an environment', () => {
  it('reads the bases of its Environment: documents, Checks and artifacts there, with its variables and patches', async () => {
    const spec = `  bases: [../../base]
  variables: [{name: host, value: live.example}]
  patches: [{target: {kind: Component, namespace: shop, name: greeting}, patch: {spec: {limits: {memory: 96Mi}}}}]
`;
    const dir = await write({
      '.git/HEAD': '',
      'environments/live/environment.yaml': environment({ extra: spec }),
      'base/shop/greeting.yaml': component({ wasm: 'wasm/greeting.wasm' }),
      'base/shop/route.yaml': route({ hostname: '"${host}"' }),
      'base/shop/check.yaml': check('    - {name: greets, request: {hostname: "${host}", path: /healthz}}\n'),
      'base/shop/quick.yaml': quickPolicy(),
      'base/wasm/greeting.wasm': example('greeting-v1'),
    });
    const { code, out, err } = await headway(['test', path.join(dir, 'environments/live')]);
    expect([code, err, out]).toEqual([0, '', expect.stringMatching(/^ok {6}shop\/greets greets /)]);
  });

  it('runs with the clock and the numbers of the profile, which are the same at each run', async () => {
    const number = '{status: 200, body: "7191089600892374487\\n"}';
    const calls = `    - {name: clock, request: {path: /clock}, expect: {contains: "wall 1893456000"}}
    - {name: number, request: {path: /random}, expect: ${number}}
    - {name: again, request: {path: /random}, expect: ${number}}
`;
    const profile = '  deterministic: {time: "2030-01-01T00:00:00Z", seed: 7}\n  calls:';
    const dir = await write({
      'environment.yaml': environment(),
      'shop/testbed.yaml': component({ wasm: 'wasm/testbed.wasm', extra: '  instancePolicy: PerRequest\n' }),
      'shop/quick.yaml': quickPolicy(),
      'shop/route.yaml': route(),
      'shop/check.yaml': check(calls).replace('  calls:', profile),
      'wasm/testbed.wasm': example('testbed'),
    });
    const { code, out } = await headway(['test', dir]);
    expect([code, out]).toEqual([0, expect.stringContaining('3 passed, 0 failed, 0 skipped')]);
  });

  it('runs what its entry asks over HTTP too, and nothing else', async () => {
    const asks = '  capabilities: [{name: inside, outboundHttp: {hosts: [cart.shop.headway]}}]\n';
    const calls = `    - name: asks
      request: {path: "/send?to=cart.shop.headway&raw=1"}
      expect: {status: 200, contains: v1}
`;
    const dir = await write({
      'environment.yaml': environment(),
      'shop/front.yaml': component({
        name: 'front',
        wasm: 'wasm/front.wasm',
        rollout: '{bake: {duration: 1h}}',
        extra: asks,
      }),
      'shop/cart.yaml': component({ name: 'cart', wasm: 'wasm/cart.wasm', rollout: '{bake: {duration: 1h}}' }),
      'shop/other.yaml': component({ name: 'other', wasm: 'wasm/never.wasm', rollout: '{bake: {duration: 1h}}' }),
      'shop/route.yaml': route({ name: 'front' }),
      'shop/check.yaml': check(calls),
      'wasm/front.wasm': example('testbed-outbound'),
      'wasm/cart.wasm': example('greeting-v1'),
      'wasm/never.wasm': example('greeting-never-ready'),
    });
    const { code, out } = await headway(['test', dir]);
    expect([code, out]).toEqual([0, expect.stringContaining('1 passed, 0 failed, 0 skipped')]);
  });

  it('sends requests by its Routes, with stand-ins, and says which component did not come up', async () => {
    const marker = path.join(folder, 'ran');
    const greeting = component({ wasm: 'wasm/greeting.wasm', rollout: '{bake: {duration: 1h}}' });
    const fleet = {
      'environment.yaml': environment(),
      'shop/greeting.yaml': greeting.replace('value: "first"', 'valueFrom: {secretKeyRef: {name: pay, key: token}}'),
      'shop/route.yaml': route(),
      // Whatever git or Node would run of a repository that is checked out or worked in.
      'wasm/greeting.wasm': example('greeting-v1'),
      '.gitattributes': '* filter=evil\n',
      'package.json': `{"scripts": {"preinstall": "touch ${marker}"}}`,
      'hooks/pre-commit': `#!/bin/sh\ntouch ${marker}\n`,
    };
    const token = '[{secretKeyRef: {name: pay, key: token}, value: a}]';
    const dir = await write({ ...fleet, 'shop/check.yaml': check(GREETS, token) });
    const good = await headway(['test', dir]);
    expect(good.out).toContain('1 passed, 0 failed, 0 skipped');
    expect(good.code).toBe(0);
    expect(existsSync(marker)).toBe(false);

    await writeFile(path.join(dir, 'shop/check.yaml'), check(GREETS));
    const missing = await headway(['test', dir]);
    expect(missing.code).toBe(1);
    expect(missing.out).toContain('no Check declares a stand-in for the key `token` of Secret shop/pay (HW5113)');

    await writeFile(path.join(dir, 'shop/check.yaml'), check(GREETS, token));
    await writeFile(path.join(dir, 'wasm/greeting.wasm'), example('greeting-never-ready'));
    const down = await headway(['test', dir]);
    expect(down.code).toBe(1);
    expect(down.out).toMatch(/check\.yaml:\d+:13: shop\/greeting did not come up: .*\(HW5115\)/);
  });
});
