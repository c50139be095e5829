import type { EntryKey, ExportRef } from './component.ts';

export interface HeaderMatch {
  /** Lower case. */
  readonly name: string;
  readonly type: 'Exact';
  readonly value: string;
}

/** One way for a request to match, in the words of the Gateway API. An absent hostname matches every host. */
export interface Match {
  readonly hostname?: string;
  readonly path: { readonly type: 'Exact' | 'PathPrefix'; readonly value: string };
  readonly method?: string;
  readonly headers: readonly HeaderMatch[];
}

/** A rule of a Route document for one match: hostnames and matches are multiplied out. */
export interface RouteRule {
  /** `namespace/name` of the Route document. */
  readonly route: string;
  readonly match: Match;
  readonly backend: EntryKey;
  readonly export?: ExportRef;
  /** Copies of requests may write outside; absent: they may not. */
  readonly mirroredWrites?: 'Allow';
  readonly requestTimeoutMs?: number;
  readonly requestBodyBytes?: number;
}

/** The identity of a match, whoever owns it: two rules with the same key claim the same requests. */
export function matchKey(match: Match): string {
  const headers = match.headers
    .map((header) => `${header.name}=${header.value}`)
    .sort()
    .join('&');
  return [match.hostname ?? '*', match.path.type, match.path.value, match.method ?? '*', headers].join(' ');
}
