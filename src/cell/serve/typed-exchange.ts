/**
 * One call of an exported function with JSON in and out (docs/typed-exports.md).
 *
 * Invariants
 * T1 The guest is called with values of its types or not at all: what does not fit is answered here, and no instance is
 *    asked for it.
 * T2 The `err` of a result is an answer of the function, 422, and no failure; an answer that is not of its type is one.
 */
import type { Code } from '../../model/codes.ts';
import { Outcome } from '../../wire/frames.ts';
import type { Instance } from '../instance.ts';
import { HostTrap } from '../trap.ts';
import { NotOfType, TooLong, type Encode } from '../typed/encode.ts';
import { argumentsOf, type TypedExports, type TypedFunction } from '../typed/exports.ts';
import { Mismatch } from '../../model/typed/mismatch.ts';
import type { RequestText } from '../wasi/http-incoming.ts';
import type { Answers, RequestLimits } from './answers.ts';
import type { PlainResponse } from './plain-record.ts';
import { WholeExchange, type BodyStart } from './whole-exchange.ts';

const JSON_TYPE = ['content-type', 'application/json'];
/** Parameters are of no use here but this one, which says what JSON says anyway. */
const IS_JSON = /^application\/json[ \t]*(?:;[ \t]*charset="?utf-8"?[ \t]*)?$/i;
const UTF8 = new TextDecoder('utf-8', { fatal: true });
const NO_BODY = new Uint8Array(0);
/** A refused body is shown in a few words; a type of many cases would fill a page. */
const MAX_WORDS = 500;

export class TypedExchange extends WholeExchange {
  readonly #function: TypedFunction | undefined;
  readonly #request: RequestText;
  #arguments: readonly unknown[] = [];

  /** The function is named by the path of the head. */
  constructor(
    id: number,
    answers: Answers,
    limits: RequestLimits,
    request: RequestText,
    body: BodyStart,
    exports: TypedExports,
    mirrored = false,
    isRemote = false,
  ) {
    super(id, answers, limits, body, mirrored);
    this.#request = request;
    this.#function = isRemote ? exports.linked(request.path) : exports.find(request.path);
    if (!this.#refusesHead(body)) this.gather();
  }

  override maySuspend(instance: Instance): boolean {
    const { interface: interfaceName } = this.#function!;
    return instance.maySuspend(interfaceName, this.#functionName);
  }

  override begin(instance: Instance): unknown {
    const { interface: interfaceName, property } = this.#function!;
    const exported = instance.find(interfaceName, property);
    if (!exported) throw new HostTrap(`the bindings have no ${this.#request.path}`);
    return exported(...this.#arguments);
  }

  protected override gathered(): void {
    if (this.#isGet) return;
    const body = this.#parsed();
    if (body === REFUSED) return;
    try {
      this.#arguments = argumentsOf(this.#function!, body);
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error;
      const { expected, found, pointer } = error;
      this.#refuse(400, 'HW4543', `expected ${expected.slice(0, MAX_WORDS)}, found ${found}`, {
        pointer,
        expected: expected.slice(0, MAX_WORDS),
        found,
      });
    }
  }

  protected override answerOf(value: unknown): PlainResponse | string {
    const { encode } = this.#function!;
    if (!encode) return { status: 204, headers: [], body: NO_BODY };
    return this.#written(200, () => encode(value, this.responseBodyBytes));
  }

  protected override refusalOf(payload: unknown): PlainResponse | string {
    const { failure } = this.#function!;
    // Bindings throw only what a result declares; everything else has ended in `fail`.
    if (!failure) return this.#broken('an error that its type does not have');
    const encode: Encode = failure.encode ?? (() => 'null');
    return this.#written(422, () => `{"error":${encode(payload, this.responseBodyBytes)}}`);
  }

  get #isGet(): boolean {
    return this.#request.method === 'GET' || this.#request.method === 'HEAD';
  }

  get #functionName(): string {
    return this.#request.path.slice(this.#request.path.indexOf('#') + 1);
  }

  /** What can be said without the body is said before it has come. */
  #refusesHead(body: BodyStart): boolean {
    const { method, path } = this.#request;
    if (!this.#function) {
      this.#refuse(501, 'HW4545', `this release has no function ${path} that can be called with JSON`);
    } else if (this.#isGet ? this.#function.parameters.length > 0 : method !== 'POST') {
      const allowed = this.#function.parameters.length > 0 ? 'POST' : 'GET, HEAD, POST';
      this.#refuse(405, 'HW4540', `${method} does not call ${path}; ${allowed} does`, {}, ['allow', allowed]);
    } else if (!this.#isGet && !(body instanceof Uint8Array && body.length === 0) && !IS_JSON.test(this.#contentType)) {
      const found = this.#contentType === '' ? 'none' : JSON.stringify(this.#contentType.slice(0, 100));
      this.#refuse(415, 'HW4541', `the content-type is ${found}, not application/json`);
    }
    return this.over;
  }

  get #contentType(): string {
    const { headers } = this.#request;
    for (let at = 0; at < headers.length; at += 2) if (headers[at] === 'content-type') return headers[at + 1]!;
    return '';
  }

  /** Nothing at all is an object without members. */
  #parsed(): unknown {
    const { body } = this;
    if (body.length === 0) return {};
    try {
      return JSON.parse(UTF8.decode(body)) as unknown;
    } catch (error) {
      const why = error instanceof SyntaxError ? error.message : 'it is not UTF-8';
      this.#refuse(400, 'HW4542', `the body is not JSON: ${why.slice(0, MAX_WORDS)}`);
      return REFUSED;
    }
  }

  #written(status: number, write: () => string): PlainResponse | string {
    try {
      return { status, headers: JSON_TYPE, body: Buffer.from(write(), 'utf8') };
    } catch (error) {
      if (error instanceof NotOfType) return this.#broken(error.message);
      if (error instanceof TooLong) this.done(Outcome.ResponseTooLarge, `more than ${this.responseBodyBytes} bytes`);
      else this.fail(error);
      return '';
    }
  }

  #broken(what: string): string {
    this.done(Outcome.Trap, `HW4544 ${this.#request.path} gave ${what}`.slice(0, MAX_WORDS));
    return '';
  }

  #refuse(
    status: number,
    code: keyof typeof REASONS,
    message: string,
    more: object = {},
    headers: readonly string[] = [],
  ): void {
    const text = JSON.stringify({ error: { status, code, reason: REASONS[code], message, ...more } });
    this.reply({ status, headers: [...JSON_TYPE, ...headers], body: Buffer.from(`${text}\n`, 'utf8') });
  }
}

const REASONS = {
  HW4540: 'MethodNotAllowed',
  HW4541: 'UnsupportedMediaType',
  HW4542: 'NotJson',
  HW4543: 'NotOfType',
  HW4545: 'NoSuchFunction',
} as const satisfies Partial<Record<Code, string>>;

const REFUSED = Symbol('the body was refused');
