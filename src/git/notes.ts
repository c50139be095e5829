/**
 * The outcome of commits as git notes. One push holds all that is to be said; what other daemons wrote about the same
 * commits stays, because each has sections of its own.
 */
import { err, ok, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { Delivered, OutboxItem } from '../model/report.ts';
import { textOf, withSection } from '../model/report-text.ts';
import type { ReportChannel } from '../reconcile/ports.ts';
import type { Publisher } from './publish.ts';

const NOTES_REF = 'refs/notes/headway';
/** In one push. */
const BATCH = 50;
/** How often somebody else may be first. */
const MAX_RACES = 5;

export function notesChannel(publisher: Publisher, nowMs: () => number): ReportChannel {
  return {
    name: 'notes',
    kind: 'Notes',
    batch: BATCH,
    deliver: async (items) => {
      for (let races = 0; races < MAX_RACES; races += 1) {
        const written = await publisher.inTurn(() => writeNotes(publisher, items, nowMs()));
        if (!written.ok) return items.map(() => notTold(written.error));
        if (written.value !== 'raced') return items.map(({ message }) => outcomeOf(written.value, message.commit));
      }
      return items.map(() => notTold(problem('HW5086', `others were first ${MAX_RACES} times in a row`)));
    },
  };
}

function outcomeOf(unknown: unknown, commit: string): Delivered {
  if (!(unknown as ReadonlySet<string>).has(commit)) return { type: 'Delivered' };
  const { code, message } = problem('HW5086', `the mirror does not have the commit ${commit}`);
  return { type: 'Refused', problem: { code, message } };
}

function notTold({ code, message, remedy }: Problem): Delivered {
  return { type: 'Retry', problem: { code, message: `${message}. ${remedy}` }, unsure: false };
}

/** Commits that the mirror does not have, after a push or where there was nothing to push. */
async function writeNotes(
  publisher: Publisher,
  items: readonly OutboxItem[],
  nowMs: number,
): Promise<Result<ReadonlySet<string> | 'raced', Problem>> {
  const fetched = await publisher.fetch(NOTES_REF);
  if (!fetched.ok) return fetched;
  const base = fetched.value ? await publisher.idOf(['rev-parse', '--verify', NOTES_REF], 'read notes') : ok(undefined);
  if (!base.ok) return base;
  const unknown = new Set<string>();
  let changed = 0;
  for (const { message } of items) {
    const written = await writeNote(publisher, message.commit, message.context, textOf(message));
    if (!written.ok) return written;
    if (written.value === 'unknown') unknown.add(message.commit);
    if (written.value === 'changed') changed += 1;
  }
  if (changed === 0) return ok(unknown);
  const tree = await publisher.idOf(['rev-parse', '--verify', `${NOTES_REF}^{tree}`], 'read notes');
  if (!tree.ok) return tree;
  const parents = base.value === undefined ? [] : [base.value];
  const message = `headway: what came of ${changed} ${changed === 1 ? 'commit' : 'commits'}\n`;
  const commit = await publisher.commitTree({ tree: tree.value, parents, message, atMs: nowMs }, 'write notes');
  if (!commit.ok) return commit;
  const pushed = await publisher.push(commit.value, NOTES_REF, 'push notes');
  if (!pushed.ok) return pushed;
  return ok(pushed.value ? unknown : 'raced');
}

async function writeNote(
  publisher: Publisher,
  commit: string,
  context: string,
  text: string,
): Promise<Result<'changed' | 'same' | 'unknown', Problem>> {
  const known = await publisher.local(['cat-file', '-e', `${commit}^{commit}`]);
  if (known.exitCode !== 0)
    return known.stop ? err(problem('HW5086', `git was stopped: ${known.stop}`)) : ok('unknown');
  const shown = await publisher.local(['notes', `--ref=${NOTES_REF}`, 'show', commit]);
  const before = shown.exitCode === 0 ? shown.stdout : '';
  const note = withSection(before, context, text);
  if (note === before) return ok('same');
  const blob = await publisher.idOf(['hash-object', '-w', '--stdin'], 'write a note', note);
  if (!blob.ok) return blob;
  const added = await publisher.local(['notes', `--ref=${NOTES_REF}`, 'add', '-f', '-C', blob.value, commit]);
  if (added.exitCode === 0) return ok('changed');
  return err(problem('HW5086', `a note could not be written: ${added.stderr.trim().slice(0, 200)}`));
}
