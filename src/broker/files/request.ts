/** The payload of an `Ask` about files, from hostile bytes (`wire/file-frames.ts`). */
import {
  Files,
  MAX_FILE_PATH_BYTES,
  MAX_READ_BYTES,
  MAX_WRITE_BYTES,
  TimeChange,
  type FilesOperation,
} from '../../wire/file-frames.ts';
import type { BrokerReader } from '../../wire/broker-reader.ts';
import type { HowToOpen } from './opened.ts';
import type { ChangedTime, Times } from './operations.ts';

/** Longer names are not names of the manifests. */
const MAX_VOLUME_BYTES = 256;
const MAX_NANOSECONDS = 999_999_999;
/** One byte more is let in than a path may have: too long a path is an error of the interface. */
const MAX_TEXT_BYTES = 4 * MAX_FILE_PATH_BYTES;

export interface Place {
  /** 0: the root of the volume. */
  readonly handle: bigint;
  readonly volume: string;
}

export interface FilesRequest {
  readonly operation: FilesOperation;
  readonly place: Place;
  readonly path: string;
  readonly how: HowToOpen;
  /** Of `LinkAt` and `RenameAt`. */
  readonly other: { readonly place: Place; readonly path: string } | undefined;
  readonly times: Times | undefined;
  /** Of a read, a write, a size. */
  readonly number: bigint;
  readonly length: number;
  /** A view of the frame. */
  readonly bytes: Uint8Array;
}

type Piece =
  | 'PathFlags'
  | 'OpenFlags'
  | 'Flags'
  | 'Path'
  | 'Target'
  | 'Other'
  | 'Times'
  | 'Number'
  | 'Length'
  | 'Bytes';

interface Shape {
  /** In an audit line, and in the words of the interface. */
  readonly name: string;
  /** Of `OpenAt` it depends on the flags. */
  readonly write: boolean;
  readonly pieces: readonly Piece[];
}

const shape = (name: string, write: boolean, ...pieces: Piece[]): Shape => ({ name, write, pieces });

export const SHAPES: Readonly<Record<FilesOperation, Shape>> = {
  [Files.Stat]: shape('stat', false),
  [Files.StatAt]: shape('stat-at', false, 'PathFlags', 'Path'),
  [Files.OpenAt]: shape('open-at', false, 'PathFlags', 'OpenFlags', 'Flags', 'Path'),
  [Files.Read]: shape('read', false, 'Number', 'Length'),
  [Files.Write]: shape('write', true, 'Number', 'Bytes'),
  [Files.List]: shape('read-directory', false, 'Path'),
  [Files.SetSize]: shape('set-size', true, 'Number'),
  [Files.SetTimes]: shape('set-times', true, 'Times'),
  [Files.SetTimesAt]: shape('set-times-at', true, 'PathFlags', 'Path', 'Times'),
  [Files.CreateDirectoryAt]: shape('create-directory-at', true, 'Path'),
  [Files.LinkAt]: shape('link-at', true, 'PathFlags', 'Path', 'Other'),
  [Files.ReadlinkAt]: shape('readlink-at', false, 'Path'),
  [Files.RemoveDirectoryAt]: shape('remove-directory-at', true, 'Path'),
  [Files.RenameAt]: shape('rename-at', true, 'Path', 'Other'),
  [Files.SymlinkAt]: shape('symlink-at', true, 'Target', 'Path'),
  [Files.UnlinkFileAt]: shape('unlink-file-at', true, 'Path'),
  [Files.MetadataHash]: shape('metadata-hash', false),
  [Files.MetadataHashAt]: shape('metadata-hash-at', false, 'PathFlags', 'Path'),
  [Files.Sync]: shape('sync', false),
  [Files.SyncData]: shape('sync-data', false),
};

/** `undefined`: no such operation, or a payload that is not what it should be (B1). */
export function readFilesRequest(
  operation: number,
  reader: BrokerReader,
): (FilesRequest & { readonly target: string }) | undefined {
  if (!isOperation(operation)) return undefined;
  const place = readPlace(reader);
  const how = { pathFlags: 0, openFlags: 0, flags: 0 };
  const read = { path: '', target: '', number: 0n, length: 0, bytes: NOTHING as Uint8Array };
  let other: FilesRequest['other'];
  let times: Times | undefined;
  for (const piece of SHAPES[operation].pieces) {
    if (piece === 'PathFlags') how.pathFlags = reader.u8();
    else if (piece === 'OpenFlags') how.openFlags = reader.u8();
    else if (piece === 'Flags') how.flags = reader.u8();
    else if (piece === 'Path') read.path = reader.text(MAX_TEXT_BYTES);
    else if (piece === 'Target') read.target = reader.text(MAX_TEXT_BYTES);
    else if (piece === 'Number') read.number = reader.u64();
    else if (piece === 'Length') read.length = Math.min(reader.u32(), MAX_READ_BYTES);
    else if (piece === 'Bytes') read.bytes = reader.bytes(MAX_WRITE_BYTES);
    else if (piece === 'Times') times = { accessed: readTime(reader), modified: readTime(reader) };
    else other = { place: readPlace(reader), path: reader.text(MAX_TEXT_BYTES) };
  }
  if (!reader.done || isOutOfRange(how) || (times && !isTimes(times))) return undefined;
  return { operation, place, how, other, times, ...read };
}

export function readPlace(reader: BrokerReader): Place {
  const handle = reader.u64();
  return { handle, volume: handle === 0n ? reader.text(MAX_VOLUME_BYTES) : '' };
}

function readTime(reader: BrokerReader): ChangedTime {
  return { how: reader.u8(), seconds: reader.u64(), nanoseconds: reader.u32() };
}

function isTimes({ accessed, modified }: Times): boolean {
  return [accessed, modified].every(
    ({ how, nanoseconds }) => how <= TimeChange.Given && nanoseconds <= MAX_NANOSECONDS,
  );
}

function isOutOfRange({ pathFlags, openFlags, flags }: HowToOpen): boolean {
  return pathFlags > 1 || openFlags > 15 || flags > 63;
}

function isOperation(operation: number): operation is FilesOperation {
  return Object.hasOwn(SHAPES, operation);
}

const NOTHING = new Uint8Array(0);
