/**
 * The frames between a cell and the broker: the layout of `frames.ts`, on a channel of its own (descriptor 4 of an ordinary cell), so that
 * what guests read and write never passes the engine.
 *
 * A frame's id is a *seat*: a cell takes one for an instance and gives it back with the instance. Strings here are UTF-8,
 * each `u32le length` + bytes: keys and values of guests are no HTTP heads.
 *
 * Invariants
 * B1 Every frame from a cell is hostile input: a wrong length, an unknown operation, an id beyond the seats ends the cell.
 *    Who speaks is known by the channel; what it may do is known by who speaks.
 * B2 A seat asks for one thing at a time: an `Ask` while one is unanswered is a violation. So what may be in the air is
 *    bounded by the number of seats, and every `Ask` gets exactly one `Answer`, cancelled or not.
 * B3 A channel begins with 16 bytes that the engine gave to both sides, and begins so again with each new broker: whatever
 *    was on its way before them, also half a frame, is dropped. Nobody can know them beforehand. The cell says them first,
 *    and the broker says them back: what the broker says always comes after the cell knows that there is a new one.
 */
export const ATTACH_BYTES = 16;
/** The longest payload of an `Ask` or an `Answer`. */
export const MAX_BROKER_PAYLOAD_BYTES = 1 << 20;

/** Cell → broker. */
export const ToBroker = {
  /** `u16le flags` of `Ask`, `u8 capability`, `u8 operation`, then what the operation says. */
  Ask: 0x40,
  /** Nobody wants the answer any more. It still comes, perhaps as `Status.Cancelled`. */
  Cancel: 0x41,
} as const;

/** Broker → cell. */
export const FromBroker = {
  /** `u8 status` of `Status`, then what the operation says, or the UTF-8 text of `Status.Other`. */
  Answer: 0x50,
} as const;

export const Ask = {
  /** The first of its call: the grants in force now hold for the whole call (I2). */
  First: 1,
  /** The call is a copy of somebody else's request: it must change nothing. */
  Mirrored: 2,
} as const;

/** The high byte of the flags: which member of the cell asks, by its position in the assignment. The cell's own word, for the record alone. */
const MEMBER_SHIFT = 8;

export function flagsOfMember(position: number): number {
  return position << MEMBER_SHIFT;
}

export function memberOf(flags: number): number {
  return flags >> MEMBER_SHIFT;
}

/** Types of frames: 0x42-0x47 and 0x51-0x55 are of requests, 0x48-0x4c and 0x56-0x58 of files. */
export const Capability = { KeyValue: 1, Files: 2 } as const;

/**
 * Operations on `wasi:keyvalue`, what each asks for and what its answer holds. `text` is `u32le length` + UTF-8,
 * `bytes` the same without a coding, `option` a `u8` and what follows where it is 1, `list` a `u32le count` and its items.
 */
export const KeyValue = {
  /** text store → nothing */
  Open: 1,
  /** text store, text key → option bytes */
  Get: 2,
  /** text store, text key, bytes value → nothing */
  Set: 3,
  /** text store, text key → nothing */
  Delete: 4,
  /** text store, text key → u8 */
  Exists: 5,
  /** text store, u64le after (0: from the start) → list of text, u64le where to go on (0: that was all) */
  ListKeys: 6,
  /** text store, text key, s64le delta → s64le */
  Increment: 7,
  /** text store, text key → u64le version (0: the key is not there) */
  Version: 8,
  /** text store, text key → u64le version, option bytes */
  Current: 9,
  /** text store, text key, u64le version, bytes value → nothing, or `Status.Changed` with u64le version */
  Swap: 10,
  /** text store, list of text → list of option bytes, in the order asked */
  GetMany: 11,
  /** text store, list of (text, bytes) → nothing */
  SetMany: 12,
  /** text store, list of text → nothing */
  DeleteMany: 13,
} as const;

export type KeyValueOperation = (typeof KeyValue)[keyof typeof KeyValue];

export const Status = {
  Ok: 0,
  NoSuchStore: 1,
  AccessDenied: 2,
  /** With a text for the guest. */
  Other: 3,
  /** `Swap` came too late. */
  Changed: 4,
  Cancelled: 5,
} as const;

/** Bounds of the protocol; quotas of a grant are below them. */
export const MAX_KEY_BYTES = 2048;
export const MAX_VALUE_BYTES = 512 * 1024;
export const MAX_BATCH_KEYS = 1000;
/** Keys of one page of `ListKeys`. */
export const MAX_PAGE_KEYS = 1000;
/** The longest text of `Status.Other`. */
export const MAX_REASON_BYTES = 512;

/** Seats beyond one per instance: of instances that are gone while the answer to their last question is on its way. */
const SPARE_SEATS = 64;

/** How many seats a cell has that runs so many calls at a time. */
export function seatsOf(concurrency: number): number {
  return concurrency + SPARE_SEATS;
}
