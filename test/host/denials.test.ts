/** Denials that cells answer themselves, on their way to the audit. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Denials, MAX_KINDS, MAX_KINDS_PER_GROUP, WINDOW_MS } from '../../src/host/denials.ts';
import { limitDenials, type CountedDenial } from '../../src/cell/denials.ts';
import type { AccessRecord } from '../../src/model/audit.ts';
import type { CellSpec } from '../../src/model/engine.ts';
import type { Denial } from '../../src/wire/reports.ts';

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
  members: [{ member: { key: 'shop/cart', capabilities: [] } }, { member: { key: 'shop/tax', capabilities: [] } }],
} as unknown as CellSpec;

function deny(name: string, more: Partial<Denial> = {}, cell = CELL): void {
  denials.note(cell, {
    member: 0,
    interface: name,
    function: 'call',
    asked: '',
    others: false,
    mount: undefined,
    reason: '',
    count: 1,
    ...more,
  });
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

describe('what was asked', () => {
  const FILES = 'wasi:filesystem/types';
  const PAST = '2026-01-01T00:00:00Z';

  test('is in the record, and so is that it was not all that was asked', () => {
    deny(FILES, { asked: '/t/a to write' });
    deny(FILES, { asked: '/t/b to write', others: true, count: 7 });
    expect(records.map(({ asked, count }) => [asked, count])).toEqual([
      [`${FILES}#call /t/a to write`, 1],
      [`${FILES}#call among others /t/b to write`, 7],
    ]);
  });

  test('is cut to 256 characters', () => {
    const room = 256 - `${FILES}#call `.length;
    deny(FILES, { asked: 'x'.repeat(room) });
    deny(FILES, { asked: 'y'.repeat(room + 1) });
    expect(records.map(({ asked }) => asked)).toEqual([
      `${FILES}#call ${'x'.repeat(room)}`,
      `${FILES}#call ${'y'.repeat(room)}`,
    ]);
  });

  test('of a mount names its grant, and what is needed where that has expired', () => {
    const folder = (name: string, more: object): object => ({
      name,
      capability: 'filesystem',
      settings: { path: `files/${name}`, mountPath: `/${name}` },
      ...more,
    });
    const capabilities = [
      { name: 'web', capability: 'outboundHttp', settings: { hosts: ['a.example'] } },
      { name: 'media', capability: 'filesystem', settings: { volume: 'media', mountPath: '/media' } },
      folder('mail', {}),
      folder('old', { expireTime: PAST }),
    ];
    const cell = { ...CELL, members: [{ member: { key: 'shop/cart', capabilities } }] } as unknown as CellSpec;
    // A cell may name any: a volume is the broker's to judge, and what there is not names nothing.
    for (const mount of [1, 2, 0, 3]) deny(FILES, { mount, asked: `of ${mount}` }, cell);
    deny(FILES, { mount: 1, member: 5, asked: 'of nobody' }, cell);
    expect(records.map(({ grant, needs }) => [grant, needs])).toEqual([
      ['mail', undefined],
      ['old', { path: 'files/old', access: 'ReadOnly' }],
      ['', undefined],
      ['', undefined],
      ['', undefined],
    ]);
  });

  test(`is told apart up to ${MAX_KINDS_PER_GROUP} kinds of a group of cells; the rest is one more kind, and others have theirs`, () => {
    for (let kind = 0; kind < MAX_KINDS_PER_GROUP; kind++) deny(FILES, { asked: `/t/${kind}` });
    expect(records).toHaveLength(MAX_KINDS_PER_GROUP);
    deny(FILES, { asked: '/t/one/more', count: 3 });
    deny(FILES, { asked: '/t/0', count: 2 });
    for (let flood = 0; flood < 1_000; flood++)
      deny(`made:up/name${flood}`, { function: `f${flood}`, reason: `${flood}` });
    deny(FILES, { asked: '/t/own' }, { ...CELL, group: 'shop/other@1' } as CellSpec);
    const more = records.slice(MAX_KINDS_PER_GROUP).map(({ capability, asked, count }) => [capability, asked, count]);
    expect(more).toEqual([
      ['filesystem', '(more kinds than are told apart)', 3],
      ['other', '(more kinds than are told apart)', 1],
      ['filesystem', `${FILES}#call /t/own`, 1],
    ]);
    denials.flush();
    const flushed = records.slice(MAX_KINDS_PER_GROUP + 3).map(({ asked, count }) => [asked, count]);
    expect(flushed).toEqual([
      [`${FILES}#call /t/0`, 2],
      ['(more kinds than are told apart)', 999],
    ]);
    // A window without any of them forgets them: there is room again.
    denials.flush();
    deny(FILES, { asked: '/t/later' });
    expect(records.at(-1)!.asked).toBe(`${FILES}#call /t/later`);
  });
});

test(`more than ${MAX_KINDS} kinds begin a new window: nothing is lost, nothing grows`, () => {
  const groups = MAX_KINDS / MAX_KINDS_PER_GROUP;
  const cells = Array.from({ length: groups }, (_, at) => ({ ...CELL, group: `shop/cart@${at}` }) as CellSpec);
  for (const cell of cells) for (let kind = 0; kind < MAX_KINDS_PER_GROUP; kind++) deny(`a:b/c${kind}`, {}, cell);
  deny('a:b/c0', { count: 5 }, cells[0]);
  expect(records).toHaveLength(MAX_KINDS);
  deny('a:b/another', {}, { ...CELL, group: 'shop/other@1' } as CellSpec);
  expect(records.slice(MAX_KINDS).map(({ asked, count }) => [asked, count])).toEqual([
    ['a:b/c0#call', 5],
    ['a:b/another#call', 1],
  ]);
});

test('a cell tells of a function once a second, what the first of it asked for, and how often it was called since', () => {
  const told: CountedDenial[] = [];
  const denied = limitDenials((denial) => void told.push(denial));
  const call = (member: number, asked: string): void =>
    denied(member, { interface: 'a:b/c', function: 'd', asked, reason: 'why' });
  for (const asked of ['one', 'two', 'two', 'two', 'two']) call(0, asked);
  call(1, 'three');
  vi.advanceTimersByTime(1_000);
  for (const asked of ['two', 'four', 'five']) call(0, asked);
  vi.advanceTimersByTime(1_000);
  call(0, 'five');
  vi.advanceTimersByTime(1_000);
  call(0, 'five');
  expect(told.map(({ member, asked, others, count }) => [member, asked, others, count])).toEqual([
    [0, 'one', false, 1],
    [1, 'three', false, 1],
    [0, 'two', false, 5],
    [0, 'five', true, 3],
    [0, 'five', false, 1],
  ]);
});
