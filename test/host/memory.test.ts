/** RLIMIT_DATA bites, and what it does to a process is told apart from other deaths. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limitOfEnd, reasonOfDeath } from '../../src/host/death.ts';
import { assign } from '../../src/host/spawner/assign.ts';
import { Contents } from '../../src/host/spawner/contents.ts';
import { limitDataAhead } from '../../src/host/spawner/data-limit.ts';
import type { LaunchedCell } from '../../src/host/spawner/launch.ts';
import type { SandboxKind } from '../../src/host/spawner/messages.ts';
import { findProgram } from '../../src/host/spawner/sandbox.ts';
import type { Assignment } from '../../src/wire/frames.ts';
import { Bench, endOf, lastFrame } from './launched.ts';
import { MIB } from './running.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open('eater.ts');
});
afterAll(() => bench.close());

/** The eater takes anything that names it for an assignment. */
async function feed(cell: LaunchedCell, kind: 'wasm' | 'heap' | 'nothing', dataBytes: number): Promise<void> {
  const assignment = { replica: kind, files: [] } as unknown as Assignment;
  const prlimit = await findProgram('prlimit');
  const request = { assignment, files: [], dataBytes, cpuMillis: 1_000 };
  const assigned = await assign(cell, request, { contents: new Contents(bench.folder), prlimit });
  expect(assigned).toEqual({ ok: true, value: undefined });
}

function limitsOf(pid: number): { readonly soft: string; readonly hard: string } {
  const [, soft = '', hard = ''] = /^Max data size\s+(\S+)\s+(\S+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))!;
  return { soft, hard };
}

function mappedOf(pid: number): number {
  return 1024 * Number(/^VmData:\s*([0-9]+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
}

const BOTH: readonly SandboxKind[] = ['Strict', 'Process'];

describe.each(BOTH)('a process that takes memory as %s', (sandbox) => {
  it.each([64, 160])('gets near its %i MiB and no more', async (mebibytes) => {
    const cell = await bench.start(sandbox);
    const said = lastFrame(cell);
    await feed(cell, 'wasm', mebibytes * MIB);
    const taken = Number(await said);
    expect(taken).toBeGreaterThan(mebibytes - 24);
    // What the runtime gave back meanwhile is room too.
    expect(taken).toBeLessThanOrEqual(mebibytes + 8);
    await endOf(cell);
  });

  it('has its limit ahead as it waits, and then gets near it and no more', async () => {
    const prlimit = await findProgram('prlimit');
    const cell = await bench.start(sandbox);
    const said = lastFrame(cell);
    limitDataAhead(cell, { dataBytes: 96 * MIB, mostDataBytes: 512 * MIB }, prlimit);
    await cell.process.ahead;
    const ahead = limitsOf(cell.pid);
    const mapped = mappedOf(cell.pid);
    // What could raise the soft one has a hard one too; where a filter keeps it from that, whatever comes may need more.
    if (sandbox === 'Strict') expect(ahead.hard).toBe('unlimited');
    else expect(Number(ahead.hard) - mapped).toBeGreaterThan(508 * MIB);
    if (sandbox === 'Process') expect(Number(ahead.hard) - mapped).toBeLessThan((512 + 16 + 4) * MIB);
    expect(Number(ahead.soft) - mapped).toBeGreaterThan(92 * MIB);
    expect(Number(ahead.soft) - mapped).toBeLessThan(100 * MIB);
    await feed(cell, 'wasm', 96 * MIB);
    const taken = Number(await said);
    expect(taken).toBeGreaterThan(96 - 24);
    expect(taken).toBeLessThanOrEqual(96 + 8);
    await endOf(cell);
  });

  it('has exactly what it is given for good once it is assigned, and cannot be raised', async () => {
    const prlimit = await findProgram('prlimit');
    const cell = await bench.start(sandbox);
    limitDataAhead(cell, { dataBytes: 96 * MIB, mostDataBytes: 96 * MIB }, prlimit);
    await feed(cell, 'nothing', 96 * MIB);
    const exact = String(cell.process.mappedBytes! + 96 * MIB);
    if (sandbox === 'Process') expect(limitsOf(cell.pid)).toEqual({ soft: exact, hard: exact });
    await expect.poll(() => limitsOf(cell.pid)).toEqual({ soft: exact, hard: exact });
    await endOf(cell);
  });

  it('has the limit of what it is given, whatever was expected of it', async () => {
    const prlimit = await findProgram('prlimit');
    for (const expected of [32, 512]) {
      const cell = await bench.start(sandbox);
      const said = lastFrame(cell);
      limitDataAhead(cell, { dataBytes: expected * MIB, mostDataBytes: 512 * MIB }, prlimit);
      await feed(cell, 'wasm', 96 * MIB);
      const taken = Number(await said);
      expect(taken).toBeGreaterThan(96 - 24);
      expect(taken).toBeLessThanOrEqual(96 + 8);
      await endOf(cell);
    }
  });

  it('is limited ahead for something else, then for less than that, and can be given either', async () => {
    const prlimit = await findProgram('prlimit');
    const cell = await bench.start(sandbox);
    limitDataAhead(cell, { dataBytes: 512 * MIB, mostDataBytes: 512 * MIB }, prlimit);
    limitDataAhead(cell, { dataBytes: 32 * MIB, mostDataBytes: 1024 * MIB }, prlimit);
    expect(await cell.process.ahead).toBe(32 * MIB);
    await feed(cell, 'nothing', 512 * MIB);
    const exact = String(cell.process.mappedBytes! + 512 * MIB);
    await expect.poll(() => limitsOf(cell.pid)).toEqual({ soft: exact, hard: exact });
    await endOf(cell);
  });

  it('ends for its limit when its runtime needs more heap than it may have', async () => {
    const cell = await bench.start(sandbox);
    await feed(cell, 'heap', 512 * MIB);
    cell.channel.resume();
    const reason = reasonOfDeath('shop/testbed@b0b0c3d4e5f6#1', await cell.exited, false);
    expect(reason).toMatchObject({ end: 'LimitExceeded', problem: { code: 'HW4109' } });
    expect(limitOfEnd(reason.problem)).toBe('processMemory');
    await endOf(cell);
  });
});

describe('the reason of a death', () => {
  it.each([
    { exit: { code: 1, signal: null, stderr: '' }, loading: false, end: 'Crashed', code: 'HW4107' },
    { exit: { code: null, signal: 'SIGSEGV', stderr: '' }, loading: false, end: 'Crashed', code: 'HW4107' },
    { exit: { code: 70, signal: null, stderr: '' }, loading: true, end: 'StartFailed', code: 'HW4104' },
    { exit: undefined, loading: false, end: 'Crashed', code: 'HW4107' },
    {
      exit: { code: null, signal: 'SIGABRT', stderr: 'x\nFATAL ERROR: … JavaScript heap out of memory\n0x1' },
      loading: true,
      end: 'LimitExceeded',
      code: 'HW4109',
    },
  ])('is $end for $exit', ({ exit, loading, end, code }) => {
    const reason = reasonOfDeath('r', exit, loading);
    expect(reason).toMatchObject({ end, problem: { code } });
    expect(reason.problem.message).not.toContain('0x1');
  });
});
