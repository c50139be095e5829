import { describe, expect, it } from 'vitest';
import { createWatch, MIN_LOOK_GAP_MS } from '../../src/reconcile/watch.ts';
import { VirtualClock } from '../simulator/virtual-clock.ts';

/** Looks that are noted; `goes` says whether they go through, `lastsMs` how long they take. */
function watching(goes: () => boolean, lastsMs = 0) {
  const clock = new VirtualClock(0);
  const looks: number[] = [];
  const hinted: boolean[] = [];
  const watch = createWatch({
    clock,
    interval: () => ({ intervalMs: 10_000, jitter: 0.1 }),
    look: async (isHinted) => {
      looks.push(clock.nowMs);
      hinted.push(isHinted);
      if (lastsMs > 0) await new Promise<void>((resolve) => void clock.after(lastsMs, resolve));
      return goes();
    },
  });
  const run = async (untilMs: number) => {
    for (let next = clock.next(untilMs); next; next = clock.next(untilMs)) {
      next();
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    clock.nowMs = untilMs;
  };
  return { watch, looks, hinted, run };
}

const gaps = (times: readonly number[]) => times.slice(1).map((time, index) => time - times[index]!);

describe('the watch', () => {
  it('looks at once and then at the interval, within its jitter and never all alike', async () => {
    const { watch, looks, run } = watching(() => true);
    watch.start();
    await run(200_000);
    expect(looks[0]).toBe(0);
    for (const gap of gaps(looks)) expect(Math.abs(gap - 10_000)).toBeLessThanOrEqual(1_000);
    expect(new Set(gaps(looks)).size).toBeGreaterThan(10);
  });

  it('says which looks a hint asked for', async () => {
    const { watch, hinted, run } = watching(() => true, 100);
    watch.start();
    await run(1_000);
    watch.hint();
    await run(1_050);
    watch.hint();
    await run(30_000);
    expect(hinted.slice(0, 4)).toEqual([false, true, true, false]);
  });

  it('backs off while the server does not answer, and is itself again afterwards', async () => {
    let up = false;
    const { watch, looks, run } = watching(() => up);
    watch.start();
    await run(300_000);
    expect(gaps(looks).slice(0, 8)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    up = true;
    const before = looks.length;
    await run(400_000);
    const after = gaps(looks.slice(before));
    expect(after.length).toBeGreaterThan(5);
    expect(Math.max(...after)).toBeLessThan(12_000);
  });

  it('a hint looks now; many hints during a look are one more look', async () => {
    const { watch, looks, run } = watching(() => true, 500);
    watch.start();
    await run(2_000);
    watch.hint();
    await run(2_000 + MIN_LOOK_GAP_MS);
    expect(looks).toHaveLength(2);
    for (let hint = 0; hint < 100; hint++) watch.hint();
    await run(4_500);
    expect(looks).toHaveLength(3);
  });

  it('looks no more once it is stopped', async () => {
    const { watch, looks, run } = watching(() => true);
    watch.start();
    await run(1_000);
    await watch.stop();
    watch.hint();
    await run(100_000);
    expect(looks).toHaveLength(1);
  });
});
