/**
 * `wasi:sockets/tcp`: the states of a socket. What needs the network is a line to the broker.
 *
 * Invariants
 * T1 A socket is in one state; a function that does not belong to it answers `invalid-state`, and changes nothing.
 * T2 Streams are children: a socket that is dropped before them traps.
 */
import type { FrameWriter } from '../../../wire/encoder.ts';
import { MAX_BACKLOG, Opening, Tuning, type Endpoint, type NetworkError } from '../../../wire/socket-frames.ts';
import type { Asking } from '../../broker.ts';
import type { Line } from '../../lines.ts';
import { HostResource } from '../../resource.ts';
import type { Condition, Scope } from '../../scope.ts';
import { Pollable } from '../poll.ts';
import { failed, type Failed } from '../result.ts';
import { InputStream, OutputStream, type ByteSource, type StreamEnd } from '../streams.ts';
import { endpointOf, isPeer, isUnicast, openerOf, socketAddress, type Family, type SocketAddress } from './address.ts';
import type { Network } from './network.ts';
import { KeepAlive, type Outcome } from './options.ts';

type State =
  | { readonly type: 'Unbound' | 'Closed' }
  /** Without a line: on all addresses, with a port that is chosen when it connects. */
  | { readonly type: 'Binding' | 'Bound'; readonly line?: Line | undefined; readonly local: Endpoint }
  | { readonly type: 'Connecting' | 'Connected' | 'ListenStarted'; readonly line: Line }
  | { readonly type: 'Listening'; readonly line: Line; next: Line | undefined };

type Streams = [InputStream, OutputStream];

const UNBOUND: State = { type: 'Unbound' };
const CLOSED: State = { type: 'Closed' };
const ENDED: StreamEnd = Object.freeze({});
const error = (code: NetworkError): Failed<NetworkError> => Object.freeze(failed(code));
const INVALID_STATE = error('invalid-state');
const INVALID_ARGUMENT = error('invalid-argument');
const NOT_SUPPORTED = error('not-supported');
const WOULD_BLOCK = error('would-block');
const NOT_IN_PROGRESS = error('not-in-progress');
const LIMIT = error('new-socket-limit');

export class TcpSocket extends HostResource {
  readonly #seat: Asking;
  readonly #family: Family;
  readonly #keepAlive = new KeepAlive();
  #backlog = MAX_BACKLOG;
  #state: State = UNBOUND;
  /** Streams that the guest holds. */
  #streams = 0;
  #receives = true;

  constructor(scope: Scope, seat: Asking, family: Family) {
    super(scope);
    this.#seat = seat;
    this.#family = family;
  }

  startBind(_network: Network, address: SocketAddress): Outcome {
    if (this.#state.type !== 'Unbound') return INVALID_STATE;
    if (!isUnicast(address, this.#family)) return INVALID_ARGUMENT;
    const local = endpointOf(address);
    if (isAny(address)) {
      this.#state = { type: 'Binding', local };
      return undefined;
    }
    const line = this.#seat.open(openerOf(Opening.Bind, local));
    if (!line) return LIMIT;
    this.#state = { type: 'Binding', line, local };
    return undefined;
  }

  finishBind(): Outcome {
    const state = this.#state;
    if (state.type !== 'Binding') return NOT_IN_PROGRESS;
    const { line, local } = state;
    if (line && !line.ready()) return WOULD_BLOCK;
    if (line?.over) {
      this.#state = UNBOUND;
      return failed(line.failure ?? 'invalid-state');
    }
    this.#state = { type: 'Bound', line, local: line?.local ?? local };
    return undefined;
  }

  startConnect(_network: Network, address: SocketAddress): Outcome {
    const state = this.#state;
    if (state.type !== 'Unbound' && state.type !== 'Bound') return INVALID_STATE;
    if (!isPeer(address, this.#family)) return INVALID_ARGUMENT;
    // Node binds to a port to listen there, or not at all.
    if (state.type === 'Bound' && state.line) return NOT_SUPPORTED;
    const line = this.#seat.open(openerOf(Opening.Connect, endpointOf(address)));
    if (!line) return LIMIT;
    this.#keepAlive.applyTo(line);
    this.#state = { type: 'Connecting', line };
    return undefined;
  }

  finishConnect(): Streams | Failed<NetworkError> {
    const state = this.#state;
    if (state.type !== 'Connecting') return NOT_IN_PROGRESS;
    const { line } = state;
    if (!line.ready()) return WOULD_BLOCK;
    if (!line.local) {
      this.#state = CLOSED;
      return failed(line.failure ?? 'connection-aborted');
    }
    return this.#connected(line);
  }

  startListen(): Outcome {
    const state = this.#state;
    if (state.type !== 'Bound') return INVALID_STATE;
    const line = state.line ?? this.#seat.open(openerOf(Opening.Bind, state.local));
    if (!line) return LIMIT;
    this.#state = { type: 'ListenStarted', line };
    return undefined;
  }

  finishListen(): Outcome {
    const state = this.#state;
    if (state.type !== 'ListenStarted') return NOT_IN_PROGRESS;
    const { line } = state;
    if (!line.ready()) return WOULD_BLOCK;
    if (line.over) {
      this.#state = CLOSED;
      return failed(line.failure ?? 'invalid-state');
    }
    line.tune(Tuning.Listen, this.#backlog);
    this.#state = { type: 'Listening', line, next: this.#expect(line) };
    return undefined;
  }

  accept(): [TcpSocket, InputStream, OutputStream] | Failed<NetworkError> {
    const state = this.#state;
    if (state.type !== 'Listening') return INVALID_STATE;
    state.next ??= this.#expect(state.line);
    const { next } = state;
    if (!next) return LIMIT;
    if (!next.ready()) return WOULD_BLOCK;
    if (!next.local) {
      state.next = undefined;
      return failed(next.failure ?? 'connection-aborted');
    }
    const socket = new TcpSocket(this.scope, this.#seat, this.#family);
    socket.#keepAlive.inherit(this.#keepAlive);
    if (socket.#keepAlive.enabled) socket.#keepAlive.applyTo(next);
    const streams = socket.#connected(next);
    state.next = this.#expect(state.line);
    return [socket, ...streams];
  }

  localAddress(): SocketAddress | Failed<NetworkError> {
    const state = this.#state;
    if (state.type === 'Bound') return socketAddress(state.local);
    if ((state.type === 'Connected' || state.type === 'Listening') && state.line.local) {
      return socketAddress(state.line.local);
    }
    return INVALID_STATE;
  }

  remoteAddress(): SocketAddress | Failed<NetworkError> {
    const state = this.#state;
    return state.type === 'Connected' && state.line.remote ? socketAddress(state.line.remote) : INVALID_STATE;
  }

  isListening(): boolean {
    return this.#state.type === 'Listening';
  }

  addressFamily(): Family {
    return this.#family;
  }

  setListenBacklogSize(value: bigint): Outcome {
    if (value === 0n) return INVALID_ARGUMENT;
    const state = this.#state;
    if (state.type === 'Connecting' || state.type === 'Connected' || state.type === 'Closed') return INVALID_STATE;
    this.#backlog = value > MAX_BACKLOG ? MAX_BACKLOG : Number(value);
    if (state.type === 'Listening') state.line.tune(Tuning.Listen, this.#backlog);
    return undefined;
  }

  keepAliveEnabled(): boolean | Failed<NetworkError> {
    return this.#ifOpen(() => this.#keepAlive.enabled);
  }

  setKeepAliveEnabled(value: boolean): Outcome {
    return this.#set(() => {
      this.#keepAlive.enabled = value;
      return undefined;
    });
  }

  keepAliveIdleTime(): bigint | Failed<NetworkError> {
    return this.#ifOpen(() => this.#keepAlive.idle);
  }

  setKeepAliveIdleTime(value: bigint): Outcome {
    return this.#set(() => this.#keepAlive.setIdle(value));
  }

  keepAliveInterval(): bigint | Failed<NetworkError> {
    return this.#ifOpen(() => this.#keepAlive.interval);
  }

  setKeepAliveInterval(value: bigint): Outcome {
    return this.#set(() => this.#keepAlive.setInterval(value));
  }

  keepAliveCount(): number | Failed<NetworkError> {
    return this.#ifOpen(() => this.#keepAlive.count);
  }

  setKeepAliveCount(value: number): Outcome {
    return this.#set(() => this.#keepAlive.setCount(value));
  }

  // Node has no call for these.

  hopLimit(): Failed<NetworkError> {
    return NOT_SUPPORTED;
  }

  setHopLimit(value: number): Failed<NetworkError> {
    return value === 0 ? INVALID_ARGUMENT : NOT_SUPPORTED;
  }

  receiveBufferSize(): Failed<NetworkError> {
    return NOT_SUPPORTED;
  }

  setReceiveBufferSize(value: bigint): Failed<NetworkError> {
    return value === 0n ? INVALID_ARGUMENT : NOT_SUPPORTED;
  }

  sendBufferSize(): Failed<NetworkError> {
    return NOT_SUPPORTED;
  }

  setSendBufferSize(value: bigint): Failed<NetworkError> {
    return value === 0n ? INVALID_ARGUMENT : NOT_SUPPORTED;
  }

  subscribe(): Pollable {
    return new Pollable(this.scope, this.#condition());
  }

  shutdown(how: 'receive' | 'send' | 'both'): Outcome {
    const state = this.#state;
    if (state.type !== 'Connected' || state.line.over) return INVALID_STATE;
    if (how !== 'receive') state.line.outgoing.finish();
    if (how !== 'send') this.#receives = false;
    return undefined;
  }

  protected override dropped(): void {
    // T2.
    if (this.#streams > 0) throw this.scope.trap('a tcp-socket was dropped before its streams');
    const state = this.#state;
    if ('line' in state) state.line?.drop();
    if (state.type === 'Listening') state.next?.drop();
  }

  #connected(line: Line): Streams {
    this.#state = { type: 'Connected', line };
    this.#streams = 2;
    const gone = (): void => void this.#streams--;
    const source: ByteSource = {
      dueMs: Number.POSITIVE_INFINITY,
      ready: () => !this.#receives || line.incoming.ready(),
      take: (maxBytes) => (this.#receives ? line.incoming.take(maxBytes) : ENDED),
    };
    return [new InputStream(this.scope, source, gone), new OutputStream(this.scope, line.outgoing, gone)];
  }

  /** The next connection is on its way before it is asked for: a pollable knows when it is there. */
  #expect(listener: Line): Line | undefined {
    const write = (writer: FrameWriter): void => writer.u32(listener.id);
    return listener.over ? undefined : this.#seat.open({ kind: Opening.Accept, bytes: 4, write });
  }

  #condition(): Condition {
    const pending = (): Line | undefined => {
      const state = this.#state;
      if (state.type === 'Listening') return state.next;
      const waits = state.type === 'Binding' || state.type === 'Connecting' || state.type === 'ListenStarted';
      return waits ? state.line : undefined;
    };
    return {
      ready: () => pending()?.ready() ?? true,
      get dueMs() {
        return pending()?.dueMs ?? Number.POSITIVE_INFINITY;
      },
    };
  }

  #ifOpen<Value>(read: () => Value): Value | Failed<NetworkError> {
    return this.#state.type === 'Closed' ? INVALID_STATE : read();
  }

  #set(change: () => Outcome): Outcome {
    const state = this.#state;
    if (state.type === 'Closed') return INVALID_STATE;
    const refused = change();
    if (!refused && (state.type === 'Connecting' || state.type === 'Connected')) this.#keepAlive.applyTo(state.line);
    return refused;
  }
}

export function tcpCreateSocket(scope: Scope, seat: Asking): object {
  return { createTcpSocket: (family: Family) => new TcpSocket(scope, seat, family) };
}

function isAny({ val }: SocketAddress): boolean {
  return val.port === 0 && val.address.every((part) => part === 0);
}
