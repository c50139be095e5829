/** One request to `headway:http/handler`: plain records in and out. */
import type { Instance } from '../instance.ts';
import type { RequestText } from '../wasi/http-incoming.ts';
import type { Answers, RequestLimits } from './answers.ts';
import { readRecord, type PlainResponse } from './plain-record.ts';
import { WholeExchange, type BodyStart } from './whole-exchange.ts';

const INTERNAL_ERROR = 500;
const NO_BODY = new Uint8Array(0);

export class HeadwayExchange extends WholeExchange {
  readonly #request: RequestText;
  readonly #say: (line: string) => void;

  constructor(
    id: number,
    answers: Answers,
    limits: RequestLimits,
    request: RequestText,
    body: BodyStart,
    say: (line: string) => void,
    mirrored = false,
  ) {
    super(id, answers, limits, body, mirrored);
    this.#request = request;
    this.#say = say;
    this.gather();
  }

  override maySuspend(instance: Instance): boolean {
    return instance.handleMaySuspend;
  }

  override begin(instance: Instance): unknown {
    const { method, path, authority, scheme, headers } = this.#request;
    const fields: [string, Uint8Array][] = [];
    for (let at = 0; at < headers.length; at += 2) fields.push([headers[at]!, Buffer.from(headers[at + 1]!, 'latin1')]);
    return instance.handle({ method, pathWithQuery: path, authority, scheme, headers: fields, body: this.body });
  }

  protected override answerOf(value: unknown): PlainResponse | string {
    return readRecord(value);
  }

  /** `err`: the client gets 500 and never sees the text (wit/headway-http). */
  protected override refusalOf(payload: unknown): PlainResponse {
    this.#say(`handle failed: ${String(payload).slice(0, 1024)}`);
    return { status: INTERNAL_ERROR, headers: [], body: NO_BODY };
  }
}
