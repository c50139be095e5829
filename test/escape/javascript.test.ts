/**
 * JavaScript in a cell's process, outside of wasm, with none of what the cell's own code removes: what it reaches in each
 * isolation. The table is what the documentation says (`docs/isolation.md`): what `Process` does not stop stands in it as such.
 */
import { once } from 'node:events';
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCapabilities } from '../../src/host/spawner/capabilities.ts';
import { MAX_SLOTS } from '../../src/wire/slots.ts';
import { Bench, endOf, nextFrame } from '../host/launched.ts';
import { NOT_STOPPED } from './not-stopped.ts';

interface Reached {
  readonly report: Readonly<Record<string, string>>;
  readonly open: readonly string[];
  readonly environment: readonly string[];
}

let bench: Bench;
let listener: net.Server;
let abstractListener: net.Server;
let bystander: ChildProcess;
let targets: {
  readonly engine: number;
  readonly abstract: string;
  readonly port: number;
  readonly readable: string;
  readonly writable: string;
  readonly hostname: string;
};

beforeAll(async () => {
  bench = await Bench.open(path.join(import.meta.dirname, 'fixtures/intruder.ts'));
  const readable = path.join(bench.folder, 'readable');
  const writable = path.join(bench.folder, 'writable');
  writeFileSync(readable, 'SECRET=1');
  mkdirSync(writable);
  // Whatever the uid: what keeps a cell out is not the mode of a file.
  chmodSync(readable, 0o666);
  chmodSync(writable, 0o777);
  bystander = spawn(process.execPath, ['--disable-sigusr1', '-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  listener = net.createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const abstract = `\0headway-test-${process.pid}`;
  abstractListener = net.createServer((socket) => socket.on('error', () => undefined)).listen(abstract);
  await once(abstractListener, 'listening');
  targets = {
    engine: bystander.pid!,
    abstract,
    port: (listener.address() as AddressInfo).port,
    readable,
    writable,
    hostname: os.hostname(),
  };
});
afterAll(() => {
  bench.close();
  listener.close();
  abstractListener.close();
  bystander.kill();
});

/** A process that cells share is a process like any other to the world outside: it has more channels, and reaches no more. */
describe.each([
  ['Process', 1],
  ['Strict', 1],
  ['Process', MAX_SLOTS],
  ['Strict', MAX_SLOTS],
] as const)('JavaScript in a cell as %s, in a process of %i', (kind, slots) => {
  let reached: Reached;

  beforeAll(async () => {
    const [cell, neighbour] = [await bench.start(kind, undefined, slots), await bench.start(kind)];
    const frame = nextFrame(cell);
    cell.channel.write(JSON.stringify({ ...targets, neighbour: neighbour.pid }));
    reached = JSON.parse(await frame) as Reached;
    await endOf(cell);
    await endOf(neighbour);
  });

  it('does what the table says, and nothing else', () => {
    const done = Object.keys(reached.report).filter((name) => reached.report[name] === 'done');
    const { ownUids } = readCapabilities();
    const expected = NOT_STOPPED.filter((row) => row[kind] === 'Reached' || (row[kind] === 'SameUid' && !ownUids));
    expect(Object.keys(reached.report).length).toBeGreaterThan(45);
    expect(done.sort()).toEqual(expected.map(({ attempt }) => attempt).sort());
  });

  it('has stderr and two channels of each cell, and no file, no folder', () => {
    const channels = Array.from({ length: 2 * slots }, (_, index) => `${3 + index} socket`);
    expect(reached.open.filter((one) => one.endsWith('socket'))).toEqual(['2 socket', ...channels]);
    // Without /dev/null, libuv keeps the root of the sandbox open as its spare descriptor.
    expect(reached.open.filter((one) => /file$|folder$/.test(one)).length).toBe(kind === 'Strict' ? 1 : 0);
  });

  it('has three constants for its environment, and leaves nothing behind', () => {
    expect(reached.environment).toEqual([
      'MALLOC_ARENA_MAX=1',
      'MALLOC_MMAP_THRESHOLD_=24576',
      'MALLOC_TRIM_THRESHOLD_=4194304',
    ]);
    expect(readdirSync(targets.writable)).toEqual([]);
    expect([bystander.exitCode, bystander.signalCode]).toEqual([null, null]);
  });
});

it('is told in docs/isolation.md as it is', () => {
  const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/isolation.md'), 'utf8');
  const words = { Reached: 'reached', SameUid: 'reached without own uids', Refused: 'refused' };
  const rows = NOT_STOPPED.map(
    (row) => `| ${row.attempt} | ${words[row.Process]} | ${words[row.Strict]} | ${row.why} |`,
  );
  const heading = '| what is not stopped | `Process` | `Strict` | why |\n|---|---|---|---|\n';
  expect(page).toContain(`${heading}${rows.join('\n')}\n\n`);
});
