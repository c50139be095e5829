/** `headway plan --repo <dir> <base>..<head>`: reads two commits of a local repository with the daemon's own rooms. */
import { pino } from 'pino';
import { planOf } from '../check/plan/plan.ts';
import { planText } from '../check/plan/text.ts';
import { printProblem } from '../check/print.ts';
import type { Terminal } from '../check/terminal.ts';
import { openLocal, type LocalRepository } from '../git/local.ts';
import { digestOfBytes, type Digest } from '../kit/digest.ts';
import { ok, type Result } from '../kit/result.ts';
import { isManifestPath } from '../manifest/parse.ts';
import type { Desired } from '../model/desired.ts';
import { EXIT, type ExitCode } from '../model/exit.ts';
import type { Problem } from '../model/problem.ts';
import { openManifestParser, type ManifestParser } from './manifest-parser.ts';

export interface PlanOptions {
  readonly repo: string;
  readonly path: string;
  readonly base: string;
  readonly head: string;
  readonly format: 'text' | 'json';
}

/** Exit code 0 where the head would be accepted, 1 where something in it is invalid or refused, 2 where it cannot be read. */
export async function planCommand(options: PlanOptions, terminal: Terminal): Promise<ExitCode> {
  const repository = await openLocal(options.repo, options.path);
  if (!repository.ok) return broken(terminal, repository.error);
  const parser = openManifestParser({ log: pino({ enabled: false }) });
  try {
    const base = await desiredAt(repository.value, parser, options.base);
    if (!base.ok) return broken(terminal, base.error);
    const head = await desiredAt(repository.value, parser, options.head);
    if (!head.ok) return broken(terminal, head.error);
    const plan = planOf(base.value, head.value);
    terminal.out(options.format === 'json' ? `${JSON.stringify(plan, undefined, 2)}\n` : planText(plan));
    const refused = plan.problems.length > 0 || plan.entries.some(({ problems }) => problems.length > 0);
    return refused ? EXIT.Findings : EXIT.Ok;
  } finally {
    parser.close();
    await repository.value.close();
  }
}

function broken(terminal: Terminal, problem: Problem): ExitCode {
  printProblem(terminal, problem);
  return EXIT.Broken;
}

async function desiredAt(
  repository: LocalRepository,
  parser: ManifestParser,
  revision: string,
): Promise<Result<Desired, Problem>> {
  const commit = await repository.resolve(revision);
  if (!commit.ok) return commit;
  const files = await repository.files(commit.value);
  if (!files.ok) return files;
  const manifests = files.value.filter((file) => isManifestPath(file.path));
  const texts = await repository.blobs(manifests.map((file) => file.oid));
  if (!texts.ok) return texts;
  const parsed = await parser.parse(manifests.map((file) => ({ path: file.path, bytes: texts.value.get(file.oid)! })));
  if (!parsed.ok) return parsed;
  const wanted = new Set(parsed.value.artifactPaths);
  const artifacts = files.value.filter((file) => wanted.has(file.path));
  const bytes = await repository.blobs(artifacts.map((file) => file.oid));
  if (!bytes.ok) return bytes;
  const digests = new Map<string, Digest>(
    artifacts.map((file) => [file.path, digestOfBytes(bytes.value.get(file.oid)!)]),
  );
  return ok(parser.assemble(commit.value, parsed.value.parsed, digests));
}
