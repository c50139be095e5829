import { stringify } from 'yaml';

/** Below the bound of a line, so that a long text is folded and not refused. */
const LINE_WIDTH = 1_000;

/** Documents → a file that reads as exactly these: every text in quotes, so that none of it means something else. */
export function writeDocuments(values: readonly unknown[]): string {
  return values
    .map((value) =>
      stringify(value, {
        defaultStringType: 'QUOTE_DOUBLE',
        defaultKeyType: 'PLAIN',
        aliasDuplicateObjects: false,
        lineWidth: LINE_WIDTH,
      }),
    )
    .join('---\n');
}
