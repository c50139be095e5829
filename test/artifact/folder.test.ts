/** Artifacts in a folder that anybody may have written to. */
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MAX_LOOSE_FILES, openArtifactFolder } from '../../src/artifact/folder.ts';
import { MAX_ARTIFACT_BYTES } from '../../src/artifact/store.ts';
import { digestOfBytes } from '../../src/kit/digest.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hw-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const bytes = Buffer.from('a component');
const digest = digestOfBytes(bytes);
const blob = (): string => path.join(folder, 'blobs/sha256', digest.slice('sha256:'.length));

it('gives what it was given, and finds it again as an OCI image layout', async () => {
  const store = await openArtifactFolder(folder);
  expect(await store.has(digest)).toBe(false);
  expect(await store.put(bytes)).toEqual({ ok: true, value: digest });
  const again = await (await openArtifactFolder(folder)).read(digest);
  expect(again.ok && Buffer.from(again.value).equals(bytes)).toBe(true);
});

it('believes no name: other bytes, a folder or a link to nowhere under it are not there', async () => {
  const store = await openArtifactFolder(folder);
  await mkdir(path.dirname(blob()), { recursive: true });
  await writeFile(blob(), 'another component');
  expect(await store.read(digest)).toMatchObject({ ok: false, error: { code: 'HW2005' } });
  await rm(blob());
  await mkdir(blob());
  expect(await store.has(digest)).toBe(false);
  await rm(blob(), { recursive: true });
  await symlink('/nowhere', blob());
  expect(await store.has(digest)).toBe(false);
  // A damaged blob is mended by the next fetch.
  await rm(blob());
  await writeFile(blob(), 'another component');
  await store.put(bytes);
  expect(await store.has(digest)).toBe(true);
});

it('knows plain .wasm files by what they hash to, up to their number', async () => {
  const names = Array.from({ length: MAX_LOOSE_FILES + 1 }, (_, index) => `${String(index).padStart(5, '0')}.wasm`);
  for (const name of names) await writeFile(path.join(folder, name), name);
  await writeFile(path.join(folder, '00000.txt'), bytes);
  const store = await openArtifactFolder(folder);
  expect(await store.has(digestOfBytes(Buffer.from(names[MAX_LOOSE_FILES - 1]!)))).toBe(true);
  expect(await store.has(digestOfBytes(Buffer.from(names[MAX_LOOSE_FILES]!)))).toBe(false);
  expect(await store.has(digest)).toBe(false);
});

it.each([
  [MAX_ARTIFACT_BYTES, true],
  [MAX_ARTIFACT_BYTES + 1, false],
])('reads an artifact of %d bytes: %s', async (size, there) => {
  const file = path.join(folder, 'large.wasm');
  await writeFile(file, '');
  await truncate(file, size);
  const store = await openArtifactFolder(folder);
  expect(await store.has(digestOfBytes(Buffer.alloc(size)))).toBe(there);
});

it('without a folder keeps what was put, and a folder that is not there is said', async () => {
  const store = await openArtifactFolder();
  expect(await store.has(digest)).toBe(false);
  await store.put(bytes);
  expect((await store.read(digest)).ok).toBe(true);
  await expect(openArtifactFolder(path.join(folder, 'none'))).rejects.toThrow('ENOENT');
});
