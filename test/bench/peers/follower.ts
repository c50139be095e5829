/** A daemon that follows a repository with one entry, changed commit by commit, hinted at after each push. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Daemon } from '../../support/daemon.ts';
import { environment, example, route } from '../../support/manifests.ts';
import { Repository } from '../../support/repository.ts';
import { sendHint, writeHintedConfig } from '../hint.ts';
import { Watcher } from '../watcher.ts';

const KEY = 'shop/greeting';

export interface Version {
  /** Of `examples/wasm`; the repository has those that the follower was started with. */
  readonly wasm: string;
  /** A different round is a different revision of the same component. */
  readonly round: number;
}

export interface FollowerOptions {
  readonly wasms: readonly string[];
  /** Of the RolloutPolicy: everything below `spec:`, two spaces in. */
  readonly policy: string;
}

/** Times of one push, in milliseconds since the epoch. */
export interface Push {
  readonly commit: string;
  readonly startedAtMs: number;
  /** git push has returned: the server has the commit. */
  readonly pushedAtMs: number;
}

export class Follower {
  readonly daemon: Daemon;
  readonly repository: Repository;
  readonly #folder: string;

  private constructor(folder: string, repository: Repository, daemon: Daemon) {
    this.#folder = folder;
    this.repository = repository;
    this.daemon = daemon;
  }

  static async start({ wasms, policy }: FollowerOptions): Promise<Follower> {
    const folder = await mkdtemp(join(tmpdir(), 'headway-bench-'));
    const repository = await Repository.create(join(folder, 'git'));
    await repository.push('Start', {
      'environment.yaml': environment({ interval: '15s' }),
      'shop/policy.yaml': `apiVersion: headway.dev/v1alpha1\nkind: RolloutPolicy\nmetadata: {name: bench, namespace: shop}\nspec:\n${policy}`,
      'shop/greeting.yaml': manifest({ wasm: wasms[0]!, round: 0 }),
      'shop/route.yaml': route(),
      ...Object.fromEntries(wasms.map((wasm) => [`wasm/${wasm}.wasm`, example(wasm)])),
    });
    const config = await writeHintedConfig(folder, repository.url);
    const daemon = await Daemon.spawn({ repo: repository.url, data: join(folder, 'data'), config });
    const follower = new Follower(folder, repository, daemon);
    try {
      await daemon.entry(KEY, 'it serves', ({ serving }) => serving !== undefined);
    } catch (error) {
      await follower.stop();
      throw error;
    }
    return follower;
  }

  /** What git says serves, and its bake is over. Returns it as `x-headway-release` does. */
  async proven(): Promise<string> {
    const head = await this.repository.head();
    const { proven } = await this.daemon.entry(
      KEY,
      'desired is proven',
      ({ candidate, desired, proven, serving }, { source }) =>
        source.acceptedCommit === head &&
        !candidate &&
        proven !== undefined &&
        proven.release === desired?.release &&
        serving?.release === desired.release,
      60_000,
    );
    return proven!.release.slice(0, 12);
  }

  /** Commits beforehand, so that only the push is timed. */
  commit(version: Version): Promise<string> {
    return this.repository.commit(`Round ${version.round}`, { 'shop/greeting.yaml': manifest(version) });
  }

  /** Pushes what was committed and hints, as a git host does when it has taken the push. */
  async push(): Promise<Push> {
    const commit = await this.repository.head();
    const startedAtMs = Watcher.nowMs();
    await this.repository.git('push', '-q', 'origin', 'HEAD:main');
    const pushedAtMs = Watcher.nowMs();
    const status = await sendHint(this.daemon.statusUrl);
    if (status !== 202) throw new Error(`the hint was answered with ${status}`);
    return { commit, startedAtMs, pushedAtMs };
  }

  /** When the daemon logged that line, with a field of that value; milliseconds since the epoch. */
  loggedAtMs(message: string, commit: string): number {
    for (const line of this.daemon.output.split('\n')) {
      if (!line.includes(commit) || !line.includes(`"msg":"${message}"`)) continue;
      return (JSON.parse(line) as { readonly time: number }).time;
    }
    throw new Error(`the daemon did not log "${message}" about ${commit}`);
  }

  async stop(): Promise<void> {
    await this.daemon.stop();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function manifest({ wasm, round }: Version): string {
  return `apiVersion: headway.dev/v1alpha1
kind: Component
metadata: {name: greeting, namespace: shop}
spec:
  source: {path: wasm/${wasm}.wasm}
  env: [{name: ROUND, value: "${round}"}]
  probes:
    readiness: {httpGet: {path: /healthz}, period: 20ms, timeout: 500ms, deadline: 10s}
  drain: {deadline: 5s}
  rollout: {policyRef: {name: bench}}
`;
}
