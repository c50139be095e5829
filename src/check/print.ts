import type { Problem } from '../model/problem.ts';
import type { Terminal } from './terminal.ts';
import { printablePlace } from './reporters/printable.ts';

/** `headway: what (code)`, the place where there is one, and the fix, on standard error. */
export function printProblem(terminal: Terminal, problem: Problem): void {
  const place = problem.span ? `${printablePlace(problem.span)}: ` : '';
  terminal.err(`headway: ${place}${problem.message} (${problem.code})\n  fix: ${problem.remedy}\n`);
}
