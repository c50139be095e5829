import path from 'node:path';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { digestOfBytes, type Digest } from '../../src/kit/digest.ts';
import { ok } from '../../src/kit/result.ts';
import { openShapeReader, type ShapeReader, type ShapeReaderOptions } from '../../src/process/shape-reader.ts';
import { example } from '../component/support.ts';

const silent = pino({ level: 'silent' });
const fixture = (name: string): string => path.join(import.meta.dirname, 'fixtures', name);
const opened: ShapeReader[] = [];
afterEach(() => {
  for (const reader of opened.splice(0)) reader.close();
});

function open(options: Partial<ShapeReaderOptions> = {}) {
  const reader = openShapeReader({ log: silent, ...options });
  opened.push(reader);
  let reads = 0;
  return {
    reads: () => reads,
    async shapeOf(bytes: Uint8Array) {
      const digest: Digest = digestOfBytes(bytes);
      const found = await reader.shapes([digest, digest], async () => {
        reads += 1;
        return ok(bytes);
      });
      return found.get(digest)!;
    },
  };
}

const text = (words: string): Uint8Array => new TextEncoder().encode(words);

describe('the types of components', () => {
  it('are read in a child, once for each content', async () => {
    const { shapeOf, reads } = open();
    const bytes = example('testbed-records');
    for (let round = 0; round < 2; round += 1) {
      const shape = await shapeOf(bytes);
      if (!shape.ok) throw new Error(shape.error.message);
      expect(shape.value.exports.interfaces.map(({ name }) => name)).toEqual(['headway:http/handler@0.1.0']);
    }
    expect(reads()).toBe(1);
  });

  it('are a problem of the component where it is none', async () => {
    const { shapeOf, reads } = open();
    expect(await shapeOf(text('nothing'))).toMatchObject({ ok: false, error: { code: 'HW2102', policy: 'Terminal' } });
    await shapeOf(text('nothing'));
    expect(reads()).toBe(1);
  });

  it.each(['LEAVE', 'SPIN'])('condemn bytes that end two children (%s), and nobody else', async (word) => {
    const { shapeOf, reads } = open({ entry: fixture('moody-shape-child.ts'), deadlineMs: 3_000 });
    expect(await shapeOf(text(word))).toMatchObject({ ok: false, error: { code: 'HW2301', policy: 'Terminal' } });
    await shapeOf(text(word));
    expect(reads()).toBe(1);
    expect((await shapeOf(example('testbed-records'))).ok).toBe(true);
  });

  it('are tried again where no child starts', async () => {
    const { shapeOf, reads } = open({ entry: fixture('stillborn-child.ts') });
    expect(await shapeOf(text('any'))).toMatchObject({ ok: false, error: { code: 'HW2302', policy: 'Retry' } });
    await shapeOf(text('any'));
    expect(reads()).toBe(2);
  });
});
