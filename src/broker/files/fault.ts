/** What goes wrong with files, in the words of `wasi:filesystem`. */
import type { FileError } from '../../wire/file-frames.ts';

/** Thrown where an operation ends; never leaves the room. */
export class FileFault extends Error {
  readonly code: FileError;

  constructor(code: FileError) {
    super(code);
    this.code = code;
  }
}

const CODES: Readonly<Record<string, FileError>> = {
  EACCES: 'access',
  EBADF: 'bad-descriptor',
  EBUSY: 'busy',
  EDQUOT: 'insufficient-space',
  EEXIST: 'exist',
  EFBIG: 'file-too-large',
  EILSEQ: 'illegal-byte-sequence',
  EINVAL: 'invalid',
  EISDIR: 'is-directory',
  ELOOP: 'loop',
  EMFILE: 'insufficient-memory',
  EMLINK: 'too-many-links',
  ENAMETOOLONG: 'name-too-long',
  ENFILE: 'insufficient-memory',
  ENOENT: 'no-entry',
  ENOMEM: 'insufficient-memory',
  ENOSPC: 'insufficient-space',
  ENOTDIR: 'not-directory',
  ENOTEMPTY: 'not-empty',
  EOPNOTSUPP: 'unsupported',
  EOVERFLOW: 'overflow',
  EPERM: 'not-permitted',
  EROFS: 'read-only',
  ETXTBSY: 'text-file-busy',
  EXDEV: 'cross-device',
  // Of Node itself, about a name that no system call can take.
  ERR_INVALID_ARG_VALUE: 'invalid',
};

/** `undefined`: an error of ours, which is for the log; the guest hears `io`. */
export function codeOf(thrown: unknown): FileError | undefined {
  if (thrown instanceof FileFault) return thrown.code;
  const code = errnoOf(thrown);
  return code === 'EIO' ? 'io' : CODES[code];
}

export function errnoOf(thrown: unknown): string {
  return thrown instanceof Error ? ((thrown as NodeJS.ErrnoException).code ?? '') : '';
}
