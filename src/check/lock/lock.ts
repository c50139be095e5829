/**
 * `headway lock`: the digests of tags and addresses, written into the manifests as an edit to review. The one command
 * that asks registries; the daemon never does it by itself, and nothing runs what nobody has reviewed.
 */
import { decodeText } from '../../manifest/text.ts';
import { BOUNDS } from '../../manifest/bounds.ts';
import { key, lockPlacesIn, withDigests, type Asked, type LockPlace } from '../../manifest/lock.ts';
import { short, type Digest } from '../../kit/digest.ts';
import { ok, type Result } from '../../kit/result.ts';
import { EXIT } from '../../model/exit.ts';
import type { Problem } from '../../model/problem.ts';
import type { ManifestFile } from '../../reconcile/ports.ts';
import type { LintSource } from '../lint/source.ts';

const ASKED_AT_ONCE = 4;
const BYTE_ORDER_MARK = '\ufeff';

export interface LockOptions {
  /** Writes nothing; what would be written is a finding. */
  readonly check: boolean;
  /** Also what has a digest is looked up again, and follows its tag. */
  readonly update: boolean;
}

export interface LockRun {
  readonly source: Pick<LintSource, 'manifests' | 'write'>;
  readonly digestOf: (asked: Asked) => Promise<Result<Digest, Problem>>;
}

export interface LockReport {
  /** What was written, or would be. */
  readonly changes: readonly { readonly place: LockPlace; readonly digest: Digest | undefined }[];
  readonly problems: readonly Problem[];
  /** Sources that already have their digest. */
  readonly locked: number;
}

export type LockExit = typeof EXIT.Ok | typeof EXIT.Findings | typeof EXIT.Broken;

export function exitOfLock({ changes, problems }: LockReport, { check }: LockOptions): LockExit {
  if (problems.length > 0) return EXIT.Broken;
  return check && changes.length > 0 ? EXIT.Findings : EXIT.Ok;
}

interface Found {
  readonly file: ManifestFile;
  readonly text: string;
  readonly places: readonly LockPlace[];
}

export async function lock(run: LockRun, options: LockOptions): Promise<LockReport> {
  const files = await run.source.manifests(() => false);
  if (!files.ok) return { changes: [], problems: [files.error], locked: 0 };
  const problems: Problem[] = [];
  const found: Found[] = [];
  for (const file of files.value) {
    const text = textOf(file);
    const places = text.ok ? lockPlacesIn(file.path, text.value) : text;
    if (places.ok && text.ok) found.push({ file, text: text.value, places: places.value });
    else if (!places.ok) problems.push(places.error);
  }
  const places = found.flatMap((one) => one.places);
  const wanted = places.filter(({ digest }) => options.update || digest === undefined);
  const locked = places.length - wanted.length;
  // What has no digest at all is a finding without anybody being asked.
  if (options.check && !options.update) {
    return { changes: wanted.map((place) => ({ place, digest: undefined })), problems, locked };
  }
  const digests = await askAll(run, wanted);
  const changes: { readonly place: LockPlace; readonly digest: Digest }[] = [];
  for (const one of found) {
    const edits: { readonly place: LockPlace; readonly digest: Digest }[] = [];
    for (const place of one.places.filter((candidate) => wanted.includes(candidate))) {
      const digest = digests.get(key(place.asked))!;
      if (!digest.ok) problems.push({ ...digest.error, span: place.span });
      else if (digest.value !== place.digest) edits.push({ place, digest: digest.value });
    }
    const written = options.check || edits.length === 0 ? ok(undefined) : await write(run, one, edits);
    if (written.ok) changes.push(...edits);
    else problems.push(written.error);
  }
  return { changes, problems, locked: places.length - changes.length - problems.length };
}

/** Each name is asked for once, however many documents have it. */
async function askAll(
  { digestOf }: LockRun,
  wanted: readonly LockPlace[],
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
  { file, text }: Found,
  edits: readonly { readonly place: LockPlace; readonly digest: Digest }[],
): Promise<Result<void, Problem>> {
  const edited = withDigests(file.path, text, edits);
  if (!edited.ok) return edited;
  const marked = file.bytes[0] === 0xef && file.bytes[1] === 0xbb && file.bytes[2] === 0xbf;
  return source.write!(file.path, (marked ? BYTE_ORDER_MARK : '') + edited.value);
}

function textOf({ path, bytes }: ManifestFile): Result<string, Problem> {
  return decodeText(path, bytes, BOUNDS);
}

/** One line for each place, as compilers print them, and a last one that counts. */
export function printLock({ changes, problems, locked }: LockReport, { check, update }: LockOptions): string {
  const lines = changes.map(({ place, digest }) => {
    const { file, line, column } = place.span;
    const before = place.digest ? `${short(place.digest.slice(7))} → ` : '';
    return `${file}:${line}:${column}: ${key(place.asked)}: ${digest ? `${before}${digest}` : 'no digest'}`;
  });
  const verb = check ? (update ? 'would be written' : 'missing') : 'written';
  const failed = problems.length === 0 ? '' : `, ${problems.length} not found`;
  return `${[...lines, `${changes.length} ${verb}, ${locked} as before${failed}`].join('\n')}\n`;
}
