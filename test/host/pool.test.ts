import type net from 'node:net';
import { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { ok } from '../../src/kit/result.ts';
import type { CellProcess } from '../../src/host/cell-process.ts';
import { Pool } from '../../src/host/pool.ts';
import type { SandboxKind } from '../../src/host/spawner/messages.ts';
import { HEADER_BYTES, FromCell } from '../../src/wire/frames.ts';
import { keepingLog } from '../support/log.ts';

/** Of the pool: after this long it fills the place of one that was taken. */
const REFILL_DELAY_MS = 100;

describe('a place in the pool', () => {
  const startedAtMs: number[] = [];
  const awaited: boolean[] = [];
  const pool = new Pool({
    size: 1,
    kind: () => 'Process',
    start: (_kind, _slots, isAwaited) => {
      startedAtMs.push(performance.now());
      awaited.push(isAwaited);
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
    // Only the one that somebody waited for boots beside other work.
    expect(awaited).toEqual([false, true, false]);
  });
});

describe('those that wait', () => {
  function poolOf(kind: SandboxKind) {
    const limited: (readonly [id: number, dataBytes: number, mostDataBytes: number])[] = [];
    let started = 0;
    const pool = new Pool({
      size: 2,
      kind: () => kind,
      start: () => Promise.resolve(ok([booted((started += 1), kind)])),
      limitAhead: ({ id }, { dataBytes, mostDataBytes }) => limited.push([id, dataBytes, mostDataBytes]),
      log: keepingLog().log,
    });
    onTestFinished(() => pool.close());
    return { pool, limited };
  }

  it('are limited ahead for what is likely, and whoever comes gets one that has his limit (Q4)', async () => {
    const { pool, limited } = poolOf('Process');
    pool.expect({ likely: [10, 20], most: 30 });
    pool.fill();
    await expect.poll(() => pool.ready).toBe(2);
    expect(limited).toEqual([
      [1, 10, 30],
      [2, 20, 30],
    ]);
    pool.expect({ likely: [20, 10], most: 30 });
    expect(limited).toHaveLength(2);
    expect(await pool.take('Process', 20, () => true)).toMatchObject({ ok: true, value: { id: 2 } });
    expect(await pool.take('Process', 30, () => true)).toMatchObject({ ok: true, value: { id: 1 } });
    // The next ones are for what is likely by then.
    pool.expect({ likely: [40], most: 40 });
    await expect.poll(() => pool.ready).toBe(2);
    expect(limited.slice(2)).toEqual([
      [3, 40, 40],
      [4, 40, 40],
    ]);
  });

  it('go to nobody who needs more than their hard limit, and are replaced where such a one may come (Q5)', async () => {
    const { pool, limited } = poolOf('Process');
    pool.expect({ likely: [10], most: 20 });
    pool.fill();
    await expect.poll(() => pool.ready).toBe(2);
    expect(await pool.take('Process', 21, () => true)).toMatchObject({ ok: true, value: { id: 3 } });
    expect(await pool.take('Process', 20, () => true)).toMatchObject({ ok: true, value: { id: 1 } });
    await expect.poll(() => pool.ready).toBe(2);
    pool.expect({ likely: [10], most: 21 });
    await expect
      .poll(() => limited.slice(3))
      .toEqual([
        [5, 10, 21],
        [6, 10, 21],
      ]);
    expect(pool.ready).toBe(2);
    // Who needs less may have any of them, whatever comes and goes.
    pool.expect({ likely: [10], most: 10 });
    expect(limited).toHaveLength(5);
    expect(await pool.take('Process', 21, () => true)).toMatchObject({ ok: true, value: { id: 5 } });
  });

  it('of Strict have no hard limit ahead, so anybody may have them', async () => {
    const { pool } = poolOf('Strict');
    pool.expect({ likely: [10], most: 20 });
    pool.fill();
    await expect.poll(() => pool.ready).toBe(2);
    pool.expect({ likely: [30], most: 30 });
    expect(await pool.take('Strict', 40, () => true)).toMatchObject({ ok: true, value: { id: 1 } });
  });
});

it('says which processes have not rehearsed, and has them wait all the same', async () => {
  const { log, lines } = keepingLog();
  const said = ['{"rehearsed":true}', '{"rehearsed":false}', 'no JSON'];
  let started = 0;
  const pool = new Pool({
    size: said.length,
    kind: () => 'Process',
    start: () => Promise.resolve(ok([booted((started += 1), 'Process', said[started - 1])])),
    limitAhead: () => {},
    log,
  });
  pool.fill();
  await expect.poll(() => pool.ready).toBe(said.length);
  const told = lines.map((line) => JSON.parse(line) as { readonly msg: string; readonly pid: number });
  expect(told.map(({ msg, pid }) => [msg, pid])).toEqual([
    ['a process waits that has not rehearsed a start', 2],
    ['a process waits that has not rehearsed a start', 3],
  ]);
  pool.close();
});

function booted(id: number, kind: SandboxKind = 'Process', said = '{"rehearsed":true}'): CellProcess {
  const payload = Buffer.from(said);
  const frame = Buffer.alloc(HEADER_BYTES + payload.length);
  frame.writeUInt32LE(payload.length, 0);
  frame[8] = FromCell.Booted;
  payload.copy(frame, HEADER_BYTES);
  const channel = new Duplex({ read() {}, write: (_bytes, _encoding, taken) => taken() });
  channel.push(frame);
  const exited = new Promise<undefined>(() => {});
  return {
    id,
    pid: id,
    kind,
    channel: channel as net.Socket,
    brokerEnd: undefined,
    exited,
    kill: () => {},
    end: () => {},
  };
}
