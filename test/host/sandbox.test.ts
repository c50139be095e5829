/** What code in a cell process can reach: real processes, real attempts, in JavaScript, which can try more than wasm. */
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeBootFolder } from '../../src/host/spawner/boot-folder.ts';
import { readCapabilities } from '../../src/host/spawner/capabilities.ts';
import type { SandboxKind } from '../../src/host/spawner/messages.ts';
import type { CellCommand } from '../../src/host/spawner/sandbox.ts';
import { Bench, endOf, nextFrame } from './launched.ts';

const PERMISSION_FLAGS = ['--permission', '--disallow-code-generation-from-strings', '--disable-proto=throw'];

/** All of it: constants of ours for the allocator (ADR 0150). */
const ENVIRONMENT = ['MALLOC_ARENA_MAX=1', 'MALLOC_MMAP_THRESHOLD_=24576', 'MALLOC_TRIM_THRESHOLD_=4194304'];

interface Report {
  readonly environment: readonly string[];
  readonly [attempt: string]: unknown;
}

let bench: Bench;
let listener: net.Server;
let readable: string;

beforeAll(async () => {
  bench = await Bench.open('prisoner.ts');
  readable = path.join(bench.folder, 'world-readable');
  writeFileSync(readable, 'a file of the host', { mode: 0o644 });
  listener = net.createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
});
afterAll(() => {
  bench.close();
  listener.close();
});

async function reportOf(kind: SandboxKind, change?: (command: CellCommand) => CellCommand): Promise<Report> {
  const cell = await bench.start(kind, change);
  const report = nextFrame(cell);
  const { port } = listener.address() as AddressInfo;
  const socketPath = path.join(bench.folder, 'run', `pairs-${process.pid}.sock`);
  cell.channel.write(JSON.stringify({ pids: [process.pid, process.ppid], port, socketPath, readable }));
  try {
    return JSON.parse(await report) as Report;
  } finally {
    await endOf(cell);
  }
}

const refused = expect.stringMatching(/^refused: /) as unknown;

describe('code in a cell process', () => {
  it('reaches nothing as Strict', async () => {
    expect(await reportOf('Strict')).toEqual({
      environment: ENVIRONMENT,
      passwd: refused,
      readable: refused,
      proc: refused,
      write: refused,
      child: refused,
      thread: refused,
      evaluation: refused,
      prototype: refused,
      kill: [refused, refused],
      tcp: refused,
      unix: refused,
      descriptors: [],
    });
  });

  it('reaches nothing as Strict even without the permission model of Node', async () => {
    const bare = (command: CellCommand): CellCommand => ({
      ...command,
      args: command.args.filter((flag) => !PERMISSION_FLAGS.includes(flag) && !flag.startsWith('--allow-fs-read')),
    });
    expect(await reportOf('Strict', bare)).toMatchObject({
      environment: ENVIRONMENT,
      passwd: refused,
      readable: refused,
      proc: refused,
      write: refused,
      child: refused,
      kill: [refused, refused],
      tcp: refused,
      unix: refused,
      descriptors: [],
      // These are V8's own and the permission model's: without it they are inside the sandbox as everything else.
      evaluation: 'done',
    });
  });

  it('is kept from files, children, threads and the network as Process', async () => {
    expect(await reportOf('Process')).toMatchObject({
      environment: ENVIRONMENT,
      passwd: refused,
      readable: refused,
      write: refused,
      child: refused,
      thread: refused,
      evaluation: refused,
      prototype: refused,
      tcp: refused,
      unix: refused,
      descriptors: [],
    });
  });

  it('can signal others as Process only where it cannot have a uid of its own', async () => {
    const expected = readCapabilities().ownUids ? refused : 'done';
    expect(await reportOf('Process')).toMatchObject({ kill: [expected, expected] });
  });

  it('is another reading of the same attempts that a free process makes without hindrance', async () => {
    const free = (command: CellCommand): CellCommand => ({ ...command, args: [command.args.at(-1)!] });
    expect(await reportOf('Process', free)).toMatchObject({
      passwd: 'done',
      readable: 'done',
      proc: 'done',
      child: 'done',
      thread: 'done',
      evaluation: 'done',
      tcp: 'done',
    });
  });
});

describe('a sandbox that does not come up', () => {
  it('is an error that says why, and leaves no process behind', async () => {
    const noFile = (command: CellCommand): CellCommand => ({
      ...command,
      args: ['--ro-bind', '/not/there', '/x', ...command.args],
    });
    await expect(bench.start('Strict', noFile)).rejects.toThrow('/not/there');
    const noFilter = (command: CellCommand): CellCommand => ({
      ...command,
      args: command.args.map((argument, index) => (command.args[index - 1] === '--seccomp' ? '77' : argument)),
    });
    await expect(bench.start('Strict', noFilter)).rejects.toThrow('bwrap');
    const left = (): readonly string[] =>
      readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name) && commandLine(name).includes(bench.folder));
    // What was killed is gone a little later.
    await expect.poll(left).toEqual([]);
  });
});

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}

describe('the boot folder', () => {
  const source = {
    root: path.resolve(import.meta.dirname, '../../src'),
    entry: path.resolve(import.meta.dirname, '../../src/process/cell.ts'),
  };

  it('holds the code of a cell as plain JavaScript, once, and mends what was changed in it', async () => {
    const parent = path.join(bench.folder, 'boots');
    mkdirSync(path.join(parent, 'of-another-version'), { recursive: true });
    const first = await writeBootFolder(source, parent);
    const entry = path.join(first.folder, first.entry);
    const text = readFileSync(entry, 'utf8');
    expect(text).not.toContain('.ts');
    expect(statSync(entry).mode & 0o777).toBe(0o644);
    expect(statSync(first.folder).mode & 0o777).toBe(0o755);
    writeFileSync(entry, 'changed');
    expect(await writeBootFolder(source, parent)).toEqual(first);
    expect(readFileSync(entry, 'utf8')).toBe(text);
    expect(readdirSync(parent)).toEqual([path.basename(first.folder)]);
  });
});
