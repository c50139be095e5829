/** Several engines on one port, in the real program: both answer, a swap loses nothing, and one that dies comes back. */
import { readdirSync, readlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { EntryStatus, Status } from '../../src/model/status.ts';
import { isReady } from '../support/entries.ts';
import type { Daemon } from '../support/daemon.ts';
import { component, environment, example, immediatePolicy, quickPolicy, route } from '../support/manifests.ts';
import type { Changes } from '../support/repository.ts';
import { KEY, provenAfter, story, traffic, type Story } from './story.ts';

const engines = 2;

function shop(attempt: string, wasm = 'greeting-v1'): Changes {
  return {
    'environment.yaml': environment(),
    'shop/policies.yaml': quickPolicy(),
    'shop/route.yaml': route(),
    'shop/greeting.yaml': component({ wasm: `wasm/${wasm}.wasm`, attempt }),
    [`wasm/${wasm}.wasm`]: example(wasm),
  };
}

async function begin(): Promise<Story> {
  const begun = await story(shop('first'), { engines });
  await provenAfter(begun.daemon, undefined);
  return begun;
}

/** The path of a socket's process cannot be seen: each connection is a new one, and the kernel chooses. */
async function askOften(daemon: Daemon, times: number, target = '/'): Promise<Readonly<Record<string, number>>> {
  const found: Record<string, number> = {};
  for (let count = 0; count < times; count++) {
    const answer = await daemon.ask(target, 'shop.example').then(
      ({ status }) => String(status),
      (error: Error) => error.message,
    );
    found[answer] = (found[answer] ?? 0) + 1;
  }
  return found;
}

const requestsOf = ({ engine }: Status): readonly number[] => (engine.engines ?? []).map(({ requests }) => requests);
const statesOf = ({ engine }: Status): readonly string[] => (engine.engines ?? []).map(({ state }) => state);
/** One that is asked and has no time to answer is away for a moment. */
const isServing = (status: Status): boolean => statesOf(status).join() === 'Serving,Serving';

const enginePids = (daemon: Daemon): readonly number[] => daemon.processes().get('engine') ?? [];

describe('two engines', () => {
  it('both answer; a canary is judged by the counts of both, and its swap under load loses nothing', async () => {
    const { daemon, repository } = await begin();
    expect(enginePids(daemon)).toHaveLength(engines);
    expect(await askOften(daemon, 60)).toEqual({ 200: 60 });
    await daemon.until('both serve, and all are counted', (status) => {
      const [first = 0, second = 0] = requestsOf(status);
      return first > 0 && second > 0 && isServing(status);
    });
    const metrics = await (await fetch(`${daemon.statusUrl}/metrics`)).text();
    expect(metrics).toMatch(/^headway_engine_process_up\{engine="2"\} 1$/m);

    const before = await daemon.entry(KEY, 'it is proven', ({ proven }) => proven !== undefined);
    const visitors = traffic(daemon, { requestsPerSecond: 300 });
    await repository.push('Better', shop('second', 'greeting-v2'));
    const after = await provenAfter(daemon, before);
    const report = await visitors.stop();
    expect([report.lost, Object.keys(report.byStatus)]).toEqual([[], ['200']]);
    expect(Object.keys(report.byRelease).sort()).toEqual(
      [before, after].map(({ proven }) => proven!.release.slice(0, 12)).sort(),
    );
    await daemon.until('each has it', ({ engine: { engines: all = [] } }) =>
      all.every(({ generation, requests }) => generation === all[0]!.generation && requests > 0),
    );
    const label = `release="${after.proven!.release.slice(0, 12)}"`;
    const ofRelease = async (): Promise<number> => {
      const text = await (await fetch(`${daemon.statusUrl}/metrics`)).text();
      return [...text.matchAll(/^headway_release_requests_total\{(.*)\} (\d+)$/gm)]
        .filter(([, labels]) => labels!.includes(label) && labels!.includes(`traffic="real"`))
        .reduce((sum, [, , count]) => sum + Number(count), 0);
    };
    // The client's own count: what both engines answered, each once. One that does not answer in time is shown as it was before.
    await expect.poll(ofRelease, { timeout: 30_000 }).toBe(report.byRelease[after.proven!.release.slice(0, 12)]);
  });

  it.each([
    ['the second', 1],
    ['the first', 0],
  ])('kill -9 of %s: the other serves on, and it comes back with its replicas before it listens', async (_, victim) => {
    const { daemon } = await begin();
    const sorted = [...enginePids(daemon)].sort((one, other) => one - other);
    const pid = sorted[victim]!;
    const before = await daemon.until('both serve', isServing);
    const epochs = before.engine.engines!.map(({ epoch }) => epoch);
    process.kill(pid, 'SIGKILL');
    // A connection that the kernel had given to it is cut; from here on each begins after the last of its threads has ended.
    await daemon.becomes('it is gone', () => daemon.output.includes(`headway: engine ${victim + 1} ended`));
    const found: Record<string, number> = {};
    const isBack = async (): Promise<boolean> => {
      const { engine } = (await daemon.status()) ?? {};
      const all = engine?.engines ?? [];
      return (
        all.length === engines && all[victim]!.epoch !== epochs[victim] && all.every(({ state }) => state === 'Serving')
      );
    };
    const deadline = performance.now() + 60_000;
    while (!(await isBack()) && performance.now() < deadline) {
      for (const [answer, count] of Object.entries(await askOften(daemon, 10)))
        found[answer] = (found[answer] ?? 0) + count;
    }
    for (const [answer, count] of Object.entries(await askOften(daemon, 40)))
      found[answer] = (found[answer] ?? 0) + count;
    expect(Object.keys(found)).toEqual(['200']);
    const after = await daemon.until('it answers as well', (status) => requestsOf(status).every((count) => count > 0));
    expect(after.engine.engines![1 - victim]!.epoch).toBe(epochs[1 - victim]);
    await daemon.entry(KEY, 'one replica is ready, as before', ({ replicas }) => {
      const live = replicas.filter(({ phase }) => phase !== 'Ended');
      return live.length > 0 && live.every(({ phase }) => phase === 'Ready');
    });
  });

  it('one that stands still while all traffic is switched holds requests until it has what it missed', async () => {
    const greeting = (wasm: string): Changes => ({
      'shop/greeting.yaml': component({ wasm: `wasm/${wasm}.wasm`, rollout: '{policyRef: {name: now}}' }),
      [`wasm/${wasm}.wasm`]: example(wasm),
    });
    const first = {
      'environment.yaml': environment(),
      'shop/policies.yaml': immediatePolicy(),
      'shop/route.yaml': route(),
    };
    const { daemon, repository } = await story({ ...first, ...greeting('greeting-v1') }, { engines });
    await provenAfter(daemon, undefined);
    const second = Math.max(...enginePids(daemon));
    process.kill(second, 'SIGSTOP');
    const before = await daemon.until('it gives no answer', (status) => statesOf(status).join() === 'Serving,Away');
    await repository.push('Better', greeting('greeting-v2'));
    const { generation } = before.engine.engines![0]!;
    await daemon.until('the other has the new one', ({ engine }) => engine.engines![0]!.generation > generation);
    process.kill(second, 'SIGCONT');
    const found = new Set<string>();
    const isBack = async (): Promise<boolean> => {
      const all = (await daemon.status())!.engine.engines!;
      return all.every(({ state, generation: present }) => state === 'Serving' && present > generation);
    };
    while (!(await isBack())) for (const answer of Object.keys(await askOften(daemon, 10))) found.add(answer);
    for (const answer of Object.keys(await askOften(daemon, 200))) found.add(answer);
    expect([...found]).toEqual(['200']);
  });

  it('kill -9 of control: both serve on, its successor finds what runs, and the next commit walks as ever', async () => {
    const { daemon, repository } = await begin();
    const ids = ({ replicas }: EntryStatus) => replicas.filter(({ phase }) => phase !== 'Ended').map(({ id }) => id);
    const before = await daemon.entry(KEY, 'it is ready', ({ replicas }) => replicas.length > 0);
    const { epoch } = (await daemon.status())!.engine;
    const visitors = traffic(daemon, { requestsPerSecond: 100 });
    const control = daemon.one('control');
    process.kill(control, 'SIGKILL');
    await daemon.another('control', control);
    const after = await daemon.entry(KEY, 'it is known', ({ replicas }) => replicas.length > 0);
    expect([ids(after), (await daemon.status())!.engine.epoch]).toEqual([ids(before), epoch]);
    await repository.push('Better', shop('second', 'greeting-v2'));
    await provenAfter(daemon, after);
    const report = await visitors.stop();
    expect([report.lost, Object.keys(report.byStatus)]).toEqual([[], ['200']]);
  });

  it('a Singleton and its store are of the first engine, however a client connects', async () => {
    const { daemon } = await story(
      {
        'environment.yaml': environment(),
        'shop/policies.yaml': immediatePolicy(),
        'shop/route.yaml': route(),
        'shop/greeting.yaml': component({
          wasm: 'wasm/counter-v1.wasm',
          rollout: '{policyRef: {name: now}}',
          extra: `  instancePolicy: Singleton\n  capabilities: [{name: counters, keyValue: {store: counters, keyPrefix: count/, access: ReadWrite}}]\n`,
        }),
        'wasm/counter-v1.wasm': example('counter-v1'),
      },
      { engines },
    );
    await provenAfter(daemon, undefined);
    const COUNTS = 60;
    for (let count = 0; count < COUNTS; count++) {
      expect((await daemon.ask('/count?name=visits', 'shop.example', 'POST')).status).toBe(200);
    }
    expect((await daemon.ask('/count?name=visits', 'shop.example')).body.trim()).toBe(String(COUNTS));
    const status = await daemon.until(
      'both serve, and all are counted',
      (seen) => requestsOf(seen)[0]! >= COUNTS && isServing(seen),
    );
    expect(requestsOf(status)[1]).toBe(0);
    const { replicas } = status.entries[0]!;
    expect(replicas.map(({ phase, instancePolicy }) => [phase, instancePolicy])).toEqual([['Ready', 'Singleton']]);
    // A broker is started with the first cell that needs one: there is one, and it has the file.
    const brokers = daemon.processes().get('broker')!;
    expect(brokers.map((pid) => opens(pid, 'counters'))).toEqual([true]);

    // The first engine has it: while that is away there is nobody to answer, and then it goes on where it was.
    process.kill(Math.min(...enginePids(daemon)), 'SIGKILL');
    await daemon.until('both serve again', (seen) => seen.engine.epoch !== status.engine.epoch && seen.ready);
    await daemon.entry(KEY, 'it is ready again', isReady);
    const went = await askOften(daemon, 20, '/count?name=visits');
    expect(Object.keys(went)).toEqual(['200']);
    expect((await daemon.ask('/count?name=visits', 'shop.example')).body.trim()).toBe(String(COUNTS));
  });
});

/** Does the process hold a file open whose name has this in it? */
function opens(pid: number, name: string): boolean {
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).includes(name);
    } catch {
      return false;
    }
  });
}
