import { Refusal } from './refusal.ts';

/**
 * The names that may appear in a component, as an allow-list. They end up in generated code as identifiers, property names
 * and strings, so a name is admitted by what it is made of and never by what it is not.
 */
const WORDS = String.raw`(?:[a-z][a-z0-9]*|[A-Z][A-Z0-9]*)(?:-(?:[a-z0-9]+|[A-Z0-9]+))*`;
const VERSION = String.raw`[0-9]{1,9}(?:\.[0-9]{1,9}){2}(?:-[0-9A-Za-z.-]{1,64})?(?:\+[0-9A-Za-z.-]{1,64})?`;

const LABEL = new RegExp(`^${WORDS}$`);
const INTERFACE = new RegExp(`^${WORDS}(?::${WORDS})+(?:/${WORDS})+(?:@${VERSION})?$`);
const OF_RESOURCE = new RegExp(String.raw`^(?:\[constructor\]${WORDS}|\[(?:method|static)\]${WORDS}\.${WORDS})$`);
/** Core names are the toolchain's: `cabi_realloc`, `[method]fields.get`, `wasi:http/incoming-handler@0.2.3#handle`, `cm32p2|run`. */
const CORE = /^[A-Za-z0-9_.:/@#$|[\]+*-]*$/;

/** Names that mean something to JavaScript itself when they become a property. */
const MEANT_FOR_JAVASCRIPT: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype', 'then']);

/** A field of a record, a case of a variant, a parameter. */
export function isLabel(name: string): boolean {
  return LABEL.test(name) && !MEANT_FOR_JAVASCRIPT.has(name);
}

/** What a component, a nested one too, imports or exports: a label, an interface, or a function of a resource. */
export function isExternName(name: string): boolean {
  return isLabel(name) || INTERFACE.test(name) || OF_RESOURCE.test(name);
}

/** What a core module imports or exports. Empty names are in use. */
export function isCoreName(name: string): boolean {
  return CORE.test(name) && !MEANT_FOR_JAVASCRIPT.has(name);
}

/** The name as a message may show it: ASCII without control characters, and short. */
export function printable(name: string): string {
  const plain = name.replaceAll(/[^\x20-\x7e]/g, '?');
  return plain.length > 80 ? `${plain.slice(0, 80)}…` : plain;
}

/** Checks length and form; `what` says in the message what kind of name it is. */
export function admitName(name: string, isAllowed: (name: string) => boolean, what: string, maxBytes: number): string {
  if (name.length > maxBytes) {
    throw new Refusal('HW2104', `${what} has a name of ${name.length} bytes; at most ${maxBytes} are accepted`);
  }
  if (!isAllowed(name)) throw new Refusal('HW2103', `${what} is named "${printable(name)}"`);
  return name;
}
