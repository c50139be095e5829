/** Replicas that fail while others of their group do not. */
import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest';
import { EJECTION_INITIAL_MS, EJECTION_MAX_MS, FAILURES_IN_A_ROW, Outliers } from '../../src/ingress/outliers.ts';
import type { CellCaller } from '../../src/wire/cell-caller.ts';
import { rule, snapshot, STABLE, startIngress, type Fixture } from './fixture.ts';
import type { ScriptedCall } from './scripted-cell.ts';

const caller = (replica: string): CellCaller => ({ replica }) as unknown as CellCaller;

describe('outliers', () => {
  let changes: number;
  let outliers: Outliers;
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(caller) as [CellCaller, CellCaller, CellCaller, CellCaller];

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    changes = 0;
    outliers = new Outliers(() => changes++);
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function fail(one: CellCaller, times: number, group: readonly CellCaller[]): void {
    for (let count = 0; count < times; count++) outliers.failed(one, group);
  }

  it(`are ejected by ${FAILURES_IN_A_ROW} failures in a row, and not by one fewer or with a success between`, () => {
    fail(a, FAILURES_IN_A_ROW - 1, [a, b]);
    outliers.succeeded(a);
    fail(a, FAILURES_IN_A_ROW - 1, [a, b]);
    expect([outliers.isEjected(a), changes]).toEqual([false, 0]);
    outliers.failed(a, [a, b]);
    expect([outliers.isEjected(a), changes, outliers.read()]).toEqual([
      true,
      1,
      [{ replica: 'a', leftMs: EJECTION_INITIAL_MS }],
    ]);
  });

  it('are never the last one, nor more than half, nor those of a group in which all fail', () => {
    fail(a, 100, [a]);
    expect(outliers.isEjected(a)).toBe(false);
    fail(b, FAILURES_IN_A_ROW, [b, c]);
    fail(c, 100, [b, c]);
    expect([outliers.isEjected(b), outliers.isEjected(c)]).toEqual([true, false]);
    outliers.retain([]);
    for (let count = 0; count < 100; count++) for (const one of [a, b]) outliers.failed(one, [a, b]);
    expect(outliers.read()).toEqual([]);
    outliers.retain([]);
    for (const one of [a, b, c]) fail(one, FAILURES_IN_A_ROW, [a, b, c, d]);
    expect(outliers.read().map(({ replica }) => replica)).toEqual(['a', 'b']);
  });

  it('come back on probation: a failure ejects for twice as long, up to a bound, and successes take that back', () => {
    fail(a, FAILURES_IN_A_ROW, [a, b]);
    for (const seconds of [5, 10, 20, 40, 60, 60]) {
      expect(outliers.read()[0]!.leftMs).toBe(seconds * 1_000);
      vi.advanceTimersByTime(seconds * 1_000 - 1);
      expect(outliers.isEjected(a)).toBe(true);
      vi.advanceTimersByTime(1);
      expect(outliers.isEjected(a)).toBe(false);
      outliers.failed(a, [a, b]);
    }
    vi.advanceTimersByTime(EJECTION_MAX_MS);
    for (let count = 0; count < 16; count++) outliers.succeeded(a);
    fail(a, FAILURES_IN_A_ROW, [a, b]);
    expect(outliers.read()[0]!.leftMs).toBe(EJECTION_INITIAL_MS);
  });

  it('that are gone are forgotten, with their timers', () => {
    fail(a, FAILURES_IN_A_ROW, [a, b]);
    outliers.retain([b]);
    expect([outliers.read(), vi.getTimerCount()]).toEqual([[], 0]);
    fail(a, FAILURES_IN_A_ROW, [b]);
    expect(outliers.isEjected(a)).toBe(false);
  });
});

let fixture: Fixture;
beforeEach(async () => {
  fixture = await startIngress(snapshot([rule()]));
});
afterEach(() => fixture.stop());

const answer = (call: ScriptedCall): void => call.reply(200, 'well');
const fail = (call: ScriptedCall): void => call.reply(500, 'ill');

async function ask(count: number): Promise<readonly number[]> {
  const statuses: number[] = [];
  for (let index = 0; index < count; index++) statuses.push((await fixture.get('/')).status);
  return statuses;
}

test('a replica that fails gets no more requests while another answers, and all of them when that is gone', async () => {
  const ill = await fixture.add(STABLE, fail);
  const well = await fixture.add(STABLE, answer);
  const first = await Promise.all(Array.from({ length: 4 * FAILURES_IN_A_ROW }, () => fixture.get('/')));
  expect(first.filter(({ status }) => status === 500).length).toBeGreaterThanOrEqual(FAILURES_IN_A_ROW);
  expect(fixture.ingress.ejected()).toEqual([{ replica: ill.channel.replica, leftMs: expect.any(Number) }]);
  expect(new Set(await ask(20))).toEqual(new Set([200]));
  well.channel.destroy();
  expect(await ask(2)).toEqual([500, 500]);
});

test('what is alone is never ejected', async () => {
  await fixture.add(STABLE, fail);
  expect(await ask(2 * FAILURES_IN_A_ROW)).toEqual(Array.from({ length: 2 * FAILURES_IN_A_ROW }, () => 500));
  expect(fixture.ingress.ejected()).toEqual([]);
});
