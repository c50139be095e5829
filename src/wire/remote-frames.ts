/**
 * The payloads of `FromCell.Remote` and `ToCell.RemoteAnswer`, both ways. A call is named by the id of the call on whose
 * behalf it is made, because a guest that waits for one answer can ask for no other.
 */
import type { FrameWriter } from './encoder.ts';
import { FromCell, MAX_PAYLOAD_BYTES, ToCell } from './frames.ts';
import { HeadReader } from './head-reader.ts';

/** The longest JSON of arguments, and of an answer: with what stands before it, it travels in one frame. */
export const MAX_REMOTE_BYTES = MAX_PAYLOAD_BYTES - 4 * 1024;
/** `interface#function`. */
export const MAX_REMOTE_NAME_CHARACTERS = 512;

export const RemoteStatus = {
  /** JSON of what the function returned, of the `ok` where that is a result; empty where there is nothing. */
  Ok: 0,
  /** JSON of the `err` of its result. */
  Err: 1,
  /** Text: why there is no answer. The caller's guest traps with it. */
  Failed: 2,
} as const;

export type RemoteStatusNumber = (typeof RemoteStatus)[keyof typeof RemoteStatus];

export interface RemoteQuestion {
  /** Its position in the assignment; 0 is the entry. */
  readonly member: number;
  /** `interface#function`, as the member spells its import. */
  readonly name: string;
  /** JSON: an object with a member for each parameter. */
  readonly body: Buffer;
}

export interface RemoteAnswer {
  readonly status: RemoteStatusNumber;
  readonly body: Buffer;
}

export function writeQuestion(writer: FrameWriter, id: number, { member, name, body }: RemoteQuestion): void {
  writer.begin(FromCell.Remote, id, 1 + 2 + name.length + body.length);
  writer.u8(member);
  writer.text(name);
  writer.bytes(body);
  writer.end();
}

/** A string says why it is none. */
export function readQuestion(bytes: Buffer, start: number, end: number): RemoteQuestion | string {
  const reader = new HeadReader(bytes, start, end);
  const member = reader.u8();
  const name = reader.text();
  if (reader.broken) return 'a remote call that ends early';
  if (name.length > MAX_REMOTE_NAME_CHARACTERS) return `a remote call with a name of ${name.length} characters`;
  const length = end - reader.at;
  if (length > MAX_REMOTE_BYTES) return `a remote call with ${length} bytes of arguments`;
  return { member, name, body: bytes.subarray(reader.at, end) };
}

/** @throws RangeError where the body is over `MAX_REMOTE_BYTES`: the caller has looked. */
export function writeAnswer(writer: FrameWriter, id: number, status: RemoteStatusNumber, body: Uint8Array): void {
  writer.begin(ToCell.RemoteAnswer, id, 1 + body.length);
  writer.u8(status);
  writer.bytes(body);
  writer.end();
}

/** A string says why it is none. */
export function readAnswer(bytes: Buffer, start: number, end: number): RemoteAnswer | string {
  const status = start < end ? bytes[start]! : -1;
  if (status !== RemoteStatus.Ok && status !== RemoteStatus.Err && status !== RemoteStatus.Failed) {
    return `an answer of a remote call with the status ${status}`;
  }
  return { status, body: bytes.subarray(start + 1, end) };
}
