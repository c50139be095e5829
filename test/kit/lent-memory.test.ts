import { expect, test } from 'vitest';
import { freeMemory, LentMemory } from '../../src/kit/lent-memory.ts';

const LONG = 64 * 1024;

test('is freed with the last piece, and what is never given back never', () => {
  const bytes = Buffer.allocUnsafeSlow(LONG);
  const memory = LentMemory.of(bytes)!;
  const first = memory.lend();
  const second = memory.lend();
  memory.giveBack();
  first();
  expect(bytes.buffer.byteLength).toBe(LONG);
  second();
  expect([bytes.buffer.byteLength, bytes.length]).toEqual([0, 0]);

  const kept = Buffer.allocUnsafeSlow(LONG);
  const other = LentMemory.of(kept)!;
  other.lend();
  other.giveBack();
  expect(kept.length).toBe(LONG);
});

test.each([
  ['few bytes', Buffer.allocUnsafeSlow(1024)],
  ['a part of more', Buffer.allocUnsafeSlow(2 * LONG).subarray(0, LONG)],
  ['shared memory', new Uint8Array(new SharedArrayBuffer(LONG))],
])('%s: nothing is freed', (_what, bytes) => {
  const { length } = bytes;
  LentMemory.of(bytes)?.giveBack();
  freeMemory(bytes);
  expect(bytes.length).toBe(length);
});

test('what is freed no longer counts as memory of the process', () => {
  const before = process.memoryUsage().arrayBuffers;
  const all = Array.from({ length: 64 }, () => Buffer.allocUnsafeSlow(1024 * 1024));
  expect(process.memoryUsage().arrayBuffers - before).toBeGreaterThan(60 * 1024 * 1024);
  for (const bytes of all) freeMemory(bytes);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
});
