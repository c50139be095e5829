/** Which exit code a problem of the start ends with, and the two lines that a person needs on the terminal. */
import { EXIT, type ExitCode } from '../model/exit.ts';
import type { Code } from '../model/codes.ts';
import { problem, type Problem } from '../model/problem.ts';

/** Problems that a restart cannot mend; every other one ends with 2 and is tried again by the supervisor. */
const EXIT_OF: Partial<Record<Code, ExitCode>> = {
  HW3008: EXIT.GitMissing,
  HW3009: EXIT.GitMissing,
  HW3004: EXIT.ConfigInvalid,
  HW3010: EXIT.ConfigInvalid,
  HW3020: EXIT.ConfigInvalid,
  HW3021: EXIT.ConfigInvalid,
  HW3022: EXIT.ConfigInvalid,
  HW3025: EXIT.ConfigInvalid,
  HW3024: EXIT.GitMissing,
  HW5012: EXIT.Broken,
  HW5014: EXIT.ConfigInvalid,
  HW5016: EXIT.ConfigInvalid,
  HW4501: EXIT.PortInUse,
  HW5020: EXIT.DataFolderHeld,
  HW5021: EXIT.JournalTooNew,
  HW5030: EXIT.PortInUse,
  HW5031: EXIT.DataFolderUnusable,
  HW5032: EXIT.DataFolderUnusable,
};

export function exitCodeOf({ code }: Problem): ExitCode {
  return EXIT_OF[code] ?? EXIT.Broken;
}

/** On standard error, beside the structured log: the person who started it reads this, not the JSON. */
export function sayProblem({ code, message, remedy, span }: Problem): void {
  const place = span ? `${span.file}:${span.line}:${span.column}: ` : '';
  process.stderr.write(`headway: ${place}${message} (${code})\n  fix: ${remedy}\n`);
}

export function endWith(why: Problem, code: ExitCode = exitCodeOf(why)): never {
  sayProblem(why);
  process.exit(code);
}

/** For what reads secrets, which throws where one is missing. */
export function orEnd<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    return endWith(problem('HW5016', (error as Error).message));
  }
}
