import { CODES, type Code } from './codes.ts';

/** A place in a file of the repository; lines and columns count from 1, the end is exclusive. */
export interface Span {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

/**
 * What is to be done about an outcome that is not good.
 * `Terminal`: only another input helps. `Retry`: the same call may go through, with back-off. `Waiting`: something
 * outside has to change first (capacity, a server), which is looked at again without anybody's help.
 */
export type Policy = 'Terminal' | 'Retry' | 'Waiting';

/** Something that went wrong, said once: what (`message`), where (`span`), why (`code`), and the fix (`remedy`). */
export interface Problem {
  readonly code: Code;
  readonly message: string;
  readonly remedy: string;
  readonly policy: Policy;
  readonly span?: Span;
}

/** A problem with the policy and, unless given, the remedy of the code's row in the table. */
export function problem(code: Code, message: string, more: { remedy?: string; span?: Span } = {}): Problem {
  const row = CODES[code];
  return {
    code,
    message,
    remedy: more.remedy ?? row.remedy,
    policy: row.policy,
    ...(more.span ? { span: more.span } : {}),
  };
}
