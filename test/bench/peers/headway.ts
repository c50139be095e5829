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
  await repository.push('Start', { ...(await demoFiles()), ...(await typedFiles()) });
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
  await daemon.entry('demo/pricing', 'it serves', (entry) => entry.serving !== undefined);
  return { url: `${daemon.url}/`, stop };
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
