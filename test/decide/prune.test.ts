import { describe, expect, it } from 'vitest';
import { pruneHash } from '../../src/decide/prune.ts';
import type { EnvironmentSettings } from '../../src/model/desired.ts';
import { desired, entry, ENVIRONMENT } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

const NAMES = ['a', 'b', 'c', 'd'] as const;
const some = (names: readonly string[]) => names.map((name) => entry(name));
const environment = (prune: Partial<EnvironmentSettings['prune']>) => ({
  environment: { prune: { ...ENVIRONMENT.prune, ...prune } },
});

function serving(more = {}): Fleet {
  const fleet = new Fleet(desired('a1', some(NAMES), more));
  return fleet.until((f) => NAMES.every((name) => f.of(name).serving?.proven));
}

const left = (fleet: Fleet) => fleet.engine.snapshot!.rules.map((rule) => rule.entry.split('/')[1]!).sort();

describe('the prune guard', () => {
  it.each<readonly [string, readonly string[], readonly string[]]>([
    ['one of four goes', ['a', 'b', 'c'], ['a', 'b', 'c']],
    ['two of four are at the limit of 50 % and go', ['a', 'b'], ['a', 'b']],
    ['three of four are held', ['a'], NAMES],
    ['all are held', [], NAMES],
  ])('%s', (_, kept, result) => {
    expect(
      left(
        serving()
          .push(desired('a2', some(kept)))
          .run(3_000),
      ),
    ).toEqual([...result]);
  });

  it('prints the line to write, and that line lets exactly this set go', () => {
    const fleet = serving()
      .push(desired('a2', some(['a'])))
      .run(500);
    const confirm = pruneHash(['shop/b', 'shop/c', 'shop/d']);
    expect([fleet.row('b'), fleet.reason('b')]).toEqual([2, 'PruneHeld']);
    expect(fleet.status('b').conditions[0]!.message).toContain(`prune.confirm: "${confirm}"`);
    fleet.push(desired('a3', [], environment({ confirm }))).run(3_000);
    expect(left(fleet)).toEqual([...NAMES]);
    fleet.push(desired('a4', some(['a']), environment({ confirm }))).run(3_000);
    expect(left(fleet)).toEqual(['a']);
  });

  it('judges by the commit before: a commit cannot widen the limit for its own deletion', () => {
    const fleet = serving()
      .push(desired('a2', some(['a']), environment({ maxDeletePercent: 100 })))
      .run(3_000);
    expect(left(fleet)).toEqual([...NAMES]);
    fleet.push(desired('a3', some(['a']), environment({ maxDeletePercent: 100 }))).run(3_000);
    expect(left(fleet)).toEqual(['a']);
  });

  it('prunes nothing in a tenant whose file cannot be read', () => {
    const fleet = serving()
      .push(desired('a2', some(['a', 'b', 'c']), { unreadablePaths: ['tenants/shop'] }))
      .run(3_000);
    expect(left(fleet)).toEqual([...NAMES]);
    fleet.push(desired('a3', some(['a', 'b', 'c']), { unreadablePaths: ['tenants/other'] })).run(3_000);
    expect(left(fleet)).toEqual(['a', 'b', 'c']);
  });

  it('enabled: false lets nothing go', () => {
    const off = environment({ enabled: false });
    expect(
      left(
        serving(off)
          .push(desired('a2', some(['a', 'b', 'c']), off))
          .run(3_000),
      ),
    ).toEqual([...NAMES]);
  });

  it('does not count what another entry takes over', () => {
    const fleet = new Fleet(desired('a1', [entry('a', { paths: ['/x'] })]));
    fleet.until((f) => f.isProven('a', 'a'));
    fleet
      .push(desired('a2', [entry('b', { paths: ['/x'] })]))
      .until((f) => f.isProven('b', 'b'))
      .run(2_000);
    expect(left(fleet)).toEqual(['b']);
  });

  it('forgets what was deleted long ago, and not before', () => {
    const fleet = serving()
      .push(desired('a2', some(['a', 'b', 'c'])))
      .run(3_000);
    expect(fleet.memory.entries['shop/d']?.ledger).toHaveLength(1);
    fleet.wallMs += 721 * 3_600_000;
    fleet.run(200);
    expect(fleet.memory.entries['shop/d']).toBeUndefined();
  });
});
