import type { Diagnostic } from './diagnostic.ts';
import type { EntryKey, Limits, Member, Probes, Supervision } from './component.ts';
import type { Problem, Span } from './problem.ts';
import type { RemoteSide } from './remote.ts';
import type { Rollout } from './rollout.ts';
import type { ReportSettings } from './report.ts';
import type { RouteRule } from './route.ts';
import type { SignatureRule } from './signature.ts';
import type { TrustSettings } from './trust.ts';
import type { Scaling } from './scaling.ts';
import type { ScheduleTrigger } from './schedule.ts';

/** A component as git asks for it, defaults and policies resolved, units plain. */
export interface DesiredEntry {
  readonly key: EntryKey;
  readonly labels: { readonly [name: string]: string };
  /** The entry itself first, then everything it links inline, in the order of first mention. */
  readonly members: readonly [Member, ...Member[]];
  /** The rules that point at this entry, in a canonical order. Without them, `schedules` and remote callers: `Unreferenced`. */
  readonly rules: readonly RouteRule[];
  /** The schedules that point at this entry, by name. Absent: none. */
  readonly schedules?: readonly ScheduleTrigger[];
  /** Calls to and from other entries' cells. Absent: none. */
  readonly remote?: RemoteSide;
  readonly probes: Probes;
  readonly scaling: Scaling;
  readonly supervision: Supervision;
  readonly drainDeadlineMs: number;
  readonly rollout: Rollout;
  /** `retry` of every member, in the order of `members`. Part of the attempt. */
  readonly retries: readonly number[];
  readonly suspend: boolean;
  readonly restartToken: string;
  /** Why this component must not be started although its document is valid: an unimplemented key, a ceiling. */
  readonly refusals: readonly Problem[];
  readonly span: Span;
}

/** A document that cannot be used. What it would be about keeps its last valid form. */
export interface InvalidDocument {
  readonly kind: string;
  readonly namespace?: string;
  /** Absent where not even the name could be read. */
  readonly name?: string;
  readonly file: string;
  readonly problems: readonly Diagnostic[];
}

export interface FreezeWindow {
  readonly name: string;
  /** Five-field cron expression of the opening. */
  readonly schedule: string;
  readonly durationMs: number;
  readonly timeZone: string;
  /** Empty: all. */
  readonly namespaces: readonly string[];
}

export interface EnvironmentSettings {
  readonly name: string;
  readonly sync: { readonly intervalMs: number; readonly jitter: number };
  readonly tenants: readonly { readonly namespace: string; readonly path: string }[];
  readonly prune: { readonly enabled: boolean; readonly maxDeletePercent: number; readonly confirm: string };
  readonly freezeWindows: readonly FreezeWindow[];
  readonly maxConcurrentRollouts: number;
  /** Only its path, or no tenant path, may hold documents without a namespace. */
  readonly platformNamespace: string;
  readonly defaultRolloutPolicy?: { readonly namespace: string; readonly name: string };
  /** Folders outside of the followed path whose documents belong to it, relative to it. Absent: none. */
  readonly bases?: readonly string[];
  /** Judges the commits after this one. Absent: everybody is trusted. */
  readonly trust?: TrustSettings;
  /** What is told outside of Headway, of what the host allows. Absent: the defaults. */
  readonly report?: ReportSettings;
}

/** The most that grants of one capability may ask for: `settings` as in the Policy document, defaults filled in. */
export interface CapabilityCeiling {
  readonly name: string;
  readonly capability: string;
  readonly settings: { readonly [field: string]: unknown };
}

/** The limits of a component that a Policy may bound: not those that a Route says anew, nor what uses nothing. */
export type CeiledLimit = Exclude<keyof Limits, 'requestTimeoutMs' | 'requestBodyBytes' | 'requestsPerInstance'>;

export interface PolicySettings {
  readonly name: string;
  /** `*` is every namespace. */
  readonly namespaces: readonly string[];
  readonly enforcement: 'Enforce' | 'Audit';
  /** Absent: not restricted. */
  readonly hostnames?: readonly string[];
  /** What is absent is not restricted. */
  readonly limits: Partial<Pick<Limits, CeiledLimit>> & { readonly maxReplicas?: number };
  /** Empty: not restricted. */
  readonly isolation: readonly string[];
  /** Absent: not restricted. Intersected with the grants at each use. */
  readonly capabilities?: readonly CapabilityCeiling[];
  readonly artifacts?: { readonly registries: readonly string[]; readonly httpsHosts: readonly string[] };
  /** By whom artifacts have to be signed; absent: by nobody. */
  readonly signatures?: readonly SignatureRule[];
  readonly rollout: {
    readonly minBakeMs?: number;
    readonly maxTolerableErrors?: number;
    readonly allowEmergency: boolean;
  };
}

/**
 * Everything that one commit asks for. Total: a broken document becomes an `InvalidDocument`, never a missing part of
 * somebody else's.
 */
export interface Desired {
  readonly commit: string;
  readonly environment: EnvironmentSettings;
  readonly policies: readonly PolicySettings[];
  readonly entries: ReadonlyMap<EntryKey, DesiredEntry>;
  readonly invalid: readonly InvalidDocument[];
  /** Tenant paths (or `.` for the root) that hold a file which could not be read at all: nothing is pruned there. */
  readonly unreadablePaths: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}
