/** Files of the store on their way to cells: hashed before they are given out, and kept within a bound. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Contents } from '../../src/host/spawner/contents.ts';
import { digestOfBytes } from '../../src/kit/digest.ts';
import { contentPath } from '../../src/model/content.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'headway-contents-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function stored(text: string, written = text) {
  const digest = digestOfBytes(Buffer.from(text));
  const file = path.join(folder, contentPath(digest));
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, written);
  return { digest, bytes: text.length, change: (to: string) => writeFileSync(file, to), remove: () => rmSync(file) };
}

describe('contents of the store', () => {
  it('are what their digest says, or a text (H1)', () => {
    const contents = new Contents(folder);
    const good = stored('good');
    expect(contents.read(good).toString()).toBe('good');
    const changed = stored('as it was', 'as it is ');
    expect(contents.read(changed)).toBe(`in the content store does not hash to ${changed.digest}`);
    const missing = stored('missing');
    missing.remove();
    expect(contents.read(missing)).toMatch(/^\(sha256:[0-9a-f]+\) cannot be read from the content store: ENOENT/);
    expect(contents.read({ ...good, bytes: 5 })).toBe(`in the content store does not hash to ${good.digest}`);
  });

  it('are kept with their bytes: nobody asks the file again, whatever it is by then', () => {
    const contents = new Contents(folder);
    const file = stored('kept');
    const first = contents.read(file);
    file.change('lost');
    expect(contents.read(file)).toBe(first);
    expect(first.toString()).toBe('kept');
  });

  it.each([
    { most: 8, isKept: true },
    { most: 7, isKept: false },
  ])('are kept up to $most bytes: two of four, $isKept', ({ most, isKept }) => {
    const contents = new Contents(folder, most);
    const [one, other] = [stored('one.'), stored('two.')];
    const first = contents.read(one);
    contents.read(other);
    expect(contents.read(one) === first).toBe(isKept);
  });

  it('that were given out longest ago go first, and what is larger than all room takes nobody with it', () => {
    const contents = new Contents(folder, 8);
    const [one, two, three] = [stored('one.'), stored('two.'), stored('3rd.')];
    const [first, second] = [contents.read(one), contents.read(two)];
    contents.read(stored('nine byte'));
    expect(contents.read(one)).toBe(first);
    contents.read(three);
    expect(contents.read(one)).toBe(first);
    expect(contents.read(two)).not.toBe(second);
  });
});
