import { REQUEST_IS_INTERNAL } from './frames.ts';
import type { RequestHead } from './request-head.ts';

/** Of a GET that the runtime itself sends into a cell, or the cell to itself before it serves: a guest can tell no difference. */
export function runtimeHead(path: string, headers: readonly string[], timeoutMs: number): RequestHead {
  return {
    flags: REQUEST_IS_INTERNAL,
    deadlineMs: timeoutMs,
    method: 'GET',
    path,
    authority: 'headway.internal',
    scheme: 'http',
    headers: [...headers],
    headerStrings: headers.length,
  };
}

/** Of an answer that a probe takes as good, where the rest of it is well. */
export function isGoodStatus(status: number): boolean {
  return status < 400;
}

/** Names in lower case and values, in turn. */
export function headerTexts(headers: readonly { readonly name: string; readonly value: string }[]): readonly string[] {
  return headers.flatMap(({ name, value }) => [name.toLowerCase(), value]);
}
