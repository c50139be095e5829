/**
 * A folder of the repository, served from the memory of the cell: nothing of it waits, and nothing can be changed. There are
 * no links in it and no times.
 */
import { createHash } from 'node:crypto';
import { decodeFolder } from '../../model/folder-image.ts';
import { MAX_FILE_PATH_BYTES, type FileError, type FileType } from '../../wire/file-frames.ts';
import type { TellDenied } from '../denials.ts';
import {
  fault,
  isFailed,
  type DescriptorFlags,
  type DescriptorStat,
  type DirectoryEntry,
  type FileNode,
  type MetadataHash,
  type NewTimestamp,
  type OpenFlags,
  type Page,
  type PathFlags,
} from './filesystem-node.ts';
import type { Failed } from './result.ts';
import type { ByteSource, StreamEnd } from './streams.ts';

/** The most that one read gives. */
const MAX_READ_BYTES = 256 * 1024;
const FLAGS: DescriptorFlags = Object.freeze({ read: true });
const ENDED: StreamEnd = Object.freeze({});
const INTERFACE = 'wasi:filesystem/types';

type Entry = Uint8Array | Map<string, Entry>;

/** One folder, shared by all instances of a cell. */
export class FolderImage {
  readonly root = new Map<string, Entry>();
  /** Of the content: what hashes and identities are told apart by. */
  readonly id: string;

  /** @throws RangeError where the bytes are no image. */
  constructor(image: Uint8Array) {
    this.id = createHash('sha256').update(image).digest('hex');
    for (const { path, bytes } of decodeFolder(image)) {
      const segments = path.split('/');
      const name = segments.pop()!;
      let folder = this.root;
      for (const segment of segments) {
        const found = folder.get(segment);
        const inner: Map<string, Entry> = found instanceof Map ? found : new Map<string, Entry>();
        folder.set(segment, inner);
        folder = inner;
      }
      folder.set(name, bytes);
    }
  }
}

export interface ImageMount {
  readonly image: FolderImage;
  readonly mountPath: string;
  /** Among the mounts of the member. */
  readonly position: number;
  /** Absent: for as long as the cell runs. */
  readonly expiresAtWallMs: number | undefined;
  readonly tellDenied: TellDenied;
}

export function imageRoot(mount: ImageMount): FileNode {
  return new ImageNode(mount, mount.image.root, [], FLAGS);
}

class ImageNode implements FileNode {
  readonly flags: DescriptorFlags;
  readonly #mount: ImageMount;
  readonly #entry: Entry;
  /** From the root of the mount. */
  readonly #path: readonly string[];

  constructor(mount: ImageMount, entry: Entry, path: readonly string[], flags: DescriptorFlags) {
    this.#mount = mount;
    this.#entry = entry;
    this.#path = path;
    this.flags = flags;
  }

  get type(): FileType {
    return typeOf(this.#entry);
  }

  get identity(): string {
    return `${this.#mount.image.id}/${this.#path.join('/')}`;
  }

  source(offset: bigint): ByteSource | Failed<FileError> {
    if (this.#entry instanceof Map) return fault('is-directory');
    if (!this.flags.read) return fault('bad-descriptor');
    return this.#expired('read-via-stream') ?? new ImageSource(this.#entry, offset);
  }

  sink(offset: bigint | undefined): Failed<FileError> {
    return this.#readOnly(offset === undefined ? 'append-via-stream' : 'write-via-stream', this.#at());
  }

  read(length: bigint, offset: bigint): readonly [Uint8Array, boolean] | Failed<FileError> {
    if (this.#entry instanceof Map) return fault('is-directory');
    if (!this.flags.read) return fault('bad-descriptor');
    const expired = this.#expired('read');
    if (expired) return expired;
    const bytes = this.#entry;
    const start = offset > bytes.length ? bytes.length : Number(offset);
    const wanted = length > MAX_READ_BYTES ? MAX_READ_BYTES : Number(length);
    return [bytes.subarray(start, start + wanted), start + wanted > bytes.length] as const;
  }

  write(): Failed<FileError> {
    return this.#readOnly('write', this.#at());
  }

  list(): Page | Failed<FileError> {
    if (!(this.#entry instanceof Map)) return fault('not-directory');
    const entries: DirectoryEntry[] = [...this.#entry].map(([name, entry]) => ({ type: typeOf(entry), name }));
    return this.#expired('read-directory') ?? { entries, isAll: true };
  }

  stat(): DescriptorStat | Failed<FileError> {
    return this.#expired('stat') ?? statOf(this.#entry);
  }

  statAt(_follow: PathFlags, path: string): DescriptorStat | Failed<FileError> {
    const found = this.#find('stat-at', path);
    return isFailed(found) ? found : statOf(found.entry);
  }

  openAt(_follow: PathFlags, path: string, open: OpenFlags, flags: DescriptorFlags): FileNode | Failed<FileError> {
    if (flags.fileIntegritySync || flags.dataIntegritySync || flags.requestedWriteSync) return fault('unsupported');
    const wanted = writingOf(open, flags);
    if (wanted !== '') return this.#readOnly('open-at', `${this.#at(path)} to ${wanted}`);
    const found = this.#find('open-at', path);
    if (isFailed(found)) return found;
    if (open.directory && !(found.entry instanceof Map)) return fault('not-directory');
    return new ImageNode(this.#mount, found.entry, found.path, flags.read ? FLAGS : {});
  }

  setSize(): Failed<FileError> {
    return this.#readOnly('set-size', this.#at());
  }

  setTimes(): Failed<FileError> {
    return this.#readOnly('set-times', this.#at());
  }

  setTimesAt(_follow: PathFlags, path: string, _accessed: NewTimestamp, _modified: NewTimestamp): Failed<FileError> {
    return this.#readOnly('set-times-at', this.#at(path));
  }

  createDirectoryAt(path: string): Failed<FileError> {
    return this.#readOnly('create-directory-at', this.#at(path));
  }

  linkAt(_follow: PathFlags, path: string, other: FileNode, otherPath: string): Failed<FileError> {
    return this.#readOnly('link-at', `${this.#at(path)} as ${placeIn(other, otherPath)}`);
  }

  readlinkAt(path: string): string | Failed<FileError> {
    const found = this.#find('readlink-at', path);
    return isFailed(found) ? found : fault('invalid');
  }

  removeDirectoryAt(path: string): Failed<FileError> {
    return this.#readOnly('remove-directory-at', this.#at(path));
  }

  renameAt(path: string, other: FileNode, otherPath: string): Failed<FileError> {
    return this.#readOnly('rename-at', `${this.#at(path)} to ${placeIn(other, otherPath)}`);
  }

  symlinkAt(target: string, path: string): Failed<FileError> {
    return this.#readOnly('symlink-at', `${this.#at(path)} leading to ${clipped(target)}`);
  }

  unlinkFileAt(path: string): Failed<FileError> {
    return this.#readOnly('unlink-file-at', this.#at(path));
  }

  metadataHash(): MetadataHash | Failed<FileError> {
    return this.#expired('metadata-hash') ?? hashOf(this.identity);
  }

  metadataHashAt(_follow: PathFlags, path: string): MetadataHash | Failed<FileError> {
    const found = this.#find('metadata-hash-at', path);
    return isFailed(found) ? found : hashOf(`${this.#mount.image.id}/${found.path.join('/')}`);
  }

  sync(): undefined {}

  syncData(): undefined {}

  close(): void {}

  closeStream(): void {}

  /** Not above this folder, and through nothing that is none. */
  #find(functionName: string, path: string): { readonly entry: Entry; readonly path: string[] } | Failed<FileError> {
    const expired = this.#expired(functionName, path);
    if (expired) return expired;
    if (!(this.#entry instanceof Map)) return fault('not-directory');
    if (path === '') return fault('no-entry');
    if (path.startsWith('/')) return fault('not-permitted');
    if (path.includes('\0')) return fault('invalid');
    const passed: { readonly name: string; readonly entry: Entry }[] = [];
    for (const name of path.split('/')) {
      const folder: Entry = passed.at(-1)?.entry ?? this.#entry;
      if (!(folder instanceof Map)) return fault('not-directory');
      if (name === '' || name === '.') continue;
      if (name === '..') {
        if (!passed.pop()) return fault('not-permitted');
        continue;
      }
      const entry = folder.get(name);
      if (entry === undefined) return fault('no-entry');
      passed.push({ name, entry });
    }
    return { entry: passed.at(-1)?.entry ?? this.#entry, path: [...this.#path, ...passed.map(({ name }) => name)] };
  }

  #readOnly(functionName: string, asked: string): Failed<FileError> {
    this.#deny(functionName, asked, 'a folder of the repository is read-only');
    return fault('read-only');
  }

  #expired(functionName: string, path?: string): Failed<FileError> | undefined {
    const { expiresAtWallMs } = this.#mount;
    if (expiresAtWallMs === undefined || Date.now() < expiresAtWallMs) return undefined;
    this.#deny(functionName, this.#at(path), 'the grant has expired');
    return fault('access');
  }

  #deny(functionName: string, asked: string, reason: string): void {
    const { tellDenied, position } = this.#mount;
    tellDenied({ interface: INTERFACE, function: `descriptor.${functionName}`, asked, mount: position, reason });
  }

  /** Where the guest sees it: a path below this as the guest says it, or this itself. */
  #at(path?: string): string {
    return placeIn(this, path);
  }

  /** From the root of the guest. */
  get guestPath(): string {
    const { mountPath } = this.#mount;
    return [mountPath === '/' ? '' : mountPath, ...this.#path].join('/') || '/';
  }
}

function placeIn(node: FileNode, path?: string): string {
  // A volume is known by the broker; where it is to lead there says enough.
  if (!(node instanceof ImageNode)) return `${clipped(path ?? '')} of another mount`;
  if (path === undefined) return node.guestPath;
  return `${node.guestPath === '/' ? '' : node.guestPath}/${clipped(path)}`;
}

/** A guest's text may be as large as its memory. */
function clipped(path: string): string {
  return path.slice(0, MAX_FILE_PATH_BYTES);
}

function writingOf({ create, truncate }: OpenFlags, { write, mutateDirectory }: DescriptorFlags): string {
  const wanted = { create, truncate, write, 'change its entries': mutateDirectory };
  return Object.entries(wanted)
    .flatMap(([what, isWanted]) => (isWanted ? [what] : []))
    .join(', ');
}

class ImageSource implements ByteSource {
  readonly dueMs = Number.POSITIVE_INFINITY;
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, offset: bigint) {
    this.#bytes = bytes;
    this.#at = offset > bytes.length ? bytes.length : Number(offset);
  }

  ready(): boolean {
    return true;
  }

  take(maxBytes: number): Uint8Array | StreamEnd {
    if (this.#at === this.#bytes.length) return ENDED;
    const bytes = this.#bytes.subarray(this.#at, this.#at + maxBytes);
    this.#at += bytes.length;
    return bytes;
  }
}

function typeOf(entry: Entry): FileType {
  return entry instanceof Map ? 'directory' : 'regular-file';
}

function statOf(entry: Entry): DescriptorStat {
  return {
    type: typeOf(entry),
    linkCount: 1n,
    size: BigInt(entry instanceof Map ? 0 : entry.length),
    dataAccessTimestamp: undefined,
    dataModificationTimestamp: undefined,
    statusChangeTimestamp: undefined,
  };
}

function hashOf(text: string): MetadataHash {
  const hash = createHash('sha256').update(text).digest();
  return { lower: hash.readBigUInt64LE(0), upper: hash.readBigUInt64LE(8) };
}
