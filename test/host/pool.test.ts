import type net from 'node:net';
import { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { ok } from '../../src/kit/result.ts';
import type { CellProcess } from '../../src/host/cell-process.ts';
import { Pool } from '../../src/host/pool.ts';
import { HEADER_BYTES, FromCell } from '../../src/wire/frames.ts';
import { keepingLog } from '../support/log.ts';

/** Of the pool: after this long it fills the place of one that was taken. */
const REFILL_DELAY_MS = 100;

describe('a place in the pool', () => {
  const startedAtMs: number[] = [];
  const pool = new Pool({
    size: 1,
    kind: () => 'Process',
    start: () => {
      startedAtMs.push(performance.now());
      return Promise.resolve(ok([booted(startedAtMs.length)]));
    },
    limitAhead: () => {},
    log: keepingLog().log,
  });
  afterEach(() => pool.close());

  it('is filled a while after it was left, and whoever comes in between gets a process at once (Q1, Q2)', async () => {
    pool.fill();
    await expect.poll(() => pool.ready).toBe(1);
    const takenAtMs = performance.now();
    const first = await pool.take('Process', 1, () => true);
    expect(first).toMatchObject({ ok: true, value: { id: 1 } });
    await sleep(REFILL_DELAY_MS / 2);
    expect(startedAtMs).toHaveLength(1);
    const second = await pool.take('Process', 1, () => true);
    expect(second).toMatchObject({ ok: true, value: { id: 2 } });
    await expect.poll(() => pool.ready).toBe(1);
    expect(startedAtMs).toHaveLength(3);
    expect(startedAtMs[2]! - takenAtMs).toBeGreaterThanOrEqual(REFILL_DELAY_MS - 1);
  });
});

describe('those that wait', () => {
  it('are limited ahead for what is likely, and whoever comes gets one that has his limit (Q4)', async () => {
    const limited: (readonly [number, number])[] = [];
    let started = 0;
    const pool = new Pool({
      size: 2,
      kind: () => 'Process',
      start: () => Promise.resolve(ok([booted((started += 1))])),
      limitAhead: ({ id }, dataBytes) => limited.push([id, dataBytes]),
      log: keepingLog().log,
    });
    pool.expect([10, 20]);
    pool.fill();
    await expect.poll(() => pool.ready).toBe(2);
    expect(limited).toEqual([
      [1, 10],
      [2, 20],
    ]);
    pool.expect([20, 10]);
    expect(limited).toHaveLength(2);
    expect(await pool.take('Process', 20, () => true)).toMatchObject({ ok: true, value: { id: 2 } });
    expect(await pool.take('Process', 30, () => true)).toMatchObject({ ok: true, value: { id: 1 } });
    // The next ones are for what is likely by then.
    pool.expect([40]);
    await expect.poll(() => pool.ready).toBe(2);
    expect(limited.slice(2)).toEqual([
      [3, 40],
      [4, 40],
    ]);
    pool.close();
  });
});

function booted(id: number): CellProcess {
  const frame = Buffer.alloc(HEADER_BYTES);
  frame[8] = FromCell.Booted;
  const channel = new Duplex({ read() {}, write: (_bytes, _encoding, taken) => taken() });
  channel.push(frame);
  const exited = new Promise<undefined>(() => {});
  return {
    id,
    pid: id,
    kind: 'Process',
    channel: channel as net.Socket,
    brokerEnd: undefined,
    exited,
    kill: () => {},
    end: () => {},
  };
}
