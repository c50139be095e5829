/**
 * The form of the audit: one line per record, `hash json\n`, where `hash` is the sha256 of the hash of the line before, a
 * line feed, and the bytes of the JSON (RFC 8785 form). Any program that has sha256 can check it.
 */
import { createHash } from 'node:crypto';
import { canonicalJson, type Json } from '../../kit/json.ts';
import type { AuditRecord } from '../../model/audit-record.ts';

/** What the first line of all has before it. */
export const GENESIS = '0'.repeat(64);
const HASH = /^[0-9a-f]{64}$/;
const HASH_CHARACTERS = 64;
const SPACE = 0x20;
const LINE_FEED = 0x0a;

export interface WrittenLine {
  readonly text: string;
  readonly hash: string;
}

export function lineOf(record: AuditRecord, previous: string): WrittenLine {
  const json = canonicalJson(record as unknown as Json);
  const hash = hashAfter(previous, Buffer.from(json));
  return { text: `${hash} ${json}\n`, hash };
}

function hashAfter(previous: string, json: Uint8Array): string {
  return createHash('sha256').update(`${previous}\n`, 'latin1').update(json).digest('hex');
}

export interface ReadLine {
  /** Undefined where the line has not the form of one. */
  readonly record?: AuditRecord | undefined;
  /** As it stands in the line. */
  readonly stated: string;
  /** Byte offset of the line after. */
  readonly end: number;
  /** Does it follow the line with this hash? */
  readonly follows: (previous: string) => boolean;
  /** What its hash should be, after that line. */
  readonly computed: (previous: string) => string;
}

/** The lines of a file in order; `rest` are bytes after the last line feed. */
export function readLines(bytes: Buffer): { readonly lines: readonly ReadLine[]; readonly rest: number } {
  const lines: ReadLine[] = [];
  let start = 0;
  for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, start)) {
    lines.push(readLine(bytes.subarray(start, end), end + 1));
    start = end + 1;
  }
  return { lines, rest: bytes.length - start };
}

function readLine(line: Buffer, end: number): ReadLine {
  const stated = line.toString('latin1', 0, HASH_CHARACTERS);
  const json = line.subarray(HASH_CHARACTERS + 1);
  const isLine = HASH.test(stated) && line[HASH_CHARACTERS] === SPACE;
  const computed = (previous: string): string => hashAfter(previous, json);
  return {
    record: isLine ? recordOf(json) : undefined,
    stated,
    end,
    follows: (previous) => isLine && computed(previous) === stated,
    computed,
  };
}

function recordOf(json: Buffer): AuditRecord | undefined {
  try {
    const record = JSON.parse(json.toString('utf8')) as Partial<AuditRecord> | null;
    const isRecord =
      Number.isSafeInteger(record?.seq) && typeof record?.at === 'string' && typeof record.kind === 'string';
    return isRecord ? (record as AuditRecord) : undefined;
  } catch {
    return undefined;
  }
}
