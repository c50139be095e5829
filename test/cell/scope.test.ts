import { describe, expect, test } from 'vitest';
import { Fate, Scope, type Condition } from '../../src/cell/scope.ts';
import { CallEnded, HostTrap } from '../../src/cell/trap.ts';

const never = (): void => undefined;
const NEVER = Number.POSITIVE_INFINITY;

class Switch implements Condition {
  readonly dueMs = NEVER;
  on = false;
  ready(): boolean {
    return this.on;
  }
}

function entered(onWait = never): Scope {
  const scope = new Scope(10, new Fate(onWait));
  scope.enter(undefined, true);
  return scope;
}

describe('waiting', () => {
  test('ends when one of the conditions is ready and somebody says so', async () => {
    const scope = entered();
    const conditions = [new Switch(), new Switch()];
    const waiting = scope.wait(conditions);
    scope.notify();
    expect(scope.waiting).toBe(true);
    conditions[1]!.on = true;
    scope.notify();
    await waiting;
    expect(scope.waiting).toBe(false);
  });

  test('ends by time, without anybody', async () => {
    const scope = entered();
    const dueMs = performance.now() + 5;
    await scope.wait([{ ready: () => performance.now() >= dueMs, dueMs }]);
    expect(performance.now()).toBeGreaterThanOrEqual(dueMs);
  });

  test('says what was written first, and then that it waits', async () => {
    const order: string[] = [];
    const scope = new Scope(10, new Fate(() => order.push('waits')));
    const condition = new Switch();
    const call = {
      mirrored: false,
      beforeWait: () => {
        order.push('sent');
        condition.on = true;
      },
    };
    scope.enter(call, true);
    // What was sent made the condition ready: nothing else would wake it.
    await scope.wait([condition]);
    expect(order).toEqual(['sent', 'waits']);
  });

  test('ends by the end of the scope, whenever that comes; and never starts after it', async () => {
    const scope = entered();
    const waiting = scope.wait([{ ready: () => false, dueMs: performance.now() + 3_600_000 }]);
    const suspended = scope.untilEnded(new Promise(never));
    scope.end('the deadline passed');
    await expect(waiting).rejects.toThrow(CallEnded);
    await expect(suspended).rejects.toThrow('the deadline passed');
    expect(() => scope.wait([new Switch()])).toThrow(CallEnded);
    await expect(scope.untilEnded(new Promise(never))).rejects.toThrow(CallEnded);
  });

  test('is a trap where the export cannot block, and where one wait is open already', () => {
    const starting = new Scope(10, new Fate(never));
    expect(() => starting.wait([new Switch()])).toThrow(HostTrap);
    const waiting = entered();
    const first = waiting.wait([new Switch()]);
    expect(() => waiting.wait([new Switch()])).toThrow(HostTrap);
    return expect(first).rejects.toThrow(HostTrap);
  });

  test('for longer than a timer can: armed again, not ended early', () => {
    const scope = entered();
    const waiting = scope.wait([{ ready: () => false, dueMs: Number.MAX_VALUE }]);
    scope.notify();
    expect(scope.waiting).toBe(true);
    scope.end('over');
    return expect(waiting).rejects.toThrow('over');
  });
});

test('handles: exactly the limit, and not one more', () => {
  const scope = new Scope(3, new Fate(never));
  for (let handle = 0; handle < 3; handle++) scope.acquire();
  expect(() => scope.acquire()).toThrow('more than 3 handles');
  scope.release();
  scope.acquire();
  expect(scope.handles).toBe(3);
});
