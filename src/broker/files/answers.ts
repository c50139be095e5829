/** What is said to a question about files, ready to be written. */
import type { BigIntStats } from 'node:fs';
import { FromBroker, Status } from '../../wire/broker-frames.ts';
import { FILE_ERRORS, FILE_ERROR_STATUS, FILE_TYPES, type FileError, type FileType } from '../../wire/file-frames.ts';
import type { FrameWriter } from '../../wire/encoder.ts';
import type { Answer } from '../answer.ts';

const STAT_BYTES = 1 + 8 + 8 + 3 * 12;
const NANOSECONDS = 1_000_000_000n;

export interface ListedEntry {
  readonly type: FileType;
  readonly name: Buffer;
}

export function failure(code: FileError): Answer {
  const status = FILE_ERROR_STATUS + FILE_ERRORS.indexOf(code);
  return (writer, seat) => writer.numberFrame(FromBroker.Answer, seat, status, 1);
}

export function stat(stats: BigIntStats): Answer {
  return ok(STAT_BYTES, (writer) => {
    writer.u8(FILE_TYPES.indexOf(typeOf(stats)));
    writer.u64(stats.nlink);
    writer.u64(stats.size);
    for (const time of [stats.atimeNs, stats.mtimeNs, stats.ctimeNs]) {
      // The interface has no time before 1970.
      const known = time < 0n ? 0n : time;
      writer.u64(known / NANOSECONDS);
      writer.u32(Number(known % NANOSECONDS));
    }
  });
}

export function opened(handle: bigint, stats: BigIntStats, isRoot: boolean, identity: Buffer): Answer {
  return ok(8 + 2 + 16, (writer) => {
    writer.u64(handle);
    writer.u8(FILE_TYPES.indexOf(typeOf(stats)));
    writer.u8(isRoot ? 1 : 0);
    writer.bytes(identity);
  });
}

export function bytesRead(bytes: Uint8Array, isEnd: boolean): Answer {
  return ok(1 + bytes.length, (writer) => {
    writer.u8(isEnd ? 1 : 0);
    writer.bytes(bytes);
  });
}

export function written(bytes: number): Answer {
  return ok(8, (writer) => writer.u64(BigInt(bytes)));
}

export function entries(list: readonly ListedEntry[], isAll: boolean): Answer {
  const bytes = list.reduce((sum, { name }) => sum + 5 + name.length, 5);
  return ok(bytes, (writer) => {
    writer.u8(isAll ? 1 : 0);
    writer.u32(list.length);
    for (const { type, name } of list) {
      writer.u8(FILE_TYPES.indexOf(type));
      writer.sized(name);
    }
  });
}

export function text(value: string): Answer {
  const bytes = Buffer.from(value, 'utf8');
  return ok(4 + bytes.length, (writer) => writer.sized(bytes));
}

export function hash(bytes: Buffer): Answer {
  return ok(16, (writer) => writer.bytes(bytes));
}

export function typeOf(
  of: Pick<
    BigIntStats,
    'isFile' | 'isDirectory' | 'isSymbolicLink' | 'isFIFO' | 'isSocket' | 'isBlockDevice' | 'isCharacterDevice'
  >,
): FileType {
  if (of.isFile()) return 'regular-file';
  if (of.isDirectory()) return 'directory';
  if (of.isSymbolicLink()) return 'symbolic-link';
  if (of.isFIFO()) return 'fifo';
  if (of.isSocket()) return 'socket';
  if (of.isBlockDevice()) return 'block-device';
  return of.isCharacterDevice() ? 'character-device' : 'unknown';
}

function ok(bytes: number, write: (writer: FrameWriter) => void): Answer {
  return (writer, seat) => {
    writer.begin(FromBroker.Answer, seat, 1 + bytes);
    writer.u8(Status.Ok);
    write(writer);
    writer.end();
  };
}
