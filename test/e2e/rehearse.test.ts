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
  // At the speed that is written, so that it would take an hour and is not over before it is interrupted.
  const { child, output } = startHeadway(['rehearse', 'v1..v2', '--speed', '1', '--repo', repository.work], {
    env: { ...process.env, TMPDIR: scratch },
  });
  // Not its exit: what it has said may still be on its way then.
  const ended = once(child, 'close');
  // Not before its cells run: what is there to be left behind is there then.
  let started: readonly Running[] = [];
  const runsCells = async (): Promise<boolean> => {
    started = await descendants(child.pid!);
    return started.some(({ line }) => line.includes('cell'));
  };
  await expect.poll(runsCells, { timeout: 60_000 }).toBe(true);
  await sleep(2_000);
  started = [...started, ...(await descendants(child.pid!))];
  child.kill(signal);
  const [code] = (await ended) as [number | null];
  expect(output().err).toContain('interrupted (HW5110)');
  expect(code).toBe(2);
  const left = async () => (await running()).filter((one) => started.some((other) => isSame(one, other)));
  await expect.poll(left).toEqual([]);
  expect(await readdir(scratch)).toEqual([]);
});

/** A process: its number is given again, its start is not. */
interface Running {
  readonly pid: number;
  readonly parent: number;
  readonly started: string;
  readonly line: string;
}

function isSame(one: Running, other: Running): boolean {
  return one.pid === other.pid && one.started === other.started;
}

/** All that run now, as `/proc` has them; none that have ended and were not collected. */
async function running(): Promise<readonly Running[]> {
  const pids = (await readdir('/proc')).filter((one) => /^\d+$/.test(one));
  const found = await Promise.all(
    pids.map(async (pid): Promise<Running | undefined> => {
      const [stat, line] = await Promise.all(
        ['stat', 'cmdline'].map((file) => readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => '')),
      );
      // The name, which is the second field, may hold anything but a line end.
      const [state, parent, ...rest] = stat!.slice(stat!.lastIndexOf(')') + 2).split(' ');
      if (state === undefined || state === '' || state === 'Z') return undefined;
      return { pid: Number(pid), parent: Number(parent), started: rest[17]!, line: line!.replaceAll('\0', ' ') };
    }),
  );
  return found.filter((one) => one !== undefined);
}

async function descendants(root: number): Promise<readonly Running[]> {
  const all = await running();
  const found: Running[] = [];
  for (let parents = new Set([root]); parents.size > 0;) {
    const children = all.filter(({ parent }) => parents.has(parent));
    found.push(...children);
    parents = new Set(children.map(({ pid }) => pid));
  }
  return found;
}
