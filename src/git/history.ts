import type { CommitInfo } from '../reconcile/ports.ts';

/** Fields apart by NUL, which no part of a commit can hold; records too (`-z`). */
export const COMMIT_FORMAT = '--format=tformat:%H%x00%P%x00%an%x00%ct%x00%s';
const FIELDS = 5;
const MAX_AUTHOR_CHARACTERS = 100;
const MAX_SUBJECT_CHARACTERS = 200;

/** Reads `log -z` in `COMMIT_FORMAT`; `undefined` where the text is not in that form. */
export function parseHistory(text: string): readonly CommitInfo[] | undefined {
  if (text === '') return [];
  const fields = text.split('\0');
  if (fields.pop() !== '' || fields.length % FIELDS !== 0) return undefined;
  const commits: CommitInfo[] = [];
  for (let index = 0; index < fields.length; index += FIELDS) {
    const [commit, parents, author, time, subject] = fields.slice(index, index + FIELDS) as [
      string,
      string,
      string,
      string,
      string,
    ];
    commits.push({
      commit,
      parents: parents === '' ? [] : parents.split(' '),
      author: author.slice(0, MAX_AUTHOR_CHARACTERS),
      timeMs: Number(time) * 1_000,
      subject: subject.slice(0, MAX_SUBJECT_CHARACTERS),
    });
  }
  return commits;
}
