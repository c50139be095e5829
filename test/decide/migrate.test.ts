/** Releases whose data has another form, over time, with a model of stores that notices any write to the wrong file. */
import { describe, expect, it } from 'vitest';
import { MAX_ASIDE } from '../../src/decide/data.ts';
import { problem } from '../../src/model/problem.ts';
import type { Strategy } from '../../src/model/rollout.ts';
import { desired, entry, MINUTE_MS, STEPS, type Wanted } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

const GRANT = {
  name: 'carts',
  capability: 'keyValue',
  settings: { store: 'carts', access: 'ReadWrite' },
  enforcement: 'Enforce',
} as const;

/** Few samples are enough: what is shown here is what becomes of the data. */
const QUICK = {
  errors: { tolerable: 0.05, intolerable: 0.3 },
  minSamples: 20,
  warmUp: { requests: 5, durationMs: 500 },
};
const BAKE = { durationMs: 1_000, deadlineMs: 10 * MINUTE_MS };

function cart(content: string, version: string | undefined, { more, settings, ...wanted }: Wanted = {}) {
  const state = version === undefined ? {} : { state: { version, migrateTimeoutMs: 2_000 } };
  return entry('cart', {
    content,
    member: { capabilities: [GRANT], ...state },
    settings: { strategy: { type: 'Immediate' }, bake: BAKE, ...settings },
    gate: QUICK,
    ...wanted,
    more: { scaling: { minReplicas: 2, maxReplicas: 2 }, drainDeadlineMs: 1_000, ...more },
  });
}

function proven(version: string = '1', wanted: Wanted = {}): Fleet {
  const first = cart('v1', version === 'none' ? undefined : version, wanted);
  const fleet = new Fleet(desired('a1', [first])).until((f) => f.isProven('cart', 'v1'));
  Object.assign(fleet.engine, { unanswered: 0, rate: 20 });
  return fleet;
}

function push(fleet: Fleet, commit: string, content: string, version: string | undefined, wanted: Wanted = {}): Fleet {
  return fleet.push(desired(commit, [cart(content, version, wanted)]));
}

const isReady = (f: Fleet) => f.engine.isReady(f.engine.snapshot!.rules[0]!.arms[0]!.group);
const versions = (f: Fleet) => [...f.engine.stores.files.values()].map(({ version }) => version);

describe('a release of another version', () => {
  it('gets a copy that is taken when nothing runs, migrates it once, and starts; what comes meanwhile waits', () => {
    const fleet = proven().behave('v1', { drainsForMs: 300 });
    const states = new Set<string>();
    const migrating: (string | undefined)[] = [];
    push(fleet, 'a2', 'v2', '2').until((f) => {
      states.add(f.of('cart').candidate?.state ?? '-');
      for (const action of f.last!.actions) {
        if (action.type === 'Start' && action.cell.migrate) migrating.push(action.cell.migrate.from);
      }
      return f.isProven('cart', 'v2');
    });
    expect([...states]).toEqual(['Fetching', 'Handover', 'Copying', 'Warming', 'Ready', '-']);
    expect(migrating).toEqual(['1']);
    expect({ unanswered: fleet.engine.unanswered, overflown: fleet.engine.overflown }).toEqual({
      unanswered: 0,
      overflown: 0,
    });
    expect(fleet.engine.held).toBeGreaterThan(0);
    expect(fleet.status('cart').state).toMatchObject({ version: '2', stores: ['carts'], aside: [{ version: '1' }] });
    expect(fleet.engine.snapshot!.rules[0]!.mailbox).toBeUndefined();
    expect(fleet.said('Baking').at(-1)!.message).toContain('is kept until the bake ends');
  });

  it('the first with a version is told none; one of the same version shares the store, with all its steps', () => {
    const fleet = proven('none');
    const told: unknown[] = [];
    push(fleet, 'a2', 'v2', '1').until((f) => {
      told.push(...f.last!.actions.flatMap((one) => (one.type === 'Start' ? (one.cell.migrate ?? []) : [])));
      return f.isProven('cart', 'v2');
    });
    expect(told).toEqual([{ timeoutMs: 2_000 }]);
    const canary: Strategy = { type: 'Canary', steps: STEPS };
    let steps = 0;
    push(fleet, 'a3', 'v3', '1', { settings: { strategy: canary } }).until((f) => {
      steps = Math.max(steps, f.of('cart').candidate?.step ?? 0);
      return f.isProven('cart', 'v3');
    });
    expect(steps).toBe(STEPS.length);
    const shelves = { ...GRANT, name: 'shelves', settings: { ...GRANT.settings, store: 'shelves' } };
    const state = { version: '1', migrateTimeoutMs: 2_000 };
    push(fleet, 'a4', 'v4', '1', { member: { capabilities: [GRANT, shelves], state } }).until((f) =>
      f.isProven('cart', 'v4'),
    );
    expect(fleet.status('cart').state!.stores).toEqual(['carts', 'shelves']);
    expect(fleet.of('cart').editions).toHaveLength(2);
  });

  it('a first deployment migrates too: what lies under the name may be of somebody before', () => {
    const fleet = new Fleet(desired('a1', [cart('v1', '1')]));
    const told: unknown[] = [];
    fleet.until((f) => {
      told.push(...f.last!.actions.flatMap((one) => (one.type === 'Start' ? (one.cell.migrate ?? []) : [])));
      return f.isProven('cart', 'v1');
    });
    expect(told).toEqual([{ timeoutMs: 2_000 }]);
  });

  it.each([
    ['by its bake', (f: Fleet) => f.behave('v2', { failures: 1 })],
    ['by a commit', (f: Fleet) => push(f, 'a3', 'v1', '1')],
  ])('is gone back from %s: the old release has its own store, and what was written since is set aside', (_, how) => {
    const fleet = proven();
    push(fleet, 'a2', 'v2', '2').until((f) => f.serves('cart', 'v2'));
    const { edition } = fleet.status('cart').state!.kept!;
    fleet.run(1_000);
    how(fleet);
    fleet.until((f) => f.serves('cart', 'v1') && isReady(f)).run(45_000);
    const { state } = fleet.status('cart');
    expect(state).toMatchObject({ edition, version: '1', aside: [{ version: '2' }] });
    expect(fleet.events.map(({ message }) => message).join('\n')).toContain('set aside');
    expect(fleet.engine.unanswered).toBe(0);
    expect(versions(fleet)).toContain('2');
  });

  it.each([
    ['fails in its migration', { readyAfterMs: 'never' as const }],
    ['crashes in it', { crashesAfterMs: 100 }],
  ])('that %s has one try; the old one starts again on its own store, and the copy is removed', (_, behaviour) => {
    const fleet = proven().behave('v2', behaviour);
    const probes = { readiness: { ...cart('v2', '2').probes.readiness!, deadlineMs: 1_000 } };
    push(fleet, 'a2', 'v2', '2', { more: { probes } }).until((f) => f.of('cart').ends.length > 0);
    expect(fleet.of('cart').ends[0]).toMatchObject({ kind: 'Failed' });
    fleet.until((f) => isReady(f)).run(5_000);
    expect(fleet.of('cart').editions!.map(({ version }) => version)).toEqual(['1']);
    expect(versions(fleet)).not.toContain('2');
    expect([fleet.serves('cart', 'v1'), fleet.engine.unanswered]).toEqual([true, 0]);
  });

  it('whose copy does not fit on the disk waits, and the old one serves on; then it is tried again', () => {
    const fleet = proven();
    fleet.storesFail = problem('HW4621', 'a copy takes more than there is');
    push(fleet, 'a2', 'v2', '2').until((f) => f.of('cart').ends.length > 0);
    expect(fleet.of('cart').ends[0]).toMatchObject({ kind: 'Waiting' });
    expect(fleet.of('cart').ends[0]!.why).toContain('a copy takes more than there is');
    fleet.until((f) => isReady(f));
    fleet.storesFail = undefined;
    fleet.until((f) => f.isProven('cart', 'v2'), 10 * MINUTE_MS);
    expect(fleet.engine.unanswered).toBe(0);
  });

  it.each(['Handover', 'Copying', 'Warming', 'Ready'])(
    'control dies in %s, the engine in it too: both come to the same end, and no copy is gone on with',
    (state) => {
      for (const die of [(f: Fleet) => void f.restartControl(500), (f: Fleet) => f.engine.restart()]) {
        const fleet = proven().behave('v1', { drainsForMs: 300 }).behave('v2', { readyAfterMs: 400 });
        push(fleet, 'a2', 'v2', '2').until((f) => f.of('cart').candidate?.state === state);
        die(fleet);
        fleet.until((f) => f.isProven('cart', 'v2')).run(15_000);
        expect(fleet.of('cart').editions!.filter(({ version }) => version === '2')).toHaveLength(1);
      }
    },
  );

  it.each([
    ['suspend', () => [cart('v2', '2', { more: { suspend: true } })], 'Suspended'],
    ['a revert', () => [cart('v1', '1')], 'Reverted'],
    ['another version', () => [cart('v3', '3')], 'Progressing'],
  ] as const)('%s in the pause gives the requests back, or goes on: nobody waits for ever', (_, next, reason) => {
    const fleet = proven().behave('v2', { readyAfterMs: 5_000 });
    push(fleet, 'a2', 'v2', '2').until((f) => f.of('cart').candidate?.state === 'Warming');
    fleet.push(desired('a3', next())).until((f) => isReady(f));
    expect(fleet.said(reason).length).toBeGreaterThan(0);
    expect(fleet.engine.unanswered).toBe(0);
    fleet.run(15_000);
    expect(versions(fleet).filter((version) => version === '2')).toEqual([]);
  });

  it('asks for the approvals of its steps before it begins', () => {
    const steps = STEPS.map((step) => ({ ...step, approval: { name: 'boss', deadlineMs: MINUTE_MS } }));
    const settings = { strategy: { type: 'Canary', steps } } as const;
    const fleet = proven();
    push(fleet, 'a2', 'v2', '2', { settings }).until((f) => f.reason('cart') === 'AwaitingApproval');
    expect(isReady(fleet)).toBe(true);
    const { revision } = fleet.of('cart').candidate!.release;
    const late = fleet.restartControl();
    const approvals = [{ name: 'boss', revision: revision.slice(0, 12) }];
    push(late, 'a3', 'v2', '2', { settings, rollout: { approvals } }).until((f) => f.isProven('cart', 'v2'));

    const forgotten = proven();
    push(forgotten, 'a2', 'v2', '2', { settings }).until((f) => f.of('cart').ends.length > 0, 2 * MINUTE_MS);
    expect(forgotten.of('cart').ends[0]).toMatchObject({ kind: 'Inconclusive' });
  });

  it('that says no version is refused where the data has one', () => {
    const fleet = push(proven(), 'a2', 'v2', undefined).until((f) => f.of('cart').ends.length > 0);
    expect(fleet.of('cart').ends[0]).toMatchObject({ kind: 'Refused' });
    expect(fleet.of('cart').ends[0]!.why).toContain('HW4624');
    expect(isReady(fleet)).toBe(true);
  });

  it('waits for others that may use its stores', () => {
    const shelf = (grants: readonly (typeof GRANT)[]) =>
      entry('shelf', { member: { capabilities: grants }, settings: { strategy: { type: 'Immediate' } } });
    const fleet = new Fleet(desired('a1', [cart('v1', undefined), shelf([GRANT])])).until(
      (f) => f.isProven('cart', 'v1') && f.of('shelf').serving?.proven === true,
    );
    fleet.push(desired('a2', [cart('v2', '1'), shelf([GRANT])])).run(20_000);
    expect([fleet.of('cart').candidate?.state, isReady(fleet)]).toEqual(['Prepared', true]);
    fleet.push(desired('a3', [cart('v2', '1'), shelf([])])).until((f) => f.isProven('cart', 'v2'), 5 * MINUTE_MS);
  });

  it('is followed by few old editions: older ones are removed, and a deleted entry still knows its data', () => {
    const fleet = proven();
    for (let version = 2; version < 4 + MAX_ASIDE; version++) {
      push(fleet, `b${version}`, `v${version}`, String(version)).until((f) => f.isProven('cart', `v${version}`));
    }
    fleet.run(30_000);
    expect(fleet.status('cart').state!.aside).toHaveLength(MAX_ASIDE);
    expect(fleet.engine.stores.files.size).toBe(1 + MAX_ASIDE);
    const { edition } = fleet.status('cart').state!;
    fleet.push(desired('c1', [], { environment: { prune: { enabled: true, maxDeletePercent: 100, confirm: '' } } }));
    fleet.run(60_000);
    push(fleet, 'c2', 'v9', '6').until((f) => f.serves('cart', 'v9'));
    expect(fleet.status('cart').state).toMatchObject({ edition, version: '6' });
  });
});
