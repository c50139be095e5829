/** What another version of the tools means for cells that ran well: bundles that are pinned, renewed, and gone back to. */
import { describe, expect, it } from 'vitest';
import { RENEW_AGAIN_MS } from '../../src/decide/pins.ts';
import { problem } from '../../src/model/problem.ts';
import { TOOLCHAINS } from '../simulator/bundle-disk.ts';
import { artifactOf, desired, entry, type Wanted } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

const [OLD, NEW] = TOOLCHAINS;
const cart = (wanted: Wanted = {}) => entry('cart', { content: 'v1', ...wanted });
const PROVEN = () => new Fleet(desired('a1', [cart()])).until((f) => f.isProven('cart', 'v1'));

/** Of the replicas that run and that control has not stopped. */
function toolchains(fleet: Fleet): readonly string[] {
  const live = [...fleet.engine.replicas.values()].filter(({ phase }) => phase !== 'Ended' && phase !== 'Draining');
  return live.map(({ bundles }) => bundles!.toolchain);
}

function pinOf(fleet: Fleet) {
  const group = `shop/cart@${fleet.of('cart').serving!.release.revision}` as const;
  return fleet.of('cart').bundles?.[group];
}

function healthOf(fleet: Fleet) {
  return fleet.status('cart').conditions.find(({ type }) => type === 'Healthy')!;
}

/** Nothing answers for a moment in which no replica is ready: so many requests were lost in the model. */
function lost(fleet: Fleet, run: () => void): number {
  const before = fleet.engine.unanswered;
  run();
  return fleet.engine.unanswered - before;
}

describe('pins', () => {
  it('what is ready is pinned: with whom it serves, and with whom it was proven', () => {
    const fleet = PROVEN();
    const digests = [fleet.bundles.cached(artifactOf('v1'), OLD)!.digest];
    expect(pinOf(fleet)).toEqual({ digests, toolchain: OLD, tier: 'quiet', tierReason: `made by ${OLD}` });
    expect(fleet.status('cart')).toMatchObject({ tier: 'quiet', tierReason: `made by ${OLD}`, toolchain: OLD });
    expect(fleet.status('cart').replicas[0]).toMatchObject({ tier: 'quiet' });
    fleet.push(desired('a2', [cart({ content: 'v2' })])).until((f) => f.isProven('cart', 'v2'));
    expect(Object.values(fleet.of('cart').bundles!).flatMap((pin) => pin.digests)).toEqual([
      ...digests,
      fleet.bundles.cached(artifactOf('v2'), OLD)!.digest,
    ]);
  });

  it('are kept for the ledger and no longer', () => {
    const history = { history: { revisions: 2, maxAgeMs: 1e9 } };
    const fleet = PROVEN();
    for (const content of ['v2', 'v3', 'v4', 'v5']) {
      fleet
        .push(desired(`b${content}`, [cart({ content, settings: history })]))
        .until((f) => f.isProven('cart', content));
    }
    fleet.run(60_000);
    const { ledger, bundles } = fleet.of('cart');
    expect(Object.keys(bundles!).sort()).toEqual(ledger.map(({ release }) => `shop/cart@${release.revision}`).sort());
  });

  it('survive a restart of control', () => {
    const fleet = PROVEN();
    const pin = pinOf(fleet);
    expect(pinOf(fleet.restartControl().run(500))).toEqual(pin);
  });
});

describe('an upgrade that is well', () => {
  it.each(['same engine', 'new engine'] as const)('renews what serves, readiness first: %s', (engine) => {
    const fleet = PROVEN();
    const old = pinOf(fleet)!.digests;
    const starting = lost(fleet, () => fleet.upgrade(NEW, engine).run(1_000));
    const renewing = lost(fleet, () => fleet.until((f) => String(toolchains(f)) === NEW).run(30_000));
    expect(engine === 'same engine' ? starting : 0).toBe(0);
    expect(renewing).toBe(0);
    expect(pinOf(fleet)).toMatchObject({ toolchain: NEW, before: old });
    expect(pinOf(fleet)).not.toHaveProperty('regression');
    expect(healthOf(fleet)).toMatchObject({ status: 'True' });
    expect(fleet.said('ToolchainRegression')).toEqual([]);
    expect(toolchains(fleet)).toEqual([NEW]);
  });

  it('starts nothing anew where the toolchain is the same', () => {
    const fleet = PROVEN();
    const ids = [...fleet.engine.replicas.keys()];
    fleet.restartControl().run(30_000);
    expect([...fleet.engine.replicas.keys()]).toEqual(ids);
  });

  it('replaces several replicas one by one', () => {
    const replicas = { more: { scaling: { minReplicas: 3, maxReplicas: 4 } } };
    const fleet = new Fleet(desired('a1', [cart(replicas)])).until((f) => f.isProven('cart', 'v1'));
    fleet.upgrade(NEW, 'same engine');
    for (let tick = 0; tick < 200; tick += 1) {
      fleet.tick();
      const ready = [...fleet.engine.replicas.values()].filter(({ phase }) => phase === 'Ready').length;
      expect(ready).toBeGreaterThanOrEqual(3);
      expect(toolchains(fleet).length).toBeLessThanOrEqual(4);
    }
    expect(toolchains(fleet)).toEqual([NEW, NEW, NEW]);
  });

  it('prepares one entry at a time, and waits while something is tried', () => {
    const names = ['a', 'b', 'c'];
    const all = (content: string) => names.map((name) => entry(name, { content: `${name}-${content}` }));
    const fleet = new Fleet(desired('a1', all('1'))).until((f) => names.every((name) => f.of(name).serving?.proven));
    fleet.upgrade(NEW, 'same engine');
    const asked: string[] = [];
    for (let tick = 0; tick < 100; tick += 1) {
      const prepared = fleet.tick().actions.filter(({ type }) => type === 'Prepare');
      expect(prepared.length).toBeLessThanOrEqual(1);
      for (const action of prepared) if (action.type === 'Prepare') asked.push(action.group.split('@')[0]!);
    }
    expect(asked).toEqual(['shop/a', 'shop/b', 'shop/c']);
    fleet.upgrade(OLD, 'same engine').push(desired('a2', [all('2')[0]!, ...all('1').slice(1)]));
    fleet.until((f) => f.of('a').candidate?.state === 'Canary');
    expect(fleet.of('a').serving!.release.entry.members[0].artifact).toBe(artifactOf('a-1'));
    const served = [...fleet.engine.replicas.values()].filter(
      ({ cell }) => cell.members[0].artifact === artifactOf('a-1'),
    );
    expect(served.map(({ bundles }) => bundles?.toolchain)).toEqual([NEW]);
  });
});

describe('a cell that is not ready under the new toolchain', () => {
  const picky = () => PROVEN().behave('v1', { failsUnder: [NEW] });

  it('serves on with the bundles of the old one, which costs no request and is said in a condition', () => {
    const fleet = picky();
    const missed = lost(fleet, () =>
      fleet
        .upgrade(NEW, 'same engine')
        .until((f) => f.said('ToolchainRegression').length > 0)
        .run(60_000),
    );
    expect(missed).toBe(0);
    expect(toolchains(fleet)).toEqual([OLD]);
    expect(healthOf(fleet)).toMatchObject({
      status: 'False',
      reason: 'ToolchainRegression',
      message: expect.stringMatching(
        /^not ready under the present toolchain \(tools-2\): it does not load .* it runs with the bundles of tools-1; .*\(HW6020\)$/,
      ),
    });
    expect(fleet.status('cart').conditions.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'True' });
    expect(fleet.said('ToolchainRegression')).toHaveLength(1);
    // It is nobody's failure: no gate, no back-off, no quarantine knows of it.
    expect(fleet.of('cart')).toMatchObject({ failures: [], ends: [], rollbacks: [] });
    expect(fleet.row('cart')).toBe(3);
  });

  it('starts from the old one after a restart of everything, and says so still', () => {
    const fleet = picky().upgrade(NEW, 'same engine');
    fleet.until((f) => f.said('ToolchainRegression').length > 0);
    fleet
      .upgrade(NEW, 'new engine')
      .until((f) => toolchains(f).length > 0 && f.engine.isReady(f.snapshotGroup('cart')))
      .run(500);
    expect(toolchains(fleet)).toEqual([OLD]);
    expect(healthOf(fleet)).toMatchObject({ status: 'False', reason: 'ToolchainRegression' });
    expect(fleet.said('ToolchainRegression')).toHaveLength(1);
  });

  it('goes back to the old one where a start with the new one is what found it out', () => {
    const fleet = picky();
    // It was prepared, but never tried: control died in between.
    fleet.bundles.make(artifactOf('v1'), NEW);
    fleet
      .upgrade(NEW, 'new engine')
      .until((f) => f.engine.isReady(f.snapshotGroup('cart')), 3_000)
      .run(500);
    expect(toolchains(fleet)).toEqual([OLD]);
    expect(fleet.of('cart').failures).toEqual([]);
    expect(healthOf(fleet).reason).toBe('ToolchainRegression');
  });

  it('is tried again with the next toolchain, and healthy when that is well', () => {
    const fleet = picky().upgrade(NEW, 'same engine');
    fleet.until((f) => f.said('ToolchainRegression').length > 0);
    fleet
      .upgrade('tools-3', 'same engine')
      .until((f) => String(toolchains(f)) === 'tools-3')
      .run(1_000);
    expect(healthOf(fleet)).toMatchObject({ status: 'True', reason: 'InSync' });
    expect(pinOf(fleet)).toMatchObject({ toolchain: 'tools-3' });
  });

  it('is healthy again when the daemon goes back', () => {
    const fleet = picky().upgrade(NEW, 'same engine');
    fleet.until((f) => f.said('ToolchainRegression').length > 0);
    fleet.upgrade(OLD, 'new engine').run(2_000);
    expect(healthOf(fleet)).toMatchObject({ status: 'True' });
    expect(pinOf(fleet)?.regression).toBeUndefined();
  });

  it('fails like any other where the old bundles are gone as well: with back-off, not for ever at once', () => {
    const fleet = picky();
    fleet.bundles.make(artifactOf('v1'), NEW);
    fleet.bundles.forget(pinOf(fleet)!.digests[0]!);
    fleet.upgrade(NEW, 'new engine').run(10_000);
    expect(fleet.of('cart').failures.length).toBeGreaterThan(1);
    expect(fleet.of('cart').failures.length).toBeLessThan(8);
  });

  it('a release of the ledger comes back with the bundles that it was proven with', () => {
    const fleet = picky()
      .push(desired('a2', [cart({ content: 'v2' })]))
      .until((f) => f.isProven('cart', 'v2'));
    fleet.upgrade(NEW, 'new engine').run(5_000);
    fleet.bundles.make(artifactOf('v1'), NEW);
    fleet.push(desired('a3', [cart()])).until((f) => f.isProven('cart', 'v1'));
    expect(fleet.said('Quarantined')).toEqual([]);
    expect(toolchains(fleet)).toContain(OLD);
    expect(healthOf(fleet).reason).toBe('ToolchainRegression');
  });

  it('a new release that is not ready under it has no pin: that is its own failure', () => {
    const fleet = PROVEN()
      .behave('v2', { failsUnder: [NEW] })
      .upgrade(NEW, 'same engine');
    fleet.push(desired('a2', [cart({ content: 'v2' })])).until((f) => f.said('Quarantined').length > 0);
    expect(fleet.said('ToolchainRegression')).toEqual([]);
  });
});

describe('a component that the new toolchain cannot prepare', () => {
  const refused = (code: 'HW2204' | 'HW2205') => {
    const fleet = PROVEN();
    fleet.unpreparable.set(`${artifactOf('v1')} ${NEW}`, problem(code, 'in the bindings, something new'));
    return fleet.upgrade(NEW, 'same engine');
  };

  it('serves on with the old ones, and says why', () => {
    const fleet = refused('HW2204').run(30_000);
    expect(toolchains(fleet)).toEqual([OLD]);
    expect(healthOf(fleet)).toMatchObject({
      reason: 'ToolchainRegression',
      message: expect.stringContaining('in the bindings, something new'),
    });
    expect(fleet.said('ToolchainRegression')).toHaveLength(1);
  });

  it('is asked for again later where something outside was in the way', () => {
    const fleet = refused('HW2205').run(RENEW_AGAIN_MS - 5_000);
    expect(healthOf(fleet)).toMatchObject({ status: 'True' });
    expect(toolchains(fleet)).toEqual([OLD]);
    fleet.unpreparable.clear();
    fleet.run(3_000);
    expect(toolchains(fleet)).toEqual([OLD]);
    fleet.run(RENEW_AGAIN_MS).until((f) => String(toolchains(f)) === NEW);
  });
});
