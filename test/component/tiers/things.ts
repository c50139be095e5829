/** A resource of the host's, and what is told of a run of calls that uses it. */
import { verdictOf, type Tier, type Verdict } from './tiers.ts';

export class Thing {
  /** Sizes of those whose destructor ran. */
  static dropped: number[] = [];
  readonly #size: number;
  constructor(size: number) {
    this.#size = size;
  }
  size(): number {
    return this.#size;
  }
  static merge(one: Thing, two: Thing): Thing {
    return new Thing(one.#size + two.#size);
  }
  [Symbol.dispose](): void {
    Thing.dropped.push(this.#size);
  }
}

/** A call, or what the host sees to in between. */
export type Step = readonly [name: string, ...args: (number | string | Thing)[]];

export interface Row {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly verdicts: readonly Verdict[];
  /** Where jco's own bindings do otherwise, and we mean it. */
  readonly others?: readonly Verdict[];
  /** Sizes of the things whose destructor ran. */
  readonly dropped?: readonly number[];
}

export const value = (given: unknown): Verdict => ({ value: given });
export const NOTHING = value(undefined);
export const TRAP: Verdict = { trap: 'trap' };

export function verdictsFor(tier: Tier, { verdicts, others }: Row): readonly Verdict[] {
  return tier === 'fast' ? verdicts : (others ?? verdicts);
}

/** The verdicts of one call after the other; names as WIT spells them. */
export async function played(
  guest: Readonly<Record<string, (...args: unknown[]) => unknown>>,
  { steps }: Row,
): Promise<readonly Verdict[]> {
  Thing.dropped = [];
  const verdicts: Verdict[] = [];
  for (const [name, ...args] of steps) {
    const camelCase = name.replace(/-([a-z])/g, (_dash, letter: string) => letter.toUpperCase());
    verdicts.push(await verdictOf(() => guest[camelCase]!(...args)));
  }
  return verdicts;
}
