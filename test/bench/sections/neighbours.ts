/**
 * What a component has of its neighbours: the same requests at the same rate, with nothing beside it and with as many guests that
 * spin as there are processors. The spinners have half a processor each as their limit, and have been above it for longer than
 * the window when the measurement begins.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Daemon } from '../../support/daemon.ts';
import { component, environment, example, immediatePolicy, route } from '../../support/manifests.ts';
import { Repository } from '../../support/repository.ts';
import { measureInTurn, summarise, type Metrics, type SectionResult } from '../harness.ts';
import { startLoad } from '../load-process.ts';

const SPINNERS = os.availableParallelism();
const RATE = 500;
const CONNECTIONS = 8;
const QUIET = 'nothing beside it';
const LOUD = `${SPINNERS} spinners beside it`;
/** Five seconds above their limit, and a look. */
const LOWERED_AFTER_MS = 7_000;

const name = (index: number): string => `spinner-${index}`;

export async function benchNeighbours(
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
  onMeasured: (round: number, subject: string, metrics: Metrics) => void,
): Promise<SectionResult> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'headway-bench-'));
  const repository = await Repository.create(path.join(folder, 'git'));
  await repository.push('Start', {
    'environment.yaml': environment(),
    'shop/policies.yaml': immediatePolicy(),
    'shop/route.yaml': route(),
    'shop/greeting.yaml': component({ wasm: 'wasm/greeting-v1.wasm', rollout: '{policyRef: {name: now}}' }),
    'wasm/greeting-v1.wasm': example('greeting-v1'),
    'wasm/testbed.wasm': example('testbed'),
    ...Object.fromEntries(Array.from({ length: SPINNERS }, (_, index) => [`shop/${name(index)}.yaml`, spinner(index)])),
  });
  const daemon = await Daemon.spawn({ repo: repository.url, data: path.join(folder, 'data') });
  try {
    for (const entry of ['greeting', ...Array.from({ length: SPINNERS }, (_, index) => name(index))])
      await daemon.entry(`shop/${entry}`, 'it serves', ({ replicas }) =>
        replicas.some(({ phase }) => phase === 'Ready'),
      );
    await measure(daemon, 1);
    const measured = await measureInTurn(
      [
        { name: QUIET, measure: () => measure(daemon, seconds) },
        { name: LOUD, measure: () => besideSpinners(daemon, seconds) },
      ],
      rounds,
      onMeasured,
    );
    const conditions = `${RATE} requests a second over ${CONNECTIONS} connections, ${seconds} s each, Node ${process.versions.node}`;
    const result = summarise(
      'Neighbours',
      conditions,
      measured,
      [],
      [
        { subject: LOUD, metric: 'errors', atMost: 0 },
        { subject: QUIET, metric: 'errors', atMost: 0 },
      ],
    );
    // Most is told as least: the quiet one divided by the loud one.
    return {
      ...result,
      ratios: [
        { metric: 'p50 ms', atLeast: 1 / 1.2 },
        { metric: 'p99 ms', atLeast: 1 / 2 },
      ].map(({ metric, atLeast }) => {
        const [quiet, loud] = [QUIET, LOUD].map((subject) => result.subjects.find((one) => one.name === subject)!);
        const value = quiet!.medians[metric]! / loud!.medians[metric]!;
        return { subject: QUIET, to: LOUD, metric, atLeast, value, met: value >= atLeast };
      }),
    };
  } finally {
    await daemon.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function spinner(index: number): string {
  return `apiVersion: headway.dev/v1alpha1
kind: Component
metadata: {name: ${name(index)}, namespace: shop}
spec:
  source: {path: wasm/testbed.wasm}
  limits: {cpu: 500m, requestTimeout: 60s}
  supervision: {maxRestarts: 100, window: 1m, backoff: {initial: 100ms, max: 100ms}}
  drain: {deadline: 1s}
  rollout: {policyRef: {name: now}}
---
apiVersion: headway.dev/v1alpha1
kind: Route
metadata: {name: ${name(index)}, namespace: shop}
spec:
  rules:
    - matches: [{path: {type: PathPrefix, value: /spin}, headers: [{name: x-spinner, value: "${index}"}]}]
      backendRef: {name: ${name(index)}}
`;
}

async function besideSpinners(daemon: Daemon, seconds: number): Promise<Metrics> {
  const stop = new AbortController();
  const spinning = Array.from({ length: SPINNERS }, async (_, index) => {
    const headers = { 'x-spinner': String(index) };
    // It ends with the measurement, or is replaced meanwhile: then another one spins.
    while (!stop.signal.aborted) {
      await fetch(`${daemon.url}/spin`, { headers, signal: stop.signal }).then(
        (response) => response.arrayBuffer(),
        () => undefined,
      );
      await sleep(50);
    }
  });
  await sleep(LOWERED_AFTER_MS);
  const metrics = await measure(daemon, seconds);
  stop.abort();
  await Promise.all(spinning);
  for (let index = 0; index < SPINNERS; index++)
    await daemon.entry(`shop/${name(index)}`, 'it is well again', ({ replicas }) =>
      replicas.some(({ phase, inFlight }) => phase === 'Ready' && inFlight === 0),
    );
  await sleep(1_000);
  return metrics;
}

async function measure(daemon: Daemon, seconds: number): Promise<Metrics> {
  const load = startLoad({ url: `${daemon.url}/`, rate: RATE, connections: CONNECTIONS, seconds });
  const { latencyMs, lostTotal, status5xx, sent } = await load.report;
  return { 'p50 ms': latencyMs.p50, 'p99 ms': latencyMs.p99, errors: lostTotal + status5xx, requests: sent };
}
