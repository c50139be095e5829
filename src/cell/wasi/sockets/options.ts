/** Keep-alive of a TCP socket. Node's clock for it has seconds, and Linux has upper bounds: values are rounded up and clamped. */
import { Tuning, type NetworkError } from '../../../wire/socket-frames.ts';
import type { Line } from '../../lines.ts';
import { failed, type Failed } from '../result.ts';

const NANOSECONDS = 1_000_000_000n;
/** `MAX_TCP_KEEPIDLE`, `MAX_TCP_KEEPCNT` of Linux. */
const MAX_SECONDS = 32_767n;
const MAX_COUNT = 127;

export type Outcome = Failed<NetworkError> | undefined;

/** Of Linux, where nobody says otherwise. */
export class KeepAlive {
  enabled = false;
  #idleSeconds = 7_200n;
  #intervalSeconds = 75n;
  #count = 9;

  get idle(): bigint {
    return this.#idleSeconds * NANOSECONDS;
  }

  get interval(): bigint {
    return this.#intervalSeconds * NANOSECONDS;
  }

  get count(): number {
    return this.#count;
  }

  setIdle(duration: bigint): Outcome {
    if (duration === 0n) return failed('invalid-argument');
    this.#idleSeconds = secondsOf(duration);
    return undefined;
  }

  setInterval(duration: bigint): Outcome {
    if (duration === 0n) return failed('invalid-argument');
    this.#intervalSeconds = secondsOf(duration);
    return undefined;
  }

  setCount(count: number): Outcome {
    if (count === 0) return failed('invalid-argument');
    this.#count = Math.min(count, MAX_COUNT);
    return undefined;
  }

  /** As the listener has it. */
  inherit(of: KeepAlive): void {
    this.enabled = of.enabled;
    this.#idleSeconds = of.#idleSeconds;
    this.#intervalSeconds = of.#intervalSeconds;
    this.#count = of.#count;
  }

  applyTo(line: Line): void {
    line.tune(Tuning.KeepAliveInterval, Number(this.#intervalSeconds) * 1000);
    line.tune(Tuning.KeepAliveCount, this.#count);
    line.tune(Tuning.KeepAliveIdle, this.enabled ? Number(this.#idleSeconds) * 1000 : 0);
  }
}

function secondsOf(duration: bigint): bigint {
  const seconds = (duration + NANOSECONDS - 1n) / NANOSECONDS;
  return seconds > MAX_SECONDS ? MAX_SECONDS : seconds;
}
