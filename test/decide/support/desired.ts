import { digestOfBytes, type Digest } from '../../../src/kit/digest.ts';
import { entryKey, type EntryKey, type Member } from '../../../src/model/component.ts';
import type { Desired, DesiredEntry, EnvironmentSettings, InvalidDocument } from '../../../src/model/desired.ts';
import type { CanaryStep, Gate, RolloutSettings } from '../../../src/model/rollout.ts';
import type { RouteRule } from '../../../src/model/route.ts';

export const MINUTE_MS = 60_000;

export function artifactOf(text: string): Digest {
  return digestOfBytes(Buffer.from(text));
}

export const GATE: Gate = {
  errors: { tolerable: 0.005, intolerable: 0.02 },
  hardStops: { consecutiveErrors: 5, crashes: 2, windowMs: MINUTE_MS },
  minSamples: 100,
  warmUp: { requests: 20, durationMs: 1_000 },
  insufficientData: 'Synthesize',
};

export const STEPS: readonly CanaryStep[] = [
  { weight: 20, minDurationMs: 2_000, deadlineMs: 5 * MINUTE_MS },
  { weight: 50, minDurationMs: 2_000, deadlineMs: 5 * MINUTE_MS },
];

export const SETTINGS: RolloutSettings = {
  strategy: { type: 'Canary', steps: STEPS },
  gate: GATE,
  bake: { durationMs: 5_000, deadlineMs: 10 * MINUTE_MS },
  history: { revisions: 10, maxAgeMs: 720 * 60 * MINUTE_MS },
  breaker: { maxRollbacks: 3, windowMs: 60 * MINUTE_MS },
};

export const ENVIRONMENT: EnvironmentSettings = {
  name: 'test',
  sync: { intervalMs: 2_000, jitter: 0.1 },
  tenants: [{ namespace: 'shop', path: 'tenants/shop' }],
  prune: { enabled: true, maxDeletePercent: 50, confirm: '' },
  freezeWindows: [],
  maxConcurrentRollouts: 4,
  platformNamespace: 'platform',
};

export interface Wanted {
  readonly namespace?: string;
  /** Decides the artifact: two entries with the same content run the same bytes. */
  readonly content?: string;
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly settings?: Partial<RolloutSettings>;
  readonly gate?: Partial<Gate>;
  readonly rollout?: Partial<Omit<DesiredEntry['rollout'], 'settings'>>;
  readonly paths?: readonly string[];
  readonly more?: Partial<DesiredEntry>;
  readonly member?: Partial<Member>;
}

export function rule(namespace: string, name: string, path: string, route = `${namespace}/${name}`): RouteRule {
  return {
    route: route as RouteRule['route'],
    match: { path: { type: 'PathPrefix', value: path }, headers: [] },
    backend: entryKey(namespace, name),
  };
}

/** A desired entry with the test's defaults; `wanted` says what is special about it. */
export function entry(name: string, wanted: Wanted = {}): DesiredEntry {
  const namespace = wanted.namespace ?? 'shop';
  const retry = wanted.rollout?.retry ?? 0;
  const member: Member = {
    key: entryKey(namespace, name),
    artifact: artifactOf(wanted.content ?? name),
    source: { type: 'path', path: `${name}.wasm` },
    env: wanted.env ?? [],
    config: [],
    secretVersions: [],
    capabilities: [],
    limits: {
      memoryBytes: 2 ** 26,
      cpuMillis: 500,
      concurrency: 32,
      queue: 64,
      requestTimeoutMs: 2_000,
      startTimeoutMs: 5_000,
      requestBodyBytes: 2 ** 20,
      responseBodyBytes: 2 ** 20,
      logBytesPerSecond: 2 ** 16,
      handles: 1024,
    },
    instancePolicy: 'Pooled',
    isolation: 'Auto',
    links: [],
    ...wanted.member,
  };
  return {
    key: entryKey(namespace, name),
    labels: {},
    members: [member],
    rules: (wanted.paths ?? [`/${name}`]).map((path) => rule(namespace, name, path)),
    probes: {
      readiness: {
        call: { type: 'httpGet', path: '/healthz', headers: [] },
        periodMs: 100,
        timeoutMs: 500,
        successThreshold: 1,
        deadlineMs: 10_000,
      },
    },
    scaling: { minReplicas: 1, maxReplicas: 4 },
    supervision: { maxRestarts: 3, windowMs: 30_000, backoffInitialMs: 1_000, backoffMaxMs: MINUTE_MS },
    drainDeadlineMs: 30_000,
    rollout: {
      settings: { ...SETTINGS, ...wanted.settings, gate: { ...GATE, ...wanted.settings?.gate, ...wanted.gate } },
      approvals: [],
      ...wanted.rollout,
      retry,
    },
    retries: [retry],
    suspend: false,
    restartToken: '0',
    refusals: [],
    span: { file: `${name}.yaml`, line: 1, column: 1, endLine: 2, endColumn: 1 },
    ...wanted.more,
  };
}

export function desired(
  commit: string,
  entries: readonly DesiredEntry[],
  more: {
    readonly environment?: Partial<EnvironmentSettings>;
    readonly invalid?: readonly InvalidDocument[];
    readonly unreadablePaths?: readonly string[];
  } = {},
): Desired {
  return {
    commit: commit.padEnd(40, '0'),
    environment: { ...ENVIRONMENT, ...more.environment },
    policies: [],
    entries: new Map<EntryKey, DesiredEntry>(entries.map((one) => [one.key, one])),
    invalid: more.invalid ?? [],
    unreadablePaths: more.unreadablePaths ?? [],
    diagnostics: [],
  };
}
