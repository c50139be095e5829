import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Credentials } from '../../src/git/environment.ts';
import { openMirror, type Mirror, type MirrorOptions } from '../../src/git/mirror.ts';
import { makeCertificate } from '../support/certificate.ts';
import { GitServer, type Behaviour } from '../support/git-server.ts';
import { keepingLog } from '../support/log.ts';
import { Repository } from '../support/repository.ts';

const PASSWORD = 'correct-horse/battery+staple';

let folder: string;
let repository: Repository;
let server: GitServer;
let logged: string[];
const open: Mirror[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'headway-server-'));
  repository = await Repository.create(folder);
  server = await GitServer.start(folder);
});

afterEach(async () => {
  for (const mirror of open.splice(0)) mirror.close();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

async function openOk(more: Partial<MirrorOptions> = {}): Promise<Mirror> {
  const { log, lines } = keepingLog();
  logged = lines;
  const data = path.join(folder, 'data');
  const opened = await openMirror({ url: server.url(), ref: 'main', path: '.', folder: data, log, ...more });
  if (!opened.ok) throw new Error(opened.error.message);
  open.push(opened.value);
  return opened.value;
}

/** The command that a mirror keeps open between readings. */
const KEPT = 'git cat-file --batch ';

/** The command lines of all processes of this machine that mention the mirror's folder in their environment. */
async function gitProcesses(
  isKept: (command: string) => boolean = (command) => command === KEPT,
): Promise<readonly { readonly pid: number; readonly command: string }[]> {
  const found: { pid: number; command: string }[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^[0-9]+$/.test(name)) continue;
    const environment = await readFile(`/proc/${name}/environ`, 'utf8').catch(() => '');
    if (!environment.includes(`GIT_DIR=${folder}`)) continue;
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    if (command !== '') found.push({ pid: Number(name), command: command.replaceAll('\0', ' ') });
  }
  return found.filter(({ command }) => !isKept(command));
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(10);
}

describe('over smart HTTP', () => {
  test('fetches, and asks no more than where the ref stands when nothing moved', async () => {
    const commit = await repository.push('one', { 'a.yaml': 'a: 1\n' });
    const mirror = await openOk();
    expect(await mirror.look()).toEqual({ ok: true, value: { commit, fetched: true } });
    server.seen.splice(0);
    expect(await mirror.look()).toEqual({ ok: true, value: { commit, fetched: false } });
    expect(server.seen.map(({ method, url }) => `${method} ${url.replace(/\?.*/, '')}`)).toEqual([
      'GET /repo.git/info/refs',
      'POST /repo.git/git-upload-pack',
    ]);
  });

  test('a commit by its id', async () => {
    const commit = await repository.push('one', { a: '1' });
    await repository.push('two', { a: '2' });
    const mirror = await openOk({ ref: commit });
    expect(await mirror.look()).toEqual({ ok: true, value: { commit, fetched: true } });
    await server.stop();
    expect(await mirror.look()).toEqual({ ok: true, value: { commit, fetched: false } });
    server = await GitServer.start(folder);
  });

  test('a commit that the server does not have', async () => {
    await repository.push('one', { a: '1' });
    const mirror = await openOk({ ref: 'c'.repeat(40) });
    expect(await mirror.look()).toMatchObject({ ok: false, error: { code: 'HW3003' } });
  });
});

describe('credentials', () => {
  const good: readonly (readonly [string, Credentials, string])[] = [
    ['basic', { type: 'basic', username: 'deploy', password: PASSWORD }, 'deploy'],
    ['a token', { type: 'token', token: PASSWORD }, 'x-access-token'],
    ['a token with a user name', { type: 'token', token: PASSWORD, username: 'oauth2' }, 'oauth2'],
  ];

  test.each(good)('%s', async (_what, credentials, username) => {
    const commit = await repository.push('one', { a: '1' });
    server.setLogin({ username, password: PASSWORD });
    const mirror = await openOk({ credentials: () => credentials });
    expect(await mirror.look()).toEqual({ ok: true, value: { commit, fetched: true } });
  });

  test('a bearer token is sent as such', async () => {
    await repository.push('one', { a: '1' });
    const mirror = await openOk({ credentials: () => ({ type: 'bearer', token: PASSWORD }) });
    await mirror.look();
    expect(new Set(server.seen.map(({ authorization }) => authorization))).toEqual(new Set([`Bearer ${PASSWORD}`]));
  });

  test.each([
    ['none', undefined],
    ['wrong', { type: 'basic', username: 'deploy', password: 'wrong-password' }],
    ['a line end in the token', { type: 'token', token: 'x\r\nHost: evil' }],
  ] as const)('%s: refused, nothing asked of anybody, nothing shown', async (_what, credentials) => {
    await repository.push('one', { a: '1' });
    server.setLogin({ username: 'deploy', password: PASSWORD });
    const mirror = await openOk({ credentials: () => credentials });
    const looked = await mirror.look();
    expect(looked).toMatchObject({ ok: false, error: { code: 'HW3002', policy: 'Waiting' } });
    expect(JSON.stringify(looked) + logged.join('')).not.toMatch(/wrong-password|evil/);
  });

  test('a rotated token is taken up by the next look', async () => {
    const commit = await repository.push('one', { a: '1' });
    server.setLogin({ username: 'x-access-token', password: 'new' });
    let token = 'old';
    const mirror = await openOk({ credentials: () => ({ type: 'token', token }) });
    expect(await mirror.look()).toMatchObject({ ok: false, error: { code: 'HW3002' } });
    token = 'new';
    expect(await mirror.look()).toEqual({ ok: true, value: { commit, fetched: true } });
  });

  test('are in no command line, no file of the mirror, no log line and no error', async () => {
    await repository.push('one', { a: '1' });
    server.behave({ type: 'Stall' });
    const credentials: Credentials = { type: 'basic', username: 'deploy', password: PASSWORD };
    const mirror = await openOk({ credentials: () => credentials, limits: { askDeadlineMs: 8_000, stallMs: 600_000 } });
    const looking = mirror.look();
    let running: Awaited<ReturnType<typeof gitProcesses>> = [];
    await until(async () => (running = await gitProcesses()).some(({ command }) => command.includes('remote-http')));
    const commands = running.map(({ command }) => command).join('\n');
    const looked = await looking;
    expect(looked.ok).toBe(false);
    const encoded = Buffer.from(`deploy:${PASSWORD}`).toString('base64');
    const files = await readdir(path.join(folder, 'data'), { recursive: true, withFileTypes: true });
    const contents = await Promise.all(
      files.filter((file) => file.isFile()).map((file) => readFile(path.join(file.parentPath, file.name), 'latin1')),
    );
    expect(commands).toContain('ls-remote');
    for (const place of [commands, JSON.stringify(looked), logged.join(''), contents.join('')]) {
      expect(place).not.toContain(PASSWORD);
      expect(place).not.toContain(encoded);
      expect(place).not.toContain(encodeURIComponent(PASSWORD));
    }
  });
});

describe('over https', () => {
  test('with the authority given; without it the server is not trusted', async () => {
    const commit = await repository.push('one', { a: '1' });
    const { caFile, ...tls } = await makeCertificate(folder);
    await server.stop();
    server = await GitServer.start(folder, { tls });
    const mirror = await openOk({ caFile });
    expect(await mirror.look()).toEqual({ ok: true, value: { commit, fetched: true } });
    const wary = await openOk({ folder: path.join(folder, 'wary') });
    expect(await wary.look()).toMatchObject({ ok: false, error: { code: 'HW3004' } });
  });

  test('a CA file that is not there is said before the server is asked', async () => {
    const { log } = keepingLog();
    const caFile = path.join(folder, 'absent.pem');
    const opened = await openMirror({ url: server.url(), ref: 'main', path: '.', folder, log, caFile });
    expect(opened).toMatchObject({ ok: false, error: { code: 'HW3004' } });
  });
});

describe('a server in trouble: the right code, in time, and the last good state stays readable', () => {
  // git's own patience is longer than the test's: what ends here is ended by us, with the helpers.
  const QUICK = { askDeadlineMs: 8_000, fetchDeadlineMs: 8_000, stallMs: 600_000 };
  const faults: readonly (readonly [string, Behaviour, string])[] = [
    ['never answers', { type: 'Stall' }, 'HW3005'],
    ['stops in the middle of its answer', { type: 'StallAfter', bytes: 60 }, 'HW3005'],
    ['cuts its answer', { type: 'CutAfter', bytes: 60 }, 'HW3006'],
    ['sends bytes that are not HTTP', { type: 'Garbage' }, 'HW3006'],
    ['answers with a web page', { type: 'WebPage' }, 'HW3006'],
    ['is out of order', { type: 'Status', status: 503 }, 'HW3001'],
    ['has no such repository', { type: 'Status', status: 404 }, 'HW3001'],
    ['forbids', { type: 'Status', status: 403 }, 'HW3002'],
    ['redirects', { type: 'Redirect', to: 'http://127.0.0.1:1' }, 'HW3011'],
  ];

  test.each(faults)('%s', async (_what, behaviour, code) => {
    const good = await repository.push('one', { 'a.yaml': 'a: 1\n' });
    const mirror = await openOk({ limits: QUICK });
    await mirror.look();
    await repository.push('two', { 'a.yaml': 'a: 2\n' });
    server.behave(behaviour);
    const looked = await mirror.look();
    expect(looked).toMatchObject({ ok: false, error: { code, policy: 'Waiting' } });
    expect((await mirror.files(good)).ok).toBe(true);
    expect(await gitProcesses()).toEqual([]);
    server.behave({ type: 'Normal' });
    expect(await mirror.look()).toMatchObject({ ok: true, value: { fetched: true } });
  });

  test('that is slower than a byte a second is given up long before the deadline', async () => {
    await repository.push('one', { a: '1' });
    server.behave({ type: 'Stall' });
    const mirror = await openOk({ limits: { askDeadlineMs: 50_000, stallMs: 1_000 } });
    const looked = await mirror.look();
    expect(looked).toMatchObject({ ok: false, error: { code: 'HW3005' } });
    expect(!looked.ok && looked.error.message).toContain('too slow');
  });

  test.each(['StallAfter', 'CutAfter'] as const)('a pack that is %s leaves nothing behind', async (type) => {
    await repository.push('one', { a: '1' });
    const mirror = await openOk({ limits: QUICK });
    await mirror.look();
    const before = await mirror.bytes();
    const commit = await repository.push('two', { a: randomBytes(300_000) });
    server.behave({ type, bytes: 100_000 });
    expect((await mirror.look()).ok).toBe(false);
    expect(await gitProcesses()).toEqual([]);
    expect(await mirror.bytes()).toBeLessThan(before + 100_000);
    server.behave({ type: 'Normal' });
    expect(await mirror.look()).toEqual({ ok: true, value: { commit, fetched: true } });
  });

  test('a pack without end is stopped at the size of the mirror, and its bytes are given back', async () => {
    await repository.push('one', { a: '1' });
    const mirror = await openOk({ limits: { mirrorBytes: 4 * 2 ** 20, fetchDeadlineMs: 50_000 } });
    await mirror.look();
    const commit = await repository.push('two', { a: '2' });
    server.behave({ type: 'EndlessPack' });
    expect(await mirror.look()).toMatchObject({ ok: false, error: { code: 'HW3007' } });
    expect(await mirror.bytes()).toBeLessThan(100_000);
    expect(await gitProcesses()).toEqual([]);
    server.behave({ type: 'Normal' });
    expect(await mirror.look()).toEqual({ ok: true, value: { commit, fetched: true } });
  });

  test('is gone', async () => {
    const good = await repository.push('one', { a: '1' });
    const mirror = await openOk();
    await mirror.look();
    const { port } = server;
    await server.stop();
    expect(await mirror.look()).toMatchObject({ ok: false, error: { code: 'HW3001', policy: 'Waiting' } });
    expect((await mirror.files(good)).ok).toBe(true);
    server = await GitServer.start(folder, {}, port);
    expect(await mirror.look()).toEqual({ ok: true, value: { commit: good, fetched: false } });
  });

  test('looks while one is in flight share its answer', async () => {
    const commit = await repository.push('one', { a: '1' });
    const mirror = await openOk();
    const looks = await Promise.all([mirror.look(), mirror.look(), mirror.look()]);
    expect(looks).toEqual(Array.from({ length: 3 }, () => ({ ok: true, value: { commit, fetched: true } })));
    expect(server.seen.filter(({ url }) => url.includes('info/refs'))).toHaveLength(2);
  });

  test('close ends a look in flight with all its processes', async () => {
    await repository.push('one', { a: '1' });
    server.behave({ type: 'Stall' });
    const mirror = await openOk();
    const looking = mirror.look();
    await until(async () => (await gitProcesses()).length >= 2);
    mirror.close();
    expect((await looking).ok).toBe(false);
    await expect.poll(() => gitProcesses(() => false)).toEqual([]);
    expect((await mirror.look()).ok).toBe(false);
  });
});

describe('the git of the machine', () => {
  async function withPath<T>(value: string, run: () => Promise<T>): Promise<T> {
    const before = process.env['PATH'];
    process.env['PATH'] = value;
    try {
      return await run();
    } finally {
      process.env['PATH'] = before;
    }
  }

  test('is missing', async () => {
    const { log } = keepingLog();
    const empty = path.join(folder, 'data');
    const options = { url: server.url(), ref: 'main', path: '.', folder: empty, log };
    const opened = await withPath(folder, () => openMirror(options));
    expect(opened).toMatchObject({ ok: false, error: { code: 'HW3008', policy: 'Terminal' } });
  });

  test.each([
    ['2.30.9', 'HW3009'],
    ['2.31.0', 'accepted'],
    ['3.0.1', 'accepted'],
    ['1.99.0', 'HW3009'],
  ])('is %s', async (version, outcome) => {
    const bin = path.join(folder, 'bin');
    await mkdir(bin);
    const real = process.env['PATH'] ?? '';
    const script = `#!/bin/sh\n[ "$1" = version ] && { echo "git version ${version}"; exit 0; }\nPATH='${real}' exec git "$@"\n`;
    await writeFile(path.join(bin, 'git'), script);
    await chmod(path.join(bin, 'git'), 0o755);
    const { log } = keepingLog();
    const options = { url: server.url(), ref: 'main', path: '.', folder: path.join(folder, 'data'), log };
    const opened = await withPath(`${bin}:${real}`, () => openMirror(options));
    expect(opened.ok ? 'accepted' : opened.error.code).toBe(outcome);
  });

  test('sees nothing of the daemon’s own environment and no configuration of the machine', async () => {
    const commit = await repository.push('one', { a: '1' });
    const home = path.join(folder, 'evil-home');
    await mkdir(home);
    const touched = path.join(folder, 'touched');
    await writeFile(path.join(home, '.gitconfig'), `[url "http://127.0.0.1:1/"]\n\tinsteadOf = http://127.0.0.1\n`);
    const evil = {
      HOME: home,
      GIT_CONFIG_GLOBAL: path.join(home, '.gitconfig'),
      GIT_ASKPASS: `/usr/bin/touch ${touched}`,
      GIT_SSH_COMMAND: `touch ${touched}`,
      GIT_DIR: '/nowhere',
      GIT_TRACE: touched,
      http_proxy: 'http://127.0.0.1:1',
    };
    const script = `
      const { openMirror } = await import(${JSON.stringify(path.resolve('src/git/mirror.ts'))});
      const { pino } = await import('pino');
      const options = ${JSON.stringify({ url: server.url(), ref: 'main', path: '.', folder: path.join(folder, 'data') })};
      const opened = await openMirror({ ...options, log: pino({ level: 'silent' }) });
      console.log(JSON.stringify(opened.ok ? await opened.value.look() : opened));
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { env: { ...process.env, ...evil } });
    let printed = '';
    child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    await new Promise((resolve) => child.on('close', resolve));
    expect(JSON.parse(printed)).toEqual({ ok: true, value: { commit, fetched: true } });
    await expect(readFile(touched)).rejects.toThrow('ENOENT');
  });
});
