/**
 * `wasi:keyvalue`, drafts 1 and 2 of 0.2.0: each function is a question to the broker, which alone knows what is granted
 * and keeps what is stored. A bucket is a name, a `cas` handle a version: neither holds anything there.
 */
import {
  Capability,
  KeyValue,
  MAX_BATCH_KEYS,
  MAX_KEY_BYTES,
  MAX_VALUE_BYTES,
  Status,
} from '../../wire/broker-frames.ts';
import type { BrokerReader } from '../../wire/broker-reader.ts';
import type { FrameWriter } from '../../wire/encoder.ts';
import type { Reply, Asking } from '../broker.ts';
import { HostResource } from '../resource.ts';
import type { Scope } from '../scope.ts';
import { failed, type Failed } from './result.ts';

type StoreError =
  | { readonly tag: 'no-such-store' }
  | { readonly tag: 'access-denied' }
  | { readonly tag: 'other'; readonly val: string };
type Outcome<Value> = Promise<Value | Failed<StoreError>> | Failed<StoreError>;
/** Of 0.2.0: what differs is the form of cursors and of deltas. */
type Draft = 1 | 2;
type SwapError =
  | { readonly tag: 'store-error'; readonly val: StoreError }
  | { readonly tag: 'cas-failed'; readonly val: Cas };
type SwapOutcome = Promise<Failed<SwapError> | undefined> | Failed<SwapError>;
interface KeyResponse {
  readonly keys: readonly string[];
  readonly cursor: string | bigint | undefined;
}
type Pair = readonly [key: string, value: Uint8Array];

/** Lengths and counts. */
const FRAME_BYTES = 64;
const MAX_S64 = 2n ** 63n - 1n;
/** Questions are at most so long; a batch is what can be longer. */
const MAX_BATCH_BYTES = 1024 * 1024 - 4096;

const other = (val: string): Failed<StoreError> => failed({ tag: 'other', val });
const LONG_KEY = other(`a key of more than ${MAX_KEY_BYTES} bytes`);
const LARGE_VALUE = other(`a value of more than ${MAX_VALUE_BYTES} bytes`);
const FOREIGN_CURSOR = other('this cursor is from no page of this store');
const LARGE_BATCH = other(`more than ${MAX_BATCH_KEYS} keys or ${MAX_BATCH_BYTES} bytes at once`);

/** What a bucket is asked through. */
class Door {
  readonly seat: Asking;
  readonly store: Uint8Array;
  readonly draft: Draft;

  constructor(seat: Asking, store: string, draft: Draft) {
    this.seat = seat;
    this.store = Buffer.from(store, 'utf8');
    this.draft = draft;
  }

  reply(operation: number, bytes: number, write: (writer: FrameWriter) => void): Promise<Reply> {
    const { store } = this;
    return this.seat.ask({
      capability: Capability.KeyValue,
      operation,
      bytes: FRAME_BYTES + store.length + bytes,
      write(writer: FrameWriter) {
        writer.sized(store);
        write(writer);
      },
    });
  }

  ask<Value>(
    operation: number,
    bytes: number,
    write: (writer: FrameWriter) => void,
    read: (reader: BrokerReader) => Value,
  ): Promise<Value | Failed<StoreError>> {
    return this.reply(operation, bytes, write).then((reply) =>
      reply.status === Status.Ok ? read(reply.reader) : errorOf(reply),
    );
  }

  askKey<Value>(operation: number, key: string, read: (reader: BrokerReader) => Value): Outcome<Value> {
    const name = Buffer.from(key, 'utf8');
    if (name.length > MAX_KEY_BYTES) return LONG_KEY;
    return this.ask(operation, name.length, (writer) => writer.sized(name), read);
  }

  askKeys<Value>(operation: number, keys: readonly string[], read: (reader: BrokerReader) => Value): Outcome<Value> {
    const names = keys.map((key) => Buffer.from(key, 'utf8'));
    if (names.some((name) => name.length > MAX_KEY_BYTES)) return LONG_KEY;
    const bytes = names.reduce((sum, name) => sum + 4 + name.length, 0);
    if (names.length > MAX_BATCH_KEYS || bytes > MAX_BATCH_BYTES) return LARGE_BATCH;
    const write = (writer: FrameWriter): void => {
      writer.u32(names.length);
      for (const name of names) writer.sized(name);
    };
    return this.ask(operation, bytes, write, read);
  }
}

export class Bucket extends HostResource {
  readonly #door: Door;

  constructor(scope: Scope, door: Door) {
    super(scope);
    this.#door = door;
  }

  static doorOf(bucket: Bucket): Door {
    return bucket.#door;
  }

  static scopeOf(bucket: Bucket): Scope {
    return bucket.scope;
  }

  get(key: string): Outcome<Uint8Array | undefined> {
    return this.#door.askKey(KeyValue.Get, key, readOption);
  }

  set(key: string, value: Uint8Array): Outcome<undefined> {
    const name = Buffer.from(key, 'utf8');
    if (name.length > MAX_KEY_BYTES) return LONG_KEY;
    if (value.length > MAX_VALUE_BYTES) return LARGE_VALUE;
    const write = (writer: FrameWriter): void => {
      writer.sized(name);
      writer.sized(value);
    };
    return this.#door.ask(KeyValue.Set, name.length + value.length, write, readNothing);
  }

  delete(key: string): Outcome<undefined> {
    return this.#door.askKey(KeyValue.Delete, key, readNothing);
  }

  exists(key: string): Outcome<boolean> {
    return this.#door.askKey(KeyValue.Exists, key, (reader) => reader.u8() === 1);
  }

  listKeys(cursor: string | bigint | undefined): Outcome<KeyResponse> {
    const after = cursorOf(cursor);
    if (after === undefined) return FOREIGN_CURSOR;
    const { draft } = this.#door;
    const read = (reader: BrokerReader): KeyResponse => {
      const keys: string[] = [];
      for (let left = reader.u32(); left > 0 && !reader.broken; left--) keys.push(reader.text(MAX_KEY_BYTES));
      const next = reader.u64();
      return { keys, cursor: next === 0n ? undefined : draft === 1 ? next : String(next) };
    };
    return this.#door.ask(KeyValue.ListKeys, 8, (writer) => writer.u64(after), read);
  }
}

/** A key as it was at some moment. It is no lock: whoever swaps first wins. */
export class Cas extends HostResource {
  readonly #door: Door;
  readonly #key: string;
  #version: bigint;

  constructor(scope: Scope, door: Door, key: string, version: bigint) {
    super(scope);
    this.#door = door;
    this.#key = key;
    this.#version = version;
  }

  static new(bucket: Bucket, key: string): Outcome<Cas> {
    const door = Bucket.doorOf(bucket);
    const scope = Bucket.scopeOf(bucket);
    return door.askKey(KeyValue.Version, key, (reader) => new Cas(scope, door, key, reader.u64()));
  }

  /** Reads the value, and swaps from then on against what was read. */
  current(): Outcome<Uint8Array | undefined> {
    return this.#door.askKey(KeyValue.Current, this.#key, (reader) => {
      this.#version = reader.u64();
      return readOption(reader);
    });
  }

  /** Takes the handle from the guest. */
  static swap(cas: Cas, value: Uint8Array): SwapOutcome {
    cas.giveAway();
    const { scope } = cas;
    const door = cas.#door;
    const key = cas.#key;
    const name = Buffer.from(key, 'utf8');
    if (value.length > MAX_VALUE_BYTES) return failed({ tag: 'store-error', val: LARGE_VALUE.val });
    const write = (writer: FrameWriter): void => {
      writer.sized(name);
      writer.u64(cas.#version);
      writer.sized(value);
    };
    return door.reply(KeyValue.Swap, name.length + value.length, write).then((reply) => {
      if (reply.status === Status.Ok) return undefined;
      if (reply.status !== Status.Changed) return failed({ tag: 'store-error', val: errorOf(reply).val });
      return failed({ tag: 'cas-failed', val: new Cas(scope, door, key, reply.reader.u64()) });
    });
  }
}

export function keyValueStore(scope: Scope, seat: Asking, draft: Draft): object {
  return {
    Bucket,
    open(identifier: string): Outcome<Bucket> {
      if (identifier.length > MAX_KEY_BYTES) return failed({ tag: 'no-such-store' });
      const door = new Door(seat, identifier, draft);
      return door.ask(KeyValue.Open, 0, writeNothing, () => new Bucket(scope, door));
    },
  };
}

export const keyValueAtomics: object = Object.freeze({
  Cas,
  swap: (cas: Cas, value: Uint8Array) => Cas.swap(cas, value),
  increment(bucket: Bucket, key: string, delta: bigint): Outcome<bigint> {
    const name = Buffer.from(key, 'utf8');
    if (name.length > MAX_KEY_BYTES) return LONG_KEY;
    // Draft 1 counts without a sign.
    if (delta > MAX_S64) return other('the sum is beyond 64 bits');
    const write = (writer: FrameWriter): void => {
      writer.sized(name);
      writer.s64(delta);
    };
    return Bucket.doorOf(bucket).ask(KeyValue.Increment, name.length + 8, write, (reader) => reader.s64());
  },
});

export const keyValueBatch: object = Object.freeze({
  /** In the order asked; a key that is not there has no pair. */
  getMany(bucket: Bucket, keys: readonly string[]): Outcome<(Pair | undefined)[]> {
    return Bucket.doorOf(bucket).askKeys(KeyValue.GetMany, keys, (reader) => {
      const pairs: (Pair | undefined)[] = [];
      const count = reader.u32();
      for (let index = 0; index < count && !reader.broken; index++) {
        const value = readOption(reader);
        pairs.push(value && [keys[index]!, value]);
      }
      return pairs;
    });
  },
  setMany(bucket: Bucket, pairs: readonly Pair[]): Outcome<undefined> {
    const names = pairs.map(([key]) => Buffer.from(key, 'utf8'));
    if (names.some((name) => name.length > MAX_KEY_BYTES)) return LONG_KEY;
    if (pairs.some(([, value]) => value.length > MAX_VALUE_BYTES)) return LARGE_VALUE;
    const bytes = names.reduce((sum, name, index) => sum + 8 + name.length + pairs[index]![1].length, 0);
    if (names.length > MAX_BATCH_KEYS || bytes > MAX_BATCH_BYTES) return LARGE_BATCH;
    const write = (writer: FrameWriter): void => {
      writer.u32(names.length);
      for (const [index, name] of names.entries()) {
        writer.sized(name);
        writer.sized(pairs[index]![1]);
      }
    };
    return Bucket.doorOf(bucket).ask(KeyValue.SetMany, bytes, write, readNothing);
  },
  deleteMany(bucket: Bucket, keys: readonly string[]): Outcome<undefined> {
    return Bucket.doorOf(bucket).askKeys(KeyValue.DeleteMany, keys, readNothing);
  },
});

/** `wasi:keyvalue/store@0.2.0-draft2` → 2. */
export function draftOf(name: string): Draft {
  return name.endsWith('-draft') ? 1 : 2;
}

/** 0 is the start; `undefined` what we never gave. */
function cursorOf(cursor: string | bigint | undefined): bigint | undefined {
  if (cursor === undefined) return 0n;
  if (typeof cursor === 'bigint') return cursor;
  return /^[0-9]{1,16}$/.test(cursor) ? BigInt(cursor) : undefined;
}

function errorOf({ status, reader }: Reply): Failed<StoreError> {
  if (status === Status.NoSuchStore) return failed({ tag: 'no-such-store' });
  if (status === Status.AccessDenied) return failed({ tag: 'access-denied' });
  return other(reader.rest());
}

function readOption(reader: BrokerReader): Uint8Array | undefined {
  return reader.u8() === 0 ? undefined : reader.bytes(MAX_VALUE_BYTES);
}

function readNothing(): undefined {
  return undefined;
}

function writeNothing(): void {}
