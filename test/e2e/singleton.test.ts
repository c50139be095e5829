/** A Singleton under traffic: handed over, given back, killed, and never there twice. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isReady } from '../support/entries.ts';
import type { Daemon } from '../support/daemon.ts';
import { environment, example, immediatePolicy, route } from '../support/manifests.ts';
import type { Changes } from '../support/repository.ts';
import { KEY, provenAfter, story, toldOf, traffic, type Story } from './story.ts';

interface One {
  readonly wasm?: string;
  readonly env?: string;
  readonly limits?: string;
  readonly more?: string;
}

/** `attempt` makes another revision of the same bytes. */
function one(attempt: string, { wasm = 'testbed-managed', env = '', limits = '', more = '' }: One = {}): Changes {
  return {
    'shop/greeting.yaml': `apiVersion: headway.dev/v1alpha1
kind: Component
metadata: {name: greeting, namespace: shop}
spec:
  source: {path: wasm/${wasm}.wasm}
  instancePolicy: Singleton
  env: [{name: ATTEMPT, value: "${attempt}"}${env}]
  probes:
    readiness: {httpGet: {path: /healthz}, period: 50ms, timeout: 5s, deadline: 10s}
  drain: {deadline: 10s}
  limits: {${limits || 'queue: 1024, requestTimeout: 14s'}}
  rollout: {policyRef: {name: now}}
${more}`,
    [`wasm/${wasm}.wasm`]: example(wasm),
  };
}

async function begin(first: One = {}): Promise<Story> {
  const begun = await story({
    'environment.yaml': environment(),
    'shop/policies.yaml': immediatePolicy(),
    'shop/route.yaml': route(),
    ...one('first', first),
  });
  await provenAfter(begun.daemon, undefined);
  return begun;
}

/** Looks at the replicas until the test is over; more than one that has not ended fails it. */
function watch(daemon: Daemon): { readonly most: () => number } {
  let most = 0;
  const state = { isOver: false };
  const look = async (): Promise<void> => {
    // One look at a time: more of them would only slow down what is looked at.
    while (!state.isOver) {
      const entry = (await daemon.status())?.entries.find(({ key }) => key === KEY);
      most = Math.max(most, entry?.replicas.filter(({ phase }) => phase !== 'Ended').length ?? 0);
      await sleep(20);
    }
  };
  void look();
  onTestFinished(() => void (state.isOver = true));
  return { most: () => most };
}

/** Until a call is in it. */
async function busy(daemon: Daemon): Promise<void> {
  await daemon.entry(KEY, 'a call is in it', ({ replicas }) => replicas.some(({ inFlight }) => inFlight > 0));
}

/** What the instances said of themselves, in order: `init` and `shutdown`. */
function saidOf(daemon: Daemon): readonly string[] {
  return [...daemon.output.matchAll(/"text":"(init|shutdown)"/g)].map((match) => match[1]!);
}

describe('a Singleton', () => {
  it('a good commit: the old one answers what it has, shuts down and ends, then the new one starts; nobody is refused', async () => {
    const { repository, daemon } = await begin();
    const before = await daemon.entry(KEY, 'it is proven', ({ proven }) => proven !== undefined);
    const seen = watch(daemon);
    const visitors = traffic(daemon);
    await repository.push('Better', one('second'));
    const after = await provenAfter(daemon, before);
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus)).toEqual(['200']);
    expect(Object.keys(report.byRelease).sort()).toEqual(
      [before, after].map(({ proven }) => proven!.release.slice(0, 12)).sort(),
    );
    expect(seen.most()).toBe(1);
    expect(saidOf(daemon)).toEqual(['init', 'shutdown', 'init']);
    expect(after.replicas.map(({ instancePolicy }) => instancePolicy)).toEqual(['Singleton']);
    const { timeline } = (await daemon.status())!;
    const told = toldOf(timeline, after.proven!.commit).map(({ message }) => message);
    expect(told.join('\n')).toContain('drains and ends, then release');
  });

  it('one that does not start: the old one starts again, what waited is answered, and it is quarantined', async () => {
    const { repository, daemon } = await begin();
    const seen = watch(daemon);
    const visitors = traffic(daemon);
    await repository.push('Worse', one('second', { env: ', {name: INIT, value: fail}' }));
    const held = await daemon.entry(KEY, 'it is quarantined', ({ quarantined }) => quarantined.length > 0);
    expect(held.quarantined[0]!.why).toContain('INIT=fail');
    await daemon.entry(KEY, 'the old one is back', isReady);
    await sleep(500);
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus)).toEqual(['200']);
    expect(Object.keys(report.byRelease)).toEqual([held.serving!.release.slice(0, 12)]);
    expect(seen.most()).toBe(1);
  });

  it('one that fails in its bake ends before the old one starts again', async () => {
    const { repository, daemon } = await begin();
    const before = await daemon.entry(KEY, 'it is proven', ({ proven }) => proven !== undefined);
    const seen = watch(daemon);
    const visitors = traffic(daemon);
    await repository.push('Worse', one('second', { wasm: 'greeting-flaky' }));
    await daemon.entry(
      KEY,
      'the old one serves again',
      ({ serving, candidate, replicas, conditions }) =>
        !candidate &&
        serving?.release === before.serving!.release &&
        conditions[0]?.reason !== 'InSync' &&
        replicas.some(({ phase, release }) => phase === 'Ready' && release === serving.release),
    );
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    // What the bad one answered itself is all that visitors met.
    expect(Object.keys(report.byStatus).every((status) => status === '200' || status === '500')).toBe(true);
    expect(seen.most()).toBe(1);
  });

  it.each(['control', 'engine'])(
    'the %s is killed in the pause: it comes to the same end, and never twice',
    async (who) => {
      const { repository, daemon } = await begin();
      const before = await daemon.entry(KEY, 'it is proven', ({ proven }) => proven !== undefined);
      const seen = watch(daemon);
      const visitors = traffic(daemon, { requestsPerSecond: 50 });
      await repository.commit('Better', one('second'));
      // The call that is in it keeps the old one from ending until git was looked at, and for a while from then on.
      const slow = fetch(`${daemon.url}/sleep?ms=6000`).then(
        ({ status }) => status,
        () => 0,
      );
      await repository.git('push', '-q', 'origin', 'HEAD:main');
      await daemon.entry(KEY, 'it is handed over', ({ candidate }) => candidate?.state === 'Handover');
      process.kill(daemon.one(who), 'SIGKILL');
      const after = await provenAfter(daemon, before);
      const report = await visitors.stop();
      expect(after.quarantined).toEqual([]);
      expect(seen.most()).toBe(1);
      if (who === 'control') {
        expect([report.lost, Object.keys(report.byStatus), await slow]).toEqual([[], ['200'], 200]);
      }
    },
  );

  it('its process is killed: the call in it is lost, what comes after waits for the next', async () => {
    const { daemon } = await begin();
    const seen = watch(daemon);
    const { replicas } = await daemon.entry(KEY, 'it is ready', isReady);
    const slow = fetch(`${daemon.url}/sleep?ms=10000`).then(({ status }) => status);
    await busy(daemon);
    const visitors = traffic(daemon, { requestsPerSecond: 50 });
    process.kill(replicas[0]!.pid!, 'SIGKILL');
    expect(await slow).toBe(502);
    await daemon.entry(KEY, 'the next one is ready', (entry) =>
      entry.replicas.some(({ phase, pid }) => phase === 'Ready' && pid !== replicas[0]!.pid),
    );
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus)).toEqual(['200']);
    expect(seen.most()).toBe(1);
  });

  it('answers one call at a time, and its mailbox has an end: 429 beyond it, 503 at the deadline', async () => {
    const { daemon } = await begin({ limits: 'queue: 3, requestTimeout: 8s' });
    const ask = (path: string) => fetch(`${daemon.url}${path}`).then(({ status }) => status);
    const slow = ask('/sleep?ms=4000');
    await busy(daemon);
    // Three wait; which of the four is one too many is for the network to say.
    const others = await Promise.all([ask('/'), ask('/'), ask('/'), ask('/')]);
    expect([await slow, ...others.toSorted((one, other) => one - other)]).toEqual([200, 200, 200, 200, 429]);

    const { replicas } = await daemon.entry(KEY, 'it is ready', isReady);
    process.kill(replicas[0]!.pid!, 'SIGSTOP');
    // One of them is in it, the other waits.
    const two = [fetch(`${daemon.url}/`), fetch(`${daemon.url}/`)];
    const [held, late] = (await Promise.all(two)).toSorted(
      (one, other) => Number(one.status === 503) - Number(other.status === 503),
    );
    expect([late!.status, await late!.text()]).toEqual([503, expect.stringContaining('"reason":"QueueTimeout"')]);
    expect([502, 504]).toContain(held!.status);
  });

  it('two of it are no manifest, and what serves serves on', async () => {
    const { repository, daemon } = await begin();
    await repository.push('Two', one('second', { more: '  scaling: {minReplicas: 2}\n' }));
    const held = await daemon.entry(
      KEY,
      'it is invalid',
      ({ conditions }) => conditions[0]?.reason === 'InvalidManifest',
    );
    expect(held.conditions[0]!.message).toMatch(/shop\/greeting\.yaml:\d+:\d+: HW1085/);
    expect((await fetch(`${daemon.url}/`)).status).toBe(200);
  });
});
