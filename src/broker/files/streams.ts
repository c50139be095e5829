/**
 * Byte streams of the files of one cell's channel (`wire/file-frames.ts`).
 *
 * Invariants
 * S1 A number is open from `Open` to the one `Over` (F1), and within its bounds (F3).
 * S2 No byte leaves beyond the credit of the cell, or while it does not read; none is taken beyond the credit that was given.
 * S3 Each portion is judged by the grants in force when it is read or written: a stream may live longer than a call.
 * S4 A stream has a descriptor of its own: it goes on when the guest has dropped the one that it came from.
 */
import { BrokerReader } from '../../wire/broker-reader.ts';
import { INITIAL_CREDIT_BYTES, MAX_CHUNK_BYTES } from '../../wire/frames.ts';
import {
  DescriptorFlag,
  FILE_ERRORS,
  FileFromBroker,
  FileToBroker,
  MAX_FILE_STREAMS,
  numbersBelowStreams,
  StreamMode,
  type FileError,
} from '../../wire/file-frames.ts';
import type { FrameWriter } from '../../wire/encoder.ts';
import { FileFault } from './fault.ts';
import { reopened, type OpenedFile } from './opened.ts';
import { readAt, writeAt } from './operations.ts';
import { readPlace } from './request.ts';
import type { FilesAsker, FilesService } from './service.ts';
import type { OpenedTable } from './table.ts';

export interface FileStreamsOptions {
  readonly writer: FrameWriter;
  readonly seats: number;
  readonly service: FilesService;
  readonly table: OpenedTable;
  /** By the grants in force now. */
  readonly asker: (seat: number, flags: number) => FilesAsker;
  readonly mayWrite: () => boolean;
}

interface Stream {
  readonly id: number;
  readonly mode: number;
  readonly seat: number;
  readonly flags: number;
  readonly file: OpenedFile;
  offset: number;
  /** Bytes that may be sent, or that may still come. */
  credit: number;
}

const NAMES = ['read-via-stream', 'write-via-stream', 'append-via-stream'] as const;

export class FileStreams {
  readonly #options: FileStreamsOptions;
  readonly #open = new Map<number, Stream>();
  readonly #chunk = Buffer.allocUnsafeSlow(MAX_CHUNK_BYTES);

  constructor(options: FileStreamsOptions) {
    this.#options = options;
  }

  /** A string says how the cell broke the protocol. */
  accept(type: number, id: number, bytes: Buffer, start: number, end: number): string | undefined {
    const below = numbersBelowStreams(this.#options.seats);
    if (id <= below || id > below + MAX_FILE_STREAMS) return `a frame of the stream ${id}`;
    const stream = this.#open.get(id);
    if (type === FileToBroker.Open) {
      return stream ? `a second start of the stream ${id}` : this.#begin(id, new BrokerReader(bytes, start, end));
    }
    return stream && this.#continue(stream, type, bytes.subarray(start, end));
  }

  /** The cell reads again. */
  resume(): void {
    for (const stream of this.#open.values()) this.#send(stream);
  }

  close(): void {
    for (const stream of this.#open.values()) stream.file.close();
    this.#open.clear();
  }

  #begin(id: number, reader: BrokerReader): string | undefined {
    const { seats, service, table, asker } = this.#options;
    const flags = reader.u16();
    const seat = reader.u32();
    const mode = reader.u8();
    const offset = reader.u64();
    const place = readPlace(reader);
    if (!reader.done || mode > StreamMode.Append) return 'the start of a stream of another shape';
    if (seat === 0 || seat > seats) return `a stream of the seat ${seat}`;
    const by = asker(seat, flags);
    try {
      const file = this.#fileOf(service.file(by, table, place, NAMES[mode]!, mode !== StreamMode.Read), mode, offset);
      const stream = { id, mode, seat, flags, file, offset: Number(offset), credit: INITIAL_CREDIT_BYTES };
      this.#open.set(id, stream);
      this.#send(stream);
    } catch (thrown) {
      this.#tellOver(id, service.codeOf(thrown, by.files.namespace));
    }
    return undefined;
  }

  /** S4. */
  #fileOf(file: OpenedFile, mode: number, offset: bigint): OpenedFile {
    const right = mode === StreamMode.Read ? DescriptorFlag.Read : DescriptorFlag.Write;
    if ((file.flags & right) === 0) throw new FileFault('bad-descriptor');
    if (offset > BigInt(Number.MAX_SAFE_INTEGER)) throw new FileFault('invalid');
    return reopened(file, right);
  }

  #continue(stream: Stream, type: number, payload: Buffer): string | undefined {
    const reads = stream.mode === StreamMode.Read;
    switch (type) {
      case FileToBroker.Body:
        if (reads || payload.length > stream.credit) return 'more of a stream than there was credit for';
        stream.credit -= payload.length;
        this.#write(stream, payload);
        return undefined;
      case FileToBroker.Credit: {
        if (!reads || payload.length !== 4) return 'a credit of another shape';
        stream.credit += payload.readUInt32LE(0);
        if (stream.credit > INITIAL_CREDIT_BYTES) return 'more credit than a stream has';
        this.#send(stream);
        return undefined;
      }
      default:
        if (payload.length > 0) return 'the end of a stream that says more';
        this.#over(stream, undefined);
        return undefined;
    }
  }

  #write(stream: Stream, bytes: Buffer): void {
    const { service, asker, writer } = this.#options;
    const by = asker(stream.seat, stream.flags);
    try {
      const { file } = stream;
      const quota = service.judge(by, file.volume.name, NAMES[stream.mode]!, true);
      const at = stream.mode === StreamMode.Append ? undefined : stream.offset;
      stream.offset += writeAt(file, bytes, at, quota);
      stream.credit += bytes.length;
      writer.numberFrame(FileFromBroker.Credit, stream.id, bytes.length, 4);
    } catch (thrown) {
      this.#over(stream, service.codeOf(thrown, by.files.namespace));
    }
  }

  /** S2. */
  #send(stream: Stream): void {
    const { service, asker, writer, mayWrite } = this.#options;
    const { file } = stream;
    if (stream.mode !== StreamMode.Read || stream.credit === 0 || !mayWrite()) return;
    const by = asker(stream.seat, stream.flags);
    try {
      service.judge(by, file.volume.name, NAMES[stream.mode]!, false);
      while (stream.credit > 0 && mayWrite()) {
        const into = this.#chunk.subarray(0, Math.min(MAX_CHUNK_BYTES, stream.credit));
        const bytes = readAt(file, into, stream.offset);
        if (bytes === 0) return this.#over(stream, undefined);
        stream.offset += bytes;
        stream.credit -= bytes;
        writer.frame(FileFromBroker.Body, stream.id, into.subarray(0, bytes));
      }
    } catch (thrown) {
      this.#over(stream, service.codeOf(thrown, by.files.namespace));
    }
  }

  /** S1. */
  #over(stream: Stream, code: FileError | undefined): void {
    if (this.#open.get(stream.id) !== stream) return;
    this.#open.delete(stream.id);
    stream.file.close();
    this.#tellOver(stream.id, code);
  }

  #tellOver(id: number, code: FileError | undefined): void {
    const number = code === undefined ? 0 : FILE_ERRORS.indexOf(code) + 1;
    this.#options.writer.numberFrame(FileFromBroker.Over, id, number, 1);
  }
}
