/**
 * The manifest room behind its port: `parse` in a disposable child, `assemble` here.
 *
 * Invariants
 * P1 A child is forked ahead of time and does one job at a time; past its deadline or memory it is killed by its pid.
 * P2 A file that ends two children is unreadable for good: like a file that is no YAML it harms only itself, and it is
 *    not looked at again until it is another one. A commit with many such files is refused as a whole.
 * P3 Files that did not change since the last commit are not parsed again.
 * P4 The end of the parent ends the child: it exits when the channel closes.
 */
import path from 'node:path';
import type { Logger } from 'pino';
import { digestOfBytes } from '../kit/digest.ts';
import { err, ok, type Result } from '../kit/result.ts';
import { assemble } from '../manifest/assemble.ts';
import { finding } from '../manifest/finding.ts';
import { artifactPathsOf, manifestFiles, merged, overLimits, unreadable } from '../manifest/parse.ts';
import type { Parsed } from '../manifest/parsed.ts';
import { shapedArtifactsOf } from '../manifest/shaped.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { ManifestFile, ManifestPort } from '../reconcile/ports.ts';
import { DisposableChild } from './disposable-child.ts';

/** For one batch. What an honest batch takes is a tenth of a second; the rest is for a machine that is busy. */
const PARSE_DEADLINE_MS = 5_000;
/** The second try of a single file: nothing is condemned because the machine was slow. */
const PATIENCE = 4;
/** From fork to the first message: loading the schemas on a machine that is busy with other things. */
const START_DEADLINE_MS = 30_000;
const MAX_HEAP_MB = 512;
const MAX_BATCH_BYTES = 256 * 1024;
/** Then it is replaced, so that nothing can pile up in it. */
const MAX_JOBS_PER_CHILD = 500;
/** Files of one commit that may end children; one more refuses the commit, so that a parse ends within minutes. */
const MAX_POISONS_PER_COMMIT = 3;

export interface ManifestParser extends ManifestPort<Parsed> {
  /** Of the waiting child. */
  pid(): number | undefined;
  close(): void;
}

export interface ManifestParserOptions {
  readonly log: Logger;
  readonly deadlineMs?: number;
  readonly maxHeapMb?: number;
  /** Entry file of the child; tests bring one that misbehaves. */
  readonly entry?: string;
}

type ParseChild = DisposableChild<readonly ManifestFile[], readonly Parsed[]>;
type ParseResult = Awaited<ReturnType<ManifestPort<Parsed>['parse']>>;

export function openManifestParser(options: ManifestParserOptions): ManifestParser {
  const parser = new Parser(options);
  // One parse at a time: the next caller waits for the one before.
  let turn: Promise<unknown> = Promise.resolve();
  return {
    parse(files) {
      const result = turn.then(() => parser.parse(files));
      turn = result;
      return result;
    },
    assemble,
    pid: () => parser.pid,
    close: () => parser.close(),
  };
}

class Parser {
  readonly #log: Logger;
  readonly #deadlineMs: number;
  readonly #spawn: () => ParseChild;
  #child: ParseChild;
  #closed = false;
  /** Results of the files of the last commit, by path and content. */
  #known: ReadonlyMap<string, Parsed> = new Map();

  constructor({ log, deadlineMs = PARSE_DEADLINE_MS, maxHeapMb = MAX_HEAP_MB, entry }: ManifestParserOptions) {
    this.#log = log;
    this.#deadlineMs = deadlineMs;
    const file = entry ?? path.join(import.meta.dirname, 'parse-child.ts');
    this.#spawn = () => new DisposableChild(file, maxHeapMb);
    this.#child = this.#spawn();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  close(): void {
    this.#closed = true;
    this.#child.kill();
  }

  async parse(files: readonly ManifestFile[]): Promise<ParseResult> {
    if (this.#closed) return err(problem('HW1009', 'the parser is closed'));
    const manifests = manifestFiles(files);
    const refused = overLimits(manifests);
    if (refused) return ok({ parsed: refused, artifactPaths: [] });
    const keys = new Map(manifests.map((file) => [file, `${digestOfBytes(file.bytes)} ${file.path}`]));
    const results = new Map<string, Parsed>();
    const unknown: ManifestFile[] = [];
    for (const [file, key] of keys) {
      const known = this.#known.get(key);
      if (known) results.set(key, known);
      else unknown.push(file);
    }
    const failure = await this.#parseAll(unknown, (file, parsed) => results.set(keys.get(file)!, parsed));
    // Also after a failure: what was found out, poisons above all, is not found out again.
    this.#known = results;
    if (failure) return err(failure);
    const parsed = merged([...keys.values()].map((key) => results.get(key)!));
    return ok({ parsed, artifactPaths: artifactPathsOf(parsed), shaped: shapedArtifactsOf(parsed) });
  }

  async #parseAll(
    files: readonly ManifestFile[],
    found: (file: ManifestFile, parsed: Parsed) => void,
  ): Promise<Problem | undefined> {
    const poisons: string[] = [];
    for (const batch of batchesOf(files)) {
      const together = await this.#run(batch, this.#deadlineMs);
      if (!together.ok && together.error.code === 'HW1009') return together.error;
      if (together.ok) {
        for (const [index, file] of batch.entries()) found(file, together.value[index]!);
        continue;
      }
      for (const file of batch) {
        const alone = await this.#run([file], this.#deadlineMs * (batch.length === 1 ? PATIENCE : 1));
        const last = alone.ok || batch.length === 1 ? alone : await this.#run([file], this.#deadlineMs * PATIENCE);
        if (last.ok) {
          found(file, last.value[0]!);
          continue;
        }
        if (last.error.code === 'HW1009') return last.error;
        found(file, poisoned(file, last.error));
        poisons.push(file.path);
        if (poisons.length > MAX_POISONS_PER_COMMIT) {
          return problem('HW1008', `${poisons.join(', ')} and perhaps more files of this commit stop the parser`);
        }
      }
    }
    return undefined;
  }

  /** HW1008: the child ended over these files. HW1009: there is no child. */
  async #run(files: readonly ManifestFile[], deadlineMs: number): Promise<Result<readonly Parsed[], Problem>> {
    if (this.#closed) return err(problem('HW1009', 'the parser is closed'));
    const ready = await this.#child.ready(START_DEADLINE_MS);
    if (!ready.ok) {
      this.#replace();
      return err(problem('HW1009', `the parser did not start: ${ready.error}`));
    }
    const outcome = await this.#child.run(files, deadlineMs);
    if (outcome.ok && this.#child.jobs < MAX_JOBS_PER_CHILD) return outcome;
    this.#replace();
    if (outcome.ok) return outcome;
    if (this.#closed) return err(problem('HW1009', 'the parser is closed'));
    const paths = files.map((file) => file.path);
    this.#log.warn(
      { why: outcome.error, files: paths.slice(0, 10), count: paths.length },
      'manifests ended the parser',
    );
    return err(problem('HW1008', outcome.error));
  }

  #replace(): void {
    this.#child.kill();
    if (!this.#closed) this.#child = this.#spawn();
  }
}

function* batchesOf(files: readonly ManifestFile[]): Generator<readonly ManifestFile[]> {
  let batch: ManifestFile[] = [];
  let bytes = 0;
  for (const file of files) {
    if (batch.length > 0 && bytes + file.bytes.byteLength > MAX_BATCH_BYTES) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(file);
    bytes += file.bytes.byteLength;
  }
  if (batch.length > 0) yield batch;
}

function poisoned(file: ManifestFile, why: Problem): Parsed {
  const span = { file: file.path, line: 1, column: 1, endLine: 1, endColumn: 1 };
  return unreadable(file.path, finding('HW1008', `${file.path} stops the parser: ${why.message}`, { span }));
}
