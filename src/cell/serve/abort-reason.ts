import { Abort } from '../../wire/frames.ts';
import type { AbortReason } from '../call.ts';
import type { ErrorCode } from '../wasi/error-code.ts';

const REASONS: Readonly<Record<AbortReason, { readonly text: string; readonly code: ErrorCode }>> = {
  [Abort.ClientGone]: { text: 'the client is gone', code: { tag: 'connection-terminated' } },
  [Abort.Deadline]: { text: 'the deadline passed', code: { tag: 'connection-timeout' } },
  [Abort.Draining]: { text: 'the cell drains', code: { tag: 'connection-terminated' } },
  [Abort.TooLarge]: { text: 'the body is over the limit', code: { tag: 'HTTP-request-body-size' } },
  [Abort.TrailersTooLarge]: {
    text: 'the trailers are over the limit',
    code: { tag: 'HTTP-request-trailer-section-size' },
  },
  [Abort.Protocol]: { text: 'the client broke the protocol', code: { tag: 'HTTP-protocol-error' } },
};

export function isAbortReason(number: number): number is AbortReason {
  return Object.hasOwn(REASONS, number);
}

export function abortText(reason: AbortReason): string {
  return REASONS[reason].text;
}

/** What the guest gets where it asks why its stream failed. */
export function abortError(reason: AbortReason): ErrorCode {
  return REASONS[reason].code;
}
