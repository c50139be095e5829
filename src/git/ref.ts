import { problem, type Problem } from '../model/problem.ts';
import { err, ok, type Result } from '../kit/result.ts';

/** What the daemon follows: one commit for ever, or the first of these refs that the server has. */
export type FollowedRef =
  | { readonly type: 'commit'; readonly commit: string }
  | { readonly type: 'ref'; readonly names: readonly string[] };

const COMMIT = /^[0-9a-f]{40}$/;
const MAX_REF_CHARACTERS = 250;

export function isCommit(text: string): boolean {
  return COMMIT.test(text);
}

/**
 * A full ref name stays as it is; a short one means the branch, else the tag. What the names may be made of is for
 * `git check-ref-format` to say; this only makes sure that they can never be read as an option.
 */
export function parseRef(text: string): Result<FollowedRef, Problem> {
  if (isCommit(text)) return ok({ type: 'commit', commit: text });
  if (text === '' || text.length > MAX_REF_CHARACTERS) {
    return err(problem('HW3010', `a ref has 1 to ${MAX_REF_CHARACTERS} characters`));
  }
  if (text.startsWith('refs/')) return ok({ type: 'ref', names: [text] });
  return ok({ type: 'ref', names: [`refs/heads/${text}`, `refs/tags/${text}`] });
}

/** One line of `ls-remote`. */
interface Advertised {
  readonly name: string;
  readonly oid: string;
}

const ADVERTISED = /^([0-9a-f]{40})\t(\S+)$/;

function parseAdvertised(text: string): readonly Advertised[] | undefined {
  const lines = text.split('\n').filter((line) => line !== '');
  const refs: Advertised[] = [];
  for (const line of lines) {
    const match = ADVERTISED.exec(line);
    if (!match) return undefined;
    refs.push({ oid: match[1]!, name: match[2]! });
  }
  return refs;
}

export interface Chosen {
  readonly name: string;
  /** Of an annotated tag: what it points at in the end. */
  readonly commit: string;
}

/**
 * The first wanted ref in what `ls-remote` printed, peeled. `ls-remote` matches the tail of names, so a server can
 * answer with refs that nobody asked for; only exact names count.
 *
 * @returns `undefined` where none is there, `'garbage'` where the text is not what `ls-remote` prints.
 */
export function choose(lsRemote: string, names: readonly string[]): Chosen | undefined | 'garbage' {
  const refs = parseAdvertised(lsRemote);
  if (!refs) return 'garbage';
  const oids = new Map(refs.map((ref) => [ref.name, ref.oid]));
  for (const name of names) {
    const commit = oids.get(`${name}^{}`) ?? oids.get(name);
    if (commit) return { name, commit };
  }
  return undefined;
}
