/** `wasi:random`. What is ours is the bound: the length is the guest's word, and the array is made in our heap. */
import { HostTrap } from '../trap.ts';
import type { Chance } from './ambient.ts';

/** More in one call is a trap: no guest needs it, and it would be held twice. */
export const MAX_RANDOM_BYTES = 1 << 20;

function checked(length: bigint): bigint {
  if (length > MAX_RANDOM_BYTES)
    throw new HostTrap(`${length} random bytes in one call, the most is ${MAX_RANDOM_BYTES}`);
  return length;
}

export function random(chance: Chance): object {
  return {
    getRandomBytes: (length: bigint) => chance.bytes(checked(length)),
    getRandomU64: () => chance.u64(),
  };
}

export function insecure(chance: Chance): object {
  return {
    getInsecureRandomBytes: (length: bigint) => chance.insecureBytes(checked(length)),
    getInsecureRandomU64: () => chance.insecureU64(),
  };
}

/** A seed of its own for each call: instances must not be able to tell that they share a process. */
export function insecureSeed(chance: Chance): object {
  return { insecureSeed: () => [chance.u64(), chance.u64()] };
}
