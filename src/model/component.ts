import type { Digest } from '../kit/digest.ts';
import type { Ambient } from './ambient.ts';
import type { SealedValue } from './sealed.ts';
import type { SignatureDemand } from './signature.ts';

/** `namespace/name` of a component document. An entry is a component that a trigger calls. */
export type EntryKey = `${string}/${string}`;

export function entryKey(namespace: string, name: string): EntryKey {
  return `${namespace}/${name}`;
}

export type InstancePolicy = 'Pooled' | 'PerRequest' | 'Singleton';
/** `Auto` is the default: `Strict` where the machine can, else `Process`. */
export type Isolation = 'Auto' | 'Process' | 'Strict' | 'Shared';

/** Where the bytes come from. `path` is relative to the root that the daemon follows. */
export type ArtifactSource =
  | { readonly type: 'path'; readonly path: string }
  | { readonly type: 'https'; readonly url: string; readonly digest: Digest }
  | { readonly type: 'oci'; readonly image: string; readonly tag?: string; readonly digest: Digest };

export interface EnvVar {
  readonly name: string;
  readonly value: string;
}

/** One item of `spec.capabilities`: `capability` is its key (`outboundHttp`, `filesystem`, …), `settings` its value. */
export interface Grant {
  readonly name: string;
  readonly capability: string;
  readonly settings: { readonly [field: string]: unknown };
  readonly enforcement: 'Enforce' | 'Audit';
  readonly expireTime?: string;
}

/** The store that a grant of `keyValue` is about. */
export function storeOf({ settings }: Pick<Grant, 'settings'>): string {
  return String(settings['store']);
}

/** Stores that the grants let somebody write to, by name. */
export function ownStoresOf(grants: readonly Grant[]): readonly string[] {
  const written = grants.filter(({ capability, settings }) => {
    return capability === 'keyValue' && settings['access'] === 'ReadWrite';
  });
  return [...new Set(written.map(storeOf))].sort();
}

export interface Link {
  /** The import that is bound, for example `shop:tax/rates@0.2.0`. */
  readonly import: string;
  readonly component: EntryKey;
  readonly mode: 'Inline' | 'Remote';
}

/** All limits, defaults filled in, in plain units. */
export interface Limits {
  readonly memoryBytes: number;
  readonly cpuMillis: number;
  readonly concurrency: number;
  readonly queue: number;
  readonly requestTimeoutMs: number;
  readonly startTimeoutMs: number;
  readonly requestBodyBytes: number;
  readonly responseBodyBytes: number;
  readonly logBytesPerSecond: number;
  readonly handles: number;
  /** Of a request and of a response. Absent: `DEFAULT_HEADERS`. */
  readonly headers?: number;
  /** Of one replica, in the broker. Absent: `DEFAULT_SOCKETS`, `DEFAULT_FILES`. */
  readonly sockets?: number;
  readonly files?: number;
  /** Of one replica. Absent: as many as `concurrency`. */
  readonly instances?: number;
  /** Absent: no end. */
  readonly requestsPerInstance?: number;
}

/** An exported function: `headway:component/health@0.1.0` and `check`. */
export interface ExportRef {
  /** Empty: the world itself exports the function. */
  readonly interface: string;
  readonly function: string;
}

/** What a probe calls: a GET through the component's own handler, or an exported function. */
export type ProbeCall =
  | { readonly type: 'httpGet'; readonly path: string; readonly headers: readonly EnvVar[] }
  | { readonly type: 'export'; readonly export: ExportRef };

export interface ReadinessProbe {
  readonly call: ProbeCall;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly successThreshold: number;
  /** From start; a replica that is not ready by then fails the attempt. */
  readonly deadlineMs: number;
}

export interface LivenessProbe {
  readonly call: ProbeCall;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly failureThreshold: number;
}

export interface Probes {
  readonly readiness?: ReadinessProbe;
  readonly liveness?: LivenessProbe;
}

/** One component of a cell: everything that is part of its revision. */
export interface Member {
  readonly key: EntryKey;
  readonly artifact: Digest;
  readonly source: ArtifactSource;
  /** By whom the artifact has to be signed; in no revision, as little as the source. Absent: by nobody. */
  readonly signatures?: readonly SignatureDemand[];
  readonly env: readonly EnvVar[];
  readonly config: readonly EnvVar[];
  /** `namespace/name/key` of each value of a Secret that is used, and the version written beside it. */
  readonly secretVersions: readonly { readonly secret: string; readonly version: string }[];
  /** Where those values go, and what they are opened from. Absent: none. */
  readonly sealed?: readonly SealedValue[];
  readonly capabilities: readonly Grant[];
  readonly limits: Limits;
  readonly instancePolicy: InstancePolicy;
  readonly isolation: Isolation;
  readonly links: readonly Link[];
  /** Absent: time and chance are the machine's. */
  readonly ambient?: Ambient;
  /** What form its stores have, and how long a change of it may take. Absent: it says nothing about them. */
  readonly state?: { readonly version: string; readonly migrateTimeoutMs: number };
}

export interface Supervision {
  readonly maxRestarts: number;
  readonly windowMs: number;
  readonly backoffInitialMs: number;
  readonly backoffMaxMs: number;
}
