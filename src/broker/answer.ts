/** What is said to an `Ask`, ready to be written: one function per shape. */
import { MIN_HANDED_BYTES, type FrameWriter } from '../wire/encoder.ts';
import { FromBroker, MAX_REASON_BYTES, Status } from '../wire/broker-frames.ts';

/** Writes one `Answer` frame to the seat. */
export type Answer = (writer: FrameWriter, seat: number) => void;

const plain =
  (status: number): Answer =>
  (writer, seat) =>
    writer.numberFrame(FromBroker.Answer, seat, status, 1);

export const DONE = plain(Status.Ok);
export const NO_SUCH_STORE = plain(Status.NoSuchStore);
export const ACCESS_DENIED = plain(Status.AccessDenied);
export const CANCELLED = plain(Status.Cancelled);

/** The interface's `other`, with a text that the guest may show to anybody: no path, no internals. */
export function other(reason: string): Answer {
  const text = Buffer.from(reason, 'utf8').subarray(0, MAX_REASON_BYTES);
  return (writer, seat) => {
    writer.begin(FromBroker.Answer, seat, 1 + text.length);
    writer.u8(Status.Other);
    writer.bytes(text);
    writer.end();
  };
}

export function flag(value: boolean): Answer {
  return (writer, seat) => {
    writer.begin(FromBroker.Answer, seat, 2);
    writer.u8(Status.Ok);
    writer.u8(value ? 1 : 0);
    writer.end();
  };
}

/** @param value from here on nobody else's. */
export function option(value: Uint8Array | undefined): Answer {
  return (writer, seat) => {
    writer.begin(FromBroker.Answer, seat, 1 + bytesBeside(value));
    writer.u8(Status.Ok);
    endWithOption(writer, value);
  };
}

export function options(values: readonly (Uint8Array | undefined)[]): Answer {
  return (writer, seat) => {
    writer.begin(FromBroker.Answer, seat, 1 + optionsBytes(values));
    writer.u8(Status.Ok);
    writer.u32(values.length);
    for (const value of values) writeOption(writer, value);
    writer.end();
  };
}

/** Of the payload, without its status. */
export function optionsBytes(values: readonly (Uint8Array | undefined)[]): number {
  return values.reduce((sum, value) => sum + optionBytes(value), 4);
}

export function signed(value: bigint): Answer {
  return (writer, seat) => {
    writer.begin(FromBroker.Answer, seat, 9);
    writer.u8(Status.Ok);
    writer.s64(value);
    writer.end();
  };
}

export function version(value: number, status: number = Status.Ok): Answer {
  return (writer, seat) => {
    writer.begin(FromBroker.Answer, seat, 9);
    writer.u8(status);
    writer.u64(BigInt(value));
    writer.end();
  };
}

/** @param value as in `option`. */
export function versioned(current: number, value: Uint8Array | undefined): Answer {
  return (writer, seat) => {
    writer.begin(FromBroker.Answer, seat, 9 + bytesBeside(value));
    writer.u8(Status.Ok);
    writer.u64(BigInt(current));
    endWithOption(writer, value);
  };
}

/** @param next where the following page begins; 0 after the last. */
export function page(keys: readonly Uint8Array[], next: number): Answer {
  const bytes = keys.reduce((sum, key) => sum + 4 + key.length, 4);
  return (writer, seat) => {
    writer.begin(FromBroker.Answer, seat, 1 + bytes + 8);
    writer.u8(Status.Ok);
    writer.u32(keys.length);
    for (const key of keys) writer.sized(key);
    writer.u64(BigInt(next));
    writer.end();
  };
}

function optionBytes(value: Uint8Array | undefined): number {
  return value === undefined ? 1 : 5 + value.length;
}

/** Of an option at the end of a frame: without a value that is handed over as it is. */
function bytesBeside(value: Uint8Array | undefined): number {
  return value !== undefined && value.length >= MIN_HANDED_BYTES ? 5 : optionBytes(value);
}

function endWithOption(writer: FrameWriter, value: Uint8Array | undefined): void {
  if (value !== undefined && value.length >= MIN_HANDED_BYTES) {
    writer.u8(1);
    return writer.endSized(value);
  }
  writeOption(writer, value);
  writer.end();
}

function writeOption(writer: FrameWriter, value: Uint8Array | undefined): void {
  writer.u8(value === undefined ? 0 : 1);
  if (value !== undefined) writer.sized(value);
}
