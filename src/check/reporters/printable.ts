/** A tab stays one column wide, and nothing in a file can write to a terminal, or hide from its reader, by itself. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll('\t', ' ').replaceAll(/[\0-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, '�');
}
