/**
 * `--fix`: writes the one right answer where a finding has one. What is left is for a person, and so are files of bases:
 * they are other environments' too, and what stands there may be a variable.
 */
import { err, ok, type Result } from '../../kit/result.ts';
import type { Diagnostic, Fix } from '../../model/diagnostic.ts';
import type { Problem, Span } from '../../model/problem.ts';
import type { ManifestFile } from '../../reconcile/ports.ts';
import type { LintSource } from './source.ts';

interface Edit {
  readonly span: Span;
  readonly fix: Fix;
}

/** How many findings were mended. Spans that overlap are left to the next run: after the first edit they are wrong. */
export async function applyFixes(
  findings: readonly Diagnostic[],
  files: readonly ManifestFile[],
  write: NonNullable<LintSource['write']>,
): Promise<Result<number, Problem>> {
  const edits = findings.flatMap(({ span, fix }) => (span && fix ? [{ span, fix }] : []));
  let mended = 0;
  for (const file of files) {
    if (file.base !== undefined) continue;
    const own = edits.filter(({ span }) => span.file === file.path);
    if (own.length === 0) continue;
    const { text, count } = edited(new TextDecoder('utf-8', { ignoreBOM: true }).decode(file.bytes), own);
    const written = await write(file.path, text);
    if (!written.ok) return err(written.error);
    mended += count;
  }
  return ok(mended);
}

function edited(text: string, edits: readonly Edit[]): { readonly text: string; readonly count: number } {
  const starts = lineStarts(text);
  const offset = (line: number, column: number): number => (starts[line - 1] ?? text.length) + column - 1;
  const ranges = edits
    .map(({ span, fix }) => ({
      from: offset(span.line, span.column),
      to: offset(span.endLine, span.endColumn),
      fix,
    }))
    .sort((one, other) => other.from - one.from);
  let result = text;
  let count = 0;
  let before = text.length + 1;
  for (const { from, to, fix } of ranges) {
    if (to > before) continue;
    const written = result.slice(from, to);
    result = result.slice(0, from) + (fix.type === 'Replace' ? fix.text : JSON.stringify(written)) + result.slice(to);
    before = from;
    count += 1;
  }
  return { text: result, count };
}

/** Offsets of the lines; a byte order mark is no column of the first. */
function lineStarts(text: string): readonly number[] {
  const starts = [text.startsWith('\ufeff') ? 1 : 0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}
