import type { EntryKey } from './component.ts';
import type { Diagnostic } from './diagnostic.ts';

/** What Policies in Audit would refuse of a component (`HW1040`): it is only counted and shown, and runs all the same. */
export function auditedOf(diagnostics: readonly Diagnostic[], entry?: EntryKey): readonly Diagnostic[] {
  return diagnostics.filter(
    ({ code, severity, subject }) =>
      code === 'HW1040' &&
      severity === 'warning' &&
      (entry === undefined || (subject?.kind === 'Component' && `${subject.namespace}/${subject.name}` === entry)),
  );
}
