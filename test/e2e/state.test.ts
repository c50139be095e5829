/** What guests keep, and who may touch it: the real program, its stores, and Policies that change under load. */
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { headway } from '../support/headway.ts';
import { Daemon } from '../support/daemon.ts';
import { isReady } from '../support/entries.ts';
import { component, environment, example, immediatePolicy, route } from '../support/manifests.ts';
import type { Changes } from '../support/repository.ts';
import { Traffic } from '../support/traffic.ts';
import { chapters } from './story.ts';

const COUNTER = 'shop/counter';
const GRANT = `  capabilities: [{name: counters, keyValue: {store: counters, keyPrefix: count/, access: ReadWrite}}]\n`;

function counter(wasm: string, extra = GRANT, attempt = 'first'): Changes {
  return {
    'shop/counter.yaml': component({
      name: 'counter',
      wasm: `wasm/${wasm}.wasm`,
      rollout: '{policyRef: {name: now}}',
      attempt,
      extra,
    }),
    [`wasm/${wasm}.wasm`]: example(wasm),
  };
}

function first(extra = GRANT): Changes {
  return {
    'environment.yaml': environment({ tenants: ['shop', 'platform'] }),
    'shop/policies.yaml': immediatePolicy(),
    'shop/route.yaml': route({ name: 'counter' }),
    ...counter('counter-v1', extra),
  };
}

function policy(stores: string, enforcement = 'Enforce', access = 'ReadWrite'): Changes {
  return {
    'platform/ceiling.yaml': `apiVersion: headway.dev/v1alpha1
kind: Policy
metadata: {name: ceiling}
spec:
  namespaces: [shop]
  enforcement: ${enforcement}
  capabilities: [{name: state, keyValue: {stores: [${stores}], access: ${access}}}]
`,
  };
}

interface Said {
  readonly status: number;
  readonly body: string;
}

const add = (daemon: Daemon, name: string): Promise<Said> => daemon.ask(`/count?name=${name}`, 'test.example', 'POST');
const read = async (daemon: Daemon, name: string): Promise<number> =>
  Number((await daemon.ask(`/count?name=${name}`, 'test.example')).body);

/** Counts under load; how often it was answered that it counted, and how often something else. */
function counting(daemon: Daemon, name: string): Traffic {
  const traffic = new Traffic(`${daemon.url}/count?name=${name}`, { method: 'POST', requestsPerSecond: 150 });
  onTestFinished(async () => void (await traffic.stop()));
  return traffic;
}

async function enough(traffic: Traffic, more: number): Promise<void> {
  const wanted = traffic.report().answers + more;
  while (traffic.report().answers < wanted) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('what a component keeps', () => {
  const now = chapters(first());

  it('outlives a swap under load: every answer was counted once', async () => {
    const { daemon, repository } = now();
    await daemon.entry(COUNTER, 'v1 is proven', ({ proven }) => proven !== undefined);
    const visitors = counting(daemon, 'swap');
    await enough(visitors, 50);
    const commit = await repository.push('v2', counter('counter-v2'));
    await daemon.entry(COUNTER, 'v2 is proven', ({ proven }) => proven?.commit === commit);
    await enough(visitors, 50);
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus)).toEqual(['200']);
    expect(Object.keys(report.byRelease).length).toBe(2);
    expect(await read(daemon, 'swap')).toBe(report.answers);
  });

  it('outlives its broker, killed under load: what was in it fails with a text, nothing else does', async () => {
    const { daemon } = now();
    // What served before may end yet.
    const { replicas } = await daemon.entry(
      COUNTER,
      'only v2 is left',
      (entry) => entry.replicas.length === 1 && isReady(entry),
    );
    const visitors = counting(daemon, 'broker');
    await enough(visitors, 50);
    for (let times = 0; times < 3; times++) {
      const broker = daemon.one('broker');
      process.kill(broker, 'SIGKILL');
      await daemon.another('broker', broker);
      await enough(visitors, 50);
    }
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    const { '200': counted = 0, '503': failed = 0, ...others } = report.byStatus;
    expect(others).toEqual({});
    // Of those that failed nobody knows: they may have been done.
    const kept = await read(daemon, 'broker');
    expect(kept).toBeGreaterThanOrEqual(counted);
    expect(kept).toBeLessThanOrEqual(counted + failed);
    expect(failed).toBeLessThan(counted / 2);
    expect(daemon.processes().get('cell')).toContain(replicas[0]!.pid);
    expect((await daemon.status())!.entries[0]).toMatchObject({ quarantined: [] });
  });

  it('outlives control and the engine, each killed', async () => {
    const { daemon } = now();
    for (let count = 1; count <= 5; count++)
      expect(await add(daemon, 'kill')).toEqual({ status: 200, body: `${count}\n` });
    process.kill(daemon.one('control'), 'SIGKILL');
    expect(await add(daemon, 'kill')).toEqual({ status: 200, body: '6\n' });
    await daemon.until('control is back', ({ ready }) => ready);
    const { epoch } = (await daemon.status())!.engine;
    process.kill(daemon.one('engine'), 'SIGKILL');
    await daemon.until('another engine serves', ({ engine, ready }) => ready && engine.epoch !== epoch);
    expect(await add(daemon, 'kill')).toEqual({ status: 200, body: '7\n' });
  });

  it('outlives the daemon', async () => {
    const { daemon, repository, folder } = now();
    expect(await daemon.stop()).toBe(0);
    const next = await Daemon.start({ repo: repository.url, data: path.join(folder, 'data') });
    onTestFinished(async () => void (await next.stop()));
    expect(await read(next, 'kill')).toBe(7);
  });
});

describe('Policies over what runs', () => {
  const now = chapters({ ...first(), ...policy('counters') });

  it('are tightened under load: at once, without stopping it, and lifted again', async () => {
    const { daemon, repository } = now();
    const { replicas } = await daemon.entry(COUNTER, 'it is proven', ({ proven }) => proven !== undefined);
    const visitors = new Traffic(`${daemon.url}/healthz`);
    onTestFinished(async () => void (await visitors.stop()));
    expect(await add(daemon, 'policy')).toEqual({ status: 200, body: '1\n' });
    const commit = await repository.push('Only others', policy('others'));
    await daemon.until('it is accepted', ({ source }) => source.acceptedCommit === commit);
    await until(async () => (await add(daemon, 'policy')).status === 403);
    await repository.push('Only to read', policy('counters', 'Enforce', 'ReadOnly'));
    await until(async () => (await read(daemon, 'policy')) >= 1);
    expect((await add(daemon, 'policy')).status).toBe(403);
    await repository.push('Counters again', policy('counters'));
    await until(async () => (await add(daemon, 'policy')).status === 200);
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus)).toEqual(['200']);
    expect(daemon.processes().get('cell')).toContain(replicas[0]!.pid);
  });

  it('in Audit let through what they would deny', async () => {
    const { daemon, repository } = now();
    await repository.push('Only others, in Audit', policy('others', 'Audit'));
    await daemon.until('it is a warning', ({ diagnostics }) => diagnostics.some(({ code }) => code === 'HW1040'));
    for (let times = 0; times < 20; times++) expect((await add(daemon, 'policy')).status).toBe(200);
  });

  it('refuse a candidate, whatever serves', async () => {
    const { daemon, repository } = now();
    await repository.push('Only others', policy('others'));
    await until(async () => (await add(daemon, 'policy')).status === 403);
    const commit = await repository.push('v2', counter('counter-v2'));
    const entry = await daemon.entry(COUNTER, 'v2 is refused', ({ conditions }) =>
      conditions.some(({ reason, message }) => reason === 'PolicyExceeded' && message.includes('ceiling')),
    );
    expect(entry.serving?.commit).not.toBe(commit);
    expect((await daemon.ask('/healthz', 'test.example')).status).toBe(200);
  });

  it('leave a record of each use and denial, with who, by what and why', async () => {
    const { daemon, folder } = now();
    const data = path.join(folder, 'data');
    const serving = (await daemon.status())!.entries[0]!.serving!;
    const { out } = await headway([
      'audit',
      'show',
      '--data',
      data,
      '--kind',
      'use,denial,audited',
      '--format',
      'json',
    ]);
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
    const about = { grant: 'counters', capability: 'keyValue', release: serving.release, commit: serving.commit };
    for (const wanted of [
      { ...about, kind: 'Use', asked: 'increment counters', count: 1 },
      { ...about, kind: 'Denial', asked: 'open counters', why: 'beyond the capabilities of Policy ceiling' },
      { ...about, kind: 'Denial', asked: 'increment counters/count/policy' },
      { ...about, kind: 'Audited', asked: 'increment counters/count/policy' },
    ]) {
      expect(lines).toContainEqual(expect.objectContaining(wanted));
    }
    expect((await headway(['audit', 'verify', '--data', data])).code).toBe(0);
  });
});

describe('a Policy that would take from many what they use', () => {
  const names = ['one', 'two', 'three'];
  const grant = (name: string) =>
    `  capabilities: [{name: counters, keyValue: {store: counters, keyPrefix: count/${name}, access: ReadWrite}}]\n`;
  const now = chapters({
    ...first(),
    'shop/counter.yaml': names
      .map((name) =>
        component({ name, wasm: 'wasm/counter-v1.wasm', rollout: '{policyRef: {name: now}}', extra: grant(name) }),
      )
      .join('---\n'),
    'shop/route.yaml': names.map((name) => route({ name, hostname: `${name}.example` })).join('---\n'),
  });

  it('is held, says so, and is let through by the line that it says', async () => {
    const { daemon, repository } = now();
    const counts = async (name: string) => (await daemon.ask(`/count?name=${name}`, `${name}.example`, 'POST')).status;
    await daemon.until(
      'all are proven',
      ({ entries }) => entries.length === 3 && entries.every(({ proven }) => proven),
    );
    for (const name of names) expect(await counts(name)).toBe(200);
    await daemon.until('all are known to use it', ({ entries }) => entries.every(({ uses }) => uses !== undefined));
    await repository.push('Nothing for anybody', policy('others'));
    const { revocation } = await daemon.until('it is held', (status) => status.revocation !== undefined);
    for (const name of names) expect(await counts(name)).toBe(200);
    expect(revocation!.why).toContain('3 of 3 components used within a day');
    const { out } = await headway(['status', '--status', daemon.statusAddress]);
    expect(out).toContain(`fix: to go on, write prune.confirm: "${revocation!.hash}" in the Environment`);
    const extra = `  prune: {confirm: "${revocation!.hash}"}\n`;
    await repository.push('Yes', { 'environment.yaml': environment({ tenants: ['shop', 'platform'], extra }) });
    await until(async () => (await counts('one')) === 403);
    for (const name of names) expect(await counts(name)).toBe(403);
    await daemon.until('nothing is held', (status) => status.revocation === undefined);
  });
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 30_000;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error('not within 30 s');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
