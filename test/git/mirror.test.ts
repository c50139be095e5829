import { mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openMirror, type Mirror, type MirrorOptions } from '../../src/git/mirror.ts';
import { keepingLog } from '../support/log.ts';
import { Repository } from '../support/repository.ts';

let folder: string;
let repository: Repository;
const open: Mirror[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'headway-mirror-'));
  repository = await Repository.create(folder);
});

afterEach(async () => {
  for (const mirror of open.splice(0)) mirror.close();
  await rm(folder, { recursive: true, force: true });
});

function optionsOf(more: Partial<MirrorOptions> = {}): MirrorOptions {
  const { log } = keepingLog();
  return {
    url: repository.url,
    ref: 'main',
    path: '.',
    folder: path.join(folder, 'data'),
    allowFile: true,
    log,
    ...more,
  };
}

async function openOk(more: Partial<MirrorOptions> = {}): Promise<Mirror> {
  const opened = await openMirror(optionsOf(more));
  if (!opened.ok) throw new Error(opened.error.message);
  open.push(opened.value);
  return opened.value;
}

function text(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString();
}

describe('a commit becomes files', () => {
  test('look fetches what is new, once', async () => {
    const first = await repository.push('first', { 'fleet/a.yaml': 'a: 1\n' });
    const mirror = await openOk();
    expect(await mirror.look()).toEqual({ ok: true, value: { commit: first, fetched: true } });
    expect(await mirror.look()).toEqual({ ok: true, value: { commit: first, fetched: false } });
    const second = await repository.push('second', { 'fleet/a.yaml': 'a: 2\n' });
    expect(await mirror.look()).toEqual({ ok: true, value: { commit: second, fetched: true } });
  });

  test('files of a base are beside the followed path, and never outside of the repository', async () => {
    const commit = await repository.push('bases', {
      'environments/production/a.yaml': 'a\n',
      'base/shop/b.yaml': 'b\n',
      'base/c.wasm': 'c\n',
    });
    const mirror = await openOk({ path: 'environments/production' });
    await mirror.look();
    const files = await mirror.baseFiles(commit, '../../base');
    expect(files.ok && files.value.map(({ path: name }) => name)).toEqual(['c.wasm', 'shop/b.yaml']);
    const own = await mirror.files(commit);
    expect(own.ok && own.value.map(({ path: name }) => name)).toEqual(['a.yaml']);
    for (const base of ['../../nothing', '../../../base', '../..', '../production', '../../base/c.wasm']) {
      expect(await mirror.baseFiles(commit, base), base).toMatchObject({ ok: false, error: { code: 'HW1150' } });
    }
    const next = await repository.push('more', { 'base/shop/b.yaml': 'b2\n' });
    await mirror.look();
    const touching = (folder: string) => mirror.touching!(commit, next, folder);
    expect(await touching('../../base/shop')).toEqual({ ok: true, value: [next] });
    expect(await touching('shop')).toEqual({ ok: true, value: [] });
  });

  test('files are under the followed path, sorted, with their content by object id', async () => {
    const commit = await repository.push('files', {
      'fleet/b.yaml': 'b\n',
      'fleet/a/x.wasm': new Uint8Array([0, 255, 10, 13, 0]),
      'fleet/a-b.yaml': 'dash\n',
      'elsewhere.yaml': 'no\n',
    });
    const mirror = await openOk({ path: './fleet/' });
    await mirror.look();
    const files = await mirror.files(commit);
    if (!files.ok) throw new Error(files.error.message);
    expect(files.value.map(({ path, bytes }) => [path, bytes])).toEqual([
      ['a-b.yaml', 5],
      ['a/x.wasm', 5],
      ['b.yaml', 2],
    ]);
    const blobs = await mirror.blobs(files.value.map(({ oid }) => oid));
    if (!blobs.ok) throw new Error(blobs.error.message);
    expect([...blobs.value.get(files.value[1]!.oid)!]).toEqual([0, 255, 10, 13, 0]);
    expect(text(blobs.value.get(files.value[2]!.oid))).toBe('b\n');
  });

  test('nothing but git objects is written: no work tree, no hooks', async () => {
    await repository.push('files', { 'a.yaml': 'a\n', '.gitattributes': '* filter=lfs\n' });
    const mirror = await openOk();
    await mirror.look();
    const names = await readdir(path.join(folder, 'data', 'mirror.git'));
    expect(names.sort()).toEqual(['HEAD', 'config', 'objects', 'refs']);
    expect(await readdir(path.join(folder, 'data', 'home'))).toEqual([]);
  });

  test('links, submodules and other modes are skipped and named', async () => {
    await mkdir(path.join(repository.work, 'd'), { recursive: true });
    await symlink('/etc/passwd', path.join(repository.work, 'd', 'link.yaml'));
    await writeFile(path.join(repository.work, 'run.sh'), '#!/bin/sh\n', { mode: 0o755 });
    const first = await repository.commit('link', {});
    await repository.git('update-index', '--add', '--cacheinfo', `160000,${first},vendor`);
    await repository.git('commit', '-q', '-m', 'submodule');
    await repository.git('push', '-q', 'origin', 'HEAD:main');
    const commit = await repository.head();
    const mirror = await openOk();
    await mirror.look();
    expect(await mirror.skipped(commit)).toEqual({
      ok: true,
      value: [
        { path: 'd/link.yaml', kind: 'Symlink' },
        { path: 'vendor', kind: 'Submodule' },
      ],
    });
    const files = await mirror.files(commit);
    expect(files.ok && files.value.map(({ path }) => path)).toEqual(['run.sh']);
  });

  test('names with quotes, spaces, newlines and letters of all sorts are read as they are', async () => {
    const names = ['a b.yaml', 'q"uote.yaml', 'line\nfeed.yaml', 'ümläut-名.yaml', '-rf.yaml', '--output=x.yaml'];
    const commit = await repository.push('names', Object.fromEntries(names.map((name) => [name, `${name}\n`])));
    const mirror = await openOk();
    await mirror.look();
    const files = await mirror.files(commit);
    expect(files.ok && files.value.map(({ path }) => path).sort()).toEqual([...names].sort());
  });
});

describe('history', () => {
  test('commit and between tell who, when and what, newest first', async () => {
    const base = await repository.push('base', { a: '1' });
    const middle = await repository.push('middle: ünïcode\n\nbody', { a: '2' });
    const head = await repository.push('', { a: '3' }).catch(() => repository.push('head', { a: '3' }));
    const mirror = await openOk();
    await mirror.look();
    const info = await mirror.commit(middle);
    expect(info).toMatchObject({
      ok: true,
      value: { commit: middle, parents: [base], author: 'Test Author', subject: 'middle: ünïcode' },
    });
    expect(info.ok && Math.abs(info.value.timeMs - Date.now()) < 3_600_000).toBe(true);
    const between = await mirror.between(base, head, 10);
    expect(between.ok && between.value.map(({ commit }) => commit)).toEqual([head, middle]);
    const newest = await mirror.between(base, head, 1);
    expect(newest.ok && newest.value.map(({ commit }) => commit)).toEqual([head]);
    expect(await mirror.between(head, head, 10)).toEqual({ ok: true, value: [] });
    expect((await mirror.commit(base)).ok && (await mirror.commit(base))).toMatchObject({ value: { parents: [] } });
  });

  test('a force-push is visible, and what was accepted before stays readable', async () => {
    const base = await repository.push('base', { a: '1' });
    const accepted = await repository.push('accepted', { a: '2' });
    const mirror = await openOk();
    await mirror.look();
    expect(await mirror.isAncestor(base, accepted)).toEqual({ ok: true, value: true });
    expect(await mirror.isAncestor(accepted, accepted)).toEqual({ ok: true, value: true });
    await repository.git('reset', '-q', '--hard', base);
    const rewritten = await repository.commit('rewritten', { a: '3' });
    await repository.git('push', '-q', '--force', 'origin', 'HEAD:main');
    expect(await mirror.look()).toEqual({ ok: true, value: { commit: rewritten, fetched: true } });
    expect(await mirror.isAncestor(accepted, rewritten)).toEqual({ ok: true, value: false });
    expect(await mirror.isAncestor(base, rewritten)).toEqual({ ok: true, value: true });
    expect((await mirror.files(accepted)).ok).toBe(true);
  });

  test('a commit that is not here is a problem, not a damaged mirror', async () => {
    const commit = await repository.push('one', { a: '1' });
    const mirror = await openOk();
    await mirror.look();
    const absent = 'd'.repeat(40);
    for (const asked of [
      mirror.commit(absent),
      mirror.files(absent),
      mirror.isAncestor(absent, commit),
      mirror.between(absent, commit, 5),
    ]) {
      expect(await asked).toMatchObject({ ok: false, error: { code: 'HW3014' } });
    }
    expect(await mirror.look()).toEqual({ ok: true, value: { commit, fetched: false } });
  });
});

describe('what the ref may be', () => {
  test.each([
    ['a full name', 'refs/heads/release/1.0'],
    ['a short branch with a slash', 'release/1.0'],
    ['a lightweight tag', 'light'],
    ['an annotated tag, peeled', 'annotated'],
    ['a tag by its full name', 'refs/tags/annotated'],
  ])('%s', async (_what, ref) => {
    const commit = await repository.push('one', { a: '1' });
    await repository.git('tag', 'light');
    await repository.git('tag', '-a', '-m', 'tag', 'annotated');
    await repository.git('push', '-q', 'origin', 'HEAD:refs/heads/release/1.0', '--tags');
    await repository.push('two', { a: '2' });
    const mirror = await openOk({ ref });
    expect(await mirror.look()).toEqual({ ok: true, value: { commit, fetched: true } });
    expect(await mirror.look()).toEqual({ ok: true, value: { commit, fetched: false } });
  });

  test.each(['-main', '+main', '--force', '-'])(
    'a branch that is called %j is that branch and no option',
    async (ref) => {
      const commit = await repository.push('one', { a: '1' });
      await repository.git('push', '-q', 'origin', `HEAD:refs/heads/${ref}`);
      const mirror = await openOk({ ref });
      expect(await mirror.look()).toEqual({ ok: true, value: { commit, fetched: true } });
    },
  );

  test('a commit is fetched once and then needs no server', async () => {
    const commit = await repository.push('one', { a: '1' });
    await repository.push('two', { a: '2' });
    await repository.git('--git-dir', repository.bare, 'config', 'uploadpack.allowAnySHA1InWant', 'true');
    const mirror = await openOk({ ref: commit });
    expect(await mirror.look()).toEqual({ ok: true, value: { commit, fetched: true } });
    await rm(repository.bare, { recursive: true });
    expect(await mirror.look()).toEqual({ ok: true, value: { commit, fetched: false } });
  });

  test('a branch comes before a tag of the same name; a longer name with the same tail is not it', async () => {
    const tagged = await repository.push('one', { a: '1' });
    await repository.git('tag', 'main');
    const branch = await repository.push('two', { a: '2' });
    await repository.git('push', '-q', 'origin', 'refs/tags/main', `${tagged}:refs/heads/x/refs/heads/main`);
    const mirror = await openOk();
    expect(await mirror.look()).toEqual({ ok: true, value: { commit: branch, fetched: true } });
  });

  test('an empty repository and a missing ref are a missing ref, never an empty tree', async () => {
    const mirror = await openOk();
    expect(await mirror.look()).toMatchObject({ ok: false, error: { code: 'HW3003' } });
    const commit = await repository.push('one', { a: '1' });
    expect((await mirror.look()).ok).toBe(true);
    await repository.git('push', '-q', 'origin', 'HEAD:other');
    await repository.git('--git-dir', repository.bare, 'update-ref', '-d', 'refs/heads/main');
    expect(await mirror.look()).toMatchObject({ ok: false, error: { code: 'HW3003' } });
    expect((await mirror.files(commit)).ok).toBe(true);
  });

  test('a tag on something that is not a commit', async () => {
    await repository.push('one', { a: '1' });
    await repository.git('tag', 'blob', await repository.git('rev-parse', 'HEAD:a'));
    await repository.git('push', '-q', 'origin', '--tags');
    const mirror = await openOk({ ref: 'blob' });
    expect(await mirror.look()).toMatchObject({ ok: false, error: { code: 'HW3003' } });
  });
});

describe('what is refused before git is asked', () => {
  test.each([
    '--upload-pack=touch /tmp/pwned',
    'a..b',
    'main:refs/heads/x',
    'ma in',
    'main^{}',
    'main~1',
    '*',
    'a\nb',
    'refs/heads/@{-1}',
    '',
    'x'.repeat(251),
  ])('ref %j', async (ref) => {
    const opened = await openMirror(optionsOf({ ref }));
    expect(opened).toMatchObject({ ok: false, error: { code: 'HW3010' } });
  });

  test.each([
    'ext::sh -c touch%20/tmp/pwned',
    '--upload-pack=x',
    'ssh://git@example.com/x.git',
    'git@example.com:x.git',
    'git://example.com/x.git',
    'http://example.com/x.git',
    'https://user:hunter2@example.com/x.git',
    'https://example.com/x.git?token=hunter2',
    'file://host/x.git',
    '/srv/x.git',
    `https://example.com/${'x'.repeat(2_048)}`,
  ])('address %s', async (url) => {
    const opened = await openMirror(optionsOf({ url }));
    expect(opened).toMatchObject({ ok: false, error: { code: 'HW3010' } });
    expect(JSON.stringify(opened)).not.toContain('hunter2');
  });

  test('file: addresses, unless allowed', async () => {
    expect(await openMirror(optionsOf({ allowFile: false }))).toMatchObject({ ok: false, error: { code: 'HW3010' } });
  });

  test.each(['../x', 'a/../b', '/etc', 'a//b', 'a\u0000b', 'x'.repeat(1_025)])('path %j', async (followed) => {
    expect(await openMirror(optionsOf({ path: followed }))).toMatchObject({ ok: false, error: { code: 'HW3010' } });
  });

  test.each(['main', 'HEAD', '--all', 'a'.repeat(39), 'A'.repeat(40), `${'a'.repeat(40)}^`])(
    'commit %j',
    async (commit) => {
      const mirror = await openOk();
      for (const asked of [mirror.commit(commit), mirror.files(commit), mirror.blobs([commit])]) {
        expect(await asked).toMatchObject({ ok: false, error: { code: 'HW3014' } });
      }
    },
  );

  test('a folder that the commit does not have', async () => {
    const commit = await repository.push('one', { a: '1' });
    const mirror = await openOk({ path: 'fleet' });
    await mirror.look();
    expect(await mirror.files(commit)).toMatchObject({ ok: false, error: { code: 'HW3014' } });
  });
});

describe('bounds, at N and N + 1', () => {
  test('entries, folders counted', async () => {
    const fits = await repository.push('fits', { 'a/1': '1', 'b/2': '2', '3': '3' });
    const over = await repository.push('over', { 'a/1': '1', 'b/2': '2', '3': '3', '4': '4' });
    const mirror = await openOk({ limits: { treeEntries: 5 } });
    await mirror.look();
    expect((await mirror.files(fits)).ok).toBe(true);
    expect(await mirror.files(over)).toMatchObject({ ok: false, error: { code: 'HW3007' } });
  });

  test('length of a path in bytes', async () => {
    const fits = await repository.push('fits', { ü2345678: '1' });
    const over = await repository.push('over', { ü23456789: '1' });
    const mirror = await openOk({ limits: { pathBytes: 9 } });
    await mirror.look();
    expect((await mirror.files(fits)).ok).toBe(true);
    expect(await mirror.files(over)).toMatchObject({ ok: false, error: { code: 'HW3007' } });
  });

  test('size of one blob and of all', async () => {
    const commit = await repository.push('blobs', { a: '12345', b: '123456', c: '1234' });
    const mirror = await openOk({ limits: { blobBytes: 5, blobsBytes: 9 } });
    await mirror.look();
    const files = await mirror.files(commit);
    const [a, b, c] = files.ok ? files.value.map(({ oid }) => oid) : [];
    expect((await mirror.blobs([a!, c!])).ok).toBe(true);
    expect(await mirror.blobs([b!])).toMatchObject({ ok: false, error: { code: 'HW3007' } });
    const tight = await openOk({ limits: { blobBytes: 5, blobsBytes: 8 } });
    expect(await tight.blobs([a!, c!])).toMatchObject({ ok: false, error: { code: 'HW3007' } });
    expect((await mirror.blobs([a!, a!])).ok).toBe(true);
  });

  test('a tree of folders without end is stopped', async () => {
    // Each level holds the one below ten times: 10^9 folders and not one file, in a few hundred bytes.
    const { execFileSync } = await import('node:child_process');
    const git = (args: readonly string[], input = ''): string =>
      execFileSync('git', ['-C', repository.bare, ...args], { input, encoding: 'utf8' }).trim();
    let tree = git(['mktree']);
    for (let level = 0; level < 9; level += 1) {
      const entries = Array.from({ length: 10 }, (_, index) => `040000 tree ${tree}\td${index}\n`).join('');
      tree = git(['mktree'], entries);
    }
    const environment = ['-c', 'user.name=x', '-c', 'user.email=x@example.com'];
    const commit = git([...environment, 'commit-tree', '-m', 'bomb', tree]);
    git(['update-ref', 'refs/heads/main', commit]);
    const mirror = await openOk();
    await mirror.look();
    expect(await mirror.files(commit)).toMatchObject({ ok: false, error: { code: 'HW3007' } });
  });

  test('what git may print for one commit', async () => {
    const commit = await repository.push(`s${'x'.repeat(3_000)}`, { a: '1' });
    const mirror = await openOk({ limits: { textBytes: 4_096 } });
    await mirror.look();
    const info = await mirror.commit(commit);
    expect(info.ok && info.value.subject.length).toBe(200);
    const tight = await openOk({ limits: { textBytes: 1_024 } });
    expect(await tight.commit(commit)).toMatchObject({ ok: false, error: { code: 'HW3007' } });
  });
});

describe('damage', () => {
  test('what an interrupted fetch leaves is cleared away at the start', async () => {
    const commit = await repository.push('one', { a: '1' });
    await (await openOk()).look();
    const git = path.join(folder, 'data', 'mirror.git');
    const left = [
      'refs/headway/head.lock',
      'packed-refs.lock',
      'objects/pack/tmp_pack_x',
      'objects/pack/pack-00ff.pack',
    ];
    for (const name of left) await writeFile(path.join(git, name), 'half');
    const mirror = await openOk();
    for (const name of left) await expect(readFile(path.join(git, name))).rejects.toThrow('ENOENT');
    expect(await mirror.look()).toEqual({ ok: true, value: { commit, fetched: false } });
    const next = await repository.push('two', { a: '2' });
    expect(await mirror.look()).toEqual({ ok: true, value: { commit: next, fetched: true } });
  });

  test('a cut pack is noticed, set aside and fetched anew', async () => {
    const commit = await repository.push('one', { a: crypto.getRandomValues(new Uint8Array(5_000)) });
    const mirror = await openOk();
    await mirror.look();
    const files = await mirror.files(commit);
    const oid = files.ok ? files.value[0]!.oid : '';
    const packs = path.join(folder, 'data', 'mirror.git', 'objects', 'pack');
    const pack = (await readdir(packs)).find((name) => name.endsWith('.pack'))!;
    await truncate(path.join(packs, pack), 100);
    expect(await mirror.blobs([oid])).toMatchObject({ ok: false, error: { code: 'HW3012' } });
    expect(await mirror.look()).toEqual({ ok: true, value: { commit, fetched: true } });
    expect((await mirror.blobs([oid])).ok).toBe(true);
    expect(await readdir(path.join(folder, 'data'))).toContain('mirror.git.damaged');
  });

  test('a ref that a power cut emptied', async () => {
    const commit = await repository.push('one', { a: '1' });
    await (await openOk()).look();
    await writeFile(path.join(folder, 'data', 'mirror.git', 'refs', 'headway', 'head'), '');
    const mirror = await openOk();
    expect(await mirror.look()).toEqual({ ok: true, value: { commit, fetched: true } });
  });
});

describe('collect', () => {
  test('drops what neither the head nor a kept commit reaches, and only past half of the size', async () => {
    const noise = (): Uint8Array => crypto.getRandomValues(new Uint8Array(20_000));
    const base = await repository.push('base', { a: noise() });
    const mirror = await openOk({ limits: { mirrorBytes: 100_000 } });
    await mirror.look();
    const heads: string[] = [];
    for (let index = 0; index < 3; index += 1) {
      await repository.git('reset', '-q', '--hard', base);
      heads.push(await repository.commit(`branch ${index}`, { a: noise() }));
      await repository.git('push', '-q', '--force', 'origin', 'HEAD:main');
      await mirror.look();
    }
    const before = await mirror.bytes();
    expect(await mirror.collect(new Set([heads[0]!, 'e'.repeat(40)]))).toEqual({ ok: true, value: undefined });
    expect(await mirror.bytes()).toBeLessThan(before - 15_000);
    expect((await mirror.files(heads[0]!)).ok).toBe(true);
    expect((await mirror.files(heads[2]!)).ok).toBe(true);
    expect(await mirror.commit(heads[1]!)).toMatchObject({ ok: false, error: { code: 'HW3014' } });
    const roomy = await openOk({ limits: { mirrorBytes: 1_000_000 } });
    await roomy.collect(new Set());
    expect((await roomy.files(heads[0]!)).ok).toBe(true);
  });
});
