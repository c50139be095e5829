/** `limits.cpu`: what is measured, what follows from it, and what a real guest that uses too much gets. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProcessorMeter, WINDOW_MS } from '../../src/host/processor.ts';
import { setSessionPriority } from '../../src/host/spawner/priority.ts';
import type { ProcessorStage } from '../../src/model/processor.ts';
import { bundleOf } from './bundles.ts';
import { cellOf, get, MIB, RunningHost } from './running.ts';

const SECOND_MS = 1_000;

/** The stages after each second of such a use, in thousandths. */
function stages(limitMillis: number, uses: readonly number[]): readonly ProcessorStage[] {
  const meter = new ProcessorMeter(limitMillis);
  let usedMs = 0;
  meter.look({ atMs: 0, usedMs });
  return uses.map((use, second) => {
    usedMs += use;
    meter.look({ atMs: (second + 1) * SECOND_MS, usedMs });
    return meter.stage;
  });
}

const repeated = (use: number, seconds: number): number[] => Array.from({ length: seconds }, () => use);

describe('the stages', () => {
  it('are one for each five seconds above the limit, and the last one stays', () => {
    const seen = stages(500, repeated(600, 22));
    const at = (stage: ProcessorStage) => seen.indexOf(stage) + 1;
    expect([at('Within'), at('Lowered'), at('Told'), at('Recycle')]).toEqual([1, 5, 10, 15]);
    expect(stages(500, [...repeated(600, 15), ...repeated(0, 20)]).at(-1)).toBe('Recycle');
  });

  it.each([
    ['at the limit, with the clock of the kernel in its favour', 500, 504, 'Within'],
    ['above what that clock can hide', 500, 505, 'Lowered'],
    ['one thread at a limit of one processor', 1_000, 1_000, 'Within'],
    ['one thread at more than that', 4_000, 1_000, 'Within'],
    ['nothing at the least', 10, 0, 'Within'],
  ])('%s', (_, limit, use, stage) => {
    expect(stages(limit, repeated(use, 5)).at(-1)).toBe(stage);
  });

  it('a burst within five seconds of rest is none, and what falls below the limit is Within again', () => {
    expect(stages(500, [1_000, 1_000, 0, 0, 0, 1_000, 1_000, 0, 0, 0]).every((stage) => stage === 'Within')).toBe(true);
    const seen = stages(500, [...repeated(900, 10), ...repeated(100, 5)]);
    expect([seen[9], seen[13], seen[14]]).toEqual(['Told', 'Told', 'Within']);
  });

  it('a look that came late counts by the time that it was', () => {
    const meter = new ProcessorMeter(500);
    meter.look({ atMs: 0, usedMs: 0 });
    meter.look({ atMs: 2 * WINDOW_MS, usedMs: WINDOW_MS });
    expect([meter.stage, meter.used]).toEqual(['Within', 0.5]);
  });
});

/** "/autogroup-25 nice 0"; nothing where no process since the machine's first has called setsid(2), as in some containers. */
const sessionPriority = (pid: number): number | undefined => {
  const said = / nice (-?\d+)$/.exec(readFileSync(`/proc/${pid}/autogroup`, 'latin1').trim());
  return said ? Number(said[1]) : undefined;
};

describe.runIf(existsSync('/proc/self/autogroup'))('a session', () => {
  it('of another process gets the priority; our own is left as it is', async () => {
    const before = sessionPriority(process.pid);
    const [theirs, ours] = [true, false].map((detached) => spawn('sleep', ['60'], { stdio: 'ignore', detached }));
    for (const child of [theirs!, ours!]) setSessionPriority(child.pid!, 7);
    // Whoever lacks CAP_SYS_ADMIN may be told to say it again.
    await expect.poll(() => sessionPriority(theirs!.pid!)).toBe(7);
    expect([sessionPriority(ours!.pid!), sessionPriority(process.pid)]).toEqual([before, before]);
    for (const child of [theirs!, ours!]) child.kill('SIGKILL');
  });
});

describe('a guest', () => {
  let running: RunningHost;
  beforeAll(() => {
    running = new RunningHost({ poolSize: 1 });
  });
  afterAll(() => running.stop());

  /** Of its threads, and of its session where the kernel has that. */
  const priorities = (pid: number): readonly (number | undefined)[] => [
    ...new Set([
      ...readdirSync(`/proc/${pid}/task`).map((thread) => os.getPriority(Number(thread))),
      ...(existsSync(`/proc/${pid}/autogroup`) ? [sessionPriority(pid)] : []),
    ]),
  ];

  it('runs at nice 5; above its limit at nice 19, then with a problem, then to be replaced; its neighbour at nice 5', async () => {
    const bundle = await bundleOf('testbed', running.storeFolder, 16 * MIB);
    const greedy = await running.ready('a', cellOf(bundle, { limits: { cpuMillis: 20, requestTimeoutMs: 500 } }));
    const quiet = await running.ready('b', { ...cellOf(bundle), group: 'shop/other@b0b0c3d4e5f6' });
    const [pid, other] = [running.replica('a').pid!, running.replica('b').pid!];
    // Whoever lacks CAP_SYS_ADMIN may have to say it again.
    await expect.poll(() => [priorities(pid), priorities(other)]).toEqual([[5], [5]]);
    const over = new AbortController();
    const ask = async (): Promise<void> => {
      while (!over.signal.aborted) {
        await get(greedy, '/big?bytes=1000000');
        await sleep(1);
      }
    };
    // So much that there is some of it for the lowest priority too.
    const asking = Promise.all(Array.from({ length: 4 }, ask));
    const stage = () => running.replica('a').processor?.stage;
    await running.until('it runs at the lowest priority', () => stage() === 'Lowered');
    // Thread by thread, after the decision.
    await expect.poll(() => priorities(pid)).toEqual([19]);
    expect(running.replica('a').problem).toBeUndefined();
    await running.until('it is told', () => stage() === 'Told');
    const { phase, problem } = running.replica('a');
    expect([phase, problem?.code]).toEqual(['Ready', 'HW4116']);
    expect(problem?.message).toMatch(/^a used \d\.\d\d processors over 5 s, its limit is 0\.02$/);
    await running.until('it is to be replaced', () => stage() === 'Recycle');
    over.abort();
    await asking;
    expect((await get(quiet, '/healthz')).status).toBe(200);
    expect([running.replica('b').processor?.stage, priorities(other)]).toEqual(['Within', [5]]);
  }, 120_000);
});
