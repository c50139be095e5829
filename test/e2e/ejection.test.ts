/** One replica that fails while the other of its release does well, in the real program (src/ingress/outliers.ts). */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { EntryStatus } from '../../src/model/status.ts';
import { component, environment, example, quickPolicy, route } from '../support/manifests.ts';
import { KEY, provenAfter, story, traffic } from './story.ts';

/** Of a first ejection, less what looking at it takes. */
const WHILE_EJECTED_MS = 2_000;
/** Five in a row, those that were on their way, and one of each probation. */
const MOST_FAILURES = 20;
const MAX_TRIES = 3;

const ejectedOf = ({ replicas }: EntryStatus): readonly number[] =>
  replicas.flatMap(({ ejectedForMs }) => (ejectedForMs === undefined ? [] : [ejectedForMs]));

it('gets no requests for a while, then one, and for twice as long none; nothing is replaced for it', async () => {
  const { daemon } = await story({
    'environment.yaml': environment(),
    'shop/policies.yaml': quickPolicy(),
    'shop/route.yaml': route(),
    'shop/greeting.yaml': component({
      wasm: 'wasm/testbed.wasm',
      limits: 'instances: 1, concurrency: 8',
      extra: '  scaling: {minReplicas: 2}\n',
    }),
    'wasm/testbed.wasm': example('testbed'),
  });
  const { replicas } = await provenAfter(daemon, undefined);
  const visitors = traffic(daemon, { requestsPerSecond: 40 }, '/status?code=204');
  expect((await fetch(`${daemon.url}/break`)).status).toBe(200);

  const ejected = await daemon.entry(KEY, 'one is ejected', (entry) => ejectedOf(entry).length === 1);
  expect(ejectedOf(ejected)[0]).toBeLessThanOrEqual(5_000);
  expect(await (await fetch(`${daemon.statusUrl}/metrics`)).text()).toMatch(
    /^headway_replicas_ejected\{entry="shop\/greeting",release="\w+"\} 1$/m,
  );
  const spare = async (): Promise<readonly string[]> => {
    await daemon.entry(KEY, 'it is for a while', (entry) => (ejectedOf(entry)[0] ?? 0) > WHILE_EJECTED_MS + 1_000);
    const spared = traffic(daemon, { requestsPerSecond: 40 }, '/status?code=204');
    await sleep(WHILE_EJECTED_MS);
    const { lost, byStatus } = await spared.stop();
    expect(lost).toEqual([]);
    return Object.keys(byStatus);
  };
  // A test that was held up has looked too late: the next ejection is twice as long. Half of all would meet who is not ejected.
  let met = await spare();
  for (let tries = 1; tries < MAX_TRIES && met.includes('500'); tries += 1) met = await spare();
  expect(met).toEqual(['204']);

  const again = await daemon.entry(KEY, 'it is ejected for longer', (entry) => (ejectedOf(entry)[0] ?? 0) > 5_000);
  const report = await visitors.stop();
  expect(report.byStatus['500']).toBeGreaterThanOrEqual(6);
  expect(report.byStatus['500']).toBeLessThanOrEqual(MOST_FAILURES);
  expect(again.replicas.map(({ id, phase }) => [id, phase])).toEqual(replicas.map(({ id }) => [id, 'Ready']));
});
