/** Denials that cells answer themselves, on their way to the audit. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Denials, MAX_KINDS, WINDOW_MS } from '../../src/host/denials.ts';
import { limitDenials } from '../../src/cell/denials.ts';
import type { AccessRecord } from '../../src/model/audit.ts';
import type { CellSpec } from '../../src/model/engine.ts';

let records: AccessRecord[];
let denials: Denials;
beforeEach(() => {
  vi.useFakeTimers();
  records = [];
  denials = new Denials((more) => records.push(...more));
});
afterEach(() => {
  denials.close();
  vi.useRealTimers();
});

const CELL = {
  group: 'shop/cart@1',
  entry: 'shop/cart',
  members: [{ member: { key: 'shop/cart' } }, { member: { key: 'shop/tax' } }],
} as unknown as CellSpec;

function deny(name: string, more: { member?: number; count?: number; reason?: string } = {}): void {
  denials.note(CELL, { member: 0, interface: name, function: 'call', reason: '', count: 1, ...more });
}

test('folders of the repository are a use of their grants at each start, counted together', () => {
  const grants = [
    { name: 'mail', capability: 'filesystem', settings: { path: 'templates', mountPath: '/t' } },
    { name: 'media', capability: 'filesystem', settings: { volume: 'media', mountPath: '/m' } },
  ];
  const cell = { ...CELL, members: [{ member: { key: 'shop/cart', capabilities: grants } }] } as unknown as CellSpec;
  for (let start = 0; start < 3; start++) denials.mounted(cell);
  vi.advanceTimersByTime(WINDOW_MS);
  expect(records.map(({ count }) => count)).toEqual([1, 2]);
  const use = { component: 'shop/cart', capability: 'filesystem', grant: 'mail', outcome: 'Allowed' };
  expect(records[0]).toMatchObject({
    ...use,
    asked: 'mount templates',
    needs: { path: 'templates', access: 'ReadOnly' },
  });
});

describe('a call of another entry', () => {
  const name = 'shop:tax/rates@0.2.0#rate';

  test('is a use of the link, counted together whatever the function', () => {
    denials.called(CELL, 1, name, 'shop/rates');
    for (let call = 0; call < 9; call++) denials.called(CELL, 1, `shop:tax/rates@0.2.0#f${call}`, 'shop/rates');
    vi.advanceTimersByTime(WINDOW_MS);
    expect(records.map(({ count }) => count)).toEqual([1, 9]);
    expect(records[0]).toMatchObject({
      component: 'shop/tax',
      group: 'shop/cart@1',
      capability: 'link',
      grant: 'shop:tax/rates@0.2.0',
      outcome: 'Allowed',
      asked: 'shop:tax/rates@0.2.0 of shop/rates',
      why: '',
    });
  });

  test('that no link allows is a denial that shows what was asked', () => {
    denials.called(CELL, 0, name, undefined);
    expect(records).toMatchObject([
      { capability: 'link', grant: '', outcome: 'Denied', asked: name, why: 'no link of mode Remote names it' },
    ]);
  });
});

describe('a denial', () => {
  test.each([
    ['wasi:http/outgoing-handler@0.2.3', 'outboundHttp'],
    ['wasi:sockets/tcp@0.2.0', 'sockets'],
    ['wasi:sockets/ip-name-lookup', 'nameLookup'],
    ['wasi:filesystem/types', 'filesystem'],
    ['acme:own/thing', 'acme:own/thing'],
  ])('of %s names the capability that it lacked', (name, capability) => {
    deny(name);
    expect(records).toMatchObject([
      {
        component: 'shop/cart',
        group: 'shop/cart@1',
        capability,
        grant: '',
        outcome: 'Denied',
        asked: `${name}#call`,
        count: 1,
      },
    ]);
    expect(records[0]!.why).toBe('nothing of the kind is granted');
  });

  test('is of the member that called', () => {
    deny('a:b/c', { member: 1, reason: 'because' });
    deny('a:b/c', { member: 7 });
    expect(records.map(({ component, why }) => [component, why])).toEqual([
      ['shop/tax', 'because'],
      ['shop/cart', 'nothing of the kind is granted'],
    ]);
  });
});

test('the first comes at once, its repetitions once a minute, and nothing is lost by counting', () => {
  for (let times = 0; times < 10; times++) deny('a:b/c', { count: 3 });
  expect(records.map(({ count }) => count)).toEqual([3]);
  vi.advanceTimersByTime(WINDOW_MS);
  expect(records.map(({ count }) => count)).toEqual([3, 27]);
  deny('a:b/c');
  expect(records).toHaveLength(2);
  vi.advanceTimersByTime(WINDOW_MS);
  expect(records.map(({ count }) => count)).toEqual([3, 27, 1]);
  // A minute without one: the next is a first one again.
  vi.advanceTimersByTime(WINDOW_MS);
  deny('a:b/c');
  expect(records.map(({ count }) => count)).toEqual([3, 27, 1, 1]);
});

test('what is counted leaves at the end of the engine', () => {
  deny('a:b/c');
  deny('a:b/c', { count: 4 });
  denials.close();
  expect(records.map(({ count }) => count)).toEqual([1, 4]);
});

test(`more than ${MAX_KINDS} kinds begin a new window: nothing is lost, nothing grows`, () => {
  for (let kind = 0; kind < MAX_KINDS; kind++) deny(`a:b/c${kind}`);
  deny('a:b/c0', { count: 5 });
  expect(records).toHaveLength(MAX_KINDS);
  deny('a:b/another');
  expect(records.slice(MAX_KINDS).map(({ asked, count }) => [asked, count])).toEqual([
    ['a:b/c0#call', 5],
    ['a:b/another#call', 1],
  ]);
});

test('a cell tells of a function once a second, and how often it was called since', () => {
  const told: unknown[][] = [];
  const deniedIn = limitDenials((...denial) => void told.push(denial));
  for (let times = 0; times < 5; times++) deniedIn(0, 'a:b/c', 'd', 'why');
  deniedIn(1, 'a:b/c', 'd', 'why');
  vi.advanceTimersByTime(1_000);
  deniedIn(0, 'a:b/c', 'd', 'why');
  expect(told.map(([member, , , , count]) => [member, count])).toEqual([
    [0, 1],
    [1, 1],
    [0, 5],
  ]);
});
