import { describe, expect, it } from 'vitest';
import { err, ok } from '../../src/kit/result.ts';
import { createBundles, MAX_PREPARATIONS_AT_ONCE } from '../../src/reconcile/bundles.ts';
import { localKey } from '../../src/model/observed.ts';
import { problem } from '../../src/model/problem.ts';
import type { ComponentPort, SupplyPort } from '../../src/reconcile/ports.ts';
import { Deferred } from '../../src/kit/deferred.ts';
import { entry } from '../decide/support/desired.ts';

type Prepared = Awaited<ReturnType<ComponentPort['prepare']>>;

function bench(has = true) {
  const running: Deferred<Prepared>[] = [];
  let changes = 0;
  const components = {
    prepare: () => {
      const deferred = new Deferred<Prepared>();
      running.push(deferred);
      return deferred.promise;
    },
    toolchain: 'tools-1',
    cached: () => Promise.resolve(undefined),
    pinned: () => Promise.resolve(undefined),
    collect: () => Promise.resolve(),
  } satisfies ComponentPort;
  const missing = err(problem('HW2005', 'not there'));
  const supply = { fetch: () => Promise.resolve(has ? ok(undefined) : missing) } as unknown as SupplyPort;
  const bundles = createBundles({ supply, components }, () => (changes += 1));
  return { bundles, running, changes: () => changes };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
const members = entry('cart').members;
const bundle = { digest: members[0].artifact } as never;
const names = Array.from({ length: MAX_PREPARATIONS_AT_ONCE + 1 }, (_, index) => `shop/c@${index}` as const);

describe('preparations', () => {
  it(`run at most ${MAX_PREPARATIONS_AT_ONCE} at once, and the next begins when one is over`, async () => {
    const { bundles, running } = bench();
    for (const name of names) bundles.prepare(name, members);
    await settled();
    expect(running).toHaveLength(MAX_PREPARATIONS_AT_ONCE);
    running[0]!.resolve(ok(bundle));
    await settled();
    expect(running).toHaveLength(MAX_PREPARATIONS_AT_ONCE + 1);
    expect(names.map((name) => bundles.preparations.get(name)!.state)).toEqual(['Prepared', 'Verified', 'Verified']);
    expect(bundles.local.has(localKey(members[0]))).toBe(true);
  });

  it('asked for twice are made once', async () => {
    const { bundles, running } = bench();
    bundles.prepare(names[0]!, members);
    bundles.prepare(names[0]!, members);
    await settled();
    expect(running).toHaveLength(1);
  });

  it('that failed are reported once and may be asked for again', async () => {
    const { bundles, running, changes } = bench();
    bundles.prepare(names[0]!, members);
    await settled();
    running[0]!.resolve(err(problem('HW2101', 'not a component')));
    await settled();
    expect(bundles.preparations.get(names[0]!)!.state).toBe('Failed');
    expect(changes()).toBeGreaterThan(0);
    bundles.settle(new Set([names[0]!]));
    expect(bundles.preparations.size).toBe(0);
  });

  it('that nobody waits for any more leave nothing behind', async () => {
    const { bundles, running } = bench();
    bundles.prepare(names[0]!, members);
    await settled();
    bundles.settle(new Set());
    running[0]!.resolve(ok(bundle));
    await settled();
    expect(bundles.preparations.size).toBe(0);
  });

  it('without their bytes fail, and are worth another try', async () => {
    const { bundles } = bench(false);
    bundles.prepare(names[0]!, members);
    await settled();
    expect(bundles.preparations.get(names[0]!)).toMatchObject({
      state: 'Failed',
      problem: { code: 'HW2005', policy: 'Retry' },
    });
  });
});

describe('a cell of several members', () => {
  const [first] = members;
  const links = [{ import: 'shop:tax/rates@0.2.0', component: 'shop/tax' as const, mode: 'Inline' as const }];
  const cart = { ...first, links };
  const tax = { ...first, key: 'shop/tax' as const, artifact: `sha256:${'2'.repeat(64)}` as const };
  const made = (key: string, more: object) => ({ digest: key, exports: [], blockingExports: [], ...more });
  const bundleOf = (key: string) =>
    key === 'shop/tax'
      ? made(key, { exports: ['shop:tax/rates@0.2.1'], blockingExports: ['shop:tax/rates@0.2.1#rate'] })
      : made(key, {});

  function prepared(pinned: readonly string[] = []) {
    const asked: (readonly [string, readonly string[] | undefined])[] = [];
    const components = {
      prepare: (member: typeof first, blockingLinks?: readonly string[]) => {
        asked.push([member.key, blockingLinks]);
        return Promise.resolve(ok(bundleOf(member.key)));
      },
      toolchain: 'tools-1',
      cached: () => Promise.resolve(undefined),
      pinned: (digest: string) => Promise.resolve(pinned.includes(digest) ? bundleOf(digest) : undefined),
    } as unknown as ComponentPort;
    const supply = { fetch: () => Promise.resolve(ok(undefined)) } as unknown as SupplyPort;
    return { bundles: createBundles({ supply, components }, () => undefined), asked };
  }

  it('is prepared providers first, and callers know what of them blocks', async () => {
    const { bundles, asked } = prepared();
    bundles.prepare(names[0]!, [cart, tax]);
    await settled();
    await settled();
    expect(asked).toEqual([
      ['shop/tax', []],
      [cart.key, ['shop:tax/rates@0.2.0#rate']],
    ]);
    expect(bundles.preparations.get(names[0]!)!.state).toBe('Prepared');
    expect([cart, tax].every((member) => bundles.local.has(localKey(member)))).toBe(true);
  });

  it('starts as it is written, the entry first, with its links bound', async () => {
    const { bundles } = prepared();
    const cell = await bundles.cellOf({ members: [cart, tax] } as never);
    expect(cell.ok && cell.value.members.map(({ member, links: bound }) => [member.key, bound])).toEqual([
      [cart.key, [{ import: 'shop:tax/rates@0.2.0', member: 1, export: 'shop:tax/rates@0.2.1' }]],
      ['shop/tax', undefined],
    ]);
  });

  it('starts from pinned bundles where all of them are there, else from none', async () => {
    const pins = [cart.key, 'shop/tax'] as unknown as readonly never[];
    const all = prepared([cart.key, 'shop/tax']);
    expect((await all.bundles.cellOf({ members: [cart, tax], bundles: pins } as never)).ok).toBe(true);
    expect(all.asked).toEqual([]);
    const one = prepared([cart.key]);
    expect((await one.bundles.cellOf({ members: [cart, tax], bundles: pins } as never)).ok).toBe(true);
    expect(one.asked.map(([key]) => key)).toEqual(['shop/tax', cart.key]);
  });
});
