/**
 * The limits that a guest, or who calls it, can hit: one closed list for the counts of the engine, the condition, the metric
 * and the table of docs/limits.md, which a test holds against it.
 */
import type { EntryKey } from './component.ts';

export interface LimitWords {
  /**
   * `Refused`: something was not done, or ended, because of it. `Kept`: nothing was lost; what is beyond waits or is replaced,
   * as was asked for.
   */
  readonly kind: 'Refused' | 'Kept';
  /** What one hit is. */
  readonly hit: string;
  /** What to do about it. */
  readonly fix: string;
}

export const LIMITS = {
  memory: {
    kind: 'Refused',
    hit: 'an instance wanted more memory than it may have',
    fix: 'raise spec.limits.memory, or let instances be replaced by spec.limits.requestsPerInstance',
  },
  processMemory: {
    kind: 'Refused',
    hit: 'the process went over its hard cap and ended',
    fix: 'raise spec.limits.memory, or spec.limits.instances, from which the cap follows',
  },
  tables: {
    kind: 'Refused',
    hit: 'an instance wanted more elements in a table than it may have',
    fix: 'have the component keep less in its tables; their bound is the same for all',
  },
  cpu: {
    kind: 'Refused',
    hit: 'the guest was above it for five seconds',
    fix: 'raise spec.limits.cpu, or spec.scaling.maxReplicas',
  },
  concurrency: {
    kind: 'Kept',
    hit: 'a call waited for room in a replica',
    fix: 'raise spec.limits.concurrency, or spec.scaling.maxReplicas',
  },
  queue: {
    kind: 'Refused',
    hit: 'a call was turned away because the queue was full',
    fix: 'raise spec.limits.queue, spec.limits.concurrency or spec.scaling.maxReplicas',
  },
  requestTimeout: {
    kind: 'Refused',
    hit: 'a call was ended at its deadline',
    fix: 'raise spec.limits.requestTimeout, or that of the Route',
  },
  startTimeout: {
    kind: 'Refused',
    hit: 'a replica was not loaded in time',
    fix: 'raise spec.limits.startTimeout',
  },
  requestBody: {
    kind: 'Refused',
    hit: 'the body of a request was too large',
    fix: 'raise spec.limits.requestBody, or that of the Route',
  },
  responseBody: {
    kind: 'Refused',
    hit: 'the body of a response was too large',
    fix: 'raise spec.limits.responseBody',
  },
  headers: {
    kind: 'Refused',
    hit: 'a request or a response had too many headers',
    fix: 'raise spec.limits.headers',
  },
  logBytesPerSecond: {
    kind: 'Refused',
    hit: 'output was dropped',
    fix: 'raise spec.limits.logBytesPerSecond',
  },
  handles: {
    kind: 'Refused',
    hit: 'an instance wanted one resource too many, and trapped',
    fix: 'raise spec.limits.handles',
  },
  sockets: {
    kind: 'Refused',
    hit: 'a socket was not opened',
    fix: 'raise spec.limits.sockets',
  },
  files: {
    kind: 'Refused',
    hit: 'a file or folder of a volume was not opened',
    fix: 'raise spec.limits.files',
  },
  instances: {
    kind: 'Kept',
    hit: 'a call waited for an instance',
    fix: 'raise spec.limits.instances',
  },
  requestsPerInstance: {
    kind: 'Kept',
    hit: 'an instance had served its calls and was replaced',
    fix: 'nothing; raise spec.limits.requestsPerInstance where that is too often',
  },
} as const satisfies Record<string, LimitWords>;

export type LimitName = keyof typeof LIMITS;

export const LIMIT_NAMES = Object.keys(LIMITS) as readonly LimitName[];

/** `count` times, now; `bytes` where it is about bytes that were lost. */
export type TellLimit = (entry: EntryKey, limit: LimitName, count?: number, bytes?: number) => void;

/** Since the engine's start. */
export interface LimitHits {
  readonly entry: EntryKey;
  readonly limit: LimitName;
  readonly hits: number;
  readonly lastWallMs: number;
  /** Lost by it. Absent: it is not about bytes. */
  readonly bytes?: number;
}

/** Where a component does not say; what did not exist at first is in no revision that does not say it. */
export const DEFAULT_HEADERS = 128;
export const DEFAULT_SOCKETS = 64;
export const DEFAULT_FILES = 512;
