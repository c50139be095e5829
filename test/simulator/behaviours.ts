import { TOOLCHAINS } from './bundle-disk.ts';
import { GOOD, type Behaviour } from './engine-model.ts';

/** How an artifact behaves, by the part of its name before the dash. */
export const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  good: GOOD,
  // Good, but not with the bindings of the second toolchain.
  goodold: { ...GOOD, failsUnder: [TOOLCHAINS[1]] },
  half: { ...GOOD, failures: 0.6 },
  down: { ...GOOD, failures: 1 },
  // Its firings take longer than a minute.
  long: { ...GOOD, runMs: 70_000 },
  // Answers 404 to half of what it is asked: a failure where the gate counts 4xx, else a shift of client errors.
  lost: { ...GOOD, status4xx: 0.5 },
  crash: { ...GOOD, crashesAfterMs: 700 },
  never: { ...GOOD, readyAfterMs: 'never' },
  // Within its bake, and long after it.
  soon: { ...GOOD, failuresLater: { afterMs: 1_500, share: 0.9 } },
  late: { ...GOOD, failuresLater: { afterMs: 6_000, share: 0.8 } },
};

export function behaviourOf(content: string): Behaviour {
  return BEHAVIOURS[content.split('-')[0]!] ?? GOOD;
}

export function isGood(content: string): boolean {
  return content.startsWith('good') || content.startsWith('long');
}

/** Admission refuses these. */
export function isRefused(content: string): boolean {
  return content.startsWith('bad');
}
