import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { Daemon, type DaemonOptions } from '../support/daemon.ts';
import { Repository, type Changes } from '../support/repository.ts';
import { Traffic } from '../support/traffic.ts';

/** A folder that goes with the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'headway-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

export interface Story {
  readonly folder: string;
  readonly repository: Repository;
  readonly daemon: Daemon;
}

/** A repository with its first commit and a daemon that follows it; both end with the test. */
export async function story(first: Changes, options: Partial<DaemonOptions> = {}): Promise<Story> {
  const folder = await temporaryFolder();
  const repository = await Repository.create(path.join(folder, 'git'));
  await repository.push('Start', first);
  const daemon = await Daemon.start({ repo: repository.url, data: path.join(folder, 'data'), ...options });
  onTestFinished(async () => void (await daemon.stop()));
  return { folder, repository, daemon };
}

/** Traffic that ends with the test at the latest. */
export function traffic(daemon: Daemon, requestsPerSecond = 200): Traffic {
  const running = new Traffic(`${daemon.url}/`, requestsPerSecond);
  onTestFinished(async () => void (await running.stop()));
  return running;
}
