/**
 * One page of a folder: the names behind one, in the order of their bytes. A folder may have as many as its volume was granted, and is
 * read anew for each page, so none of it is kept but what the page may need, and the reading leaves the event loop between its portions.
 */
import { isUtf8 } from 'node:buffer';

export interface Named {
  readonly name: Buffer;
}

/**
 * The first `most` of the entries whose names are behind `after`, and whether these are all. What is not UTF-8 is left out: no guest can
 * name it.
 */
export async function pageAfter<Entry extends Named>(
  entries: AsyncIterable<Entry>,
  after: Buffer,
  most: number,
): Promise<{ readonly page: readonly Entry[]; readonly isAll: boolean }> {
  let kept: Entry[] = [];
  /** What is behind it is on a later page. */
  let last: Buffer | undefined;
  let isAll = true;
  const cut = (): void => {
    kept.sort((one, two) => one.name.compare(two.name));
    if (kept.length <= most) return;
    isAll = false;
    kept = kept.slice(0, most);
    last = kept.at(-1)!.name;
  };
  for await (const entry of entries) {
    const { name } = entry;
    if (name.compare(after) <= 0 || !isUtf8(name)) continue;
    if (last && name.compare(last) > 0) continue;
    kept.push(entry);
    if (kept.length >= 2 * most) cut();
  }
  cut();
  return { page: kept, isAll };
}
