/**
 * Whether instances serve more than one call. Some toolchains make components for one: the second call traps, or never comes
 * back. The first second call that there is, of all instances, tells: in the warm-up where there is a path to ask.
 */
import type { InstancePolicy } from '../model/component.ts';

/** Second calls that were late before any came back: any one may have waited for what is slow. */
export const MAX_LATE_SECOND_CALLS = 3;

export class Reuse {
  readonly #requestsPerInstance: number;
  readonly #onPerRequest: (why: string) => void;
  #policy: InstancePolicy;
  #isProven = false;
  #late = 0;
  #why: string | undefined;

  /** @param onPerRequest told once, with the reason. */
  constructor(policy: InstancePolicy, requestsPerInstance: number | undefined, onPerRequest: (why: string) => void) {
    this.#policy = policy;
    this.#requestsPerInstance = requestsPerInstance ?? Number.POSITIVE_INFINITY;
    this.#onPerRequest = onPerRequest;
  }

  /** What is in force: `Pooled` becomes `PerRequest` where a second call on one instance failed, or did not end in time. */
  get policy(): InstancePolicy {
    return this.#policy;
  }

  /** Why the policy is not the one that was asked for. */
  get why(): string | undefined {
    return this.#why;
  }

  /** A second call on one instance has come back. */
  get isProven(): boolean {
    return this.#isProven;
  }

  /** Calls of one instance. */
  get mostCalls(): number {
    return this.#policy === 'PerRequest' ? 1 : this.#requestsPerInstance;
  }

  /** @param before calls that the instance had served before this one. */
  served(before: number): void {
    if (before > 0) this.#isProven = true;
  }

  /** A call was ended because its time was over. As `failed`. @param weight of `MAX_LATE_SECOND_CALLS`. */
  late(before: number, weight: number): boolean {
    if (before > 0) this.#late += weight;
    return this.#late >= MAX_LATE_SECOND_CALLS && this.failed(before, 'did not end in time');
  }

  /** `true`: instances serve one call each from here on. */
  failed(before: number, how: string): boolean {
    if (before === 0 || this.#isProven || this.#policy !== 'Pooled') return false;
    this.#policy = 'PerRequest';
    this.#why = `a second call on one instance ${how}`;
    this.#onPerRequest(this.#why);
    return true;
  }
}
