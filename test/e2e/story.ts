import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import type { EntryStatus, TimelineEvent } from '../../src/model/status.ts';
import { Daemon, type DaemonOptions } from '../support/daemon.ts';
import { Repository, type Changes } from '../support/repository.ts';
import { Traffic, type TrafficOptions } from '../support/traffic.ts';

/** The entry that `shop()` deploys. */
export const KEY = 'shop/greeting';

/** A folder that goes with the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await standingFolder();
  onTestFinished(() => removeFolder(folder));
  return folder;
}

/** A folder that somebody else removes. */
export function standingFolder(): Promise<string> {
  return mkdtemp(path.join(tmpdir(), 'headway-'));
}

export function removeFolder(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

export interface Story {
  readonly folder: string;
  readonly repository: Repository;
  readonly daemon: Daemon;
}

async function begin(folder: string, first: Changes, options: Partial<DaemonOptions>): Promise<Story> {
  const repository = await Repository.create(path.join(folder, 'git'));
  await repository.push('Start', first);
  const daemon = await Daemon.start({ repo: repository.url, data: path.join(folder, 'data'), ...options });
  return { folder, repository, daemon };
}

/** A repository with its first commit and a daemon that follows it; both end with the test. */
export async function story(first: Changes, options: Partial<DaemonOptions> = {}): Promise<Story> {
  const begun = await begin(await temporaryFolder(), first, options);
  onTestFinished(async () => void (await begun.daemon.stop()));
  return begun;
}

/** The same for all tests of a `describe`, which are chapters of one story: each goes on where the one before ended. */
export function chapters(
  first: Changes,
  options: Partial<DaemonOptions> | ((folder: string) => Partial<DaemonOptions>) = {},
): () => Story {
  let begun: Story | undefined;
  let folder: string | undefined;
  beforeAll(async () => {
    folder = await standingFolder();
    begun = await begin(folder, first, typeof options === 'function' ? options(folder) : options);
  });
  afterAll(async () => {
    await begun?.daemon.stop();
    if (folder) await removeFolder(folder);
  });
  return () => {
    if (!begun) throw new Error('the story has not begun');
    return begun;
  };
}

/** Traffic that ends with the test at the latest. */
export function traffic(daemon: Daemon, options: TrafficOptions = {}, target = '/'): Traffic {
  const running = new Traffic(`${daemon.url}${target}`, options);
  onTestFinished(async () => void (await running.stop()));
  return running;
}

/** Waits until a release other than `before` is proven and nothing is being tried. */
export function provenAfter(daemon: Daemon, before: EntryStatus | undefined, key = KEY): Promise<EntryStatus> {
  // What served baked still, maybe: its own proof is none of what comes after it.
  const old = [before?.proven?.release, before?.serving?.release].filter((release) => release !== undefined);
  return daemon.entry(
    key,
    old.length > 0
      ? `another release than ${old.map((release) => release.slice(0, 12)).join()} is proven`
      : 'it is proven',
    ({ proven, candidate }) => proven !== undefined && !candidate && !old.includes(proven.release),
  );
}

/** What was told about one entry because of one commit, oldest first. */
export function toldOf(
  timeline: readonly TimelineEvent[],
  commit: string,
  key: string = KEY,
): readonly TimelineEvent[] {
  return timeline.filter((event) => event.commit === commit && event.entry === key).toReversed();
}

/** Kills control, and waits until the next one has proven the commit. */
export async function provenByNextControl(daemon: Daemon, commit: string): Promise<EntryStatus> {
  const control = daemon.one('control');
  process.kill(control, 'SIGKILL');
  return daemon.entry(
    KEY,
    'it is proven by the next control',
    ({ proven }, { ready }) => ready && proven?.commit === commit && daemon.first('control') !== control,
  );
}
