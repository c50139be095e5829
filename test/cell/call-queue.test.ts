import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Call } from '../../src/cell/call.ts';
import { CallQueue } from '../../src/cell/call-queue.ts';

function call(): Call & { over: boolean } {
  return { over: false } as Call & { over: boolean };
}

test('first in, first out, without those that are over, whatever the order of events', () => {
  const steps = fc.array(fc.constantFrom('push', 'push', 'take', 'end'), { maxLength: 1000 });
  fc.assert(
    fc.property(steps, (steps) => {
      const queue = new CallQueue();
      let model: (Call & { over: boolean })[] = [];
      for (const step of steps) {
        if (step === 'push') {
          const pushed = call();
          queue.push(pushed);
          model.push(pushed);
        } else if (step === 'end') {
          const middle = model[Math.floor(model.length / 2)];
          if (middle) middle.over = true;
          model = model.filter((waiting) => !waiting.over);
        } else {
          const first = model.shift();
          expect(queue.peek()).toBe(first);
          if (first) queue.shift();
        }
      }
      for (const waiting of model) {
        expect(queue.peek()).toBe(waiting);
        queue.shift();
      }
      expect(queue.peek()).toBeUndefined();
      expect(queue.length).toBe(0);
    }),
    { numRuns: 100 },
  );
});
