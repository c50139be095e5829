/** `limits.cpu` in the real program: a condition, then another replica, and no request is lost over it. */
import { expect, it } from 'vitest';
import { component, environment, example, quickPolicy, route } from '../support/manifests.ts';
import { KEY, provenAfter, story, traffic } from './story.ts';

it('a component above its limit is told in a condition and replaced, and every request is answered', async () => {
  const { daemon } = await story({
    'environment.yaml': environment(),
    'shop/policies.yaml': quickPolicy(),
    'shop/route.yaml': route(),
    'shop/greeting.yaml': component({ wasm: 'wasm/testbed.wasm', limits: 'cpu: 20m' }),
    'wasm/testbed.wasm': example('testbed'),
  });
  const before = await provenAfter(daemon, undefined);
  const [old] = before.replicas.filter(({ phase }) => phase === 'Ready');
  const visitors = traffic(daemon, { requestsPerSecond: 100 }, '/big?bytes=400000');
  const told = await daemon.entry(KEY, 'it is told', ({ conditions }) =>
    conditions.some(
      ({ type, status, message }) => type === 'Healthy' && status === 'False' && message.includes('HW4116'),
    ),
  );
  expect(told.conditions.find(({ type }) => type === 'Ready')!.status).toBe('True');
  const metrics = await (await fetch(`${daemon.statusUrl}/metrics`)).text();
  expect(metrics).toMatch(/^headway_processors_used\{entry="shop\/greeting",.*\} 0\.\d+$/m);
  await daemon.entry(
    KEY,
    'another has its place',
    ({ replicas }) =>
      replicas.every(({ id, phase }) => id !== old!.id || phase === 'Ended') &&
      replicas.some(({ id, phase }) => id !== old!.id && phase === 'Ready'),
  );
  const report = await visitors.stop();
  expect([report.lost, Object.keys(report.byStatus)]).toEqual([[], ['200']]);
}, 120_000);
