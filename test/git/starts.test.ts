/** How often git is started, counted by a git that writes down what it is asked before it is the real one. */
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GitCommand } from '../../src/git/command.ts';
import { HeadReading } from '../../src/git/head.ts';
import { KeptBatch, type KeptReading } from '../../src/git/kept.ts';
import { openMirror, type Mirror, type MirrorOptions } from '../../src/git/mirror.ts';
import type { Result } from '../../src/kit/result.ts';
import type { Problem } from '../../src/model/problem.ts';
import { keepingLog } from '../support/log.ts';
import { Repository } from '../support/repository.ts';

const PATH = process.env['PATH']!;
const KEPT = 'cat-file --batch';

let folder: string;
let repository: Repository;
let mirror: Mirror | undefined;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'headway-starts-'));
  repository = await Repository.create(folder);
  const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
  const [bin, git] = [path.join(folder, 'bin'), path.join(folder, 'bin', 'git')];
  await mkdir(bin);
  await writeFile(git, `#!/bin/sh\necho "$1 $2" >> '${path.join(folder, 'starts')}'\nexec '${real}' "$@"\n`);
  await chmod(git, 0o755);
  process.env['PATH'] = `${bin}:${PATH}`;
});

afterEach(async () => {
  process.env['PATH'] = PATH;
  mirror?.close();
  await rm(folder, { recursive: true, force: true });
});

function expectOk<T>(result: Result<T, Problem>): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

async function open(limits: MirrorOptions['limits'] = {}): Promise<Mirror> {
  const { log } = keepingLog();
  const data = path.join(folder, 'data');
  mirror = expectOk(
    await openMirror({ url: repository.url, ref: 'main', path: '.', folder: data, allowFile: true, log, limits }),
  );
  return mirror;
}

/** What git was started for since the last time. */
async function starts(): Promise<string[]> {
  const file = path.join(folder, 'starts');
  const written = await readFile(file, 'utf8').catch(() => '');
  await rm(file, { force: true });
  const lines = written.split('\n').filter((line) => line !== '');
  return lines.map((line) => (line === KEPT ? KEPT : line.split(' ')[0]!)).toSorted();
}

/** What a look at a push does (`reconcile/source.ts`): the tree and the story, manifests, an artifact. */
async function readPush(from: Mirror, accepted: string | undefined, isHinted: boolean): Promise<string> {
  const { commit } = expectOk(await from.look(isHinted));
  if (accepted !== undefined) expect(expectOk(await from.isAncestor(accepted, commit))).toBe(true);
  const [files] = await Promise.all([
    from.files(commit),
    accepted === undefined ? from.commit(commit) : from.between(accepted, commit, 50),
  ]);
  for (const { oid } of expectOk(files)) expect(expectOk(await from.blobs([oid])).size).toBe(1);
  return commit;
}

/** As a machine without memory would. */
async function killKept(): Promise<number> {
  let killed = 0;
  for (const pid of await readdir('/proc')) {
    const [command, environment] = await Promise.all(
      ['cmdline', 'environ'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')),
    );
    if (command !== 'git\0cat-file\0--batch\0' && !command?.endsWith('/git\0cat-file\0--batch\0')) continue;
    if (!environment?.includes(`GIT_DIR=${repository.bare}`)) continue;
    process.kill(Number(pid), 'SIGKILL');
    killed += 1;
  }
  return killed;
}

const FILES = { 'a.yaml': 'a: 1\n', 'a.wasm': 'one' };

describe('a push', () => {
  test('after a hint starts git three times, in two steps; at the interval four times, in three', async () => {
    await repository.push('one', FILES);
    const from = await open();
    const first = await readPush(from, undefined, false);
    expect((await starts()).filter((start) => start === KEPT)).toEqual([KEPT]);
    const two = await repository.push('two', { 'a.wasm': 'two' });
    const second = await readPush(from, first, true);
    expect([second, await starts()]).toEqual([two, ['fetch', 'log', 'ls-tree']]);
    const three = await repository.push('three', { 'a.wasm': 'three' });
    const third = await readPush(from, second, false);
    expect([third, await starts()]).toEqual([three, ['fetch', 'log', 'ls-remote', 'ls-tree']]);
  });

  test('of several commits asks for the history whether it follows', async () => {
    await repository.push('one', FILES);
    const from = await open();
    const first = await readPush(from, undefined, false);
    await starts();
    await repository.commit('two', { 'a.wasm': 'two' });
    await repository.push('three', { 'a.wasm': 'three' });
    await readPush(from, first, true);
    expect(await starts()).toEqual(['fetch', 'log', 'ls-tree', 'rev-list']);
  });

  test('that rewrote history does not follow', async () => {
    await repository.push('one', FILES);
    const first = await repository.push('two', { 'a.wasm': 'two' });
    const from = await open();
    await from.look();
    await repository.git('commit', '-q', '--amend', '-m', 'another');
    await repository.git('push', '-q', '--force', 'origin', 'HEAD:main');
    const { commit } = expectOk(await from.look(true));
    expect(commit).toBe(await repository.head());
    expect(await from.isAncestor(first, commit)).toEqual({ ok: true, value: false });
  });
});

describe('a hint', () => {
  test('of nothing fetches nothing', async () => {
    const commit = await repository.push('one', FILES);
    const from = await open();
    await from.look();
    await starts();
    expect(await from.look(true)).toEqual({ ok: true, value: { commit, fetched: false } });
    expect(await starts()).toEqual(['fetch']);
  });

  test('asks where nothing is known, where another ref may have come before, and where the ref is gone', async () => {
    const commit = await repository.push('one', FILES);
    await repository.git('push', '-q', 'origin', 'HEAD:refs/tags/release');
    const from = await open();
    expect(await from.look(true)).toEqual({ ok: true, value: { commit, fetched: true } });
    expect(await starts()).toContain('ls-remote');
    await repository.git('--git-dir', repository.bare, 'update-ref', '-d', 'refs/heads/main');
    expect(await from.look(true)).toMatchObject({ ok: false, error: { code: 'HW3003' } });
    expect(await starts()).toEqual(['fetch', 'ls-remote']);
    from.close();
    const tagged = expectOk(
      await openMirror({
        url: repository.url,
        ref: 'release',
        path: '.',
        folder: path.join(folder, 'tagged'),
        allowFile: true,
        log: keepingLog().log,
      }),
    );
    await tagged.look();
    await starts();
    const two = await repository.commit('two', { 'a.wasm': 'two' });
    await repository.git('push', '-q', 'origin', 'HEAD:refs/heads/release');
    expect(await tagged.look(true)).toEqual({ ok: true, value: { commit: two, fetched: true } });
    expect(await starts()).toEqual(['fetch', 'ls-remote']);
    tagged.close();
  });
});

describe('the process that stays', () => {
  test('goes when nobody has read for a while, and before a rebuild', async () => {
    await repository.push('one', FILES);
    const from = await open({ keptIdleMs: 50 });
    const commit = await readPush(from, undefined, false);
    const [file] = expectOk(await from.files(commit));
    await starts();
    await new Promise((resolve) => void setTimeout(resolve, 500));
    expect(expectOk(await from.blobs([file!.oid])).size).toBe(1);
    expect(await starts()).toEqual([KEPT]);
  });

  test('is started once more for the reading that finds it dead', async () => {
    await repository.push('one', FILES);
    const command = new GitCommand(repository.bare, { PATH: process.env['PATH']!, GIT_DIR: repository.bare });
    const batch = new KeptBatch(command, { deadlineMs: 10_000, idleMs: 10_000 });
    const head = async (): Promise<string | undefined> => {
      let reading: HeadReading | undefined;
      const ended = await batch.read(() => (reading = new HeadReading('refs/heads/main^{commit}', 10_000)));
      return ended ? `ended: ${ended.stop ?? ended.exitCode}` : reading?.head?.commit;
    };
    expect(await head()).toBe(await repository.head());
    expect(await killKept()).toBe(1);
    await starts();
    expect(await head()).toBe(await repository.head());
    expect((await starts()).filter((start) => start === KEPT)).toEqual([KEPT]);
    const silent: KeptReading = { input: '', push: () => true, isComplete: () => false };
    const slow = new KeptBatch(command, { deadlineMs: 100, idleMs: 10_000 });
    expect(await slow.read(() => silent)).toMatchObject({ stop: 'Deadline' });
    const bug = (): never => {
      throw new Error('a bug');
    };
    await expect(batch.read(bug)).rejects.toThrow('a bug');
    expect(await head()).toBe(await repository.head());
    await batch.rest();
    expect(await head()).toBe(await repository.head());
    command.close();
    expect(await head()).toBe('ended: Closed');
  });

  test('reads a commit within its bound, and not a byte beyond', async () => {
    await repository.push('one', FILES);
    const commit = await repository.push('two', { 'a.wasm': 'two' });
    const command = new GitCommand(repository.bare, { PATH: process.env['PATH']!, GIT_DIR: repository.bare });
    const batch = new KeptBatch(command, { deadlineMs: 10_000, idleMs: 10_000 });
    const content = await repository.git('cat-file', 'commit', 'HEAD');
    // The head line, the content with the line feed that git took off here, and the one behind it.
    const bytes = `${commit} commit ${content.length + 1}\n${content}\n\n`.length;
    const read = async (maxBytes: number, revision = 'refs/heads/main^{commit}') => {
      const reading = new HeadReading(revision, maxBytes);
      const ended = await batch.read(() => reading);
      return ended?.stop ?? reading.head;
    };
    const parent = await repository.git('rev-parse', 'HEAD~1');
    expect(await read(bytes)).toEqual({ commit, parents: [parent] });
    expect(await read(bytes - 1)).toBe('OutputTooLarge');
    expect(await read(bytes, 'refs/heads/none^{commit}')).toBeUndefined();
    expect(await read(bytes)).toEqual({ commit, parents: [parent] });
    command.close();
  });
});
