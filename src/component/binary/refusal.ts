import type { Code } from '../../model/codes.ts';

/**
 * Thrown by the walkers and caught in `admit`, which makes a `Problem` of it: a refusal ends the walk from any depth.
 * It never leaves the room.
 */
export class Refusal extends Error {
  readonly code: Code;
  /** Where the fix is another than that of the code. */
  readonly remedy: string | undefined;

  constructor(code: Code, message: string, remedy?: string) {
    super(message);
    this.code = code;
    this.remedy = remedy;
  }
}
