import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openMirror, type Mirror } from '../../src/git/mirror.ts';
import { keepingLog } from '../support/log.ts';
import { startNginxGit, type NginxGit } from '../support/nginx-git.ts';
import { Repository } from '../support/repository.ts';

const LOGIN = { username: 'deploy', password: 'p@ss:wörd' };

let folder: string;
let repository: Repository;
let server: NginxGit;
const open: Mirror[] = [];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hw-'));
  repository = await Repository.create(folder);
  server = await startNginxGit(folder, path.join(folder, 'nginx'), LOGIN);
  await repository.git('remote', 'set-url', 'origin', server.pushUrl());
});

afterAll(async () => {
  for (const mirror of open) mirror.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function look(data: string, password: string): Promise<unknown> {
  const { log } = keepingLog();
  const opened = await openMirror({
    url: server.url(),
    ref: 'main',
    path: '.',
    folder: path.join(folder, data),
    credentials: () => ({ type: 'basic', username: LOGIN.username, password }),
    log,
  });
  if (!opened.ok) throw new Error(opened.error.message);
  open.push(opened.value);
  return opened.value.look();
}

test('a push through nginx is what the next look fetches through it', async () => {
  const first = await repository.push('first', { 'a.yaml': 'a: 1\n' });
  expect(await look('data', LOGIN.password)).toEqual({ ok: true, value: { commit: first, fetched: true } });
  const second = await repository.push('second', { 'a.yaml': 'a: 2\n' });
  expect(await look('data', LOGIN.password)).toEqual({ ok: true, value: { commit: second, fetched: true } });
});

test('with the wrong password nothing comes', async () => {
  expect(await look('other', 'wrong')).toMatchObject({ ok: false, error: { code: 'HW3002' } });
});
