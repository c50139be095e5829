/**
 * `wasi:random`. The bytes are preview2-shim's (node:crypto underneath, nothing else in that module); what is ours is
 * the bound, because the length is the guest's word and the array is made in our heap.
 */
import { insecure as shimInsecure, random as shimRandom } from '@bytecodealliance/preview2-shim/random';
import { HostTrap } from '../trap.ts';

/** More in one call is a trap: no guest needs it, and it would be held twice. */
export const MAX_RANDOM_BYTES = 1 << 20;

function checked(length: bigint): bigint {
  if (length > MAX_RANDOM_BYTES)
    throw new HostTrap(`${length} random bytes in one call, the most is ${MAX_RANDOM_BYTES}`);
  return length;
}

export const random: object = Object.freeze({
  getRandomBytes: (length: bigint) => shimRandom.getRandomBytes(checked(length)),
  getRandomU64: () => shimRandom.getRandomU64(),
});

export const insecure: object = Object.freeze({
  getInsecureRandomBytes: (length: bigint) => shimInsecure.getInsecureRandomBytes(checked(length)),
  getInsecureRandomU64: () => shimInsecure.getInsecureRandomU64(),
});

/** A seed of its own for each call: instances must not be able to tell that they share a process. */
export const insecureSeed: object = Object.freeze({
  insecureSeed: () => [shimRandom.getRandomU64(), shimRandom.getRandomU64()],
});
