/** Which files a mounted folder has, and where it is too much. */
import { expect, test } from 'vitest';
import { contentsOf, folderPathsOf, foldersIn, imageOfFolder } from '../../src/manifest/folders.ts';
import { ok } from '../../src/kit/result.ts';
import { decodeFolder, MAX_FOLDER_BYTES, MAX_FOLDER_FILES } from '../../src/model/folder-image.ts';
import { component, ENVIRONMENT, parse } from './support.ts';

const mount = (path: string): string =>
  `  capabilities: [{name: a, filesystem: {path: ${path}, mountPath: /a}}, {name: b, filesystem: {volume: v, mountPath: /b}}]\n`;

test('two spellings of a folder are one', () => {
  const parsed = parse({
    'environment.yaml': ENVIRONMENT,
    'a.yaml': component('a', mount('mail')),
    'b.yaml': component('b', mount('./mail')),
  });
  expect(folderPathsOf(parsed)).toEqual(['mail']);
});

test('only what is below the folder, and nothing that only begins like it', () => {
  const files = ['mail/a', 'mail/b/c', 'mails/d', 'mail.txt'].map((path) => ({ path, bytes: 1 }));
  const found = foldersIn(files, [], ['mail', 'nowhere', 'mail.txt']);
  expect([...found.keys()]).toEqual(['mail']);
  expect(found.get('mail')).toEqual(ok([files[0], files[1]]));
});

test('a link in it, or in its place, refuses it; one beside it does not', () => {
  const files = [{ path: 'mail/a', bytes: 1 }];
  for (const path of ['mail/l', 'mail']) {
    expect(foldersIn(files, [{ path, kind: 'Symlink' }], ['mail']).get('mail')).toMatchObject({ ok: false });
  }
  expect(foldersIn(files, [{ path: 'mails', kind: 'Symlink' }], ['mail']).get('mail')).toMatchObject({ ok: true });
});

test('files and bytes, at the bound and one beyond', () => {
  const many = Array.from({ length: MAX_FOLDER_FILES + 1 }, (_, index) => ({ path: `d/${index}`, bytes: 0 }));
  expect(foldersIn(many.slice(1), [], ['d']).get('d')).toMatchObject({ ok: true });
  expect(foldersIn(many, [], ['d']).get('d')).toMatchObject({ ok: false });
  for (const [bytes, fits] of [
    [MAX_FOLDER_BYTES, true],
    [MAX_FOLDER_BYTES + 1, false],
  ] as const) {
    expect(foldersIn([{ path: 'd/a', bytes }], [], ['d']).get('d')).toMatchObject({ ok: fits });
  }
});

test('the image has paths from the folder on, and another content is another digest', () => {
  const files = (text: string) => [{ path: 'mail/en/a', bytes: Buffer.from(text) }];
  expect(decodeFolder(imageOfFolder('mail', files('x'))).map(({ path }) => path)).toEqual(['en/a']);
  const digest = (text: string) => {
    const content = contentsOf(new Map([['mail', ok(files(text))]])).get('mail')!;
    return content.ok ? content.value.digest : '';
  };
  expect(digest('x')).toBe(digest('x'));
  expect(digest('x')).not.toBe(digest('y'));
});
