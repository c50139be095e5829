/** What one loop tells of itself: its own values, put together for people and for `report/`. */
import type { Decision } from '../model/decision.ts';
import type { Desired } from '../model/desired.ts';
import type { EngineObserved } from '../model/engine.ts';
import type { Memory } from '../model/memory.ts';
import type { SourceStatus, Status, TimelineEvent } from '../model/status.ts';

export interface LoopView {
  readonly version: string;
  readonly startedAt: string;
  readonly nowWallMs: number;
  readonly memory: Memory;
  readonly desired: Desired | undefined;
  readonly decision: Decision | undefined;
  readonly engine: EngineObserved | undefined;
  /** The engine process in which everything that should serve has once been seen to serve. */
  readonly servedIn: string | undefined;
  readonly source: SourceStatus;
  readonly timeline: readonly TimelineEvent[];
}

export function statusOf({ engine, memory, desired, decision, ...view }: LoopView): Status {
  const { generation } = memory.snapshot;
  return {
    version: view.version,
    startedAt: view.startedAt,
    now: new Date(view.nowWallMs).toISOString(),
    ready: generation > 0 && engine !== undefined && engine.epoch === view.servedIn && engine.generation >= generation,
    source: view.source,
    environment: desired?.environment.name ?? '',
    ...(memory.revocation ? { revocation: memory.revocation } : {}),
    engine: {
      connected: engine !== undefined,
      ...(engine ? { epoch: engine.epoch } : {}),
      generation: engine?.generation ?? 0,
      sandbox: engine ? `${engine.sandbox.strict ? 'Strict' : 'Process'} (${engine.sandbox.why})` : 'unknown',
      ...(engine?.sandbox.processor === undefined ? {} : { processor: engine.sandbox.processor }),
      ...(engine?.engines ? { engines: engine.engines } : {}),
    },
    entries: decision?.entries ?? [],
    commits: decision?.commits ?? [],
    diagnostics: desired?.diagnostics ?? [],
    timeline: view.timeline,
  };
}
