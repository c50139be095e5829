/** `<dir>` or `<repository>@<revision>`, as commands name what they read. */
import { existsSync } from 'node:fs';
import { commitSource } from '../check/lint/commit.ts';
import { folderSource } from '../check/lint/folder.ts';
import type { LintSource } from '../check/lint/source.ts';
import { openLocal, placeInRepository, type LocalRepository } from '../git/local.ts';
import { err, ok, type Result } from '../kit/result.ts';
import type { Problem } from '../model/problem.ts';

export interface OpenedSource {
  readonly source: LintSource;
  /** Present where a commit is read, or where the repository was asked for. */
  readonly git?: { readonly repository: LocalRepository; readonly head: string };
}

export function namesCommit(target: string): boolean {
  return !existsSync(target) && target.lastIndexOf('@') > 0;
}

/** Whoever opens closes `git.repository`. */
export async function openSource(target: string, withRepository = false): Promise<Result<OpenedSource, Problem>> {
  const ofCommit = namesCommit(target);
  if (!ofCommit && !withRepository) return ok({ source: folderSource(target) });
  const at = target.lastIndexOf('@');
  const folder = ofCommit ? target.slice(0, at) : target;
  const place = await placeInRepository(folder);
  const opened = await openLocal(place?.folder ?? folder, place?.place || '.');
  if (!opened.ok) return opened;
  const repository = opened.value;
  const head = await repository.resolve(ofCommit ? target.slice(at + 1) : 'HEAD');
  if (!head.ok) {
    await repository.close();
    return err(head.error);
  }
  const source = ofCommit ? commitSource(target, head.value, repository) : folderSource(target);
  return ok({ source, git: { repository, head: head.value } });
}
