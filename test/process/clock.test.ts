/** The clock of a trial: what is skipped passes for the wall and for whoever waits, and for no duration. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { skippingClock } from '../../src/process/clock.ts';
import { Skips } from '../../src/process/trial/skips.ts';

const HOUR_MS = 3_600_000;
let folder: string;
let skips: Skips;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hw-'));
  skips = new Skips(path.join(folder, 'skips'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('goes on to where it is put, and never back', async () => {
  const clock = skippingClock(skips.file);
  const before = clock.now();
  const to = Date.now() + HOUR_MS;
  skips.to(to);
  skips.to(to - 1_000);
  await expect.poll(() => clock.now().wallMs).toBeGreaterThanOrEqual(to);
  const after = clock.now();
  expect(Math.abs(after.wallMs - skips.nowMs())).toBeLessThan(1_000);
  expect(after.monotonicMs - before.monotonicMs).toBeLessThan(HOUR_MS / 2);
  // One that starts later has it from its start.
  expect(skippingClock(skips.file).now().wallMs).toBeGreaterThanOrEqual(to);
});

it('calls whoever waits so much earlier, and nobody who gave up', async () => {
  const clock = skippingClock(skips.file);
  const called: string[] = [];
  clock.after(HOUR_MS, () => called.push('an hour'));
  clock.after(3 * HOUR_MS, () => called.push('three hours'));
  clock.after(HOUR_MS, () => called.push('gave up'))();
  clock.after(0, () => called.push('at once'));
  await expect.poll(() => called).toEqual(['at once']);
  skips.to(Date.now() + HOUR_MS + 1_000);
  await expect.poll(() => called).toEqual(['at once', 'an hour']);
  await sleep(100);
  skips.to(skips.nowMs() + 2 * HOUR_MS);
  await expect.poll(() => called).toEqual(['at once', 'an hour', 'three hours']);
});

it('tells times of the trial as the machine had them', () => {
  const start = Date.now();
  const first = new Date(skips.nowMs()).toISOString();
  skips.to(start + HOUR_MS);
  const second = new Date(skips.nowMs()).toISOString();
  skips.to(start + 24 * HOUR_MS);
  const third = new Date(skips.nowMs()).toISOString();
  expect(Date.parse(third) - Date.parse(first)).toBeGreaterThan(23 * HOUR_MS);
  // Said by a control that had not noticed yet.
  const late = new Date(start + HOUR_MS + 2_000).toISOString();
  for (const told of [first, second, late, third])
    expect(Math.abs(skips.machineMs(told) - start)).toBeLessThan(HOUR_MS / 2);
});
