/** What is tried: the documents of a folder or a commit as the daemon reads them, with stand-ins in place of secrets. */
import { pino } from 'pino';
import { readAll } from '../../check/lint/lint.ts';
import type { LintSource } from '../../check/lint/source.ts';
import { plannedCalls, type PlannedCall } from '../../check/trial/plan-calls.ts';
import { checksOf, withStandIns } from '../../check/trial/stand-ins.ts';
import { err, ok, type Result } from '../../kit/result.ts';
import { byPlace } from '../../manifest/finding.ts';
import { contentsOf, folderPathsOf } from '../../manifest/folders.ts';
import { artifactPathsOf } from '../../manifest/parse.ts';
import type { Parsed, ParsedDocument } from '../../manifest/parsed.ts';
import type { Desired } from '../../model/desired.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { Problem } from '../../model/problem.ts';
import type { ShapeOf } from '../../model/wit.ts';
import { openManifestParser, type ManifestParser } from '../manifest-parser.ts';
import { openShapeReader, type ShapeReader } from '../shape-reader.ts';
import type { Bring } from './artifacts.ts';

export interface Subject {
  readonly parsed: Parsed;
  readonly desired: Desired;
  /** Those that are right. */
  readonly checks: readonly ParsedDocument<'Check'>[];
  readonly calls: readonly PlannedCall[];
  /** Errors of the documents, in the order of the files. */
  readonly findings: readonly Diagnostic[];
  /** Components by path, or by the digest that stands in git where it does not hold them. */
  readonly artifacts: ReadonlyMap<string, Uint8Array>;
  /** Files of folders that are mounted. */
  readonly mounted: ReadonlyMap<string, Uint8Array>;
}

export interface Readers {
  readonly manifest: ManifestParser;
  readonly shapes: ShapeReader;
  readonly bring: Bring;
  close(): void;
}

export function openReaders(bring: Bring): Readers {
  const log = pino({ enabled: false });
  const [manifest, shapes] = [openManifestParser({ log }), openShapeReader({ log })];
  return {
    manifest,
    shapes,
    bring,
    close: () => {
      manifest.close();
      shapes.close();
    },
  };
}

/** Of a range of commits: what the one before says, for the head; the head's Checks, for the base. */
interface Before {
  readonly previous?: Desired;
  readonly head?: Pick<Subject, 'checks'>;
}

export async function readSubject(
  source: LintSource,
  { manifest, shapes, bring }: Readers,
  { previous, head }: Before = {},
): Promise<Result<Subject, Problem>> {
  const files = await source.manifests(() => false);
  if (!files.ok) return files;
  const { parsed: read } = await readAll({ source, manifest }, files.value);
  if (!read.ok) return read;
  const { parsed, missing } = withStandIns(read.value.parsed, [
    ...checksOf(read.value.parsed),
    ...(head?.checks ?? []),
  ]);
  const digests = await source.digests(artifactPathsOf(parsed));
  if (!digests.ok) return digests;
  const artifacts = new Map<string, Uint8Array>();
  for (const file of digests.value.keys()) {
    const bytes = await source.artifact(file);
    if (!bytes.ok) return bytes;
    artifacts.set(file, bytes.value);
  }
  const brought = await bring(parsed);
  for (const [digest, bytes] of brought.components) artifacts.set(digest, bytes);
  const known = new Map([
    ...[...digests.value].map(([file, digest]) => [digest, artifacts.get(file)!] as const),
    ...brought.components,
  ]);
  const found = await shapes.shapes([...known.keys()], async (artifact) => ok(known.get(artifact)!));
  const failed = [...found.values()].find((answer) => !answer.ok && answer.error.policy !== 'Terminal');
  if (failed && !failed.ok) return err(failed.error);
  const shapeOf: ShapeOf = (artifact) => found.get(artifact);
  const folders = await source.folders(folderPathsOf(parsed));
  if (!folders.ok) return folders;
  const desired = manifest.assemble('', parsed, digests.value, previous, shapeOf, contentsOf(folders.value));
  const invalid = new Set(desired.invalid.map(({ kind, namespace, name }) => `${kind} ${namespace} ${name}`));
  const checks =
    head?.checks ??
    checksOf(parsed).filter(({ kind, namespace, name }) => !invalid.has(`${kind} ${namespace} ${name}`));
  const errors = desired.diagnostics.filter(({ severity }) => severity === 'error');
  return ok({
    parsed,
    desired,
    checks,
    calls: plannedCalls(checks, desired, shapeOf),
    // What has no stand-in is one finding, and not also a reference that cannot be followed.
    findings: [...missing, ...brought.missing, ...errors.filter((one) => !isAbout(one, missing))].sort(byPlace),
    artifacts,
    mounted: new Map(
      [...folders.value.values()].flatMap((files) =>
        files.ok ? files.value.map(({ path, bytes }): [string, Uint8Array] => [path, bytes]) : [],
      ),
    ),
  });
}

function isAbout({ span }: Diagnostic, others: readonly Diagnostic[]): boolean {
  return others.some((other) => other.span?.file === span?.file && other.span?.line === span?.line);
}
