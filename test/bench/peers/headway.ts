/** Headway itself, as `npm start` runs it: a repository with the demo's environment, and the daemon that follows it. */
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Daemon } from '../../support/daemon.ts';
import { component, example, route } from '../../support/manifests.ts';
import { Repository } from '../../support/repository.ts';
import { commandOf, familyOf } from '../processes.ts';
import type { Peer } from './peer.ts';

const ROOT = join(import.meta.dirname, '../../..');
/** The demo serves it on `/`. */
const ENTRY = 'demo/greeting';

/** Of several engines no one process is the server. */
export async function startHeadway(engines = 1): Promise<Peer> {
  const folder = await mkdtemp(join(tmpdir(), 'headway-bench-'));
  const repository = await Repository.create(join(folder, 'git'));
  await repository.push('Start', { ...(await demoFiles()), ...(await typedFiles()), ...moreFiles() });
  const daemon = await Daemon.spawn({
    repo: repository.url,
    data: join(folder, 'data'),
    ...(engines === 1 ? {} : { engines }),
  });
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
  for (const key of ['demo/pricing', 'demo/echo', 'demo/fresh']) {
    await daemon.entry(key, 'it serves', (entry) => entry.serving !== undefined);
  }
  const named = (pattern: RegExp): number[] => familyOf(daemon.pid).filter((pid) => pattern.test(commandOf(pid)));
  const serverPid = named(/process\/engine/)[0]!;
  // In the sandbox bubblewrap has become the cell.
  const cellPids = (): number[] => named(/\/process\/cell/).filter((pid) => !/^\S*bwrap /.test(commandOf(pid)));
  return { url: `${daemon.url}/`, ...(engines === 1 ? { serverPid } : {}), cellPids, stop };
}

/** Sends back what is posted, as it comes. */
export const ECHO_PATH = 'echo';
/** The greeting again, with an instance of its own for each request. */
export const FRESH_HOST = 'localhost';
const NOW = '{strategy: {type: Immediate}, bake: {duration: 1s, deadline: 1m}}';

function moreFiles(): Record<string, string | Uint8Array> {
  const namespace = 'demo';
  const echo = { name: 'echo', namespace, wasm: 'artifacts/testbed.wasm', readinessPath: '/', rollout: NOW };
  const fresh = { name: 'fresh', namespace, wasm: 'artifacts/greeting.wasm', rollout: NOW };
  return {
    'demo/echo.yaml': `${component({ ...echo, limits: 'requestBody: 2Mi' })}---
${route({ name: 'echo', namespace, prefix: `/${ECHO_PATH}` })}`,
    'demo/fresh.yaml': `${component({ ...fresh, extra: '  instancePolicy: PerRequest\n' })}---
${route({ name: 'fresh', namespace, hostname: FRESH_HOST })}`,
    'artifacts/testbed.wasm': example('testbed'),
    'artifacts/greeting.wasm': example('greeting-v1'),
  };
}

/** Beside the demo: a function without parameters on `TYPED_PATH`, called with JSON. */
export const TYPED_PATH = 'currencies';

async function typedFiles(): Promise<Record<string, string | Uint8Array>> {
  return {
    'demo/pricing.yaml': `apiVersion: headway.dev/v1alpha1
kind: Component
metadata: {name: pricing, namespace: demo}
spec:
  source: {path: artifacts/pricing.wasm}
  rollout: {strategy: {type: Immediate}, bake: {duration: 1s, deadline: 1m}}
---
apiVersion: headway.dev/v1alpha1
kind: Route
metadata: {name: pricing, namespace: demo}
spec:
  rules:
    - matches: [{path: {type: Exact, value: /${TYPED_PATH}}}]
      backendRef: {name: pricing, export: {interface: "shop:cart/pricing@1.0.0", function: currencies}}
`,
    'artifacts/pricing.wasm': await readFile(join(ROOT, 'examples/wasm/pricing-v1.wasm')),
  };
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
