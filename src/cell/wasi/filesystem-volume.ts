/** A place in a volume: each function is a question to the broker, which alone knows what is granted and has the files. */
import { Capability, Status } from '../../wire/broker-frames.ts';
import type { BrokerReader } from '../../wire/broker-reader.ts';
import type { FrameWriter } from '../../wire/encoder.ts';
import {
  DescriptorFlag,
  FILE_ERRORS,
  FILE_ERROR_STATUS,
  FILE_TYPES,
  Files,
  MAX_FILE_PATH_BYTES,
  MAX_WRITE_BYTES,
  OpenFlag,
  PathFlag,
  StreamMode,
  TimeChange,
  type FileError,
  type FileType,
} from '../../wire/file-frames.ts';
import type { Asking, Reply } from '../broker.ts';
import { FileSink, placeBytes, writePlace, type FilePlace, type FileSource } from '../file-streams.ts';
import {
  fault,
  type Datetime,
  type DescriptorFlags,
  type DescriptorStat,
  type FileNode,
  type MetadataHash,
  type NewTimestamp,
  type OpenFlags,
  type Outcome,
  type Page,
  type PathFlags,
} from './filesystem-node.ts';
import type { Failed } from './result.ts';

const MAX_U32 = 0xffff_ffffn;
/** u8, u64, u32 for each. */
const TIMES_BYTES = 26;
const MAX_LIST_NAME_BYTES = 1024;
const ROOT_FLAGS: DescriptorFlags = Object.freeze({ read: true, mutateDirectory: true });
const READ_ONLY_FLAGS: DescriptorFlags = Object.freeze({ read: true });

type Write = (writer: FrameWriter) => void;
type Kind = Pick<FileNode, 'type' | 'flags' | 'identity'>;

/** The root of a volume. Whether it may be written to is for the broker to say; this is what the guest is told. */
export function volumeRoot(seat: Asking, volume: string, mayWrite: boolean): FileNode {
  const place = { handle: 0n, volume: Buffer.from(volume, 'utf8') };
  const flags = mayWrite ? ROOT_FLAGS : READ_ONLY_FLAGS;
  return new VolumeNode(seat, place, { type: 'directory', flags, identity: rootOf(volume) });
}

function rootOf(volume: string): string {
  return `volume ${volume}`;
}

class VolumeNode implements FileNode {
  readonly type: FileType;
  readonly flags: DescriptorFlags;
  readonly identity: string;
  readonly #seat: Asking;
  readonly #place: FilePlace;

  /** @param place whose volume is named also where there is a handle. */
  constructor(seat: Asking, place: FilePlace, { type, flags, identity }: Kind) {
    this.#seat = seat;
    this.#place = place;
    this.type = type;
    this.flags = flags;
    this.identity = identity;
  }

  source(offset: bigint): FileSource | Failed<FileError> {
    if (this.type === 'directory') return fault('is-directory');
    if (!this.flags.read) return fault('bad-descriptor');
    const stream = this.#seat.files.stream(StreamMode.Read, offset, this.#place);
    return stream === undefined || stream instanceof FileSink ? fault('insufficient-memory') : stream;
  }

  sink(offset: bigint | undefined): FileSink | Failed<FileError> {
    if (this.type === 'directory') return fault('is-directory');
    if (!this.flags.write) return fault('bad-descriptor');
    const mode = offset === undefined ? StreamMode.Append : StreamMode.Write;
    const stream = this.#seat.files.stream(mode, offset ?? 0n, this.#place);
    return stream instanceof FileSink ? stream : fault('insufficient-memory');
  }

  read(length: bigint, offset: bigint): Outcome<readonly [Uint8Array, boolean]> {
    const bytes = length > MAX_U32 ? MAX_U32 : length;
    const write: Write = (writer) => {
      writer.u64(offset);
      writer.u32(Number(bytes));
    };
    return this.#ask(Files.Read, 12, write, (reader) => {
      const isEnd = reader.u8() === 1;
      return [reader.restBytes(), isEnd] as const;
    });
  }

  write(bytes: Uint8Array, offset: bigint): Outcome<bigint> {
    const some = bytes.subarray(0, MAX_WRITE_BYTES);
    const write: Write = (writer) => {
      writer.u64(offset);
      writer.sized(some);
    };
    return this.#ask(Files.Write, 12 + some.length, write, (reader) => reader.u64());
  }

  list(after: string): Outcome<Page> {
    return this.#askPaths(Files.List, [after], nothing, 0, (reader) => {
      const isAll = reader.u8() === 1;
      const entries = [];
      for (let left = reader.u32(); left > 0 && !reader.broken; left--) {
        entries.push({ type: FILE_TYPES[reader.u8()] ?? 'unknown', name: reader.text(MAX_LIST_NAME_BYTES) });
      }
      return { entries, isAll };
    });
  }

  stat(): Outcome<DescriptorStat> {
    return this.#ask(Files.Stat, 0, nothing, readStat);
  }

  statAt(follow: PathFlags, path: string): Outcome<DescriptorStat> {
    return this.#askPaths(Files.StatAt, [path], (writer) => writer.u8(pathFlags(follow)), 1, readStat);
  }

  openAt(follow: PathFlags, path: string, open: OpenFlags, flags: DescriptorFlags): Outcome<FileNode> {
    const before: Write = (writer) => {
      writer.u8(pathFlags(follow));
      writer.u8(openFlags(open));
      writer.u8(descriptorFlags(flags));
    };
    const { volume } = this.#place;
    return this.#askPaths(Files.OpenAt, [path], before, 3, (reader) => {
      const handle = reader.u64();
      const type = FILE_TYPES[reader.u8()] ?? 'unknown';
      const isRoot = reader.u8() === 1;
      const identity = `${reader.u64()} ${reader.u64()}`;
      this.#seat.files.hold(handle);
      const kind = { type, flags, identity: isRoot ? rootOf(Buffer.from(volume).toString()) : identity };
      return new VolumeNode(this.#seat, { handle, volume }, kind);
    });
  }

  setSize(size: bigint): Outcome<undefined> {
    return this.#ask(Files.SetSize, 8, (writer) => writer.u64(size), none);
  }

  setTimes(accessed: NewTimestamp, modified: NewTimestamp): Outcome<undefined> {
    return this.#ask(Files.SetTimes, TIMES_BYTES, (writer) => writeTimes(writer, accessed, modified), none);
  }

  setTimesAt(follow: PathFlags, path: string, accessed: NewTimestamp, modified: NewTimestamp): Outcome<undefined> {
    const name = Buffer.from(path, 'utf8');
    if (name.length > MAX_FILE_PATH_BYTES) return fault('name-too-long');
    const write: Write = (writer) => {
      writer.u8(pathFlags(follow));
      writer.sized(name);
      writeTimes(writer, accessed, modified);
    };
    return this.#ask(Files.SetTimesAt, 5 + name.length + TIMES_BYTES, write, none);
  }

  createDirectoryAt(path: string): Outcome<undefined> {
    return this.#askPaths(Files.CreateDirectoryAt, [path], nothing, 0, none);
  }

  linkAt(follow: PathFlags, path: string, other: FileNode, otherPath: string): Outcome<undefined> {
    return this.#askBoth(Files.LinkAt, path, other, otherPath, (writer) => writer.u8(pathFlags(follow)));
  }

  readlinkAt(path: string): Outcome<string> {
    return this.#askPaths(Files.ReadlinkAt, [path], nothing, 0, (reader) => reader.text(MAX_FILE_PATH_BYTES));
  }

  removeDirectoryAt(path: string): Outcome<undefined> {
    return this.#askPaths(Files.RemoveDirectoryAt, [path], nothing, 0, none);
  }

  renameAt(path: string, other: FileNode, otherPath: string): Outcome<undefined> {
    return this.#askBoth(Files.RenameAt, path, other, otherPath, nothing);
  }

  symlinkAt(target: string, path: string): Outcome<undefined> {
    return this.#askPaths(Files.SymlinkAt, [target, path], nothing, 0, none);
  }

  unlinkFileAt(path: string): Outcome<undefined> {
    return this.#askPaths(Files.UnlinkFileAt, [path], nothing, 0, none);
  }

  metadataHash(): Outcome<MetadataHash> {
    return this.#ask(Files.MetadataHash, 0, nothing, readHash);
  }

  metadataHashAt(follow: PathFlags, path: string): Outcome<MetadataHash> {
    return this.#askPaths(Files.MetadataHashAt, [path], (writer) => writer.u8(pathFlags(follow)), 1, readHash);
  }

  sync(): Outcome<undefined> {
    return this.#ask(Files.Sync, 0, nothing, none);
  }

  syncData(): Outcome<undefined> {
    return this.#ask(Files.SyncData, 0, nothing, none);
  }

  close(): void {
    if (this.#place.handle !== 0n) this.#seat.files.close(this.#place.handle);
  }

  closeStream(stream: FileSource | FileSink): void {
    this.#seat.files.drop(stream);
  }

  #ask<Value>(
    operation: number,
    bytes: number,
    write: Write,
    read: (reader: BrokerReader) => Value,
  ): Promise<Value | Failed<FileError>> {
    const place = this.#place;
    const question = {
      capability: Capability.Files,
      operation,
      bytes: placeBytes(place) + bytes,
      write(writer: FrameWriter) {
        writePlace(writer, place);
        write(writer);
      },
    };
    return this.#seat.ask(question).then((reply) => (reply.status === Status.Ok ? read(reply.reader) : errorOf(reply)));
  }

  #askPaths<Value>(
    operation: number,
    paths: readonly string[],
    before: Write,
    beforeBytes: number,
    read: (reader: BrokerReader) => Value,
  ): Outcome<Value> {
    const names = paths.map((path) => Buffer.from(path, 'utf8'));
    if (names.some((name) => name.length > MAX_FILE_PATH_BYTES)) return fault('name-too-long');
    const bytes = names.reduce((sum, name) => sum + 4 + name.length, beforeBytes);
    const write: Write = (writer) => {
      before(writer);
      for (const name of names) writer.sized(name);
    };
    return this.#ask(operation, bytes, write, read);
  }

  /** What is in another mount is on another device, whatever it is. */
  #askBoth(operation: number, path: string, other: FileNode, otherPath: string, before: Write): Outcome<undefined> {
    if (!(other instanceof VolumeNode)) return fault('cross-device');
    const name = Buffer.from(otherPath, 'utf8');
    if (name.length > MAX_FILE_PATH_BYTES) return fault('name-too-long');
    const there = other.#place;
    const own = Buffer.from(path, 'utf8');
    if (own.length > MAX_FILE_PATH_BYTES) return fault('name-too-long');
    const write: Write = (writer) => {
      before(writer);
      writer.sized(own);
      writePlace(writer, there);
      writer.sized(name);
    };
    return this.#ask(operation, 1 + 8 + own.length + name.length + placeBytes(there), write, none);
  }
}

function errorOf({ status }: Reply): Failed<FileError> {
  if (status === Status.AccessDenied) return fault('access');
  return fault(FILE_ERRORS[status - FILE_ERROR_STATUS] ?? 'io');
}

function readStat(reader: BrokerReader): DescriptorStat {
  const type = FILE_TYPES[reader.u8()] ?? 'unknown';
  const linkCount = reader.u64();
  const size = reader.u64();
  const [dataAccessTimestamp, dataModificationTimestamp, statusChangeTimestamp] = [0, 1, 2].map(() => readTime(reader));
  return { type, linkCount, size, dataAccessTimestamp, dataModificationTimestamp, statusChangeTimestamp };
}

function readTime(reader: BrokerReader): Datetime {
  return { seconds: reader.u64(), nanoseconds: reader.u32() };
}

function readHash(reader: BrokerReader): MetadataHash {
  return { lower: reader.u64(), upper: reader.u64() };
}

function writeTimes(writer: FrameWriter, ...times: readonly NewTimestamp[]): void {
  for (const { tag, val } of times) {
    writer.u8(tag === 'now' ? TimeChange.Now : tag === 'timestamp' ? TimeChange.Given : TimeChange.AsItIs);
    writer.u64(val?.seconds ?? 0n);
    writer.u32(Math.min(val?.nanoseconds ?? 0, 999_999_999));
  }
}

function pathFlags({ symlinkFollow }: PathFlags): number {
  return symlinkFollow ? PathFlag.SymlinkFollow : 0;
}

function openFlags({ create, directory, exclusive, truncate }: OpenFlags): number {
  return (
    (create ? OpenFlag.Create : 0) |
    (directory ? OpenFlag.Directory : 0) |
    (exclusive ? OpenFlag.Exclusive : 0) |
    (truncate ? OpenFlag.Truncate : 0)
  );
}

function descriptorFlags(flags: DescriptorFlags): number {
  return (
    (flags.read ? DescriptorFlag.Read : 0) |
    (flags.write ? DescriptorFlag.Write : 0) |
    (flags.fileIntegritySync ? DescriptorFlag.FileIntegritySync : 0) |
    (flags.dataIntegritySync ? DescriptorFlag.DataIntegritySync : 0) |
    (flags.requestedWriteSync ? DescriptorFlag.RequestedWriteSync : 0) |
    (flags.mutateDirectory ? DescriptorFlag.MutateDirectory : 0)
  );
}

const nothing: Write = () => undefined;
const none = (): undefined => undefined;
