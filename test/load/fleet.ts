/** The daemon under test with the webhook on, so that a push is looked at once, and entries that change differently. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { sendHint, writeHintedConfig } from '../bench/hint.ts';
import { startLoad, type LoadReport, type LoadRequest } from '../bench/load-process.ts';
import { Daemon } from '../support/daemon.ts';
import { environment, example } from '../support/manifests.ts';
import { Repository, type Changes } from '../support/repository.ts';

/** An entry of the fleet: served under its own host name, changed by the policy of its name. */
export type EntryName = 'at-once' | 'by-steps' | 'beside' | 'one-by-one' | 'by-name' | LinkedName;
/** Cells of two: `checkout`, and the one `tax` that both link. What changes is the tax. */
export type LinkedName = 'linked-by-steps' | 'linked-at-once';
export const LINKED: readonly EntryName[] = ['linked-by-steps', 'linked-at-once'] satisfies LinkedName[];
/** What most tests of kills need. */
export const ENTRIES = ['at-once', 'by-steps'] as const satisfies readonly EntryName[];
/** One of each strategy, and linked cells. */
export const ALL_ENTRIES: readonly EntryName[] = ['at-once', 'by-steps', 'beside', 'one-by-one', 'by-name', ...LINKED];

/** What an entry is to run. A different `round` is a different revision of the same build. */
export interface Build {
  readonly wasm: string;
  readonly round: number;
}

/** As its answers say it in `x-greeting-version`. */
export const VERSIONS: Readonly<Record<string, string>> = {
  'greeting-v1': 'v1',
  'greeting-v2': 'v2',
  'greeting-slow-tail': 'v2-slow-tail',
  'greeting-flaky': 'v2-flaky',
  'greeting-traps': 'v2-traps',
};

/** The tax of a build: it is as good as the greeting of that name. */
const TAXES: Readonly<Record<string, string>> = {
  'greeting-v1': 'tax-v1',
  'greeting-v2': 'tax-v2',
  'greeting-slow-tail': 'tax-v2',
  'greeting-flaky': 'tax-traps',
  'greeting-traps': 'tax-traps',
};
export const PRICE = '/price?net=1000';
/** What cells answer whose tax is the one of a build; one that traps knows the price of the reform where it answers. */
export const PRICES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(TAXES).map(([wasm, tax]) => [wasm, tax === 'tax-v1' ? '1190' : '1160']),
);

export function hostOf(entry: EntryName): string {
  return `${entry}.example.com`;
}

/** The gate is the demo's in form; its waits are short and its thresholds are not. */
function policies(): string {
  const gate = `  gate:
    errors: {tolerable: "0.5%", intolerable: "5%", statuses: [5xx]}
    hardStops: {consecutiveErrors: 5, crashes: 2, window: 60s}
    minSamples: 50
    warmUp: {requests: 10, duration: 1s}
    synthetic: {requests: 200, httpGet: {path: /}}
  bake: {duration: 300ms, deadline: 10m}
  breaker: {maxRollbacks: 100, window: 1h}
`;
  const waits = 'minDuration: 100ms, deadline: 1m';
  const steps = `{steps: [{weight: 20, ${waits}}, {weight: 50, ${waits}}]}`;
  const named = `{steps: [{headers: [{name: x-team, value: us}], ${waits}}, {mirror: {percent: 20}, ${waits}}, {weight: 40, ${waits}}]}`;
  const of = (name: string, strategy: string): string =>
    `apiVersion: headway.dev/v1alpha1\nkind: RolloutPolicy\nmetadata: {name: ${name}, namespace: shop}\nspec:\n  strategy: ${strategy}\n${gate}`;
  const strategies: Readonly<Record<EntryName, string>> = {
    'at-once': '{type: Immediate}',
    'by-steps': `{type: Canary, canary: ${steps}}`,
    beside: '{type: BlueGreen, blueGreen: {previewDuration: 100ms}}',
    'one-by-one': `{type: Rolling, rolling: {${waits}}}`,
    'by-name': `{type: Canary, canary: ${named}}`,
    'linked-by-steps': `{type: Canary, canary: ${steps}}`,
    'linked-at-once': '{type: Immediate}',
  };
  return Object.entries(strategies)
    .map(([name, strategy]) => of(name, strategy))
    .join('---\n');
}

function document(entry: EntryName, build: Build, replicas: number): string {
  const isLinked = LINKED.includes(entry);
  return `apiVersion: headway.dev/v1alpha1
kind: Component
metadata: {name: ${entry}, namespace: shop}
spec:
${isLinked ? LINK : whatRuns(build)}  scaling: {minReplicas: ${entry === 'one-by-one' ? Math.max(2, replicas) : replicas}}
  probes:
    readiness: {httpGet: {path: /healthz}, period: 50ms, timeout: 2s, deadline: 20s}
  drain: {deadline: 10s}
  rollout: {policyRef: {name: ${entry}}}
---
apiVersion: headway.dev/v1alpha1
kind: Route
metadata: {name: ${entry}, namespace: shop}
spec:
  hostnames: [${hostOf(entry)}]
  rules:
    - matches: [{path: {type: PathPrefix, value: /}}]
      backendRef: {name: ${entry}}
`;
}

const LINK = `  source: {path: wasm/checkout.wasm}
  links: [{import: "shop:tax/rates@0.1.0", componentRef: {name: tax}}]
`;

function whatRuns({ wasm, round }: Build): string {
  return `  source: {path: wasm/${wasm}.wasm}\n  env: [{name: ROUND, value: "${round}"}]\n`;
}

/** What the linked ones share. Nobody calls it from outside, but it is an entry of its own as well. */
function tax({ wasm, round }: Build): string {
  return `apiVersion: headway.dev/v1alpha1
kind: Component
metadata: {name: tax, namespace: shop}
spec:
${whatRuns({ wasm: TAXES[wasm]!, round })}  rollout: {policyRef: {name: at-once}}
`;
}

function documents(entry: EntryName, build: Build, replicas: number): Changes {
  const own = { [`shop/${entry}.yaml`]: document(entry, build, replicas) };
  return LINKED.includes(entry) ? { ...own, 'shop/tax.yaml': tax(build) } : own;
}

export class Fleet {
  readonly repository: Repository;
  readonly daemon: Daemon;
  readonly entries: readonly EntryName[];
  readonly #replicas: number;

  private constructor(repository: Repository, daemon: Daemon, entries: readonly EntryName[], replicas: number) {
    this.repository = repository;
    this.daemon = daemon;
    this.entries = entries;
    this.#replicas = replicas;
  }

  /** With all entries proven; everything ends with the test. */
  static async start({
    replicas = 1,
    entries = ENTRIES,
  }: { readonly replicas?: number; readonly entries?: readonly EntryName[] } = {}): Promise<Fleet> {
    const folder = await mkdtemp(path.join(tmpdir(), 'headway-load-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
    const repository = await Repository.create(path.join(folder, 'git'));
    const first: Build = { wasm: 'greeting-v1', round: 0 };
    await repository.push('Start', {
      'environment.yaml': environment({ interval: '15s' }),
      'shop/policies.yaml': policies(),
      ...Object.fromEntries(Object.keys(VERSIONS).map((wasm) => [`wasm/${wasm}.wasm`, example(wasm)])),
      ...Object.fromEntries(['checkout', ...Object.values(TAXES)].map((wasm) => [`wasm/${wasm}.wasm`, example(wasm)])),
      ...Object.assign({}, ...entries.map((entry) => documents(entry, first, replicas))),
    });
    const daemon = await Daemon.start({
      repo: repository.url,
      data: path.join(folder, 'data'),
      config: await writeHintedConfig(folder, repository.url),
    });
    onTestFinished(async () => void (await daemon.stop()));
    await daemon.until('all entries are proven', (status) =>
      entries.every((name) => status.entries.some(({ key, proven }) => key === `shop/${name}` && proven !== undefined)),
    );
    return new Fleet(repository, daemon, entries, replicas);
  }

  /** Commits what the entries are to run, pushes it and says so. */
  async deploy(message: string, builds: Partial<Record<EntryName, Build>>): Promise<string> {
    const changes: Changes = Object.assign(
      {},
      ...this.entries.map((entry) => {
        const build = builds[entry];
        return build ? documents(entry, build, this.#replicas) : {};
      }),
    );
    const commit = await this.repository.push(message, changes);
    await this.hint();
    return commit;
  }

  async revert(): Promise<string> {
    const commit = await this.repository.revert();
    await this.hint();
    return commit;
  }

  /** "Something was pushed", as a git host says it; control may be away: then its own look finds it. */
  async hint(): Promise<void> {
    await sendHint(this.daemon.statusUrl).catch(() => undefined);
  }

  /** Load on one entry from a process of its own, which checks ids and bodies and counts by release and version. */
  load(entry: EntryName, request: Partial<LoadRequest>): FleetLoad {
    const greeting = LINKED.includes(entry) ? {} : { echoes: true, label: 'x-greeting-version' };
    const running = startLoad({
      url: `${this.daemon.url}/`,
      headers: [['host', hostOf(entry)]],
      ...greeting,
      ...request,
    });
    onTestFinished(async () => void (await running.stop().catch(() => undefined)));
    return { entry, stop: () => running.stop() };
  }

  /** GETs on all entries at a steady rate, and a few uploads that are streamed both ways where something echoes them. */
  visitors({ getsPerSecond = 200, postsPerSecond = 5, uploadBytes = 100_000 } = {}): readonly FleetLoad[] {
    const linked = this.entries.filter((entry) => LINKED.includes(entry));
    const prices = linked.map((entry) =>
      this.load(entry, {
        url: `${this.daemon.url}${PRICE}`,
        rate: getsPerSecond,
        connections: 16,
      }),
    );
    const others = this.entries.filter((entry) => !LINKED.includes(entry));
    const greetings = others.flatMap((entry) => [
      // Some name themselves, where a step asks for that; no other entry does.
      this.load(entry, {
        rate: getsPerSecond,
        connections: 16,
        headers: [
          ['host', hostOf(entry)],
          ['x-team', 'us'],
        ],
      }),
      this.load(entry, {
        url: `${this.daemon.url}/echo`,
        rate: postsPerSecond,
        connections: 2,
        bodyBytes: uploadBytes,
      }),
    ]);
    return [...greetings, ...prices];
  }
}

export interface FleetLoad {
  readonly entry: EntryName;
  stop(): Promise<LoadReport>;
}
