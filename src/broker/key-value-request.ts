/** The payload of an `Ask` of `wasi:keyvalue`, from hostile bytes. */
import {
  KeyValue,
  MAX_BATCH_KEYS,
  MAX_KEY_BYTES,
  MAX_VALUE_BYTES,
  type KeyValueOperation,
} from '../wire/broker-frames.ts';
import type { BrokerReader } from '../wire/broker-reader.ts';

/** Longer names are not names of the manifests, and are answered as such. */
const MAX_STORE_BYTES = 256;

export interface KeyValueRequest {
  readonly operation: KeyValueOperation;
  readonly store: string;
  /** What it is about; empty for `Open` and `ListKeys`. Views of the frame. */
  readonly keys: readonly Uint8Array[];
  /** Of `Set`, `Swap` and `SetMany`: as many as keys. */
  readonly values: readonly Uint8Array[];
  /** Delta, version, or where a page begins; 0 where there is none. */
  readonly number: bigint;
}

interface Shape {
  /** In an audit line, and in the words of the interface. */
  readonly name: string;
  readonly write: boolean;
  readonly keys: 'None' | 'One' | 'Many';
  readonly values: boolean;
  readonly number: 'None' | 'Unsigned' | 'Signed';
}

/** Number and values come in this order behind the key; a batch has each value behind its key. */
export const SHAPES: Readonly<Record<KeyValueOperation, Shape>> = {
  [KeyValue.Open]: { name: 'open', write: false, keys: 'None', values: false, number: 'None' },
  [KeyValue.Get]: { name: 'get', write: false, keys: 'One', values: false, number: 'None' },
  [KeyValue.Set]: { name: 'set', write: true, keys: 'One', values: true, number: 'None' },
  [KeyValue.Delete]: { name: 'delete', write: true, keys: 'One', values: false, number: 'None' },
  [KeyValue.Exists]: { name: 'exists', write: false, keys: 'One', values: false, number: 'None' },
  [KeyValue.ListKeys]: { name: 'list-keys', write: false, keys: 'None', values: false, number: 'Unsigned' },
  [KeyValue.Increment]: { name: 'increment', write: true, keys: 'One', values: false, number: 'Signed' },
  [KeyValue.Version]: { name: 'cas.new', write: false, keys: 'One', values: false, number: 'None' },
  [KeyValue.Current]: { name: 'cas.current', write: false, keys: 'One', values: false, number: 'None' },
  [KeyValue.Swap]: { name: 'swap', write: true, keys: 'One', values: true, number: 'Unsigned' },
  [KeyValue.GetMany]: { name: 'get-many', write: false, keys: 'Many', values: false, number: 'None' },
  [KeyValue.SetMany]: { name: 'set-many', write: true, keys: 'Many', values: true, number: 'None' },
  [KeyValue.DeleteMany]: { name: 'delete-many', write: true, keys: 'Many', values: false, number: 'None' },
};

/** `undefined`: no such operation, or a payload that is not what it should be (B1). */
export function readKeyValueRequest(operation: number, reader: BrokerReader): KeyValueRequest | undefined {
  if (!isOperation(operation)) return undefined;
  const shape = SHAPES[operation];
  const store = reader.text(MAX_STORE_BYTES);
  const keys: Uint8Array[] = [];
  const values: Uint8Array[] = [];
  let number = 0n;
  if (shape.keys === 'Many') {
    for (let left = reader.count(MAX_BATCH_KEYS); left > 0 && !reader.broken; left--) {
      keys.push(reader.textBytes(MAX_KEY_BYTES));
      if (shape.values) values.push(reader.bytes(MAX_VALUE_BYTES));
    }
  } else {
    if (shape.keys === 'One') keys.push(reader.textBytes(MAX_KEY_BYTES));
    if (shape.number === 'Unsigned') number = reader.u64();
    if (shape.number === 'Signed') number = reader.s64();
    if (shape.values) values.push(reader.bytes(MAX_VALUE_BYTES));
  }
  return reader.done ? { operation, store, keys, values, number } : undefined;
}

function isOperation(operation: number): operation is KeyValueOperation {
  return Object.hasOwn(SHAPES, operation);
}
