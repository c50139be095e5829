/** Notes and reverts, pushed from the bare mirror to a real repository, and what may come between. */
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { openMirror, type Mirror } from '../../src/git/mirror.ts';
import { notesChannel } from '../../src/git/notes.ts';
import { pushRevert } from '../../src/git/revert.ts';
import type { PublishAccess } from '../../src/git/publish.ts';
import type { Message, OutboxItem } from '../../src/model/report.ts';
import { GitServer } from '../support/git-server.ts';
import { keepingLog } from '../support/log.ts';
import { Repository } from '../support/repository.ts';
import { endAgent, exportedSecret, openPgpKey, sshKey } from '../support/signing.ts';

const run = promisify(execFile);
const WALL_MS = 1_700_000_000_000;
let folder: string;
let repository: Repository;
const open: Mirror[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'headway-publish-'));
  repository = await Repository.create(folder);
});

afterEach(async () => {
  for (const mirror of open.splice(0)) mirror.close();
  await rm(folder, { recursive: true, force: true });
});

async function mirrorIn(data = 'data'): Promise<Mirror> {
  const { log } = keepingLog();
  const opened = await openMirror({
    url: repository.url,
    ref: 'main',
    path: '.',
    folder: path.join(folder, data),
    allowFile: true,
    log,
  });
  if (!opened.ok) throw new Error(opened.error.message);
  open.push(opened.value);
  await opened.value.look();
  return opened.value;
}

function message(commit: string, environment: string, more: Partial<Message> = {}): Message {
  const said = {
    state: 'Failure',
    why: 'shop/cart was rolled back',
    entries: [],
    revertable: true,
    subject: 'Greet worse',
  } as const;
  return {
    commit,
    environment,
    context: `headway/${environment}`,
    revert: 'git revert abc',
    story: ['at noon it fell'],
    ...said,
    ...more,
  };
}

async function tell(mirror: Mirror, messages: readonly Message[], access: PublishAccess = {}) {
  const channel = notesChannel(mirror.publisher(access), () => WALL_MS);
  const items = messages.map((one) => ({ channel: 'notes', message: one }) as OutboxItem);
  return channel.deliver(items, new AbortController().signal);
}

/** What somebody who fetched them reads. */
async function notesOf(commit: string): Promise<string> {
  await repository.git('fetch', '-q', 'origin', '+refs/notes/headway:refs/notes/headway');
  return repository.git('log', '-1', '--format=%N', '--notes=headway', commit);
}

describe('notes', () => {
  test('tell the story to whoever reads the log, and touch no branch', async () => {
    const commit = await repository.push('first', { a: '1' });
    const mirror = await mirrorIn();
    expect(await tell(mirror, [message(commit, 'production')])).toEqual([{ type: 'Delivered' }]);
    expect(await notesOf(commit)).toBe(`headway/production: failed: shop/cart was rolled back
To take it back:
  git revert abc
What happened:
  at noon it fell`);
    const refs = await repository.git('ls-remote', 'origin');
    expect(refs.split('\n').map((line) => line.split('\t')[1])).toEqual([
      'HEAD',
      'refs/heads/main',
      'refs/notes/headway',
    ]);
    expect(await repository.git('rev-parse', 'origin/main')).toBe(commit);
  });

  test('the same again pushes nothing; something new is built on what is there', async () => {
    const commit = await repository.push('first', { a: '1' });
    const mirror = await mirrorIn();
    const at = () => repository.git('ls-remote', 'origin', 'refs/notes/headway');
    await tell(mirror, [message(commit, 'production')]);
    const before = await at();
    await tell(mirror, [message(commit, 'production')]);
    expect(await at()).toBe(before);
    await tell(mirror, [message(commit, 'production', { state: 'Success', why: 'good after all' })]);
    expect(await notesOf(commit)).toContain('headway/production: good: good after all');
    expect(await notesOf(commit)).not.toContain('rolled back');
    expect(await repository.git('rev-list', '--count', 'refs/notes/headway')).toBe('2');
  });

  test('two daemons and a person at the same time: nobody loses a word', async () => {
    const first = await repository.push('first', { a: '1' });
    const second = await repository.push('second', { a: '2' });
    await repository.git('notes', '--ref=headway', 'add', '-m', 'seen by Ada', first);
    await repository.git('push', '-q', 'origin', 'refs/notes/headway');
    const [one, other] = [await mirrorIn('one'), await mirrorIn('other')];
    const told = await Promise.all([
      tell(one, [message(first, 'staging'), message(second, 'staging')]),
      tell(other, [message(first, 'production'), message(second, 'production')]),
    ]);
    expect(told.flat().map(({ type }) => type)).toEqual(Array.from({ length: 4 }, () => 'Delivered'));
    for (const [commit, words] of [
      [first, ['seen by Ada', 'headway/staging: ', 'headway/production: ']],
      [second, ['headway/staging: ', 'headway/production: ']],
    ] as const) {
      const note = await notesOf(commit);
      for (const word of words) expect(note, note).toContain(word);
    }
  });

  test('are signed where a key is given', async () => {
    const commit = await repository.push('first', { a: '1' });
    const key = await sshKey(folder, 'headway');
    await tell(await mirrorIn(), [message(commit, 'production')], { signingKey: path.join(folder, 'headway-ed25519') });
    await notesOf(commit);
    const signers = path.join(folder, 'allowed');
    await writeFile(signers, `headway ${key.signer.key}\n`);
    const verified = await run('git', [
      '-C',
      repository.work,
      '-c',
      `gpg.ssh.allowedSignersFile=${signers}`,
      'verify-commit',
      'refs/notes/headway',
    ]);
    expect(verified.stderr).toContain('Good "git" signature for headway');
  });

  test('are signed where the key is one of OpenPGP, and no agent is left behind', async () => {
    const commit = await repository.push('first', { a: '1' });
    const key = await openPgpKey(folder, 'headway');
    onTestFinished(() => endAgent(key));
    const signingKey = await exportedSecret(path.join(folder, 'headway.asc'), key);
    // Where a key is laid out for one signature; tests beside this one sign as well.
    vi.stubEnv('TMPDIR', folder);
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await tell(await mirrorIn(), [message(commit, 'production')], { signingKey })).toEqual([
      { type: 'Delivered' },
    ]);
    expect((await readdir(folder)).filter((name) => name.startsWith('hwg-'))).toEqual([]);
    await notesOf(commit);
    const environment = { ...process.env, ...key.environment };
    const verify = ['-C', repository.work, 'verify-commit', '--raw', 'refs/notes/headway'];
    const verified = await run('git', verify, { env: environment });
    expect(verified.stderr).toContain(`[GNUPG:] VALIDSIG ${key.fingerprint}`);
  });

  test.each([
    ['of OpenPGP that is damaged', '-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nabcd\n', 'is not one OpenPGP secret key'],
    ['that is not there', undefined, 'cannot be read'],
    ['of more bytes than a key has', 'x'.repeat(256 * 1024 + 1), 'has more than'],
  ])('a key %s is told of, and nothing is pushed without a signature', async (_what, text, says) => {
    const commit = await repository.push('first', { a: '1' });
    const signingKey = path.join(folder, 'key');
    if (text !== undefined) await writeFile(signingKey, text);
    expect(await tell(await mirrorIn(), [message(commit, 'production')], { signingKey })).toMatchObject([
      { type: 'Retry', problem: { code: 'HW5086', message: expect.stringContaining(says) as string } },
    ]);
    expect(await repository.git('ls-remote', 'origin', 'refs/notes/headway')).toBe('');
  });

  test('a key of OpenPGP with a passphrase fails at once: nobody is asked for it', async () => {
    const commit = await repository.push('first', { a: '1' });
    const key = await openPgpKey(folder, 'locked', 'secret');
    onTestFinished(() => endAgent(key));
    const signingKey = await exportedSecret(path.join(folder, 'locked.asc'), key, 'secret');
    const [told] = await tell(await mirrorIn(), [message(commit, 'production')], { signingKey });
    expect(told).toMatchObject({ type: 'Retry' });
    expect(await repository.git('ls-remote', 'origin', 'refs/notes/headway')).toBe('');
  });

  test('go over http with credentials of their own, which nothing that is said holds', async () => {
    const commit = await repository.push('first', { a: '1' });
    const server = await GitServer.start(folder);
    onTestFinished(() => server.stop());
    server.setLogin({ username: 'reader', password: 'r3ad' });
    const { log } = keepingLog();
    const reader = () => ({ type: 'basic', username: 'reader', password: 'r3ad' }) as const;
    const opened = await openMirror({
      url: server.url(),
      ref: 'main',
      path: '.',
      folder: path.join(folder, 'http'),
      credentials: reader,
      log,
    });
    if (!opened.ok) throw new Error(opened.error.message);
    open.push(opened.value);
    await opened.value.look();
    server.setLogin({ username: 'writer', password: 'wr1te' });
    const refused = await tell(opened.value, [message(commit, 'production')]);
    expect(refused).toMatchObject([{ type: 'Retry', problem: { code: 'HW3002' } }]);
    expect(JSON.stringify(refused)).not.toMatch(/r3ad|wr1te/);
    const writer = { credentials: () => ({ type: 'basic', username: 'writer', password: 'wr1te' }) as const };
    expect(await tell(opened.value, [message(commit, 'production')], writer)).toEqual([{ type: 'Delivered' }]);
    expect(await notesOf(commit)).toContain('rolled back');
  });

  test('a server that does not take them is told of, and an unknown commit hinders no other', async () => {
    const commit = await repository.push('first', { a: '1' });
    const mirror = await mirrorIn();
    const hook = path.join(repository.bare, 'hooks', 'pre-receive');
    await writeFile(hook, '#!/bin/sh\necho no notes here >&2\nexit 1\n');
    await chmod(hook, 0o755);
    expect(await tell(mirror, [message(commit, 'production')])).toMatchObject([
      { type: 'Retry', problem: { code: 'HW5086' } },
    ]);
    await rm(hook);
    const told = await tell(mirror, [message('f'.repeat(40), 'production'), message(commit, 'production')]);
    expect(told).toMatchObject([{ type: 'Refused', problem: { code: 'HW5086' } }, { type: 'Delivered' }]);
    expect(await notesOf(commit)).toContain('rolled back');
  });
});

describe('a revert', () => {
  const propose = async (mirror: Mirror, said: Message, followed = 'main') =>
    pushRevert(mirror.publisher(), said, followed, WALL_MS);

  test('takes back what the commit changed, keeps what came after, and leaves the followed branch alone', async () => {
    const base = await repository.push('base', { a: '1\n', b: '1\n' });
    const bad = await repository.push('bad', { a: '2\n' });
    const head = await repository.push('later', { b: '2\n' });
    const mirror = await mirrorIn();
    const pushed = await propose(mirror, message(bad, 'production', { base }));
    const branch = `headway/revert-production-${bad.slice(0, 12)}`;
    expect(pushed).toMatchObject({ ok: true, value: { branch, title: 'Revert "Greet worse"' } });
    await repository.git('fetch', '-q', 'origin');
    expect(await repository.git('rev-parse', 'origin/main')).toBe(head);
    expect(await repository.git('rev-parse', `origin/${branch}^`)).toBe(head);
    expect(await repository.git('show', `origin/${branch}:a`)).toBe('1');
    expect(await repository.git('show', `origin/${branch}:b`)).toBe('2');
    expect(await repository.git('log', '-1', '--format=%B', `origin/${branch}`)).toContain(
      `This reverts what came with ${bad}`,
    );
    // A second try after a lost answer, at another time.
    expect(
      await pushRevert(mirror.publisher(), message(bad, 'production', { base }), 'main', WALL_MS + 60_000),
    ).toMatchObject({ ok: true, value: { branch } });
  });

  test('of a merge of several commits is what `git revert -m 1` makes', async () => {
    const base = await repository.push('base', { a: '1\n' });
    await repository.git('checkout', '-qb', 'side');
    await repository.commit('one', { c: '1\n' });
    await repository.commit('two', { a: '2\n' });
    await repository.git('checkout', '-q', 'main');
    await repository.git('merge', '-q', '--no-ff', '-m', 'merge', 'side');
    await repository.git('push', '-q', 'origin', 'HEAD:main');
    const bad = await repository.head();
    await propose(await mirrorIn(), message(bad, 'production', { base }));
    await repository.git('fetch', '-q', 'origin');
    await repository.git('revert', '--no-edit', '-m', '1', bad);
    const ours = await repository.git('rev-parse', `origin/headway/revert-production-${bad.slice(0, 12)}^{tree}`);
    expect(ours).toBe(await repository.git('rev-parse', 'HEAD^{tree}'));
  });

  test('is not pushed where it conflicts, where nothing is left of it, where nothing was before, or onto what is followed', async () => {
    const base = await repository.push('base', { a: '1\n' });
    const bad = await repository.push('bad', { a: '2\n' });
    const said = message(bad, 'production', { base });
    const branch = `headway/revert-production-${bad.slice(0, 12)}`;
    const mirror = await mirrorIn();
    for (const followed of [branch, `refs/heads/${branch}`]) {
      expect(await propose(mirror, said, followed)).toMatchObject({ ok: false, error: { code: 'HW5087' } });
    }
    const { base: _, ...first } = said;
    expect(await propose(mirror, first)).toMatchObject({ ok: false, error: { code: 'HW5087' } });
    await repository.push('over it', { a: '3\n' });
    await mirror.look();
    expect(await propose(mirror, said)).toMatchObject({
      ok: false,
      error: { code: 'HW5087', message: expect.stringContaining('the same lines: a') },
    });
    await repository.push('by hand', { a: '1\n' });
    await mirror.look();
    expect(await propose(mirror, said)).toEqual({ ok: true, value: undefined });
    expect(await repository.git('ls-remote', 'origin', 'refs/heads/headway/*')).toBe('');
  });
});
