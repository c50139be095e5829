import { afterEach, describe, expect, it } from 'vitest';
import { Loads } from '../../src/ingress/load.ts';
import type { CellCaller } from '../../src/wire/cell-caller.ts';

const CART = 'shop/cart@1';
const CONCURRENCY = 10;

interface Looked {
  id: typeof CART;
  callers: CellCaller[];
  waiting: number;
  uses: number;
}

const caller = (inFlight: number): CellCaller =>
  ({ inFlight, concurrency: CONCURRENCY, open: true }) as unknown as CellCaller;

const open: Loads[] = [];
afterEach(() => {
  for (const loads of open.splice(0)) loads.close();
});

function measured(groups: Looked[]): { readonly loads: Loads; readonly told: () => number } {
  let told = 0;
  const loads = new Loads({ groups: () => groups, onChange: () => told++ });
  open.push(loads);
  return { loads, told: () => told };
}

describe('the load of a group', () => {
  it('is what is in its cells and what waits, on average over five looks', () => {
    const group: Looked = { id: CART, callers: [caller(3), caller(4)], waiting: 8, uses: 0 };
    const { loads } = measured([group]);
    loads.look();
    expect(loads.read()).toMatchObject([{ group: CART, inFlight: 3 }]);
    for (let look = 0; look < 4; look++) loads.look();
    expect(loads.read()).toMatchObject([{ group: CART, inFlight: 15 }]);
    group.callers = [caller(0)];
    group.waiting = 0;
    for (let look = 0; look < 5; look++) loads.look();
    expect(loads.read()).toMatchObject([{ group: CART, inFlight: 0 }]);
  });

  it('is told when it asks for another number of replicas, and not at each look', () => {
    const group: Looked = { id: CART, callers: [caller(0)], waiting: 0, uses: 0 };
    const { loads, told } = measured([group]);
    for (let look = 0; look < 10; look++) loads.look();
    expect(told()).toBe(0);
    group.callers = [caller(7)];
    for (let look = 0; look < 10; look++) loads.look();
    expect(told()).toBe(1);
    group.waiting = 1;
    for (let look = 0; look < 10; look++) loads.look();
    expect(told()).toBe(2);
  });

  it('is idle since the last call of it, however short that was; a look that meets a probe is no call', () => {
    const group: Looked = { id: CART, callers: [caller(0)], waiting: 0, uses: 0 };
    const { loads } = measured([group]);
    const idleMs = (nowMs: number): number => loads.read(nowMs)[0]!.idleMs;
    loads.look(1_000);
    expect(idleMs(1_500)).toBe(500);
    group.uses = 1;
    // Between two looks, too: a call that wakes one is over within less.
    expect(idleMs(1_600)).toBe(0);
    loads.look(2_000);
    expect(idleMs(2_100)).toBe(100);
    group.callers = [caller(1)];
    loads.look(3_000);
    group.callers = [caller(0)];
    loads.look(4_000);
    expect(idleMs(4_000)).toBe(2_000);
    group.callers = [caller(1)];
    loads.look(5_000);
    loads.look(6_000);
    expect(idleMs(6_000)).toBe(0);
  });

  it('leaves with the group', () => {
    const groups: Looked[] = [{ id: CART, callers: [caller(1)], waiting: 0, uses: 0 }];
    const { loads } = measured(groups);
    loads.look();
    groups.pop();
    loads.look();
    expect(loads.read()).toEqual([]);
  });
});
