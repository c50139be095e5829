/**
 * A request of a guest to another entry, by the engine's door, and its response. It is an exchange like those of clients, but
 * for who asks: on behalf of which call, for how long, and in which words it is told why there is no answer.
 */
import type { EntryKey } from '../model/component.ts';
import type { Lineage } from '../wire/cell-caller.ts';
import { DOOR_FAILED, failureHeaders, type CallInFlight } from '../wire/door.ts';
import { REQUEST_IS_MIRRORED } from '../wire/frames.ts';
import type { HttpFailureTag } from '../wire/http-frames.ts';
import type { Answer } from './answers.ts';
import { Exchange } from './exchange.ts';

/** Codes of the table in `model/remote-codes.ts`. */
export type InnerCode = 'HW4625' | 'HW4626' | 'HW4627' | 'HW4628' | 'HW4629';

/** The answers of our own in the words of `wasi:http`; by `reason`, what is not here was the other's failure. */
const TAGS: Readonly<Record<string, readonly [HttpFailureTag, InnerCode]>> = {
  BadRequest: ['HTTP-request-URI-invalid', 'HW4628'],
  NotOffered: ['HTTP-protocol-error', 'HW4628'],
  VersionNotSupported: ['HTTP-protocol-error', 'HW4628'],
  TooManyHeaders: ['HTTP-request-header-section-size', 'HW4628'],
  BodyTooLarge: ['HTTP-request-body-size', 'HW4628'],
  RequestTimeout: ['HTTP-response-timeout', 'HW4628'],
  Deadline: ['HTTP-response-timeout', 'HW4628'],
  ResponseTooLarge: ['HTTP-response-body-size', 'HW4628'],
  QueueFull: ['connection-limit-reached', 'HW4626'],
  QueueTimeout: ['connection-timeout', 'HW4626'],
  Starting: ['connection-refused', 'HW4626'],
  NoReplica: ['connection-refused', 'HW4626'],
};

export class InnerExchange extends Exchange {
  override asker: string | undefined = undefined;
  override headFlags = 0;
  override isHurried = false;
  #call: CallInFlight | undefined;
  #target: EntryKey | undefined;
  #refusal: { readonly tag: HttpFailureTag; readonly why: string } | undefined;
  onFailed: (() => void) | undefined;

  /** Absent until it is known on whose behalf it is. */
  get call(): CallInFlight | undefined {
    return this.#call;
  }

  get target(): EntryKey | undefined {
    return this.#target;
  }

  override get lineage(): Lineage | undefined {
    if (!this.#call) return undefined;
    const { depth, counts } = this.#call.lineage;
    return { depth: depth + 1, counts };
  }

  /** Who asks, and what. */
  introduce(call: CallInFlight, from: EntryKey, target: EntryKey | undefined): void {
    this.#call = call;
    this.#target = target;
    this.asker = from;
    if (call.lineage.counts === 'Mirrored') this.headFlags = REQUEST_IS_MIRRORED;
    // A guest that asks for no trailers throws them away; there is nobody between it and us who would have to.
    this.acceptsTrailers = true;
  }

  /** Why nobody is asked. */
  refuse(tag: HttpFailureTag, code: InnerCode, why: string): void {
    this.#refusal = { tag, why: `${code} ${why}` };
    this.answer(REFUSED);
  }

  protected override inWords(answer: Answer, detail: string) {
    const failure = this.#refusal ?? this.#failureOf(answer, detail);
    this.onFailed?.();
    return { status: DOOR_FAILED, headers: [...failureHeaders(failure), 'content-length', '0'], body: '' };
  }

  #failureOf({ reason, message }: Answer, detail: string) {
    const [tag, code] = TAGS[reason] ?? (['connection-terminated', 'HW4628'] as const);
    const release = this.arm ? ` release ${this.arm.label}:` : '';
    const more = detail === '' ? '' : `: ${detail}`;
    return { tag, why: `${code} ${this.#target ?? 'an entry'}:${release} ${message}${more}` };
  }
}

/** Only its place in time matters: the words are those of the refusal. */
const REFUSED: Answer = { status: DOOR_FAILED, reason: 'Refused', code: 'HW4629', message: '' };
