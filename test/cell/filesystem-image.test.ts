/** A folder of the repository in a real cell: function by function, and that nothing of it can be changed. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { encodeFolder, decodeFolder, MAX_FOLDER_FILES } from '../../src/model/folder-image.ts';
import { FromCell, MAX_ASKED_BYTES, type MountAssignment } from '../../src/wire/frames.ts';
import { readDenial } from '../../src/wire/reports.ts';
import { volume } from '../broker/support.ts';
import { exampleBundle, type TestBundle } from './kit/bundle.ts';
import { FilesCell } from './kit/files.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const IMAGE = encodeFolder([
  { path: 'mail/welcome.txt', bytes: bytes('hello') },
  { path: 'a.txt', bytes: new Uint8Array(0) },
  { path: 'mail/deep/er/x', bytes: bytes('x'.repeat(300_000)) },
]);

let files: TestBundle;
let cell: FilesCell;

beforeAll(async () => {
  files = await exampleBundle('testbed-files');
});
afterEach(() => cell.close());

async function start(mount: Partial<MountAssignment> = {}, image = IMAGE, others = false): Promise<void> {
  const bundle = { ...files, files: new Map([...files.files, ['folder-0', image]]) };
  const mounts = [{ mountPath: '/templates', file: 'folder-0', ...mount } as MountAssignment];
  if (others) mounts.push({ mountPath: '/media', volume: 'media', mayWrite: true });
  cell = await FilesCell.start(bundle, others ? [volume('media')] : [], { mounts });
}

/** What the engine was told first of each function. */
function toldOf(reason: string): readonly string[] {
  const told = new Map<string, string>();
  for (const { payload } of cell.peer.frames.filter(({ type }) => type === FromCell.Denied)) {
    const denial = readDenial(payload, 0, payload.length)!;
    expect(denial).toMatchObject({ member: 0, interface: 'wasi:filesystem/types', mount: 0, reason });
    const called = denial.function.replace('descriptor.', '');
    if (!told.has(called)) told.set(called, `${called} ${denial.asked}`);
  }
  return [...told.values()];
}

describe('a folder of the repository', () => {
  test('reads', async () => {
    await start();
    expect(
      await cell.unlike(
        ['mounts', '/templates '],
        ['flags:0', '1'],
        ['list:0', '2 a.txt/regular-file mail/directory'],
        ['open:0:5:mail/welcome.txt:-:r', 'ok'],
        ['flags:5', '1'],
        ['type:5', 'regular-file'],
        ['read:5:3:1', 'ell'],
        ['read:5:100:1', 'ello (end)'],
        ['read:5:1:99', ' (end)'],
        ['stat:5', 'regular-file links 1 size 5 without times'],
        ['stat:0', 'directory links 1 size 0 without times'],
        ['stat-at:0:mail/deep/../welcome.txt', 'regular-file links 1 size 5 without times'],
        ['open:0:6:mail:d:r', 'ok'],
        ['list:6', '2 deep/directory welcome.txt/regular-file'],
        ['open:6:7:./welcome.txt:-:r', 'ok'],
        ['same:5:7', 'same'],
        ['same:5:6', 'different'],
        ['read-stream:7:0:2', 'ok'],
        ['take:0:2', 'll'],
        ['skip:0:9', '1'],
        ['take:0:2', 'closed'],
        ['open:0:8:mail/deep/er/x:-:r', 'ok'],
        ['read-stream:8:1:0', 'ok'],
        ['drain:1', '300000 closed'],
        ['advise:5:1', 'ok'],
        ['sync:5', 'ok'],
        ['sync-data:5', 'ok'],
        ['readlink:0:a.txt', 'invalid'],
      ),
    ).toEqual([]);
    const [own, at, other] = await cell.run(['hash:5', 'hash-at:0:mail/welcome.txt', 'hash:8']);
    expect(at).toBe(own);
    expect(other).not.toBe(own);
  });

  test('errors of paths', async () => {
    await start();
    expect(
      await cell.unlike(
        ['open:0:5:nope:-:r', 'no-entry'],
        ['open:0:5:mail/nope/x:-:r', 'no-entry'],
        ['open:0:5:a.txt/x:-:r', 'not-directory'],
        ['open:0:5:a.txt/:-:r', 'not-directory'],
        ['open:0:5:a.txt:d:r', 'not-directory'],
        ['open:0:5:..:-:r', 'not-permitted'],
        ['open:0:5:mail/../../x:-:r', 'not-permitted'],
        ['open:0:5:/a.txt:-:r', 'not-permitted'],
        ['open:0:5::-:r', 'no-entry'],
        ['open:0:5:mail:-:r', 'ok'],
        ['open:5:6:../a.txt:-:r', 'not-permitted'],
        ['read:5:1:0', 'is-directory'],
        ['read-stream:5:0:0', 'is-directory'],
        ['open:0:7:a.txt:-:-', 'ok'],
        ['read:7:1:0', 'bad-descriptor'],
        ['read-stream:7:0:0', 'bad-descriptor'],
        ['list:7', 'not-directory'],
        ['open:0:8:a.txt:-:rf', 'unsupported'],
        ['open:0:8:__proto__:-:r', 'no-entry'],
      ),
    ).toEqual([]);
  });

  test('everything that writes is read-only, and told once a second', async () => {
    await start();
    const writes = [
      ['open:0:5:a.txt:-:rw', 'read-only'],
      ['open:0:5:b:c:r', 'read-only'],
      ['open:0:5:a.txt:t:r', 'read-only'],
      ['open:0:5:mail:d:rm', 'read-only'],
      ['open:0:6:a.txt:-:r', 'ok'],
      ['write:6:0:x', 'read-only'],
      ['size:6:0', 'read-only'],
      ['touch:6', 'read-only'],
      ['times-at:0:a.txt:1:1', 'read-only'],
      ['mkdir:0:x', 'read-only'],
      ['rmdir:0:mail', 'read-only'],
      ['unlink:0:a.txt', 'read-only'],
      ['rename:0:a.txt:0:b', 'read-only'],
      ['link:0:a.txt:0:b', 'read-only'],
      ['symlink:0:a.txt:b', 'read-only'],
      ['write-stream:6:0:0', 'read-only'],
      ['append-stream:6:0', 'read-only'],
    ] as const;
    expect(await cell.unlike(...writes)).toEqual([]);
    // A function has one line for the second, of what it was called with first.
    expect(toldOf('a folder of the repository is read-only')).toEqual([
      'open-at /templates/a.txt to write',
      'write /templates/a.txt',
      'set-size /templates/a.txt',
      'set-times /templates/a.txt',
      'set-times-at /templates/a.txt',
      'create-directory-at /templates/x',
      'remove-directory-at /templates/mail',
      'unlink-file-at /templates/a.txt',
      'rename-at /templates/a.txt to /templates/b',
      'link-at /templates/a.txt as /templates/b',
      'symlink-at /templates/b leading to a.txt',
      'write-via-stream /templates/a.txt',
      'append-via-stream /templates/a.txt',
    ]);
  });

  test.each([
    ['a path in other words', 'open:0:5:mail/../new:c:rw', 'open-at /templates/mail/../new to create, write'],
    ['truncation', 'open:0:5:a.txt:t:r', 'open-at /templates/a.txt to truncate'],
    ['a folder', 'open:0:5:mail:d:rm', 'open-at /templates/mail to change its entries'],
    [
      'a path that is cut',
      `mkdir:0:${'é'.repeat(1_000)}`,
      `create-directory-at /templates/${'é'.repeat((MAX_ASKED_BYTES - 12) / 2)}`,
    ],
  ])('%s is told as what it is', async (_what, command, told) => {
    await start();
    expect(await cell.unlike([command, 'read-only'])).toEqual([]);
    expect(toldOf('a folder of the repository is read-only')).toEqual([told]);
  });

  test('below a folder that the guest has opened the whole path is told, and so is another mount', async () => {
    await start({}, IMAGE, true);
    expect(
      await cell.unlike(
        ['open:0:5:mail:d:r', 'ok'],
        ['unlink:5:deep/er/x', 'read-only'],
        ['rename:5:welcome.txt:1:mine', 'read-only'],
      ),
    ).toEqual([]);
    expect(toldOf('a folder of the repository is read-only')).toEqual([
      'unlink-file-at /templates/mail/deep/er/x',
      'rename-at /templates/mail/welcome.txt to mine of another mount',
    ]);
  });

  test('beside a volume: each is another device', async () => {
    await start({}, IMAGE, true);
    expect(
      await cell.unlike(
        ['mounts', '/templates /media '],
        ['open:1:5:a:c:rw', 'ok'],
        ['rename:1:a:0:a', 'cross-device'],
        ['link:1:a:0:a', 'cross-device'],
        ['same:0:1', 'different'],
        ['open:0:6:mail/welcome.txt:-:r', 'ok'],
        ['read-stream:6:0:0', 'ok'],
        ['write-stream:5:1:0', 'ok'],
        ['splice:1:0:99', '5'],
        ['flush:1', 'waited'],
        ['read:5:9:0', 'hello (end)'],
      ),
    ).toEqual([]);
  });

  test('a grant that has expired', async () => {
    await start({ expiresAtWallMs: Date.now() - 1 });
    expect(await cell.unlike(['open:0:5:a.txt:-:r', 'access'], ['list:0', 'access'], ['stat:0', 'access'])).toEqual([]);
  });

  test('what is no image is no folder', async () => {
    await start();
    await expect(start({}, bytes('something else'))).rejects.toThrow('not the image of a folder');
  });

  test('images: the same files are the same bytes, and too many are refused', async () => {
    await start();
    const list = [...decodeFolder(IMAGE)];
    expect(Buffer.from(encodeFolder(list.toReversed()))).toEqual(Buffer.from(IMAGE));
    const many = Array.from({ length: MAX_FOLDER_FILES + 1 }, (_, index) => ({ path: `${index}`, bytes: bytes('') }));
    expect(decodeFolder(encodeFolder(many.slice(1)))).toHaveLength(MAX_FOLDER_FILES);
    expect(() => encodeFolder(many)).toThrow(RangeError);
  });
});
