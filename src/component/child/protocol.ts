import type { Result } from '../../kit/result.ts';
import { CODES, type Code } from '../../model/codes.ts';
import type { Problem } from '../../model/problem.ts';
import type { Job, Prepared } from '../job.ts';

/** What the pool sends: one job, answered before the next. */
export type ToChild = { readonly type: 'job'; readonly job: Job };

/** What the child sends: once that it is warm, then one answer per job. It answers nothing else and never twice. */
export type FromChild =
  | { readonly type: 'warm' }
  | { readonly type: 'answer'; readonly result: Result<Prepared, Problem> };

const FILE_NAME = /^(?:component(?:\.js|\.core[0-9]{0,3}\.wasm)|(?:types|remote)\.json)$/;
/** Core modules and bindings of one component; the walk admits 64 modules and jco adds adapters. */
const MAX_FILES = 512;
const MAX_TEXT = 2_000;

/**
 * Whether a message is what a child may say. The child has had foreign bytes in its hands, so the daemon looks before it
 * believes; what the files hold is not believed anywhere, it only ever runs in a cell.
 */
export function isFromChild(message: unknown): message is FromChild {
  if (!isRecord(message)) return false;
  if (message['type'] === 'warm') return true;
  const result = message['result'];
  if (message['type'] !== 'answer' || !isRecord(result)) return false;
  return result['ok'] === true ? isPrepared(result['value']) : result['ok'] === false && isProblem(result['error']);
}

function isPrepared(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { files, tier, tierReason, imports, exports, blockingExports, memories } = value;
  return (
    isList(files, (file) => FILE_NAME.test(String(file['name'])) && file['bytes'] instanceof Uint8Array) &&
    (tier === 'fast' || tier === 'quiet' || tier === 'stock') &&
    (tierReason === undefined || isText(tierReason)) &&
    [imports, exports, blockingExports].every((list) => Array.isArray(list) && list.every(isText)) &&
    isList(memories, (memory) => isSize(memory['initialBytes']) && isSize(memory['maximumBytes']))
  );
}

function isProblem(value: unknown): boolean {
  return (
    isRecord(value) &&
    String(value['code']) in CODES &&
    isText(value['message']) &&
    isText(value['remedy']) &&
    value['policy'] === CODES[value['code'] as Code].policy
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isList(value: unknown, isItem: (item: Record<string, unknown>) => boolean): boolean {
  return Array.isArray(value) && value.length <= MAX_FILES && value.every((item) => isRecord(item) && isItem(item));
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= MAX_TEXT;
}

function isSize(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
