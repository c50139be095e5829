/**
 * What tables hold, and who calls through them.
 *
 * Invariants
 * T1 A function value comes from a segment or from `ref.func`, and from nowhere else: guests are handed none from outside.
 * T2 Of a table that only active segments fill, what is at a place is what segments put there. Of one that code changes, anything
 *    may be anywhere: every function value of the component.
 * T3 A call through a table traps where the signature is another, so that functions of other signatures are not called.
 */
import type { Calls } from './calls.ts';

/** A table, perhaps of several modules: what one exports another imports. */
export class Table {
  /** Code changes it. */
  isChanged = false;
  readonly #places: { readonly place: number | undefined; readonly value: number; readonly signature: number }[] = [];
  readonly #calls: { readonly place: number | undefined; readonly caller: number; readonly signature: number }[] = [];
  #same: Table | undefined;

  /** @param place `undefined` where it is not known before the module runs. */
  put(place: number | undefined, value: number, signature: number): void {
    this.#places.push({ place, value, signature });
  }

  called(place: number | undefined, caller: number, signature: number): void {
    this.#calls.push({ place, caller, signature });
  }

  /** They are one and the same. */
  is(other: Table): void {
    const [one, two] = [Table.#firstOf(this), Table.#firstOf(other)];
    if (one !== two) one.#same = two;
  }

  /** Of all that are one and the same. */
  static #firstOf(table: Table): Table {
    let first = table;
    while (first.#same) {
      // Each step is made to skip one, so that the way stays short.
      first.#same = first.#same.#same ?? first.#same;
      first = first.#same;
    }
    return first;
  }

  /** Makes edges of all that was told of tables; afterwards nothing more may be. */
  static settle(tables: readonly Table[], values: Values): void {
    const held = new Map<Table, Held>();
    const of = (table: Table): Held => {
      const first = Table.#firstOf(table);
      const known = held.get(first) ?? new Held(values);
      held.set(first, known);
      return known;
    };
    for (const table of tables) if (table.isChanged) of(table).isChanged = true;
    for (const table of tables) {
      for (const { place, value, signature } of table.#places) of(table).put(place, value, signature);
      for (const { place, caller, signature } of table.#calls) of(table).called(place, caller, signature);
    }
  }
}

/** What stands for all functions that can be called in one way. */
class Kinds {
  readonly #calls: Calls;
  readonly #known = new Map<string, number>();

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  of(key: string): number {
    const known = this.#known.get(key) ?? this.#calls.add();
    this.#known.set(key, known);
    return known;
  }
}

/** T1: every function value there is. */
export class Values {
  readonly calls: Calls;
  readonly #kinds: Kinds;

  constructor(calls: Calls) {
    this.calls = calls;
    this.#kinds = new Kinds(calls);
  }

  add(value: number, signature: number): void {
    this.calls.may(this.of(signature), value);
  }

  /** Any of them that has this signature. */
  of(signature: number): number {
    return this.#kinds.of(`${signature}`);
  }
}

class Held {
  isChanged = false;
  readonly #values: Values;
  readonly #kinds: Kinds;

  constructor(values: Values) {
    this.#values = values;
    this.#kinds = new Kinds(values.calls);
  }

  put(place: number | undefined, value: number, signature: number): void {
    const { calls } = this.#values;
    calls.may(this.#kinds.of(`any ${signature}`), value);
    calls.may(this.#kinds.of(`${place ?? 'somewhere'} ${signature}`), value);
  }

  called(place: number | undefined, caller: number, signature: number): void {
    const { calls } = this.#values;
    if (this.isChanged) calls.may(caller, this.#values.of(signature));
    else if (place === undefined) calls.may(caller, this.#kinds.of(`any ${signature}`));
    else {
      calls.may(caller, this.#kinds.of(`${place} ${signature}`));
      calls.may(caller, this.#kinds.of(`somewhere ${signature}`));
    }
  }
}
