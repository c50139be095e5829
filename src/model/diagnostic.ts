import type { Problem } from './problem.ts';

export type Severity = 'error' | 'warning';

/** The document that a diagnostic is about; cluster-scoped kinds have no namespace. */
export interface Subject {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

/** The one right answer to a finding, where there is one: what stands at its span becomes `text`, or is quoted as it is. */
export type Fix = { readonly type: 'Replace'; readonly text: string } | { readonly type: 'Quote' };

/** A finding about a manifest: a problem with a severity and, where one could be read, the document it is about. */
export interface Diagnostic extends Problem {
  readonly severity: Severity;
  readonly subject?: Subject;
  readonly fix?: Fix;
}
