import { err, ok, type Result } from '../kit/result.ts';
import { CODES, type Code } from '../model/codes.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import { finding } from './finding.ts';
import type { Lint } from './generated/lint.ts';
import { spanOfValue } from './place.ts';
import { readSingleDocument } from './single-document.ts';
import { createLintValidator } from './validator.ts';

export type RuleSeverity = 'Ignore' | 'Warning' | 'Error';

/** `.headway.yaml`: what lint does not read, what the repository may hold, and how severe lint's own rules are. */
export interface LintConfig {
  /** Relative to the file. */
  readonly ignore: readonly string[];
  /** What the host gives to this repository; absent: nothing is said about it. */
  readonly namespaces?: readonly string[];
  readonly rules: ReadonlyMap<Code, RuleSeverity>;
}

export const NO_LINT_CONFIG: LintConfig = { ignore: [], rules: new Map() };

/**
 * Rules of lint itself: what the daemon runs as it is written. Only these may be waived or given another severity; what
 * the daemon refuses is an error whatever anybody writes.
 */
export function isLintRule(code: string): code is Code {
  return (
    /^HW106[0-9]$|^HW108[267]$|^HW1113$|^HW114[68]$|^HW1155$|^HW12(?:0[0-9]|1[0-689])$|^HW122[12]$/.test(code) &&
    Object.hasOwn(CODES, code)
  );
}

export function parseLintConfig(bytes: Uint8Array, file: string): Result<LintConfig, readonly Diagnostic[]> {
  const document = readSingleDocument(bytes, file, 'Lint', createLintValidator);
  if (!document.ok) return document;
  const { value, places } = document.value;
  const { ignore = [], rules = [], namespaces } = value as unknown as Lint;
  const problems = rules.flatMap(({ code }, index) => {
    const span = spanOfValue(file, places, `/rules/${index}/code`);
    if (!isLintRule(code)) {
      const message = Object.hasOwn(CODES, code)
        ? `${code} is what the daemon refuses: its severity is not lint's to choose`
        : `there is no code ${code}`;
      return [finding('HW1068', message, { span })];
    }
    if (rules.findIndex((other) => other.code === code) === index) return [];
    return [finding('HW1030', `${code} is given a severity twice`, { span })];
  });
  if (problems.length > 0) return err(problems);
  return ok({
    ignore,
    ...(namespaces ? { namespaces } : {}),
    rules: new Map(rules.map(({ code, severity }) => [code as Code, severity])),
  });
}
