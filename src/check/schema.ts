/** `headway schema [kind]`: the schema of a kind as editors and validators take it; without one, the kinds. */
import { LINT_SCHEMA, RUNTIME_SCHEMA, SCHEMAS } from '../manifest/kinds.ts';
import { closest } from '../manifest/suggest.ts';
import { EXIT, type ExitCode } from '../model/exit.ts';
import { problem } from '../model/problem.ts';
import { printProblem } from './print.ts';
import type { Terminal } from './terminal.ts';

const ALL: Readonly<Record<string, object>> = { ...SCHEMAS, Runtime: RUNTIME_SCHEMA, Lint: LINT_SCHEMA };

export function schema(kind: string | undefined, terminal: Terminal): ExitCode {
  const kinds = Object.keys(ALL);
  if (kind === undefined) {
    terminal.out(`${kinds.join('\n')}\n`);
    return EXIT.Ok;
  }
  const name = kinds.find((known) => known.toLowerCase() === kind.toLowerCase());
  if (name === undefined) {
    const meant = closest(kind, kinds);
    const remedy = `${meant ? `did you mean ${meant}? ` : ''}the kinds are ${kinds.join(', ')}`;
    printProblem(terminal, problem('HW5012', `there is no kind "${kind}"`, { remedy }));
    return EXIT.Broken;
  }
  terminal.out(`${JSON.stringify(ALL[name], null, 2)}\n`);
  return EXIT.Ok;
}
