import { problem, type Span } from '../model/problem.ts';
import type { Code } from '../model/codes.ts';
import type { Diagnostic, Severity, Subject } from '../model/diagnostic.ts';

/** A finding about a manifest; the remedy is that of the code unless a better one is known here. */
export function finding(
  code: Code,
  message: string,
  more: { span?: Span; remedy?: string; subject?: Subject | undefined; severity?: Severity } = {},
): Diagnostic {
  const { severity, subject, ...rest } = more;
  return { ...problem(code, message, rest), severity: severity ?? 'error', ...(subject ? { subject } : {}) };
}
