import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { EntryStatus } from '../../src/model/status.ts';
import { isReady, readyReplica } from '../support/entries.ts';
import { shop, swapTo } from '../support/manifests.ts';
import { chapters, KEY, provenByNextControl, traffic } from './story.ts';

const PAUSE_MS = 10_000;
const MAX_TRIES = 5;

/** The states of a rollout in which control is killed, and how each is seen from outside. */
const STATES: readonly (readonly [string, (entry: EntryStatus, commit: string) => boolean])[] = [
  ['before any weight', ({ candidate }) => candidate?.weight === 0],
  ['in the first step', ({ candidate }) => candidate?.step === 1],
  ['in the second step', ({ candidate }) => candidate?.step === 2],
  ['in the bake', ({ candidate }) => candidate?.state === 'Promoted'],
  ['when all is done', isDone],
];

function isDone({ candidate, proven }: EntryStatus, commit: string): boolean {
  return !candidate && proven?.commit === commit;
}

describe('control', () => {
  const now = chapters(shop());

  /** Pushes until the state is met: a short one may be over before a test that was held up looks again. */
  async function commitThatIs(state: string, reached: (typeof STATES)[number][1]): Promise<string> {
    const { repository, daemon } = now();
    for (let tries = 1; tries <= MAX_TRIES; tries += 1) {
      await daemon.entry(KEY, 'it is at rest', ({ proven, candidate }) => proven !== undefined && !candidate);
      const attempt = `${state}, try ${tries}`;
      const commit = await repository.push(`Killed ${attempt}`, swapTo('greeting-v2', { attempt }));
      const met = await daemon.entry(
        KEY,
        `it is ${state}`,
        (entry) => entry.desired?.commit === commit && (reached(entry, commit) || isDone(entry, commit)),
      );
      if (reached(met, commit)) return commit;
    }
    throw new Error(`no rollout of ${MAX_TRIES} was seen ${state}`);
  }

  it.each(STATES)('killed %s: no request is lost and the rollout goes on to its end', async (state, reached) => {
    const { daemon } = now();
    const visitors = traffic(daemon);
    const commit = await commitThatIs(state, reached);
    const after = await provenByNextControl(daemon, commit);
    expect(after.quarantined).toEqual([]);
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus)).toEqual(['200']);
  });

  it('stopped for ten seconds under load: no request is lost', async () => {
    const { daemon } = now();
    const control = daemon.one('control');
    const visitors = traffic(daemon, { requestsPerSecond: 300 });
    process.kill(control, 'SIGSTOP');
    try {
      await sleep(PAUSE_MS);
    } finally {
      process.kill(control, 'SIGCONT');
    }
    const report = await visitors.stop();
    expect(report.answers).toBeGreaterThan(500);
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus)).toEqual(['200']);
    await daemon.until('control is back', ({ ready }) => ready);
    expect(daemon.one('control')).toBe(control);
  });
});

describe('the engine and its cells', () => {
  const now = chapters(shop());

  it('the engine is killed: what served serves again, and nothing is held against it', async () => {
    const { daemon } = now();
    const before = await daemon.entry(KEY, 'v1 is proven', (entry) => entry.proven !== undefined);
    const { epoch } = (await daemon.status())!.engine;
    process.kill(daemon.one('engine'), 'SIGKILL');
    const { entries } = await daemon.until(
      'another engine serves',
      ({ engine, ready }) => ready && engine.epoch !== epoch,
    );
    expect((await fetch(`${daemon.url}/`)).status).toBe(200);
    expect(entries[0]?.serving?.release).toBe(before.serving?.release);
    expect(entries[0]?.quarantined).toEqual([]);
  });

  it('a cell is killed: it is started again, and only what was in it may fail', async () => {
    const { daemon } = now();
    const before = await daemon.entry(KEY, 'it is ready', isReady);
    const { pid } = readyReplica(before)!;
    process.kill(pid!, 'SIGKILL');
    const after = await daemon.entry(KEY, 'another replica is ready', ({ replicas }) =>
      replicas.some((replica) => replica.phase === 'Ready' && replica.pid !== pid),
    );
    expect(after.serving?.release).toBe(before.serving?.release);
    expect((await fetch(`${daemon.url}/`)).status).toBe(200);
  });

  it('the spawner is killed: the engine gets another, and a new cell starts in it', async () => {
    const { daemon, repository } = now();
    const engine = daemon.one('engine');
    const spawner = daemon.one('spawner');
    process.kill(spawner, 'SIGKILL');
    await daemon.another('spawner', spawner);
    const commit = await repository.push('After it', swapTo('greeting-v2', { attempt: 'spawned' }));
    await daemon.entry(KEY, 'it is proven', ({ proven }) => proven?.commit === commit);
    expect(daemon.one('engine')).toBe(engine);
  });
});
