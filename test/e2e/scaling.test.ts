/** Replicas that follow the calls in flight, and a component that is parked while nothing calls, in the real program. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { EntryStatus } from '../../src/model/status.ts';
import type { Daemon } from '../support/daemon.ts';
import { component, environment, example, quickPolicy, route } from '../support/manifests.ts';
import type { Changes } from '../support/repository.ts';
import { KEY, provenAfter, story, traffic, type Story } from './story.ts';

const PARK_AFTER_MS = 3_000;

function shop(scaling: string, attempt = 'first', wasm = 'testbed'): Changes {
  return {
    'environment.yaml': environment(),
    'shop/policies.yaml': quickPolicy(),
    'shop/route.yaml': route(),
    'shop/greeting.yaml': component({
      wasm: `wasm/${wasm}.wasm`,
      attempt,
      limits: 'concurrency: 4',
      extra: `  scaling: ${scaling}\n`,
      // What comes waits for the replicas that it asks for.
      requestTimeout: '14s',
    }),
    [`wasm/${wasm}.wasm`]: example(wasm),
  };
}

const phasesOf = ({ replicas }: EntryStatus): readonly string[] =>
  replicas.filter(({ phase }) => phase !== 'Ended' && phase !== 'Draining').map(({ phase }) => phase);

const isParked = (entry: EntryStatus): boolean => phasesOf(entry).join() === 'Parked';

async function parked(): Promise<Story> {
  const begun = await story(shop(`{minReplicas: 0, scaleDownAfter: ${PARK_AFTER_MS}ms}`));
  await provenAfter(begun.daemon, undefined);
  await begun.daemon.entry(KEY, 'it is parked', isParked);
  return begun;
}

async function answer(daemon: Daemon): Promise<readonly [number, string]> {
  const response = await fetch(`${daemon.url}/`);
  return [response.status, await response.text()];
}

it('replicas follow the calls in flight, up at once and down after a while, and nothing is lost', async () => {
  const { daemon } = await story(shop('{minReplicas: 1, maxReplicas: 3, scaleDownAfter: 2s}'));
  await provenAfter(daemon, undefined);
  const visitors = traffic(daemon, { requestsPerSecond: 40 }, '/sleep?ms=200');
  const grown = await daemon.entry(KEY, 'three are ready', (entry) => phasesOf(entry).join() === 'Ready,Ready,Ready');
  expect(grown.scaling).toMatchObject({ min: 1, max: 3, wanted: 3, ready: 3, parked: 0 });
  const report = await visitors.stop();
  await daemon.entry(KEY, 'one is left', (entry) => phasesOf(entry).join() === 'Ready' && entry.scaling?.wanted === 1);
  expect([report.lost, Object.keys(report.byStatus)]).toEqual([[], ['200']]);
});

it('what nothing calls is parked, the first request wakes it, and neither engine nor control has to live for that', async () => {
  const { daemon } = await parked();
  const { conditions, scaling } = await daemon.entry(KEY, 'it is parked', isParked);
  expect([scaling?.parked, conditions.find(({ type }) => type === 'Ready')?.status]).toEqual([1, 'True']);
  const metrics = await (await fetch(`${daemon.statusUrl}/metrics`)).text();
  expect(metrics).toMatch(/^headway_replicas\{.*phase="Parked".*\} 1$/m);
  expect(metrics).toMatch(/^headway_replicas_wanted\{entry="shop\/greeting"\} 0$/m);

  // Together: all wait for the same start.
  const answers = await Promise.all(Array.from({ length: 20 }, () => answer(daemon)));
  expect(answers.map(([status]) => status)).toEqual(answers.map(() => 200));
  await daemon.entry(KEY, 'it is awake', (entry) => phasesOf(entry).join() === 'Ready');
  await daemon.entry(KEY, 'it is parked again', isParked);

  const [control, engine] = [daemon.one('control'), daemon.one('engine')];
  process.kill(control, 'SIGSTOP');
  expect(await answer(daemon)).toEqual([200, expect.any(String)]);
  process.kill(control, 'SIGKILL');
  await sleep(100);
  expect(await answer(daemon)).toEqual([200, expect.any(String)]);
  await daemon.entry(KEY, 'it is parked a third time', isParked);
  const { epoch } = (await daemon.status())!.engine;
  process.kill(engine, 'SIGKILL');
  await daemon.until('another engine serves', (status) => status.ready && status.engine.epoch !== epoch);
  await daemon.entry(KEY, 'it is parked in the other engine', isParked);
  expect(await answer(daemon)).toEqual([200, expect.any(String)]);
});

it('a release that is tried beside what is parked proves itself, and one that is bad does not take its place', async () => {
  const { daemon, repository } = await parked();
  const before = await daemon.entry(KEY, 'it is parked', isParked);
  await repository.push('Bad', {
    'shop/greeting.yaml': component({
      wasm: 'wasm/testbed.wasm',
      readinessPath: '/status?code=500',
      attempt: 'bad',
      extra: `  scaling: {minReplicas: 0, scaleDownAfter: ${PARK_AFTER_MS}ms}\n`,
    }),
  });
  await daemon.entry(KEY, 'it is quarantined', ({ quarantined }) => quarantined.length > 0);
  await daemon.entry(KEY, 'what served is parked', isParked);
  expect(await answer(daemon)).toEqual([200, expect.any(String)]);
  await repository.push('Good', shop(`{minReplicas: 0, scaleDownAfter: ${PARK_AFTER_MS}ms}`, 'good'));
  const after = await provenAfter(daemon, before);
  expect(after.proven!.release).not.toBe(before.proven!.release);
  await daemon.entry(KEY, 'the good one is parked', isParked);
  expect(await answer(daemon)).toEqual([200, expect.any(String)]);
});
