/** The files of the audit in its folder: `audit-00000001.jsonl` and on, oldest first. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const NAME = /^audit-([0-9]{8,})\.jsonl$/;

export interface Segment {
  readonly number: number;
  readonly name: string;
  readonly file: string;
}

export function segmentName(number: number): string {
  return `audit-${String(number).padStart(8, '0')}.jsonl`;
}

/** @throws the file system's errors. */
export function listSegments(folder: string): readonly Segment[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((name) => {
      const number = Number(NAME.exec(name)?.[1] ?? Number.NaN);
      return Number.isSafeInteger(number) ? [{ number, name, file: join(folder, name) }] : [];
    })
    .sort((one, other) => one.number - other.number);
}

export function readSegment({ file }: Segment): Buffer {
  return readFileSync(file);
}

export function bytesOfSegments(segments: readonly Segment[]): number {
  return segments.reduce((sum, { file }) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
}
