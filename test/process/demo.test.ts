import { execFile, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Status } from '../../src/model/status.ts';
import { freePort } from '../support/child-server.ts';
import { startHeadway } from '../support/headway.ts';

const run = promisify(execFile);
const PATIENCE_MS = 120_000;
/** No look of its own before this test is long over. */
const NEVER = '1h';

let root: string;
let listen: string;
let status: string;
let demo: { child: ChildProcess; output(): { out: string; err: string } } | undefined;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'headway-'));
  listen = `127.0.0.1:${await freePort()}`;
  status = `127.0.0.1:${await freePort()}`;
});

afterAll(async () => {
  await end('SIGKILL');
  await rm(root, { recursive: true, force: true, maxRetries: 5 });
});

async function start(...more: readonly string[]): Promise<string> {
  demo = startHeadway(['demo', '--data', root, '--listen', listen, '--status', status, ...more]);
  await until('it says what to try', () => demo!.output().out.includes('Ctrl+C ends it'));
  return demo.output().out;
}

async function end(signal: NodeJS.Signals): Promise<number | null> {
  const child = demo?.child;
  demo = undefined;
  if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.kill(signal);
  return ended;
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (demo && demo.child.exitCode !== null) throw new Error(`it ended before ${what}\n${demo.output().err}`);
    if (performance.now() > deadline) {
      const log = readFileSync(path.join(root, 'headway.log'), 'utf8');
      throw new Error(`not within ${PATIENCE_MS} ms: ${what}\n${log.slice(-6_000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function state(): Promise<Status> {
  return (await (await fetch(`http://${status}/api/v1/state`)).json()) as Status;
}

/** What a person does in the clone: edit, commit, push. */
async function push(subject: string, edit: (text: string) => string, file: string): Promise<string> {
  const target = path.join(root, 'work', file);
  await writeFile(target, edit(await readFile(target, 'utf8')));
  const git = (...args: readonly string[]) => run('git', ['-C', path.join(root, 'work'), ...args]);
  await git('commit', '-qam', subject);
  await git('push', '-q');
  return (await git('rev-parse', 'HEAD')).stdout.trim();
}

function lineOf(text: string, start: string): string | undefined {
  return text
    .split('\n')
    .map((line) => line.trim())
    .find((line) => line.startsWith(start));
}

describe('npm start', () => {
  it('seeds a repository, serves it under a visitor, and says where to look and what to try', async () => {
    const said = await start();
    expect(said).toContain('2 of 2 components serve');
    expect(said).toContain(`http://${listen}`);
    expect(said).toContain(`http://${status}`);
    expect(said).toMatch(/git commit .* git push[^]*git commit .* git push[^]*git revert/);
    expect(lineOf(said, 'cd ')).toContain(path.join(root, 'work'));
    expect(await (await fetch(`http://${listen}/?name=Ada`)).text()).toBe('Hello, Ada! (greeting v1)\n');
    expect(await (await fetch(`http://${listen}/js?name=Ada`)).text()).toContain('Ada');
    await until('the visitor tells of its visits', () => /visitor {2}\d+ req\/s/.test(demo!.output().out));
  });

  it('the three commands that it prints do what it says: a good change, a bad one, and back', async () => {
    const lines = demo!
      .output()
      .out.split('\n')
      .map((line) => line.trim());
    const [good, bad, back] = lines.filter((line) => line.includes('git push'));
    const type = (command: string) => run('sh', ['-c', command], { cwd: path.join(root, 'work') });
    const greeting = async () => (await state()).entries.find(({ key }) => key === 'demo/greeting')!;
    const answer = async () => (await fetch(`http://${listen}/`)).text();

    const first = await greeting();
    // What serves may bake still: its own proof is none of what comes after it.
    const old = [undefined, first.proven?.release, first.serving?.release];
    await type(good!);
    await until('the good change is proven', async () => !old.includes((await greeting()).proven?.release));
    expect(await answer()).toContain('greeting v2');
    const second = await greeting();
    await type(bad!);
    await until('the bad one is quarantined', async () => (await greeting()).quarantined.length > 0);
    expect((await greeting()).serving?.release).toBe(second.serving?.release);
    await type(back!);
    await until('git is back', async () => (await greeting()).conditions[0]?.reason === 'Reverted');
    expect(await answer()).toContain('greeting v2');
  });

  it('a push is accepted by the hook of its repository alone', async () => {
    const rare = await push(
      'Look rarely',
      (text) => text.replace('interval: 2s', `interval: ${NEVER}`),
      'environment.yaml',
    );
    await until('it is accepted', async () => (await state()).source.acceptedCommit === rare);
    const commit = await push('Say hello', (text) => `${text}\nHello.\n`, 'README.md');
    await until('it is accepted', async () => (await state()).source.acceptedCommit === commit);
    expect((await state()).commits[0]).toMatchObject({ commit, subject: 'Say hello', state: 'NoChange' });
  });

  it('ends on Ctrl+C with 0; the next start resumes where it was and what the user committed is theirs', async () => {
    const before = await state();
    expect(await end('SIGINT')).toBe(0);
    const said = await start('--no-visitor');
    expect(said).toContain('resuming');
    const after = await state();
    expect(after.source.acceptedCommit).toBe(before.source.acceptedCommit);
    const served = ({ entries }: Status) => entries.map(({ key, serving }) => [key, serving?.release]);
    expect(served(after)).toEqual(served(before));
    expect(await readFile(path.join(root, 'work/README.md'), 'utf8')).toMatch(/Hello\.\n$/);
    expect(await end('SIGTERM')).toBe(0);
  });
});
