import { printProblem } from '../../check/print.ts';
import type { TrialReports } from '../../check/trial/arguments.ts';
import { TRIAL_FORMATS } from '../../check/trial/format.ts';
import { countOf, type TrialReport } from '../../check/trial/report.ts';
import type { Terminal } from '../../check/terminal.ts';
import { EXIT, type ExitCode } from '../../model/exit.ts';
import type { Problem } from '../../model/problem.ts';
import { writeReport } from '../write-report.ts';

/** Prints and writes the report. 0: all passed. 1: something failed. 2: it could not be tried, or not be reported. */
export function finish(report: TrialReport, { format, reports }: TrialReports, terminal: Terminal): ExitCode {
  terminal.out(TRIAL_FORMATS[format](report));
  for (const one of reports) {
    const written = writeReport(one.file, TRIAL_FORMATS[one.format](report));
    if (!written.ok) return broken(written.error, terminal);
  }
  return countOf(report, 'Failed') === 0 ? EXIT.Ok : EXIT.Findings;
}

export function broken(problem: Problem, terminal: Terminal): ExitCode {
  printProblem(terminal, problem);
  return EXIT.Broken;
}
