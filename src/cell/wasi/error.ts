import { HostResource } from '../resource.ts';
import type { Scope } from '../scope.ts';
import type { ErrorCode } from './error-code.ts';

/** `wasi:io/error` error. Carries the `wasi:http` code that `http-error-code` asks for, where there is one. */
export class IoError extends HostResource {
  readonly #text: string;
  readonly #code: ErrorCode | undefined;

  constructor(scope: Scope, text: string, code?: ErrorCode) {
    super(scope);
    this.#text = text;
    this.#code = code;
  }

  toDebugString(): string {
    return this.#text;
  }

  static codeOf(error: IoError): ErrorCode | undefined {
    return error.#code;
  }
}
