import { createHash } from 'node:crypto';
import type { Buffer } from 'node:buffer';
import type { KeptReading } from './kept.ts';

/** A commit as it is stored, as far as it says what it follows. */
export interface Head {
  readonly commit: string;
  /** Empty also where the content does not hash to its name: nothing is concluded from it then. */
  readonly parents: readonly string[];
}

const LINE = /^([0-9a-f]{40}) commit ([0-9]{1,15})$/;
const PARENT = /^parent ([0-9a-f]{40})$/;
const LINE_FEED = 10;

/** Reads one commit, named by a revision of ours, out of `cat-file --batch`. */
export class HeadReading implements KeptReading {
  readonly input: string;
  readonly #maxBytes: number;
  #printed: Uint8Array[] = [];
  #bytes = 0;
  /** `undefined` until it has come; `null` where the revision names no commit. */
  #head: Head | null | undefined;

  constructor(revision: string, maxBytes: number) {
    this.input = `${revision}\n`;
    this.#maxBytes = maxBytes;
  }

  get head(): Head | undefined {
    return this.#head ?? undefined;
  }

  isComplete(): boolean {
    return this.#head !== undefined;
  }

  push(chunk: Buffer): boolean {
    this.#printed.push(chunk);
    this.#bytes += chunk.length;
    if (this.#head !== undefined || this.#bytes > this.#maxBytes) return false;
    const printed = this.#printed.length === 1 ? chunk : joined(this.#printed);
    this.#printed = [printed];
    const end = printed.indexOf(LINE_FEED);
    if (end < 0) return true;
    const line = textOf(printed.subarray(0, end));
    if (line === `${this.input.trimEnd()} missing`) {
      this.#head = null;
      return printed.length === end + 1;
    }
    const [, commit, size] = LINE.exec(line) ?? [];
    if (commit === undefined) return false;
    const content = printed.subarray(end + 1);
    // And a line feed behind it.
    const wanted = Number(size) + 1;
    if (content.length < wanted) return true;
    this.#head = headOf(commit, content.subarray(0, -1));
    return content.length === wanted;
  }
}

function headOf(commit: string, content: Uint8Array): Head {
  const hash = createHash('sha1').update(`commit ${content.length}\0`).update(content).digest('hex');
  if (hash !== commit) return { commit, parents: [] };
  const [tree, ...rest] = textOf(content).split('\n');
  if (!tree?.startsWith('tree ')) return { commit, parents: [] };
  const parents: string[] = [];
  // They stand together, right behind the tree.
  for (const line of rest) {
    const parent = PARENT.exec(line)?.[1];
    if (parent === undefined) break;
    parents.push(parent);
  }
  return { commit, parents };
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((bytes, piece) => bytes + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder('latin1').decode(bytes);
}
