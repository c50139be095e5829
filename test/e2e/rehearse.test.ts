/** `headway rehearse` of real ranges of commits: one that holds, one that its gate takes back, and a Check that fails. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TrialReport } from '../../src/check/trial/report.ts';
import { headway } from '../support/headway.ts';
import { component, environment, example, route } from '../support/manifests.ts';
import { Repository } from '../support/repository.ts';

const ROLLOUT = `{strategy: {type: Canary, canary: {steps: [{weight: 50, minDuration: 10m, approval: {name: ada}}]}}, gate: {minSamples: 30, warmUp: {requests: 10}}, bake: {duration: 1h}}`;

function check(text: string): string {
  return `apiVersion: headway.dev/v1alpha1
kind: Check
metadata: {name: greets, namespace: shop}
spec:
  calls:
    - name: politely
      request: {path: /}
      expect: {contains: ${text}}
`;
}

let folder: string;
let repository: Repository;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hw-'));
  repository = await Repository.create(folder);
  await repository.commit('Start', {
    'environment.yaml': environment({
      extra: '  freezeWindows: [{name: always, schedule: "0 0 * * *", duration: 23h}]\n',
    }),
    'shop/greeting.yaml': component({ wasm: 'wasm/greeting.wasm', rollout: ROLLOUT }),
    'shop/route.yaml': route(),
    'shop/check.yaml': check('ello'),
    'wasm/greeting.wasm': example('greeting-v1'),
  });
  await repository.git('tag', 'v1');
});

afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

async function rehearsed(range: string, ...more: readonly string[]) {
  const { code, out, err } = await headway(['rehearse', range, '--repo', repository.work, '--format', 'json', ...more]);
  expect(err).toBe('');
  return { code, report: JSON.parse(out) as TrialReport };
}

it('promotes what holds, in seconds instead of hours, and then fails a Check that it does not keep', async () => {
  await repository.commit('Greet better', {
    'wasm/greeting.wasm': example('greeting-v2'),
    'shop/check.yaml': check('Goodbye'),
  });
  await repository.git('tag', 'v2');
  const junit = path.join(folder, 'rehearsal.xml');
  const { code, report } = await rehearsed('v1..v2', '--report', `junit=${junit}`);
  const [rollout, politely] = report.cases;
  expect(rollout).toMatchObject({ name: 'shop/greeting', outcome: 'Passed', message: 'promoted and proven' });
  expect(rollout!.steps!.map(({ what }) => what).join('\n')).toMatch(/at step 1 of 1: 50 %[^]*finished its bake/);
  expect(politely).toMatchObject({
    outcome: 'Failed',
    code: 'HW5111',
    expected: 'Goodbye',
    span: { file: 'shop/check.yaml', line: 6, column: 13 },
  });
  expect(report.differences.join('\n')).toContain('waits are 60 times shorter');
  expect(code).toBe(1);
  expect(readFileSync(junit, 'utf8')).toContain('<testsuite name="headway rehearse rollouts" tests="1" failures="0"');
  // The repository itself is only read.
  expect(await repository.git('status', '--porcelain')).toBe('');
});

it('takes back what fails its gate, names the evidence, and checks nothing that does not serve', async () => {
  await repository.git('checkout', '-q', '-b', 'bad', 'v1');
  await repository.commit('Break it', { 'wasm/greeting.wasm': example('greeting-flaky') });
  const { code, report } = await rehearsed('v1..bad');
  const [rollout, politely] = report.cases;
  expect(rollout).toMatchObject({ name: 'shop/greeting', outcome: 'Failed', code: 'HW5116' });
  expect(rollout!.message).toMatch(/^rolled back: .*(errors|failures)/);
  expect(rollout!.evidence!.length).toBeGreaterThan(0);
  expect(rollout!.evidence![0]!.samples).toBeGreaterThan(0);
  expect(politely).toMatchObject({ outcome: 'Skipped' });
  expect(code).toBe(1);
});
