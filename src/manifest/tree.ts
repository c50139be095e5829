import { isAlias, isMap, isScalar, isSeq, type Document, type Node, type Pair } from 'yaml';
import type { Json } from '../kit/json.ts';
import type { Code } from '../model/codes.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import { finding } from './finding.ts';
import { child, pathOf, type Place, type Places } from './place.ts';
import type { Locate, Position, YamlFile } from './yaml.ts';

/** A document as plain data, with the place of each node and everything that YAML allows and manifests do not. */
export interface Tree {
  readonly value: Json;
  readonly places: Places;
  readonly problems: readonly Diagnostic[];
}

/** Plain integers that YAML 1.1 reads as octal and 1.2 as decimal. */
const OLD_OCTAL = /^[-+]?0[0-7]+$/;

/** Plain scalars that YAML 1.1 reads as booleans and 1.2 as text: tools of both kinds read manifests. */
const OLD_BOOLEAN = /^(yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)$/;

export function treeOf(document: Document.Parsed, { locate, position }: Pick<YamlFile, 'locate' | 'position'>): Tree {
  const walk = new Walk(locate, position);
  const value = document.contents ? walk.value(document.contents, '') : null;
  // The walk says better where a key is not text.
  const faults = document.errors.filter(({ code }) => code !== 'NON_STRING_KEY');
  if (faults.length === 0) return { value, places: walk.places, problems: walk.problems };
  // What follows the first fault is read by its light: most of the others would go with it.
  const [{ message, pos }] = faults as [(typeof faults)[number]];
  const syntax = finding('HW1001', firstLine(message), { span: locate(pos[0], pos[1]) });
  return { value, places: walk.places, problems: [syntax] };
}

class Walk {
  readonly places: Record<string, Place> = Object.create(null);
  readonly problems: Diagnostic[] = [];
  readonly #locate: Locate;
  readonly #position: Position;

  constructor(locate: Locate, position: Position) {
    this.#locate = locate;
    this.#position = position;
  }

  refuse(code: Code, message: string, start: number, end: number, remedy?: string): void {
    this.problems.push(finding(code, message, { span: this.#locate(start, end), ...(remedy ? { remedy } : {}) }));
  }

  value(node: Node, pointer: string, key?: Node): Json {
    this.#remember(node, pointer, key);
    this.#refuseProperties(node, pointer);
    if (isMap(node)) return this.#map(node.items, pointer);
    if (isSeq(node)) return node.items.map((item, index) => this.value(item as Node, child(pointer, index)));
    if (isAlias(node)) {
      const [start, end] = rangeOf(node);
      this.refuse('HW1004', `the alias *${node.source} at ${where(pointer)} is not allowed`, start, end);
      return null;
    }
    return isScalar(node) ? this.#scalar(node, pointer) : null;
  }

  #map(pairs: readonly Pair[], pointer: string): Json {
    const object: Record<string, Json> = {};
    const seen = new Set<string>();
    for (const pair of pairs) {
      const key = pair.key as Node;
      const [start, end] = rangeOf(key);
      if (!isScalar(key) || typeof key.value !== 'string') {
        this.refuse('HW1001', `a key in ${where(pointer)} is not text`, start, end);
        continue;
      }
      const name = key.value;
      const at = child(pointer, name);
      this.#refuseProperties(key, at);
      if (name === '<<') this.refuse('HW1004', `the merge key << in ${where(pointer)} is not allowed`, start, end);
      else if (seen.has(name)) this.refuse('HW1005', `\`${name}\` is written twice in ${where(pointer)}`, start, end);
      else if (!this.#isText(name)) this.refuse('HW1007', `a key in ${where(pointer)} is not text`, start, end);
      else {
        const value = pair.value ? this.value(pair.value as Node, at, key) : null;
        // A key such as `__proto__` must become a field, not the prototype of this object.
        Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
      }
      seen.add(name);
    }
    return object;
  }

  #scalar(node: Node & { value: unknown; type?: unknown; source?: string }, pointer: string): Json {
    const { value } = node;
    const [start, end] = rangeOf(node);
    if (typeof value === 'string') {
      if (node.type === 'PLAIN' && OLD_BOOLEAN.test(value)) {
        this.refuse('HW1006', `\`${value}\` at ${where(pointer)} is a boolean in YAML 1.1 and text in 1.2`, start, end);
      } else if (!this.#isText(value)) {
        this.refuse('HW1007', `the text at ${where(pointer)} holds NUL or half a character`, start, end);
      }
      return value;
    }
    if (typeof value === 'number') {
      if (OLD_OCTAL.test(node.source ?? '')) {
        const old = Number.parseInt(node.source!, 8);
        const message = `\`${node.source!}\` at ${where(pointer)} is ${old} in YAML 1.1 and ${value} in 1.2`;
        this.refuse('HW1006', message, start, end, `write ${value} or ${old}, or quote it to have text`);
      }
      if (Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER) return Object.is(value, -0) ? 0 : value;
      this.refuse('HW1007', `the number at ${where(pointer)} is too large to be exact`, start, end);
      return null;
    }
    return typeof value === 'boolean' ? value : null;
  }

  #isText(text: string): boolean {
    return text.isWellFormed() && !text.includes('\0');
  }

  #refuseProperties(node: Node, pointer: string): void {
    const [start] = rangeOf(node);
    if ('anchor' in node && node.anchor) {
      this.refuse('HW1004', `the anchor &${node.anchor} at ${where(pointer)} is not allowed`, start, start + 1);
    }
    if (node.tag) this.refuse('HW1004', `the tag ${node.tag} at ${where(pointer)} is not allowed`, start, start + 1);
  }

  #remember(node: Node, pointer: string, key?: Node): void {
    const [start, end] = rangeOf(node);
    const ofKey = key && rangeOf(key);
    // What is not written (`key:` and nothing) stands where its key does.
    const [from, to] = end > start || !ofKey ? [start, Math.max(start, end)] : ofKey;
    const place = [...this.#position(from), ...this.#position(to)];
    if (ofKey) place.push(...this.#position(ofKey[0]), ...this.#position(ofKey[1]));
    this.places[pointer] = place;
  }
}

function rangeOf(node: Node): [start: number, end: number] {
  return node.range ? [node.range[0], node.range[1]] : [0, 0];
}

function where(pointer: string): string {
  return pointer === '' ? 'the document' : pathOf(pointer);
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0]!.replace(/[:.]$/, '');
}
