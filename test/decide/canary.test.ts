/** Canary steps by header and by mirror, replicas that may be missing, and a choice of statuses: over time, with the engine's model. */
import { describe, expect, it } from 'vitest';
import { revisionOf } from '../../src/decide/identity.ts';
import type { CanaryStep, Strategy } from '../../src/model/rollout.ts';
import { desired, entry, MINUTE_MS, type Wanted } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

const WAITS = { minDurationMs: 1_000, deadlineMs: 5 * MINUTE_MS };
const US = { name: 'x-team', type: 'Exact' as const, value: 'us' };
const THEM = { name: 'x-team', type: 'Exact' as const, value: 'them' };
const NAMED: CanaryStep = { ...WAITS, weight: 0, headers: [US] };
const MIRRORED: CanaryStep = { ...WAITS, weight: 0, mirror: 50 };
const TENTH: CanaryStep = { ...WAITS, weight: 10 };

const cart = (content: string, steps: readonly CanaryStep[], wanted: Wanted = {}) =>
  entry('cart', { content, ...wanted, settings: { strategy: { type: 'Canary', steps } } });

function walking(steps: readonly CanaryStep[], wanted: Wanted = {}): Fleet {
  const fleet = new Fleet(desired('a1', [cart('v1', steps, wanted)])).until((f) => f.isProven('cart', 'v1'));
  fleet.engine.unanswered = 0;
  return fleet.push(desired('a2', [cart('v2', steps, wanted)]));
}
const atStep = (step: number) => (fleet: Fleet) => fleet.of('cart').candidate?.step === step;
const arms = (fleet: Fleet) => fleet.engine.snapshot!.rules[0]!.arms;
const samplesOf = (fleet: Fleet, content: string) =>
  fleet.engine.observed().samples.find(({ group }) => group.endsWith(revisionOf(cart(content, []))));

describe('a step by header', { timeout: 60_000 }, () => {
  it('gives the candidate who names it and nobody else, judges it by them, and goes on', () => {
    const fleet = walking([NAMED, TENTH]).until(atStep(1)).run(200);
    expect(arms(fleet)[1]).toMatchObject({ weight: 0, headers: [US] });
    expect(arms(fleet)[0]!.weight).toBe(100);
    expect(fleet.status('cart').candidate).toMatchObject({ step: 1, steps: 2, weight: 0, headers: ['x-team: us'] });
    fleet.until(atStep(2)).run(200);
    const { traffic, synthetic } = samplesOf(fleet, 'v2')!;
    expect([traffic.requests >= 100, synthetic.requests]).toEqual([true, 0]);
    expect(arms(fleet)[1]).toEqual({ release: arms(fleet)[1]!.release, group: arms(fleet)[1]!.group, weight: 10 });
    fleet.until((f) => f.isProven('cart', 'v2'));
    expect(fleet.events.map(({ message }) => message)).toContainEqual(
      expect.stringContaining('at step 1 of 2: 0 %, requests with x-team: us'),
    );
  });

  it('one that fails those requests is rolled back from there, at once, and that counts as a rollback', () => {
    const fleet = walking([NAMED, TENTH]).until(atStep(1));
    fleet.behave('v2', { failures: 1 }).until((f) => f.of('cart').ends.length > 0);
    expect(arms(fleet)).toHaveLength(1);
    expect([fleet.reason('cart'), fleet.of('cart').rollbacks.length, fleet.serves('cart', 'v1')]).toEqual([
      'Quarantined',
      1,
      true,
    ]);
    expect(fleet.said('RolledBack')[0]!.message).toContain('rolled back from 0 %, requests with x-team: us');
  });

  it('waits for all of its replicas: how many carry the header nobody knows', () => {
    const scaling = { minReplicas: 3, maxReplicas: 3 };
    const fleet = walking([NAMED], { more: { scaling } }).until(atStep(1));
    const group = `shop/cart@${revisionOf(cart('v2', []))}`;
    expect(
      [...fleet.engine.replicas.values()].filter(({ cell, phase }) => cell.group === group && phase === 'Ready'),
    ).toHaveLength(3);
  });

  it('survives control and engine', () => {
    const fleet = walking([NAMED, TENTH]).until(atStep(1)).restartControl(500).run(200);
    expect(arms(fleet)[1]).toMatchObject({ headers: [US] });
    fleet.engine.restart();
    fleet.until(atStep(1)).until((f) => f.isProven('cart', 'v2'));
    expect(fleet.of('cart').ends).toEqual([]);
  });
});

describe('a step by mirror', { timeout: 60_000 }, () => {
  it('copies requests to the candidate, shows what came of them, and passes by synthetic samples', () => {
    const fleet = walking([MIRRORED, TENTH]).until(atStep(1)).run(800);
    expect(arms(fleet)[1]).toMatchObject({ weight: 0, mirror: 50 });
    expect(fleet.status('cart').candidate).toMatchObject({ weight: 0, mirror: 50 });
    const { traffic, mirrored } = samplesOf(fleet, 'v2')!;
    expect(traffic.requests).toBe(0);
    expect(mirrored!.requests).toBeGreaterThan(50);
    expect(fleet.status('cart').candidate!.evidence).toContainEqual(
      expect.objectContaining({ metric: 'copies of requests', threshold: 'not judged', synthetic: 0 }),
    );
    fleet.until((f) => f.isProven('cart', 'v2'));
  });

  it('what the copies met is no sample of the gate: only what the runtime itself sends fails it', () => {
    const fleet = walking([MIRRORED, TENTH], { gate: { insufficientData: 'Hold' } }).until(atStep(1));
    fleet.behave('v2', { failures: 1 }).run(10_000);
    expect(samplesOf(fleet, 'v2')!.mirrored!.failures).toBeGreaterThan(500);
    expect([fleet.of('cart').ends, fleet.of('cart').candidate!.trial.whole.candidate.requests]).toEqual([[], 0]);
    fleet.until((f) => f.of('cart').ends.length > 0, 6 * MINUTE_MS);
    expect(fleet.of('cart').ends[0]!.kind).toBe('Inconclusive');
  });

  it('a crash by a copy is the candidate’s own', () => {
    const fleet = walking([MIRRORED, TENTH]).until(atStep(1));
    fleet.behave('v2', { crashesAfterMs: 1 }).until((f) => f.of('cart').ends.length > 0);
    expect(fleet.of('cart').ends[0]!).toMatchObject({ kind: 'Failed' });
    expect(fleet.of('cart').ends[0]!.evidence[0]!.metric).toBe('crashes');
    expect(fleet.of('cart').rollbacks).toEqual([]);
    expect(fleet.said('RolledBack')[0]!.message).toContain('given up at 0 %, copies of 50 %');
    expect(fleet.engine.unanswered).toBe(0);
  });

  it('beside a weight and headers, all in one step', () => {
    const all: CanaryStep = { ...TENTH, headers: [US], mirror: 5 };
    const fleet = walking([all]).until(atStep(1)).run(200);
    expect(arms(fleet)[1]).toMatchObject({ weight: 10, headers: [US], mirror: 5 });
    fleet.until((f) => f.isProven('cart', 'v2'));
  });

  it('waits for its approval as any step does', () => {
    const asked: CanaryStep = { ...MIRRORED, approval: { name: 'boss', deadlineMs: MINUTE_MS } };
    const fleet = walking([asked]).until((f) => f.reason('cart') === 'AwaitingApproval');
    const approvals = [{ name: 'boss', revision: revisionOf(cart('v2', [])).slice(0, 12) }];
    fleet.push(desired('a3', [cart('v2', [asked], { rollout: { approvals } })])).until((f) => f.isProven('cart', 'v2'));
    expect(fleet.of('cart').ends).toEqual([]);
  });
});

describe('a bake after any steps', { timeout: 60_000 }, () => {
  it.each<readonly [string, readonly CanaryStep[]]>([
    ['by weight', [TENTH]],
    ['by header', [NAMED]],
    ['by mirror', [MIRRORED]],
  ])('%s: one that fails in it goes back to what served, and is judged after', (_, steps) => {
    const fleet = walking(steps)
      .until((f) => f.serves('cart', 'v2'))
      .run(1_000);
    fleet.behave('v2', { failures: 1 }).until((f) => f.serves('cart', 'v1'));
    expect([arms(fleet).length, fleet.of('cart').judging === undefined]).toEqual([1, false]);
    fleet.until((f) => f.of('cart').ends.length > 0);
    expect(fleet.of('cart').ends[0]!.kind).toBe('Failed');
    expect(fleet.engine.unanswered).toBe(0);
  });
});

describe('edits of such steps', { timeout: 60_000 }, () => {
  const edited = (before: readonly CanaryStep[], step: number, after: readonly CanaryStep[]) =>
    walking(before)
      .until(atStep(step))
      .push(desired('a3', [cart('v2', after)]));

  it.each<readonly [string, readonly CanaryStep[], number, readonly CanaryStep[], number, object]>([
    [
      'another header is not met without its own test',
      [NAMED, TENTH],
      1,
      [{ ...NAMED, headers: [THEM] }, TENTH],
      0,
      { weight: 0 },
    ],
    ['one header fewer', [{ ...NAMED, headers: [THEM, US] }, TENTH], 1, [NAMED, TENTH], 1, { headers: [US] }],
    ['more copies', [MIRRORED, TENTH], 1, [{ ...MIRRORED, mirror: 60 }, TENTH], 0, { weight: 0 }],
    ['fewer copies', [MIRRORED, TENTH], 1, [{ ...MIRRORED, mirror: 10 }, TENTH], 1, { mirror: 10 }],
    ['a step by header before', [TENTH], 1, [NAMED, TENTH], 2, { weight: 10 }],
  ])('%s', (_, before, step, after, expected, arm) => {
    const fleet = edited(before, step, after);
    fleet.tick();
    const { candidate } = fleet.of('cart');
    expect([candidate!.state, candidate!.step]).toEqual(['Canary', expected]);
    const second = arms(fleet.run(200))[1];
    if (expected > 0) expect(second).toMatchObject(arm);
    else expect(second).toBeUndefined();
    fleet.until((f) => f.isProven('cart', 'v2'));
  });

  it('what sticks changes nothing about where it stands', () => {
    const steps = [{ ...NAMED, headers: [THEM, US] }, NAMED, TENTH];
    const fleet = walking(steps).until(atStep(1));
    const strategy: Strategy = { type: 'Canary', steps, stickyBy: { type: 'header', name: 'x-id' } };
    fleet.push(desired('a3', [entry('cart', { content: 'v2', settings: { strategy } })])).tick();
    expect(fleet.of('cart').candidate!.step).toBe(1);
  });

  it('an engine that dies while the candidate stands at no step of its own', () => {
    const fleet = edited([NAMED, TENTH], 1, [{ ...NAMED, headers: [THEM] }, TENTH]);
    fleet.tick();
    expect(fleet.of('cart').candidate!.step).toBe(0);
    fleet.engine.restart();
    fleet.until((f) => f.isProven('cart', 'v2'));
  });
});

describe('statuses that are failures', { timeout: 60_000 }, () => {
  const judged = (statuses: readonly string[] | undefined) => {
    const errors = { tolerable: 0.005, intolerable: 0.02, ...(statuses ? { statuses } : {}) };
    const gate = { errors };
    return walking([{ ...TENTH, weight: 50 }], { gate }).until(atStep(1));
  };

  it('4xx by default is none', () => {
    const fleet = judged(undefined)
      .behave('v2', { status4xx: 0.2 })
      .until((f) => f.isProven('cart', 'v2'));
    expect(fleet.of('cart').ends).toEqual([]);
  });

  it.each([[['4xx', '5xx']], [['404']]])('%o: a candidate with more of them than serving fails', (statuses) => {
    const fleet = judged(statuses)
      .behave('v2', { status4xx: 0.2 })
      .until((f) => f.of('cart').ends.length > 0);
    expect(fleet.of('cart').ends[0]!).toMatchObject({
      kind: 'Failed',
      evidence: [{ metric: `errors (${statuses.join(', ')})` }],
    });
    expect(arms(fleet)[0]!.failureStatuses).toEqual(statuses);
  });

  it('what serves is measured by the same words: where both have as many, it passes', () => {
    const gate = { errors: { tolerable: 0.05, intolerable: 0.3, statuses: ['404'] } };
    const fleet = new Fleet(desired('a1', [cart('v1', [TENTH])]))
      .behave('v1', { status4xx: 0.2 })
      .behave('v2', { status4xx: 0.2 });
    fleet.until((f) => f.isProven('cart', 'v1'));
    fleet.push(desired('a2', [cart('v2', [{ ...TENTH, weight: 50 }], { gate })])).until(atStep(1));
    expect(arms(fleet).map(({ failureStatuses }) => failureStatuses)).toEqual([['404'], ['404']]);
    fleet.until((f) => f.isProven('cart', 'v2'));
    expect(fleet.of('cart').ends).toEqual([]);
  });

  it('a run of them is a hard stop', () => {
    const fleet = judged(['404'])
      .behave('v2', { status4xx: 1 })
      .until((f) => f.of('cart').ends.length > 0);
    expect(fleet.of('cart').ends[0]!.evidence[0]!.metric).toBe('consecutive errors');
  });

  it('5xx that were taken out of the list are none', () => {
    const fleet = judged(['404'])
      .behave('v2', { failures: 0.3 })
      .until((f) => f.isProven('cart', 'v2'));
    expect(fleet.of('cart').ends).toEqual([]);
  });
});

describe('replicas that may be missing', { timeout: 60_000 }, () => {
  const rolling = (content: string, all: number, maxSurge: number, maxUnavailable: number) =>
    entry('cart', {
      content,
      settings: {
        strategy: { type: 'Rolling', maxSurge, maxUnavailable, minDurationMs: 500, deadlineMs: 5 * MINUTE_MS },
      },
      more: { scaling: { minReplicas: all, maxReplicas: all } },
    });
  const groupOf = (content: string) => `shop/cart@${revisionOf(rolling(content, 1, 1, 1))}`;
  const count = (fleet: Fleet, phases: readonly string[], content?: string) =>
    [...fleet.engine.replicas.values()].filter(
      ({ phase, cell }) => phases.includes(phase) && (content === undefined || cell.group === groupOf(content)),
    ).length;
  const ALIVE = ['Starting', 'Warming', 'Ready', 'Unhealthy', 'Draining'];

  it.each([
    [6, 1, 2],
    [5, 2, 1],
    [4, 1, 1],
    [10, 1, 4],
    [3, 1, 1],
  ])('%i replicas, %i more and %i fewer: never more, never fewer, and nothing is lost', (all, surge, missing) => {
    const fleet = new Fleet(desired('a1', [rolling('v1', all, surge, missing)])).until((f) => f.isProven('cart', 'v1'));
    fleet.engine.unanswered = 0;
    const seen = new Set<number>();
    let least = all;
    fleet.push(desired('a2', [rolling('v2', all, surge, missing)])).until((f) => {
      const ready = count(f, ['Ready']);
      least = Math.min(least, ready);
      expect(ready).toBeGreaterThanOrEqual(all - missing);
      expect(count(f, ALIVE)).toBeLessThanOrEqual(all + surge);
      const share = arms(f)[1]?.weight ?? (f.serves('cart', 'v2') ? 100 : 0);
      expect(count(f, ['Ready'], 'v2')).toBeGreaterThanOrEqual(Math.round((share * all) / 100));
      if (share < 100) expect(count(f, ['Ready'], 'v1')).toBeGreaterThanOrEqual(1);
      seen.add(share);
      return f.isProven('cart', 'v2');
    });
    // They are really given up, not only allowed to be.
    expect(least).toBe(all - missing);
    const batch = surge + missing;
    const steps = Array.from({ length: Math.ceil(all / batch) - 1 }, (_, index) =>
      Math.round((100 * batch * (index + 1)) / all),
    );
    expect([...seen]).toEqual([0, ...steps, 100].filter((share, index, list) => list.indexOf(share) === index));
    expect(fleet.engine.unanswered).toBe(0);
    fleet.run(3_000);
    expect([count(fleet, ['Ready'], 'v2'), count(fleet, ALIVE)]).toEqual([all, all]);
  });

  it('one that never gets ready: what was given up comes back', () => {
    const fleet = new Fleet(desired('a1', [rolling('v1', 6, 1, 2)])).until((f) => f.isProven('cart', 'v1'));
    fleet.engine.unanswered = 0;
    fleet.behave('v2', { readyAfterMs: 'never' }).push(desired('a2', [rolling('v2', 6, 1, 2)]));
    fleet.until((f) => f.of('cart').ends.length > 0).run(2_000);
    expect([count(fleet, ['Ready'], 'v1'), fleet.engine.unanswered]).toEqual([6, 0]);
  });

  it('one that fails at its first share goes back as those come back', () => {
    const fleet = new Fleet(desired('a1', [rolling('v1', 6, 1, 2)])).until((f) => f.isProven('cart', 'v1'));
    fleet.engine.unanswered = 0;
    fleet
      .push(desired('a2', [rolling('v2', 6, 1, 2)]))
      .until((f) => arms(f)[1]?.weight === 50)
      .run(300);
    fleet.behave('v2', { failures: 0.2 }).until((f) => f.of('cart').ends.length > 0);
    fleet.until((f) => f.of('cart').leaving === undefined).run(1_000);
    expect([count(fleet, ['Ready'], 'v1'), arms(fleet).length, fleet.engine.unanswered]).toEqual([6, 1, 0]);
  });

  it('more may be missing than there are: one stays', () => {
    const fleet = new Fleet(desired('a1', [rolling('v1', 4, 1, 100)])).until((f) => f.isProven('cart', 'v1'));
    fleet.engine.unanswered = 0;
    fleet.push(desired('a2', [rolling('v2', 4, 1, 100)])).until((f) => f.isProven('cart', 'v2'));
    expect(fleet.engine.unanswered).toBe(0);
  });
});

describe('what a match calls', { timeout: 60_000 }, () => {
  const calling = (content: string, called: string | undefined) => {
    const plain = cart(content, [TENTH]);
    const rules = plain.rules.map((rule) =>
      called === undefined ? rule : { ...rule, export: { interface: 'a:b/c@1.0.0', function: called } },
    );
    return { ...plain, rules };
  };

  it.each([
    ['quote', 'price'],
    [undefined, 'quote'],
    ['quote', undefined],
  ])('is of each release its own while both answer: %s and %s', (before, after) => {
    const fleet = new Fleet(desired('a1', [calling('v1', before)])).until((f) => f.isProven('cart', 'v1'));
    fleet
      .push(desired('a2', [calling('v2', after)]))
      .until(atStep(1))
      .run(200);
    expect(arms(fleet).map((arm) => arm.export?.function)).toEqual([before, after]);
    fleet.until((f) => f.isProven('cart', 'v2'));
    expect(arms(fleet).map((arm) => arm.export?.function)).toEqual([after]);
    const names = after === undefined ? undefined : [`a:b/c@1.0.0#${after}`];
    expect(fleet.status('cart').calls).toEqual(names);
  });
});
