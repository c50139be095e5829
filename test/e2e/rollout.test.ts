import { describe, expect, it } from 'vitest';
import type { CommitStatus } from '../../src/model/status.ts';
import { quickPolicy, shop, swapTo } from '../support/manifests.ts';
import { chapters, KEY, provenAfter, toldOf, traffic } from './story.ts';

describe('a good commit', () => {
  const now = chapters(shop());
  let first: string;

  it('walks its steps under traffic, is promoted and proven; the old release retires and nothing is lost', async () => {
    const { repository, daemon } = now();
    const before = await provenAfter(daemon, undefined);
    first = before.proven!.release;
    const visitors = traffic(daemon);
    const commit = await repository.push('Greet better', swapTo('greeting-v2'));

    const after = await provenAfter(daemon, before);
    expect(after.proven?.commit).toBe(commit);
    expect(after.serving?.release).toBe(after.proven?.release);

    const retired = await daemon.until('the old release has retired', ({ entries }) =>
      entries[0]!.replicas.every((replica) => replica.release === after.proven?.release),
    );
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus)).toEqual(['200']);
    const told = toldOf(retired.timeline, commit);
    expect(told.map(({ message }) => message).join('\n')).toMatch(/at step 1 of 2: 20 %[^]*at step 2 of 2: 50 %/);
    expect(told.map(({ reason }) => reason)).toEqual(['Progressing', 'Progressing', 'Progressing', 'Baking', 'Proven']);
  });

  it('is reverted by git alone: the proven release takes the fast path', async () => {
    const { repository, daemon } = now();
    traffic(daemon);
    await repository.revert();
    const weights = new Set<number>();
    await daemon.entry(KEY, 'the first release serves again', (entry) => {
      if (entry.candidate?.state === 'Canary') weights.add(entry.candidate.weight);
      return entry.serving?.release === first;
    });
    expect([...weights]).toEqual([]);
    const { entries } = await daemon.until('and is proven', ({ entries: [entry] }) => entry?.proven?.release === first);
    expect(entries[0]?.quarantined).toEqual([]);
  });

  it('that a revert took out walks its steps again; without traffic it is proven by synthetic samples', async () => {
    const { repository, daemon } = now();
    await repository.push('Greet better after all', swapTo('greeting-v2'));
    let synthetic = 0;
    const weights = new Set<number>();
    await daemon.entry(KEY, 'the new release is proven', (entry) => {
      if (entry.candidate) weights.add(entry.candidate.weight);
      for (const evidence of entry.candidate?.evidence ?? []) synthetic = Math.max(synthetic, evidence.synthetic);
      return entry.proven !== undefined && entry.proven.release !== first;
    });
    expect(synthetic).toBeGreaterThan(0);
    expect([...weights]).toEqual(expect.arrayContaining([20, 50]));
  });
});

describe('a newer commit preempts the one that is being tried', () => {
  // The older stays where it is until the newer is there, however long git takes.
  const SLOW = quickPolicy({ name: 'slow', minDuration: '3s', bake: '5m' });
  const now = chapters({ ...shop(), 'shop/slow.yaml': SLOW });
  let round = 0;
  const next = (policy: string, wasm = 'greeting-v2') =>
    swapTo(wasm, { attempt: `round-${(round += 1)}`, rollout: `{policyRef: {name: ${policy}}}` });
  const slow = () => next('slow');
  const neverReady = () => {
    const { 'shop/greeting.yaml': text, ...wasm } = next('quick', 'greeting-never-ready');
    return { ...wasm, 'shop/greeting.yaml': String(text).replace(/(?<=readiness: .*deadline: )\w+/, '5m') };
  };

  it.each([
    ['before any weight', { weight: 0 }, neverReady],
    ['in the first step', { step: 1 }, slow],
    ['in the second step', { step: 2 }, slow],
    ['in the bake', { state: 'Promoted' }, slow],
  ] as const)('%s: the newer goes live, the other is superseded, nothing is lost', async (_, state, tried) => {
    const { repository, daemon } = now();
    const before = await daemon.entry(KEY, 'it is at rest', (entry) => entry.proven !== undefined && !entry.candidate);
    const visitors = traffic(daemon);
    const older = await repository.push('Older', tried());
    await daemon.entry(KEY, `the older is ${_}`, ({ candidate }) => {
      const seen: Readonly<Record<string, unknown>> = { ...candidate };
      return candidate?.commit === older && Object.entries(state).every(([name, value]) => seen[name] === value);
    });
    const newer = await repository.push('Newer', next('quick'));
    const after = await daemon.entry(KEY, 'the newer is proven', ({ proven }) => proven?.commit === newer);
    expect(after.quarantined).toEqual([]);
    const status = await daemon.until(
      'the story of both is told',
      ({ commits }) => stateOf(commits, newer) === 'Proven',
    );
    expect(stateOf(status.commits, older)).toBe('Superseded');
    expect(toldOf(status.timeline, older).map(({ reason }) => reason)).not.toContain('Proven');

    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus)).toEqual(['200']);
    const known = [before.proven!.release, after.proven!.release].map((release) => release.slice(0, 12));
    expect(Object.keys(report.byRelease)).toEqual(expect.arrayContaining(known));
  });
});

function stateOf(commits: readonly CommitStatus[], commit: string): CommitStatus['state'] | undefined {
  return commits.find((candidate) => candidate.commit === commit)?.state;
}
