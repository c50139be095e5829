/** What is left of an engine and a spawner that were killed together: a cell that spins must not burn on. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { CellRecords, cellRecordsFolder } from '../../src/host/spawner/records.ts';
import { lockDataFolder } from '../../src/journal/lock.ts';
import { EXIT } from '../../src/model/exit.ts';
import { sweepLeftCells } from '../../src/process/left-cells.ts';
import { supervise } from '../../src/process/supervisor.ts';
import { Daemon } from '../support/daemon.ts';
import { component, environment, example, quickPolicy, route } from '../support/manifests.ts';
import { Repository } from '../support/repository.ts';

const folders: string[] = [];
const processes: ChildProcess[] = [];
afterEach(() => {
  for (const process_ of processes.splice(0)) process_.kill('SIGKILL');
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'headway-left-'));
  folders.push(folder);
  return folder;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('sweeping', () => {
  async function recorded(): Promise<{ readonly run: string; readonly cell: ChildProcess }> {
    const run = temporaryFolder();
    const cell = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
    processes.push(cell);
    await once(cell, 'spawn');
    const records = new CellRecords(cellRecordsFolder(run));
    await records.sweep(new Set());
    await records.add(cell.pid!);
    return { run, cell };
  }

  it('ends what is recorded and still runs', async () => {
    const { run, cell } = await recorded();
    const ended = once(cell, 'exit');
    await sweepLeftCells(run);
    expect(await ended).toEqual([null, 'SIGKILL']);
    // And lets the next engine have the folder.
    const lock = lockDataFolder(run);
    expect(lock.ok).toBe(true);
    if (lock.ok) lock.value.release();
  });

  it('ends nothing while an engine holds the folder: the cells are another daemon’s', async () => {
    const { run, cell } = await recorded();
    const holder = path.join(import.meta.dirname, 'fixtures/lock-holder.ts');
    const engine = spawn(process.execPath, [holder, run], { stdio: ['ignore', 'pipe', 'inherit'] });
    processes.push(engine);
    await once(engine.stdout!, 'data');
    await sweepLeftCells(run);
    await sleep(100);
    expect(cell.exitCode ?? cell.signalCode).toBeNull();
  });
});

describe('the supervisor', () => {
  it('clears away after each end, before the next start and before its own end, and survives what that fails by', async () => {
    const folder = temporaryFolder();
    const said: string[] = [];
    const events: string[] = [];
    const supervisor = supervise(
      [
        {
          name: 'child',
          entry: '../../test/process/fixtures/short-lived.ts',
          config: { file: path.join(folder, 'lives') },
          afterExit: async () => {
            events.push('clearing');
            await sleep(200);
            events.push('cleared');
            if (events.length === 2) throw new Error('not this time');
          },
        },
      ],
      (line) => said.push(line),
    );
    while (events.length < 4) await sleep(20);
    await supervisor.stop();
    expect(events.length % 2).toBe(0);
    expect(events.every((event, index) => event === (index % 2 === 0 ? 'clearing' : 'cleared'))).toBe(true);
    expect(said).toContain('what child left behind could not be cleared away: not this time');
    expect(said.some((line) => line.startsWith('child ended'))).toBe(true);
  });
});

describe('engine and spawner are killed together while a guest spins', () => {
  it('and the engine cannot start again: everything ends, the cell that spins as well', async () => {
    const folder = temporaryFolder();
    const repository = await Repository.create(path.join(folder, 'git'));
    await repository.push('Start', {
      'environment.yaml': environment(),
      'shop/policies.yaml': quickPolicy({}),
      'shop/testbed.wasm': example('testbed'),
      'shop/greeting.yaml': component({ wasm: 'shop/testbed.wasm' }),
      'shop/route.yaml': route(),
    });
    const daemon = await Daemon.start({ repo: repository.url, data: path.join(folder, 'data') });
    onTestFinished(async () => void (await daemon.stop('SIGKILL')));
    await daemon.entry('shop/greeting', 'it serves', ({ serving }) => serving !== undefined);
    const cells = daemon.processes().get('cell') ?? [];
    const [engine, spawner] = [daemon.one('engine'), daemon.one('spawner')];
    const spinning = fetch(`${daemon.url}/spin`).catch(() => undefined);
    await sleep(300);
    process.kill(spawner, 'SIGKILL');
    process.kill(engine, 'SIGKILL');
    const [, port] = daemon.listen.split(':');
    const squatter = await squat(Number(port));
    onTestFinished(() => void squatter.close());
    await spinning;
    expect(await daemon.ended()).toBe(EXIT.PortInUse);
    await daemon.becomes('no cell is left', () => !cells.some(isAlive));
  });
});

/** Takes a port as soon as it is free. */
async function squat(port: number): Promise<ReturnType<typeof createServer>> {
  for (;;) {
    const server = createServer();
    const taken = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (taken) return server;
    await sleep(1);
  }
}
