/**
 * One call of an exported function with its parameters by name, from a `Call` frame: a firing. The mapping is that of
 * docs/typed-exports.md; T1 of typed-exchange.ts holds here too.
 *
 * Invariant
 * V1 What it returned is for people to read, and never what makes it fail: it is told as JSON text, cut at
 *    `MAX_TOLD_CHARACTERS`.
 */
import { callName } from '../../model/callable.ts';
import { Mismatch } from '../../model/typed/mismatch.ts';
import type { AbortReason, Call } from '../call.ts';
import type { Instance } from '../instance.ts';
import { describeFailure, HostTrap } from '../trap.ts';
import { NotOfType, TooLong, type Encode } from '../typed/encode.ts';
import { argumentsOf, type TypedFunction } from '../typed/exports.ts';
import { abortText } from './abort-reason.ts';
import type { Answers } from './answers.ts';
import type { CallText } from './export-call.ts';

/** Characters of a returned value that are told. */
export const MAX_TOLD_CHARACTERS = 1_024;
/** Characters of a returned value that are written before it is given up. */
const MAX_WRITTEN_CHARACTERS = 64 * 1_024;
/** A mismatch is told in a few words; a type of many cases would fill a page. */
const MAX_WORDS = 500;

export class TypedCall implements Call {
  readonly startable = true;
  readonly mirrored = false;
  over = false;
  readonly id: number;
  readonly #answers: Pick<Answers, 'callResult'>;
  readonly #function: TypedFunction;
  readonly #name: string;
  #arguments: readonly unknown[] = [];

  /** Over at once where the parameters do not fit (HW4610). */
  constructor(id: number, answers: Pick<Answers, 'callResult'>, called: TypedFunction, text: CallText) {
    this.id = id;
    this.#answers = answers;
    this.#function = called;
    this.#name = text.function;
    try {
      this.#arguments = argumentsOf(called, text.parameters);
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error;
      const { expected, found, pointer } = error;
      const at = pointer === '' ? '' : ` at ${pointer}`;
      this.#result({ err: `HW4610 expected ${expected.slice(0, MAX_WORDS)}, found ${found}${at}` });
    }
  }

  maySuspend(instance: Instance): boolean {
    return instance.maySuspend(this.#function.interface, this.#name);
  }

  begin(instance: Instance): unknown {
    const { interface: interfaceName, property } = this.#function;
    const exported = instance.find(interfaceName, property);
    if (!exported) throw new HostTrap(`the bindings have no ${callName(interfaceName, this.#name)}`);
    return exported(...this.#arguments);
  }

  beforeWait(): void {}

  succeed(value: unknown): void {
    this.#told('ok', this.#function.encode, value);
  }

  decline(payload: unknown): void {
    this.#told('err', this.#function.failure?.encode, payload);
  }

  fail(thrown: unknown): void {
    this.#result({ trap: describeFailure(thrown) });
  }

  cancel(reason: AbortReason): boolean {
    if (this.over) return false;
    this.#result({ trap: abortText(reason) });
    return true;
  }

  #told(how: 'ok' | 'err', encode: Encode | undefined, value: unknown): void {
    if (!encode) return this.#result({ [how]: null });
    try {
      const text = encode(value, MAX_WRITTEN_CHARACTERS);
      const told = text.length > MAX_TOLD_CHARACTERS ? `${text.slice(0, MAX_TOLD_CHARACTERS - 1)}…` : text;
      this.#result({ [how]: told });
    } catch (error) {
      if (error instanceof TooLong) this.#result({ [how]: `more than ${MAX_WRITTEN_CHARACTERS} characters of JSON` });
      else if (error instanceof NotOfType) this.#result({ trap: `HW4544 ${this.#name} gave ${error.message}` });
      else this.fail(error);
    }
  }

  #result(result: object): void {
    if (this.over) return;
    this.over = true;
    this.#answers.callResult(this.id, result);
  }
}
