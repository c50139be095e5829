/** One call of an exported function, from a `Call` frame: probes, health, life cycle. */
import { MAX_JSON_BYTES } from '../../wire/frames.ts';
import type { AbortReason, Call } from '../call.ts';
import type { Instance } from '../instance.ts';
import { camelCase } from '../names.ts';
import { describeFailure, HostTrap } from '../trap.ts';
import { abortText } from './abort-reason.ts';
import type { Answers } from './answers.ts';

/** The payload of a `Call` frame. */
export interface CallText {
  readonly interface: string;
  readonly function: string;
  readonly args: readonly unknown[];
}

/** Reads the payload; a string says why it is not one. */
export function readCall(bytes: Buffer): CallText | string {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    return 'a call that is not JSON';
  }
  const { interface: interfaceName, function: functionName, args = [] } = (value ?? {}) as Partial<CallText>;
  if (typeof interfaceName !== 'string' || typeof functionName !== 'string' || !Array.isArray(args)) {
    return 'a call without interface, function and args';
  }
  return { interface: interfaceName, function: functionName, args };
}

export class ExportCall implements Call {
  readonly startable = true;
  readonly mirrored = false;
  over = false;
  readonly #id: number;
  readonly #answers: Pick<Answers, 'callResult'>;
  readonly #text: CallText;

  constructor(id: number, answers: Pick<Answers, 'callResult'>, text: CallText) {
    this.#id = id;
    this.#answers = answers;
    this.#text = text;
  }

  maySuspend(instance: Instance): boolean {
    return instance.maySuspend(this.#text.interface, this.#text.function);
  }

  begin(instance: Instance): unknown {
    const { interface: interfaceName, function: functionName, args } = this.#text;
    const exported = instance.find(interfaceName, camelCase(functionName));
    if (!exported) throw new HostTrap(`the component does not export ${interfaceName}#${functionName}`);
    return exported(...args);
  }

  beforeWait(): void {}

  succeed(value: unknown): void {
    this.#result({ ok: value ?? null });
  }

  decline(payload: unknown): void {
    this.#result({ err: payload ?? null });
  }

  fail(thrown: unknown): void {
    this.#result({ trap: describeFailure(thrown) });
  }

  cancel(reason: AbortReason): boolean {
    if (this.over) return false;
    this.#result({ trap: abortText(reason) });
    return true;
  }

  #result(result: object): void {
    if (this.over) return;
    this.over = true;
    const text = JSON.stringify(result, (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    const fits = Buffer.byteLength(text) <= MAX_JSON_BYTES;
    this.#answers.callResult(
      this.#id,
      fits ? (JSON.parse(text) as unknown) : { trap: `a result of more than ${MAX_JSON_BYTES} bytes` },
    );
  }
}
