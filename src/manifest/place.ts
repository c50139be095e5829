import type { Json } from '../kit/json.ts';
import type { Span } from '../model/problem.ts';

/**
 * Where a node stands, as plain numbers so that a thousand documents cross a process boundary cheaply:
 * `[line, column, endLine, endColumn]` of the value and, where it has one, the same four of its key.
 */
export type Place = readonly number[] & {
  /** Where it is not the file of its document: it came from a patch. Never crosses a process boundary. */
  readonly file?: string;
};

/** Places by JSON pointer; the root is the empty pointer. */
export type Places = Readonly<Record<string, Place>>;

/** One more segment of a JSON pointer (RFC 6901). */
export function child(pointer: string, segment: string | number): string {
  return `${pointer}/${String(segment).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

export function segmentsOf(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** What a pointer leads to; undefined where there is nothing. */
export function valueAt(root: Json, pointer: string): Json | undefined {
  let value: Json | undefined = root;
  for (const segment of segmentsOf(pointer)) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return undefined;
    value = (value as Readonly<Record<string, Json>>)[segment];
  }
  return value;
}

/** `/spec/rules/0/backendRef` as people write it: `spec.rules[0].backendRef`. */
export function pathOf(pointer: string): string {
  let text = '';
  for (const segment of segmentsOf(pointer)) {
    if (/^[0-9]+$/.test(segment)) text += `[${segment}]`;
    else if (/^[A-Za-z0-9_-]+$/.test(segment)) text += text === '' ? segment : `.${segment}`;
    else text += `[${JSON.stringify(segment)}]`;
  }
  return text;
}

/** The span of a value; of the nearest thing around it where it is not written (a missing field). */
export function spanOfValue(file: string, places: Places, pointer: string): Span {
  const place = nearest(places, pointer);
  return spanFrom(place.file ?? file, place.slice(0, 4));
}

/** The span of the key that holds a value; for items of lists and the root, that of the value. */
export function spanOfKey(file: string, places: Places, pointer: string): Span {
  const place = nearest(places, pointer);
  return spanFrom(place.file ?? file, place.length === 8 ? place.slice(4) : place.slice(0, 4));
}

function nearest(places: Places, pointer: string): Place {
  let at = pointer;
  for (;;) {
    const place = places[at];
    if (place) return place;
    if (at === '') return [1, 1, 1, 1];
    at = at.slice(0, at.lastIndexOf('/'));
  }
}

function spanFrom(file: string, [line, column, endLine, endColumn]: readonly number[]): Span {
  return { file, line: line!, column: column!, endLine: endLine!, endColumn: endColumn! };
}
