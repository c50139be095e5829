import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openMirror, type Mirror, type MirrorOptions } from '../../src/git/mirror.ts';
import { keepingLog } from '../support/log.ts';
import { Repository } from '../support/repository.ts';
import { makeSshKey, readableByAll, startSshServer, type SshServer } from '../support/ssh-server.ts';

let folder: string;
let repository: Repository;
let server: SshServer;
let commit: string;
const open: Mirror[] = [];
let opened = 0;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hw ssh-'));
  repository = await Repository.create(path.join(folder, 'git'));
  commit = await repository.push('first', { 'a.yaml': 'a: 1\n' });
  server = await startSshServer(path.join(folder, 'sshd'));
});

afterAll(async () => {
  for (const mirror of open) mirror.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const lines = (...known: readonly string[]) => ({ type: 'lines', lines: known }) as const;
/** ssh URLs hold no spaces, paths of temporary folders here do, so that quoting is tried. */
const urlOf = (bare: string): string => encodeURI(server.url(bare));

async function look(more: Partial<MirrorOptions> = {}) {
  opened += 1;
  const mirror = await openMirror({
    url: urlOf(repository.bare),
    ref: 'main',
    path: '.',
    folder: path.join(folder, `data ${opened}`),
    ssh: { identityFile: server.identityFile, knownHosts: lines(server.knownHost) },
    log: keepingLog().log,
    ...more,
  });
  if (!mirror.ok) return mirror;
  open.push(mirror.value);
  return mirror.value.look();
}

const withKnown = (known: string) => look({ ssh: { identityFile: server.identityFile, knownHosts: lines(known) } });
const withKey = (identityFile: string) => look({ ssh: { identityFile, knownHosts: lines(server.knownHost) } });

describe('git over ssh', () => {
  it('follows what is pushed, with one key and one known host', async () => {
    expect(await look()).toEqual({ ok: true, value: { commit, fetched: true } });
    const file = path.join(folder, 'known hosts');
    await writeFile(file, `# ours\n${server.knownHost}\n`);
    const knownHosts = { type: 'file', path: file } as const;
    const second = await repository.push('second', { 'a.yaml': 'a: 2\n' });
    commit = second;
    expect(await look({ ssh: { identityFile: server.identityFile, knownHosts } })).toMatchObject({
      value: { commit: second },
    });
  });

  it('follows a commit and a tag', async () => {
    await repository.git('tag', '-a', '-m', 'tag', 'v1');
    await repository.git('push', '-q', 'origin', 'v1');
    for (const ref of [commit, 'v1', 'refs/tags/v1']) {
      expect(await look({ ref })).toMatchObject({ ok: true, value: { commit, fetched: true } });
    }
  });

  it('a host that is not known is not talked to', async () => {
    const outcome = await withKnown(server.knownHost.replace(`:${server.port}`, ':1'));
    expect(outcome).toMatchObject({ ok: false, error: { code: 'HW3020', policy: 'Waiting' } });
    expect(JSON.stringify(outcome)).toContain('knownHosts');
  });

  it('a host with another key than the known one is not talked to', async () => {
    const other = await makeSshKey(path.join(folder, 'other-host'));
    const outcome = await withKnown(`[127.0.0.1]:${server.port} ${other.split(' ').slice(0, 2).join(' ')}`);
    expect(outcome).toMatchObject({ ok: false, error: { code: 'HW3021', policy: 'Waiting' } });
  });

  it('a revoked host key is not believed', async () => {
    const outcome = await withKnown(`@revoked * ${server.knownHost.split(' ').slice(1).join(' ')}`);
    expect(outcome).toMatchObject({ ok: false, error: { code: 'HW3021' } });
  });

  it('a key that the server does not take, and nothing else is tried', async () => {
    const outcome = await withKey(server.strangerFile);
    expect(outcome).toMatchObject({ ok: false, error: { code: 'HW3023', policy: 'Waiting' } });
    expect(await server.log()).not.toMatch(/Failed (password|keyboard)/i);
  });

  it.each([
    ['is not there', () => Promise.resolve('/nowhere/key'), 'HW3022'],
    ['others may read', () => readableByAll(server.identityFile), 'HW3022'],
    [
      'is not a key',
      async () => {
        const file = path.join(folder, 'no-key');
        await writeFile(file, 'not a key\n', { mode: 0o600 });
        return file;
      },
      'HW3022',
    ],
    [
      'has a passphrase',
      async () => {
        const file = path.join(folder, 'locked');
        await makeSshKey(file, 'a passphrase');
        await rm(`${file}.pub`);
        return file;
      },
      'HW3022',
    ],
  ])('a key that %s is said', async (_what, make, code) => {
    const outcome = await withKey(await make());
    expect(outcome, JSON.stringify(outcome)).toMatchObject({ ok: false, error: { code } });
  });

  it('known hosts that cannot be read are said', async () => {
    const knownHosts = { type: 'file', path: '/nowhere/known_hosts' } as const;
    const outcome = await look({ ssh: { identityFile: server.identityFile, knownHosts } });
    expect(outcome).toMatchObject({ ok: false, error: { code: 'HW3025' } });
  });

  it('a repository that is not there', async () => {
    expect(await look({ url: urlOf('/nowhere/repo.git') })).toMatchObject({ ok: false, error: { code: 'HW3001' } });
  });

  it('without ssh settings, or with them for another address, nothing is opened', async () => {
    const options = { url: urlOf(repository.bare), ref: 'main', path: '.', log: keepingLog().log };
    const none = await openMirror({ ...options, folder: path.join(folder, 'none') });
    expect(none).toMatchObject({ ok: false, error: { code: 'HW3010' } });
    expect(await look({ url: 'https://git.example.com/a.git' })).toMatchObject({
      ok: false,
      error: { code: 'HW3010' },
    });
  });

  it.each([
    'ssh://127.0.0.1/a.git',
    'ssh://-oProxyCommand=x@127.0.0.1/a.git',
    'ssh://git@-oProxyCommand=x/a.git',
    'ssh://git:secret@127.0.0.1/a.git',
    'ssh://git@127.0.0.1',
    'git@127.0.0.1:a.git',
    'git+ssh://git@127.0.0.1/a.git',
  ])('the address %s is refused', async (url) => {
    const outcome = await look({ url });
    expect(outcome).toMatchObject({ ok: false, error: { code: 'HW3010' } });
    expect(JSON.stringify(outcome)).not.toContain('secret');
  });
});

describe('the user’s own ssh', () => {
  it('is not looked at: no configuration, no agent, no other keys', async () => {
    const home = await mkdtemp(path.join(tmpdir(), 'hw-home-'));
    const before = { ...process.env };
    try {
      process.env['HOME'] = home;
      process.env['SSH_AUTH_SOCK'] = path.join(home, 'agent');
      process.env['GIT_SSH_COMMAND'] = 'false';
      process.env['GIT_SSH'] = '/bin/false';
      expect(await look()).toMatchObject({ ok: true });
    } finally {
      for (const name of ['HOME', 'SSH_AUTH_SOCK', 'GIT_SSH_COMMAND', 'GIT_SSH']) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
      await rm(home, { recursive: true, force: true });
    }
  });
});

describe('a server that', () => {
  const sockets = new Set<Socket>();
  let listener: Server | undefined;
  async function listen(onConnection: (socket: Socket) => void): Promise<string> {
    listener = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
      onConnection(socket);
    });
    await new Promise<void>((resolve) => {
      listener!.listen(0, '127.0.0.1', resolve);
    });
    return `ssh://${userInfo().username}@127.0.0.1:${(listener!.address() as AddressInfo).port}/a.git`;
  }
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => listener!.close(resolve));
  };
  const sshLimits = { connectSeconds: 1, aliveSeconds: 1 };

  // Only who is silent is to be late.
  it.each<[string, string, (socket: Socket) => void]>([
    ['says nothing', 'HW3005', () => undefined],
    ['says hello and nothing more', 'HW3005', (socket) => void socket.write('SSH-2.0-Test\r\n')],
    [
      'speaks http',
      'HW3006',
      (socket) => void socket.end(`HTTP/1.1 400 Bad Request\r\n\r\n${'x'.repeat(20_000)}\n`.repeat(50)),
    ],
    ['hangs up', 'HW3006', (socket) => void socket.destroy()],
  ])('%s: %s', async (_what, code, onConnection) => {
    const url = await listen(onConnection);
    const startMs = performance.now();
    const outcome = await look({ url, ...(code === 'HW3005' ? { sshLimits, limits: { askDeadlineMs: 5_000 } } : {}) });
    expect(outcome, JSON.stringify(outcome)).toMatchObject({ ok: false, error: { code, policy: 'Waiting' } });
    expect(performance.now() - startMs).toBeLessThan(60_000);
    await stop();
  });

  it('is not there', async () => {
    const url = await listen(() => undefined);
    await stop();
    expect(await look({ url })).toMatchObject({ ok: false, error: { code: 'HW3001' } });
  });
});

it('ssh that is missing is said', async () => {
  const bin = await mkdtemp(path.join(tmpdir(), 'hw-bin-'));
  const before = process.env['PATH'];
  try {
    await writeFile(path.join(bin, 'git'), '#!/bin/sh\nexec /usr/bin/git "$@"\n');
    await chmod(path.join(bin, 'git'), 0o755);
    for (const tool of ['sh', 'git-upload-pack']) await writeFile(path.join(bin, tool), '');
    process.env['PATH'] = bin;
    expect(await look()).toMatchObject({ ok: false, error: { code: 'HW3024' } });
  } finally {
    process.env['PATH'] = before;
    await rm(bin, { recursive: true, force: true });
  }
});
