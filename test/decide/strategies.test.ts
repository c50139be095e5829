/** BlueGreen and Rolling over time, with the engine's model: who has traffic, who has replicas, and when they change. */
import { describe, expect, it } from 'vitest';
import { RETREAT_DEADLINE_MS } from '../../src/decide/retreat.ts';
import { revisionOf } from '../../src/decide/identity.ts';
import type { Strategy } from '../../src/model/rollout.ts';
import { desired, entry, MINUTE_MS, type Wanted } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

const BLUE_GREEN: Strategy = { type: 'BlueGreen', previewDurationMs: 2_000, deadlineMs: 5 * MINUTE_MS };
const ROLLING: Strategy = { type: 'Rolling', maxSurge: 1, minDurationMs: 500, deadlineMs: 5 * MINUTE_MS };

function cart(strategy: Strategy, minReplicas: number, content: string, wanted: Wanted = {}) {
  const scaling = { minReplicas, maxReplicas: minReplicas };
  return entry('cart', { content, ...wanted, settings: { strategy }, more: { scaling, ...wanted.more } });
}
const blueGreen = (content: string, wanted?: Wanted) => cart(BLUE_GREEN, 2, content, wanted);
const rolling = (content: string, wanted?: Wanted) => cart(ROLLING, 3, content, wanted);

function proven(first: ReturnType<typeof cart>): Fleet {
  const fleet = new Fleet(desired('a1', [first])).until((f) => f.isProven('cart', 'v1'));
  fleet.engine.unanswered = 0;
  return fleet;
}

/** Ready replicas by revision: of what serves, and of the other. */
function ready(fleet: Fleet, content: ReturnType<typeof cart>): number {
  const group = `shop/cart@${revisionOf(content)}`;
  return [...fleet.engine.replicas.values()].filter(({ cell, phase }) => cell.group === group && phase === 'Ready')
    .length;
}

const weights = (fleet: Fleet) => fleet.engine.snapshot!.rules[0]!.arms.map(({ weight }) => weight);
const atWeight = (weight: number) => (fleet: Fleet) => weights(fleet)[1] === weight;

describe('BlueGreen', { timeout: 60_000 }, () => {
  it('stands beside what serves without traffic, passes on synthetic samples, and takes everything in one switch', () => {
    const fleet = proven(blueGreen('v1'));
    const seen = new Set<string>();
    fleet.push(desired('a2', [blueGreen('v2')])).until((f) => {
      seen.add(weights(f).join(' '));
      return f.isProven('cart', 'v2');
    });
    expect([...seen]).toEqual(['100']);
    expect(fleet.engine.unanswered).toBe(0);
    const [evidence] = fleet.said('Baking').at(-1)!.evidence!;
    expect(evidence!.samples).toBe(evidence!.synthetic);
    expect(evidence!.samples).toBeGreaterThanOrEqual(100);
    expect(fleet.rows.get('shop/cart')).toEqual([7, 3, 13, 12, 3]);
  });

  it('is previewed by its own rules while it stands, and by nobody before and after', () => {
    const fleet = proven(blueGreen('v1'));
    expect(fleet.engine.snapshot!.previews).toBeUndefined();
    fleet
      .push(desired('a2', [blueGreen('v2', { paths: ['/cart', '/new'] })]))
      .until((f) => f.status('cart').candidate?.state === 'Preview');
    expect(ready(fleet, blueGreen('v2'))).toBe(2);
    const { release } = fleet.of('cart').candidate!.release;
    const [preview] = fleet.engine.snapshot!.previews!;
    expect(preview).toMatchObject({ release, label: `${release.slice(0, 12)}--cart` });
    expect(fleet.status('cart').candidate!.preview).toBe(preview!.label);
    expect(preview!.rules.map(({ match, arms }) => [match.path.value, arms[0]!.weight])).toEqual([
      ['/cart', 100],
      ['/new', 100],
    ]);
    // R1: what a preview may reach is not stopped while the snapshot names it.
    expect(fleet.memory.snapshot.groups).toHaveLength(2);
    fleet.until((f) => f.serves('cart', 'v2')).run(500);
    expect(fleet.engine.snapshot!.previews).toBeUndefined();
  });

  it.each<readonly [string, object]>([
    ['fails every request', { failures: 1 }],
    ['fails one in five', { failures: 0.2 }],
    ['crashes', { crashesAfterMs: 700 }],
    ['never gets ready', { readyAfterMs: 'never' }],
  ])('one that %s never gets a real request', (_, behaviour) => {
    const fleet = proven(blueGreen('v1')).behave('v2', behaviour);
    fleet.push(desired('a2', [blueGreen('v2')])).until((f) => f.of('cart').ends.length > 0);
    expect([fleet.reason('cart'), fleet.serves('cart', 'v1')]).toEqual(['Quarantined', true]);
    const group = `shop/cart@${revisionOf(blueGreen('v2'))}`;
    const samples = fleet.engine.observed().samples.find((one) => one.group === group);
    expect(samples?.traffic.requests ?? 0).toBe(0);
  });

  it('waits for its approval in git, and ends Inconclusive without one', () => {
    const approval = { name: 'boss', deadlineMs: MINUTE_MS };
    const asked = (wanted: Wanted = {}) => cart({ ...BLUE_GREEN, approval }, 1, 'v2', wanted);
    const begin = () =>
      proven(cart(BLUE_GREEN, 1, 'v1'))
        .push(desired('a2', [asked()]))
        .until((f) => f.reason('cart') === 'AwaitingApproval');
    const approvals = [{ name: 'boss', revision: revisionOf(asked()).slice(0, 12) }];
    const fleet = begin().push(desired('a3', [asked({ rollout: { approvals } })]));
    fleet.until((f) => f.isProven('cart', 'v2'));
    expect(
      begin()
        .until((f) => f.of('cart').ends.length > 0)
        .of('cart').ends[0]!.kind,
    ).toBe('Inconclusive');
  });

  it('without anything that could bring samples it ends Inconclusive at its deadline', () => {
    const hold = (content: string) => blueGreen(content, { gate: { insufficientData: 'Hold' } });
    const fleet = new Fleet(desired('a1', [hold('v1')])).until((f) => f.isProven('cart', 'v1'));
    fleet.push(desired('a2', [hold('v2')])).until((f) => f.of('cart').ends.length > 0, 6 * MINUTE_MS);
    expect([fleet.of('cart').ends[0]!.kind, fleet.serves('cart', 'v1')]).toEqual(['Inconclusive', true]);
  });

  it('that fails in its bake goes back first, and is judged after', () => {
    const fleet = proven(blueGreen('v1')).push(desired('a2', [blueGreen('v2')]));
    fleet
      .until((f) => f.serves('cart', 'v2'))
      .run(1_000)
      .behave('v2', { failures: 1 })
      .until((f) => f.serves('cart', 'v1'));
    expect(ready(fleet, blueGreen('v1'))).toBe(2);
    expect(weights(fleet)).toEqual([100]);
    expect(fleet.of('cart').ends).toEqual([]);
    fleet.until((f) => f.of('cart').ends.length > 0);
    expect(fleet.of('cart').ends[0]!.kind).toBe('Failed');
  });

  it('a newer one preempts it, and control that dies meanwhile changes nothing', () => {
    const fleet = proven(blueGreen('v1'))
      .push(desired('a2', [blueGreen('v2')]))
      .until((f) => f.of('cart').candidate?.state === 'Canary');
    fleet
      .restartControl(500)
      .run(500)
      .push(desired('a3', [blueGreen('v3')]))
      .restartControl();
    fleet.until((f) => f.isProven('cart', 'v3'));
    expect(fleet.of('cart').ends).toEqual([]);
  });
});

describe('Rolling', { timeout: 60_000 }, () => {
  it('replaces one replica after the other: weight follows the replicas, never one too few, never more than one too many', () => {
    const fleet = proven(rolling('v1'));
    const seen = new Set<string>();
    fleet.push(desired('a2', [rolling('v2')])).until((f) => {
      const [old, young] = [ready(f, rolling('v1')), ready(f, rolling('v2'))];
      expect(old + young).toBeGreaterThanOrEqual(3);
      expect(
        [...f.engine.replicas.values()].filter(({ phase }) => phase !== 'Ended' && phase !== 'Draining').length,
      ).toBeLessThanOrEqual(4);
      const share = weights(f)[1] ?? (f.serves('cart', 'v2') ? 100 : 0);
      expect(young).toBeGreaterThanOrEqual(Math.round((share * 3) / 100));
      if (f.of('cart').candidate?.state === 'Canary' || share === 100) seen.add(`${share} %: ${young} new`);
      return f.isProven('cart', 'v2');
    });
    expect(seen).toEqual(new Set(['33 %: 1 new', '33 %: 2 new', '67 %: 2 new', '67 %: 3 new', '100 %: 3 new']));
    expect(fleet.engine.unanswered).toBe(0);
    fleet.run(2_000);
    expect([ready(fleet, rolling('v1')), ready(fleet, rolling('v2'))]).toEqual([0, 3]);
  });

  it('what serves gives replicas away step by step, and keeps one through the bake', () => {
    const fleet = proven(rolling('v1')).push(desired('a2', [rolling('v2')]));
    const left: number[] = [];
    for (const weight of [33, 67]) {
      fleet.until(atWeight(weight)).run(400);
      left.push(ready(fleet, rolling('v1')));
    }
    fleet.until((f) => f.serves('cart', 'v2')).run(400);
    expect([...left, ready(fleet, rolling('v1'))]).toEqual([2, 1, 1]);
  });

  it('two at a time where two may be there in addition', () => {
    const pairs = (content: string) => cart({ ...ROLLING, maxSurge: 2 }, 5, content);
    const seen = new Set<number>();
    const fleet = proven(pairs('v1')).push(desired('a2', [pairs('v2')]));
    fleet.until((f) => {
      expect(
        [...f.engine.replicas.values()].filter(({ phase }) => phase !== 'Ended' && phase !== 'Draining').length,
      ).toBeLessThanOrEqual(7);
      expect(ready(f, pairs('v1')) + ready(f, pairs('v2'))).toBeGreaterThanOrEqual(5);
      seen.add(weights(f)[1] ?? 0);
      return f.isProven('cart', 'v2');
    });
    expect([...seen]).toEqual([0, 40, 80]);
  });

  it('one that fails every request is out of the routes in the decision that sees it, and the old replicas come back', () => {
    const fleet = proven(rolling('v1'))
      .push(desired('a2', [rolling('v2')]))
      .until(atWeight(67))
      .run(500);
    fleet.behave('v2', { failures: 1 }).until((f) => f.of('cart').ends.length > 0);
    expect(weights(fleet)).toEqual([100]);
    expect(fleet.last!.actions.filter(({ type }) => type === 'Start')).toHaveLength(2);
    fleet.run(2_000);
    expect([ready(fleet, rolling('v1')), ready(fleet, rolling('v2'))]).toEqual([3, 0]);
    expect(fleet.reason('cart')).toBe('Quarantined');
  });

  it.each<readonly [string, (fleet: Fleet) => Fleet]>([
    ['it fails by its samples', (fleet) => fleet.behave('v2', { failures: 0.2 })],
    ['git goes back', (fleet) => fleet.push(desired('a3', [rolling('v1')]))],
    ['a newer one preempts it', (fleet) => fleet.push(desired('a3', [rolling('v3')]))],
  ])('%s: weight goes back as the old replicas come back, never sooner', (_, happen) => {
    const fleet = proven(rolling('v1'))
      .push(desired('a2', [rolling('v2')]))
      .until(atWeight(67))
      .run(500);
    const { release } = fleet.of('cart').candidate!.release;
    happen(fleet).until((f) => f.of('cart').leaving !== undefined);
    const shares: number[] = [];
    for (let ticks = 0; ticks < 100 && fleet.of('cart').leaving; ticks++) {
      const share = fleet.of('cart').leaving!.weight;
      expect(fleet.engine.snapshot!.rules[0]!.arms).toEqual([
        expect.objectContaining({ weight: 100 - share }),
        expect.objectContaining({ release, weight: share }),
      ]);
      expect(100 - share).toBeLessThanOrEqual(Math.floor((100 * ready(fleet, rolling('v1'))) / 3));
      if (shares.at(-1) !== share) shares.push(share);
      fleet.tick();
    }
    expect(shares).toEqual([67]);
    expect(ready(fleet, rolling('v1'))).toBe(3);
    expect(weights(fleet)).toEqual([100]);
    expect(fleet.engine.unanswered).toBe(0);
  });

  it('a share on its way back has a deadline', () => {
    const fleet = proven(rolling('v1'))
      .push(desired('a2', [rolling('v2')]))
      .until(atWeight(67))
      .run(500);
    fleet
      .behave('v1', { readyAfterMs: 'never' })
      .behave('v2', { failures: 0.2 })
      .until((f) => f.of('cart').leaving !== undefined);
    const { sinceMs } = fleet.of('cart').leaving!;
    fleet.behave('v2', {});
    while (fleet.memory.clockMs - sinceMs < RETREAT_DEADLINE_MS - 100) fleet.tick();
    expect(weights(fleet)).toEqual([33, 67]);
    fleet.tick();
    expect(weights(fleet)).toEqual([100]);
  });

  it('that fails in its bake: the one old replica takes its share at once, the others when they are there', () => {
    const fleet = proven(rolling('v1')).push(desired('a2', [rolling('v2')]));
    fleet
      .until((f) => f.serves('cart', 'v2'))
      .run(500)
      .behave('v2', { failures: 0.2 })
      .until((f) => f.serves('cart', 'v1'));
    expect(weights(fleet)).toEqual([33, 67]);
    fleet.until((f) => f.of('cart').leaving === undefined);
    expect([ready(fleet, rolling('v1')), ...weights(fleet)]).toEqual([3, 100]);
    fleet.until((f) => f.of('cart').ends.length > 0);
    expect(fleet.of('cart').ends[0]!.kind).toBe('Failed');
  });

  it('a next replica that never gets ready fails it where it stands', () => {
    const fleet = proven(rolling('v1'))
      .push(desired('a2', [rolling('v2')]))
      .until(atWeight(33));
    fleet.behave('v2', { readyAfterMs: 'never' }).until((f) => f.of('cart').ends.length > 0);
    expect(fleet.of('cart').ends[0]!).toMatchObject({ kind: 'Failed', evidence: [{ metric: 'readiness probe' }] });
    fleet.run(2_000);
    expect(ready(fleet, rolling('v1'))).toBe(3);
  });

  it('goes on where it was after control died, and from its step after the engine did', () => {
    const fleet = proven(rolling('v1'))
      .push(desired('a2', [rolling('v2')]))
      .until(atWeight(67))
      .run(300);
    fleet.restartControl(2_000).run(300);
    expect(weights(fleet)).toEqual([33, 67]);
    fleet.engine.restart();
    fleet.tick();
    expect(weights(fleet)).toEqual([100]);
    fleet.until((f) => {
      expect(weights(f)[1]).not.toBe(33);
      return f.isProven('cart', 'v2');
    });
  });

  it('another number of replicas makes other steps and raises nothing by itself', () => {
    const fleet = proven(rolling('v1'))
      .push(desired('a2', [rolling('v2')]))
      .until(atWeight(67))
      .run(300);
    fleet.push(desired('a3', [cart(ROLLING, 4, 'v2')])).tick();
    expect([weights(fleet)[1], fleet.of('cart').candidate!.step]).toEqual([50, 2]);
    fleet.until((f) => f.isProven('cart', 'v2'));
    expect(ready(fleet, rolling('v2'))).toBe(4);
  });

  it('an emergency does not wait for its steps', () => {
    const fleet = proven(rolling('v1'));
    const emergency = { revision: revisionOf(rolling('v2')).slice(0, 12), reason: 'now' };
    const seen = new Set<number>();
    fleet.push(desired('a2', [rolling('v2', { rollout: { emergency } })])).until((f) => {
      seen.add(weights(f)[1] ?? 0);
      return f.serves('cart', 'v2');
    });
    expect([[...seen], ready(fleet, rolling('v2'))]).toEqual([[0], 3]);
  });
});
