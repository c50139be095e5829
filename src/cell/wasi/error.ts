import { HostResource } from '../resource.ts';
import type { Scope } from '../scope.ts';
import type { FileError } from '../../wire/file-frames.ts';
import type { ErrorCode } from './error-code.ts';

/**
 * `wasi:io/error` error. Carries the code that `http-error-code`, `network-error-code` or `filesystem-error-code` asks for,
 * where there is one.
 */
export class IoError extends HostResource {
  readonly #text: string;
  readonly #code: ErrorCode | undefined;
  readonly #file: FileError | undefined;

  constructor(scope: Scope, text: string, code?: ErrorCode, file?: FileError) {
    super(scope);
    this.#text = text;
    this.#code = code;
    this.#file = file;
  }

  toDebugString(): string {
    return this.#text;
  }

  static codeOf(error: IoError): ErrorCode | undefined {
    return error.#code?.of === 'network' ? undefined : error.#code;
  }

  static networkCodeOf(error: IoError): string | undefined {
    return error.#code?.of === 'network' ? error.#code.tag : undefined;
  }

  static fileCodeOf(error: IoError): FileError | undefined {
    return error.#file;
  }
}
