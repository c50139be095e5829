import { describe, expect, it } from 'vitest';
import { short } from '../../src/kit/digest.ts';
import { revisionOf } from '../../src/decide/identity.ts';
import { problem } from '../../src/model/problem.ts';
import type { DesiredEntry } from '../../src/model/desired.ts';
import { artifactOf, desired, entry, GATE, MINUTE_MS, SETTINGS, STEPS, type Wanted } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

const cart = (content: string, wanted: Wanted = {}) => entry('cart', { content, ...wanted });

/** Serves v1, proven; v2 has ended as `arrange` made it end. */
function ended(arrange: (fleet: Fleet) => void, v2: DesiredEntry): Fleet {
  const fleet = new Fleet(desired('a1', [cart('v1')]));
  fleet.until((f) => f.isProven('cart', 'v1'));
  arrange(fleet);
  return fleet.push(desired('a2', [v2])).until((f) => f.of('cart').ends.length > 0, 40 * MINUTE_MS);
}

const starts = (fleet: Fleet, v2: DesiredEntry, environment = {}) => {
  fleet.push(desired('a3', [v2], environment)).run(500);
  return fleet.of('cart').candidate !== undefined || fleet.serves('cart', 'v2');
};

const failing = (fleet: Fleet) => void fleet.behave('v2', { failures: 1 });

describe('Failed: its own behaviour; released by an edit', { timeout: 60_000 }, () => {
  const v2 = cart('v2');
  it.each<readonly [string, DesiredEntry, boolean]>([
    ['nothing', v2, false],
    ['a label', cart('v2', { more: { labels: { a: 'b' } } }), false],
    ['approvals', cart('v2', { rollout: { approvals: [{ name: 'boss', revision: 'abcdefabcdef' }] } }), false],
    ['bake', cart('v2', { settings: { bake: { durationMs: 1, deadlineMs: 2 } } }), false],
    ['retry', cart('v2', { rollout: { retry: 1 } }), true],
    ['the gate', cart('v2', { gate: { minSamples: GATE.minSamples + 1 } }), true],
    ['the steps', cart('v2', { settings: { strategy: { type: 'Canary', steps: STEPS.slice(0, 1) } } }), true],
    ['the strategy', cart('v2', { settings: { strategy: { type: 'Immediate' } } }), true],
    ['the probes', cart('v2', { more: { probes: {} } }), true],
    ['the content', cart('v2', { env: [{ name: 'A', value: '1' }] }), true],
  ])('%s', (_, edited, released) => {
    const fleet = ended(failing, v2);
    expect(fleet.of('cart').ends[0]).toMatchObject({
      kind: 'Failed',
      releasedBy: expect.stringContaining('spec.rollout.retry: 1'),
    });
    fleet.behave('v2', {});
    expect(starts(fleet, edited)).toBe(released);
  });

  it('a revert releases everything, and v1 serves as if nothing had been', () => {
    const fleet = ended(failing, v2)
      .push(desired('a3', [cart('v1')]))
      .run(500);
    expect([fleet.row('cart'), fleet.reason('cart')]).toEqual([3, 'Reverted']);
  });

  it.each([
    ['errors', { failures: 0.1 }, 'errors'],
    ['a run of errors', { failures: 1 }, 'consecutive errors'],
    ['crashes', { crashesAfterMs: 700 }, 'crashes'],
    ['failed probes', { readyAfterMs: 'never' as const }, 'readiness probe'],
    ['a slow tail', { latencyUs: 50_000 }, 'latency p99'],
    ['client errors', { status4xx: 0.5 }, 'share of 4xx'],
  ])('by %s, and the evidence says so with numbers', (_, behaviour, metric) => {
    const gate = {
      latency: { percentile: 0.99, maxIncreaseOverStable: 0.2 },
      errors: { ...GATE.errors, maxShiftOfClientErrors: 0.05 },
    };
    const fleet = ended((f) => void f.behave('v2', behaviour), cart('v2', { gate }));
    const evidence = fleet.of('cart').ends[0]!.evidence.find((one) => one.metric === metric);
    expect(evidence, JSON.stringify(fleet.of('cart').ends)).toMatchObject({
      observed: expect.stringMatching(/\d|deadline/),
      threshold: expect.any(String),
    });
    expect(fleet.serves('cart', 'v1')).toBe(true);
    fleet.run(2_000);
    expect(fleet.engine.snapshot!.rules[0]!.arms).toHaveLength(1);
    expect([...fleet.engine.replicas.values()]).toHaveLength(1);
  });
});

describe('Refused: an input is not allowed; released when any of its inputs changes', { timeout: 60_000 }, () => {
  const refuse = (fleet: Fleet) =>
    void fleet.refusals.set(artifactOf('v2'), problem('HW2111', 'it imports sockets', { remedy: 'grant it' }));

  it('names the remedy, and holds while nothing changes', () => {
    const fleet = ended(refuse, cart('v2'));
    expect(fleet.of('cart').ends[0]).toMatchObject({ kind: 'Refused', reason: 'Refused', releasedBy: 'grant it' });
    fleet.refusals.clear();
    expect(starts(fleet, cart('v2'))).toBe(false);
  });

  it('content and policies release it', () => {
    const content = ended(refuse, cart('v2'));
    expect(starts(content, cart('v3'))).toBe(true);
    const fleet = ended(refuse, cart('v2'));
    fleet.refusals.clear();
    const policy = { name: 'p', namespaces: ['shop'] } as never;
    fleet.push({ ...desired('a3', [cart('v2')]), policies: [policy] }).run(500);
    expect(fleet.of('cart').candidate).toBeDefined();
  });
});

describe('Waiting: the world outside; retried with back-off, without git', { timeout: 60_000 }, () => {
  it('waits longer each time, and starts by itself', () => {
    const retry = problem('HW2205', 'no child process could be started');
    const fleet = ended((f) => void f.refusals.set(artifactOf('v2'), retry), cart('v2'));
    expect(fleet.of('cart').ends[0]).toMatchObject({ kind: 'Waiting', tries: 1 });
    fleet.until((f) => f.of('cart').ends[0]!.tries === 3);
    const end = fleet.of('cart').ends[0]!;
    expect(end.retryAtMs! - end.atMs).toBe(20_000);
    fleet.refusals.clear();
    fleet.until((f) => f.isProven('cart', 'v2'));
  });

  it('says the remedy of what is in the way: trying again may never be enough', () => {
    const id = `shop/cart@${'a'.repeat(64)}#3`;
    const full = problem('HW4102', `${id} would be one too many`, { remedy: `make room for ${id}` });
    const fleet = ended((f) => void f.refusals.set(artifactOf('v2'), full), cart('v2'));
    expect(fleet.of('cart').ends[0]).toMatchObject({
      kind: 'Waiting',
      why: 'HW4102: shop/cart@aaaaaaaaaaaa#3 would be one too many',
      releasedBy: 'make room for shop/cart@aaaaaaaaaaaa#3 (it is tried again by itself)',
    });
  });

  it("an outage that serving shares is nobody's fault and quarantines nothing", () => {
    const fleet = new Fleet(desired('a1', [cart('v1')]));
    fleet.until((f) => f.isProven('cart', 'v1'));
    fleet
      .push(desired('a2', [cart('v2')]))
      .until((f) => f.of('cart').candidate?.state === 'Canary')
      .run(500);
    fleet.engine.outage = true;
    fleet.until((f) => f.of('cart').ends.length > 0);
    expect(fleet.of('cart').ends[0]).toMatchObject({ kind: 'Waiting', reason: 'SharedOutage' });
    fleet.engine.outage = false;
    fleet.until((f) => f.isProven('cart', 'v2'));
    expect(fleet.said('Quarantined')).toEqual([]);
  });

  it('an outage in a bake goes back first, and is judged after what it went back to was seen failing too', () => {
    const fleet = new Fleet(desired('a1', [cart('v1')]));
    fleet.until((f) => f.isProven('cart', 'v1'));
    fleet
      .push(desired('a2', [cart('v2')]))
      .until((f) => f.serves('cart', 'v2'))
      .run(500);
    fleet.engine.outage = true;
    fleet.until((f) => f.serves('cart', 'v1'));
    expect(fleet.of('cart').judging).toBeDefined();
    fleet.until((f) => f.of('cart').ends.length > 0);
    expect(fleet.of('cart').ends[0]!.reason).toBe('SharedOutage');
    fleet.engine.outage = false;
    fleet.until((f) => f.isProven('cart', 'v2'));
  });
});

describe('Inconclusive: no samples, no approval; parked, not failed', { timeout: 60_000 }, () => {
  const hold = cart('v2', { gate: { insufficientData: 'Hold' } });
  const silent = (fleet: Fleet) => void (fleet.engine.rate = 0);

  it('too few samples until the deadline', () => {
    const fleet = ended(silent, hold);
    expect(fleet.of('cart').ends[0]).toMatchObject({
      kind: 'Inconclusive',
      releasedBy: expect.stringContaining('gate.insufficientData: Synthesize'),
    });
    expect(fleet.of('cart').rollbacks).toEqual([]);
    fleet.engine.rate = 200;
    expect(starts(fleet, hold)).toBe(false);
    expect(starts(fleet, cart('v2'))).toBe(true);
  });

  it('Fail, where it is asked for, makes it a failure', () => {
    const fleet = ended(silent, cart('v2', { gate: { insufficientData: 'Fail' } }));
    expect(fleet.of('cart').ends[0]!.kind).toBe('Failed');
  });

  it('Synthesize sends what is missing, and the evidence says how many were synthetic', () => {
    const fleet = new Fleet(desired('a1', [cart('v1')]));
    fleet.until((f) => f.isProven('cart', 'v1'));
    fleet.engine.rate = 0;
    fleet.push(desired('a2', [cart('v2')])).until((f) => f.isProven('cart', 'v2'));
    const evidence = fleet.of('cart').ledger[0]!.evidence[0]!;
    expect(evidence.synthetic).toBe(evidence.samples);
    expect(evidence.samples).toBeGreaterThanOrEqual(303);
  });

  it('an approval is the edit that its message prints, by twelve digits of the revision', () => {
    const settings = {
      strategy: {
        type: 'Canary' as const,
        steps: [{ ...STEPS[0]!, approval: { name: 'boss', deadlineMs: 3 * MINUTE_MS } }, STEPS[1]!],
      },
    };
    const asked = cart('v2', { settings });
    const fleet = ended(() => undefined, asked);
    const line = `spec.rollout.approvals: [{name: boss, revision: ${short(revisionOf(asked))}}]`;
    expect(fleet.of('cart').ends[0]).toMatchObject({ kind: 'Inconclusive', releasedBy: `write ${line}` });
    expect(fleet.events.some((event) => event.message.includes('no approval by boss within 3m'))).toBe(true);
    const tooShort = { approvals: [{ name: 'boss', revision: short(revisionOf(asked)).slice(0, 11) }] };
    const approved = { approvals: [{ name: 'boss', revision: short(revisionOf(asked)) }] };
    expect(starts(fleet, cart('v2', { settings, rollout: approved }))).toBe(true);
    fleet.until((f) => f.isProven('cart', 'v2'));
    const again = ended(() => undefined, asked);
    again
      .push(desired('a3', [cart('v2', { settings, rollout: tooShort })]))
      .until((f) => f.reason('cart') === 'AwaitingApproval');
  });

  it('a bake without samples ends active, not in the ledger', () => {
    const fleet = new Fleet(desired('a1', [cart('v1', { gate: { insufficientData: 'Hold' } })]));
    fleet.engine.rate = 0;
    fleet.until((f) => f.said('Inconclusive').length > 0, 20 * MINUTE_MS);
    expect([fleet.serves('cart', 'v1'), fleet.of('cart').ledger]).toEqual([true, []]);
    expect(SETTINGS.bake.deadlineMs).toBeLessThan(20 * MINUTE_MS);
  });
});
