/** Headway itself, as a user runs it: a repository with one component on `/`, and the daemon that follows it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Daemon } from '../../support/daemon.ts';
import { shop } from '../../support/manifests.ts';
import { Repository } from '../../support/repository.ts';
import type { Peer } from './peer.ts';

const ENTRY = 'shop/greeting';

export async function startHeadway(example: string): Promise<Peer> {
  const folder = await mkdtemp(join(tmpdir(), 'headway-bench-'));
  const repository = await Repository.create(join(folder, 'git'));
  await repository.push('Start', shop(example));
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
