import { problem, type Span } from '../model/problem.ts';
import type { Code } from '../model/codes.ts';
import type { Diagnostic, Fix, Severity, Subject } from '../model/diagnostic.ts';

/** A finding about a manifest; the remedy is that of the code unless a better one is known here. */
export function finding(
  code: Code,
  message: string,
  more: {
    span?: Span;
    remedy?: string;
    subject?: Subject | undefined;
    severity?: Severity;
    fix?: Fix | undefined;
  } = {},
): Diagnostic {
  const { severity, subject, fix, ...rest } = more;
  return {
    ...problem(code, message, rest),
    severity: severity ?? 'error',
    ...(subject ? { subject } : {}),
    ...(fix ? { fix } : {}),
  };
}

/** By file, line and column; what has no place comes first. */
export function byPlace(a: Diagnostic, b: Diagnostic): number {
  const [left, right] = [a.span, b.span];
  if (!left || !right) return Number(left !== undefined) - Number(right !== undefined);
  if (left.file !== right.file) return left.file < right.file ? -1 : 1;
  return left.line - right.line || left.column - right.column || (a.code < b.code ? -1 : Number(a.code > b.code));
}
