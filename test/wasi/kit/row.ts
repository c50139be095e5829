import type { Answer, RequestOptions } from '../../cell/kit/peer.ts';
import { call, get, put, R, text, u32 } from './wat.ts';

/** One thing that a function of WASI does, as a guest meets it. */
export interface Row {
  /** Short name (`functions.ts`): `input-stream.read`. */
  readonly of: string;
  /** How it ends: with a value, with the error of its interface, or the instance with a trap. */
  readonly ends: 'Value' | 'Error' | 'Trap';
  readonly what: string;
  /** The guest's handler. Without `response-outparam.set` the good answer is put behind it. */
  readonly handle: string;
  /** It answers nothing, and is meant to. */
  readonly alone?: true;
  readonly request?: RequestOptions;
  /** Beyond the good answer, or the trap; `bodyText` is the body, or how long it is. */
  readonly expected?: Partial<Record<keyof Answer | 'bodyText', unknown>>;
}

/** A table of one package: `wasi:io`. */
export interface Table {
  readonly package: string;
  readonly rows: readonly Row[];
  /** Functions that return a `result` and have no error to give here: why. */
  readonly neverFail: Readonly<Record<string, string>>;
  /** The test that calls its other functions; absent where each has a row. */
  readonly rest?: string;
}

export const value = (of: string, what: string, handle: string, more: Partial<Row> = {}): Row => {
  return { of, ends: 'Value', what, handle, ...more };
};
export const error = (of: string, what: string, handle: string, more: Partial<Row> = {}): Row => {
  return { of, ends: 'Error', what, handle, ...more };
};
export const trap = (of: string, what: string, handle: string, more: Partial<Row> = {}): Row => {
  return { of, ends: 'Trap', what, handle, ...more };
};

export const GREETING = 'hello';

/** `$a` is a response of no headers. */
export const RESPONSE = put('a', call('outgoing-response.new', call('fields.new')));
/** `$b` is its body, `$c` the stream of that. */
export const BODY = `${call('outgoing-response.body', get('a'), R)} ${put('b', u32(4))}
  ${call('outgoing-body.write', get('b'), R)} ${put('c', u32(4))}`;
export const SET = call('response-outparam.set', get('out'), 0, get('a'), 0, 0n, 0, 0, 0, 0);
export const CLOSE = `${call('output-stream.drop', get('c'))} ${call('outgoing-body.finish', get('b'), 0, 0, R)}`;
export const ANSWER = `${RESPONSE} ${BODY} ${call('output-stream.check-write', get('c'), R)}
  ${call('output-stream.write', get('c'), text(GREETING), R)} ${CLOSE} ${SET}`;

/** `$d` is the request's body, `$e` its stream. */
export const REQUEST_BODY = `${call('incoming-request.consume', get('req'), R)} ${put('d', u32(4))}
  ${call('incoming-body.stream', get('d'), R)} ${put('e', u32(4))}`;

export function wholeHandle({ handle, ends, alone }: Row): string {
  return ends === 'Trap' || alone || handle.includes('$response-outparam.set') ? handle : `${handle} ${ANSWER}`;
}
