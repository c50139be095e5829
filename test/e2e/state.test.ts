/** What guests keep, and who may touch it: the real program, its stores, and Policies that change under load. */
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Daemon } from '../support/daemon.ts';
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
    const cells = daemon.processes().get('cell');
    const visitors = counting(daemon, 'broker');
    await enough(visitors, 50);
    for (let times = 0; times < 3; times++) {
      const broker = daemon.one('broker');
      process.kill(broker, 'SIGKILL');
      await daemon.becomes(
        'another broker',
        () => daemon.first('broker') !== undefined && daemon.one('broker') !== broker,
      );
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
    expect(daemon.processes().get('cell')).toEqual(expect.arrayContaining([cells![0]]));
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
    await daemon.entry(COUNTER, 'it is proven', ({ proven }) => proven !== undefined);
    const cells = daemon.processes().get('cell')!;
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
    expect(daemon.processes().get('cell')).toEqual(expect.arrayContaining([cells[0]]));
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
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 30_000;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error('not within 30 s');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
