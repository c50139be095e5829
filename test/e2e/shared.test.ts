/** Three components in one process, in the real program: a swap beside load, and one that takes the others along. */
import { describe, expect, it } from 'vitest';
import { isReady, readyReplica } from '../support/entries.ts';
import { environment, example, quickPolicy, sharingPolicy } from '../support/manifests.ts';
import { chapters, provenAfter, traffic } from './story.ts';

const OTHERS = ['calm', 'steady'] as const;
const NAMES = [...OTHERS, 'wild'] as const;

function sharing(name: string, more = ''): string {
  return `apiVersion: headway.dev/v1alpha1
kind: Component
metadata: {name: ${name}, namespace: shop}
spec:
  source: {path: wasm/testbed.wasm}
  isolation: Shared
  probes:
    readiness: {httpGet: {path: /healthz}, period: 50ms, timeout: 5s, deadline: 20s}
  limits: {memory: 16Mi, queue: 1024, requestTimeout: 5s}
${more}  rollout: {policyRef: {name: quick}}
---
apiVersion: headway.dev/v1alpha1
kind: Route
metadata: {name: ${name}, namespace: shop}
spec:
  rules:
    - matches: [{path: {type: PathPrefix, value: /}, headers: [{name: x-who, value: ${name}}]}]
      backendRef: {name: ${name}}
`;
}

describe('components that share a process', () => {
  const story = chapters({
    'environment.yaml': environment(),
    'shop/policies.yaml': quickPolicy(),
    'policy.yaml': sharingPolicy(),
    'wasm/testbed.wasm': example('testbed'),
    ...Object.fromEntries(NAMES.map((name) => [`shop/${name}.yaml`, sharing(name)])),
  });

  const ask = (name: string, path: string) =>
    fetch(`${story().daemon.url}${path}`, { headers: { 'x-who': name } }).then(
      ({ status }) => status,
      () => 0,
    );

  it('run in one process, and status says so, in which sandbox and why in that', async () => {
    const { daemon } = story();
    for (const name of NAMES) await provenAfter(daemon, undefined, `shop/${name}`);
    const replicas = await Promise.all(
      NAMES.map(async (name) =>
        readyReplica(await daemon.entry(`shop/${name}`, 'three share', (entry) => readyReplica(entry)?.sharedBy === 3)),
      ),
    );
    expect(new Set(replicas.map((replica) => replica!.pid)).size).toBe(1);
    expect(replicas.map((replica) => replica!.isolation)).toEqual(
      NAMES.map(() => expect.stringMatching(/^Shared \((?:Strict|Process)\)$/)),
    );
    const { sandbox } = (await daemon.status())!.engine;
    const why = /^(?:Strict|Process) \((.+)\)$/.exec(sandbox)?.[1];
    expect(replicas.map((replica) => replica!.isolationWhy)).toEqual(
      NAMES.map(() => `the walls are those of Auto: ${why}`),
    );
    expect(await Promise.all(NAMES.map((name) => ask(name, '/healthz')))).toEqual([200, 200, 200]);
  }, 120_000);

  it('one is swapped while the others are under load, and nothing is lost', async () => {
    const { daemon, repository } = story();
    const before = await daemon.entry('shop/wild', 'it serves', isReady);
    const visitors = NAMES.map((name) =>
      traffic(daemon, { requestsPerSecond: 40, headers: { 'x-who': name } }, '/healthz'),
    );
    await repository.push('Another wild', {
      'shop/wild.yaml': sharing('wild', '  env: [{name: EDITION, value: two}]\n'),
    });
    await provenAfter(daemon, before, 'shop/wild');
    for (const visitor of visitors) {
      const report = await visitor.stop();
      expect([report.lost, Object.keys(report.byStatus)]).toEqual([[], ['200']]);
    }
  }, 120_000);

  it('one that spins takes them along; all come back, and it alone is blamed', async () => {
    const { daemon, repository } = story();
    // What is new goes to where nobody of its own entry is: that is beside the new wild.
    const edition = '  env: [{name: EDITION, value: two}]\n';
    const old = await Promise.all(OTHERS.map((name) => daemon.entry(`shop/${name}`, 'it serves', isReady)));
    await repository.push(
      'The others',
      Object.fromEntries(OTHERS.map((name) => [`shop/${name}.yaml`, sharing(name, edition)])),
    );
    const others = await Promise.all(old.map((before) => provenAfter(daemon, before, before.key)));
    await daemon.entry('shop/wild', 'it shares', (entry) => readyReplica(entry)?.sharedBy === 3);
    expect(await ask('wild', '/spin')).toBe(504);
    await daemon.entry('shop/wild', 'it is back, by itself', (entry) => {
      const replica = readyReplica(entry);
      return replica !== undefined && replica.sharedBy === undefined;
    });
    for (const name of NAMES) {
      await expect.poll(() => ask(name, '/healthz')).toBe(200);
    }
    for (const before of others) {
      const after = await daemon.entry(before.key, 'it serves', isReady);
      expect(after.conditions.find(({ type }) => type === 'Healthy')!.status).toBe('True');
      expect(JSON.stringify(after)).not.toContain('HW4111');
      expect(after.proven!.release).toBe(before.proven!.release);
      expect(after.candidate).toBeUndefined();
    }
  }, 120_000);
});
