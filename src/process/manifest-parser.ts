/**
 * The manifest room behind its port: `parse` in a disposable child, `assemble` here.
 *
 * Invariants
 * P1 A child is forked ahead of time and does one job at a time; past its deadline or memory it is killed by its pid.
 *    For a commit of more than one batch there is a second beside it, on another processor, for as long as it takes.
 * P2 A file that ends two children is unreadable for good: like a file that is no YAML it harms only itself, and it is
 *    not looked at again until it is another one. A commit with many such files is refused as a whole.
 * P3 Files that did not change since the last commit are not parsed again.
 * P4 The end of the parent ends the child: it exits when the channel closes.
 */
import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { Logger } from 'pino';
import { digestOfBytes } from '../kit/digest.ts';
import { err, ok, type Result } from '../kit/result.ts';
import { assemble } from '../manifest/assemble.ts';
import { finding } from '../manifest/finding.ts';
import { basesOf, overlaid } from '../manifest/overlay.ts';
import { createValidators, type Validators } from '../manifest/validator.ts';
import type { Desired } from '../model/desired.ts';
import { folderPathsOf } from '../manifest/folders.ts';
import { artifactPathsOf, manifestFiles, merged, overLimits, unreadable } from '../manifest/parse.ts';
import type { RootScope } from '../manifest/assemble/scope.ts';
import type { Parsed } from '../manifest/parsed.ts';
import { shapedArtifactsOf } from '../manifest/shaped.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { ManifestFile, ManifestPort, ParsedFiles } from '../reconcile/ports.ts';
import { DisposableChild } from './disposable-child.ts';
import { ParseLane } from './parse-lane.ts';

/** For one batch. What an honest batch takes is a tenth of a second; the rest is for a machine that is busy. */
const PARSE_DEADLINE_MS = 5_000;
/** The second try of a single file: nothing is condemned because the machine was slow. */
const PATIENCE = 4;
const MAX_HEAP_MB = 512;
/** Some seven hundred documents: small enough that two children end at about the same time. */
const MAX_BATCH_BYTES = 128 * 1024;
/** More would starve what else the machine does; YAML takes a tenth of a millisecond for a document. */
const MAX_LANES = 2;
/** Files of one commit that may end children; one more refuses the commit, so that a parse ends within minutes. */
const MAX_POISONS_PER_COMMIT = 3;

export interface ManifestParser extends ManifestPort<Parsed> {
  /** For one of several roots: the same children, files of its own, and what it may speak for. */
  portOf(scope: RootScope): ManifestPort<Parsed>;
  /** Of the child that waits. */
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

type ParseResult = Awaited<ReturnType<ManifestPort<Parsed>['parse']>>;

export function openManifestParser(options: ManifestParserOptions): ManifestParser {
  const parser = new Parser(options);
  // One parse at a time: the next caller waits for the one before.
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <Value>(act: () => Promise<Value>): Promise<Value> => {
    const result = turn.then(act);
    turn = result;
    return result;
  };
  const reading = (): Pick<ManifestPort<Parsed>, 'parse' | 'basesOf' | 'overlay'> => {
    const book: Known = { files: new Map(), bases: new Map() };
    return {
      parse: (files) => inTurn(() => parser.parse(files, book)),
      basesOf,
      overlay: (parsed, files, previous) => inTurn(() => parser.overlay(parsed, files, previous, book)),
    };
  };
  return {
    ...reading(),
    assemble: (commit, parsed, artifacts, previous, shapeOf, folders) =>
      assemble(commit, parsed, artifacts, previous, shapeOf, undefined, folders),
    portOf: (scope) => ({
      ...reading(),
      assemble: (commit, parsed, artifacts, previous, shapeOf, folders) =>
        assemble(commit, parsed, artifacts, previous, shapeOf, scope, folders),
    }),
    pid: () => parser.pid,
    close: () => parser.close(),
  };
}

/** Results of the files of the last commit, by path and content, and of the files of its bases. */
interface Known {
  files: ReadonlyMap<string, Parsed>;
  bases: ReadonlyMap<string, Parsed>;
}

type Found = (file: ManifestFile, parsed: Parsed) => void;

/** What the lanes of one parse share. */
interface Work {
  readonly batches: Generator<readonly ManifestFile[]>;
  readonly poisons: string[];
  readonly found: Found;
}

class Parser {
  readonly #log: Logger;
  readonly #deadlineMs: number;
  readonly #open: () => ParseLane;
  readonly #first: ParseLane;
  #helpers: readonly ParseLane[] = [];
  #closed = false;
  #validators: Validators | undefined;

  constructor({ log, deadlineMs = PARSE_DEADLINE_MS, maxHeapMb = MAX_HEAP_MB, entry }: ManifestParserOptions) {
    this.#log = log;
    this.#deadlineMs = deadlineMs;
    const file = entry ?? path.join(import.meta.dirname, 'parse-child.ts');
    this.#open = () => new ParseLane(this.#log, () => new DisposableChild(file, maxHeapMb));
    this.#first = this.#open();
  }

  get pid(): number | undefined {
    return this.#first.pid;
  }

  close(): void {
    this.#closed = true;
    for (const lane of [this.#first, ...this.#helpers]) lane.close();
  }

  async parse(files: readonly ManifestFile[], book: Known): Promise<ParseResult> {
    const parsed = await this.#read(files, book.files, (known) => (book.files = known));
    return parsed.ok ? ok(outcomeOf(parsed.value)) : parsed;
  }

  /** Bases are parsed in the child as all files are; what their documents become is made here, from plain data. */
  async overlay(
    parsed: Parsed,
    files: readonly ManifestFile[],
    previous: Desired | undefined,
    book: Known,
  ): Promise<ParseResult> {
    const bases = await this.#read(files, book.bases, (known) => (book.bases = known));
    if (!bases.ok) return bases;
    this.#validators ??= createValidators();
    return ok(outcomeOf(overlaid(parsed, bases.value, previous, this.#validators)));
  }

  async #read(
    files: readonly ManifestFile[],
    before: ReadonlyMap<string, Parsed>,
    keep: (known: ReadonlyMap<string, Parsed>) => void,
  ): Promise<Result<Parsed, Problem>> {
    if (this.#closed) return err(problem('HW1009', 'the parser is closed'));
    const manifests = manifestFiles(files);
    const refused = overLimits(manifests);
    if (refused) return ok(refused);
    const keys = new Map(
      manifests.map((file) => [file, `${file.isLink ? 'link' : digestOfBytes(file.bytes)} ${file.path}`]),
    );
    const results = new Map<string, Parsed>();
    const unknown: ManifestFile[] = [];
    for (const [file, key] of keys) {
      const known = before.get(key);
      if (known) results.set(key, known);
      else unknown.push(file);
    }
    const failure = await this.#parseAll(unknown, (file, parsed) => results.set(keys.get(file)!, parsed));
    // Also after a failure: what was found out, poisons above all, is not found out again.
    keep(results);
    if (failure) return err(failure);
    return ok(merged([...keys.values()].map((key) => results.get(key)!)));
  }

  async #parseAll(files: readonly ManifestFile[], found: Found): Promise<Problem | undefined> {
    const bytes = files.reduce((sum, file) => sum + file.bytes.byteLength, 0);
    const lanes = Math.min(Math.ceil(bytes / MAX_BATCH_BYTES), MAX_LANES, availableParallelism());
    this.#helpers = Array.from({ length: lanes - 1 }, this.#open);
    const work = { batches: batchesOf(files), poisons: [], found };
    const ends = await Promise.all([this.#first, ...this.#helpers].map((lane) => this.#parseIn(lane, work)));
    for (const lane of this.#helpers) lane.close();
    this.#helpers = [];
    return ends.find((end) => end !== undefined);
  }

  /** Takes batches until there is none left; a failure ends the generator, and by that what the other lane does. */
  async #parseIn(lane: ParseLane, work: Work): Promise<Problem | undefined> {
    for (const batch of work.batches) {
      const failure = await this.#parseBatch(lane, batch, work);
      if (failure) return failure;
    }
    return undefined;
  }

  async #parseBatch(
    lane: ParseLane,
    batch: readonly ManifestFile[],
    { poisons, found }: Work,
  ): Promise<Problem | undefined> {
    const together = await lane.run(batch, this.#deadlineMs);
    if (!together.ok && together.error.code === 'HW1009') return together.error;
    if (together.ok) {
      for (const [index, file] of batch.entries()) found(file, together.value[index]!);
      return undefined;
    }
    for (const file of batch) {
      const alone = await lane.run([file], this.#deadlineMs * (batch.length === 1 ? PATIENCE : 1));
      const last = alone.ok || batch.length === 1 ? alone : await lane.run([file], this.#deadlineMs * PATIENCE);
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
    return undefined;
  }
}

function outcomeOf(parsed: Parsed): ParsedFiles<Parsed> {
  const shaped = shapedArtifactsOf(parsed);
  return { parsed, artifactPaths: artifactPathsOf(parsed), folderPaths: folderPathsOf(parsed), shaped };
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
