import { err, ok, type Result } from '../kit/result.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { Bounds } from './bounds.ts';
import { finding } from './finding.ts';

/**
 * Controls other than tab and line ends (a carriage return alone is none: it hides the start of its line), and the characters that make a review lie: text that is shown in another
 * order than it is read, or not at all (Unicode TR 36 §2; CVE-2021-42574).
 */
// oxlint-disable-next-line no-control-regex, no-misleading-character-class
const UNSEEN = /\r(?!\n)|[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/u;

/** The text of a file within the bounds of bytes and lines. A byte order mark at the start is dropped, as YAML allows. */
export function decodeText(file: string, bytes: Uint8Array, bounds: Bounds): Result<string, Diagnostic> {
  if (bytes.byteLength > bounds.maxFileBytes) {
    return err(
      refuse('HW1003', file, 1, 1, `${file} has ${bytes.byteLength} bytes; at most ${bounds.maxFileBytes} are read`),
    );
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const [line, column] = firstBroken(bytes);
    const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
    const what = isUtf16 ? 'is UTF-16' : `is not valid UTF-8 in line ${line}`;
    return err(refuse('HW1002', file, line, column, `${file} ${what}`));
  }
  let line = 1;
  for (let start = 0; start <= text.length; line += 1) {
    const next = text.indexOf('\n', start);
    const end = next === -1 ? text.length : next;
    if (end - start > bounds.maxLineLength) {
      const message = `line ${line} has ${end - start} characters; at most ${bounds.maxLineLength} are read`;
      return err(refuse('HW1003', file, line, 1, message));
    }
    start = end + 1;
  }
  const unseen = UNSEEN.exec(text);
  if (unseen) {
    const before = text.slice(0, unseen.index);
    const column = unseen.index - before.lastIndexOf('\n');
    const name = unseen[0].codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
    const message = `the character U+${name} cannot be seen in a review and is not allowed in a manifest`;
    return err(refuse('HW1002', file, before.split('\n').length, column, message));
  }
  return ok(text);
}

function refuse(code: 'HW1002' | 'HW1003', file: string, line: number, column: number, message: string): Diagnostic {
  return finding(code, message, { span: { file, line, column, endLine: line, endColumn: column + 1 } });
}

/** Line and column, from 1. Line ends are single bytes in UTF-8, so that each line can be looked at alone. */
function firstBroken(bytes: Uint8Array): readonly [line: number, column: number] {
  const strict = new TextDecoder('utf-8', { fatal: true });
  for (let line = 1, start = 0; ; line += 1) {
    const next = bytes.indexOf(0x0a, start);
    const text = bytes.subarray(start, next === -1 ? bytes.length : next);
    try {
      strict.decode(text);
    } catch {
      // What cannot be read becomes U+FFFD, so that the first one in the text is no later than the fault.
      return [line, new TextDecoder('utf-8', { ignoreBOM: true }).decode(text).indexOf('\ufffd') + 1];
    }
    if (next === -1) return [line, 1];
    start = next + 1;
  }
}
