/**
 * What guests have open: descriptors of ours, each with the rights that it was opened with.
 *
 * Invariants
 * O1 Only regular files and folders are ever opened: everything else is looked at by a descriptor that opens nothing
 *    (`O_PATH`), and what is opened afterwards is that very inode, whoever swaps the name.
 * O2 What is opened from a folder has no right that the folder lacks.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  type BigIntStats,
} from 'node:fs';
import path from 'node:path';
import { DescriptorFlag, OpenFlag, PathFlag } from '../../wire/file-frames.ts';
import { errnoOf, FileFault } from './fault.ts';
import { Usage, type VolumeQuota } from './usage.ts';
import { below, HOLD, itself, walk, type LastLink, type Spot } from './walk.ts';

/** Folders of a volume in each other. */
export const MAX_DEPTH = 128;
const UNSUPPORTED =
  DescriptorFlag.FileIntegritySync | DescriptorFlag.DataIntegritySync | DescriptorFlag.RequestedWriteSync;
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/** One volume: a folder that is held open, and what is in it. */
export class Volume {
  readonly name: string;
  readonly root: OpenedFolder;
  readonly usage = new Usage();
  /** It is counted; rejects where it cannot be. */
  readonly ready: Promise<void>;
  /** Since then nobody has to wait for that. */
  isCounted = false;

  /** @throws what the system says: no disk, no folder. */
  constructor(folder: string, namespace: string, name: string) {
    this.name = name;
    const place = path.join(folder, namespace, name);
    mkdirSync(place, { recursive: true, mode: FOLDER_MODE });
    const descriptor = openSync(place, HOLD | constants.O_DIRECTORY);
    this.root = new OpenedFolder(this, descriptor, DescriptorFlag.Read | DescriptorFlag.MutateDirectory, 0);
    this.ready = this.#count(descriptor);
    this.ready.catch(() => undefined);
  }

  close(): void {
    this.root.close();
  }

  async #count(descriptor: number): Promise<void> {
    await this.usage.count(descriptor);
    this.isCounted = true;
  }
}

export class OpenedFolder {
  readonly volume: Volume;
  readonly descriptor: number;
  readonly flags: number;
  readonly depth: number;

  constructor(volume: Volume, descriptor: number, flags: number, depth: number) {
    this.volume = volume;
    this.descriptor = descriptor;
    this.flags = flags;
    this.depth = depth;
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

export class OpenedFile {
  readonly volume: Volume;
  readonly descriptor: number;
  readonly flags: number;
  readonly #inode: bigint;

  constructor(volume: Volume, descriptor: number, flags: number, inode: bigint) {
    this.volume = volume;
    this.descriptor = descriptor;
    this.flags = flags;
    this.#inode = inode;
    volume.usage.hold(inode);
  }

  get mayWrite(): boolean {
    return (this.flags & DescriptorFlag.Write) !== 0;
  }

  get mayRead(): boolean {
    return (this.flags & DescriptorFlag.Read) !== 0;
  }

  size(): number {
    return Number(fstatSync(this.descriptor, { bigint: true }).size);
  }

  close(): void {
    const { size } = fstatSync(this.descriptor, { bigint: true });
    closeSync(this.descriptor);
    this.volume.usage.letGo(this.#inode, size);
  }
}

export type Opened = OpenedFolder | OpenedFile;

export interface HowToOpen {
  readonly pathFlags: number;
  readonly openFlags: number;
  readonly flags: number;
}

/** Whether it may change what is there, which the grant has to allow. */
export function opensToWrite({ openFlags, flags }: HowToOpen): boolean {
  const changing = DescriptorFlag.Write | DescriptorFlag.MutateDirectory;
  return (openFlags & (OpenFlag.Create | OpenFlag.Truncate)) !== 0 || (flags & changing) !== 0;
}

/** @throws FileFault, and what the system says. */
export function openAt(from: OpenedFolder, path: string, how: HowToOpen, quota: VolumeQuota): Opened {
  if ((how.flags & UNSUPPORTED) !== 0) throw new FileFault('unsupported');
  // O2.
  if (opensToWrite(how) && (from.flags & DescriptorFlag.MutateDirectory) === 0) throw new FileFault('read-only');
  return walk(from.descriptor, path, lastLinkOf(path, how), (spot) =>
    (how.openFlags & OpenFlag.Create) === 0 ? openThere(from, spot, how, quota) : createThere(from, spot, how, quota),
  );
}

/** What is created anew is never behind a link, and with a slash behind it nothing is created at all. */
function lastLinkOf(path: string, { pathFlags, openFlags }: HowToOpen): LastLink {
  const creates = (openFlags & OpenFlag.Create) !== 0;
  if (creates && (path.endsWith('/') || (openFlags & OpenFlag.Exclusive) !== 0)) return 'Name';
  return (pathFlags & PathFlag.SymlinkFollow) === 0 ? 'Keep' : 'Follow';
}

/** O1. */
function openThere(from: OpenedFolder, spot: Spot, how: HowToOpen, quota: VolumeQuota): Opened {
  const found = openSync(spot.name === undefined ? itself(spot.folder) : below(spot.folder, spot.name), holding(spot));
  let isKept = false;
  try {
    const stats = fstatSync(found, { bigint: true });
    if (stats.isDirectory()) {
      const opened = folderOf(from, found, spot, how);
      isKept = true;
      return opened;
    }
    return fileOf(from.volume, found, stats, spot, how, quota);
  } finally {
    if (!isKept) closeSync(found);
  }
}

/** The folder itself is reached by the link of the kernel to our descriptor, which is followed. */
function holding({ name }: Spot): number {
  return name === undefined ? HOLD & ~constants.O_NOFOLLOW : HOLD;
}

function folderOf(from: OpenedFolder, descriptor: number, spot: Spot, { openFlags, flags }: HowToOpen): OpenedFolder {
  const ofFiles = OpenFlag.Truncate | OpenFlag.Create;
  if ((openFlags & ofFiles) !== 0 || (flags & DescriptorFlag.Write) !== 0) throw new FileFault('is-directory');
  const depth = from.depth + spot.depth + (spot.name === undefined ? 0 : 1);
  return new OpenedFolder(from.volume, descriptor, flags, depth);
}

function fileOf(
  volume: Volume,
  found: number,
  stats: BigIntStats,
  { isFolder }: Spot,
  { openFlags, flags }: HowToOpen,
  quota: VolumeQuota,
): OpenedFile {
  if (isFolder || (openFlags & OpenFlag.Directory) !== 0 || (flags & DescriptorFlag.MutateDirectory) !== 0) {
    throw new FileFault('not-directory');
  }
  if (stats.isSymbolicLink()) throw new FileFault('loop');
  // Pipes, sockets and devices: nothing of the kind is made here, and what somebody put here is not for guests.
  if (!stats.isFile()) throw new FileFault('not-permitted');
  const descriptor = openSync(itself(found), modeOf(openFlags, flags));
  try {
    if ((openFlags & OpenFlag.Truncate) !== 0) resize(volume, descriptor, 0, quota);
    return new OpenedFile(volume, descriptor, flags, stats.ino);
  } catch (thrown) {
    closeSync(descriptor);
    throw thrown;
  }
}

function createThere(from: OpenedFolder, spot: Spot, how: HowToOpen, quota: VolumeQuota): Opened {
  const isExclusive = (how.openFlags & OpenFlag.Exclusive) !== 0;
  if ((how.openFlags & OpenFlag.Directory) !== 0) throw new FileFault('invalid');
  const { name } = spot;
  if (name === undefined) throw new FileFault(isExclusive ? 'exist' : 'is-directory');
  if (spot.isFolder) throw new FileFault('is-directory');
  let descriptor: number;
  try {
    from.volume.usage.admit(0, 1, quota);
    descriptor = openSync(
      below(spot.folder, name),
      modeOf(0, how.flags) | constants.O_CREAT | constants.O_EXCL,
      FILE_MODE,
    );
  } catch (thrown) {
    const mayBeThere = errnoOf(thrown) === 'EEXIST' || (thrown instanceof FileFault && isThere(spot.folder, name));
    if (!mayBeThere) throw thrown;
    if (isExclusive) throw new FileFault('exist');
    return openThere(from, spot, how, quota);
  }
  from.volume.usage.files += 1;
  // Whatever the mask of this process.
  fchmodSync(descriptor, FILE_MODE);
  return new OpenedFile(from.volume, descriptor, how.flags, fstatSync(descriptor, { bigint: true }).ino);
}

function isThere(folder: number, name: string): boolean {
  try {
    closeSync(openSync(below(folder, name), HOLD));
    return true;
  } catch {
    return false;
  }
}

function modeOf(openFlags: number, flags: number): number {
  const writes = (flags & DescriptorFlag.Write) !== 0 || (openFlags & OpenFlag.Truncate) !== 0;
  const reads = (flags & DescriptorFlag.Read) !== 0;
  const mode = writes ? (reads ? constants.O_RDWR : constants.O_WRONLY) : constants.O_RDONLY;
  return mode | constants.O_NONBLOCK | constants.O_NOCTTY;
}

/** @throws FileFault `quota`, and what the system says. */
export function resize(volume: Volume, descriptor: number, size: number, quota: VolumeQuota): void {
  const grown = size - Number(fstatSync(descriptor, { bigint: true }).size);
  volume.usage.admit(grown, 0, quota);
  ftruncateSync(descriptor, size);
  volume.usage.bytes += grown;
}

/** The same file by a descriptor of its own, with that one right. */
export function reopened({ volume, descriptor }: OpenedFile, right: number): OpenedFile {
  const own = openSync(itself(descriptor), modeOf(0, right));
  return new OpenedFile(volume, own, right, fstatSync(own, { bigint: true }).ino);
}

/** A descriptor of the same folder or file that nobody else closes: for what waits. The caller closes it. */
export function privately({ descriptor }: Opened): number {
  return openSync(itself(descriptor), constants.O_RDONLY | constants.O_NONBLOCK);
}
