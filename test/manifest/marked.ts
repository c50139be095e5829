import type { Files } from './support.ts';

/** Takes the marks out; the place of each is where a finding is expected. */
export function marked(
  code: string,
  files: Files,
): { readonly files: Readonly<Record<string, string>>; readonly expected: readonly string[] } {
  const expected: string[] = [];
  const plain = Object.entries(files).map(([file, text]) => {
    for (const [index, line] of String(text).split('\n').entries()) {
      const column = line.indexOf('»');
      if (column >= 0) expected.push(`${code} ${file}:${index + 1}:${column + 1}`);
    }
    return [file, String(text).replaceAll('»', '')] as const;
  });
  return { files: Object.fromEntries(plain), expected };
}
