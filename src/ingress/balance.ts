/**
 * Smooth weighted round robin, as nginx does it: in every run of as many requests as the weights add up to (after
 * dividing by their common divisor) each arm is chosen exactly as often as its weight says, and spread evenly.
 */
export class Balance {
  readonly weights: Float64Array;
  readonly #total: number;
  readonly #current: Float64Array;

  constructor(weights: readonly number[]) {
    this.weights = Float64Array.from(weights);
    this.#total = weights.reduce((sum, weight) => sum + weight, 0);
    this.#current = new Float64Array(weights.length);
  }

  /** The index of the arm whose turn it is; -1 where no arm has any weight. */
  next(): number {
    if (this.#total === 0) return -1;
    let best = -1;
    for (let index = 0; index < this.weights.length; index++) {
      const weight = this.weights[index]!;
      if (weight === 0) continue;
      this.#current[index]! += weight;
      if (best === -1 || this.#current[index]! > this.#current[best]!) best = index;
    }
    this.#current[best]! -= this.#total;
    return best;
  }
}
