/** One store: its functions, its quotas at N and N + 1, and what a batch that fails leaves behind. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Store, type Quota } from '../../src/broker/store.ts';
import { MAX_OPEN_STORES, Stores } from '../../src/broker/stores.ts';
import { MAX_PAGE_KEYS } from '../../src/wire/broker-frames.ts';

const QUOTA: Quota = { bytes: 100, keys: 3, valueBytes: 40 };
const bytes = (text: string): Buffer => Buffer.from(text);
const text = (value: Uint8Array | undefined): string | undefined => value && Buffer.from(value).toString();

let folder: string;
let store: Store;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'headway-store-'));
  store = new Store(path.join(folder, 'a.sqlite'));
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

function batch(write: () => void): void {
  store.begin();
  write();
  store.commit();
}

/** Sets it where it fits; else why not. */
function put(key: string, value: string, quota = QUOTA): string | undefined {
  store.begin();
  const excess = store.excess([[bytes(key), bytes(value)]], quota);
  if (excess === undefined) store.set(bytes(key), bytes(value));
  store.commit();
  return excess;
}

describe('values', () => {
  test('are what was set last, and gone when deleted', () => {
    expect(store.get(bytes('a'))).toBeUndefined();
    batch(() => store.set(bytes('a'), bytes('1')));
    batch(() => store.set(bytes('a'), bytes('22')));
    expect(Buffer.from(store.get(bytes('a'))!).toString()).toBe('22');
    expect(store.usage()).toMatchObject({ keys: 1, bytes: 3 });
    batch(() => store.delete(bytes('a')));
    expect(store.has(bytes('a'))).toBe(false);
    expect(store.usage()).toMatchObject({ keys: 0, bytes: 0 });
  });

  test('may have keys and values with any bytes', () => {
    batch(() => store.set(bytes('a\0b'), Buffer.from([0, 255, 0])));
    batch(() => store.set(bytes('a'), bytes('')));
    expect(store.get(bytes('a\0b'))).toEqual(new Uint8Array([0, 255, 0]));
    expect(store.get(bytes('a'))).toEqual(new Uint8Array(0));
    expect(store.page(0).map(({ key }) => Buffer.from(key).toString())).toEqual(['a\0b', 'a']);
  });

  test('have a version that is never used again', () => {
    batch(() => store.set(bytes('a'), bytes('1')));
    const first = store.version(bytes('a'));
    batch(() => store.delete(bytes('a')));
    expect(store.version(bytes('a'))).toBe(0);
    batch(() => store.set(bytes('a'), bytes('1')));
    expect(store.version(bytes('a'))).toBeGreaterThan(first);
  });

  test('are there when it is opened again, with what they add up to', () => {
    batch(() => store.set(bytes('a'), bytes('1')));
    store.close();
    store = new Store(path.join(folder, 'a.sqlite'));
    expect(store.usage()).toMatchObject({ keys: 1, bytes: 2 });
  });
});

describe('a batch', () => {
  test('that is rolled back has not been', () => {
    batch(() => store.set(bytes('a'), bytes('1')));
    store.begin();
    store.set(bytes('a'), bytes('2'));
    store.set(bytes('b'), bytes('2'));
    store.delete(bytes('a'));
    store.rollback();
    expect(store.get(bytes('a'))).toEqual(new Uint8Array(bytes('1')));
    expect(store.usage()).toMatchObject({ keys: 1, bytes: 2 });
  });

  test('is right about what another process has written', () => {
    const other = new Store(path.join(folder, 'a.sqlite'));
    batch(() => store.set(bytes('a'), bytes('1')));
    other.begin();
    other.set(bytes('b'), bytes('2'));
    other.commit();
    other.close();
    batch(() => store.set(bytes('c'), bytes('3')));
    expect(store.usage()).toMatchObject({ keys: 3, bytes: 6 });
    expect(new Set(store.page(0).map(({ id }) => id)).size).toBe(3);
  });

  test('outside of begin and commit is a bug', () => {
    expect(() => store.set(bytes('a'), bytes('1'))).toThrow(/outside/);
  });
});

describe('what is read in one turn', () => {
  const theirs = (write: (other: Store) => void): void => {
    const other = new Store(path.join(folder, 'a.sqlite'));
    other.begin();
    write(other);
    other.commit();
    other.close();
  };

  test('is of one moment, and the next turn sees what came meanwhile', () => {
    put('a', '1');
    store.beginReading();
    expect(text(store.get(bytes('a')))).toBe('1');
    theirs((other) => other.set(bytes('a'), bytes('2')));
    expect(text(store.get(bytes('a')))).toBe('1');
    store.endReading();
    expect(text(store.get(bytes('a')))).toBe('2');
    store.endReading();
  });

  test('ends with a batch, which builds on what is there then', () => {
    put('a', '1');
    store.beginReading();
    expect(text(store.get(bytes('a')))).toBe('1');
    theirs((other) => other.set(bytes('b'), bytes('2')));
    batch(() => {
      store.beginReading();
      expect(text(store.get(bytes('b')))).toBe('2');
      store.set(bytes('c'), bytes('3'));
    });
    store.endReading();
    expect(store.usage()).toMatchObject({ keys: 3, bytes: 6 });
  });

  test('ends with the store', () => {
    store.beginReading();
    store.close();
    expect(() => store.endReading()).not.toThrow();
    store = new Store(path.join(folder, 'a.sqlite'));
    expect(put('a', '1')).toBeUndefined();
  });
});

describe('quotas', () => {
  test('of a value', () => {
    expect(put('a', 'x'.repeat(40))).toBeUndefined();
    expect(put('a', 'x'.repeat(41))).toBe('a value of 41 bytes; the grant allows 40');
  });

  test('of keys', () => {
    for (const key of ['a', 'b', 'c', 'a']) expect(put(key, '1')).toBeUndefined();
    expect(put('d', '1')).toBe('the store would have 4 keys; the grant allows 3');
  });

  test('of bytes', () => {
    expect(put('a', 'x'.repeat(39))).toBeUndefined();
    expect(put('b', 'x'.repeat(39))).toBeUndefined();
    expect(put('c', 'x'.repeat(19))).toBeUndefined();
    expect(put('c', 'x'.repeat(20))).toBe('the store would have 101 bytes; the grant allows 100');
    // Over a quota that was lowered, what does not make it larger is allowed.
    expect(put('a', 'x'.repeat(38), { ...QUOTA, bytes: 10, keys: 1 })).toBeUndefined();
    expect(put('a', 'x'.repeat(40), { ...QUOTA, bytes: 10, keys: 1 })).toContain('bytes; the grant allows 10');
  });

  test('of a batch are about all of it, and count a key once', () => {
    store.begin();
    const pairs = ['a', 'b', 'c', 'a'].map((key) => [bytes(key), bytes('1')] as const);
    expect(store.excess(pairs, QUOTA)).toBeUndefined();
    expect(store.excess([...pairs, [bytes('d'), bytes('1')]], QUOTA)).toContain('4 keys');
    expect(
      store.excess(
        [
          [bytes('a'), bytes('x'.repeat(40))],
          [bytes('b'), bytes('x'.repeat(40))],
          [bytes('c'), bytes('x'.repeat(17))],
        ],
        QUOTA,
      ),
    ).toBeUndefined();
    expect(
      store.excess(
        [
          [bytes('a'), bytes('x'.repeat(40))],
          [bytes('b'), bytes('x'.repeat(40))],
          [bytes('c'), bytes('x'.repeat(18))],
        ],
        QUOTA,
      ),
    ).toContain('101 bytes');
    store.commit();
    expect(store.usage().keys).toBe(0);
  });
});

describe('pages', () => {
  test('hold so many keys, and every key that stays is on one of them', () => {
    batch(() => {
      for (let number = 0; number < MAX_PAGE_KEYS + 1; number++) store.set(bytes(`k${number}`), bytes('1'));
    });
    const first = store.page(0);
    expect(first.length).toBe(MAX_PAGE_KEYS);
    batch(() => {
      store.delete(bytes('k3'));
      store.set(bytes('k4'), bytes('2'));
      store.set(bytes('new'), bytes('1'));
    });
    const second = store.page(first.at(-1)!.id);
    expect(second.map(({ key }) => Buffer.from(key).toString())).toEqual([`k${MAX_PAGE_KEYS}`, 'new']);
  });
});

describe('the stores of a node', () => {
  test('are apart by namespace and name', () => {
    const stores = new Stores(path.join(folder, 'many'));
    const one = stores.open('shop', 'carts');
    one.begin();
    one.set(bytes('a'), bytes('1'));
    one.commit();
    expect(stores.open('shop', 'carts')).toBe(one);
    expect(stores.open('bank', 'carts').has(bytes('a'))).toBe(false);
    expect(stores.open('shop', 'others').has(bytes('a'))).toBe(false);
    stores.close();
  });

  test(`keep at most ${MAX_OPEN_STORES} open, never close one in a batch, and lose nothing by closing`, () => {
    const stores = new Stores(path.join(folder, 'many'), 2);
    const first = stores.open('shop', 's0');
    first.begin();
    first.set(bytes('a'), bytes('1'));
    for (let number = 1; number < 5; number++) stores.open('shop', `s${number}`);
    expect(stores.open('shop', 's0')).toBe(first);
    first.commit();
    for (let number = 1; number < 5; number++) stores.open('shop', `s${number}`);
    const again = stores.open('shop', 's0');
    expect(again).not.toBe(first);
    expect(again.has(bytes('a'))).toBe(true);
    stores.close();
  });
});
