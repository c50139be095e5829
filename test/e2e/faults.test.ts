import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { EntryStatus } from '../../src/model/status.ts';
import { shop, swapTo } from '../support/manifests.ts';
import { story, traffic } from './story.ts';

const KEY = 'shop/greeting';
const PAUSE_MS = 10_000;

/** The states of a rollout in which control is killed, and how each is seen from outside. */
const STATES: readonly (readonly [string, (entry: EntryStatus) => boolean])[] = [
  ['before any weight', (entry) => entry.candidate !== undefined && entry.candidate.weight === 0],
  ['in the first step', (entry) => entry.candidate?.state === 'Canary' && entry.candidate.step === 1],
  ['in the second step', (entry) => entry.candidate?.state === 'Canary' && entry.candidate.step === 2],
  ['in the bake', (entry) => entry.candidate?.state === 'Promoted'],
  ['when all is done', (entry) => entry.candidate === undefined && entry.proven !== undefined],
];

describe('control is killed', () => {
  it.each(STATES)('%s: no request is lost and the rollout goes on to its end', async (_, reached) => {
    const { repository, daemon } = await story(shop());
    const first = await daemon.entry(KEY, 'v1 is proven', (entry) => entry.proven !== undefined);
    const visitors = traffic(daemon);
    await repository.push('v2', swapTo('greeting-v2'));
    await daemon.entry(
      KEY,
      'the state is reached',
      (entry) => reached(entry) && (entry.candidate !== undefined || entry.proven?.release !== first.proven?.release),
    );
    process.kill(daemon.one('control'), 'SIGKILL');
    await daemon.entry(
      KEY,
      'v2 is proven',
      (entry, { ready }) => ready && entry.proven !== undefined && entry.proven.release !== first.proven?.release,
    );
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus)).toEqual(['200']);
  });

  it('is stopped for ten seconds under load: no request is lost', async () => {
    const { daemon } = await story(shop());
    await daemon.entry(KEY, 'v1 is proven', (entry) => entry.proven !== undefined);
    const control = daemon.one('control');
    const visitors = traffic(daemon, 300);
    process.kill(control, 'SIGSTOP');
    try {
      await sleep(PAUSE_MS);
    } finally {
      process.kill(control, 'SIGCONT');
    }
    const report = await visitors.stop();
    expect(report.answers).toBeGreaterThan(2_000);
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus)).toEqual(['200']);
    await daemon.until('control is back', ({ ready }) => ready);
  });
});

describe('the engine or a cell is killed', () => {
  it('the engine: what served serves again', async () => {
    const { daemon } = await story(shop());
    const before = await daemon.entry(KEY, 'v1 is proven', (entry) => entry.proven !== undefined);
    const engine = daemon.one('engine');
    process.kill(engine, 'SIGKILL');
    await daemon.until(
      'there is a new engine with a ready replica',
      ({ engine: { connected }, entries }) =>
        connected &&
        daemon.one('engine') !== engine &&
        entries.some(({ replicas }) => replicas.some(({ phase }) => phase === 'Ready')),
    );
    await expect
      .poll(async () => (await fetch(`${daemon.url}/`).catch(() => undefined))?.status, { timeout: 10_000 })
      .toBe(200);
    const after = await daemon.entry(KEY, 'the same release serves', (entry) => entry.serving !== undefined);
    expect(after.serving?.release).toBe(before.serving?.release);
    expect(after.quarantined).toEqual([]);
  });

  it('a cell: it is started again, and only what was in it may fail', async () => {
    const { daemon } = await story(shop());
    const before = await daemon.entry(KEY, 'v1 is proven', (entry) => entry.proven !== undefined);
    const pid = before.replicas.find(({ phase }) => phase === 'Ready')?.pid;
    expect(pid).toBeDefined();
    process.kill(pid!, 'SIGKILL');
    const after = await daemon.entry(KEY, 'another replica is ready', (entry) =>
      entry.replicas.some((replica) => replica.phase === 'Ready' && replica.pid !== pid),
    );
    expect(after.serving?.release).toBe(before.serving?.release);
    expect((await fetch(`${daemon.url}/`)).status).toBe(200);
  });
});
