import { lookup as resolve, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** IPv4 that is not a public unicast address: RFC 6890 and its successors. */
const RESERVED_V4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];
/** Inside 2000::/3: what tunnels to an IPv4 address of the sender's choice, or is for documents only. */
const RESERVED_V6: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const reservedV4 = listOf(RESERVED_V4, 'ipv4');
const reservedV6 = listOf(RESERVED_V6, 'ipv6');
const unicastV6 = listOf([['2000::', 3]], 'ipv6');

function listOf(ranges: readonly (readonly [string, number])[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of ranges) list.addSubnet(address, prefix, family);
  return list;
}

/** An address of the open internet: nothing on this machine, in this network, or of the cloud that it runs in. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !reservedV4.check(address, 'ipv4');
  return family === 6 && unicastV6.check(address, 'ipv6') && !reservedV6.check(address, 'ipv6');
}

/** What a name that only leads inside fails with. */
export class NotPublic extends Error {
  constructor(hostname: string, address: string) {
    super(`${hostname} leads to ${address}, which is not a public address`);
  }
}

/**
 * Resolves a name for one connection and refuses it when any answer is not public: the check and the connection use the
 * same answer, so a name that changes in between gains nothing.
 */
export const lookupPublic: LookupFunction = (hostname, options, callback) => {
  resolve(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
    if (error) return callback(error, '');
    const inside = found.find(({ address }) => !isPublicAddress(address));
    if (inside) return callback(new NotPublic(hostname, inside.address), '');
    if (options.all) return callback(null, found);
    const [first] = found;
    return first ? callback(null, first.address, first.family) : callback(new Error(`${hostname} has no address`), '');
  });
};
