/** What the engine is started with, as one line of JSON on its standard input. */
export interface EngineConfig {
  readonly listen: { readonly host: string; readonly port: number };
  /** Where control finds the engine: a unix socket, made by the engine with mode 0600. */
  readonly linkPath: string;
  /** Mode 0700, made by the engine: sockets, records of running cells. */
  readonly runFolder: string;
  /**
   * The code of cells. Every folder above it must be open to others (mode 0711 is enough), so that cells can have uids of
   * their own; where it is not, they keep the daemon's, and status says so.
   */
  readonly bootFolder: string;
  /** The content store that control writes. */
  readonly storeFolder: string;
  /** Mode 0700: what guests keep, the broker's to read and write. */
  readonly storesFolder: string;
  readonly volumesFolder: string;
  /** Processes that wait for an assignment. */
  readonly poolSize?: number;
  /** What may be reserved for all replicas together (`host/budget.ts`); half of the machine where it is absent. */
  readonly memoryBytes?: number;
  readonly maxReplicas?: number;
  /** Client connections at a time; one more is closed at once. */
  readonly maxConnections?: number;
  /** From SIGTERM until what is in flight is cut off. */
  readonly drainDeadlineMs?: number;
  /** It is one of several that share the port and the machine; absent: there is one. */
  readonly among?: {
    readonly number: number;
    readonly count: number;
    /** Where the first takes what the others hand over to it: a unix socket of mode 0600. */
    readonly handoverPath: string;
  };
  readonly logLevel?: string;
  /** The operator's reason not to use Strict. */
  readonly forbidStrict?: string;
}

/** Of the machine's memory, for cells, where the operator does not say. */
export const DEFAULT_MEMORY_SHARE = 0.5;
export const DEFAULT_POOL_SIZE = 2;
export const DEFAULT_MAX_REPLICAS = 256;
export const DEFAULT_DRAIN_DEADLINE_MS = 30_000;
