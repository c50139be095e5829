import { readFileSync } from 'node:fs';
import path from 'node:path';
import { byPlace } from '../manifest/finding.ts';
import { artifactPathsOf } from '../manifest/parse.ts';
import type { Parsed } from '../manifest/parsed.ts';
import { EXIT } from '../model/exit.ts';
import type { Problem } from '../model/problem.ts';
import type { ManifestPort } from '../reconcile/ports.ts';
import { digestArtifacts, readManifests } from './lint-folder.ts';
import type { LintReport, SourceLines } from './lint-report.ts';
import { lintFindings } from './lint-rules.ts';
import { printProblem } from './print.ts';
import { reportJson } from './reporters/json.ts';
import { reportText } from './reporters/text.ts';
import type { Terminal } from './terminal.ts';

export interface LintOptions {
  readonly dir: string;
  readonly format: 'text' | 'json';
}

export type LintExit = typeof EXIT.Ok | typeof EXIT.Findings | typeof EXIT.Broken;

/**
 * `headway lint <dir>`: the folder read as the daemon would read it at a commit, with the daemon's own code, plus what
 * is allowed and hardly meant. 0: clean. 1: findings. 2: the folder could not be read, or the parser did not start.
 */
export async function lint(
  { dir, format }: LintOptions,
  terminal: Terminal,
  manifest: ManifestPort<Parsed>,
): Promise<LintExit> {
  const files = await readManifests(dir);
  if (!files.ok) return broken(terminal, files.error);
  const parsed = await manifest.parse(files.value);
  if (!parsed.ok && parsed.error.policy !== 'Terminal') return broken(terminal, parsed.error);
  const result = parsed.ok
    ? await assembled(dir, parsed.value.parsed, manifest)
    : { entries: 0, findings: [{ ...parsed.error, severity: 'error' as const }] };
  const report: LintReport = { dir, files: files.value.length, ...result };
  const lines = sourceLines(dir);
  terminal.out(format === 'json' ? reportJson(report) : reportText(report, lines, terminal.colours));
  return report.findings.length === 0 ? EXIT.Ok : EXIT.Findings;
}

async function assembled(
  dir: string,
  parsed: Parsed,
  manifest: ManifestPort<Parsed>,
): Promise<Pick<LintReport, 'entries' | 'findings'>> {
  const desired = manifest.assemble('', parsed, await digestArtifacts(dir, artifactPathsOf(parsed)));
  const findings = [...desired.diagnostics, ...lintFindings(desired, parsed)];
  return { entries: desired.entries.size, findings: findings.sort(byPlace) };
}

function broken(terminal: Terminal, problem: Problem): LintExit {
  printProblem(terminal, problem);
  return EXIT.Broken;
}

function sourceLines(dir: string): SourceLines {
  const read = new Map<string, readonly string[] | undefined>();
  return (file) => {
    if (!read.has(file)) read.set(file, linesOf(path.join(dir, file)));
    return read.get(file);
  };
}

function linesOf(file: string): readonly string[] | undefined {
  try {
    return readFileSync(file, 'utf8')
      .replace(/^\ufeff/, '')
      .split(/\r?\n/);
  } catch {
    return undefined;
  }
}
