import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openContentStore, type ContentStoreOptions } from '../../src/artifact/store.ts';
import { digestOfBytes, type Digest } from '../../src/kit/digest.ts';
import { contentPath } from '../../src/model/content.ts';

const log = pino({ level: 'silent' });
const bytes = (length: number, fill = 7): Uint8Array => new Uint8Array(length).fill(fill);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'headway-store-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const openStore = (more: Partial<ContentStoreOptions> = {}) =>
  openContentStore({ folder, maxBytes: 1_000, log, graceMs: 0, ...more });
const fileOf = (digest: Digest): string => path.join(folder, contentPath(digest));

async function put(store: ReturnType<typeof openStore>, content: Uint8Array): Promise<Digest> {
  const stored = await store.put(content);
  if (!stored.ok) throw new Error(stored.error.message);
  return stored.value;
}

/** Makes a file look `minutes` old, the way the collector sees it. */
function age(digest: Digest, minutes: number): void {
  const then = new Date(Date.now() - minutes * 60_000);
  utimesSync(fileOf(digest), then, then);
}

describe('content by its hash', () => {
  test('what is put is read back under its digest, by a store that is opened anew too', async () => {
    const digest = await put(openStore(), bytes(10));
    expect(digest).toBe(digestOfBytes(bytes(10)));
    const again = openStore();
    expect(await again.has(digest)).toBe(true);
    expect(await again.read(digest)).toEqual({ ok: true, value: Buffer.from(bytes(10)) });
  });

  test('the same content twice is one file', async () => {
    const store = openStore();
    await Promise.all([put(store, bytes(10)), put(store, bytes(10))]);
    await put(store, bytes(10));
    expect(readdirSync(path.join(folder, 'sha256'))).toHaveLength(1);
    expect(readdirSync(path.join(folder, 'tmp'))).toEqual([]);
  });

  test('empty content is content', async () => {
    const store = openStore();
    const digest = await put(store, bytes(0));
    expect(await store.read(digest)).toMatchObject({ ok: true });
  });

  test('what is not there is said so', async () => {
    const store = openStore();
    const absent = digestOfBytes(bytes(3));
    expect(await store.has(absent)).toBe(false);
    expect(await store.read(absent)).toMatchObject({ ok: false, error: { code: 'HW2005', policy: 'Retry' } });
  });

  test.each(['sha256:../../../../etc/passwd', '../etc/passwd', '', `sha256:${'A'.repeat(64)}`, 'sha256:12'])(
    'a name that is no digest (%j) reaches no file',
    async (name) => {
      const store = openStore();
      expect(await store.has(name as Digest)).toBe(false);
      expect(await store.read(name as Digest)).toMatchObject({ ok: false, error: { code: 'HW2005' } });
    },
  );
});

describe('A1: damage is seen at the read', () => {
  const damages: [string, (file: string) => void][] = [
    ['a flipped bit', (file) => writeFileSync(file, bytes(10, 6))],
    ['a cut file', (file) => writeFileSync(file, bytes(9))],
    ['an empty file', (file) => writeFileSync(file, '')],
    ['a file longer than any artifact', (file) => writeFileSync(file, bytes(101))],
  ];
  test.each(damages)('%s is refused, dropped, and mended by the next put', async (_what, damage) => {
    const store = openStore({ maxArtifactBytes: 100 });
    const digest = await put(store, bytes(10));
    damage(fileOf(digest));
    expect(await store.read(digest)).toMatchObject({ ok: false, error: { code: 'HW2003', policy: 'Retry' } });
    expect(await store.has(digest)).toBe(false);
    await put(store, bytes(10));
    expect(await store.read(digest)).toMatchObject({ ok: true });
  });

  test('a put over a damaged file that nobody has read yet mends it', async () => {
    const store = openStore();
    const digest = await put(store, bytes(10));
    writeFileSync(fileOf(digest), 'damaged');
    await put(store, bytes(10));
    expect(readFileSync(fileOf(digest))).toEqual(Buffer.from(bytes(10)));
  });
});

describe('A2: complete or not at all', () => {
  test('what a crash left half-written is cleared at the next start and never has a name', async () => {
    openStore();
    writeFileSync(path.join(folder, 'tmp', 'half'), 'half');
    openStore();
    expect(readdirSync(path.join(folder, 'tmp'))).toEqual([]);
  });

  test('a folder that cannot be written is a problem, not a throw', async () => {
    const store = openStore();
    rmSync(path.join(folder, 'tmp'), { recursive: true });
    writeFileSync(path.join(folder, 'tmp'), 'a file where the folder was');
    expect(await store.put(bytes(10))).toMatchObject({ ok: false, error: { code: 'HW2004', policy: 'Retry' } });
    expect(await store.has(digestOfBytes(bytes(10)))).toBe(false);
  });

  test('files are for this user only', async () => {
    const digest = await put(openStore(), bytes(10));
    expect(statSync(fileOf(digest)).mode & 0o077).toBe(0);
  });
});

describe('A3: the collector', () => {
  test('removes the oldest first, only until the store is within its size', async () => {
    const roomy = openStore({ maxBytes: 10_000 });
    const digests: Digest[] = [];
    for (let index = 0; index < 5; index += 1) {
      const digest = await put(roomy, bytes(300, index));
      age(digest, 50 - index);
      digests.push(digest);
    }
    const store = openStore({ maxBytes: 1_000 });
    await store.collect(new Set([digests[0]!]));
    expect(await Promise.all(digests.map((digest) => store.has(digest)))).toEqual([true, false, false, true, true]);
  });

  test('never touches what is kept, over its size or not', async () => {
    const digest = await put(openStore(), bytes(900));
    const store = openStore({ maxBytes: 100 });
    age(digest, 60);
    await store.collect(new Set([digest]));
    expect(await store.has(digest)).toBe(true);
    await store.collect(new Set());
    expect(await store.has(digest)).toBe(false);
  });

  test('spares what was stored or put again within the grace', async () => {
    const roomy = openStore({ maxBytes: 10_000 });
    const [old, refreshed, fresh] = await Promise.all([1, 2, 3].map((fill) => put(roomy, bytes(300, fill))));
    for (const digest of [old!, refreshed!]) age(digest, 60);
    await put(roomy, bytes(300, 2));
    const store = openStore({ maxBytes: 100, graceMs: 60_000 });
    await store.collect(new Set());
    expect(await Promise.all([old!, refreshed!, fresh!].map((digest) => store.has(digest)))).toEqual([
      false,
      true,
      true,
    ]);
  });

  test('makes room for what did not fit', async () => {
    const store = openStore({ maxBytes: 500 });
    const first = await put(store, bytes(400, 1));
    expect(await store.put(bytes(400, 2))).toMatchObject({ ok: false, error: { code: 'HW2006', policy: 'Waiting' } });
    age(first, 60);
    await store.collect(new Set());
    expect(await store.has(first)).toBe(false);
    expect(await store.put(bytes(400, 2))).toMatchObject({ ok: true });
  });

  test('removes nothing while the store is within its size and nobody lacked room', async () => {
    const store = openStore({ maxBytes: 500 });
    const digest = await put(store, bytes(400, 1));
    age(digest, 60);
    await store.collect(new Set());
    expect(await store.has(digest)).toBe(true);
  });
});

describe('A4: bounds', () => {
  test('one artifact: N fits, N + 1 does not', async () => {
    const store = openStore({ maxArtifactBytes: 100 });
    expect(await store.put(bytes(100))).toMatchObject({ ok: true });
    expect(await store.put(bytes(101))).toMatchObject({ ok: false, error: { code: 'HW2002', policy: 'Terminal' } });
  });

  test('the whole store: N fits, N + 1 does not, what is there already costs nothing', async () => {
    const store = openStore({ maxBytes: 100 });
    await put(store, bytes(60, 1));
    expect(await store.put(bytes(41, 2))).toMatchObject({ ok: false, error: { code: 'HW2006' } });
    expect(await store.put(bytes(40, 3))).toMatchObject({ ok: true });
    expect(await store.put(bytes(60, 1))).toMatchObject({ ok: true });
  });
});
