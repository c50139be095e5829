/** What a tree of a local repository asks for, as the daemon would read it: one of the two sides that `plan` compares. */
import { contentsOf } from '../manifest/folders.ts';
import { readFolders } from '../reconcile/folders.ts';
import { CONFIG_FILE } from '../check/lint/source.ts';
import type { LocalRepository } from '../git/local.ts';
import { digestOfBytes, type Digest } from '../kit/digest.ts';
import { err, ok, type Result } from '../kit/result.ts';
import { scopeOfOne } from '../manifest/assemble/scope.ts';
import { parseLintConfig } from '../manifest/lint-config.ts';
import type { Parsed } from '../manifest/parsed.ts';
import type { Desired } from '../model/desired.ts';
import type { Problem } from '../model/problem.ts';
import type { ShapeOf } from '../model/wit.ts';
import { readDocuments } from '../reconcile/documents.ts';
import type { ManifestPort, TreeFile } from '../reconcile/ports.ts';
import type { ManifestParser } from './manifest-parser.ts';
import type { ShapeReader } from './shape-reader.ts';

export interface PlannedState {
  readonly desired: Desired;
  /** What is known of the artifacts that the tree holds. */
  readonly shapeOf: ShapeOf;
  /** Of the artifacts that the tree holds. */
  readonly bytesOf: (artifact: Digest) => Uint8Array | undefined;
  /** The tree has no such folder; then nothing is desired. */
  readonly absent?: Problem;
}

export interface PlanReaders {
  readonly parser: ManifestParser;
  readonly shapes: ShapeReader;
}

/** Named by the commit that brings it; without a valid Policy of its own that of `previous` holds. */
export async function stateAt(
  repository: LocalRepository,
  { parser, shapes }: PlanReaders,
  commit: string,
  tree: string,
  previous?: Desired,
): Promise<Result<PlannedState, Problem>> {
  const listed = await repository.files(tree);
  if (!listed.ok) return listed.error.code === 'HW3014' ? nothingAt(parser, commit, previous, listed.error) : listed;
  const scoped = await portFor(repository, parser, listed.value);
  if (!scoped.ok) return scoped;
  const documents = await readDocuments(repository, scoped.value, tree, previous);
  if (!documents.ok) return documents;
  const { files, parsed } = documents.value;
  const wanted = new Set(parsed.artifactPaths);
  const artifacts = files.filter((file) => wanted.has(file.path));
  const bytes = await repository.blobs(artifacts.map((file) => file.oid));
  if (!bytes.ok) return bytes;
  const digests = new Map<string, Digest>(
    artifacts.map((file) => [file.path, digestOfBytes(bytes.value.get(file.oid)!)]),
  );
  const known = new Map(artifacts.map((file) => [digests.get(file.path)!, bytes.value.get(file.oid)!]));
  const found = await shapes.shapes([...known.keys()], async (artifact) => ok(known.get(artifact)!));
  const failed = [...found.values()].find((answer) => !answer.ok && answer.error.policy !== 'Terminal');
  if (failed && !failed.ok) return failed;
  const shapeOf: ShapeOf = (artifact) => found.get(artifact);
  const bytesOf = (artifact: Digest): Uint8Array | undefined => known.get(artifact);
  const folders = await readFolders(repository, { commit: tree, files, paths: parsed.folderPaths ?? [] });
  if (!folders.ok) return folders;
  const content = contentsOf(folders.value);
  const desired = scoped.value.assemble(commit, parsed.parsed, digests, previous, shapeOf, content);
  return ok({ desired, shapeOf, bytesOf });
}

/** What an environment is before there is one, or when it has been taken away. */
async function nothingAt(
  parser: ManifestParser,
  commit: string,
  previous: Desired | undefined,
  absent: Problem,
): Promise<Result<PlannedState, Problem>> {
  const parsed = await parser.parse([]);
  if (!parsed.ok) return parsed;
  const desired = parser.assemble(commit, parsed.value.parsed, new Map(), previous);
  return ok({ desired: { ...desired, invalid: [] }, shapeOf: () => undefined, bytesOf: () => undefined, absent });
}

/** With what the repository may hold, where its `.headway.yaml` says it. */
async function portFor(
  repository: LocalRepository,
  parser: ManifestParser,
  files: readonly TreeFile[],
): Promise<Result<ManifestPort<Parsed>, Problem>> {
  const file = files.find(({ path }) => path === CONFIG_FILE);
  if (!file) return ok(parser);
  const blobs = await repository.blobs([file.oid]);
  if (!blobs.ok) return blobs;
  const config = parseLintConfig(blobs.value.get(file.oid)!, CONFIG_FILE);
  if (!config.ok) return err(config.error[0]!);
  const { namespaces } = config.value;
  return ok(namespaces ? parser.portOf(scopeOfOne(namespaces)) : parser);
}
