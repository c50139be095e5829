/** What a replica is made with. */
import type { Logger } from 'pino';
import type { Result } from '../kit/result.ts';
import type { DropReason } from '../model/datagrams.ts';
import type { LimitName } from '../model/limits.ts';
import type { CellSpec } from '../model/engine.ts';
import type { Problem } from '../model/problem.ts';
import type { CallRemote } from '../wire/remote-call.ts';
import type { BrokerClient } from './broker-client.ts';
import type { ReplicaBudget } from './budget.ts';
import type { CellProcess } from './cell-process.ts';
import type { CellOwner } from './cell-owner.ts';
import type { RemoteOptions } from './remote-calls.ts';
import type { KnownStart } from './known-start.ts';
import type { AssignRequest } from './spawner/assign.ts';
import type { Replica } from './replica.ts';

export interface ReplicaOptions {
  readonly id: string;
  readonly cell: CellSpec;
  readonly budget: ReplicaBudget;
  /** A booted process in the sandbox that the cell asks for. */
  readonly take: (isWanted: () => boolean) => Promise<Result<CellProcess, Problem>>;
  readonly assign: (cell: CellProcess, request: AssignRequest) => Promise<Result<void, Problem>>;
  readonly known: KnownStart;
  readonly broker: Pick<BrokerClient, 'attach' | 'detach'>;
  /** To the ingress, which knows the way. */
  readonly callRemote: CallRemote;
  readonly log: Logger;
  /** A guest called another entry, or tried to. */
  readonly onCalled: NonNullable<RemoteOptions['onCalled']>;
  /** The guest called what it was not granted. */
  readonly onDenied: CellOwner['onDenied'];
  readonly onLimit: (limit: LimitName, count?: number, bytes?: number) => void;
  /** Datagrams of the guest went nowhere. */
  readonly onDropped: (reason: DropReason, count: number) => void;
  /** The phase, or whether the channel is open, has changed. */
  readonly onChange: (replica: Replica) => void;
}
