/** Pure: what came against what was expected. */
import { isDeepStrictEqual } from 'node:util';
import { CHECK_DEFAULTS } from '../../manifest/defaults.ts';
import { Mismatch } from '../../model/typed/mismatch.ts';
import { decoded, type PlannedCall } from './plan-calls.ts';

export interface Answer {
  readonly status: number;
  /** Names in lower case; values of a name that came several times are joined with a comma. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

export interface Unmet {
  readonly message: string;
  readonly expected: string;
  readonly found: string;
}

/** The longest piece of what came that a report shows. */
const MAX_SHOWN_CHARACTERS = 2_000;

/** `undefined`: the expectation is met. */
export function judge(call: PlannedCall, answer: Answer): Unmet | undefined {
  return call.export ? judgeResult(call, answer) : judgeResponse(call, answer);
}

/** The answer of a typed Route, folded back into what the function returned (docs/typed-exports.md). */
function judgeResult({ expect, returned }: PlannedCall, answer: Answer): Unmet | undefined {
  const wanted = Object.hasOwn(expect, 'result') ? cut(JSON.stringify(expect.result)) : 'that it returns, and no err';
  const unmet = (message: string, found: string): Unmet => ({ message, expected: wanted, found: cut(found) });
  const text = textOf(answer);
  if (![200, 204, 422].includes(answer.status)) return unmet('the function did not return', `${answer.status} ${text}`);
  const body = text === '' ? null : parsedJson(text);
  if (body === undefined) return unmet('the answer is not JSON', text);
  const type = returned?.result;
  const isResult = typeof type === 'number' && returned!.types[type]!.kind === 'result';
  const failed = answer.status === 422;
  const value = !isResult ? body : failed ? { err: (body as { error?: unknown } | null)?.error ?? null } : { ok: body };
  const shown = JSON.stringify(value);
  if (!Object.hasOwn(expect, 'result')) return failed ? unmet('the function returned err', shown) : undefined;
  try {
    if (isDeepStrictEqual(decoded(returned, value), decoded(returned, expect.result))) return undefined;
    return unmet('the function returned something else', shown);
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    return unmet(`what came does not fit the type: ${error.message}`, shown);
  }
}

function judgeResponse({ expect }: PlannedCall, answer: Answer): Unmet | undefined {
  const status = expect.status ?? CHECK_DEFAULTS.expect.status;
  const text = textOf(answer);
  if (answer.status !== status) {
    return { message: 'another status', expected: String(status), found: cut(`${answer.status} ${text}`) };
  }
  for (const { name, value } of expect.headers ?? []) {
    const found = answer.headers.get(name.toLowerCase());
    if (found !== value) return { message: `another header ${name}`, expected: value, found: cut(found ?? 'none') };
  }
  if (expect.body !== undefined && text !== expect.body) {
    return { message: 'another body', expected: cut(expect.body), found: cut(text) };
  }
  if (expect.contains !== undefined && !text.includes(expect.contains)) {
    return { message: 'the body does not hold the text', expected: cut(expect.contains), found: cut(text) };
  }
  if (Object.hasOwn(expect, 'json') && !isDeepStrictEqual(parsedJson(text), expect.json)) {
    return { message: 'another body', expected: cut(JSON.stringify(expect.json)), found: cut(text) };
  }
  return undefined;
}

function textOf({ body }: Answer): string {
  return new TextDecoder().decode(body);
}

/** `undefined` is no value of JSON. */
function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function cut(text: string): string {
  return text.length <= MAX_SHOWN_CHARACTERS
    ? text
    : `${text.slice(0, MAX_SHOWN_CHARACTERS)}… (${text.length} characters)`;
}
