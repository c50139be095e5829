/** `wasi:cli`: environment and arguments as assigned, output to the log, no input, no terminal. */
import { HostResource } from '../resource.ts';
import type { Scope } from '../scope.ts';
import { GuestExit } from '../trap.ts';
import { InputStream, OutputStream, type ByteSink, type ByteSource } from './streams.ts';

/** Standard input: over before it begins. */
const NO_INPUT: ByteSource = Object.freeze({
  ready: () => true,
  dueMs: Number.POSITIVE_INFINITY,
  take: () => Object.freeze({}),
});

/** Nothing makes one; the bindings ask for the classes. */
export class TerminalInput extends HostResource {}
export class TerminalOutput extends HostResource {}

export interface CliSettings {
  readonly env: readonly (readonly [string, string])[];
  /** Asked when the guest asks: a command has its own. */
  readonly args: () => readonly string[];
}

export function environment({ env, args }: CliSettings): object {
  return {
    getEnvironment: () => env,
    getArguments: () => args(),
    initialCwd: () => undefined,
  };
}

export const exit: object = Object.freeze({
  exit(status: { readonly tag: 'ok' | 'err' }): never {
    throw new GuestExit(`the guest called exit (${status.tag})`, status.tag === 'ok' ? 0 : 1);
  },
  exitWithCode(code: number): never {
    throw new GuestExit(`the guest called exit (code ${code})`, code);
  },
});

export function stdin(scope: Scope): object {
  return { getStdin: () => new InputStream(scope, NO_INPUT) };
}

export function stdout(scope: Scope, sink: ByteSink): object {
  return { getStdout: () => new OutputStream(scope, sink) };
}

export function stderr(scope: Scope, sink: ByteSink): object {
  return { getStderr: () => new OutputStream(scope, sink) };
}

export const terminalStdin: object = Object.freeze({ getTerminalStdin: () => undefined });
export const terminalStdout: object = Object.freeze({ getTerminalStdout: () => undefined });
export const terminalStderr: object = Object.freeze({ getTerminalStderr: () => undefined });
