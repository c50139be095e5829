import type { Span } from '../../model/problem.ts';

/** A tab stays one column wide, and nothing in a file can write to a terminal, or hide from its reader, by itself. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll('\t', ' ').replaceAll(/[\0-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, '�');
}

/** `shop/cart.yaml:3:5`: the name of the file is whoever's commits it. */
export function printablePlace({ file, line, column }: Span): string {
  return `${printable(file)}:${line}:${column}`;
}
