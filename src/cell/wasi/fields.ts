/**
 * `wasi:http/types` fields. Names are kept in lower case, names and values in turn, as Latin-1 text: the form that the
 * wire has, so that a head passes through without being taken apart.
 *
 * Invariant
 * F1 Whatever a `Fields` holds may stand in an HTTP head: every way in checks names and values, and the bounds of a head.
 */
import { MAX_HEAD_BYTES, MAX_HEADERS } from '../../wire/frames.ts';
import { isFieldValue, isOfTheConnection } from '../../wire/header-text.ts';
import { HostResource } from '../resource.ts';
import type { Scope } from '../scope.ts';
import { HostTrap } from '../trap.ts';
import { failed, type Failed } from './result.ts';

type HeaderError = { readonly tag: 'invalid-syntax' | 'forbidden' | 'immutable' };

const INVALID: Failed<HeaderError> = Object.freeze(failed(Object.freeze({ tag: 'invalid-syntax' as const })));
const FORBIDDEN: Failed<HeaderError> = Object.freeze(failed(Object.freeze({ tag: 'forbidden' as const })));
const IMMUTABLE: Failed<HeaderError> = Object.freeze(failed(Object.freeze({ tag: 'immutable' as const })));

/** A token of RFC 9110 §5.6.2, in the lower case that names are kept in. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;

/** Bytes of a name and a value on the wire, beyond their own. */
const LENGTHS_BYTES = 4;
/** Room for the fixed part of a head. */
const MAX_FIELDS_BYTES = MAX_HEAD_BYTES - 64;
const NO_TEXTS: string[] = [];

/** Headers that are still bytes of the wire; they never change. */
export interface UnreadFields {
  /** Names in lower case and values, in turn. */
  readonly headers: readonly string[];
  /** The values of one name, in lower case. */
  headerValues(name: string): Uint8Array[];
}

export class Fields extends HostResource {
  #kept: string[];
  #bytes: number;
  #immutable: boolean;
  #unread: UnreadFields | undefined;

  /** @param texts names in lower case and values, in turn; shared with the giver where `immutable`. */
  constructor(scope: Scope, texts: string[], immutable: boolean, parent?: HostResource) {
    super(scope, parent);
    this.#kept = texts;
    this.#immutable = immutable;
    this.#bytes = 0;
    if (!immutable) for (let at = 0; at < texts.length; at += 2) this.#bytes += bytesOf(texts[at]!, texts[at + 1]!);
  }

  /** Immutable; what nobody asks for is not read. */
  static unread(scope: Scope, unread: UnreadFields, parent: HostResource): Fields {
    const fields = new Fields(scope, NO_TEXTS, true, parent);
    fields.#unread = unread;
    return fields;
  }

  // A method: V8 asks its runtime for each read of a private accessor.
  #texts(): string[] {
    if (this.#unread !== undefined) {
      // Immutable, so they can be shared.
      this.#kept = this.#unread.headers as string[];
      this.#unread = undefined;
    }
    return this.#kept;
  }

  static fromList(scope: Scope, entries: readonly (readonly [string, Uint8Array])[]): Fields | Failed<HeaderError> {
    const fields = new Fields(scope, [], false);
    for (const [name, value] of entries) {
      const failure = fields.append(name, value);
      if (failure) {
        fields.giveAway();
        return failure;
      }
    }
    return fields;
  }

  get(name: string): Uint8Array[] {
    const wanted = name.toLowerCase();
    if (this.#unread !== undefined) return this.#unread.headerValues(wanted);
    const values: Uint8Array[] = [];
    const texts = this.#texts();
    for (let at = 0; at < texts.length; at += 2) {
      if (texts[at] === wanted) values.push(Buffer.from(texts[at + 1]!, 'latin1'));
    }
    return values;
  }

  has(name: string): boolean {
    const wanted = name.toLowerCase();
    if (this.#unread !== undefined) return this.#unread.headerValues(wanted).length > 0;
    const texts = this.#texts();
    for (let at = 0; at < texts.length; at += 2) if (texts[at] === wanted) return true;
    return false;
  }

  set(name: string, values: readonly Uint8Array[]): Failed<HeaderError> | undefined {
    const wanted = name.toLowerCase();
    const refused = this.#refuses(wanted) ?? values.map(refusesValue).find((failure) => failure !== undefined);
    if (refused) return refused;
    this.#remove(wanted);
    for (const value of values) this.#add(wanted, value);
    return undefined;
  }

  delete(name: string): Failed<HeaderError> | undefined {
    const wanted = name.toLowerCase();
    const refused = this.#refuses(wanted);
    if (refused) return refused;
    this.#remove(wanted);
    return undefined;
  }

  append(name: string, value: Uint8Array): Failed<HeaderError> | undefined {
    const wanted = name.toLowerCase();
    const refused = this.#refuses(wanted) ?? refusesValue(value);
    if (refused) return refused;
    this.#add(wanted, value);
    return undefined;
  }

  entries(): [string, Uint8Array][] {
    const entries: [string, Uint8Array][] = [];
    const texts = this.#texts();
    for (let at = 0; at < texts.length; at += 2) {
      entries.push([texts[at]!, Buffer.from(texts[at + 1]!, 'latin1')]);
    }
    return entries;
  }

  clone(): Fields {
    return new Fields(this.scope, [...this.#texts()], false);
  }

  #refuses(name: string): Failed<HeaderError> | undefined {
    if (!NAME.test(name)) return INVALID;
    if (isOfTheConnection(name)) return FORBIDDEN;
    return this.#immutable ? IMMUTABLE : undefined;
  }

  #add(name: string, bytes: Uint8Array): void {
    const value = this.scope.texts.of(bytes);
    this.#bytes += bytesOf(name, value);
    const texts = this.#texts();
    if (texts.length >= 2 * MAX_HEADERS) throw new HostTrap(`more than ${MAX_HEADERS} headers`);
    if (this.#bytes > MAX_FIELDS_BYTES) throw new HostTrap(`headers of more than ${MAX_FIELDS_BYTES} bytes`);
    texts.push(name, value);
  }

  #remove(name: string): void {
    const kept: string[] = [];
    const texts = this.#texts();
    for (let at = 0; at < texts.length; at += 2) {
      if (texts[at] === name) this.#bytes -= bytesOf(name, texts[at + 1]!);
      else kept.push(texts[at]!, texts[at + 1]!);
    }
    this.#kept = kept;
  }

  /** The guest gives them away: the texts become the host's, and nobody changes them any more. */
  static take(fields: Fields): string[] {
    fields.giveAway();
    fields.#immutable = true;
    return fields.#texts();
  }

  static scopeOf(fields: Fields): Scope {
    return fields.scope;
  }
}

function refusesValue(value: Uint8Array): Failed<HeaderError> | undefined {
  return isFieldValue(value, 0, value.length) ? undefined : INVALID;
}

function bytesOf(name: string, value: string): number {
  return LENGTHS_BYTES + name.length + value.length;
}
