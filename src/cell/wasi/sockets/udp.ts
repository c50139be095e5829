/**
 * `wasi:sockets/udp`: a socket is bound by the broker; its streams are two views of that line.
 *
 * Invariants
 * U1 `send` takes no more datagrams than the last `check-send` permits: more is a trap, as specified.
 * U2 Streams are children: a socket that is dropped, or asked for new ones, before they are gone traps.
 */
import { MAX_DATAGRAM_BYTES, Opening, Tuning, type NetworkError } from '../../../wire/socket-frames.ts';
import type { Asking } from '../../broker.ts';
import type { Line } from '../../lines.ts';
import { HostResource } from '../../resource.ts';
import type { Scope } from '../../scope.ts';
import { HostTrap } from '../../trap.ts';
import { Pollable } from '../poll.ts';
import { failed, type Failed } from '../result.ts';
import {
  endpointOf,
  isPeer,
  isSame,
  isUnicast,
  openerOf,
  socketAddress,
  type Family,
  type SocketAddress,
} from './address.ts';
import type { Network } from './network.ts';
import type { Outcome } from './options.ts';

/** What one `check-send` permits, and one `receive` gives. */
export const MAX_DATAGRAMS = 64;
const DEFAULT_HOP_LIMIT = 64;
const MAX_U32 = 0xffff_ffffn;

interface IncomingDatagram {
  readonly data: Uint8Array;
  readonly remoteAddress: SocketAddress;
}
interface OutgoingDatagram {
  readonly data: Uint8Array;
  readonly remoteAddress: SocketAddress | undefined;
}

type State = 'Unbound' | 'Binding' | 'Bound' | 'Closed';

export class UdpSocket extends HostResource {
  readonly #seat: Asking;
  readonly #family: Family;
  #state: State = 'Unbound';
  #line: Line | undefined;
  #remote: SocketAddress | undefined;
  #streams = 0;
  #hopLimit = DEFAULT_HOP_LIMIT;

  constructor(scope: Scope, seat: Asking, family: Family) {
    super(scope);
    this.#seat = seat;
    this.#family = family;
  }

  startBind(_network: Network, address: SocketAddress): Outcome {
    if (this.#state !== 'Unbound') return failed('invalid-state');
    if (!isUnicast(address, this.#family)) return failed('invalid-argument');
    this.#line = this.#seat.open(openerOf(Opening.Udp, endpointOf(address)));
    if (!this.#line) return failed('new-socket-limit');
    this.#state = 'Binding';
    return undefined;
  }

  finishBind(): Outcome {
    const line = this.#line;
    if (this.#state !== 'Binding' || !line) return failed('not-in-progress');
    if (!line.ready()) return failed('would-block');
    if (line.over) {
      this.#state = 'Unbound';
      return failed(line.failure ?? 'invalid-state');
    }
    this.#state = 'Bound';
    if (this.#hopLimit !== DEFAULT_HOP_LIMIT) line.tune(Tuning.HopLimit, this.#hopLimit);
    return undefined;
  }

  stream(remote: SocketAddress | undefined): [IncomingDatagramStream, OutgoingDatagramStream] | Failed<NetworkError> {
    const line = this.#bound();
    if (!line) return failed('invalid-state');
    if (remote && !isPeer(remote, this.#family)) return failed('invalid-argument');
    // U2.
    if (this.#streams > 0) throw new HostTrap('udp-socket.stream before its last streams were dropped');
    this.#remote = remote;
    this.#streams = 2;
    const gone = (): void => void this.#streams--;
    return [
      new IncomingDatagramStream(this.scope, line, remote, gone),
      new OutgoingDatagramStream(this.scope, line, this.#family, remote, gone),
    ];
  }

  localAddress(): SocketAddress | Failed<NetworkError> {
    const local = this.#bound()?.local;
    return local ? socketAddress(local) : failed('invalid-state');
  }

  remoteAddress(): SocketAddress | Failed<NetworkError> {
    return this.#remote ?? failed('invalid-state');
  }

  addressFamily(): Family {
    return this.#family;
  }

  unicastHopLimit(): number | Failed<NetworkError> {
    return this.#hopLimit;
  }

  setUnicastHopLimit(value: number): Outcome {
    if (value === 0) return failed('invalid-argument');
    this.#hopLimit = value;
    this.#bound()?.tune(Tuning.HopLimit, value);
    return undefined;
  }

  receiveBufferSize(): bigint | Failed<NetworkError> {
    const line = this.#bound();
    return line ? BigInt(line.receiveBuffer) : failed('invalid-state');
  }

  setReceiveBufferSize(value: bigint): Outcome {
    const line = this.#bound();
    if (value === 0n) return failed('invalid-argument');
    if (!line) return failed('invalid-state');
    line.receiveBuffer = clamped(value);
    line.tune(Tuning.ReceiveBuffer, line.receiveBuffer);
    return undefined;
  }

  sendBufferSize(): bigint | Failed<NetworkError> {
    const line = this.#bound();
    return line ? BigInt(line.sendBuffer) : failed('invalid-state');
  }

  setSendBufferSize(value: bigint): Outcome {
    const line = this.#bound();
    if (value === 0n) return failed('invalid-argument');
    if (!line) return failed('invalid-state');
    line.sendBuffer = clamped(value);
    line.tune(Tuning.SendBuffer, line.sendBuffer);
    return undefined;
  }

  subscribe(): Pollable {
    const pending = (): Line | undefined => (this.#state === 'Binding' ? this.#line : undefined);
    return new Pollable(this.scope, {
      ready: () => pending()?.ready() ?? true,
      get dueMs() {
        return pending()?.dueMs ?? Number.POSITIVE_INFINITY;
      },
    });
  }

  protected override dropped(): void {
    if (this.#streams > 0) throw this.scope.trap('a udp-socket was dropped before its streams');
    this.#line?.drop();
  }

  #bound(): Line | undefined {
    return this.#state === 'Bound' && !this.#line?.over ? this.#line : undefined;
  }
}

export class IncomingDatagramStream extends HostResource {
  readonly #line: Line;
  readonly #remote: SocketAddress | undefined;
  readonly #gone: () => void;

  constructor(scope: Scope, line: Line, remote: SocketAddress | undefined, gone: () => void) {
    super(scope);
    this.#line = line;
    this.#remote = remote;
    this.#gone = gone;
  }

  /** What is there; nothing where nothing is. */
  receive(max: bigint): IncomingDatagram[] | Failed<NetworkError> {
    const wanted = max > MAX_DATAGRAMS ? MAX_DATAGRAMS : Number(max);
    const found: IncomingDatagram[] = [];
    while (found.length < wanted) {
      const received = this.#line.receive();
      if (!received) break;
      const remoteAddress = socketAddress(received.from);
      if (!this.#remote || isSame(this.#remote, remoteAddress)) found.push({ data: received.bytes, remoteAddress });
    }
    if (found.length === 0 && wanted > 0 && this.#line.over) return failed(this.#line.failure ?? 'invalid-state');
    return found;
  }

  subscribe(): Pollable {
    const line = this.#line;
    return new Pollable(this.scope, { ready: () => line.hasReceived, dueMs: Number.POSITIVE_INFINITY });
  }

  protected override dropped(): void {
    this.#gone();
  }
}

export class OutgoingDatagramStream extends HostResource {
  readonly #line: Line;
  readonly #family: Family;
  readonly #remote: SocketAddress | undefined;
  readonly #gone: () => void;
  #permit = 0;

  constructor(scope: Scope, line: Line, family: Family, remote: SocketAddress | undefined, gone: () => void) {
    super(scope);
    this.#line = line;
    this.#family = family;
    this.#remote = remote;
    this.#gone = gone;
  }

  checkSend(): bigint | Failed<NetworkError> {
    const refused = this.#line.takeRefusal();
    if (refused) return failed(refused);
    this.#permit = this.#line.maySend ? MAX_DATAGRAMS : 0;
    return BigInt(this.#permit);
  }

  send(datagrams: readonly OutgoingDatagram[]): bigint | Failed<NetworkError> {
    if (datagrams.length > this.#permit) {
      throw new HostTrap(`send of ${datagrams.length} datagrams, check-send permits ${this.#permit}`);
    }
    const refused = this.#line.takeRefusal();
    if (refused) return failed(refused);
    let sent = 0;
    for (const datagram of datagrams) {
      const failure = this.#unsendable(datagram);
      // The first failure is told where nothing went before it, else with the next call.
      if (failure && sent === 0) return failed(failure);
      const to = datagram.remoteAddress ?? this.#remote;
      if (failure || !to || !this.#line.send(endpointOf(to), datagram.data)) break;
      sent += 1;
    }
    this.#permit -= sent;
    return BigInt(sent);
  }

  subscribe(): Pollable {
    const line = this.#line;
    return new Pollable(this.scope, { ready: () => line.maySend, dueMs: Number.POSITIVE_INFINITY });
  }

  protected override dropped(): void {
    this.#gone();
  }

  #unsendable({ data, remoteAddress }: OutgoingDatagram): NetworkError | undefined {
    if (data.length > MAX_DATAGRAM_BYTES) return 'datagram-too-large';
    if (!this.#remote) return remoteAddress && isPeer(remoteAddress, this.#family) ? undefined : 'invalid-argument';
    return !remoteAddress || isSame(this.#remote, remoteAddress) ? undefined : 'invalid-argument';
  }
}

export function udpCreateSocket(scope: Scope, seat: Asking): object {
  return { createUdpSocket: (family: Family) => new UdpSocket(scope, seat, family) };
}

function clamped(value: bigint): number {
  return Number(value > MAX_U32 ? MAX_U32 : value);
}
