import type { Diagnostic } from '../../model/diagnostic.ts';
import type { Span } from '../../model/problem.ts';
import type { Evidence } from '../../model/status.ts';

/** What came of a test or a rehearsal, as one plain object: every format prints the same. */
export interface TrialReport {
  /** Version of Headway. */
  readonly version: string;
  readonly command: 'test' | 'rehearse';
  /** What was tried, as the user named it. */
  readonly target: string;
  /** What stands before a file's path for a reader who stands where the command was called. */
  readonly prefix: string;
  /** In what this differs from the fleet: what was compressed, replaced or left out. */
  readonly differences: readonly string[];
  readonly cases: readonly TrialCase[];
  readonly elapsedMs: number;
}

export interface TrialCase {
  readonly suite: 'manifests' | 'base' | 'rollouts' | 'schedules' | 'checks';
  readonly name: string;
  readonly outcome: 'Passed' | 'Failed' | 'Skipped';
  readonly span?: Span;
  readonly elapsedMs?: number;
  /** Why it failed or was skipped; of a rollout what became of it. */
  readonly message?: string;
  readonly code?: string;
  readonly remedy?: string;
  readonly expected?: string;
  readonly found?: string;
  /** Of a rollout: what happened when, in milliseconds from the push. */
  readonly steps?: readonly TrialStep[];
  readonly evidence?: readonly Evidence[];
}

export interface TrialStep {
  readonly atMs: number;
  readonly what: string;
}

export function failedFinding({ message, code, remedy, span, subject }: Diagnostic): TrialCase {
  const name = subject ? `${subject.kind} ${subject.namespace ? `${subject.namespace}/` : ''}${subject.name}` : code;
  return { suite: 'manifests', name, outcome: 'Failed', message, code, remedy, ...(span ? { span } : {}) };
}

export function countOf({ cases }: Pick<TrialReport, 'cases'>, outcome: TrialCase['outcome']): number {
  return cases.filter((one) => one.outcome === outcome).length;
}
