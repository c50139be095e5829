import { lookup as resolve, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { isPublic, parseAddress } from '../model/address.ts';

/** An address of the open internet: nothing on this machine, in this network, or of the cloud that it runs in. */
export function isPublicAddress(address: string): boolean {
  const parsed = parseAddress(address);
  return parsed !== undefined && isPublic(parsed);
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
