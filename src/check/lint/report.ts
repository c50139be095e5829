import { posix } from 'node:path';
import type { Diagnostic } from '../../model/diagnostic.ts';

/** What lint found, as one plain object: every reporter prints the same. */
export interface LintReport {
  /** Version of Headway. */
  readonly version: string;
  /** What was read, as the user named it. */
  readonly dir: string;
  /**
   * What stands before a file's path for a reader who stands in the root of the repository or of the job: `''`, or a
   * relative path with `/` at its end.
   */
  readonly prefix: string;
  /** Manifest files that were read. */
  readonly files: number;
  /** Components that are complete. */
  readonly entries: number;
  /** In the order of the files. */
  readonly findings: readonly Diagnostic[];
  readonly waived: readonly WaivedFinding[];
}

export interface WaivedFinding {
  readonly finding: Diagnostic;
  /** As written in the manifest. */
  readonly reason: string;
}

/** A file as the reader of a report finds it; one of a base lies beside the folder that was linted. */
export function pathFrom(prefix: string, file: string): string {
  return posix.normalize(`${prefix}${file}`);
}

/** Lines of a file, for the frame around a finding; undefined where it cannot be shown. */
export type SourceLines = (file: string) => readonly string[] | undefined;

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

export function errorsOf({ findings }: Pick<LintReport, 'findings'>): number {
  return findings.filter(({ severity }) => severity === 'error').length;
}

/** `2 errors, 1 warning`, and what was waived, or `no findings`. */
export function totals({ findings, waived }: Pick<LintReport, 'findings' | 'waived'>): string {
  const errors = errorsOf({ findings });
  const found =
    findings.length === 0
      ? 'no findings'
      : `${counted(errors, 'error')}, ${counted(findings.length - errors, 'warning')}`;
  return waived.length === 0 ? found : `${found}, ${waived.length} waived`;
}
