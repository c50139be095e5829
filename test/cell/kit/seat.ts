import { randomBytes } from 'node:crypto';
import type { BrokerCell } from '../../../src/wire/broker-link.ts';
import { DEFAULT_FILES, DEFAULT_SOCKETS } from '../../../src/model/limits.ts';
import { seatsOf } from '../../../src/wire/broker-frames.ts';
import { ToCell } from '../../../src/wire/frames.ts';
import type { TestBroker } from '../../broker/support.ts';
import type { Peer } from './peer.ts';

type Attached = Pick<BrokerCell, 'component' | 'members' | 'grants' | 'own'> & {
  readonly concurrency: number;
  /** Of sockets and files; the defaults otherwise. */
  readonly most?: Partial<BrokerCell['most']>;
};

let cells = 0;

/** Gives a cell its broker, as the engine does: the channel to the one, the token to both. */
export function attachBroker({ broker }: TestBroker, peer: Peer, { concurrency, most, ...cell }: Attached): void {
  const token = randomBytes(16);
  const group = `${cell.component}@1` as const;
  const placed = {
    cell: ++cells,
    replica: `${group}#1`,
    group,
    seats: seatsOf(concurrency),
    most: { sockets: DEFAULT_SOCKETS, files: DEFAULT_FILES, ...most },
    token: token.toString('hex'),
  };
  broker.attach({ ...cell, ...placed }, peer.brokerEnd);
  peer.writer.frame(ToCell.Broker, 0, token);
}
