/**
 * `wasi:keyvalue` behind the grants: judge, do, record.
 *
 * Invariants
 * K1 Nothing is done before it was judged, and each judgement leaves a record.
 * K2 Whoever wrote, or read what was written in the same turn, is answered after the commit (V1 of `store.ts`). Where it
 *    fails, everybody in it hears `other`, and nothing has changed.
 */
import {
  KeyValue,
  MAX_BROKER_PAYLOAD_BYTES,
  MAX_PAGE_KEYS,
  Status,
  type KeyValueOperation,
} from '../wire/broker-frames.ts';
import * as answers from './answer.ts';
import type { Answer } from './answer.ts';
import type { Edition } from '../model/edition.ts';
import type { Authority, Verdict } from './authority.ts';
import { SHAPES, type KeyValueRequest } from './key-value-request.ts';
import { countsFor, type Actor, type Records } from './records.ts';
import type { Quota, Store } from './store.ts';
import type { Stores } from './stores.ts';

/** Of the keys of one page together; the rest is on the next. */
const MAX_PAGE_BYTES = 256 * 1024;
/** Room for a status and counts. */
const MAX_VALUES_BYTES = MAX_BROKER_PAYLOAD_BYTES - 64;
const NAME = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
/** What `increment` keeps, as other stores do: a decimal number in text. */
const DECIMAL = /^-?[0-9]{1,19}$/;
const MIN_S64 = -(2n ** 63n);
const MAX_S64 = 2n ** 63n - 1n;
const BROKEN = answers.other('the store cannot be used at the moment');

/** Who asks, as the channel knows it. */
export interface Asker {
  readonly actor: Actor;
  readonly authority: Authority;
  /** Which file of each store it was granted is meant; fixed while its cell runs. */
  readonly editions: ReadonlyMap<string, Edition>;
  readonly mirrored: boolean;
}

/** Takes an answer when it may be given. */
export type Reply = (answer: Answer) => void;

interface Place {
  readonly namespace: string;
  readonly name: string;
  readonly edition: Edition | undefined;
}

interface Batch extends Place {
  readonly store: Store;
  readonly waiting: { readonly answer: Answer; readonly reply: Reply }[];
}

export interface KeyValueOptions {
  readonly stores: Stores;
  readonly records: Records;
  readonly wallMs: () => number;
  /** Something is wrong with a store that no guest can mend. */
  readonly onFailure: (store: string, error: unknown) => void;
}

export class KeyValueService {
  readonly #options: KeyValueOptions;
  readonly #batches = new Map<Store, Batch>();
  /** Stores that were read in this turn. */
  readonly #read = new Map<Store, Place>();

  constructor(options: KeyValueOptions) {
    this.#options = options;
  }

  /** `reply` is called now, or in `endTurn`. */
  handle(asker: Asker, request: KeyValueRequest, reply: Reply): void {
    const { authority } = asker;
    const { store: name } = request;
    const verdict = this.#judge(asker, request);
    if (verdict.outcome === 'Denied') return reply(NAME.test(name) ? answers.ACCESS_DENIED : answers.NO_SUCH_STORE);
    if (request.operation === KeyValue.Open) return reply(answers.DONE);
    let store: Store | undefined;
    const place = { namespace: authority.namespace, name, edition: asker.editions.get(name) };
    try {
      store = this.#options.stores.open(place.namespace, name, place.edition);
      const { write } = SHAPES[request.operation];
      if (write && !store.writing) this.#begin(store, place);
      else if (!this.#read.has(store)) this.#beginReading(store, place);
      const answer = this.#perform(authority, store, request, verdict.quota!);
      const batch = this.#batches.get(store);
      if (batch) batch.waiting.push({ answer, reply });
      else reply(answer);
    } catch (error) {
      this.#fail(store, place, error);
      reply(BROKEN);
    }
  }

  /** Commits what was written since the last turn, and answers. */
  endTurn(): void {
    for (const [store, place] of this.#read) {
      try {
        store.endReading();
      } catch (error) {
        this.#fail(store, place, error);
      }
    }
    this.#read.clear();
    for (const batch of this.#batches.values()) {
      const { store, waiting } = batch;
      try {
        store.commit();
      } catch (error) {
        this.#fail(store, batch, error);
        continue;
      }
      this.#batches.delete(store);
      for (const { answer, reply } of waiting) reply(answer);
    }
  }

  #beginReading(store: Store, place: Place): void {
    store.beginReading();
    this.#read.set(store, place);
  }

  #begin(store: Store, place: Place): void {
    store.begin();
    this.#batches.set(store, { ...place, store, waiting: [] });
  }

  /** K2. The store is opened again for the next use. */
  #fail(store: Store | undefined, { namespace, name, edition }: Place, error: unknown): void {
    this.#options.onFailure(`${namespace}/${name}`, error);
    this.#options.stores.drop(namespace, name, edition);
    const batch = store && this.#batches.get(store);
    if (!batch) return;
    this.#batches.delete(batch.store);
    for (const { reply } of batch.waiting) reply(BROKEN);
  }

  /** K1. A batch is judged key by key, and as a whole it is what its worst key is. */
  #judge({ actor, authority, mirrored }: Asker, { operation, store, keys }: KeyValueRequest): Verdict {
    const { write } = SHAPES[operation];
    const wallMs = this.#options.wallMs();
    let worst = authority.judge(store, { write, mirrored, key: keys[0] }, wallMs);
    let key = keys[0];
    for (let index = 1; index < keys.length && worst.outcome !== 'Denied'; index++) {
      const verdict = authority.judge(store, { write, mirrored, key: keys[index] }, wallMs);
      if (verdict.outcome === 'Allowed') continue;
      worst = verdict;
      key = keys[index];
    }
    this.#record(actor, worst, operation, store, key, wallMs);
    return worst;
  }

  #record(
    actor: Actor,
    verdict: Verdict,
    operation: KeyValueOperation,
    store: string,
    key: Uint8Array | undefined,
    wallMs: number,
  ): void {
    const { records } = this.#options;
    const known = verdict.counted?.[operation];
    if (countsFor(known, actor)) return records.again(known, wallMs);
    const { name, write } = SHAPES[operation];
    const about = verdict.outcome === 'Allowed' || key === undefined ? '' : `/${Buffer.from(key).toString('utf8')}`;
    const needs = { store, access: write ? 'ReadWrite' : 'ReadOnly' };
    const counted = records.note(actor, 'keyValue', verdict, `${name} ${store}${about}`, wallMs, needs);
    if (verdict.counted) verdict.counted[operation] = counted;
  }

  #perform(authority: Authority, store: Store, request: KeyValueRequest, quota: Quota): Answer {
    const { operation, keys, values, number } = request;
    const key = keys[0]!;
    switch (operation) {
      case KeyValue.Get:
        return answers.option(store.get(key));
      case KeyValue.Exists:
        return answers.flag(store.has(key));
      case KeyValue.Version:
        return answers.version(store.version(key));
      case KeyValue.Current:
        return answers.versioned(store.version(key), store.get(key));
      case KeyValue.ListKeys:
        return this.#list(authority, store, request);
      case KeyValue.GetMany:
        return getMany(store, keys);
      case KeyValue.Set:
      case KeyValue.SetMany:
        return write(store, keys, values, quota) ?? answers.DONE;
      case KeyValue.Delete:
      case KeyValue.DeleteMany:
        for (const gone of keys) store.delete(gone);
        return answers.DONE;
      case KeyValue.Increment:
        return increment(store, key, number, quota);
      case KeyValue.Swap: {
        const present = store.version(key);
        if (BigInt(present) !== number) return answers.version(present, Status.Changed);
        return write(store, keys, values, quota) ?? answers.DONE;
      }
      default:
        return neverAsked(operation);
    }
  }

  #list(authority: Authority, store: Store, { store: name, number }: KeyValueRequest): Answer {
    if (number > BigInt(Number.MAX_SAFE_INTEGER)) return answers.other('this cursor is from no page of this store');
    const wallMs = this.#options.wallMs();
    const listed = store.page(Number(number));
    const keys: Uint8Array[] = [];
    let bytes = 0;
    for (const { id, key } of listed) {
      if (!authority.mayList(name, key, wallMs)) continue;
      keys.push(key);
      bytes += key.length;
      if (bytes >= MAX_PAGE_BYTES) return answers.page(keys, id);
    }
    return answers.page(keys, listed.length < MAX_PAGE_KEYS ? 0 : listed.at(-1)!.id);
  }
}

function getMany(store: Store, keys: readonly Uint8Array[]): Answer {
  const values: (Uint8Array | undefined)[] = [];
  let bytes = 0;
  for (const key of keys) {
    const value = store.get(key);
    bytes += value?.length ?? 0;
    if (bytes > MAX_VALUES_BYTES) break;
    values.push(value);
  }
  if (values.length < keys.length || answers.optionsBytes(values) > MAX_VALUES_BYTES) {
    return answers.other(`the values are more than ${MAX_VALUES_BYTES} bytes together: ask for fewer at a time`);
  }
  return answers.options(values);
}

/** `undefined` where it is done. */
function write(
  store: Store,
  keys: readonly Uint8Array[],
  values: readonly Uint8Array[],
  quota: Quota,
): Answer | undefined {
  const excess = store.excess(
    keys.map((key, index) => [key, values[index]!]),
    quota,
  );
  if (excess !== undefined) return answers.other(excess);
  for (const [index, key] of keys.entries()) store.set(key, values[index]!);
  return undefined;
}

function increment(store: Store, key: Uint8Array, delta: bigint, quota: Quota): Answer {
  const value = store.get(key);
  const text = value === undefined ? '0' : Buffer.from(value).toString('latin1', 0, Math.min(value.length, 32));
  if (!DECIMAL.test(text)) return answers.other('the value is not a decimal number');
  const sum = BigInt(text) + delta;
  if (sum < MIN_S64 || sum > MAX_S64) return answers.other('the sum is beyond 64 bits');
  return write(store, [key], [Buffer.from(String(sum), 'latin1')], quota) ?? answers.signed(sum);
}

function neverAsked(operation: KeyValueOperation): never {
  throw new Error(`operation ${operation} is answered before a store is opened`);
}
