/**
 * Time and chance of one instance: those of the machine, or those of a test, which are the same at each run.
 */
import { insecure as shimInsecure, random as shimRandom } from '@bytecodealliance/preview2-shim/random';
import type { Ambient } from '../../model/ambient.ts';

const NANOSECONDS_PER_MS = 1e6;
const NANOSECONDS_PER_SECOND = 1_000_000_000n;
const MASK_64 = 2n ** 64n - 1n;

export interface Datetime {
  readonly seconds: bigint;
  readonly nanoseconds: number;
}

export interface Clock {
  /** Nanoseconds since some instant; never less than before. */
  monotonicNs(): bigint;
  wall(): Datetime;
  /** When an instant comes, on `performance.now()`. */
  dueMs(instantNs: bigint): number;
  /** Somebody has waited for it. */
  reached(instantNs: bigint): void;
}

export interface Chance {
  bytes(length: bigint): Uint8Array;
  u64(): bigint;
  insecureBytes(length: bigint): Uint8Array;
  insecureU64(): bigint;
}

export function clockOf({ clocks }: Ambient): Clock {
  return clocks === undefined || clocks === 'Denied' ? SYSTEM_CLOCK : new SteppedClock(clocks);
}

export function chanceOf({ random }: Ambient): Chance {
  return random === undefined || random === 'Denied' ? SYSTEM_CHANCE : new SeededChance(random.seed);
}

const SYSTEM_CLOCK: Clock = Object.freeze({
  monotonicNs: () => BigInt(Math.round(performance.now() * NANOSECONDS_PER_MS)),
  wall() {
    const milliseconds = Date.now();
    return {
      seconds: BigInt(Math.floor(milliseconds / 1000)),
      nanoseconds: (milliseconds % 1000) * NANOSECONDS_PER_MS,
    };
  },
  /** Instants beyond 2^53 ns (104 days) are rounded, and nobody waits for them. */
  dueMs: (instantNs: bigint) => Number(instantNs) / NANOSECONDS_PER_MS,
  reached: () => undefined,
});

/** Waiting takes the time that it says; afterwards the clock stands where it was waited for. */
class SteppedClock implements Clock {
  readonly #startNs: bigint;
  readonly #stepNs: bigint;
  #passedNs = 0n;

  constructor({ atMs, stepMs }: { readonly atMs: number; readonly stepMs: number }) {
    this.#startNs = BigInt(atMs) * BigInt(NANOSECONDS_PER_MS);
    this.#stepNs = BigInt(stepMs) * BigInt(NANOSECONDS_PER_MS);
  }

  monotonicNs(): bigint {
    const passedNs = this.#passedNs;
    this.#passedNs += this.#stepNs;
    return passedNs;
  }

  wall(): Datetime {
    const nowNs = this.#startNs + this.monotonicNs();
    return {
      seconds: nowNs / NANOSECONDS_PER_SECOND,
      nanoseconds: Number(nowNs % NANOSECONDS_PER_SECOND),
    };
  }

  dueMs(instantNs: bigint): number {
    const missingNs = instantNs > this.#passedNs ? instantNs - this.#passedNs : 0n;
    return performance.now() + Number(missingNs) / NANOSECONDS_PER_MS;
  }

  reached(instantNs: bigint): void {
    if (instantNs > this.#passedNs) this.#passedNs = instantNs;
  }
}

const SYSTEM_CHANCE: Chance = Object.freeze({
  bytes: (length: bigint) => shimRandom.getRandomBytes(length),
  u64: () => shimRandom.getRandomU64(),
  insecureBytes: (length: bigint) => shimInsecure.getInsecureRandomBytes(length),
  insecureU64: () => shimInsecure.getInsecureRandomU64(),
});

/** SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. Anybody can guess it. */
class SeededChance implements Chance {
  #state: bigint;

  constructor(seed: number) {
    this.#state = BigInt(seed);
  }

  u64(): bigint {
    this.#state = (this.#state + 0x9e3779b97f4a7c15n) & MASK_64;
    let mixed = this.#state;
    mixed = ((mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK_64;
    mixed = ((mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn) & MASK_64;
    return mixed ^ (mixed >> 31n);
  }

  bytes(length: bigint): Uint8Array {
    const bytes = new Uint8Array(Number(length));
    for (let at = 0; at < bytes.length; at += 8) {
      for (let index = at, rest = this.u64(); index < at + 8 && index < bytes.length; index++, rest >>= 8n) {
        bytes[index] = Number(rest & 0xffn);
      }
    }
    return bytes;
  }

  insecureBytes(length: bigint): Uint8Array {
    return this.bytes(length);
  }

  insecureU64(): bigint {
    return this.u64();
  }
}
