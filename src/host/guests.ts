import type { CellSpec, ReplicaPhase } from '../model/engine.ts';
import type { Guest } from './processor.ts';

/** Of a replica, what matters here. */
interface Running {
  readonly cell: Pick<CellSpec, 'limits'>;
  readonly phase: ReplicaPhase;
  readonly pid: number | undefined;
}

/** The process whose processor time is a guest's doing: until one is loaded, what it uses is the runtime's. */
export function guestId({ phase, pid }: Running): string | undefined {
  const isLoaded = phase === 'Ready' || phase === 'Unhealthy' || phase === 'Draining';
  return isLoaded && pid !== undefined ? String(pid) : undefined;
}

/** Processes that run guests, each once, with the limits of all that are in it. */
export function guestsOf(replicas: Iterable<Running>): readonly Guest[] {
  const guests = new Map<string, Guest>();
  for (const replica of replicas) {
    const id = guestId(replica);
    if (id === undefined) continue;
    const limitMillis = (guests.get(id)?.limitMillis ?? 0) + replica.cell.limits.cpuMillis;
    guests.set(id, { id, pid: replica.pid!, limitMillis });
  }
  return [...guests.values()];
}
