import { describe, expect, it } from 'vitest';
import { shop, swapTo } from '../support/manifests.ts';
import { story, traffic } from './story.ts';

const KEY = 'shop/greeting';

describe('a good commit', () => {
  it('walks its steps under traffic, is promoted and proven, and nothing is lost', async () => {
    const { repository, daemon } = await story(shop());
    const first = await daemon.entry(KEY, 'the first release is proven', (entry) => entry.proven !== undefined);
    const visitors = traffic(daemon);
    const commit = await repository.push('Greet better', swapTo('greeting-v2'));

    const weights = new Set<number>();
    const proven = await daemon.entry(KEY, 'the new release is proven', (entry) => {
      if (entry.candidate) weights.add(entry.candidate.weight);
      return entry.proven !== undefined && entry.proven.release !== first.proven?.release;
    });
    expect(proven.proven?.commit).toBe(commit);
    expect(proven.serving?.release).toBe(proven.proven?.release);
    expect(proven.candidate).toBeUndefined();
    expect([...weights]).toEqual(expect.arrayContaining([20, 50]));

    await daemon.entry(KEY, 'the old release has retired', (entry) =>
      entry.replicas.every((replica) => replica.release === proven.proven?.release),
    );
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus)).toEqual(['200']);
  });

  it('is proven without any traffic, by synthetic samples', async () => {
    const { repository, daemon } = await story(shop());
    const first = await daemon.entry(KEY, 'the first release is proven', (entry) => entry.proven !== undefined);
    await repository.push('Greet better', swapTo('greeting-v2'));
    let synthetic = 0;
    await daemon.entry(KEY, 'the new release is proven', (entry) => {
      for (const evidence of entry.candidate?.evidence ?? []) synthetic = Math.max(synthetic, evidence.synthetic);
      return entry.proven !== undefined && entry.proven.release !== first.proven?.release;
    });
    expect(synthetic).toBeGreaterThan(0);
  });
});

describe('a bad commit', () => {
  it.each([
    ['greeting-flaky', /error|5xx|fail/i],
    ['greeting-traps', /trap|error|fail/i],
    ['greeting-spins', /deadline|crash|limit|error|fail/i],
    ['greeting-eats-memory', /trap|memory|crash|error|fail/i],
    ['greeting-never-ready', /ready|readiness/i],
  ])('%s is caught by its signal while serving serves', async (wasm, signal) => {
    const { repository, daemon } = await story(shop());
    const first = await daemon.entry(KEY, 'the first release is proven', (entry) => entry.proven !== undefined);
    const visitors = traffic(daemon);
    await repository.push('Break it', swapTo(wasm));
    const after = await daemon.entry(
      KEY,
      'the attempt is quarantined',
      (entry) => entry.quarantined.length > 0,
      45_000,
    );
    expect(after.quarantined[0]?.why).toMatch(signal);
    expect(after.quarantined[0]?.releasedBy).not.toBe('');
    expect(after.serving?.release).toBe(first.serving?.release);
    await visitors.stop();
  });

  it('that asks for what it was not granted is refused before it runs', async () => {
    const { repository, daemon } = await story(shop());
    const first = await daemon.entry(KEY, 'the first release is proven', (entry) => entry.proven !== undefined);
    await repository.push('Ask for more', swapTo('greeting-ungranted'));
    const after = await daemon.entry(KEY, 'it is refused', (entry) =>
      entry.conditions.some(({ reason }) => reason === 'Refused'),
    );
    expect(after.conditions.map(({ message }) => message).join('\n')).toMatch(
      /wasi:(http\/outgoing-handler|filesystem|sockets)/,
    );
    expect(after.serving?.release).toBe(first.serving?.release);
    expect(after.quarantined).toEqual([]);
  });

  it('is reverted by git alone: the proven release takes the fast path', async () => {
    const { repository, daemon } = await story(shop());
    const first = await daemon.entry(KEY, 'the first release is proven', (entry) => entry.proven !== undefined);
    traffic(daemon);
    await repository.push('Greet better', swapTo('greeting-v2'));
    await daemon.entry(KEY, 'the new release is proven', (entry) => entry.proven?.release !== first.proven?.release);
    await repository.revert();
    const weights = new Set<number>();
    await daemon.entry(KEY, 'the first release serves again', (entry) => {
      if (entry.candidate?.state === 'Canary') weights.add(entry.candidate.weight);
      return entry.serving?.release === first.serving?.release;
    });
    expect([...weights]).toEqual([]);
  });
});
