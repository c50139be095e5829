/** `wasi:filesystem` of a real cell against a real broker, function by function, errors included. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DEFAULT_FILES } from '../../src/model/limits.ts';
import { REQUEST_IS_MIRRORED } from '../../src/wire/frames.ts';
import { TestBroker, volume } from '../broker/support.ts';
import { SWAPS } from '../support/swaps.ts';
import { exampleBundle, type TestBundle } from './kit/bundle.ts';
import { FilesCell } from './kit/files.ts';

const BUILTIN_WIT = new URL('../../node_modules/@bytecodealliance/jco/lib/wit/builtin/0.2.12/', import.meta.url);

let bundle: TestBundle;
let cell: FilesCell;

beforeAll(async () => {
  bundle = await exampleBundle('testbed-files');
});
afterEach(() => cell.close());

test('the guest calls every function of the package', async () => {
  cell = await FilesCell.start(bundle, []);
  const wit = readFileSync(new URL('wasi-filesystem/package.wit', BUILTIN_WIT), 'utf8');
  const guest = readFileSync(new URL('../../examples/c/filesystem.h', import.meta.url), 'utf8');
  const functions = [...wit.matchAll(/^\s+([a-z-]+): func\(/gm)].map(([, name]) => name!);
  expect(functions).toHaveLength(30);
  expect(functions.filter((name) => !new RegExp(`[".]${name}"`).test(guest))).toEqual([]);
});

describe('functions on a volume', () => {
  beforeEach(async () => {
    cell = await FilesCell.start(bundle, [volume('media'), volume('other')]);
  });

  test('preopens, get-type and get-flags', async () => {
    expect(
      await cell.unlike(
        ['mounts', '/media /other '],
        ['type:0', 'directory'],
        ['flags:0', '33'],
        ['open:0:5:a:c:rw', 'ok'],
        ['type:5', 'regular-file'],
        ['flags:5', '3'],
      ),
    ).toEqual([]);
  });

  test('open-at', async () => {
    expect(
      await cell.unlike(
        ['open:0:5:a:-:r', 'no-entry'],
        ['open:0:5:a:c:rw', 'ok'],
        ['open:0:6:a:cx:rw', 'exist'],
        ['open:0:6:a:c:rw', 'ok'],
        ['open:0:6:a:d:r', 'not-directory'],
        ['open:0:6:a/:-:r', 'not-directory'],
        ['open:0:6:a/b:-:r', 'not-directory'],
        ['open:5:6:b:-:r', 'not-directory'],
        ['open:0:6:.:c:r', 'is-directory'],
        ['open:0:6:b:cd:r', 'invalid'],
        ['open:0:6:.:-:w', 'is-directory'],
        ['open:0:6::-:r', 'no-entry'],
        ['open:0:6:a:-:f', 'unsupported'],
        ['write:5:0:hello', '5'],
        ['open:0:6:a:t:rw', 'ok'],
        ['stat:5', /^regular-file links 1 size 0 modified \d+$/],
        ['mkdir:0:d', 'ok'],
        ['open:0:7:d:d:r', 'ok'],
        ['open:7:8:x:c:w', 'read-only'],
        ['open:0:7:d:d:rm', 'ok'],
        ['open:7:8:x:c:w', 'ok'],
        ['open:0:9:d/x:-:r', 'ok'],
        ['same:8:9', 'same'],
        ['same:8:5', 'different'],
        ['open:0:10:.:d:r', 'ok'],
        ['same:0:10', 'same'],
        ['same:0:1', 'different'],
      ),
    ).toEqual([]);
  });

  test('read and write', async () => {
    expect(
      await cell.unlike(
        ['open:0:5:a:c:rw', 'ok'],
        ['write:5:0:hello', '5'],
        ['write:5:7:world', '5'],
        ['read:5:100:0', 'hello\0\0world (end)'],
        ['read:5:5:0', 'hello'],
        ['read:5:5:12', ' (end)'],
        ['read:5:5:99', ' (end)'],
        ['open:0:6:a:-:r', 'ok'],
        ['write:6:0:x', 'bad-descriptor'],
        ['open:0:7:a:-:w', 'ok'],
        ['read:7:5:0', 'bad-descriptor'],
        ['read:0:5:0', 'is-directory'],
        ['write:0:0:x', 'is-directory'],
        ['write:5:9223372036854775800:x', 'invalid'],
        ['write:5:9007199254740990:xx', 'file-too-large'],
      ),
    ).toEqual([]);
  });

  test('stat, stat-at, set-size, set-times, set-times-at', async () => {
    expect(
      await cell.unlike(
        ['open:0:5:a:c:rw', 'ok'],
        ['size:5:1000', 'ok'],
        ['stat-at:0:a', /^regular-file links 1 size 1000 modified \d+$/],
        ['size:5:10', 'ok'],
        ['stat:5', /^regular-file links 1 size 10 modified \d+$/],
        ['size:0:10', 'is-directory'],
        ['times:5:1000000000', 'ok'],
        ['stat:5', 'regular-file links 1 size 10 modified 1000000000'],
        ['touch:5', 'ok'],
        ['stat:5', /modified 1[7-9]\d{8}$/],
        ['times-at:0:a:1500000000:1600000000', 'ok'],
        ['stat-at:0:a', 'regular-file links 1 size 10 modified 1600000000'],
        ['times-at:0:nope:1:1', 'no-entry'],
        ['stat-at:0:nope', 'no-entry'],
        ['stat-at:5:a', 'not-directory'],
        ['stat:0', /^directory links 2 size \d+ modified \d+$/],
        ['open:0:6:a:-:r', 'ok'],
        ['size:6:0', 'bad-descriptor'],
        ['times:6:1', 'bad-descriptor'],
      ),
    ).toEqual([]);
  });

  test('folders: create-directory-at, read-directory, remove-directory-at', async () => {
    expect(
      await cell.unlike(
        ['list:0', '0'],
        ['mkdir:0:d', 'ok'],
        ['mkdir:0:d', 'exist'],
        ['mkdir:0:.', 'exist'],
        ['mkdir:0:x/y', 'no-entry'],
        ['open:0:5:d/a:c:w', 'ok'],
        ['symlink:0:d:l', 'ok'],
        ['list:0', '2 d/directory l/symbolic-link'],
        ['rmdir:0:d', 'not-empty'],
        ['rmdir:0:l', 'not-directory'],
        ['rmdir:0:d/a', 'not-directory'],
        ['rmdir:0:.', 'invalid'],
        ['unlink:0:d/a', 'ok'],
        ['rmdir:0:d', 'ok'],
        ['rmdir:0:d', 'no-entry'],
        ['list:5', 'not-directory'],
        ['list:0', '1 l/symbolic-link'],
      ),
    ).toEqual([]);
  });

  test('a listing over several pages has each name once', async () => {
    await cell.close();
    cell = await FilesCell.start(bundle, [volume('media', { maxFiles: 5000 })]);
    for (let start = 0; start < 2400; start += 200) {
      const commands = Array.from({ length: 200 }, (_, index) => `mkdir:0:n${start + index}`);
      expect(new Set(await cell.run(commands))).toEqual(new Set(['ok']));
    }
    expect((await cell.run(['list:0']))[0]).toMatch(/^2400 n0\/directory n1\/directory n10\/directory/);
  });

  test('names: rename-at, link-at, symlink-at, readlink-at, unlink-file-at', async () => {
    expect(
      await cell.unlike(
        ['open:0:5:a:c:rw', 'ok'],
        ['write:5:0:hello', '5'],
        ['link:0:a:0:b', 'ok'],
        ['link:0:a:0:b', 'exist'],
        ['link:0:nope:0:c', 'no-entry'],
        ['link-follow:0:a:0:c', 'invalid'],
        ['stat:5', /links 2 size 5/],
        ['mkdir:0:d', 'ok'],
        ['link:0:d:0:e', 'not-permitted'],
        ['link:0:a:1:a', 'cross-device'],
        ['rename:0:a:1:a', 'cross-device'],
        ['rename:0:a:0:d/a', 'ok'],
        ['rename:0:nope:0:x', 'no-entry'],
        ['rename:0:d:0:d/x', 'invalid'],
        ['rename:0:b:0:d', 'is-directory'],
        ['rename:0:d:0:b', 'not-directory'],
        ['rename:0:.:0:x', 'busy'],
        ['symlink:0:d/a:l', 'ok'],
        ['symlink:0:d/a:l', 'exist'],
        ['readlink:0:l', 'd/a'],
        ['readlink:0:d', 'invalid'],
        ['readlink:0:nope', 'no-entry'],
        ['lstat-at:0:l', /^symbolic-link links 1 size 3/],
        ['stat-at:0:l', /^regular-file links 2 size 5/],
        ['open-link:0:6:l:-:r', 'loop'],
        ['open:0:6:l:-:r', 'ok'],
        ['same:5:6', 'same'],
        ['unlink:0:l', 'ok'],
        ['unlink:0:d', 'is-directory'],
        ['unlink:0:b', 'ok'],
        ['unlink:0:b', 'no-entry'],
        ['unlink:0:d/a', 'ok'],
        ['read:5:5:0', 'hello'],
        ['stat:5', /links 0 size 5/],
      ),
    ).toEqual([]);
  });

  test('advise, sync, sync-data, metadata-hash, metadata-hash-at', async () => {
    expect(
      await cell.unlike(
        ['open:0:5:a:c:rw', 'ok'],
        ['advise:5:3', 'ok'],
        ['advise:0:3', 'bad-descriptor'],
        ['sync:5', 'ok'],
        ['sync-data:5', 'ok'],
        ['sync:0', 'ok'],
        ['sync-data:0', 'ok'],
        ['hash-at:0:nope', 'no-entry'],
      ),
    ).toEqual([]);
    const [before, again, at, written, after] = await cell.run([
      'hash:5',
      'hash:5',
      'hash-at:0:a',
      'write:5:0:x',
      'hash:5',
    ]);
    expect([again, at, written]).toEqual([before, before, '1']);
    expect(after).not.toBe(before);
  });

  test('streams: read, skip, write, append, flush, splice', async () => {
    expect(
      await cell.unlike(
        ['open:0:5:a:c:rw', 'ok'],
        ['write-stream:5:0:3', 'ok'],
        ['put:0:hello', 'ok'],
        ['put:0:!', 'ok'],
        ['read:5:100:0', '\0\0\0hello! (end)'],
        ['append-stream:5:1', 'ok'],
        ['put:1:more', 'ok'],
        ['put:0:?', 'ok'],
        ['read:5:100:3', 'hello!?ore (end)'],
        ['read-stream:5:2:3', 'ok'],
        ['take:2:5', 'hello'],
        ['skip:2:2', '2'],
        ['take:2:100', 'ore'],
        ['take:2:100', 'closed'],
        ['read-stream:5:3:99', 'ok'],
        ['take:3:1', 'closed'],
        ['read-stream:5:4:3', 'ok'],
        ['splice:0:4:5', '5'],
        ['flush:0', 'waited'],
        ['read:5:100:10', 'hello (end)'],
        ['drop-input:4', 'ok'],
        ['drop-output:0', 'ok'],
        ['read-stream:0:6:0', 'is-directory'],
        ['write-stream:0:6:0', 'is-directory'],
        ['append-stream:0:6', 'is-directory'],
        ['open:0:7:a:-:r', 'ok'],
        ['write-stream:7:6:0', 'bad-descriptor'],
        ['open:0:7:a:-:w', 'ok'],
        ['read-stream:7:6:0', 'bad-descriptor'],
      ),
    ).toEqual([]);
  });

  test('streams carry more than their credit, and go on when the descriptor is dropped', async () => {
    expect(
      await cell.unlike(
        ['open:0:5:a:c:rw', 'ok'],
        ['append-stream:5:0', 'ok'],
        ['flood:0:50', 'ok'],
        ['read-stream:5:1:1000', 'ok'],
        ['close:5', 'ok'],
        ['drain:1', `${50 * 65536 - 1000} closed`],
        ['put:0:end', 'ok'],
        ['stat-at:0:a', new RegExp(`size ${50 * 65536 + 3} `)],
      ),
    ).toEqual([]);
  });

  test('what is there stays, and handles of an earlier broker are unknown to the next', async () => {
    await cell.run(['open:0:5:a:c:rw', 'write:5:0:kept', 'write-stream:5:0:0']);
    // The old one reads no more, and there is another.
    cell.peer.brokerEnd.removeAllListeners('data');
    cell.attach();
    expect(
      await cell.unlike(
        ['read:5:4:0', 'bad-descriptor'],
        ['put:0:x', 'failed io'],
        ['open:0:6:a:-:r', 'ok'],
        ['read:6:4:0', 'kept'],
      ),
    ).toEqual([]);
  });
});

describe('grants', () => {
  test('ReadOnly: everything that writes is denied and told', async () => {
    cell = await FilesCell.start(bundle, [volume('media')]);
    await cell.run(['open:0:5:a:c:rw', 'write:5:0:hello', 'mkdir:0:d', 'symlink:0:a:l']);
    await cell.peer.close();
    cell.broker.records();
    cell = await FilesCell.start(bundle, [volume('media', { access: 'ReadOnly' })], {}, cell.broker);
    expect(
      await cell.unlike(
        ['flags:0', '1'],
        ['open:0:5:a:-:r', 'ok'],
        ['read:5:5:0', 'hello'],
        ['open:0:6:a:-:rw', 'read-only'],
        ['open:0:6:b:c:r', 'read-only'],
        ['open:0:6:a:t:r', 'read-only'],
        ['open:0:6:d:d:rm', 'read-only'],
        ['write:5:0:x', 'read-only'],
        ['size:5:0', 'read-only'],
        ['times:5:1', 'read-only'],
        ['times-at:0:a:1:1', 'read-only'],
        ['mkdir:0:e', 'read-only'],
        ['rmdir:0:d', 'read-only'],
        ['unlink:0:a', 'read-only'],
        ['symlink:0:a:b', 'read-only'],
        ['link:0:a:0:b', 'read-only'],
        ['rename:0:a:0:b', 'read-only'],
        ['write-stream:5:0:0', 'bad-descriptor'],
        ['readlink:0:l', 'a'],
        ['list:0', '3 a/regular-file d/directory l/symbolic-link'],
      ),
    ).toEqual([]);
    const records = cell.broker.records();
    expect(records).toContain('Allowed media open-at media ×1');
    expect(records).toContain('Denied media create-directory-at media/e ×1: the grant is ReadOnly');
    expect(records).toContain('Denied media open-at media/b ×1: the grant is ReadOnly');
  });

  test('enforcement Audit lets through and counts; a Policy that enforces still denies', async () => {
    const audited = volume('media', { access: 'ReadOnly' }, { enforcement: 'Audit' });
    cell = await FilesCell.start(bundle, [audited]);
    expect(await cell.unlike(['open:0:5:a:c:rw', 'ok'], ['write:5:0:x', '1'])).toEqual([]);
    expect(cell.broker.records()).toContain('Audited media write media ×1: the grant is ReadOnly');
    const ceiling = { name: 'c', capability: 'filesystem', settings: { volumes: ['media'], access: 'ReadOnly' } };
    cell.broker.broker.grant({
      ceilings: [{ policy: 'low', namespaces: ['shop'], enforcement: 'Enforce', capabilities: [ceiling] }],
      groups: [],
    });
    // A descriptor that could write before cannot any more.
    expect(await cell.unlike(['write:5:0:y', 'read-only'], ['read:5:1:0', 'x'])).toEqual([]);
    expect(cell.broker.records()).toContain('Denied media write media ×1: beyond the capabilities of Policy low');
  });

  test('a grant that has expired, and a volume that no grant names', async () => {
    cell = await FilesCell.start(bundle, [volume('media', {}, { expireTime: '2026-11-28T12:00:01Z' })]);
    expect(await cell.unlike(['mkdir:0:d', 'ok'])).toEqual([]);
    cell.broker.wallMs += 2_000;
    expect(await cell.unlike(['list:0', 'access'], ['mkdir:0:e', 'access'])).toEqual([]);
    // Only the cell's own assignment names it: the broker knows what git granted.
    await cell.peer.close();
    const mounts = [{ mountPath: '/x', volume: 'secrets', mayWrite: true }];
    cell = await FilesCell.start(bundle, [volume('media')], { mounts }, cell.broker);
    expect(await cell.unlike(['list:0', 'access'], ['open:0:5:a:c:w', 'access'])).toEqual([]);
    expect(existsSync(cell.place('secrets'))).toBe(false);
  });

  test('a mirrored call changes nothing, also through what an earlier call has opened', async () => {
    cell = await FilesCell.start(bundle, [volume('media')]);
    await cell.run(['open:0:5:a:c:rw', 'write:5:0:kept', 'write-stream:5:0:0']);
    expect(
      await cell.run(['read:5:4:0', 'write:5:0:x', 'put:0:x', 'unlink:0:a', 'open:0:6:b:c:w'], REQUEST_IS_MIRRORED),
    ).toEqual(['kept', 'read-only', 'failed read-only', 'read-only', 'read-only']);
    expect(await cell.unlike(['read:5:9:0', 'kept (end)'], ['list:0', '1 a/regular-file'])).toEqual([]);
  });

  test('without a grant there is no folder', async () => {
    cell = await FilesCell.start(bundle, []);
    expect(await cell.unlike(['mounts', ''])).toEqual([]);
  });
});

describe('quotas', () => {
  test('bytes, at the quota and one beyond; what is gone makes room', async () => {
    cell = await FilesCell.start(bundle, [volume('media', { maxSize: 100_000, maxFiles: 10 })]);
    expect(
      await cell.unlike(
        ['open:0:5:a:c:rw', 'ok'],
        ['size:5:100000', 'ok'],
        ['size:5:100001', 'quota'],
        ['write:5:99999:xx', 'quota'],
        ['write:5:99999:x', '1'],
        ['append-stream:5:0', 'ok'],
        ['put:0:x', 'failed quota'],
        ['symlink:0:x:l', 'quota'],
        ['open:0:6:b:c:rw', 'ok'],
        ['write:6:0:x', 'quota'],
        ['size:5:50000', 'ok'],
        ['write:6:49999:x', '1'],
        ['write:6:50000:x', 'quota'],
        // A file without a name counts as long as somebody has it open.
        ['unlink:0:a', 'ok'],
        ['write:6:50000:x', 'quota'],
        ['close:5', 'ok'],
        ['write:6:50000:x', '1'],
      ),
    ).toEqual([]);
  });

  test('files, at the quota and one beyond', async () => {
    cell = await FilesCell.start(bundle, [volume('media', { maxFiles: 4 })]);
    expect(
      await cell.unlike(
        ['open:0:5:a:c:rw', 'ok'],
        ['mkdir:0:d', 'ok'],
        ['symlink:0:a:l', 'ok'],
        ['link:0:a:0:d/b', 'ok'],
        ['open:0:6:c:c:rw', 'quota'],
        ['mkdir:0:e', 'quota'],
        ['symlink:0:a:m', 'quota'],
        ['link:0:a:0:c', 'quota'],
        // It is there already.
        ['open:0:6:a:c:r', 'ok'],
        ['rename:0:l:0:d/b', 'ok'],
        ['mkdir:0:e', 'ok'],
      ),
    ).toEqual([]);
  });

  test('a broker that starts counts what is there', async () => {
    cell = await FilesCell.start(bundle, [volume('media', { maxSize: 1000 })]);
    await cell.run(['mkdir:0:d', 'open:0:5:d/a:c:rw', 'size:5:900', 'link:0:d/a:0:b']);
    await cell.peer.close();
    const again = new TestBroker({ volumesFolder: path.join(cell.broker.folder, 'volumes') });
    cell = await FilesCell.start(bundle, [volume('media', { maxSize: 1000, maxFiles: 4 })], {}, again);
    expect(
      await cell.unlike(
        ['open:0:5:c:c:rw', 'ok'],
        ['size:5:101', 'quota'],
        ['size:5:100', 'ok'],
        ['mkdir:0:e', 'quota'],
      ),
    ).toEqual([]);
  });

  test('folders that were moved into each other are counted however deep they are', async () => {
    cell = await FilesCell.start(bundle, [volume('media', { maxFiles: 1000 })], { handles: 10_000 });
    const chain = (folders: number): string => Array.from({ length: folders }, () => 'a').join('/');
    const LENGTH = 120;
    for (let round = 0; round < 5; round++) {
      const made = Array.from({ length: LENGTH }, (_, index) => `mkdir:0:${chain(index + 1)}`);
      const moved = round === 0 ? ['rename:0:a:0:b'] : [`rename:0:b:0:${chain(LENGTH)}/b`, 'rename:0:a:0:b'];
      expect(new Set([...(await cell.run(made)), ...(await cell.run(moved))])).toEqual(new Set(['ok']));
    }
    await cell.peer.close();
    const again = new TestBroker({ volumesFolder: path.join(cell.broker.folder, 'volumes') });
    cell = await FilesCell.start(bundle, [volume('media', { maxFiles: 5 * LENGTH + 1 })], {}, again);
    expect(await cell.unlike(['mkdir:0:c', 'ok'], ['mkdir:0:d', 'quota'], ['list:0', /^2 b/])).toEqual([]);
    expect(again.failures).toEqual([]);
  });

  test('handles, at the bound and one beyond', async () => {
    cell = await FilesCell.start(bundle, [volume('media')], { handles: 10_000 });
    const opens = Array.from({ length: DEFAULT_FILES }, () => 'open:0:5:.:d:r');
    const answers = [];
    for (let at = 0; at < opens.length; at += 128) answers.push(...(await cell.run(opens.slice(at, at + 128))));
    expect(new Set(answers)).toEqual(new Set(['ok']));
    expect(
      await cell.unlike(['open:0:6:.:d:r', 'insufficient-memory'], ['close:5', 'ok'], ['open:0:6:.:d:r', 'ok']),
    ).toEqual([]);
    expect(cell.broker.broker.drainLimits()).toMatchObject([{ name: 'files', count: 1 }]);
  });
});

describe('no way out', () => {
  beforeEach(async () => {
    cell = await FilesCell.start(bundle, [volume('media'), volume('other')], { handles: 10_000 });
    expect(
      await cell.unlike(['list:0', '0'], ['open:1:5:secret:c:rw', 'ok'], ['write:5:0:secret', '6'], ['close:5', 'ok']),
    ).toEqual([]);
  });

  test('paths and links', async () => {
    expect(
      await cell.unlike(
        ['open:0:5:../other/secret:-:r', 'not-permitted'],
        ['open:0:5:/etc/passwd:-:r', 'not-permitted'],
        ['open:0:5:..:d:r', 'not-permitted'],
        ['mkdir:0:d', 'ok'],
        ['open:0:5:d/../../other/secret:-:r', 'not-permitted'],
        ['open:0:6:d:d:rm', 'ok'],
        // What is above the descriptor is no more within its reach than what is above the volume.
        ['open:6:5:../a:c:w', 'not-permitted'],
        ['symlink:0:/etc/passwd:abs', 'not-permitted'],
        ['symlink:0:../other/secret:up', 'ok'],
        ['open:0:5:up:-:r', 'not-permitted'],
        ['stat-at:0:up', 'not-permitted'],
        ['lstat-at:0:up', /^symbolic-link/],
        ['symlink:0:..:parent', 'ok'],
        ['open:0:5:parent/other/secret:-:r', 'not-permitted'],
        ['list:0', '3 d/directory parent/symbolic-link up/symbolic-link'],
        ['symlink:0:loop:loop', 'ok'],
        ['open:0:5:loop:-:r', 'loop'],
        ['symlink:0:a/../b:l', 'ok'],
        ['open:0:5:l:-:r', 'no-entry'],
        [`mkdir:0:${'n'.repeat(255)}`, 'ok'],
        [`mkdir:0:${'n'.repeat(256)}`, 'name-too-long'],
        [`open:0:5:${'a/'.repeat(2050)}:-:r`, 'name-too-long'],
        [`mkdir:0:${'./'.repeat(600)}x`, 'name-too-long'],
      ),
    ).toEqual([]);
  });

  test('what an operator has put there: links, pipes, sockets', async () => {
    symlinkSync('/etc/passwd', cell.place('media', 'passwd'));
    symlinkSync('/etc', cell.place('media', 'etc'));
    execFileSync('mkfifo', [cell.place('media', 'pipe')]);
    const server = net.createServer().listen(cell.place('media', 'socket'));
    await once(server, 'listening');
    expect(
      await cell.unlike(
        ['open:0:5:passwd:-:r', 'not-permitted'],
        ['open:0:5:etc/passwd:-:r', 'not-permitted'],
        ['open-link:0:5:passwd:-:r', 'loop'],
        ['readlink:0:passwd', 'not-permitted'],
        ['open:0:5:pipe:-:r', 'not-permitted'],
        ['open:0:5:pipe:-:w', 'not-permitted'],
        ['open:0:5:pipe:ct:rw', 'not-permitted'],
        ['open:0:5:socket:-:rw', 'not-permitted'],
        ['lstat-at:0:pipe', /^fifo/],
        ['link:0:pipe:0:again', 'ok'],
        ['open:0:5:again:-:r', 'not-permitted'],
        ['unlink:0:passwd', 'ok'],
        ['link:0:etc:0:way', 'ok'],
        ['open:0:5:way/passwd:-:r', 'not-permitted'],
      ),
    ).toEqual([]);
    server.close();
  });

  test('a process that swaps a folder for a link while paths are walked', async () => {
    const outside = mkdtempSync(path.join(os.tmpdir(), 'headway-outside-'));
    writeFileSync(path.join(outside, 'a'), 'SECRET');
    mkdirSync(cell.place('media', 'd'));
    writeFileSync(cell.place('media', 'd', 'a'), 'inside');
    symlinkSync(outside, cell.place('media', 'evil'));
    writeFileSync(cell.place('media', 'f'), 'inside');
    symlinkSync(path.join(outside, 'a'), cell.place('media', 'g'));
    // A failed open leaves the place as it was.
    await cell.run(Array.from({ length: 30 }, (_, index) => `open:0:${10 + index}:f:-:r`));
    const racer = spawn(process.execPath, ['-e', SWAPS, cell.place('media')], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(racer.stdout!, 'data');
    const seen = new Map<string, number>();
    for (let round = 0; round < 18; round++) {
      const commands = Array.from({ length: 8 }, (_, index) => [
        `open:0:${10 + index}:d/a:-:r`,
        `read:${10 + index}:20:0`,
        `open:0:${20 + index}:f:-:r`,
        `read:${20 + index}:20:0`,
        `open:0:${30 + index}:d/made${index}:c:w`,
        `stat-at:0:d/a`,
      ]).flat();
      for (const line of await cell.run(commands)) seen.set(line, (seen.get(line) ?? 0) + 1);
    }
    racer.kill();
    await once(racer, 'exit');
    expect([...seen.keys()].filter((line) => line.includes('SECRET'))).toEqual([]);
    expect(readdirSync(outside)).toEqual(['a']);
    // It did race: both states were met.
    expect(seen.get('inside (end)')).toBeGreaterThan(0);
    expect(seen.get('not-permitted') ?? 0).toBeGreaterThan(0);
    rmSync(outside, { recursive: true });
  });
});
