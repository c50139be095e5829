/** How load becomes a number of replicas: the same words for the engine, which measures, and for control, which decides. */

/** Share of a replica's `limits.concurrency` that is to be in use: the rest takes what comes while another one starts. */
export const TARGET_LOAD_SHARE = 0.7;

export interface Scaling {
  /** 0: none while nothing calls; one that waits is started by the first request. */
  readonly minReplicas: number;
  /** At least 1. */
  readonly maxReplicas: number;
  /** Fewer are asked for after so long with less load. Absent where the number is fixed. */
  readonly scaleDownAfterMs?: number;
}

/** How many replicas its load asks for, and since when it asks for fewer. */
export interface ScaleMemory {
  readonly wanted: number;
  /** On `clockMs`. Absent: it asks for no fewer. */
  readonly fallingSinceMs?: number | undefined;
  /** The most that was asked for since then. */
  readonly mostSince?: number | undefined;
}

/** How many replicas so many calls at once ask for; 0 where there are none. */
export function replicasFor(inFlight: number, concurrency: number): number {
  return Math.ceil(inFlight / (concurrency * TARGET_LOAD_SHARE));
}
