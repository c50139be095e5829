/** The table of reporters: `--format` prints one of them, `--report <name>=<file>` writes any number beside it. */
import type { LintReport, SourceLines } from '../lint/report.ts';
import { reportGithub } from './github.ts';
import { reportGitlab } from './gitlab.ts';
import { reportJson } from './json.ts';
import { reportJunit } from './junit.ts';
import { reportMarkdown } from './markdown.ts';
import { reportSarif } from './sarif.ts';
import { reportText } from './text.ts';

type Reporter = (report: LintReport, lines: SourceLines, colours: boolean) => string;

export type ReporterName = 'text' | 'json' | 'sarif' | 'junit' | 'github' | 'gitlab' | 'markdown';

export const REPORTERS: Readonly<Record<ReporterName, Reporter>> = {
  text: reportText,
  json: reportJson,
  sarif: reportSarif,
  junit: reportJunit,
  github: reportGithub,
  gitlab: reportGitlab,
  markdown: reportMarkdown,
};

export function isReporterName(name: string): name is ReporterName {
  return Object.hasOwn(REPORTERS, name);
}
