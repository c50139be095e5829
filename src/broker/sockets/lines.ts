/**
 * The lines of one cell's channel: frames in, frames out (`wire/socket-frames.ts`).
 *
 * Invariants
 * N1 A number is open from `Open` to the one `Over` (L1), and is above the streams and within the bound (L3).
 * N2 At most `MAX_LOOKUPS` look-ups of a cell are in the air, also of those that were dropped meanwhile; at most
 *    `MAX_LINGERING` dropped connections are still sending.
 * N3 At most `sockets` lines are anything but a look-up; one more is over at once, with `new-socket-limit`.
 */
import type { DropReason } from '../../model/datagrams.ts';
import { Ask } from '../../wire/broker-frames.ts';
import { BrokerReader } from '../../wire/broker-reader.ts';
import type { FrameWriter } from '../../wire/encoder.ts';
import {
  AS_ASKED,
  linesFrom,
  MAX_ADDRESS_BYTES,
  MAX_LINES,
  MAX_LINGERING,
  MAX_LOOKUPS,
  MAX_NAME_BYTES,
  NETWORK_ERRORS,
  Opening,
  SocketFromBroker,
  SocketToBroker,
  type Endpoint,
} from '../../wire/socket-frames.ts';
import type { Line, LineListener } from './line.ts';
import { Listening } from './listening.ts';
import { addressOf, Meanings } from './names.ts';
import type { Place, SocketAsker, SocketService } from './service.ts';

/** Two lengths and two ports, two buffers. */
const OPENED_BYTES = 24 + 2 * MAX_ADDRESS_BYTES;

export interface LinesOptions {
  readonly writer: FrameWriter;
  readonly seats: number;
  /** At a time. */
  readonly sockets: number;
  /** One more was asked for. */
  readonly onLimit: () => void;
  readonly onDropped: (reason: DropReason) => void;
  readonly service: SocketService;
  /** @param flags of the `Open`; without `First` for a later look at the same call. */
  readonly asker: (seat: number, flags: number) => SocketAsker;
  readonly mayWrite: () => boolean;
  readonly monotonicMs: () => number;
}

export class Lines {
  readonly #options: LinesOptions;
  readonly #open = new Map<number, Line>();
  readonly #place: Place;
  #lookups = 0;
  readonly #sockets = new Set<number>();

  constructor(options: LinesOptions) {
    this.#options = options;
    this.#place = { meanings: new Meanings(options.monotonicMs), lingering: { count: 0, max: MAX_LINGERING } };
  }

  /** A string says how the cell broke the protocol. */
  accept(type: number, id: number, bytes: Buffer, start: number, end: number): string | undefined {
    const first = linesFrom(this.#options.seats) + 1;
    if (id < first || id >= first + MAX_LINES) return `a frame of the line ${id}`;
    const line = this.#open.get(id);
    if (type !== SocketToBroker.Open) return line && this.#continue(line, type, bytes, start, end);
    return line ? `a second opening of the line ${id}` : this.#begin(id, new BrokerReader(bytes, start, end));
  }

  /** The cell reads again. */
  resume(): void {
    for (const line of this.#open.values()) line.resume?.();
  }

  close(): void {
    const lines = [...this.#open.values()];
    this.#open.clear();
    this.#sockets.clear();
    for (const line of lines) line.drop();
  }

  #begin(id: number, reader: BrokerReader): string | undefined {
    const flags = reader.u16();
    const seat = reader.u32();
    const kind = reader.u8();
    if (seat === 0 || seat > this.#options.seats) return `an opening of the seat ${seat}`;
    const isSocket = kind !== Opening.Lookup;
    if (isSocket && this.#sockets.size >= this.#options.sockets) {
      this.#options.onLimit();
      return void this.#listener(id).over('new-socket-limit');
    }
    const line = this.#opened(id, kind, seat, flags, reader);
    if (typeof line === 'string') return line;
    if (!line) return undefined;
    this.#open.set(id, line);
    if (isSocket) this.#sockets.add(id);
    return undefined;
  }

  #opened(id: number, kind: number, seat: number, flags: number, reader: BrokerReader): Line | string | undefined {
    const { service } = this.#options;
    const listener = this.#listener(id);
    if (kind === Opening.Accept) {
      const listening = this.#open.get(reader.u32());
      if (!reader.done) return 'an opening of another shape';
      // One that ended meanwhile accepts nothing.
      if (!(listening instanceof Listening)) return void listener.over('connection-aborted');
      return service.accept(listening, this.#place, listener) ?? 'more accepts than there may be';
    }
    if (kind === Opening.Lookup) {
      const name = reader.text(MAX_NAME_BYTES);
      if (!reader.done) return 'an opening of another shape';
      if (this.#lookups >= MAX_LOOKUPS) return void listener.over('temporary-resolver-failure');
      this.#lookups++;
      return service.lookup(this.#options.asker(seat, flags), this.#place, name, listener);
    }
    const endpoint = readEndpoint(reader);
    if (!endpoint || !reader.done) return 'an opening of another shape';
    if (kind === Opening.Connect)
      return service.connect(this.#options.asker(seat, flags), this.#place, endpoint, listener);
    if (kind === Opening.Bind) return service.bind(this.#options.asker(seat, flags), endpoint, listener);
    if (kind !== Opening.Udp) return `an opening of the unknown kind ${kind}`;
    this.#options.asker(seat, flags);
    return service.datagrams(() => this.#options.asker(seat, flags & ~Ask.First), this.#place, endpoint, listener);
  }

  #continue(line: Line, type: number, bytes: Buffer, start: number, end: number): string | undefined {
    const reader = new BrokerReader(bytes, start, end);
    switch (type) {
      case SocketToBroker.Data:
        return (line.data?.(bytes.subarray(start, end)) ?? false) ? undefined : 'bytes that nobody may send';
      case SocketToBroker.Datagram: {
        const to = readEndpoint(reader);
        const sent = to && (line.datagram?.(to, reader.tail()) ?? false);
        return sent ? undefined : 'a datagram that nobody may send';
      }
      case SocketToBroker.Credit: {
        const credit = reader.u32();
        return reader.done && (line.addCredit?.(credit) ?? false) ? undefined : 'credit that nobody has';
      }
      case SocketToBroker.Finish:
        return (line.finish?.() ?? false) ? undefined : 'an end that there is not';
      case SocketToBroker.Tune: {
        const what = reader.u8();
        const value = reader.u32();
        return reader.done && (line.tune?.(what, value) ?? false) ? undefined : 'an option that there is not';
      }
      case SocketToBroker.Drop:
        return void line.drop();
      default:
        return `a frame of the unknown type ${type}`;
    }
  }

  #listener(id: number): LineListener {
    const { writer, mayWrite, onDropped } = this.#options;
    const isOpen = (): boolean => this.#open.has(id);
    return {
      opened(local, remote, buffers) {
        writer.begin(SocketFromBroker.Opened, id, OPENED_BYTES);
        writeEndpoint(writer, local);
        writeEndpoint(writer, remote ?? { address: '', port: 0 });
        writer.u32(buffers?.receive ?? 0);
        writer.u32(buffers?.send ?? 0);
        writer.end();
      },
      data: (bytes) => writer.frame(SocketFromBroker.Data, id, bytes),
      datagram(from, bytes) {
        writer.begin(SocketFromBroker.Datagram, id, 8 + MAX_ADDRESS_BYTES + bytes.length);
        writeEndpoint(writer, from);
        writer.bytes(bytes);
        writer.end();
      },
      dropped: onDropped,
      credit: (bytes) => writer.numberFrame(SocketFromBroker.Credit, id, bytes, 4),
      finished: () => writer.frame(SocketFromBroker.Finished, id, NOTHING),
      refused: (error) => writer.numberFrame(SocketFromBroker.Refused, id, NETWORK_ERRORS.indexOf(error), 1),
      addresses(texts) {
        writer.begin(SocketFromBroker.Addresses, id, 4 + texts.length * (4 + MAX_ADDRESS_BYTES));
        writer.u32(texts.length);
        for (const text of texts) writer.sized(Buffer.from(text));
        writer.end();
      },
      over: (error) => {
        // A channel that is closed has nobody to tell.
        const known = isOpen();
        this.#open.delete(id);
        this.#sockets.delete(id);
        if (known || error !== undefined) {
          writer.numberFrame(SocketFromBroker.Over, id, error ? NETWORK_ERRORS.indexOf(error) : AS_ASKED, 1);
        }
      },
      started: () => {
        this.#lookups--;
      },
      mayWrite,
    };
  }
}

/** Canonical, or none: what a cell calls an address may be anything. */
function readEndpoint(reader: BrokerReader): Endpoint | undefined {
  const known = addressOf(reader.text(MAX_ADDRESS_BYTES));
  const port = reader.u32();
  return known && port <= 0xffff ? { address: known.text, port } : undefined;
}

function writeEndpoint(writer: FrameWriter, { address, port }: Endpoint): void {
  writer.sized(Buffer.from(address));
  writer.u32(port);
}

const NOTHING = new Uint8Array(0);
