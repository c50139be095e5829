/** `wasi:filesystem` 0.2: descriptors over whatever is mounted, and what is mounted. */
import type { FileError, FileType } from '../../wire/file-frames.ts';
import { FileSink, FileSource } from '../file-streams.ts';
import { HostResource } from '../resource.ts';
import type { Scope } from '../scope.ts';
import { IoError } from './error.ts';
import {
  fault,
  isFailed,
  type DescriptorFlags,
  type DirectoryEntry,
  type FileNode,
  type MetadataHash,
  type NewTimestamp,
  type OpenFlags,
  type Outcome,
  type Page,
  type PathFlags,
} from './filesystem-node.ts';
import type { Failed } from './result.ts';
import { InputStream, OutputStream } from './streams.ts';

/** Where the guest sees it, and the folder that is there. */
export interface Mount {
  readonly mountPath: string;
  readonly root: FileNode;
}

export class Descriptor extends HostResource {
  readonly #node: FileNode;

  constructor(scope: Scope, node: FileNode) {
    super(scope);
    this.#node = node;
  }

  readViaStream(offset: bigint): InputStream | Failed<FileError> {
    const source = this.#node.source(offset);
    if (isFailed(source)) return source;
    return new InputStream(this.scope, source, () => {
      if (source instanceof FileSource) this.#node.closeStream(source);
    });
  }

  writeViaStream(offset: bigint): OutputStream | Failed<FileError> {
    return this.#sink(offset);
  }

  appendViaStream(): OutputStream | Failed<FileError> {
    return this.#sink(undefined);
  }

  /** Advice may be followed or not; Node has no call to pass it on by. */
  advise(): Failed<FileError> | undefined {
    return this.#node.type === 'directory' ? fault('bad-descriptor') : undefined;
  }

  syncData(): Outcome<undefined> {
    return this.#node.syncData();
  }

  getFlags(): DescriptorFlags {
    return this.#node.flags;
  }

  getType(): FileType {
    return this.#node.type;
  }

  setSize(size: bigint): Outcome<undefined> {
    return this.#node.setSize(size);
  }

  setTimes(accessed: NewTimestamp, modified: NewTimestamp): Outcome<undefined> {
    return this.#node.setTimes(accessed, modified);
  }

  read(length: bigint, offset: bigint): Outcome<readonly [Uint8Array, boolean]> {
    return this.#node.read(length, offset);
  }

  write(bytes: Uint8Array, offset: bigint): Outcome<bigint> {
    return this.#node.write(bytes, offset);
  }

  readDirectory(): DirectoryEntryStream | Failed<FileError> {
    if (this.#node.type !== 'directory') return fault('not-directory');
    if (!this.#node.flags.read) return fault('bad-descriptor');
    return new DirectoryEntryStream(this.scope, this.#node);
  }

  sync(): Outcome<undefined> {
    return this.#node.sync();
  }

  createDirectoryAt(path: string): Outcome<undefined> {
    return this.#node.createDirectoryAt(path);
  }

  stat(): ReturnType<FileNode['stat']> {
    return this.#node.stat();
  }

  statAt(follow: PathFlags, path: string): ReturnType<FileNode['statAt']> {
    return this.#node.statAt(follow, path);
  }

  setTimesAt(follow: PathFlags, path: string, accessed: NewTimestamp, modified: NewTimestamp): Outcome<undefined> {
    return this.#node.setTimesAt(follow, path, accessed, modified);
  }

  linkAt(follow: PathFlags, path: string, other: Descriptor, otherPath: string): Outcome<undefined> {
    return this.#node.linkAt(follow, path, other.#node, otherPath);
  }

  openAt(follow: PathFlags, path: string, open: OpenFlags, flags: DescriptorFlags): Outcome<Descriptor> {
    const opened = this.#node.openAt(follow, path, open, flags);
    if (!(opened instanceof Promise)) return this.#made(opened);
    return opened.then((node) => this.#made(node));
  }

  readlinkAt(path: string): Outcome<string> {
    return this.#node.readlinkAt(path);
  }

  removeDirectoryAt(path: string): Outcome<undefined> {
    return this.#node.removeDirectoryAt(path);
  }

  renameAt(path: string, other: Descriptor, otherPath: string): Outcome<undefined> {
    return this.#node.renameAt(path, other.#node, otherPath);
  }

  symlinkAt(target: string, path: string): Outcome<undefined> {
    return this.#node.symlinkAt(target, path);
  }

  unlinkFileAt(path: string): Outcome<undefined> {
    return this.#node.unlinkFileAt(path);
  }

  isSameObject(other: Descriptor): boolean {
    return this.#node.identity === other.#node.identity;
  }

  metadataHash(): Outcome<MetadataHash> {
    return this.#node.metadataHash();
  }

  metadataHashAt(follow: PathFlags, path: string): Outcome<MetadataHash> {
    return this.#node.metadataHashAt(follow, path);
  }

  protected override dropped(): void {
    this.#node.close();
  }

  #made(node: FileNode | Failed<FileError>): Descriptor | Failed<FileError> {
    return isFailed(node) ? node : new Descriptor(this.scope, node);
  }

  #sink(offset: bigint | undefined): OutputStream | Failed<FileError> {
    const sink = this.#node.sink(offset);
    if (!(sink instanceof FileSink)) return sink;
    return new OutputStream(this.scope, sink, () => this.#node.closeStream(sink));
  }
}

/** The names of a folder in order; one that is there throughout comes once, whatever comes and goes meanwhile. */
export class DirectoryEntryStream extends HostResource {
  readonly #node: FileNode;
  #page: Page | undefined;
  #next = 0;
  #last = '';

  constructor(scope: Scope, node: FileNode) {
    super(scope);
    this.#node = node;
  }

  readDirectoryEntry(): Outcome<DirectoryEntry | undefined> {
    const page = this.#page;
    if (page && (this.#next < page.entries.length || page.isAll)) return this.#take(page);
    const listed = this.#node.list(this.#last);
    if (!(listed instanceof Promise)) return this.#turnTo(listed);
    return listed.then((one) => this.#turnTo(one));
  }

  #turnTo(page: Page | Failed<FileError>): DirectoryEntry | undefined | Failed<FileError> {
    if (isFailed(page)) return page;
    this.#page = page;
    this.#next = 0;
    return this.#take(page);
  }

  #take({ entries }: Page): DirectoryEntry | undefined {
    const entry = entries[this.#next];
    if (!entry) return undefined;
    this.#next += 1;
    this.#last = entry.name;
    return entry;
  }
}

export const filesystemTypes: object = Object.freeze({
  Descriptor,
  DirectoryEntryStream,
  filesystemErrorCode: (error: IoError) => IoError.fileCodeOf(error),
});

export function filesystemPreopens(scope: Scope, mounts: readonly Mount[]): object {
  return {
    getDirectories: () => mounts.map(({ mountPath, root }) => [new Descriptor(scope, root), mountPath] as const),
  };
}
