/** Singletons over time, with the engine's model: one instance and never two, and nothing refused for it. */
import { describe, expect, it } from 'vitest';
import { desired, entry, MINUTE_MS, type Wanted } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

const QUEUE = 64;

function cart(content: string, { more, ...wanted }: Wanted = {}) {
  return entry('cart', {
    content,
    member: { instancePolicy: 'Singleton' },
    settings: { strategy: { type: 'Immediate' } },
    ...wanted,
    more: { scaling: { minReplicas: 1, maxReplicas: 1 }, drainDeadlineMs: 1_000, ...more },
  });
}

function pooled(content: string) {
  return entry('cart', { content, more: { scaling: { minReplicas: 2, maxReplicas: 2 } } });
}

/** A fleet that is looked at after each tick: two instances at once end the test. */
class Watched extends Fleet {
  most = 0;
  override tick() {
    const decision = super.tick();
    const alive = [...this.engine.replicas.values()].filter(({ phase }) => phase !== 'Ended');
    this.most = Math.max(this.most, alive.length);
    if (alive.length > 1 && alive.some(({ cell }) => cell.members[0].instancePolicy === 'Singleton')) {
      throw new Error(`beside a singleton: ${alive.map(({ id, phase }) => `${id} ${phase}`).join(', ')}`);
    }
    return decision;
  }
}

function proven(first: ReturnType<typeof cart> = cart('v1')): Watched {
  const fleet = new Watched(desired('a1', [first])).until((f) => f.isProven('cart', 'v1'));
  Object.assign(fleet.engine, { unanswered: 0, rate: 50 });
  return fleet;
}

function nothingRefused({ engine }: Fleet): void {
  expect({ unanswered: engine.unanswered, overflown: engine.overflown }).toEqual({ unanswered: 0, overflown: 0 });
}

describe('a singleton', { timeout: 60_000 }, () => {
  it('is handed over: the old drains and ends, then the new starts; what comes meanwhile waits', () => {
    const fleet = proven().behave('v1', { drainsForMs: 300 });
    const states = new Set<string>();
    fleet.push(desired('a2', [cart('v2')])).until((f) => {
      const { candidate } = f.of('cart');
      if (candidate) states.add(candidate.state);
      return f.isProven('cart', 'v2');
    });
    expect([...states]).toEqual(['Fetching', 'Handover', 'Warming']);
    expect(fleet.most).toBe(1);
    expect(fleet.engine.held).toBeGreaterThan(0);
    nothingRefused(fleet);
    expect(fleet.rows.get('shop/cart')).toEqual([7, 3, 13, 12, 3]);
    expect(fleet.engine.snapshot!.rules[0]!.mailbox).toBe(QUEUE);
  });

  it.each([
    ['never gets ready', { readyAfterMs: 'never' as const }],
    ['crashes as it starts', { crashesAfterMs: 100 }],
  ])('one that %s has one try: the old one starts again, and the attempt is quarantined', (_, behaviour) => {
    const fleet = proven().behave('v2', behaviour);
    const slow = cart('v2', {
      more: { probes: { readiness: { ...cart('v2').probes.readiness!, deadlineMs: 1_000 } } },
    });
    fleet.push(desired('a2', [slow])).until((f) => f.of('cart').ends.length > 0);
    expect(fleet.of('cart').ends[0]).toMatchObject({ kind: 'Failed' });
    expect(fleet.of('cart').ends[0]!.why).toMatch(/its mailbox waits|not ready before its deadline/);
    fleet.run(2_000);
    expect([fleet.serves('cart', 'v1'), fleet.engine.isReady(fleet.engine.snapshot!.rules[0]!.arms[0]!.group)]).toEqual(
      [true, true],
    );
    const starts = fleet.said('Quarantined').length;
    expect([fleet.most, starts]).toEqual([1, 1]);
    expect(fleet.engine.unanswered).toBe(0);
  });

  it('that fails in its bake goes back the same way: it ends before the old one starts', () => {
    const fleet = proven().push(desired('a2', [cart('v2')]));
    fleet
      .until((f) => f.serves('cart', 'v2'))
      .behave('v2', { failures: 1, drainsForMs: 300 })
      .until((f) => f.serves('cart', 'v1') && f.engine.isReady(f.engine.snapshot!.rules[0]!.arms[0]!.group));
    fleet.run(MINUTE_MS);
    expect(fleet.of('cart').ends[0]).toMatchObject({ kind: 'Failed' });
    expect(fleet.most).toBe(1);
    nothingRefused(fleet);
  });

  it('in no rest: what does not end by its deadline waits, and the mailbox is handed back', () => {
    const fleet = proven().behave('v1', { drainsForMs: 90_000 });
    fleet.push(desired('a2', [cart('v2')])).until((f) => f.of('cart').ends.length > 0);
    expect(fleet.of('cart').ends[0]).toMatchObject({ kind: 'Waiting' });
    expect(fleet.most).toBe(1);
  });

  it.each([
    ['suspend', (content: string) => [cart(content, { more: { suspend: true } })], 'Suspended'],
    ['a revert', () => [cart('v1')], 'Reverted'],
    ['another commit', () => [cart('v3')], 'Progressing'],
  ] as const)('%s in the pause hands the mailbox back or goes on, and never leaves it waiting', (_, next, reason) => {
    const fleet = proven().behave('v2', { readyAfterMs: 5_000 });
    fleet.push(desired('a2', [cart('v2')])).until((f) => f.of('cart').candidate?.state === 'Warming');
    fleet.push(desired('a3', next('v2'))).until((f) => f.engine.isReady(f.engine.snapshot!.rules[0]!.arms[0]!.group));
    expect(fleet.said(reason).length).toBeGreaterThan(0);
    expect(fleet.engine.unanswered).toBe(0);
    expect(fleet.most).toBe(1);
  });

  it('a restart token replaces it without a second one beside it', () => {
    const fleet = proven();
    const before = [...fleet.engine.replicas.keys()];
    fleet
      .push(desired('a2', [cart('v1', { more: { restartToken: '1' } })]))
      .until((f) => [...f.engine.replicas.values()].some(({ id, phase }) => phase === 'Ready' && !before.includes(id)));
    expect(fleet.most).toBe(1);
    nothingRefused(fleet);
  });

  it.each(['Handover', 'Warming'])('control dies in %s, the engine in it too: both come to the same end', (state) => {
    for (const die of [(f: Fleet) => void f.restartControl(500), (f: Fleet) => f.engine.restart()]) {
      const fleet = proven().behave('v1', { drainsForMs: 300 });
      fleet.push(desired('a2', [cart('v2')])).until((f) => f.of('cart').candidate?.state === state);
      die(fleet);
      fleet.until((f) => f.isProven('cart', 'v2'));
      expect(fleet.most).toBe(1);
    }
  });

  it('becomes one and is one no more by the same pause', () => {
    const fleet = new Watched(desired('a1', [pooled('v1')])).until((f) => f.isProven('cart', 'v1'));
    Object.assign(fleet.engine, { unanswered: 0, rate: 50 });
    fleet.push(desired('a2', [cart('v2')])).until((f) => f.isProven('cart', 'v2'));
    fleet.push(desired('a3', [pooled('v3')])).until((f) => f.isProven('cart', 'v3'));
    expect(fleet.engine.snapshot!.rules[0]!.mailbox).toBeUndefined();
    nothingRefused(fleet);
    expect(fleet.rows.get('shop/cart')).not.toContain(11);
  });

  it('in a lock-step pauses last, when the others have passed their steps', () => {
    const group = { group: 'storefront' };
    const both = (content: string) => [
      cart(content, { rollout: group }),
      entry('shelf', { content: `${content}s`, rollout: group }),
    ];
    const fleet = new Fleet(desired('a1', both('v1'))).until(
      (f) => f.isProven('cart', 'v1') && f.isProven('shelf', 'v1s'),
    );
    fleet.engine.unanswered = 0;
    let steps = 0;
    fleet.push(desired('a2', both('v2'))).until((f) => {
      const [one, other] = [f.of('cart').candidate, f.of('shelf').candidate];
      if (other?.state === 'Canary') steps = Math.max(steps, other.step);
      if (one?.state === 'Handover' && steps < 2) throw new Error('it pauses while another is at its steps');
      return f.isProven('cart', 'v2') && f.isProven('shelf', 'v2s');
    });
    expect(steps).toBe(2);
    expect(fleet.engine.unanswered).toBe(0);
  });
});
