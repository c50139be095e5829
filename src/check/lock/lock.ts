/**
 * `headway lock`: the digests of tags and addresses, written into the manifests as an edit to review. The one command
 * that asks registries; the daemon never does it by itself, and nothing runs what nobody has reviewed.
 */
import { key, withDigests, type Asked, type DigestEdit } from '../../manifest/lock.ts';
import { short, type Digest } from '../../kit/digest.ts';
import { ok, type Result } from '../../kit/result.ts';
import { EXIT } from '../../model/exit.ts';
import type { Problem } from '../../model/problem.ts';
import type { LintSource } from '../lint/source.ts';
import { readPlaces, type FoundFile, type NamedPlace } from './places.ts';

const ASKED_AT_ONCE = 4;
const BYTE_ORDER_MARK = '\ufeff';

export interface LockOptions {
  /** Writes nothing; what would be written is a finding. */
  readonly check: boolean;
  /** Also what has a digest is looked up again, and follows its tag. */
  readonly update: boolean;
}

export interface LockRun {
  readonly source: Pick<LintSource, 'label' | 'manifests' | 'base' | 'config' | 'write'>;
  readonly digestOf: (asked: Asked) => Promise<Result<Digest, Problem>>;
}

export interface LockReport {
  /** What was written, or would be. */
  readonly changes: readonly { readonly place: NamedPlace; readonly digest: Digest | undefined }[];
  /** Without a digest, in files of a base outside of the folder: not written from here. */
  readonly elsewhere: readonly NamedPlace[];
  readonly problems: readonly Problem[];
  /** Sources that already have their digest. */
  readonly locked: number;
}

export type LockExit = typeof EXIT.Ok | typeof EXIT.Findings | typeof EXIT.Broken;

export function exitOfLock({ changes, elsewhere, problems }: LockReport, { check }: LockOptions): LockExit {
  if (problems.length > 0) return EXIT.Broken;
  return elsewhere.length > 0 || (check && changes.length > 0) ? EXIT.Findings : EXIT.Ok;
}

export async function lock(run: LockRun, options: LockOptions): Promise<LockReport> {
  const found = await readPlaces(run.source);
  if (!found.ok) return { changes: [], elsewhere: [], problems: [found.error], locked: 0 };
  const problems: Problem[] = [...found.value.problems];
  const { own, outside } = found.value;
  const places = own.flatMap((one) => one.places);
  const wanted = places.filter(({ digest }) => options.update || digest === undefined);
  const elsewhere = outside.filter(({ digest }) => digest === undefined);
  const locked = places.length + outside.length - wanted.length - elsewhere.length;
  // What has no digest at all is a finding without anybody being asked.
  if (options.check && !options.update) {
    return { changes: wanted.map((place) => ({ place, digest: undefined })), elsewhere, problems, locked };
  }
  const digests = await askAll(run, wanted);
  const changes: { readonly place: NamedPlace; readonly digest: Digest }[] = [];
  let same = 0;
  for (const one of own) {
    const edits: { readonly place: NamedPlace; readonly digest: Digest }[] = [];
    for (const place of one.places.filter((candidate) => wanted.includes(candidate))) {
      const digest = digests.get(key(place.asked))!;
      if (!digest.ok) problems.push({ ...digest.error, span: place.span });
      else if (digest.value === place.digest) same += 1;
      else edits.push({ place, digest: digest.value });
    }
    const written = options.check || edits.length === 0 ? ok(undefined) : await write(run, one, edits);
    if (written.ok) changes.push(...edits);
    else problems.push(written.error);
  }
  return { changes, elsewhere, problems, locked: locked + same };
}

/** Each name is asked for once, however many documents have it. */
async function askAll(
  { digestOf }: LockRun,
  wanted: readonly NamedPlace[],
): Promise<ReadonlyMap<string, Result<Digest, Problem>>> {
  const names = new Map(wanted.map(({ asked }) => [key(asked), asked]));
  const answers = new Map<string, Result<Digest, Problem>>();
  const waiting = [...names];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) answers.set(next[0], await digestOf(next[1]));
  };
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, worker));
  return answers;
}

async function write(
  { source }: LockRun,
  { file, text }: FoundFile,
  edits: readonly DigestEdit[],
): Promise<Result<void, Problem>> {
  const edited = withDigests(file.path, text, edits);
  if (!edited.ok) return edited;
  const marked = file.bytes[0] === 0xef && file.bytes[1] === 0xbb && file.bytes[2] === 0xbf;
  return source.write!(file.path, (marked ? BYTE_ORDER_MARK : '') + edited.value);
}

/** One line for each place, as compilers print them, and a last one that counts. */
export function printLock(
  { changes, elsewhere, problems, locked }: LockReport,
  { check, update }: LockOptions,
): string {
  const lines = changes.map(({ place, digest }) => {
    const before = place.digest ? `${short(place.digest.slice(7))} → ` : '';
    return `${lineOf(place)}${digest ? `${before}${digest}` : 'no digest'}`;
  });
  const others = elsewhere.map(
    (place) => `${lineOf(place)}no digest; a base lies outside: run \`headway lock ${place.base}\``,
  );
  const verb = check ? (update ? 'would be written' : 'missing') : 'written';
  const outside = elsewhere.length === 0 ? '' : `, ${elsewhere.length} in bases outside`;
  const failed = problems.length === 0 ? '' : `, ${problems.length} not found`;
  return `${[...lines, ...others, `${changes.length} ${verb}, ${locked} as before${outside}${failed}`].join('\n')}\n`;
}

function lineOf({ span: { file, line, column }, asked }: NamedPlace): string {
  return `${file}:${line}:${column}: ${key(asked)}: `;
}
