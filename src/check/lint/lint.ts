/**
 * `headway lint`: what would become of these files, by the daemon's own code, and what is allowed and hardly meant.
 * 0: clean. 1: findings. 2: it could not be read, or the parser did not start.
 */
import path from 'node:path';
import { err, ok, type Result } from '../../kit/result.ts';
import { scopeOfOne, type RootScope } from '../../manifest/assemble/scope.ts';
import { byPlace } from '../../manifest/finding.ts';
import { NO_LINT_CONFIG, parseLintConfig, type LintConfig } from '../../manifest/lint-config.ts';
import { contentsOf, folderPathsOf } from '../../manifest/folders.ts';
import { artifactPathsOf } from '../../manifest/parse.ts';
import type { Parsed } from '../../manifest/parsed.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { EXIT } from '../../model/exit.ts';
import type { Problem } from '../../model/problem.ts';
import type { ShapeOf } from '../../model/wit.ts';
import type { ManifestFile, ManifestPort, ShapePort } from '../../reconcile/ports.ts';
import { findingsOfChanges, NOTHING, type LintedState } from './changes.ts';
import type { LintReport, SourceLines } from './report.ts';
import { lintFindings } from './rules.ts';
import { withSeverities } from './severities.ts';
import type { ConfigFile, LintSource } from './source.ts';
import { applyWaivers } from './waivers.ts';

export interface LintRun {
  readonly source: LintSource;
  readonly manifest: ManifestPort<Parsed> & { portOf(scope: RootScope): ManifestPort<Parsed> };
  readonly shapes: ShapePort;
  readonly version: string;
  /** Globs from the command line, relative to what is linted. */
  readonly ignore: readonly string[];
  /** A commit of the same folder: only what has changed since is reported. */
  readonly since?: LintSource;
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
  const rules = await rulesOf(source, run.ignore);
  if (!rules.ok) return rules;
  const before = run.since ? await stateBefore(run, run.since, rules.value) : ok(undefined);
  if (!before.ok) return err([before.error]);
  const judged = await stateOf(run, source, rules.value);
  if (!judged.ok) return err([judged.error]);
  const { files, entries, waived } = judged.value;
  const findings = before.value ? findingsOfChanges(before.value, judged.value) : judged.value.findings;
  const { label: dir, prefix } = source;
  const report: LintReport = { version, dir, prefix, files: files.length, entries, findings, waived };
  return ok({ report, lines: linesOf(files), files });
}

/** How it is judged: the same for both states that are compared. */
export interface Rules {
  readonly config: LintConfig;
  readonly ignore: (manifest: string) => boolean;
}

/** What `.headway.yaml` says, and globs besides. */
export async function rulesOf(
  source: Pick<LintSource, 'config'>,
  globs: readonly string[] = [],
): Promise<Result<Rules, readonly Problem[]>> {
  const file = await source.config();
  if (!file.ok) return err([file.error]);
  const config = file.value ? parseLintConfig(file.value.bytes, file.value.file) : ok(NO_LINT_CONFIG);
  if (!config.ok) return config;
  return ok({ config: config.value, ignore: ignoring(globs, config.value, file.value) });
}

type Judged = LintedState & Pick<LintReport, 'entries' | 'waived'>;

async function stateBefore(run: LintRun, source: LintSource, rules: Rules): Promise<Result<LintedState, Problem>> {
  const state = await stateOf(run, source, rules);
  return state.ok || state.error.code !== 'HW3014' ? state : ok(NOTHING);
}

async function stateOf(run: LintRun, source: LintSource, rules: Rules): Promise<Result<Judged, Problem>> {
  const own = await source.manifests(rules.ignore);
  if (!own.ok) return own;
  const { files, parsed } = await readAll({ source, manifest: run.manifest }, own.value);
  if (parsed.ok) return judge(run, source, { files, parsed: parsed.value.parsed, config: rules.config });
  if (parsed.error.policy !== 'Terminal') return parsed;
  const findings = [{ ...parsed.error, severity: 'error' as const }];
  return ok({ files, digests: new Map(), findings, entries: 0, waived: [] });
}

/** With the files of the bases that the Environment names. */
export async function readAll(
  { source, manifest }: { readonly source: LintSource; readonly manifest: ManifestPort<Parsed> },
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
  { manifest, shapes }: LintRun,
  source: LintSource,
  {
    files,
    parsed,
    config,
  }: { readonly files: readonly ManifestFile[]; readonly parsed: Parsed; readonly config: LintConfig },
): Promise<Result<Judged, Problem>> {
  const digests = await source.digests(artifactPathsOf(parsed));
  if (!digests.ok) return digests;
  // By digest: what many documents name, under whatever path, is walked once.
  const paths = new Map([...digests.value].map(([file, digest]) => [digest, file]));
  const found = await shapes.shapes([...paths.keys()], (artifact) => source.artifact(paths.get(artifact)!));
  const failed = [...found.values()].find((answer) => !answer.ok && answer.error.policy !== 'Terminal');
  if (failed && !failed.ok) return failed;
  const shapeOf: ShapeOf = (artifact) => found.get(artifact);
  const scoped = config.namespaces ? manifest.portOf(scopeOfOne(config.namespaces)) : manifest;
  const folders = await source.folders(folderPathsOf(parsed));
  if (!folders.ok) return folders;
  const desired = scoped.assemble('', parsed, digests.value, undefined, shapeOf, contentsOf(folders.value));
  const own = applyWaivers(withSeverities(lintFindings(desired, parsed, shapeOf), config), parsed.documents);
  const findings: readonly Diagnostic[] = [...desired.diagnostics, ...own.findings].sort(byPlace);
  return ok({ files, parsed, digests: digests.value, entries: desired.entries.size, findings, waived: own.waived });
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
