import { describe, expect, it } from 'vitest';
import type { Evidence } from '../../src/model/status.ts';
import { quickPolicy, shop, swapTo } from '../support/manifests.ts';
import { chapters, KEY, provenAfter, toldOf, traffic } from './story.ts';

/** Each bad build, the sentence that says what it did, and the metric that the sentence rests on. */
const BAD: readonly { readonly wasm: string; readonly why: RegExp; readonly metric: RegExp }[] = [
  { wasm: 'greeting-flaky', why: /errors .* against|failures in a row/, metric: /^(errors|consecutive errors)$/ },
  { wasm: 'greeting-slow-tail', why: /latency p99 .* against/, metric: /^latency p99$/ },
  { wasm: 'greeting-traps', why: /errors .* against|failures in a row/, metric: /^(errors|consecutive errors)$/ },
  {
    wasm: 'greeting-spins',
    why: /crashes within|errors .* against|failures in a row/,
    metric: /^(crashes|errors|consecutive errors)$/,
  },
  {
    wasm: 'greeting-eats-memory',
    why: /crashes within|errors .* against|failures in a row/,
    metric: /^(crashes|errors|consecutive errors)$/,
  },
  { wasm: 'greeting-never-ready', why: /not ready within .*503/, metric: /^readiness probe$/ },
];

const LATENCY = '{percentile: "99%", maxIncreaseOverStable: "50%"}';

describe('a bad commit', () => {
  const now = chapters({ ...shop(), 'shop/policies.yaml': quickPolicy({ latency: LATENCY, minSamples: 100 }) });

  it.each(BAD)('$wasm is caught by its signal while serving serves', async ({ wasm, why, metric }) => {
    const { repository, daemon } = now();
    const before = await daemon.entry(KEY, 'it is at rest', (entry) => entry.proven !== undefined && !entry.candidate);
    const visitors = traffic(daemon);
    const commit = await repository.push('Break it', swapTo(wasm));
    const after = await daemon.entry(KEY, 'its attempt is quarantined', ({ quarantined }) =>
      quarantined.some((attempt) => attempt.commit === commit),
    );
    expect(after.serving?.release).toBe(before.serving?.release);
    expect(after.candidate).toBeUndefined();

    const attempt = after.quarantined.find((candidate) => candidate.commit === commit)!;
    expect(attempt.why).toMatch(why);
    expect(attempt.releasedBy).toContain('spec.rollout.retry: 1');
    expectMeasured(attempt.evidence, metric);
    const status = await daemon.until('the commit is told of', ({ commits }) =>
      commits.some((one) => one.commit === commit && one.state === 'RolledBack'),
    );
    const told = toldOf(status.timeline, commit);
    expect(told.map(({ reason }) => reason)).toEqual(expect.arrayContaining(['RolledBack', 'Quarantined']));
    for (const event of told.filter(({ reason }) => reason === 'RolledBack')) {
      expect(event.message).toMatch(why);
      expectMeasured(event.evidence ?? [], metric);
    }
    expect((await visitors.stop()).lost).toEqual([]);
    // Back to what serves: the next chapter begins at rest.
    await repository.revert();
    await daemon.entry(KEY, 'git is back', ({ desired, serving }) => desired?.release === serving?.release);
  });

  it('that asks for what it was not granted is refused before it runs', async () => {
    const { repository, daemon } = now();
    const before = await provenAfter(daemon, undefined);
    const commit = await repository.push('Ask for more', swapTo('greeting-ungranted'));
    const after = await daemon.entry(KEY, 'it is refused', ({ conditions, desired }) =>
      conditions.some(({ reason }) => reason === 'Refused' && desired?.commit === commit),
    );
    expect(after.conditions[0]?.message).toMatch(/wasi:http\/outgoing-handler.*spec\.capabilities/);
    expect(after.serving?.release).toBe(before.serving?.release);
    expect(after.quarantined.map((attempt) => attempt.commit)).not.toContain(commit);
  });
});

/** The metric is named, with what was observed, what was allowed, and from how many samples. */
function expectMeasured(evidence: readonly Evidence[], metric: RegExp): void {
  const row = evidence.find((candidate) => metric.test(candidate.metric));
  expect(row, `no ${metric} in ${JSON.stringify(evidence)}`).toBeDefined();
  expect(row!.observed).not.toBe('');
  expect(row!.threshold).not.toBe('');
  expect(row!.samples).toBeGreaterThan(0);
}
