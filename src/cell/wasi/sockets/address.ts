/** Addresses as `wasi:sockets/network` has them, and as the broker's channel spells them. */
import { parseAddress } from '../../../model/address.ts';
import type { FrameWriter } from '../../../wire/encoder.ts';
import { MAX_ADDRESS_BYTES, type Endpoint } from '../../../wire/socket-frames.ts';
import type { Opener } from '../../lines.ts';

export type Family = 'ipv4' | 'ipv6';
export type IpAddress =
  | { readonly tag: 'ipv4'; readonly val: readonly number[] }
  | { readonly tag: 'ipv6'; readonly val: readonly number[] };
export type SocketAddress =
  | { readonly tag: 'ipv4'; readonly val: { readonly port: number; readonly address: readonly number[] } }
  | {
      readonly tag: 'ipv6';
      readonly val: {
        readonly port: number;
        readonly flowInfo: number;
        readonly address: readonly number[];
        readonly scopeId: number;
      };
    };

/** 224.0.0.0/4 and, for IPv6, ff00::/8: what is no single machine. */
const FIRST_MULTICAST_V4 = 224;
const MULTICAST_V6 = 0xff;
const MAPPED = 0xffff;

/** Whether a socket of the family can be bound to it, or connected: no broadcast, no multicast, no IPv4 in disguise, no zone. */
export function isUnicast({ tag, val }: SocketAddress, family: Family): boolean {
  if (tag !== family) return false;
  const { address } = val;
  if (tag === 'ipv4') return address[0]! < FIRST_MULTICAST_V4;
  const mapped = address.slice(0, 5).every((group) => group === 0) && address[5] === MAPPED;
  return address[0]! >> 8 !== MULTICAST_V6 && !mapped && val.scopeId === 0;
}

/** Whether it names one peer. */
export function isPeer(address: SocketAddress, family: Family): boolean {
  return isUnicast(address, family) && address.val.port !== 0 && address.val.address.some((part) => part !== 0);
}

export function endpointOf({ tag, val }: SocketAddress): Endpoint {
  const { address, port } = val;
  const text = tag === 'ipv4' ? address.join('.') : address.map((group) => group.toString(16)).join(':');
  return { address: text, port };
}

export function socketAddress({ address, port }: Endpoint): SocketAddress {
  const { tag, val } = ipAddress(address);
  return tag === 'ipv4'
    ? { tag, val: { port, address: val } }
    : { tag, val: { port, flowInfo: 0, address: val, scopeId: 0 } };
}

/** @throws TypeError where the broker said no address. */
export function ipAddress(text: string): IpAddress {
  // A bound IPv6 socket may name an interface behind its address.
  const parsed = parseAddress(text.replace(/%.*$/, ''));
  if (!parsed) throw new TypeError('the broker said an address that is none');
  const { family, value } = parsed;
  if (family === 4) return { tag: 'ipv4', val: parts(value, 4, 8n) };
  return { tag: 'ipv6', val: parts(value, 8, 16n) };
}

export function isSame(one: SocketAddress, other: SocketAddress): boolean {
  const [a, b] = [endpointOf(one), endpointOf(other)];
  return a.address === b.address && a.port === b.port;
}

export function openerOf(kind: number, { address, port }: Endpoint): Opener {
  return {
    kind,
    bytes: 8 + MAX_ADDRESS_BYTES,
    write(writer: FrameWriter) {
      writer.sized(Buffer.from(address));
      writer.u32(port);
    },
  };
}

function parts(value: bigint, count: number, bits: bigint): number[] {
  const mask = (1n << bits) - 1n;
  return Array.from({ length: count }, (_, index) => Number((value >> (BigInt(count - 1 - index) * bits)) & mask));
}
