/**
 * The tables of what the ingress itself answers: a refusal before a release was asked, and the end of a call that left
 * no response. Statuses, codes and what is counted are decided here and nowhere else.
 */
import type { Code } from '../model/codes.ts';
import { BROKE_PROTOCOL, LOST, TAKEN_ALONG, type CallEnd } from '../wire/cell-caller.ts';
import { Outcome } from '../wire/frames.ts';

export interface Answer {
  readonly status: number;
  /** Stable, CamelCase: for programs. */
  readonly reason: string;
  readonly code: Code;
  /** For people; a detail of the occasion may follow it. */
  readonly message: string;
  /** Tell the client to come back; seconds. */
  readonly retryAfterSeconds?: number;
}

/** No release was asked. */
export const REFUSALS = {
  BadRequest: { status: 400, reason: 'BadRequest', code: 'HW4510', message: 'the request cannot be understood' },
  NoRoute: { status: 404, reason: 'NoRoute', code: 'HW4511', message: 'no route matches this host and path' },
  NoPreview: { status: 404, reason: 'NoPreview', code: 'HW4515', message: 'no release of this name is in preview' },
  RequestTimeout: {
    status: 408,
    reason: 'RequestTimeout',
    code: 'HW4513',
    message: 'the request did not arrive in time',
  },
  BodyTooLarge: {
    status: 413,
    reason: 'BodyTooLarge',
    code: 'HW4512',
    message: 'the body is over the limit of this route',
  },
  ExpectationFailed: {
    status: 417,
    reason: 'ExpectationFailed',
    code: 'HW4514',
    message: 'only 100-continue can be expected',
  },
  TooManyHeaders: {
    status: 431,
    reason: 'TooManyHeaders',
    code: 'HW4510',
    message: 'the head of the request is too large',
  },
  TooManyTrailers: {
    status: 431,
    reason: 'TooManyTrailers',
    code: 'HW4510',
    message: 'the trailers of the request are too many or too long',
  },
  NotOffered: { status: 501, reason: 'NotOffered', code: 'HW4514', message: 'this is not offered' },
  VersionNotSupported: {
    status: 505,
    reason: 'VersionNotSupported',
    code: 'HW4514',
    message: 'HTTP/1.0 and HTTP/1.1 are spoken here',
  },
  QueueFull: {
    status: 429,
    reason: 'QueueFull',
    code: 'HW4520',
    message: 'every replica is busy and the queue is full',
    retryAfterSeconds: 1,
  },
  QueueTimeout: {
    status: 503,
    reason: 'QueueTimeout',
    code: 'HW4520',
    message: 'no replica became free in time',
    retryAfterSeconds: 1,
  },
  NoReplica: { status: 503, reason: 'NoReplica', code: 'HW4521', message: 'no replica is ready', retryAfterSeconds: 1 },
  Starting: {
    status: 503,
    reason: 'Starting',
    code: 'HW4522',
    message: 'no routes have been loaded yet',
    retryAfterSeconds: 1,
  },
  EngineAway: {
    status: 503,
    reason: 'EngineAway',
    code: 'HW4133',
    message: 'the engine that has this component is away',
    retryAfterSeconds: 1,
  },
  EngineLost: {
    status: 502,
    reason: 'EngineLost',
    code: 'HW4133',
    message: 'the engine that has this component went away during the call',
  },
} as const satisfies Record<string, Answer>;

/** How a call counts for its release. A failure is the guest's own doing. */
export type Count = 'Success' | 'Failure' | 'Trap' | 'Deadline' | 'ClientAbort';

export interface EndRow extends Answer {
  readonly count: Count;
}

const NO_RESPONSE: EndRow = {
  status: 502,
  reason: 'NoResponse',
  code: 'HW4530',
  message: 'the component ended the call without a response',
  count: 'Failure',
};

/** The call ended like this and no head had come. (With a head, the connection is destroyed where the body is not whole.) */
const ENDS: ReadonlyMap<CallEnd, EndRow> = new Map<CallEnd, EndRow>([
  [Outcome.Ok, NO_RESPONSE],
  [Outcome.NoResponse, NO_RESPONSE],
  [Outcome.Cancelled, NO_RESPONSE],
  [
    Outcome.ErrorCode,
    {
      status: 502,
      reason: 'ErrorCode',
      code: 'HW4531',
      message: 'the component answered with an error code',
      count: 'Failure',
    },
  ],
  [Outcome.Trap, { status: 502, reason: 'Trap', code: 'HW4532', message: 'the component trapped', count: 'Trap' }],
  [
    Outcome.Deadline,
    {
      status: 504,
      reason: 'Deadline',
      code: 'HW4533',
      message: 'the component did not answer in time',
      count: 'Deadline',
    },
  ],
  [
    Outcome.ResponseTooLarge,
    {
      status: 502,
      reason: 'ResponseTooLarge',
      code: 'HW4534',
      message: 'the response is over the limit of its component',
      count: 'Failure',
    },
  ],
  [
    LOST,
    { status: 502, reason: 'CellLost', code: 'HW4535', message: 'the cell died during the call', count: 'Failure' },
  ],
  [
    BROKE_PROTOCOL,
    {
      status: 502,
      reason: 'CellLost',
      code: 'HW4535',
      message: 'the cell was ended during the call',
      count: 'Failure',
    },
  ],
  [
    TAKEN_ALONG,
    {
      status: 502,
      reason: 'CellLost',
      code: 'HW4535',
      message: 'the process that the cell shared ended during the call',
      count: 'Failure',
    },
  ],
]);

/** `error-code` of `wasi:http/types` where another status than 502 says more. */
const STATUS_OF_ERROR_CODE: ReadonlyMap<string, number> = new Map([
  ['DNS-timeout', 504],
  ['connection-timeout', 504],
  ['connection-read-timeout', 504],
  ['connection-write-timeout', 504],
  ['HTTP-response-timeout', 504],
  ['destination-unavailable', 503],
  ['connection-limit-reached', 503],
  ['HTTP-request-length-required', 411],
  ['HTTP-request-body-size', 413],
  ['HTTP-request-URI-invalid', 400],
  ['HTTP-request-URI-too-long', 414],
  ['HTTP-request-method-invalid', 400],
  ['HTTP-request-header-section-size', 431],
  ['HTTP-request-header-size', 431],
  ['internal-error', 500],
  ['configuration-error', 500],
]);

/** What to answer, and how to count it, where a call ended without a response. `failing`: see failing.ts. */
export function answerOfEnd(end: CallEnd, detail: string, failing: Uint8Array): EndRow {
  const row = ENDS.get(end) ?? NO_RESPONSE;
  if (end !== Outcome.ErrorCode) return row;
  const status = STATUS_OF_ERROR_CODE.get(detail.split(/[^A-Za-z-]/, 1)[0]!) ?? row.status;
  return { ...row, status, count: failing[status] === 1 ? 'Failure' : 'Success' };
}

/** How a call counts where a head had come. */
export function countOfEnd(end: CallEnd, isFailing: boolean, whole: boolean): Count {
  if (end === Outcome.Trap) return 'Trap';
  if (end === Outcome.Deadline) return 'Deadline';
  if (end !== Outcome.Ok || !whole || isFailing) return 'Failure';
  return 'Success';
}

/** From this share of its time on, the wait for room is to blame for a deadline that passes, and not the guest. */
const MAX_WAIT_SHARE = 0.5;

/** Whose doing a deadline that passed in a cell is. All on one clock, milliseconds. */
export function countOfDeadline(acceptedAtMs: number, sentAtMs: number, deadlineAtMs: number): 'Deadline' | 'Overload' {
  return sentAtMs - acceptedAtMs >= (deadlineAtMs - acceptedAtMs) * MAX_WAIT_SHARE ? 'Overload' : 'Deadline';
}

/** The body of an answer of our own. */
export function answerBody(answer: Answer, about: { detail?: string; route?: string; release?: string }): string {
  const { status, reason, code, message } = answer;
  const { detail = '', route, release } = about;
  const text = detail === '' ? message : `${message}: ${detail}`;
  return `${JSON.stringify({
    error: { status, code, reason, message: text, ...(route ? { route } : {}), ...(release ? { release } : {}) },
  })}\n`;
}
