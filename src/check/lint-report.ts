import type { Diagnostic } from '../model/diagnostic.ts';

/** What lint found, as one plain object: every reporter prints the same. */
export interface LintReport {
  readonly dir: string;
  /** Manifest files that were read. */
  readonly files: number;
  /** Components that are complete. */
  readonly entries: number;
  /** In the order of the files. */
  readonly findings: readonly Diagnostic[];
}

/** Lines of a file, for the frame around a finding; undefined where it cannot be shown. */
export type SourceLines = (file: string) => readonly string[] | undefined;

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
