/**
 * Sockets and look-ups of guests, on the channel between a cell and the broker (`broker-frames.ts`). A frame's id is a *line*:
 * the numbers above the streams of `file-frames.ts`. One begins with `Open` and ends with `Over`.
 *
 * Invariants
 * L1 Each `Open` gets exactly one `Over`, and it is the last frame of the broker for it: with it the number is free. What
 *    the cell says about a number that is free is late, not wrong.
 * L2 Bytes flow only against credit, both ways: `INITIAL_CREDIT_BYTES` at first, then what `Credit` adds. A datagram counts
 *    as its bytes and `DATAGRAM_BYTES`. What comes from the network beyond the credit waits (TCP) or is dropped (UDP).
 * L3 At most `MAX_LINES` of a cell are open: a number beyond is a violation. How many of them may be sockets is below that.
 */
import { MAX_FILE_STREAMS, numbersBelowStreams } from './file-frames.ts';

export const MAX_LINES = 320;
/** Of a cell in the air, dropped ones among them. */
export const MAX_LOOKUPS = 64;
/** Connections that are dropped and still sending. */
export const MAX_LINGERING = 64;
/** What `limits.sockets` may be at most. */
export const MAX_SOCKETS = MAX_LINES - MAX_LOOKUPS;
/** What a datagram counts beside its bytes. */
export const DATAGRAM_BYTES = 64;
export const MAX_DATAGRAM_BYTES = 65_507;
export const MAX_ADDRESS_BYTES = 64;
export const MAX_NAME_BYTES = 1024;
/** Of a listener: connections that wait to be accepted. */
export const MAX_BACKLOG = 64;
/** Addresses of one name. */
export const MAX_ADDRESSES = 64;

/** `endpoint` is a text (the address, `u32le length` + UTF-8) and a `u32le` port; an empty text is none. */
export const SocketToBroker = {
  /** `u16le flags` of `Ask`, `u32le seat` whose call it is, `u8` of `Opening`, then what the kind says. */
  Open: 0x60,
  /** Bytes for the peer. */
  Data: 0x61,
  /** endpoint, and the rest: one datagram. */
  Datagram: 0x62,
  /** `u32le bytes`: more may come. */
  Credit: 0x63,
  /** All bytes for the peer were sent. */
  Finish: 0x64,
  /** `u8` of `Tuning`, `u32le value`. */
  Tune: 0x65,
  /** Nobody wants it any more. `Over` still comes; what was sent before still leaves. */
  Drop: 0x66,
} as const;

export const SocketFromBroker = {
  /** endpoint local, endpoint remote, `u32le` receive buffer, `u32le` send buffer (0: not known). */
  Opened: 0x70,
  Data: 0x71,
  /** endpoint, and the rest: one datagram. */
  Datagram: 0x72,
  /** `u32le bytes`: more may be sent. */
  Credit: 0x73,
  /** The peer has sent all. */
  Finished: 0x74,
  /** `u8` of `NETWORK_ERRORS`: a datagram was not sent. */
  Refused: 0x75,
  /** `u32le n`, n texts: what a name leads to. */
  Addresses: 0x76,
  /** `u8` of `NETWORK_ERRORS`, or `AS_ASKED`. */
  Over: 0x77,
} as const;

export const Opening = {
  /** endpoint */
  Connect: 1,
  /** endpoint: bound, and refusing connections until `Tuning.Listen` */
  Bind: 2,
  /** `u32le` line of the listener */
  Accept: 3,
  /** endpoint: bound */
  Udp: 4,
  /** text: a name */
  Lookup: 5,
} as const;

export const Tuning = {
  /** Milliseconds of silence before the first probe; 0: no probes. */
  KeepAliveIdle: 1,
  KeepAliveInterval: 2,
  KeepAliveCount: 3,
  /** The value: how many connections wait at most. */
  Listen: 4,
  HopLimit: 5,
  ReceiveBuffer: 6,
  SendBuffer: 7,
} as const;

/** `wasi:sockets/network#error-code` by number. */
export const NETWORK_ERRORS = [
  'unknown',
  'access-denied',
  'not-supported',
  'invalid-argument',
  'out-of-memory',
  'timeout',
  'concurrency-conflict',
  'not-in-progress',
  'would-block',
  'invalid-state',
  'new-socket-limit',
  'address-not-bindable',
  'address-in-use',
  'remote-unreachable',
  'connection-refused',
  'connection-reset',
  'connection-aborted',
  'datagram-too-large',
  'name-unresolvable',
  'temporary-resolver-failure',
  'permanent-resolver-failure',
] as const;
export type NetworkError = (typeof NETWORK_ERRORS)[number];
export const AS_ASKED = 255;

export interface Endpoint {
  /** Canonical text. */
  readonly address: string;
  readonly port: number;
}

/** Lines are the numbers behind this. */
export function linesFrom(seats: number): number {
  return numbersBelowStreams(seats) + MAX_FILE_STREAMS;
}

export function isSocketToBroker(type: number): boolean {
  return type >= SocketToBroker.Open && type <= SocketToBroker.Drop;
}

export function isSocketFromBroker(type: number): boolean {
  return type >= SocketFromBroker.Opened && type <= SocketFromBroker.Over;
}
