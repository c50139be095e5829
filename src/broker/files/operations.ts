/** What can be done with an open folder or file, each without a wait: the caller has judged it. */
import { createHash } from 'node:crypto';
import {
  fstatSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readlinkSync,
  readSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeSync,
  type BigIntStats,
} from 'node:fs';
import { DescriptorFlag, MAX_FILE_PATH_BYTES, PathFlag, TimeChange } from '../../wire/file-frames.ts';
import { FileFault } from './fault.ts';
import { MAX_DEPTH, OpenedFile, OpenedFolder, type Opened } from './opened.ts';
import type { VolumeQuota } from './usage.ts';
import { below, itself, walk, type LastLink, type Spot } from './walk.ts';

export interface ChangedTime {
  /** Of `TimeChange`. */
  readonly how: number;
  readonly seconds: bigint;
  readonly nanoseconds: number;
}

export interface Times {
  readonly accessed: ChangedTime;
  readonly modified: ChangedTime;
}

export function asFile(opened: Opened): OpenedFile {
  if (opened instanceof OpenedFile) return opened;
  throw new FileFault('is-directory');
}

export function asFolder(opened: Opened): OpenedFolder {
  if (opened instanceof OpenedFolder) return opened;
  throw new FileFault('not-directory');
}

/** Whatever creates, removes or changes in a folder needs that right of its descriptor. */
export function asMutable(opened: Opened): OpenedFolder {
  const folder = asFolder(opened);
  if ((folder.flags & DescriptorFlag.MutateDirectory) === 0) throw new FileFault('read-only');
  return folder;
}

export function readAt(opened: Opened, into: Buffer, offset: number): number {
  const file = asFile(opened);
  if (!file.mayRead) throw new FileFault('bad-descriptor');
  return readSync(file.descriptor, into, 0, into.length, offset);
}

/** All of it, or a fault. `offset` is absent for the end of the file. */
export function writeAt(opened: Opened, bytes: Uint8Array, at: number | undefined, quota: VolumeQuota): number {
  const file = asFile(opened);
  if (!file.mayWrite) throw new FileFault('bad-descriptor');
  const size = file.size();
  const offset = at ?? size;
  const end = offset + bytes.length;
  if (end > Number.MAX_SAFE_INTEGER) throw new FileFault('file-too-large');
  if (bytes.length === 0) return 0;
  const { usage } = file.volume;
  usage.admit(end - size, 0, quota);
  let written = 0;
  try {
    while (written < bytes.length) {
      written += writeSync(file.descriptor, bytes, written, bytes.length - written, offset + written);
    }
  } finally {
    usage.bytes += Math.max(0, offset + written - size) * (written > 0 ? 1 : 0);
  }
  return written;
}

export function statOf(opened: Opened): BigIntStats {
  return fstatSync(opened.descriptor, { bigint: true });
}

export function statAt(opened: Opened, path: string, pathFlags: number): BigIntStats {
  return walk(asFolder(opened).descriptor, path, lastLinkOf(pathFlags), statsAt);
}

/** Of what a folder holds under a name, by a descriptor that opens nothing. */
function statsAt(spot: Spot): BigIntStats {
  if (spot.name === undefined) return fstatSync(spot.folder, { bigint: true });
  const stats = statsOfName(spot.folder, spot.name);
  if (spot.isFolder && !stats.isDirectory()) throw new FileFault('not-directory');
  return stats;
}

function statsOfName(folder: number, name: string): BigIntStats {
  return lstatSync(below(folder, name), { bigint: true });
}

export function setTimes(opened: Opened, times: Times): void {
  if (opened instanceof OpenedFolder) asMutable(opened);
  else if (!opened.mayWrite) throw new FileFault('bad-descriptor');
  const { accessed, modified } = chosen(times, statOf(opened));
  utimesSync(itself(opened.descriptor), accessed, modified);
}

export function setTimesAt(opened: Opened, path: string, pathFlags: number, times: Times): void {
  walk(asMutable(opened).descriptor, path, lastLinkOf(pathFlags), (spot) => {
    const { accessed, modified } = chosen(times, statsAt(spot));
    if (spot.name === undefined) utimesSync(itself(spot.folder), accessed, modified);
    else lutimesSync(below(spot.folder, spot.name), accessed, modified);
  });
}

/** Seconds, which Node takes as one number: to the microsecond. */
function chosen({ accessed, modified }: Times, stats: BigIntStats) {
  const nowSeconds = Date.now() / 1000;
  const one = ({ how, seconds, nanoseconds }: ChangedTime, present: bigint): number => {
    if (how === TimeChange.Now) return nowSeconds;
    if (how === TimeChange.AsItIs) return Number(present / 1000n) / 1e6;
    if (seconds > BigInt(2 ** 40)) throw new FileFault('overflow');
    return Number(seconds) + nanoseconds / 1e9;
  };
  return { accessed: one(accessed, stats.atimeNs), modified: one(modified, stats.mtimeNs) };
}

export function createDirectoryAt(opened: Opened, path: string, quota: VolumeQuota): void {
  const folder = asMutable(opened);
  walk(folder.descriptor, path, 'Name', (spot) => {
    if (spot.name === undefined) throw new FileFault('exist');
    if (folder.depth + spot.depth + 1 > MAX_DEPTH) throw new FileFault('name-too-long');
    folder.volume.usage.admit(0, 1, quota);
    mkdirSync(below(spot.folder, spot.name), 0o700);
    folder.volume.usage.files += 1;
  });
}

export function removeDirectoryAt(opened: Opened, path: string): void {
  const folder = asMutable(opened);
  walk(folder.descriptor, path, 'Name', (spot) => {
    if (spot.name === undefined) throw new FileFault(spot.isAbove ? 'not-empty' : 'invalid');
    rmdirSync(below(spot.folder, spot.name));
    folder.volume.usage.files -= 1;
  });
}

export function unlinkFileAt(opened: Opened, path: string): void {
  const folder = asMutable(opened);
  walk(folder.descriptor, path, 'Name', (spot) => {
    if (spot.name === undefined) throw new FileFault('is-directory');
    const stats = statsOfName(spot.folder, spot.name);
    if (stats.isDirectory()) throw new FileFault('is-directory');
    if (spot.isFolder) throw new FileFault('not-directory');
    unlinkSync(below(spot.folder, spot.name));
    folder.volume.usage.lost(stats);
  });
}

export function readlinkAt(opened: Opened, path: string): string {
  return walk(asFolder(opened).descriptor, path, 'Keep', (spot) => {
    if (spot.name === undefined || statsAt(spot).isDirectory()) throw new FileFault('invalid');
    const target = readlinkSync(below(spot.folder, spot.name));
    // Nobody made it through here; what it says about the machine is nobody's business.
    if (target.startsWith('/')) throw new FileFault('not-permitted');
    return target;
  });
}

export function symlinkAt(opened: Opened, target: string, path: string, quota: VolumeQuota): void {
  if (target === '') throw new FileFault('no-entry');
  if (target.startsWith('/')) throw new FileFault('not-permitted');
  if (target.includes('\0')) throw new FileFault('invalid');
  const bytes = Buffer.byteLength(target);
  if (bytes >= MAX_FILE_PATH_BYTES) throw new FileFault('name-too-long');
  const folder = asMutable(opened);
  walk(folder.descriptor, path, 'Name', (spot) => {
    const name = newNameOf(spot);
    folder.volume.usage.admit(bytes, 1, quota);
    symlinkSync(target, below(spot.folder, name));
    folder.volume.usage.files += 1;
    folder.volume.usage.bytes += bytes;
  });
}

export function linkAt(
  opened: Opened,
  pathFlags: number,
  path: string,
  other: Opened,
  newPath: string,
  quota: VolumeQuota,
): void {
  // The interface has it so, where the path is followed.
  if (follows(pathFlags)) throw new FileFault('invalid');
  const [from, to] = [asMutable(opened), asMutable(other)];
  if (from.volume !== to.volume) throw new FileFault('cross-device');
  walk(from.descriptor, path, 'Keep', (source) => {
    const linked = statsAt(source);
    walk(to.descriptor, newPath, 'Name', (target) => {
      const name = newNameOf(target);
      if (linked.isDirectory()) throw new FileFault('not-permitted');
      to.volume.usage.admit(0, 1, quota);
      linkSync(below(source.folder, source.name!), below(target.folder, name));
      to.volume.usage.files += 1;
    });
  });
}

export function renameAt(opened: Opened, path: string, other: Opened, newPath: string): void {
  const [from, to] = [asMutable(opened), asMutable(other)];
  if (from.volume !== to.volume) throw new FileFault('cross-device');
  walk(from.descriptor, path, 'Name', (source) =>
    walk(to.descriptor, newPath, 'Name', (target) => {
      if (source.name === undefined || target.name === undefined) throw new FileFault('busy');
      const moved = statsOfName(source.folder, source.name);
      const [depth, newDepth] = [from.depth + source.depth, to.depth + target.depth];
      if (moved.isDirectory() && newDepth > depth && newDepth > MAX_DEPTH) throw new FileFault('name-too-long');
      if ((source.isFolder || target.isFolder) && !moved.isDirectory()) throw new FileFault('not-directory');
      const replaced = heldStats(target);
      renameSync(below(source.folder, source.name), below(target.folder, target.name));
      // Two names of one file: the system leaves both.
      if (replaced && replaced.ino !== moved.ino) to.volume.usage.lost(replaced);
    }),
  );
}

/** The name of what is made there and is no folder: the kernel looks whether it is there before it minds the slash behind it. */
function newNameOf(spot: Spot): string {
  if (spot.name === undefined || heldStats(spot)) throw new FileFault('exist');
  if (spot.isFolder) throw new FileFault('no-entry');
  return spot.name;
}

function heldStats({ folder, name }: Spot): BigIntStats | undefined {
  return lstatSync(below(folder, name!), { bigint: true, throwIfNoEntry: false });
}

/** Of the very file: another one, or this one changed, has another. */
export function metadataHash(stats: BigIntStats): Buffer {
  return hashOf([stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs]);
}

/** Of the file, whatever is done to it. */
export function identityOf(stats: BigIntStats): Buffer {
  return hashOf([stats.dev, stats.ino]);
}

function hashOf(numbers: readonly bigint[]): Buffer {
  return createHash('sha256').update(numbers.join(' ')).digest().subarray(0, 16);
}

export function asListable(opened: Opened): OpenedFolder {
  const folder = asFolder(opened);
  if ((folder.flags & DescriptorFlag.Read) === 0) throw new FileFault('bad-descriptor');
  return folder;
}

function follows(pathFlags: number): boolean {
  return (pathFlags & PathFlag.SymlinkFollow) !== 0;
}

function lastLinkOf(pathFlags: number): LastLink {
  return follows(pathFlags) ? 'Follow' : 'Keep';
}
