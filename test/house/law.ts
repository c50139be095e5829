/**
 * The law of the rooms, as data: what each folder of `src/` may import from which other, and which of Node's modules
 * and globals it may touch. `test/house/law.test.ts` enforces it and prints the fix.
 */
export interface Room {
  /** Other rooms whose files it may import; its own are always allowed. */
  readonly rooms: readonly string[];
  /** Single files of other rooms that it may import. */
  readonly files?: readonly string[];
  /** Node's modules: a list, or everything. */
  readonly node: readonly string[] | 'any';
  /** Packages from npm. */
  readonly packages: readonly string[];
  /** No I/O, no timers, no clock, no randomness. */
  readonly pure?: true;
}

const PORTS = ['reconcile/ports.ts'] as const;
const EDGE = { rooms: ['kit', 'model', 'wire'], files: PORTS, node: 'any' } as const;

export const LAW: Readonly<Record<string, Room>> = {
  kit: { rooms: [], node: ['node:crypto'], packages: [], pure: true },
  model: { rooms: ['kit'], node: [], packages: [], pure: true },
  wire: { rooms: ['kit', 'model'], node: 'any', packages: [] },
  manifest: { rooms: ['kit', 'model'], node: [], packages: ['yaml', 'ajv'], pure: true },
  decide: { rooms: ['kit', 'model'], node: [], packages: ['cron', 'luxon'], pure: true },
  reconcile: { rooms: ['kit', 'model', 'decide', 'manifest'], node: ['node:crypto'], packages: ['pino'] },
  check: { rooms: ['kit', 'model', 'manifest', 'decide', 'reconcile'], node: 'any', packages: ['undici'] },
  git: { ...EDGE, packages: ['simple-git', 'pino'] },
  artifact: {
    ...EDGE,
    packages: ['pino', 'undici', '@sigstore/bundle', '@sigstore/protobuf-specs', '@sigstore/verify'],
  },
  component: { ...EDGE, packages: ['@bytecodealliance/jco-transpile', 'acorn', 'astring', 'pino'] },
  secret: { ...EDGE, packages: ['age-encryption'] },
  journal: { ...EDGE, packages: ['pino'] },
  report: { ...EDGE, packages: ['pino', 'prom-client', 'undici'] },
  dashboard: { ...EDGE, packages: [] },
  ingress: { ...EDGE, packages: ['pino'] },
  host: { ...EDGE, packages: ['pino', 'acorn'] },
  broker: { ...EDGE, packages: ['pino'] },
  cell: { ...EDGE, packages: ['@bytecodealliance/preview2-shim'] },
  'cli.ts': { rooms: ['kit', 'model', 'check', 'process'], node: ['node:util'], packages: [] },
  process: {
    rooms: [
      'kit',
      'model',
      'wire',
      'manifest',
      'decide',
      'reconcile',
      'check',
      'git',
      'artifact',
      'component',
      'secret',
      'journal',
      'report',
      'dashboard',
      'ingress',
      'host',
      'broker',
      'cell',
    ],
    node: 'any',
    packages: ['pino', 'undici', 'simple-git'],
  },
};

/** Globals that a pure room must not name: each is time, chance or the outside world. */
export const IMPURE_GLOBALS = [
  'console',
  'process',
  'performance',
  'fetch',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'XMLHttpRequest',
  'WebSocket',
];

/** `object.member` pairs that a pure room must not use. */
export const IMPURE_MEMBERS = ['Date.now', 'Math.random', 'crypto.randomUUID', 'crypto.getRandomValues'];

/** Files longer than this share two ideas. */
export const MAX_FILE_LINES = 400;
