/** One call of an exported function, from a `Call` frame: probes, health, life cycle, firings. */
import { callName } from '../../model/callable.ts';
import { MAX_JSON_BYTES } from '../../wire/frames.ts';
import type { AbortReason, Call } from '../call.ts';
import type { Instance } from '../instance.ts';
import { camelCase } from '../../model/typed/names.ts';
import { describeFailure, GuestExit, HostTrap } from '../trap.ts';
import { abortText } from './abort-reason.ts';
import type { Answers } from './answers.ts';

/** The payload of a `Call` frame. */
export interface CallText {
  readonly interface: string;
  readonly function: string;
  readonly args: readonly unknown[];
  /** It is a command with these arguments, its name first. */
  readonly command?: readonly string[];
  /** Its parameters by name, as JSON; absent: `args` are what its bindings take. */
  readonly parameters?: Readonly<Record<string, unknown>>;
}

/** Reads the payload; a string says why it is not one. */
export function readCall(bytes: Buffer): CallText | string {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    return 'a call that is not JSON';
  }
  const called = (value ?? {}) as Partial<CallText>;
  const { interface: interfaceName, function: functionName, args = [], command, parameters } = called;
  if (typeof interfaceName !== 'string' || typeof functionName !== 'string' || !Array.isArray(args)) {
    return 'a call without interface, function and args';
  }
  if (command !== undefined && !isTexts(command)) return 'a command whose arguments are not texts';
  if (parameters !== undefined && !isObject(parameters)) return 'parameters that are no object';
  const more = { ...(command ? { command } : {}), ...(parameters ? { parameters } : {}) };
  return { interface: interfaceName, function: functionName, args, ...more };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export class ExportCall implements Call {
  readonly startable = true;
  readonly mirrored = false;
  readonly fresh: boolean;
  over = false;
  readonly id: number;
  readonly #answers: Pick<Answers, 'callResult'>;
  readonly #text: CallText;

  constructor(id: number, answers: Pick<Answers, 'callResult'>, text: CallText) {
    this.id = id;
    this.#answers = answers;
    this.#text = text;
    this.fresh = text.command !== undefined;
  }

  maySuspend(instance: Instance): boolean {
    const { interface: wanted, function: functionName } = this.#text;
    return instance.maySuspend(instance.meant(wanted), functionName);
  }

  begin(instance: Instance): unknown {
    const { interface: interfaceName, function: functionName, args, command } = this.#text;
    const exported = instance.find(instance.meant(interfaceName), camelCase(functionName));
    if (!exported) throw new HostTrap(`the component does not export ${callName(interfaceName, functionName)}`);
    if (command) instance.args = command;
    return exported(...args);
  }

  beforeWait(): void {}

  succeed(value: unknown): void {
    if (this.fresh) this.#result({ exit: 0 });
    else this.#result({ ok: value ?? null });
  }

  decline(payload: unknown): void {
    if (this.fresh) this.#result({ exit: 1 });
    else this.#result({ err: payload ?? null });
  }

  fail(thrown: unknown): void {
    if (this.fresh && thrown instanceof GuestExit) this.#result({ exit: thrown.code });
    else this.#result({ trap: describeFailure(thrown) });
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
      this.id,
      fits ? (JSON.parse(text) as unknown) : { trap: `a result of more than ${MAX_JSON_BYTES} bytes` },
    );
  }
}
