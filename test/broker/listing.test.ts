/** Pages of a folder out of entries in whatever order they come. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pageAfter, type Named } from '../../src/broker/files/listing.ts';

async function* inTurn(names: readonly Buffer[]): AsyncGenerator<Named> {
  for (const name of names) {
    await Promise.resolve();
    yield { name };
  }
}

async function pagesOf(names: readonly Buffer[], most: number): Promise<readonly (readonly string[])[]> {
  const pages: string[][] = [];
  for (let after: Buffer = Buffer.alloc(0); ;) {
    const { page, isAll } = await pageAfter(inTurn(names), after, most);
    pages.push(page.map(({ name }) => name.toString()));
    if (isAll) return pages;
    after = page.at(-1)!.name;
  }
}

test('all names that are UTF-8, once and in order, in pages that are full but for the last', async () => {
  const name = fc.uint8Array({ minLength: 1, maxLength: 3 }).map((bytes) => Buffer.from(bytes));
  const text = fc.string({ minLength: 1, maxLength: 3 }).map((one) => Buffer.from(one));
  const names = fc.uniqueArray(fc.oneof(text, name), { maxLength: 40, selector: (one) => one.toString('hex') });
  await fc.assert(
    fc.asyncProperty(names, fc.integer({ min: 1, max: 12 }), async (given, most) => {
      const pages = await pagesOf(given, most);
      const wanted = given
        .filter((one) => Buffer.from(one.toString()).equals(one))
        .toSorted((one, two) => one.compare(two))
        .map(String);
      expect(pages.flat()).toEqual(wanted);
      for (const page of pages.slice(0, -1)) expect(page).toHaveLength(most);
    }),
  );
});

test.each([
  [9, 10, 1],
  [10, 10, 1],
  [11, 10, 2],
  [20, 10, 2],
  [21, 10, 3],
])('%i names in pages of %i are %i pages', async (count, most, pages) => {
  const names = Array.from({ length: count }, (_, index) => Buffer.from(String(index)));
  expect(await pagesOf(names, most)).toHaveLength(pages);
});
