/** A `.wast` script as a list of commands: just enough of its grammar to cut components out as text and to read values. */

/** An atom, a string with its escapes undone, or a list with the text that it was cut from. */
export type Form = string | Quoted | List;

export interface Quoted {
  readonly bytes: Uint8Array;
}

export interface List {
  readonly items: readonly Form[];
  readonly text: string;
  /** Of its opening parenthesis, from 1. */
  readonly line: number;
}

/** Every form of a script in its order. Throws where parentheses or strings do not end. */
export function readScript(source: string): readonly List[] {
  const reader = new Reader(source);
  const forms: List[] = [];
  for (let form = reader.next(); form !== undefined; form = reader.next()) {
    if (!isList(form)) throw new Error(`line ${reader.line}: not a form`);
    forms.push(form);
  }
  return forms;
}

export function isList(form: Form | undefined): form is List {
  return typeof form === 'object' && 'items' in form;
}

export function isQuoted(form: Form | undefined): form is Quoted {
  return typeof form === 'object' && 'bytes' in form;
}

/** The text of a string literal. */
export function textOf(form: Form | undefined): string {
  if (!isQuoted(form)) throw new Error('not a string');
  return new TextDecoder('utf-8', { fatal: true }).decode(form.bytes);
}

/** White space, comments (block comments as far as they do not nest) and annotations between two forms. */
const GAP = /(?:\s+|;;[^\n]*|\(;[^]*?;\))+/y;
const ATOM = /[^\s()";]+/y;
const STRING = /"(?:[^"\\]|\\[^])*"/y;

class Reader {
  readonly #source: string;
  #at = 0;
  line = 1;
  #countedTo = 0;

  constructor(source: string) {
    this.#source = source;
  }

  /** The next form; `undefined` at the end and before a closing parenthesis. */
  next(): Form | undefined {
    this.#take(GAP);
    const [start, character] = [this.#at, this.#source[this.#at]];
    if (character === undefined || character === ')') return undefined;
    if (character === '"') return { bytes: unescaped(this.#need(STRING).slice(1, -1)) };
    if (character !== '(') return this.#need(ATOM);
    const line = this.#lineOf(start);
    this.#at += 1;
    const items: Form[] = [];
    for (let item = this.next(); item !== undefined; item = this.next()) items.push(item);
    if (this.#source[this.#at] !== ')') throw new Error(`line ${line}: it does not end`);
    this.#at += 1;
    return { items, text: this.#source.slice(start, this.#at), line };
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #need(pattern: RegExp): string {
    const found = this.#take(pattern);
    if (found === undefined) throw new Error(`line ${this.#lineOf(this.#at)}: no form`);
    return found;
  }

  /** Positions are asked for in rising order. */
  #lineOf(position: number): number {
    for (; this.#countedTo < position; this.#countedTo++) if (this.#source[this.#countedTo] === '\n') this.line += 1;
    return this.line;
  }
}

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r' };

function unescaped(text: string): Uint8Array {
  const pieces: Uint8Array[] = [];
  const encoder = new TextEncoder();
  for (const [piece] of text.matchAll(/\\u\{([0-9a-f_]+)\}|\\([0-9a-f]{2})|\\(.)|[^\\]+/gi)) {
    if (!piece.startsWith('\\')) pieces.push(encoder.encode(piece));
    else if (piece.startsWith('\\u{')) pieces.push(encoder.encode(String.fromCodePoint(hex(piece.slice(3, -1)))));
    else if (piece.length === 3) pieces.push(Uint8Array.of(hex(piece.slice(1))));
    else pieces.push(encoder.encode(ESCAPES[piece[1]!] ?? piece[1]!));
  }
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

function hex(digits: string): number {
  return Number.parseInt(digits.replaceAll('_', ''), 16);
}
