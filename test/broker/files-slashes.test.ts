/**
 * Paths that end with a slash, or with `.`, on names of all kinds: a volume answers what the kernel answers for the same call on a
 * folder beside it, and leaves the same behind.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeOf } from '../../src/broker/files/fault.ts';
import { openAt, OpenedFolder, Volume } from '../../src/broker/files/opened.ts';
import * as operations from '../../src/broker/files/operations.ts';
import { DescriptorFlag, OpenFlag, PathFlag, TimeChange } from '../../src/wire/file-frames.ts';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_TRUNC, O_WRONLY } = fs.constants;
const QUOTA = { bytes: 1024 * 1024, files: 1_000 };
const NOW = { how: TimeChange.Now, seconds: 0n, nanoseconds: 0 };
const NOFOLLOW = 0;
const FOLLOW = PathFlag.SymlinkFollow;

interface Places {
  readonly kernel: string;
  readonly media: string;
  readonly volume: Volume;
}

let scratch: string;
let made = 0;
let places: Places | undefined;
beforeAll(() => {
  scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'headway-slashes-'));
});
afterAll(() => {
  places?.volume.close();
  fs.rmSync(scratch, { recursive: true });
});

/** A folder and a volume that hold the same; new ones after a call that has changed something. */
function twoPlaces(): Places {
  if (places) return places;
  const kernel = path.join(scratch, `kernel${++made}`);
  const media = path.join(scratch, `shop/media${made}`);
  fs.mkdirSync(kernel);
  places = { kernel, media, volume: new Volume(scratch, 'shop', `media${made}`) };
  for (const folder of [kernel, media]) furnish(folder);
  untouched ??= treeOf(kernel).join();
  return places;
}
/** What is below each of them before anything is done. */
let untouched: string | undefined;

function leave({ kernel, media, volume }: Places): void {
  if (treeOf(kernel).join() === untouched && treeOf(media).join() === untouched) return;
  volume.close();
  places = undefined;
}

/** One of each kind. */
function furnish(folder: string): void {
  const at = (name: string): string => path.join(folder, name);
  fs.writeFileSync(at('file'), 'some');
  fs.mkdirSync(at('empty'));
  fs.mkdirSync(at('full'));
  fs.writeFileSync(at('full/inner'), '');
  for (const [name, target] of [
    ['to-file', 'file'],
    ['to-folder', 'full'],
    ['to-empty', 'empty'],
    ['to-nothing', 'missing'],
    ['to-itself', 'to-itself'],
  ] as const) {
    fs.symlinkSync(target, at(name));
  }
}

const NAMES = ['missing', 'file', 'empty', 'full', 'to-file', 'to-folder', 'to-empty', 'to-nothing', 'to-itself'];
const ENDS = ['', '/', '//', '/.', '/./', '/..', '/../'];
const PATHS = [...NAMES.flatMap((name) => ENDS.map((end) => `${name}${end}`)), '.', './', 'full/inner/', 'missing/x/'];

interface Call {
  readonly kernel: (at: (path: string) => string, path: string) => unknown;
  readonly volume: (root: OpenedFolder, path: string) => unknown;
}

const opening = (flags: number, follow: number, openFlags: number, rights: number): Call => ({
  kernel(at, name) {
    const descriptor = fs.openSync(at(name), flags | (follow === FOLLOW ? 0 : O_NOFOLLOW), 0o600);
    try {
      return fs.fstatSync(descriptor).isDirectory() ? 'a folder' : 'a file';
    } finally {
      fs.closeSync(descriptor);
    }
  },
  volume(root, name) {
    const opened = openAt(root, name, { pathFlags: follow, openFlags, flags: rights }, QUOTA);
    opened.close();
    return opened instanceof OpenedFolder ? 'a folder' : 'a file';
  },
});
const { Create, Directory, Exclusive, Truncate } = OpenFlag;
const { Read, Write } = DescriptorFlag;

/** Each is given the path under test; the other path of a call with two is a part of its name. */
const CALLS: Readonly<Record<string, Call>> = {
  'create-directory-at': {
    kernel: (at, name) => fs.mkdirSync(at(name)),
    volume: (root, name) => operations.createDirectoryAt(root, name, QUOTA),
  },
  'remove-directory-at': {
    kernel: (at, name) => fs.rmdirSync(at(name)),
    volume: (root, name) => operations.removeDirectoryAt(root, name),
  },
  'unlink-file-at': {
    kernel: (at, name) => fs.unlinkSync(at(name)),
    volume: (root, name) => operations.unlinkFileAt(root, name),
  },
  'stat-at, followed': {
    kernel: (at, name) => kindOf(fs.statSync(at(name))),
    volume: (root, name) => kindOf(operations.statAt(root, name, FOLLOW)),
  },
  'stat-at': {
    kernel: (at, name) => kindOf(fs.lstatSync(at(name))),
    volume: (root, name) => kindOf(operations.statAt(root, name, NOFOLLOW)),
  },
  'set-times-at': {
    kernel: (at, name) => fs.lutimesSync(at(name), 1, 1),
    volume: (root, name) => operations.setTimesAt(root, name, NOFOLLOW, { accessed: NOW, modified: NOW }),
  },
  'set-times-at, followed': {
    kernel: (at, name) => fs.utimesSync(at(name), 1, 1),
    volume: (root, name) => operations.setTimesAt(root, name, FOLLOW, { accessed: NOW, modified: NOW }),
  },
  'readlink-at': {
    kernel: (at, name) => fs.readlinkSync(at(name)),
    volume: (root, name) => operations.readlinkAt(root, name),
  },
  'symlink-at': {
    kernel: (at, name) => fs.symlinkSync('target', at(name)),
    volume: (root, name) => operations.symlinkAt(root, 'target', name, QUOTA),
  },
  'open-at to read': opening(O_RDONLY, FOLLOW, 0, Read),
  'open-at to read, not followed': opening(O_RDONLY, NOFOLLOW, 0, Read),
  'open-at of a folder': opening(O_RDONLY | O_DIRECTORY, FOLLOW, Directory, Read),
  'open-at of a folder, not followed': opening(O_RDONLY | O_DIRECTORY, NOFOLLOW, Directory, Read),
  'open-at to create': opening(O_RDONLY | O_CREAT, FOLLOW, Create, Read),
  'open-at to create, not followed': opening(O_RDONLY | O_CREAT, NOFOLLOW, Create, Read),
  'open-at to create and write': opening(O_WRONLY | O_CREAT, FOLLOW, Create, Write),
  'open-at to create what is not there': opening(O_WRONLY | O_CREAT | O_EXCL, NOFOLLOW, Create | Exclusive, Write),
  'open-at to create what is not there, followed': opening(
    O_WRONLY | O_CREAT | O_EXCL,
    FOLLOW,
    Create | Exclusive,
    Write,
  ),
  'open-at to truncate': opening(O_WRONLY | O_TRUNC, FOLLOW, Truncate, Write),
  'open-at to write': opening(O_WRONLY, FOLLOW, 0, Write),
};
for (const one of ['file', 'empty', 'to-file', 'missing', 'full/']) {
  Object.assign(CALLS, {
    [`link-at ${one} as`]: {
      kernel: (at, name) => fs.linkSync(at(one), at(name)),
      volume: (root, name) => operations.linkAt(root, NOFOLLOW, one, root, name, QUOTA),
    },
    [`rename-at ${one} to`]: {
      kernel: (at, name) => fs.renameSync(at(one), at(name)),
      volume: (root, name) => operations.renameAt(root, one, root, name),
    },
  } satisfies Record<string, Call>);
}
for (const other of ['new', 'new/', 'file', 'empty/', 'to-folder/']) {
  Object.assign(CALLS, {
    [`link-at as ${other} of`]: {
      kernel: (at, name) => fs.linkSync(at(name), at(other)),
      volume: (root, name) => operations.linkAt(root, NOFOLLOW, name, root, other, QUOTA),
    },
    [`rename-at to ${other} of`]: {
      kernel: (at, name) => fs.renameSync(at(name), at(other)),
      volume: (root, name) => operations.renameAt(root, name, root, other),
    },
  } satisfies Record<string, Call>);
}

function kindOf(stats: fs.Stats | fs.BigIntStats): string {
  return stats.isDirectory() ? 'a folder' : stats.isSymbolicLink() ? 'a link' : 'a file';
}

/** What a call gives, or its error in the words of the interface. */
function outcome(call: () => unknown): unknown {
  try {
    return call() ?? 'ok';
  } catch (thrown) {
    return codeOf(thrown) ?? thrown;
  }
}

/** Every name below a folder, with what it is. */
function treeOf(folder: string): readonly string[] {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => {
      const place = path.join(entry.parentPath, entry.name);
      const stats = fs.lstatSync(place);
      return `${path.relative(folder, place)} ${kindOf(stats)} ×${stats.isDirectory() ? 0 : stats.nlink} ${stats.isFile() ? stats.size : ''}`;
    })
    .sort();
}

/** What differs from the kernel: the answer, or what is there afterwards. */
function differences(call: Call, given: string): readonly string[] {
  const { kernel, media, volume } = twoPlaces();
  const wanted = outcome(() => call.kernel((name) => `${kernel}/${name}`, given));
  const said = outcome(() => call.volume(volume.root, given));
  const [wantedTree, tree] = [treeOf(kernel).join(), treeOf(media).join()];
  leave({ kernel, media, volume });
  return [
    ...(said === wanted ? [] : [`${given}: ${String(said)}, and Linux says ${String(wanted)}`]),
    ...(tree === wantedTree ? [] : [`${given}: it left ${tree}, and Linux ${wantedTree}`]),
  ];
}

test.each(Object.entries(CALLS))('%s', (_name, call) => {
  expect(PATHS.flatMap((given) => differences(call, given))).toEqual([]);
});

test('what is compared does differ: each answer of the kernel is met by some path', () => {
  const met = new Set<unknown>();
  for (const call of Object.values(CALLS)) {
    for (const given of ['file/', 'missing/', 'empty/', 'to-itself']) {
      const there = twoPlaces();
      met.add(outcome(() => call.kernel((name) => `${there.kernel}/${name}`, given)));
      leave(there);
    }
  }
  for (const answer of ['ok', 'a folder', 'exist', 'no-entry', 'not-directory', 'is-directory', 'loop', 'invalid']) {
    expect(met).toContain(answer);
  }
});
