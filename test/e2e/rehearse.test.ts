/** `headway rehearse` of real ranges of commits: a Check that fails, a gate that takes back, a base that is broken, an interrupt. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TrialReport } from '../../src/check/trial/report.ts';
import { headway, startHeadway } from '../support/headway.ts';
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

const CONFIG = `apiVersion: headway.dev/v1alpha1
kind: Config
metadata: {name: greeting, namespace: shop}
spec: {data: [{name: word, value: hello}]}
`;

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

it('says that the base does not come up, fails nobody for it, and lets the head mend it', async () => {
  await repository.git('checkout', '-q', '-b', 'broken', 'v1');
  await repository.commit('Never ready', { 'wasm/greeting.wasm': example('greeting-never-ready') });
  await repository.git('tag', 'never');
  await repository.commit('Mend it', { 'wasm/greeting.wasm': example('greeting-v2') });
  const mended = await rehearsed('never..broken');
  expect(mended.report.cases[0]).toMatchObject({ suite: 'base', name: 'shop/greeting', outcome: 'Skipped' });
  expect(mended.report.cases[0]!.message).toMatch(/^does not serve at the base: /);
  expect(mended.report.cases[1]).toMatchObject({ suite: 'rollouts', outcome: 'Passed' });

  // A head that leaves it so is told by the Checks that cannot be made.
  await repository.git('checkout', '-q', '-b', 'left', 'never');
  await repository.commit('Say more', { 'shop/config.yaml': CONFIG });
  const left = await rehearsed('never..left');
  expect(left.code).toBe(1);
  const [unmade] = left.report.cases.filter(({ suite }) => suite === 'checks');
  expect(unmade).toMatchObject({ outcome: 'Failed', code: 'HW5115', span: { file: 'shop/check.yaml' } });
});

it.each(['SIGINT', 'SIGTERM'] as const)('leaves nothing behind when it is interrupted: %s', async (signal) => {
  const scratch = path.join(folder, `scratch-${signal}`);
  await mkdir(scratch);
  const mark = `HEADWAY_REHEARSAL=${signal}-${process.pid}`;
  const [name, value] = mark.split('=') as [string, string];
  const { child, output } = startHeadway(['rehearse', 'v1..v2', '--repo', repository.work], {
    env: { ...process.env, TMPDIR: scratch, [name]: value },
  });
  const ended = once(child, 'exit');
  // Not before its cells run: what is there to be left behind is there then.
  await expect.poll(() => processesWith(mark), { timeout: 60_000 }).toSatisfy((found: string[]) => found.length >= 4);
  await sleep(2_000);
  child.kill(signal);
  const [code] = (await ended) as [number | null];
  expect(output().err).toContain('interrupted (HW5110)');
  expect(code).toBe(2);
  await expect.poll(() => processesWith(mark), { timeout: 10_000 }).toEqual([]);
  expect(await readdir(scratch)).toEqual([]);
});

/** Command lines of the processes that were started with it in their environment, and of none that ended. */
async function processesWith(mark: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((one) => /^\d+$/.test(one))) {
    const [environ = '', line = ''] = await Promise.all(
      ['environ', 'cmdline'].map((file) => readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => '')),
    );
    if (environ.split('\0').includes(mark)) found.push(line.replaceAll('\0', ' '));
  }
  return found;
}
