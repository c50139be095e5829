/** What a descriptor stands for: a place in an image that the cell holds, or one that the broker has open. */
import type { FileError, FileType } from '../../wire/file-frames.ts';
import type { FileSink, FileSource } from '../file-streams.ts';
import { failed, type Failed } from './result.ts';
import type { ByteSource } from './streams.ts';

export type Outcome<Value> = Value | Failed<FileError> | Promise<Value | Failed<FileError>>;

/** As the bindings give and take flags: absent is unset. */
export interface DescriptorFlags {
  readonly read?: boolean;
  readonly write?: boolean;
  readonly fileIntegritySync?: boolean;
  readonly dataIntegritySync?: boolean;
  readonly requestedWriteSync?: boolean;
  readonly mutateDirectory?: boolean;
}
export interface PathFlags {
  readonly symlinkFollow?: boolean;
}
export interface OpenFlags {
  readonly create?: boolean;
  readonly directory?: boolean;
  readonly exclusive?: boolean;
  readonly truncate?: boolean;
}

export interface Datetime {
  readonly seconds: bigint;
  readonly nanoseconds: number;
}

export type NewTimestamp =
  | { readonly tag: 'no-change' | 'now'; readonly val?: undefined }
  | { readonly tag: 'timestamp'; readonly val: Datetime };

export interface DescriptorStat {
  readonly type: FileType;
  readonly linkCount: bigint;
  readonly size: bigint;
  readonly dataAccessTimestamp: Datetime | undefined;
  readonly dataModificationTimestamp: Datetime | undefined;
  readonly statusChangeTimestamp: Datetime | undefined;
}

export interface DirectoryEntry {
  readonly type: FileType;
  readonly name: string;
}

export interface Page {
  readonly entries: readonly DirectoryEntry[];
  /** There are no others behind them. */
  readonly isAll: boolean;
}

export interface MetadataHash {
  readonly lower: bigint;
  readonly upper: bigint;
}

export interface FileNode {
  readonly type: FileType;
  readonly flags: DescriptorFlags;
  /** Of one file, the same text whichever descriptor asks. */
  readonly identity: string;
  source(offset: bigint): ByteSource | FileSource | Failed<FileError>;
  sink(offset: bigint | undefined): FileSink | Failed<FileError>;
  read(length: bigint, offset: bigint): Outcome<readonly [Uint8Array, boolean]>;
  write(bytes: Uint8Array, offset: bigint): Outcome<bigint>;
  /** The entries behind a name; of the first page it is empty. */
  list(after: string): Outcome<Page>;
  stat(): Outcome<DescriptorStat>;
  statAt(follow: PathFlags, path: string): Outcome<DescriptorStat>;
  openAt(follow: PathFlags, path: string, open: OpenFlags, flags: DescriptorFlags): Outcome<FileNode>;
  setSize(size: bigint): Outcome<undefined>;
  setTimes(accessed: NewTimestamp, modified: NewTimestamp): Outcome<undefined>;
  setTimesAt(follow: PathFlags, path: string, accessed: NewTimestamp, modified: NewTimestamp): Outcome<undefined>;
  createDirectoryAt(path: string): Outcome<undefined>;
  linkAt(follow: PathFlags, path: string, other: FileNode, otherPath: string): Outcome<undefined>;
  readlinkAt(path: string): Outcome<string>;
  removeDirectoryAt(path: string): Outcome<undefined>;
  renameAt(path: string, other: FileNode, otherPath: string): Outcome<undefined>;
  symlinkAt(target: string, path: string): Outcome<undefined>;
  unlinkFileAt(path: string): Outcome<undefined>;
  metadataHash(): Outcome<MetadataHash>;
  metadataHashAt(follow: PathFlags, path: string): Outcome<MetadataHash>;
  sync(): Outcome<undefined>;
  syncData(): Outcome<undefined>;
  /** The guest has dropped the descriptor, or the stream. */
  close(): void;
  closeStream(stream: FileSource | FileSink): void;
}

export function isFailed(outcome: unknown): outcome is Failed<FileError> {
  return typeof outcome === 'object' && outcome !== null && (outcome as { readonly tag?: unknown }).tag === 'err';
}

const FAILURES = new Map<FileError, Failed<FileError>>();

/** One object for each code. */
export function fault(code: FileError): Failed<FileError> {
  const known = FAILURES.get(code) ?? Object.freeze(failed(code));
  FAILURES.set(code, known);
  return known;
}
