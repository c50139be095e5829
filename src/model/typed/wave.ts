/**
 * WAVE (WebAssembly Value Encoding, the text form of the component model's values) → JSON as docs/typed-exports.md maps it,
 * by type. Ranges of numbers and lengths are left to the decoders, which take what comes out of here.
 *
 * W1 It goes as deep as the type does, never as deep as the text likes.
 * W2 What is not WAVE of this type ends in a `WaveError` with its place, counted from 0 in UTF-16 units.
 */
import type { WitField, WitType, WitTypeRef } from '../wit.ts';

export class WaveError extends Error {
  readonly at: number;

  constructor(at: number, expected: string) {
    super(`expected ${expected}`);
    this.at = at;
  }
}

/** @throws WaveError */
export function jsonOfWave(types: readonly WitType[], type: WitTypeRef, text: string): unknown {
  const reader = new Reader(types, text);
  const value = reader.value(type);
  reader.end();
  return value;
}

const SPACE = /(?:[ \t\r\n]|\/\/[^\n]*)*/y;
const NO_FIELDS = new RegExp(`\\{${SPACE.source}:${SPACE.source}\\}`, 'y');
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const INTEGER = /-?(?:0|[1-9][0-9]*)(?![.eE0-9])/y;
const LABEL = /%?[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z][A-Za-z0-9]*)*/y;
const ESCAPE = /\\(?:u\{([0-9A-Fa-f]+)\}|(["'\\tnr]))/y;
const TRIPLE = '"""';
const LINE_BREAK = /\r?\n/y;
/** The last line of a text in triple quotes: what stands before the quotes is taken off every line. */
const LAST_LINE = / *(?=""")/y;
const ESCAPED: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r' };
const NOT_FINITE: Readonly<Record<string, string>> = { nan: 'NaN', inf: 'Infinity' };

class Reader {
  readonly #types: readonly WitType[];
  readonly #text: string;
  #at = 0;

  constructor(types: readonly WitType[], text: string) {
    this.#types = types;
    this.#text = text;
  }

  end(): void {
    this.#skip();
    if (this.#at < this.#text.length) throw new WaveError(this.#at, 'the end');
  }

  value(ref: WitTypeRef): unknown {
    this.#skip();
    if (typeof ref === 'string') return this.#primitive(ref);
    const type = this.#types[ref]!;
    switch (type.kind) {
      case 'list':
        return this.#list(type.element);
      case 'tuple':
        return this.#tuple(type.types);
      case 'record':
        return this.#record(type);
      case 'flags':
        return this.#all('{', '}', () => this.#oneOf(type.names, 'a flag'));
      case 'enum':
        return this.#oneOf(type.names, 'a case');
      case 'variant':
        return this.#case(new Map(type.cases.map((item) => [item.name, item.type])));
      case 'option':
        return this.#option(type.some);
      case 'result':
        return this.#result(type);
      default:
        throw new WaveError(this.#at, 'a value; a resource has none');
    }
  }

  #primitive(type: string): unknown {
    if (type === 'bool') return this.#oneOf(['true', 'false'], 'true or false') === 'true';
    if (type === 'string') {
      return this.#text.startsWith(TRIPLE, this.#at) ? this.#lines() : this.#quoted('"', 'a string in double quotes');
    }
    if (type === 'char') return this.#quoted("'", 'a character in single quotes');
    if (type === 'f32' || type === 'f64') {
      const special = this.#take(/-?(?:nan|inf)(?![A-Za-z0-9-])/y);
      if (special !== undefined && special !== '-nan') {
        return special.startsWith('-') ? '-Infinity' : NOT_FINITE[special];
      }
      return Number(this.#needed(NUMBER, 'a number, nan, inf or -inf'));
    }
    const digits = this.#needed(INTEGER, `an integer (${type})`);
    return type === 's64' || type === 'u64' ? digits.replace(/^-0$/, '0') : Number(digits) + 0;
  }

  #list(element: WitTypeRef): unknown {
    const items = this.#all('[', ']', () => {
      this.#skip();
      const at = this.#at;
      const item = this.value(element);
      if (element === 'u8' && !((item as number) >= 0 && (item as number) <= 255))
        throw new WaveError(at, 'an integer (u8)');
      return item;
    });
    return element === 'u8' ? base64Of(items as readonly number[]) : items;
  }

  #tuple(types: readonly WitTypeRef[]): unknown {
    let index = 0;
    const items = this.#all('(', ')', () => {
      const type = types[index];
      index += 1;
      if (type === undefined) throw new WaveError(this.#at, `${types.length} items`);
      return this.value(type);
    });
    if (items.length < types.length) throw new WaveError(this.#at - 1, `${types.length} items`);
    return items;
  }

  #record({ fields }: Extract<WitType, { kind: 'record' }>): unknown {
    const names = fields.map(({ name }) => name);
    const found = new Map<string, unknown>();
    // `{:}` is the record without any field, as `{}` are the flags without any.
    if (this.#take(NO_FIELDS) === undefined) this.#all('{', '}', () => this.#field(fields, names, found));
    const missing = fields.find(({ name, type }) => !found.has(name) && !this.#isOption(type));
    if (missing) throw new WaveError(this.#at - 1, `the field ${missing.name}`);
    return Object.fromEntries(found);
  }

  #field(fields: readonly WitField[], names: readonly string[], found: Map<string, unknown>): void {
    const at = this.#at;
    const name = this.#oneOf(names, 'a field');
    if (found.has(name)) throw new WaveError(at, `${name} once`);
    this.#token(':');
    found.set(name, this.value(fields.find((field) => field.name === name)!.type));
  }

  /** `some(v)`, `none`, or the value alone where it cannot be taken for one of those. */
  #option(some: WitTypeRef): unknown {
    const at = this.#at;
    const label = this.#take(LABEL);
    if (label === 'none') return null;
    const nested = this.#isOption(some);
    const wrap = (value: unknown): unknown => (nested ? { some: value } : value);
    if (label === 'some') return wrap(this.#inParentheses(some));
    this.#at = at;
    if (nested || this.#kindOf(some) === 'result') throw new WaveError(at, 'some(…) or none');
    return this.value(some);
  }

  #result({ ok, err }: Extract<WitType, { kind: 'result' }>): unknown {
    const at = this.#at;
    const label = this.#take(LABEL);
    if (label === 'ok') return { ok: this.#payload(ok) };
    if (label === 'err') return { err: this.#payload(err) };
    this.#at = at;
    if (ok === undefined || ['option', 'result'].includes(this.#kindOf(ok) ?? '')) throw new WaveError(at, 'ok or err');
    return { ok: this.value(ok) };
  }

  #case(cases: ReadonlyMap<string, WitTypeRef | undefined>): unknown {
    const name = this.#oneOf([...cases.keys()], 'a case');
    return { [name]: this.#payload(cases.get(name)) };
  }

  #payload(type: WitTypeRef | undefined): unknown {
    return type === undefined ? null : this.#inParentheses(type);
  }

  #inParentheses(type: WitTypeRef): unknown {
    this.#token('(');
    const value = this.value(type);
    this.#token(')');
    return value;
  }

  /** Items between two signs, with commas between them, and one after the last if there are any. */
  #all<T>(open: string, close: string, item: () => T): T[] {
    this.#token(open);
    const items: T[] = [];
    for (;;) {
      this.#skip();
      if (this.#text[this.#at] === close) break;
      items.push(item());
      this.#skip();
      if (this.#text[this.#at] !== ',') break;
      this.#at += 1;
    }
    this.#token(close);
    return items;
  }

  #quoted(quote: string, expected: string): string {
    if (this.#text[this.#at] !== quote) throw new WaveError(this.#at, expected);
    this.#at += 1;
    let value = '';
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined || character === '\n') throw new WaveError(this.#at, quote);
      if (character === quote) break;
      if (character === '\\') value += this.#escape();
      else {
        value += character;
        this.#at += 1;
      }
    }
    this.#at += 1;
    return value;
  }

  /** Lines between triple quotes, which stand alone on the last one; its indent is that of the others. */
  #lines(): string {
    this.#at += TRIPLE.length;
    const lines: { readonly at: number; readonly text: string }[] = [];
    for (;;) {
      this.#needed(LINE_BREAK, 'a line break');
      const indent = this.#take(LAST_LINE);
      if (indent !== undefined) {
        this.#at += TRIPLE.length;
        return lines.map(({ at, text }) => withoutIndent(text, indent, at)).join('\n');
      }
      lines.push({ at: this.#at, text: this.#line() });
    }
  }

  #line(): string {
    let value = '';
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined || this.#text.startsWith(TRIPLE, this.#at)) {
        throw new WaveError(this.#at, `${TRIPLE} on a line of its own`);
      }
      if (character === '\n' || this.#text.startsWith('\r\n', this.#at)) return value;
      if (character === '\\') value += this.#escape();
      else {
        value += character;
        this.#at += 1;
      }
    }
  }

  #escape(): string {
    ESCAPE.lastIndex = this.#at;
    const found = ESCAPE.exec(this.#text);
    const point = found?.[1] === undefined ? undefined : Number.parseInt(found[1], 16);
    const isScalar = point === undefined || (point <= 0x10_ffff && (point < 0xd800 || point > 0xdfff));
    if (!found || !isScalar) throw new WaveError(this.#at, String.raw`an escape: \" \' \\ \t \n \r or \u{…}`);
    this.#at = ESCAPE.lastIndex;
    return point === undefined ? (ESCAPED[found[2]!] ?? found[2]!) : String.fromCodePoint(point);
  }

  #oneOf(names: readonly string[], what: string): string {
    this.#skip();
    const at = this.#at;
    const label = this.#take(LABEL)?.replace('%', '');
    if (label !== undefined && names.includes(label)) return label;
    throw new WaveError(at, `${what}: ${names.join(', ')}`);
  }

  #token(sign: string): void {
    this.#skip();
    if (this.#text[this.#at] !== sign) throw new WaveError(this.#at, sign);
    this.#at += 1;
  }

  #needed(pattern: RegExp, expected: string): string {
    const found = this.#take(pattern);
    if (found === undefined) throw new WaveError(this.#at, expected);
    return found;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at = pattern.lastIndex;
    return found;
  }

  #skip(): void {
    this.#take(SPACE);
  }

  #isOption(ref: WitTypeRef): boolean {
    return this.#kindOf(ref) === 'option';
  }

  #kindOf(ref: WitTypeRef): string | undefined {
    return typeof ref === 'number' ? this.#types[ref]!.kind : undefined;
  }
}

function withoutIndent(text: string, indent: string, at: number): string {
  if (text === '') return text;
  if (!text.startsWith(indent)) throw new WaveError(at, `${indent.length} spaces, as before the closing quotes`);
  return text.slice(indent.length);
}

function base64Of(bytes: readonly number[]): string {
  return Buffer.from(bytes).toString('base64');
}
