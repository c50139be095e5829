import { finding } from '../../manifest/finding.ts';
import { keySpan, subjectOf, valueSpan, type ParsedDocument } from '../../manifest/parsed.ts';
import type { Code } from '../../model/codes.ts';
import type { Diagnostic, Severity } from '../../model/diagnostic.ts';

/** A finding at a value where it is written, else at the key of what is around it. */
export function at(
  document: ParsedDocument,
  pointer: string,
  code: Code,
  message: string,
  remedy?: string,
  severity: Severity = 'warning',
): Diagnostic {
  const place = document.places[pointer];
  const isWritten =
    place !== undefined && !Object.keys(document.places).some((other) => other.startsWith(`${pointer}/`));
  const span = isWritten ? valueSpan(document, pointer) : keySpan(document, pointer);
  return finding(code, message, { span, subject: subjectOf(document), severity, ...(remedy ? { remedy } : {}) });
}
