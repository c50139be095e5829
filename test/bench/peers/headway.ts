/** Headway itself, as `npm start` runs it: a repository with the demo's environment, and the daemon that follows it. */
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Daemon } from '../../support/daemon.ts';
import { Repository } from '../../support/repository.ts';
import type { Peer } from './peer.ts';

const ROOT = join(import.meta.dirname, '../../..');
/** The demo serves it on `/`. */
const ENTRY = 'demo/greeting';

export async function startHeadway(): Promise<Peer> {
  const folder = await mkdtemp(join(tmpdir(), 'headway-bench-'));
  const repository = await Repository.create(join(folder, 'git'));
  await repository.push('Start', await demoFiles());
  const daemon = await Daemon.spawn({ repo: repository.url, data: join(folder, 'data') });
  const stop = async (): Promise<void> => {
    await daemon.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await daemon.entry(ENTRY, 'it serves', (entry) => entry.serving !== undefined);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `${daemon.url}/`, stop };
}

async function demoFiles(): Promise<Record<string, Uint8Array>> {
  const manifests = join(ROOT, 'manifests');
  const names = (await readdir(manifests, { recursive: true })).filter((name) => name.endsWith('.yaml'));
  const seed = JSON.parse(await readFile(join(manifests, 'seed.json'), 'utf8')) as {
    artifacts: readonly { from: string; to: string }[];
  };
  const sources = [
    ...names.map((name) => [name, join(manifests, name)] as const),
    ...seed.artifacts.map(({ from, to }) => [to, join(ROOT, from)] as const),
  ];
  return Object.fromEntries(await Promise.all(sources.map(async ([to, from]) => [to, await readFile(from)] as const)));
}
