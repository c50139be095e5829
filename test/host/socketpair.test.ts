/** The channels' own listener, in a folder that whoever tidies up may empty. */
import { once } from 'node:events';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SocketPairs, type SocketPair } from '../../src/host/spawner/socketpair.ts';
import { temporaryFolder } from './running.ts';

let folder: string;
let pairs: SocketPairs;

beforeEach(async () => {
  folder = temporaryFolder();
  pairs = await SocketPairs.open(path.join(folder, 'run'));
});
afterEach(() => {
  pairs.close();
  rmSync(folder, { recursive: true, force: true });
});

async function carries({ engineEnd, cellEnd }: SocketPair): Promise<void> {
  const received = once(cellEnd.resume(), 'data');
  engineEnd.write('hello');
  expect(String((await received)[0])).toBe('hello');
  engineEnd.destroy();
  cellEnd.destroy();
}

it('its socket removed: the next pair comes from a new listener, and so do those that wait', async () => {
  await carries(await pairs.create());
  const [name] = readdirSync(path.join(folder, 'run'));
  rmSync(path.join(folder, 'run', name!));
  for (const pair of await Promise.all([pairs.create(), pairs.create(), pairs.create()])) await carries(pair);
  expect(existsSync(path.join(folder, 'run', name!))).toBe(true);
});

it('its folder removed: it says so, and goes on when the folder is there again', async () => {
  rmSync(path.join(folder, 'run'), { recursive: true });
  await expect(pairs.create()).rejects.toThrow(/ENOENT|EACCES/);
  await expect(pairs.create()).rejects.toThrow(/ENOENT|EACCES/);
  const other = await SocketPairs.open(path.join(folder, 'run'));
  other.close();
  await carries(await pairs.create());
});
