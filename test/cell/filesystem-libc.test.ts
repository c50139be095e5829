/** A C program through wasi-libc and the preview 1 adapter, on a volume: what most compiled languages do underneath. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { ToCell, FromCell } from '../../src/wire/frames.ts';
import { volume } from '../broker/support.ts';
import { bundleOf, type TestBundle } from './kit/bundle.ts';
import { FilesCell } from './kit/files.ts';

const STDOUT = 1;

let bundle: TestBundle;
let cell: FilesCell;
beforeAll(async () => {
  bundle = await bundleOf(readFileSync(new URL('fixtures/libc.wasm', import.meta.url)));
});
afterEach(() => cell.close());

async function run(...args: readonly string[]): Promise<unknown> {
  const { peer } = cell;
  const command = ['libc', ...args];
  peer.writer.json(ToCell.Call, 1, { interface: 'wasi:cli/run@0.2.0', function: 'run', args: [], command });
  const { payload } = await peer.frame(FromCell.CallResult, 1);
  return JSON.parse(payload.toString()) as unknown;
}

test('stdio, seeking, truncation, folders, links, and no way out', async () => {
  cell = await FilesCell.start(bundle, [volume('media')]);
  expect(await run('/media')).toEqual({ exit: 0 });
  expect(cell.peer.log(STDOUT).split('\n')).toEqual([
    'fclose: 0',
    'lines: 2001',
    'last: the end',
    'lseek: 5',
    'read: 4',
    'text: 0',
    'li',
    'pwrite: 4',
    'ftruncate: 0',
    'fsync: 0',
    'fstat: 0',
    'size: 14',
    'mkdir: 0',
    'mkdir again: File exists',
    'rename: 0',
    'symlink: 0',
    'through the link: LINE 0',
    'entries: 2',
    'rmdir: Directory not empty',
    'unlink link: 0',
    'unlink: 0',
    'rmdir: 0',
    'open outside: Capabilities insufficient',
    'open above: Operation not permitted',
    '',
  ]);
});

test('what it writes is on the disk', async () => {
  cell = await FilesCell.start(bundle, [volume('media')]);
  expect(await run('/media', 'only')).toEqual({ exit: 0 });
  const text = readFileSync(cell.place('media', 'notes.txt'), 'utf8');
  expect(text.split('\n')).toHaveLength(2002);
  expect(text).toMatch(/^line 0\nline 1\n[^]*\nline 1999\nthe end\n$/);
});
