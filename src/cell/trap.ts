/**
 * A trap raised by the host: the guest broke a rule of an interface, or its call was ended from outside. It derives from
 * `WebAssembly.RuntimeError` because the bindings let only that class through every `result` and poison the instance.
 */
export class HostTrap extends WebAssembly.RuntimeError {
  override readonly name = 'HostTrap';
}

/** The guest called `wasi:cli/exit`. Over for this instance: the end of a command, a failure of any other call. */
export class GuestExit extends HostTrap {
  readonly code: number;

  constructor(message: string, code: number) {
    super(message);
    this.code = code;
  }
}

/** A call that the engine ended: deadline, client gone, drain. The text of `Done` says so; nobody else reads it. */
export class CallEnded extends HostTrap {}

/** A trap in a member that another member called; its message names the innermost one. */
export class MemberTrap extends HostTrap {}

/** The longest text of a failure that goes to the engine. */
export const MAX_FAILURE_TEXT_BYTES = 1024;

/** One line about anything that was thrown out of a guest, at most 1 kB of UTF-8. */
export function describeFailure(thrown: unknown): string {
  const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : `threw ${typeof thrown}`;
  const line = text.replace(/\s+/g, ' ').slice(0, MAX_FAILURE_TEXT_BYTES);
  const bytes = Buffer.from(line, 'utf8');
  return bytes.length <= MAX_FAILURE_TEXT_BYTES ? line : bytes.toString('utf8', 0, MAX_FAILURE_TEXT_BYTES - 3);
}

/**
 * The `err` of an exported function's `result`: thrown as its payload, or as an object that carries one. Everything else
 * that bindings or guests throw is an `Error`.
 */
export function declared(thrown: unknown): { readonly payload: unknown } | undefined {
  if (!(thrown instanceof Error)) return { payload: thrown };
  return Object.hasOwn(thrown, 'payload') ? (thrown as unknown as { readonly payload: unknown }) : undefined;
}
