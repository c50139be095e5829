import type { Diagnostic } from '../../model/diagnostic.ts';
import type { InvalidDocument } from '../../model/desired.ts';
import type { Code } from '../../model/codes.ts';
import { finding } from '../finding.ts';
import type { Kind } from '../kinds.ts';
import { keyOf, keySpan, subjectOf, valueSpan, type ParsedDocument } from '../parsed.ts';

/** Whether a reference leads somewhere. */
export type Lookup<K extends Kind> =
  | { readonly type: 'Found'; readonly document: ParsedDocument<K> }
  | { readonly type: 'Invalid' }
  | { readonly type: 'Missing' };

/**
 * The documents of one commit while they are checked against each other. A document is either valid or, from the first
 * problem on, invalid with all that is wrong about it; nothing else is taken along.
 */
export class Assembly {
  readonly diagnostics: Diagnostic[] = [];
  readonly #valid = new Map<string, ParsedDocument>();
  readonly #invalid = new Map<string, InvalidDocument>();
  readonly #unnamed: InvalidDocument[] = [];

  add(document: ParsedDocument): void {
    this.#valid.set(idOf(document.kind, keyOf(document)), document);
  }

  addInvalid(document: InvalidDocument): void {
    const { kind, namespace, name } = document;
    if (name === undefined) {
      this.#unnamed.push(document);
      return;
    }
    const id = idOf(kind, keyOf({ namespace: namespace ?? '', name }));
    const before = this.#invalid.get(id);
    this.#invalid.set(id, before ? { ...before, problems: [...before.problems, ...document.problems] } : document);
    this.#valid.delete(id);
  }

  /** All valid documents of a kind, by key. */
  all<K extends Kind>(kind: K): readonly ParsedDocument<K>[] {
    return [...this.#valid.values()]
      .filter((document): document is ParsedDocument<K> => document.kind === kind)
      .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }

  find<K extends Kind>(kind: K, key: string): Lookup<K> {
    const document = this.#valid.get(idOf(kind, key));
    if (document) return { type: 'Found', document: document as ParsedDocument<K> };
    return { type: this.#invalid.has(idOf(kind, key)) ? 'Invalid' : 'Missing' };
  }

  /** The document is invalid from now on. */
  refuse(document: ParsedDocument, problems: readonly Diagnostic[]): void {
    const { kind, namespace, name, file } = document;
    this.addInvalid({ kind, ...(namespace === '' ? {} : { namespace }), name, file, problems });
  }

  invalid(): readonly InvalidDocument[] {
    return [...this.#invalid.values(), ...this.#unnamed].sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
  }
}

function idOf(kind: string, key: string): string {
  return `${kind} ${key}`;
}

function orderOf({ file, kind, namespace, name }: InvalidDocument): string {
  return `${file}\n${kind}\n${namespace ?? ''}\n${name ?? ''}`;
}

/** A finding at a value of a document. */
export function atValue(document: ParsedDocument, pointer: string, code: Code, message: string, remedy?: string) {
  const more = { span: valueSpan(document, pointer), subject: subjectOf(document) };
  return finding(code, message, remedy === undefined ? more : { ...more, remedy });
}

/** A finding at the key of a value of a document. */
export function atKey(document: ParsedDocument, pointer: string, code: Code, message: string, remedy?: string) {
  const more = { span: keySpan(document, pointer), subject: subjectOf(document) };
  return finding(code, message, remedy === undefined ? more : { ...more, remedy });
}

/** Problems for every name that a list holds a second time. */
export function duplicateNames(
  document: ParsedDocument,
  pointer: string,
  items: readonly { readonly name: string }[] = [],
): readonly Diagnostic[] {
  const seen = new Set<string>();
  return items.flatMap(({ name }, index) => {
    const again = seen.has(name);
    seen.add(name);
    return again
      ? [atValue(document, `${pointer}/${index}/name`, 'HW1030', `\`${name}\` is already in this list`)]
      : [];
  });
}
