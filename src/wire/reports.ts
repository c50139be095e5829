/** The JSON frames that a cell sends about itself, read from hostile bytes: `undefined` where they have another shape. */
import { cutBytes } from '../kit/cut-bytes.ts';
import type { Json } from '../kit/json.ts';
import { visibleText } from '../kit/visible.ts';
import {
  CELL_LIMITS,
  LOG_HEAD_BYTES,
  MAX_ASKED_BYTES,
  MAX_JSON_BYTES,
  MAX_OUTCOME_BYTES,
  type CellLimit,
  type Loaded,
} from './frames.ts';

export interface LoadFailure {
  readonly code: string;
  readonly message: string;
}

/** The guest called what it was not granted. All texts are the cell's, without control characters. */
export interface Denial {
  /** Its position in the assignment, 0 the entry. */
  readonly member: number;
  readonly interface: string;
  readonly function: string;
  /** Of what: at most `MAX_ASKED_BYTES` before control characters are escaped. Empty where only the function is known. */
  readonly asked: string;
  /** Some of `count` asked for something else. */
  readonly others: boolean;
  /** Position among the mounts of the member, where it is about one. */
  readonly mount: number | undefined;
  readonly reason: string;
  /** This one, and those that were not told since the one before. */
  readonly count: number;
}

const POLICIES: readonly unknown[] = ['Pooled', 'PerRequest', 'Singleton'];
const HTTP_WORLDS: readonly unknown[] = ['wasi', 'headway', 'none'];
/** Longer texts are cut: they end in logs and statuses. */
const MAX_REPORTED_CHARACTERS = 1024;

export function readJson(bytes: Buffer, start: number, end: number): Json | undefined {
  if (end - start > MAX_JSON_BYTES) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8', start, end)) as Json;
  } catch {
    return undefined;
  }
}

export function readLoaded(bytes: Buffer, start: number, end: number): Loaded | undefined {
  const report = readObject(bytes, start, end);
  if (report === undefined) return undefined;
  const { compileMs, instantiateMs, initMs, migrateMs, instancePolicy, why, hasHealth, hasShutdown, hasHttp } = report;
  if (typeof compileMs !== 'number' || typeof instantiateMs !== 'number' || typeof initMs !== 'number')
    return undefined;
  if (typeof hasHealth !== 'boolean' || typeof hasShutdown !== 'boolean') return undefined;
  if (!POLICIES.includes(instancePolicy) || !HTTP_WORLDS.includes(hasHttp)) return undefined;
  return {
    compileMs,
    instantiateMs,
    initMs,
    ...(typeof migrateMs === 'number' ? { migrateMs } : {}),
    instancePolicy: instancePolicy as Loaded['instancePolicy'],
    ...(why === undefined ? {} : { why: cut(why) }),
    isProven: report['isProven'] === true,
    isReady: report['isReady'] === true,
    isCompiled: report['isCompiled'] === true,
    hasHealth,
    hasShutdown,
    hasHttp: hasHttp as Loaded['hasHttp'],
  };
}

export function readFailure(bytes: Buffer, start: number, end: number): LoadFailure | undefined {
  const report = readObject(bytes, start, end);
  if (typeof report?.['code'] !== 'string' || typeof report['message'] !== 'string') return undefined;
  return { code: cut(report['code']), message: cut(report['message']) };
}

/** `asked`, `others` and `mount` may be absent: what a cell of before has to say is the function. */
export function readDenial(bytes: Buffer, start: number, end: number): Denial | undefined {
  const report = readObject(bytes, start, end);
  if (typeof report?.['interface'] !== 'string' || typeof report['function'] !== 'string') return undefined;
  const { interface: name, function: called, reason, asked = '', others = false, count = 1 } = report;
  const member = positionOf(report['member']);
  const mount = positionOf(report['mount']);
  if (member === undefined || (mount === undefined && report['mount'] !== undefined)) return undefined;
  if (typeof asked !== 'string' || typeof others !== 'boolean') return undefined;
  if (!Number.isSafeInteger(count) || Number(count) < 1) return undefined;
  return {
    member,
    interface: visibleText(cut(name)),
    function: visibleText(cut(called)),
    asked: visibleText(cutBytes(asked, MAX_ASKED_BYTES)),
    others,
    mount,
    reason: visibleText(cut(reason)),
    count: Number(count),
  };
}

function positionOf(value: Json | undefined): number | undefined {
  return Number.isSafeInteger(value) && Number(value) >= 0 ? Number(value) : undefined;
}

/** A limit that the cell itself keeps to was hit. */
export interface LimitReport {
  readonly limit: CellLimit;
  readonly count: number;
}

export function readLimit(bytes: Buffer, start: number, end: number): LimitReport | undefined {
  const limit = CELL_LIMITS[bytes[start]!];
  if (end - start !== 5 || limit === undefined) return undefined;
  const count = bytes.readUInt32LE(start + 1);
  return count === 0 ? undefined : { limit, count };
}

/** Why instances serve one call each from here on. */
export function readPerRequest(bytes: Buffer, start: number, end: number): string | undefined {
  return end === start || end - start > MAX_OUTCOME_BYTES ? undefined : bytes.toString('utf8', start, end);
}

/** More of a log in one frame is not ours. */
const MAX_LOG_BYTES = 64 * 1024;

/** Hands a `Log` frame to its reader; a text says what is wrong with it. */
export function readLog(
  bytes: Buffer,
  start: number,
  end: number,
  reader: { onLog(stream: 1 | 2 | 3, member: number, droppedBytes: number, text: string): void },
): string | undefined {
  const stream = bytes[start];
  if (end - start < LOG_HEAD_BYTES || end - start > LOG_HEAD_BYTES + MAX_LOG_BYTES) return 'a log of another shape';
  if (stream !== 1 && stream !== 2 && stream !== 3) return `a log of the stream ${stream}`;
  const dropped = bytes.readUInt32LE(start + 2);
  reader.onLog(stream, bytes[start + 1]!, dropped, bytes.toString('utf8', start + LOG_HEAD_BYTES, end));
  return undefined;
}

function readObject(
  bytes: Buffer,
  start: number,
  end: number,
): { readonly [name: string]: Json | undefined } | undefined {
  const value = readJson(bytes, start, end);
  if (value === undefined || value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  return value as { readonly [name: string]: Json | undefined };
}

function cut(value: Json | undefined): string {
  return (typeof value === 'string' ? value : '').slice(0, MAX_REPORTED_CHARACTERS);
}

/** Hands a report over; a text says that it was none. */
export function told<Report>(
  report: Report | undefined,
  name: string,
  tell: (report: Report) => void,
): string | undefined {
  if (report === undefined) return `${name} of another shape`;
  tell(report);
  return undefined;
}
