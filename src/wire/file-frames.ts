/**
 * `wasi:filesystem` on volumes, on the channel between a cell and the broker (`broker-frames.ts`). What a descriptor is asked
 * is an `Ask` with `Capability.Files`; a byte stream of a file is a number of its own, above those of requests
 * (`http-frames.ts`), from `Open` to `Over`.
 *
 * A *place* is `u64le handle`, and `text volume` where the handle is 0: the root of a volume, which needs no opening. Handles
 * are of one broker and one channel: what an earlier broker gave is unknown to the next, and answered `bad-descriptor`.
 *
 * Invariants
 * F1 Each `Open` gets exactly one `Over`, and it is the broker's last frame for the number: with it the number is free. What
 *    the cell says about a free number is late, not wrong.
 * F2 Bytes flow only against credit, both ways: `INITIAL_CREDIT_BYTES` at first, then what `Credit` adds. Credit for
 *    written bytes is the word that they are in the file.
 * F3 At most `MAX_FILE_STREAMS` streams and `MAX_FILE_HANDLES` handles of a cell are open.
 */
import { MAX_EXCHANGES } from './http-frames.ts';

export const MAX_FILE_STREAMS = 256;
/** What `limits.files` may be at most. */
export const MAX_FILE_HANDLES = 4_096;

/** Numbers of streams are above this, up to this and `MAX_FILE_STREAMS`. */
export function numbersBelowStreams(seats: number): number {
  return seats + MAX_EXCHANGES;
}

/** Cell → broker. */
export const FileToBroker = {
  /** `u16le flags` of `Ask`, `u32le seat`, `u8` of `StreamMode`, `u64le offset`, then a place. */
  Open: 0x48,
  /** Bytes to write. */
  Body: 0x49,
  /** `u32le bytes`: more may be sent. */
  Credit: 0x4a,
  /** Nobody reads on, or nothing more will be written. `Over` still comes. */
  Drop: 0x4b,
  /** Of a seat: `u64le handle` that is not used any more. */
  Close: 0x4c,
} as const;

/** Broker → cell. */
export const FileFromBroker = {
  /** Bytes of the file. */
  Body: 0x56,
  /** `u32le bytes`: so many were written, and more may come. */
  Credit: 0x57,
  /** `u8`: 0 at the end of the file or after `Drop`, else the number of the error in `FILE_ERRORS` and 1. */
  Over: 0x58,
} as const;

export const StreamMode = { Read: 0, Write: 1, Append: 2 } as const;

export function isFileToBroker(type: number): boolean {
  return type >= FileToBroker.Open && type <= FileToBroker.Drop;
}

export function isFileFromBroker(type: number): boolean {
  return type >= FileFromBroker.Body && type <= FileFromBroker.Over;
}

/**
 * What is asked of a place, which comes first, and what the answer holds. `times` are two of `u8` (0 as it is, 1 now, 2 as
 * follows), `u64le seconds`, `u32le nanoseconds`; `stat` is `u8 type`, `u64le links`, `u64le size` and three of `u64le seconds`,
 * `u32le nanoseconds` (accessed, modified, changed).
 */
export const Files = {
  /** → stat */
  Stat: 1,
  /** u8 path flags, text path → stat */
  StatAt: 2,
  /** u8 path flags, u8 open flags, u8 descriptor flags, text path → u64le handle, u8 type, u8 whether it is the root, u64le, u64le identity */
  OpenAt: 3,
  /** u64le offset, u32le length → u8 end, the bytes */
  Read: 4,
  /** u64le offset, bytes → u64le written */
  Write: 5,
  /** text after which name (empty: from the start) → u8 whether that was all, list of (u8 type, text name) */
  List: 6,
  /** u64le size → nothing */
  SetSize: 7,
  /** times → nothing */
  SetTimes: 8,
  /** u8 path flags, text path, times → nothing */
  SetTimesAt: 9,
  /** text path → nothing */
  CreateDirectoryAt: 10,
  /** u8 path flags, text path, another place, text path there → nothing */
  LinkAt: 11,
  /** text path → text */
  ReadlinkAt: 12,
  /** text path → nothing */
  RemoveDirectoryAt: 13,
  /** text path, another place, text path there → nothing */
  RenameAt: 14,
  /** text what it leads to, text path → nothing */
  SymlinkAt: 15,
  /** text path → nothing */
  UnlinkFileAt: 16,
  /** → u64le, u64le */
  MetadataHash: 17,
  /** u8 path flags, text path → u64le, u64le */
  MetadataHashAt: 18,
  /** → nothing */
  Sync: 19,
  /** → nothing */
  SyncData: 20,
} as const;

export type FilesOperation = (typeof Files)[keyof typeof Files];

/** In the order of their numbers on the wire, which is that of `wasi:filesystem/types#descriptor-type`. */
export const FILE_TYPES = [
  'unknown',
  'block-device',
  'character-device',
  'directory',
  'fifo',
  'symbolic-link',
  'regular-file',
  'socket',
] as const;
export type FileType = (typeof FILE_TYPES)[number];

/** The cases of `wasi:filesystem/types#error-code` that are given, by their number on the wire. */
export const FILE_ERRORS = [
  'access',
  'bad-descriptor',
  'busy',
  'quota',
  'exist',
  'file-too-large',
  'illegal-byte-sequence',
  'invalid',
  'io',
  'is-directory',
  'loop',
  'too-many-links',
  'name-too-long',
  'no-entry',
  'insufficient-memory',
  'insufficient-space',
  'not-directory',
  'not-empty',
  'unsupported',
  'overflow',
  'not-permitted',
  'read-only',
  'text-file-busy',
  'cross-device',
] as const;
export type FileError = (typeof FILE_ERRORS)[number];

/** The `Status` of an `Answer` that is an error of the interface: this and its number. */
export const FILE_ERROR_STATUS = 64;

export const PathFlag = { SymlinkFollow: 1 } as const;
export const OpenFlag = { Create: 1, Directory: 2, Exclusive: 4, Truncate: 8 } as const;
export const DescriptorFlag = {
  Read: 1,
  Write: 2,
  FileIntegritySync: 4,
  DataIntegritySync: 8,
  RequestedWriteSync: 16,
  MutateDirectory: 32,
} as const;
export const TimeChange = { AsItIs: 0, Now: 1, Given: 2 } as const;

/** Of a path, and of what a symbolic link leads to. */
export const MAX_FILE_PATH_BYTES = 4096;
/** The most that one `Read` gives. */
export const MAX_READ_BYTES = 256 * 1024;
/** The most that one `Write` takes. */
export const MAX_WRITE_BYTES = 512 * 1024;
/** Entries of one page of `List`, and bytes of their names together. */
export const MAX_LISTED_ENTRIES = 1000;
export const MAX_LISTED_BYTES = 256 * 1024;
