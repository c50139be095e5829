/** The documents of a commit: those under the followed path, and those of the bases that its Environment names. */
import { ok, type Result } from '../kit/result.ts';
import { isManifestPath } from '../manifest/parse.ts';
import type { Desired } from '../model/desired.ts';
import type { Problem } from '../model/problem.ts';
import type { GitPort, ManifestFile, ManifestPort, ParsedFiles, TreeFile } from './ports.ts';

export interface CommitDocuments<Parsed> {
  /** Of the bases too, under the paths that the documents name them by. */
  readonly files: readonly TreeFile[];
  readonly parsed: ParsedFiles<Parsed>;
}

type Reader = Pick<GitPort, 'files' | 'baseFiles' | 'blobs' | 'skipped'>;

export async function readDocuments<Parsed>(
  git: Reader,
  manifest: Pick<ManifestPort<Parsed>, 'parse' | 'basesOf' | 'overlay'>,
  commit: string,
  previous: Desired | undefined,
): Promise<Result<CommitDocuments<Parsed>, Problem>> {
  const own = await git.files(commit);
  if (!own.ok) return own;
  const written = await manifestsOf(git, own.value);
  if (!written.ok) return written;
  const links = await linkedManifests(git, commit);
  if (!links.ok) return links;
  const parsed = await manifest.parse([...written.value, ...links.value]);
  if (!parsed.ok) return parsed;
  const bases = manifest.basesOf(parsed.value.parsed, previous);
  if (!bases.ok) return bases;
  if (bases.value.length === 0) return ok({ files: own.value, parsed: parsed.value });
  const files = [...own.value];
  const taken: ManifestFile[] = [];
  for (const base of bases.value) {
    const found = await git.baseFiles(commit, base);
    if (!found.ok) return found;
    const manifests = await manifestsOf(git, found.value, base);
    if (!manifests.ok) return manifests;
    taken.push(...manifests.value);
    files.push(...found.value.map((file) => ({ ...file, path: `${base}/${file.path}` })));
  }
  const overlaid = await manifest.overlay(parsed.value.parsed, taken, previous);
  return overlaid.ok ? ok({ files, parsed: overlaid.value }) : overlaid;
}

/** Links in the place of manifests, under the followed path. */
export async function linkedManifests(
  git: Pick<GitPort, 'skipped'>,
  commit: string,
): Promise<Result<readonly ManifestFile[], Problem>> {
  const skipped = (await git.skipped?.(commit)) ?? ok([]);
  if (!skipped.ok) return skipped;
  const links = skipped.value.filter(({ path, kind }) => kind === 'Symlink' && isManifestPath(path));
  return ok(links.map(({ path }) => ({ path, bytes: new Uint8Array(), isLink: true })));
}

async function manifestsOf(
  git: Reader,
  files: readonly TreeFile[],
  base?: string,
): Promise<Result<readonly ManifestFile[], Problem>> {
  const written = files.filter(({ path }) => isManifestPath(path));
  const blobs = await git.blobs(written.map(({ oid }) => oid));
  if (!blobs.ok) return blobs;
  return ok(
    written.map(({ path, oid }) => {
      const bytes = blobs.value.get(oid) ?? new Uint8Array();
      return base === undefined ? { path, bytes } : { path: `${base}/${path}`, bytes, base };
    }),
  );
}
