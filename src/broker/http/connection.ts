/**
 * The connection of one request, to where it was judged that it may go.
 *
 * Invariant
 * N1 It leads to the addresses that were checked, or to the engine's door, and to nothing else: no proxy, no second look-up, no
 *    connection that another request had.
 */
import net, { type LookupFunction, type Socket } from 'node:net';
import tls from 'node:tls';
import type { DoorFailure } from '../../wire/door.ts';
import type { Target } from './target.ts';

/** One that hangs is noticed by the kernel where nobody counts the time. */
const KEEP_ALIVE_DELAY_MS = 60_000;

export interface CheckedAddress {
  readonly address: string;
  readonly family: number;
}

/** Where a request goes. */
export type Way =
  | { readonly type: 'Addresses'; readonly addresses: readonly CheckedAddress[] }
  | {
      readonly type: 'Door';
      readonly path: string;
      /** Of the way itself, before those of the guest (`doorHeaders`). */
      readonly headers: readonly string[];
      /** The engine says why there is no answer; the guest has heard. */
      readonly onFailed: (failure: DoorFailure) => void;
    };

/**
 * @param ca certificates to trust in place of those of the machine.
 * @param onReady it is there, for https with a certificate that is the host's. What goes wrong before and after is an `error`.
 */
export function openConnection(target: Target, way: Way, ca: string | undefined, onReady: () => void): Socket {
  if (way.type === 'Door') return net.connect({ path: way.path }, onReady);
  const { scheme, host, port } = target;
  const to = { host, port, lookup: answering(way.addresses) };
  if (scheme === 'http') return tuned(net.connect(to, onReady));
  // An address is no name that a server could be told; the certificate is held against it all the same.
  const names = target.address ? {} : { servername: host };
  return tuned(
    tls.connect({ ...to, ...names, ALPNProtocols: ['http/1.1'], ...(ca === undefined ? {} : { ca }) }, onReady),
  );
}

function tuned(socket: Socket): Socket {
  return socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
}

/** N1. */
function answering(checked: readonly CheckedAddress[]): LookupFunction {
  return (_hostname, options, callback) => {
    const [first] = checked;
    if (options.all) callback(null, [...checked]);
    else callback(null, first!.address, first!.family);
  };
}
