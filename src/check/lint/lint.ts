/**
 * `headway lint`: what would become of these files, by the daemon's own code, and what is allowed and hardly meant.
 * 0: clean. 1: findings. 2: it could not be read, or the parser did not start.
 */
import path from 'node:path';
import { err, ok, type Result } from '../../kit/result.ts';
import { byPlace } from '../../manifest/finding.ts';
import { NO_LINT_CONFIG, parseLintConfig, type LintConfig } from '../../manifest/lint-config.ts';
import { artifactPathsOf } from '../../manifest/parse.ts';
import type { Parsed } from '../../manifest/parsed.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { EXIT } from '../../model/exit.ts';
import type { Problem } from '../../model/problem.ts';
import type { ShapeOf } from '../../model/wit.ts';
import type { ManifestFile, ManifestPort, ShapePort } from '../../reconcile/ports.ts';
import { findingsOfChanges, type Baseline } from './changes.ts';
import type { LintReport, SourceLines } from './report.ts';
import { lintFindings } from './rules.ts';
import { withSeverities } from './severities.ts';
import type { ConfigFile, LintSource } from './source.ts';
import { applyWaivers } from './waivers.ts';

export interface LintRun {
  readonly source: LintSource;
  readonly manifest: ManifestPort<Parsed>;
  readonly shapes: ShapePort;
  readonly version: string;
  /** Globs from the command line, relative to what is linted. */
  readonly ignore: readonly string[];
  /** Reports what differs from it only. */
  readonly since?: Baseline;
}

export interface Linted {
  readonly report: LintReport;
  readonly lines: SourceLines;
  readonly files: readonly ManifestFile[];
}

export type LintExit = typeof EXIT.Ok | typeof EXIT.Findings | typeof EXIT.Broken;

export function exitOf({ findings }: LintReport): LintExit {
  return findings.length === 0 ? EXIT.Ok : EXIT.Findings;
}

/** Never a finding where something could not be read: then nothing is known, and the problems say what is in the way. */
export async function lint(run: LintRun): Promise<Result<Linted, readonly Problem[]>> {
  const { source, version } = run;
  const file = await source.config();
  if (!file.ok) return err([file.error]);
  const config = file.value ? parseLintConfig(file.value.bytes, file.value.file) : ok(NO_LINT_CONFIG);
  if (!config.ok) return config;
  const files = await source.manifests(ignoring(run.ignore, config.value, file.value));
  if (!files.ok) return err([files.error]);
  const read = await readAll(run, files.value);
  const { parsed } = read;
  if (!parsed.ok && parsed.error.policy !== 'Terminal') return err([parsed.error]);
  const all = read.files;
  const judged = parsed.ok
    ? await judge(run, all, parsed.value, config.value)
    : ok({ entries: 0, findings: [{ ...parsed.error, severity: 'error' as const }], waived: [] });
  if (!judged.ok) return err([judged.error]);
  const { label: dir, prefix } = source;
  const report: LintReport = { version, dir, prefix, files: all.length, ...judged.value };
  return ok({ report, lines: linesOf(all), files: all });
}

/** With the files of the bases that the Environment names. */
export async function readAll(
  { source, manifest }: Pick<LintRun, 'source' | 'manifest'>,
  own: readonly ManifestFile[],
): Promise<{
  readonly files: readonly ManifestFile[];
  readonly parsed: Awaited<ReturnType<ManifestPort<Parsed>['parse']>>;
}> {
  const parsed = await manifest.parse(own);
  if (!parsed.ok) return { files: own, parsed };
  const bases = manifest.basesOf(parsed.value.parsed, undefined);
  if (!bases.ok) return { files: own, parsed: bases };
  const taken: ManifestFile[] = [];
  for (const base of bases.value) {
    const found = await source.base(base);
    if (!found.ok) return { files: own, parsed: found };
    taken.push(...found.value);
  }
  if (bases.value.length === 0) return { files: own, parsed };
  return { files: [...own, ...taken], parsed: await manifest.overlay(parsed.value.parsed, taken, undefined) };
}

async function judge(
  { source, manifest, shapes, since }: LintRun,
  files: readonly ManifestFile[],
  { parsed }: { readonly parsed: Parsed },
  config: LintConfig,
): Promise<Result<Pick<LintReport, 'entries' | 'findings' | 'waived'>, Problem>> {
  const digests = await source.digests(artifactPathsOf(parsed));
  if (!digests.ok) return digests;
  // By digest: what many documents name, under whatever path, is walked once.
  const paths = new Map([...digests.value].map(([file, digest]) => [digest, file]));
  const found = await shapes.shapes([...paths.keys()], (artifact) => source.artifact(paths.get(artifact)!));
  const failed = [...found.values()].find((answer) => !answer.ok && answer.error.policy !== 'Terminal');
  if (failed && !failed.ok) return failed;
  const shapeOf: ShapeOf = (artifact) => found.get(artifact);
  const desired = manifest.assemble('', parsed, digests.value, undefined, shapeOf);
  const own = applyWaivers(withSeverities(lintFindings(desired, parsed, shapeOf), config), parsed.documents);
  const all: readonly Diagnostic[] = [...desired.diagnostics, ...own.findings].sort(byPlace);
  const report = { entries: desired.entries.size, findings: all, waived: own.waived };
  if (!since) return ok(report);
  const ids = await source.blobIds([...digests.value.keys()]);
  return ids.ok ? ok({ ...report, findings: findingsOfChanges(all, files, ids.value, parsed, since) }) : ids;
}

function ignoring(globs: readonly string[], config: LintConfig, file: ConfigFile | undefined) {
  return (manifest: string): boolean =>
    globs.some((glob) => path.posix.matchesGlob(manifest, glob)) ||
    config.ignore.some((glob) => path.posix.matchesGlob(`${file?.below ?? ''}${manifest}`, glob));
}

function linesOf(files: readonly ManifestFile[]): SourceLines {
  const bytes = new Map(files.map((file) => [file.path, file.bytes]));
  const read = new Map<string, readonly string[]>();
  return (file) => {
    const found = bytes.get(file);
    if (!found) return undefined;
    const lines = read.get(file) ?? new TextDecoder().decode(found).split(/\r?\n/);
    read.set(file, lines);
    return lines;
  };
}
