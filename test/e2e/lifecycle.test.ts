/** `headway:component/lifecycle` in the real program: init before ready, shutdown in the drain and at the daemon's end. */
import { describe, expect, it } from 'vitest';
import type { Daemon } from '../support/daemon.ts';
import { environment, example, immediatePolicy, quickPolicy, route } from '../support/manifests.ts';
import type { Changes } from '../support/repository.ts';
import { KEY, provenAfter, story, traffic, type Story } from './story.ts';

const REPLICAS = 2;
/** Enough for two at once where the machine does other things as well. */
const START_MS = 5_000;

/** `says` is how init and shutdown behave: `INIT: fail`. */
function managed(attempt: string, says: Readonly<Record<string, string>> = {}): Changes {
  const env = Object.entries({ ATTEMPT: attempt, ...says }).map(([name, value]) => `{name: ${name}, value: ${value}}`);
  return {
    'shop/greeting.yaml': `apiVersion: headway.dev/v1alpha1
kind: Component
metadata: {name: greeting, namespace: shop}
spec:
  source: {path: wasm/testbed-managed.wasm}
  env: [${env.join(', ')}]
  scaling: {minReplicas: ${REPLICAS}}
  probes:
    readiness: {httpGet: {path: /healthz}, period: 50ms, timeout: 5s, deadline: 10s}
  supervision: {maxRestarts: 1, window: 30s, backoff: {initial: 100ms, max: 1s}}
  drain: {deadline: 3s}
  limits: {queue: 1024, requestTimeout: 3s, startTimeout: ${START_MS}ms}
  rollout: {policyRef: {name: now}}
`,
    'wasm/testbed-managed.wasm': example('testbed-managed'),
  };
}

async function begin(says: Readonly<Record<string, string>> = {}): Promise<Story> {
  const begun = await story({
    'environment.yaml': environment(),
    'shop/policies.yaml': `${immediatePolicy()}---\n${quickPolicy()}`,
    'shop/route.yaml': route(),
    ...managed('first', says),
  });
  await provenAfter(begun.daemon, undefined);
  return begun;
}

/** By replica, what its instances said of themselves; requests are answered between the two. */
function saidOf({ output }: Daemon): ReadonlyMap<string, readonly string[]> {
  const said = new Map<string, string[]>();
  // The last one may not have come whole.
  for (const line of output.split('\n').slice(0, -1)) {
    if (!line.includes('"guest output"')) continue;
    const { replica, text } = JSON.parse(line) as { readonly replica: string; readonly text: string };
    said.set(replica, [...(said.get(replica) ?? []), text]);
  }
  return said;
}

function countsOf(said: readonly string[]): readonly [number, number] {
  const count = (word: string): number => said.filter((text) => text === word).length;
  return [count('init'), count('shutdown')];
}

/** Each instance began before it ended, and all that began ended. */
function expectWhole(said: readonly string[]): void {
  const [inits, shutdowns] = countsOf(said);
  expect(inits).toBeGreaterThan(0);
  expect(shutdowns).toBe(inits);
  expect([said[0], said.at(-1)]).toEqual(['init', 'shutdown']);
}

describe('init', () => {
  it.each([
    ['fail', /init: INIT=fail/],
    ['trap', /init: .*unreachable/],
    // The cell's own word, or the engine's where that comes first: both count the same time.
    ['wait', new RegExp(`init took longer than \\d+ ms|was not loaded within ${START_MS} ms`)],
    ['spin', new RegExp(`was not loaded within ${START_MS} ms`)],
  ])('that says %s is a start that failed, with its reason, and no request meets it', async (init, why) => {
    const { repository, daemon } = await begin();
    const before = await daemon.entry(KEY, 'it is proven', ({ proven }) => proven !== undefined);
    const visitors = traffic(daemon, { requestsPerSecond: 50 });
    await repository.push('Worse', managed('second', { INIT: init }));
    const { quarantined } = await daemon.entry(KEY, 'it is quarantined', (entry) => entry.quarantined.length > 0);
    expect(quarantined[0]!.why).toMatch(why);
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    expect(report.byRelease).toEqual({ [before.proven!.release.slice(0, 12)]: report.answers });
    expect(Object.keys(report.byStatus)).toEqual(['200']);
  });
});

describe('shutdown', () => {
  it('is called in the drain of a swap, after the last request, and when the daemon is told to end', async () => {
    const { repository, daemon } = await begin();
    const before = await daemon.entry(KEY, 'it is proven', ({ proven }) => proven !== undefined);
    const old = before.replicas.map(({ id }) => id);
    const visitors = traffic(daemon);
    // Its answer comes when the drain has begun; shutdown waits for it.
    const slow = fetch(`${daemon.url}/sleep?ms=1500`).then(({ status }) => status);
    await repository.push('Better', managed('second'));
    const after = await provenAfter(daemon, before);
    await daemon.entry(KEY, 'the old ones are gone', ({ replicas }) => replicas.length === REPLICAS);
    const report = await visitors.stop();
    expect([await slow, report.lost, Object.keys(report.byStatus)]).toEqual([200, [], ['200']]);
    // The log may be behind the status.
    await daemon.becomes('the old ones have said it', () => {
      const counts = old.map((id) => countsOf(saidOf(daemon).get(id) ?? []));
      return counts.every(([inits, shutdowns]) => shutdowns >= inits && inits > 0);
    });
    for (const id of old) expectWhole(saidOf(daemon).get(id)!);
    const live = after.replicas.map(({ id }) => id).filter((id) => !old.includes(id));
    for (const id of live) expect(saidOf(daemon).get(id)).not.toContain('shutdown');

    expect(await daemon.stop('SIGTERM')).toBe(0);
    expect(live).toHaveLength(REPLICAS);
    for (const id of live) expectWhole(saidOf(daemon).get(id)!);
  });

  it.each(['spin', 'wait'])('that says %s holds neither a swap nor the end of the daemon', async (shutdown) => {
    const { repository, daemon } = await begin({ SHUTDOWN: shutdown });
    const before = await daemon.entry(KEY, 'it is proven', ({ proven }) => proven !== undefined);
    const visitors = traffic(daemon, { requestsPerSecond: 50 });
    await repository.push('Better', managed('second', { SHUTDOWN: shutdown }));
    await provenAfter(daemon, before);
    await daemon.entry(KEY, 'the old ones are gone', ({ replicas }) => replicas.length === REPLICAS);
    const report = await visitors.stop();
    expect([report.lost, Object.keys(report.byStatus)]).toEqual([[], ['200']]);
    // One that waits says it itself, where the engine does not come first.
    const why = shutdown === 'spin' ? /"code":"HW4752"/ : /took too long|"code":"HW4752"/;
    await daemon.becomes(`${shutdown} is said`, () => why.test(daemon.output));
    expect(await daemon.stop('SIGTERM')).toBe(0);
  });
});
