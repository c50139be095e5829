import { createHash } from 'node:crypto';
import type { Diagnostic } from '../../model/diagnostic.ts';

/**
 * Names a finding across commits that move it: by file, code, document and message, not by line. The second finding that
 * would have the same name gets a number of its own, so that no two of one report are taken for one.
 */
export function fingerprintOf(): (finding: Diagnostic) => string {
  const seen = new Map<string, number>();
  return ({ code, span, subject, message }) => {
    const content = [code, span?.file ?? '', subject?.kind, subject?.namespace, subject?.name, message].join('\n');
    const count = seen.get(content) ?? 0;
    seen.set(content, count + 1);
    return createHash('sha256').update(`${content}\n${count}`).digest('hex');
  };
}
