/**
 * The defaults of v1alpha1, in the words of the manifests. They are part of the form and never change: a revision is
 * computed from the values filled in. A test holds them against the `default`s of the schemas.
 */
import { DEFAULT_FILES, DEFAULT_HEADERS, DEFAULT_SOCKETS } from '../model/limits.ts';

export const COMPONENT_DEFAULTS = {
  instancePolicy: 'Pooled',
  isolation: 'Auto',
  limits: {
    memory: '64Mi',
    cpu: '1',
    concurrency: 32,
    queue: 64,
    requestTimeout: '10s',
    startTimeout: '5s',
    requestBody: '1Mi',
    responseBody: '8Mi',
    logBytesPerSecond: '64Ki',
    headers: DEFAULT_HEADERS,
    handles: 1024,
    sockets: DEFAULT_SOCKETS,
    files: DEFAULT_FILES,
  },
  /** `maxReplicas` is `minReplicas` unless written, and at least 1. */
  scaling: { minReplicas: 1, scaleDownAfter: '1m' },
  probes: {
    readiness: { period: '100ms', timeout: '500ms', successThreshold: 1, deadline: '30s' },
    liveness: { period: '5s', timeout: '1s', failureThreshold: 3 },
  },
  supervision: { maxRestarts: 3, window: '30s', backoff: { initial: '1s', max: '60s' } },
  drain: { deadline: '30s' },
  rollout: { retry: 0 },
  suspend: false,
  restartToken: '0',
} as const;

export const AMBIENT_DEFAULTS = {
  clocks: 'System',
  random: 'System',
  time: '2026-01-01T00:00:00Z',
  step: '1ms',
  seed: 0,
} as const;

/** Only where `state` is written at all. */
export const STATE_DEFAULTS = { migrateTimeout: '1m' } as const;

export const GRANT_DEFAULTS = {
  enforcement: 'Enforce',
  outboundHttp: { schemes: ['https'], ports: [443] },
  sockets: { protocols: ['Tcp'] },
  filesystem: { access: 'ReadOnly', maxSize: '64Mi', maxFiles: 10_000 },
  keyValue: { access: 'ReadOnly', maxSize: '64Mi', maxKeys: 100_000, maxValueSize: '64Ki' },
  blobStore: { access: 'ReadOnly' },
  sql: { access: 'ReadOnly' },
} as const;

export const LINK_DEFAULTS = { mode: 'Inline' } as const;

export const ROLLOUT_DEFAULTS = {
  /** Only where `strategy` is absent; a strategy that is written names its type. */
  strategy: { type: 'Immediate' },
  blueGreen: { previewDuration: '0s', deadline: '15m', approval: { deadline: '72h' } },
  rolling: { maxUnavailable: 0, maxSurge: 1, minDuration: '30s', deadline: '15m' },
  step: { minDuration: '30s', deadline: '15m', approval: { deadline: '72h' } },
  gate: {
    errors: { tolerable: '0.5%', intolerable: '2%', statuses: ['5xx'], maxShiftOfClientErrors: '5%' },
    /** Only where `latency` is written at all. */
    latency: { percentile: '99%', maxIncreaseOverStable: '20%' },
    hardStops: { consecutiveErrors: 5, crashes: 2, window: '60s' },
    minSamples: 100,
    warmUp: { requests: 50, duration: '10s' },
    /** At least `minSamples`. */
    synthetic: { requests: 300 },
  },
  bake: { duration: '10m', deadline: '24h' },
  history: { revisions: 10, maxAge: '720h' },
  breaker: { maxRollbacks: 3, window: '1h' },
} as const;

export const ROUTE_DEFAULTS = {
  path: { type: 'PathPrefix', value: '/' },
} as const;

export const SCHEDULE_DEFAULTS = {
  timeZone: 'UTC',
  concurrencyPolicy: 'Forbid',
  deadline: '10m',
  startingDeadline: '10m',
  suspend: false,
} as const;

/** Of a request, and of one call. */
export const CHECK_DEFAULTS = {
  timeout: '10s',
  request: { hostname: 'localhost', method: 'GET' },
  expect: { status: 200 },
} as const;

/** What a Schedule calls where it does not say: the component as a command. */
export const DEFAULT_COMMAND = { interface: 'wasi:cli/run@0.2.0', function: 'run' } as const;

export const ENVIRONMENT_DEFAULTS = {
  sync: { interval: '15s', jitter: '10%' },
  platformNamespace: 'platform',
  prune: { enabled: true, maxDeletePercent: 30, confirm: '' },
  freezeWindow: { timeZone: 'UTC' },
  rollouts: { maxConcurrent: 4 },
  report: { statuses: true, deployments: true, notes: false, onRollback: 'nothing' },
} as const;

export const POLICY_DEFAULTS = {
  enforcement: 'Enforce',
  rollout: { allowEmergency: true },
} as const;

export const RUNTIME_DEFAULTS = {
  repository: { ref: 'main', path: '.' },
  data: '.headway',
  listen: '127.0.0.1:8080',
  status: '127.0.0.1:8081',
  releaseHeader: true,
  preview: { header: false },
  engines: 1,
  limits: { replicas: 64, connections: 10_000, poolSize: 2, mirror: '2Gi', store: '4Gi', journal: '256Mi' },
  report: { targets: { checks: false, deployments: false, timeout: '10s' } },
  log: { level: 'info' },
} as const;
