/**
 * The calls of one core module, read from its binary. It is read once, however many instances are made of it: what one instance may
 * call, each is taken to.
 */
import { CORE_HEADER, Kind, Section, skipLimits } from '../binary/core-sections.ts';
import { coreValueType } from '../binary/core-types.ts';
import { isPlain, readExpression, readInstructions, Told } from '../binary/instructions.ts';
import { Reader } from '../binary/reader.ts';
import type { Walk } from '../binary/walk.ts';
import type { Calls } from './calls.ts';
import { found, NotUnderstood } from './not-understood.ts';
import { Table, type Values } from './tables.ts';
import type { Gifts } from './things.ts';

/** What the modules of one component have in common. */
export interface Ground {
  readonly walk: Walk;
  readonly calls: Calls;
  readonly gifts: Gifts;
  readonly values: Values;
  readonly tables: Table[];
  /** Functions of one type, wherever they are defined, have one number. */
  readonly signatures: Map<string, number>;
}

export interface CoreImport {
  readonly module: string;
  readonly name: string;
  /** A function, or a table; `undefined`: something else. */
  readonly is: number | Table | undefined;
}

export interface CoreModule {
  readonly imports: readonly CoreImport[];
  readonly exports: ReadonlyMap<string, number | Table | undefined>;
}

/** Memories, the start function (it runs before there is a call), data. */
const WITHOUT_CALLS: readonly number[] = [Section.Memory, Section.Start, Section.Data, Section.DataCount];
const FUNCTION_TYPE = 0x60;
/** Of a segment: it is no active one; of another table or only declared; of expressions. */
const Segment = { Passive: 1, Explicit: 2, Expressions: 4 } as const;
const MAX_SEGMENT = 7;

/** @throws NotUnderstood, or what the reader throws. */
export function readModule(bytes: Uint8Array, ground: Ground): CoreModule {
  const reader = new Reader(bytes);
  reader.bytes(CORE_HEADER.length);
  const module = new ModuleReader(ground);
  while (!reader.done) {
    const id = reader.u8();
    module.section(id, reader.bytes(reader.u32()));
  }
  return module;
}

class ModuleReader implements CoreModule {
  readonly imports: CoreImport[] = [];
  readonly exports = new Map<string, number | Table | undefined>();
  readonly #ground: Ground;
  /** Of each type, of each function. */
  readonly #types: number[] = [];
  readonly #functions: number[] = [];
  readonly #signatures: number[] = [];
  readonly #tables: Table[] = [];
  #imported = 0;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  section(id: number, body: Uint8Array): void {
    const reader = new Reader(body);
    const { walk } = this.#ground;
    if (id === Section.Type) walk.list(reader, () => this.#types.push(this.#signature(reader, body)));
    else if (id === Section.Import) walk.list(reader, () => this.#import(reader));
    else if (id === Section.Function) walk.list(reader, () => this.#function(reader));
    else if (id === Section.Table) walk.list(reader, () => this.#table(reader));
    else if (id === Section.Global) walk.list(reader, () => this.#global(reader, body));
    else if (id === Section.Export) walk.list(reader, () => this.#export(reader));
    else if (id === Section.Element) walk.list(reader, () => this.#segment(reader, body));
    else if (id === Section.Code) this.#code(reader);
    else if (!WITHOUT_CALLS.includes(id)) throw new NotUnderstood('a section of a module');
  }

  /** Two types are the same where they are written the same, but for how their lengths are. */
  #signature(reader: Reader, body: Uint8Array): number {
    if (reader.u8() !== FUNCTION_TYPE) throw new NotUnderstood('a type that is no function');
    const halves = [this.#valueTypes(reader, body), this.#valueTypes(reader, body)];
    const written = halves.join('>');
    const { signatures } = this.#ground;
    const known = signatures.get(written) ?? signatures.size;
    signatures.set(written, known);
    return known;
  }

  #valueTypes(reader: Reader, body: Uint8Array): string {
    const count = reader.u32();
    const begin = reader.at;
    this.#ground.walk.charge(count);
    for (let left = count; left > 0; left -= 1) coreValueType(reader);
    return Buffer.from(body.subarray(begin, reader.at)).toString('hex');
  }

  #import(reader: Reader): void {
    const [module, name] = [reader.name(), reader.name()];
    const kind = reader.u8();
    let is: number | Table | undefined;
    if (kind === Kind.Function) is = this.#function(reader);
    else if (kind === Kind.Table) is = this.#table(reader);
    else if (kind === Kind.Memory) skipLimits(reader);
    else if (kind === Kind.Global) reader.bytes(2);
    else throw new NotUnderstood('an import of an unknown kind');
    if (kind === Kind.Function) this.#imported += 1;
    this.imports.push({ module, name, is });
  }

  #function(reader: Reader): number {
    this.#signatures.push(found(this.#types[reader.u32()], 'type'));
    const added = this.#ground.calls.add();
    this.#functions.push(added);
    return added;
  }

  #table(reader: Reader): Table {
    reader.u8();
    skipLimits(reader);
    const table = new Table();
    this.#tables.push(table);
    this.#ground.tables.push(table);
    return table;
  }

  #global(reader: Reader, body: Uint8Array): void {
    reader.bytes(2);
    this.#expression(reader, body);
  }

  #export(reader: Reader): void {
    const name = reader.name();
    const kind = reader.u8();
    const index = reader.u32();
    if (kind === Kind.Function) this.exports.set(name, found(this.#functions[index], 'function'));
    else if (kind === Kind.Table) this.exports.set(name, found(this.#tables[index], 'table'));
    else this.exports.set(name, undefined);
  }

  /** What is passive is put nowhere, but is a value that code may put somewhere. */
  #segment(reader: Reader, body: Uint8Array): void {
    const flags = reader.u32();
    if (flags > MAX_SEGMENT) throw new NotUnderstood('a segment of an unknown form');
    const isActive = (flags & Segment.Passive) === 0;
    const table = isActive ? this.#tableAt((flags & Segment.Explicit) === 0 ? 0 : reader.u32()) : undefined;
    const begin = isActive ? this.#expression(reader, body).constant : undefined;
    const hasExpressions = (flags & Segment.Expressions) !== 0;
    // What kind of elements, where that is written.
    if ((flags & (Segment.Passive | Segment.Explicit)) !== 0) {
      const kind = reader.u8();
      if (!isPlain(kind) || (!hasExpressions && kind !== 0)) throw new NotUnderstood('elements of an unknown kind');
    }
    let place = begin;
    this.#ground.walk.list(reader, () => {
      const index = hasExpressions ? this.#element(reader, body, table) : reader.u32();
      if (index !== undefined) {
        const value = this.#value(index);
        table?.put(place, value, this.#signatures[index]!);
      }
      if (place !== undefined) place += 1;
    });
  }

  /** `undefined`: none, or one that is not known here. */
  #element(reader: Reader, body: Uint8Array, table: Table | undefined): number | undefined {
    const { reference, isOther } = this.#expression(reader, body);
    if (isOther && table) table.isChanged = true;
    return reference;
  }

  /** A value of function is made of it. */
  #value(index: number): number {
    const value = found(this.#functions[index], 'function');
    this.#ground.values.add(value, this.#signatures[index]!);
    return value;
  }

  /**
   * What an initial value is: a function, a number, or anything else. Functions that it mentions are values; `ref.null` counts as
   * anything else.
   */
  #expression(
    reader: Reader,
    body: Uint8Array,
  ): { readonly constant: number | undefined; readonly reference: number | undefined; readonly isOther: boolean } {
    const begin = reader.at;
    let constant: number | undefined;
    let reference: number | undefined;
    let told = begin;
    const end = readExpression(body, begin, (code, from, to, first) => {
      if (code === Told.FunctionReference) {
        this.#value(first);
        if (from === begin) reference = first;
      } else if (code === Told.Constant && from === begin) constant = first;
      told = to;
    });
    if (end === undefined) throw new NotUnderstood('an initial value');
    reader.bytes(end - begin);
    // One instruction and `end`; a longer one computes.
    const isWhole = told > begin && told === end - 1;
    return isWhole && (constant !== undefined || reference !== undefined)
      ? { constant, reference, isOther: false }
      : { constant: undefined, reference: undefined, isOther: true };
  }

  #tableAt(index: number): Table {
    return found(this.#tables[index], 'table');
  }

  #code(reader: Reader): void {
    const count = reader.u32();
    const latest: number[] = [];
    for (let index = 0; index < count; index += 1) {
      const bytes = reader.bytes(reader.u32());
      const caller = found(this.#functions[this.#imported + index], 'function');
      this.#body(bytes, caller, latest);
    }
  }

  /** @param latest of each function, which was the last that was seen to call it. */
  #body(bytes: Uint8Array, caller: number, latest: number[]): void {
    const { calls, values, walk } = this.#ground;
    const locals = new Reader(bytes);
    for (let groups = locals.u32(); groups > 0; groups -= 1) {
      locals.u32();
      if (!isPlain(locals.u8())) throw new NotUnderstood('a local of an unknown type');
    }
    let constant = 0;
    let constantEnd = -1;
    const see = (code: number, begin: number, end: number, first: number, second: number): void => {
      switch (code) {
        case Told.Constant:
          constant = first;
          constantEnd = end;
          break;
        case Told.Call:
        case Told.ReturnCall:
          if (latest[first] !== caller) calls.may(caller, found(this.#functions[first], 'function'));
          latest[first] = caller;
          break;
        case Told.CallIndirect:
        case Told.ReturnCallIndirect:
          walk.charge(1);
          // No branch comes to between the two, so the number is the place.
          this.#tableAt(second).called(begin === constantEnd ? constant : undefined, caller, this.#typeAt(first));
          break;
        case Told.CallReference:
        case Told.ReturnCallReference:
          calls.may(caller, values.of(this.#typeAt(first)));
          break;
        case Told.FunctionReference:
          this.#value(first);
          break;
        case Told.TableInit:
          this.#tableAt(second).isChanged = true;
          break;
        case Told.TableSet:
        case Told.TableCopy:
        case Told.TableGrow:
        case Told.TableFill:
          this.#tableAt(first).isChanged = true;
          break;
        default:
      }
    };
    if (!readInstructions(bytes, locals.at, bytes.length, see)) throw new NotUnderstood('an instruction');
  }

  #typeAt(index: number): number {
    return found(this.#types[index], 'type');
  }
}
