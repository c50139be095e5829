import { describe, expect, it } from 'vitest';
import { err, ok } from '../../src/kit/result.ts';
import { createBundles, MAX_FETCHES_AT_ONCE, MAX_PREPARATIONS_AT_ONCE } from '../../src/reconcile/bundles.ts';
import { localKey } from '../../src/model/observed.ts';
import { problem } from '../../src/model/problem.ts';
import type { ComponentPort, SupplyPort } from '../../src/reconcile/ports.ts';
import { Deferred } from '../../src/kit/deferred.ts';
import { entry } from '../decide/support/desired.ts';

type Prepared = Awaited<ReturnType<ComponentPort['prepare']>>;

function componentsAt() {
  const running: Deferred<Prepared>[] = [];
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
  return { components, running };
}

function bench(has = true) {
  const { components, running } = componentsAt();
  let changes = 0;
  const missing = err(problem('HW2005', 'not there'));
  const supply = { fetch: () => Promise.resolve(has ? ok(undefined) : missing) } as unknown as SupplyPort;
  const bundles = createBundles({ supply, components }, () => (changes += 1));
  return { bundles, running, changes: () => changes };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
const members = entry('cart').members;
const bundle = { digest: members[0].artifact, exports: [] } as never;
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

describe('fetches', () => {
  /** Servers that answer when the test says so, by the group that asked. */
  function servers() {
    const asked: {
      readonly signal: AbortSignal;
      readonly answer: Deferred<Awaited<ReturnType<SupplyPort['fetch']>>>;
    }[] = [];
    const supply = {
      fetch: (member: { readonly source: { readonly type: string } }, signal: AbortSignal) => {
        if (member.source.type === 'path') return Promise.resolve(ok(undefined));
        const answer = new Deferred<Awaited<ReturnType<SupplyPort['fetch']>>>();
        asked.push({ signal, answer });
        return answer.promise;
      },
    } as unknown as SupplyPort;
    const { components, running } = componentsAt();
    return { asked, running, bundles: createBundles({ supply, components }, () => undefined) };
  }
  const remote = members.map((member) => ({
    ...member,
    source: { type: 'https', url: 'https://a.example/c', digest: member.artifact } as const,
  }));
  const many = Array.from({ length: MAX_FETCHES_AT_ONCE + 1 }, (_, index) => `shop/r@${index}` as const);

  it('that hang keep nobody waiting whose bytes are here', async () => {
    const { bundles, running, asked } = servers();
    for (const name of many.slice(1)) bundles.prepare(name, remote);
    await settled();
    expect(asked).toHaveLength(MAX_FETCHES_AT_ONCE);
    asked[0]!.answer.resolve(ok(undefined));
    await settled();
    expect(running).toHaveLength(1);
    bundles.prepare('shop/local@1', members);
    await settled();
    expect(running).toHaveLength(2);
    expect(bundles.preparations.get('shop/local@1')!.state).toBe('Verified');
    expect(bundles.preparations.get(many[2]!)!.state).toBe('Fetching');
  });

  it(`are at most ${MAX_FETCHES_AT_ONCE} at once, and the next begins when one has failed`, async () => {
    const { bundles, asked } = servers();
    for (const name of many) bundles.prepare(name, remote);
    await settled();
    expect(asked).toHaveLength(MAX_FETCHES_AT_ONCE);
    asked[0]!.answer.resolve(err(problem('HW2402', 'away')));
    await settled();
    expect(asked).toHaveLength(MAX_FETCHES_AT_ONCE + 1);
    expect(bundles.preparations.get(many[0]!)).toMatchObject({ state: 'Failed', problem: { code: 'HW2402' } });
  });

  it('end when nobody waits for them, and what comes of them is not taken for the next one', async () => {
    const { bundles, asked, running } = servers();
    bundles.prepare(many[0]!, remote);
    await settled();
    bundles.settle(new Set());
    expect(asked[0]!.signal.aborted).toBe(true);
    bundles.prepare(many[0]!, remote);
    await settled();
    asked[0]!.answer.resolve(err(problem('HW2405', 'stopped')));
    await settled();
    expect(bundles.preparations.get(many[0]!)!.state).toBe('Fetching');
    asked[1]!.answer.resolve(ok(undefined));
    await settled();
    expect(running).toHaveLength(1);
  });

  it('end with the loop', async () => {
    const { bundles, asked } = servers();
    bundles.prepare(many[0]!, remote);
    await settled();
    bundles.stop();
    expect(asked[0]!.signal.aborted).toBe(true);
  });
});
