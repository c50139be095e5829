import type { Outside } from './outside-peers.ts';
import type { Program } from './program.ts';

export const ISOLATIONS = ['Process', 'Strict'] as const;
export type Isolation = (typeof ISOLATIONS)[number];

/** What a row has to try with. */
export interface Scene {
  readonly program: Program;
  readonly isolation: Isolation;
  readonly outside: Outside;
}

/** One thing that a guest, or who writes its manifests or talks to it, tries. */
export interface Attempt {
  readonly group: string;
  readonly what: string;
  /** Short and the same at each run: what came of it. */
  readonly tries: (scene: Scene) => Promise<string>;
  /** What has to come of it. */
  readonly comes: string | RegExp;
  /** What the audit says about it afterwards, as `asked: why`; absent where nothing was asked of the broker. */
  readonly denial?: RegExp;
}
