/** What control has done with stores: copies that are whole or not there, and nothing taken from under a cell. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SPARE_BYTES } from '../../src/broker/editions.ts';
import { Store } from '../../src/broker/store.ts';
import type { StoreOrder } from '../../src/model/edition.ts';
import type { BrokerCell } from '../../src/wire/broker-link.ts';
import { grant, TestBroker } from './support.ts';

const V1 = '20261128T120000000Z-111111111111';
const V2 = '20261128T120500000Z-222222222222';
const OF = { entry: 'shop/cart', stores: ['carts'] } as const;

let free = Number.MAX_SAFE_INTEGER;
let node: TestBroker;
beforeEach(() => {
  free = Number.MAX_SAFE_INTEGER;
  node = new TestBroker({ freeBytes: () => free });
});
afterEach(() => node.close());

const fileOf = (edition = '', store = 'carts') =>
  path.join(node.folder, 'shop', `${store}${edition === '' ? '' : `@${edition}`}.sqlite`);
const order = (given: StoreOrder) => node.broker.carryOut(given);

/** Writes behind the broker's back, as a cell of before would have through it. */
function fill(entries: Record<string, string>, edition = ''): void {
  const store = new Store(fileOf(edition));
  store.begin();
  for (const [key, value] of Object.entries(entries)) store.set(Buffer.from(key), Buffer.from(value));
  store.commit();
  store.close();
}

function read(key: string, edition = ''): string | undefined {
  const store = new Store(fileOf(edition));
  const value = store.get(Buffer.from(key));
  store.close();
  return value && Buffer.from(value).toString();
}

function attach(cell: number, own?: BrokerCell['own']): void {
  node.broker.attach(
    {
      cell,
      replica: `shop/cart@r#${cell}`,
      component: 'shop/cart',
      group: 'shop/cart@r',
      grants: [grant('carts')],
      seats: 1,
      most: { sockets: 1, files: 1 },
      token: '00'.repeat(16),
      ...(own ? { own } : {}),
    },
    new PassThrough(),
  );
}

/** The namespace's folder is made by the first that is asked for something in it. */
async function begin(): Promise<void> {
  await order({ type: 'Copy', ...OF, to: V1 });
}

describe('a copy', () => {
  test('has what was there, with versions and counts, and goes its own way from then on', async () => {
    await begin();
    fill({ a: '1', b: '2' });
    expect(await order({ type: 'Copy', ...OF, to: V2 })).toEqual({ ok: true, value: { from: { edition: '' } } });
    fill({ a: 'new' }, V2);
    expect([read('a'), read('a', V2), read('b', V2)]).toEqual(['1', 'new', '2']);
    expect(readdirSync(path.join(node.folder, 'shop')).filter((name) => name.includes('.next'))).toEqual([]);
  });

  test('asked for twice, or twice at a time, is made once', async () => {
    await begin();
    fill({ a: '1' });
    const asked = { type: 'Copy', ...OF, to: V2 } as const;
    await Promise.all([order(asked), order(asked)]);
    fill({ a: '2' });
    expect(await order(asked)).toMatchObject({ ok: true });
    expect(read('a', V2)).toBe('1');
  });

  test('of nothing is nothing, and says so', async () => {
    expect(await order({ type: 'Copy', ...OF, to: V1 })).toEqual({
      ok: true,
      value: { from: { edition: '' }, isEmpty: true },
    });
    expect(existsSync(fileOf(V1))).toBe(false);
  });

  test('that was cut off is begun again, and what was left of it is no copy', async () => {
    await begin();
    fill({ a: '1' });
    writeFileSync(`${fileOf(V2)}.next`, 'half of a file');
    writeFileSync(`${fileOf(V2)}.next-journal`, 'half of a journal');
    expect(await order({ type: 'Copy', ...OF, to: V2 })).toMatchObject({ ok: true });
    expect(read('a', V2)).toBe('1');
  });

  test.each([
    [0, true],
    [-1, false],
  ])('with %i bytes more than it takes and leaves: %s', async (more, fits) => {
    await begin();
    fill({ a: '1' });
    const { statSync } = await import('node:fs');
    free = statSync(fileOf()).size + SPARE_BYTES + more;
    const result = await order({ type: 'Copy', ...OF, to: V2 });
    expect(result.ok || result.error.code).toBe(fits ? true : 'HW4621');
    expect(existsSync(fileOf(V2))).toBe(fits);
  });

  test('of a file that is none fails, and leaves nothing', async () => {
    await begin();
    writeFileSync(fileOf(), 'no database at all, and longer than its header would be '.repeat(40));
    expect(await order({ type: 'Copy', ...OF, to: V2 })).toMatchObject({ ok: false, error: { code: 'HW4622' } });
    expect(existsSync(fileOf(V2))).toBe(false);
  });

  test('of a store that its owner named later is of what lies under its name', async () => {
    await begin();
    const both = { entry: 'shop/cart', stores: ['baskets', 'carts'] } as const;
    fill({ a: 'carts' }, V1);
    const store = new Store(fileOf('', 'baskets'));
    store.begin();
    store.set(Buffer.from('a'), Buffer.from('baskets'));
    store.commit();
    store.close();
    expect(await order({ type: 'Copy', ...both, from: V1, to: V2 })).toMatchObject({ ok: true });
    expect([read('a', V2), existsSync(fileOf(V2, 'baskets'))]).toEqual(['carts', true]);
  });

  test('without a source that is known is refused where the stores stand at different editions', async () => {
    await begin();
    await order({ type: 'Use', ...OF, data: { edition: V1, version: '1' } });
    const both = { entry: 'shop/cart', stores: ['baskets', 'carts'] } as const;
    expect(await order({ type: 'Copy', ...both, to: V2 })).toMatchObject({ ok: false, error: { code: 'HW4623' } });
  });
});

describe('a cell', () => {
  test('that may write keeps its store from being copied and removed; one of another edition does not', async () => {
    await begin();
    fill({ a: '1' });
    attach(1);
    const copy = { type: 'Copy', ...OF, from: '', to: V2 } as const;
    expect(await order(copy)).toMatchObject({ ok: false, error: { code: 'HW4620' } });
    expect(await order({ type: 'Drop', ...OF, edition: '' })).toMatchObject({ ok: false, error: { code: 'HW4620' } });
    node.broker.detach(1);
    attach(2, { stores: ['carts'], edition: V1 });
    expect(await order(copy)).toMatchObject({ ok: true });
  });

  test('without an edition has the one that was named when it came, to its end', async () => {
    await begin();
    fill({ a: '1' });
    attach(1);
    await order({ type: 'Use', ...OF, data: { edition: V1, version: '1' } });
    expect(await order({ type: 'Copy', ...OF, from: '', to: V2 })).toMatchObject({ error: { code: 'HW4620' } });
    node.broker.detach(1);
    attach(2);
    expect(await order({ type: 'Copy', ...OF, from: '', to: V2 })).toMatchObject({ ok: true });
    expect(await order({ type: 'Copy', ...OF, to: '20261128T120900000Z-333333333333' })).toMatchObject({ ok: true });
  });
});

describe('an edition', () => {
  test('that is named outlives the broker; one that is removed is gone with all its files', async () => {
    await begin();
    fill({ a: '1' });
    await order({ type: 'Copy', ...OF, to: V1 });
    await order({ type: 'Use', ...OF, data: { edition: V1, version: '7' } });
    node.broker.close();
    const again = new TestBroker({ storesFolder: node.folder });
    const copied = await again.broker.carryOut({ type: 'Copy', ...OF, to: V2 });
    expect(copied).toEqual({ ok: true, value: { from: { edition: V1, version: '7' } } });
    await again.broker.carryOut({ type: 'Drop', ...OF, edition: V2 });
    again.close();
    expect(readdirSync(path.join(node.folder, 'shop')).filter((name) => name.includes(V2))).toEqual([]);
  });
});
