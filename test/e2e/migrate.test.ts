/** Releases that bring their data into another form: the real program, real components, and kills in the middle. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { EntryStatus } from '../../src/model/status.ts';
import { headway } from '../support/headway.ts';
import type { Daemon } from '../support/daemon.ts';
import { component, environment, example, route } from '../support/manifests.ts';
import type { Changes } from '../support/repository.ts';
import { Traffic } from '../support/traffic.ts';
import { chapters, provenAfter, story, toldOf } from './story.ts';

const COUNTER = 'shop/counter';
const NOTES = 'shop/notes';
const WRITES = (store: string) =>
  `  capabilities: [{name: own, keyValue: {store: ${store}, access: ReadWrite}}]\n  scaling: {minReplicas: 2}\n`;
const VERSION = (version: string) => `  state: {version: "${version}", migrateTimeout: 10s}\n`;

function counter(wasm: string, state = ''): Changes {
  const text = component({
    name: 'counter',
    wasm: `wasm/${wasm}.wasm`,
    rollout: '{policyRef: {name: now}}',
    extra: WRITES('counters') + state,
    requestTimeout: '14s',
  });
  return { 'shop/counter.yaml': text, [`wasm/${wasm}.wasm`]: example(wasm) };
}

/** `attempt` makes another revision of the same bytes. */
function notes(attempt: string, version: string, how = 'well'): Changes {
  return {
    'shop/notes.yaml': `apiVersion: headway.dev/v1alpha1
kind: Component
metadata: {name: notes, namespace: shop}
spec:
  source: {path: wasm/testbed-migrates.wasm}
  env: [{name: ATTEMPT, value: "${attempt}"}, {name: MIGRATE, value: "${how}"}]
  probes:
    readiness: {httpGet: {path: /healthz}, period: 50ms, timeout: 5s, deadline: 10s}
  # All that come while nobody is there wait, however long that takes here.
  limits: {queue: 1024, requestTimeout: 14s}
  rollout: {policyRef: {name: watched}}
${WRITES('notes')}${VERSION(version)}`,
    'wasm/testbed-migrates.wasm': example('testbed-migrates'),
  };
}

/** Requests for what is not there are failures, so that a test can make a bake fail when it likes. */
const WATCHED = `apiVersion: headway.dev/v1alpha1
kind: RolloutPolicy
metadata: {name: watched, namespace: shop}
spec:
  strategy: {type: Immediate}
  gate: {errors: {tolerable: "0.5%", intolerable: "2%", statuses: ["404"]}, minSamples: 1, insufficientData: Synthesize}
  bake: {duration: 10m, deadline: 1h}
`;

/** Few samples are enough: what is shown here is what becomes of the data. */
const QUICK = `apiVersion: headway.dev/v1alpha1
kind: RolloutPolicy
metadata: {name: now, namespace: shop}
spec:
  strategy: {type: Immediate}
  gate: {errors: {tolerable: "5%", intolerable: "30%"}, minSamples: 20, warmUp: {requests: 5, duration: 1s}}
  bake: {duration: 1s, deadline: 10m}
`;

const isUp = (candidate: EntryStatus['candidate']): boolean => !candidate || candidate.state === 'Promoted';
const ask = async (daemon: Daemon, what: string): Promise<string> => {
  const { body } = await daemon.ask(`${what}${what.includes('?') ? '&' : '?'}store=notes`, 'test.example');
  return body;
};
const set = (daemon: Daemon, key: string, value: string) => ask(daemon, `/set?key=${key}&value=${value}`);
const get = (daemon: Daemon, key: string) => ask(daemon, `/get?key=${key}`);

describe('a release with another form of data', { timeout: 120_000 }, () => {
  it('takes over under load: no answer is lost, and everything that was counted is there', async () => {
    const { daemon, repository, folder } = await story({
      'environment.yaml': environment(),
      'shop/policies.yaml': QUICK,
      'shop/route.yaml': route({ name: 'counter' }),
      ...counter('counter-v1'),
    });
    const before = await provenAfter(daemon, undefined, COUNTER);
    const visitors = new Traffic(`${daemon.url}/count?name=visits`, { method: 'POST', requestsPerSecond: 100 });
    const head = await repository.push('v3', counter('counter-v3', VERSION('2')));
    const after = await provenAfter(daemon, before, COUNTER);
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus)).toEqual(['200']);
    expect(Object.keys(report.byRelease)).toHaveLength(2);
    const { body } = await daemon.ask('/count?name=visits', 'test.example');
    expect(Number(body)).toBe(report.answers);
    expect(after.state).toMatchObject({ version: '2', stores: ['counters'], aside: [{ edition: '' }] });
    const told = toldOf((await daemon.status())!.timeline, head, COUNTER).map(({ message }) => message);
    expect(told.join('\n')).toContain('its stores are copied, and release');
    const explained = await headway(['explain', COUNTER, '--status', daemon.statusUrl]);
    expect(explained.out).toMatch(/in use +2 .*counters\n +set aside +- +first +counters/);
    const files = readdirSync(path.join(folder, 'data', 'stores', 'shop')).filter((name) => name.endsWith('.sqlite'));
    expect(files.sort()).toEqual(['counters.sqlite', `counters@${after.state!.edition}.sqlite`]);
  });
});

describe('what can go wrong with it', { timeout: 120_000 }, () => {
  const now = chapters({
    'environment.yaml': environment(),
    'shop/policies.yaml': WATCHED,
    'shop/route.yaml': route({ name: 'notes' }),
    ...notes('first', '1'),
  });

  /** What serves, once nothing is on its way before its switch. */
  const serving = (daemon: Daemon, what: string, holds: (entry: EntryStatus) => boolean): Promise<EntryStatus> =>
    daemon.entry(NOTES, what, (entry) => entry.serving !== undefined && isUp(entry.candidate) && holds(entry));
  const isFirst = ({ state }: EntryStatus): boolean => state?.version === '1';

  it('migrate returns an error: quarantined with its text; the old one goes on with its data', async () => {
    const { daemon, repository } = now();
    await serving(daemon, 'the first serves', isFirst);
    expect(await get(daemon, 'migrated-from')).toBe('some none');
    await set(daemon, 'mine', 'of-v1');
    const visitors = new Traffic(`${daemon.url}/get?store=notes&key=mine`, { requestsPerSecond: 50 });
    await repository.push('Worse', notes('second', '2', 'fail'));
    const held = await daemon.entry(NOTES, 'it is quarantined', ({ quarantined }) => quarantined.length > 0);
    expect(held.quarantined[0]!.why).toContain('migrate: MIGRATE=fail');
    expect([await get(daemon, 'mine'), await get(daemon, 'migrated-from')]).toEqual(['some of-v1', 'some none']);
    const report = await visitors.stop();
    expect([report.lost, Object.keys(report.byStatus)]).toEqual([[], ['200']]);
  });

  it('control is killed while it migrates: the next one brings it to its end', async () => {
    const { daemon, repository } = now();
    await repository.push('Another form', notes('third', '2', 'slow'));
    await daemon.entry(NOTES, 'it migrates', ({ candidate }) => candidate?.state === 'Warming');
    process.kill(daemon.one('control'), 'SIGKILL');
    const { state } = await serving(daemon, 'the new one serves', (entry) => !isFirst(entry));
    expect(state).toMatchObject({ version: '2', kept: { version: '1' } });
    expect([await get(daemon, 'mine'), await get(daemon, 'migrated-from')]).toEqual(['some of-v1', 'some 1']);
  });

  it('a bake that fails: the old one has its own data again, and what was written since is set aside', async () => {
    const { daemon } = now();
    await set(daemon, 'mine', 'of-v2');
    const before = await daemon.entry(NOTES, 'the old one is warm', ({ serving: one, replicas }) =>
      replicas.some(({ release, phase }) => release !== one?.release && phase === 'Ready'),
    );
    const visitors = new Traffic(`${daemon.url}/nowhere?store=notes`, { requestsPerSecond: 100 });
    const after = await serving(daemon, 'it is gone back from', isFirst);
    expect((await visitors.stop()).lost).toEqual([]);
    // Status says what was decided; the snapshot is in force a moment later.
    await expect.poll(() => get(daemon, 'mine')).toBe('some of-v1');
    expect(await get(daemon, 'migrated-from')).toBe('some none');
    const { edition } = before.state!;
    expect(after.state).toMatchObject({ version: '1', aside: [{ version: '2', edition }] });
    const { timeline } = (await daemon.status())!;
    expect(timeline.find(({ reason, message }) => reason === 'RolledBack' && message.includes(edition))).toBeDefined();
  });

  it('the engine is killed while it migrates: it begins again, on another copy', async () => {
    const { daemon, repository } = now();
    const { epoch } = (await daemon.status())!.engine;
    await repository.push('Another form again', notes('fourth', '2', 'slow'));
    await daemon.entry(NOTES, 'it migrates', ({ candidate }) => candidate?.state === 'Warming');
    process.kill(daemon.one('engine'), 'SIGKILL');
    await serving(daemon, 'the new one serves', (entry) => !isFirst(entry));
    await daemon.until('in another engine', ({ engine, ready }) => ready && engine.epoch !== epoch);
    expect([await get(daemon, 'mine'), await get(daemon, 'migrated-from')]).toEqual(['some of-v1', 'some 1']);
  });
});
