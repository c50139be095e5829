import { MAX_JSON_BYTES, type Assignment } from '../wire/frames.ts';

/** The files of one bundle together; admission is far stricter, this only bounds what a cell holds before it compiles. */
export const MAX_BUNDLE_BYTES = 256 * 1024 * 1024;
const MAX_FILES = 256;

/** An assignment and its files, as they arrive. */
export class AssignmentInbox {
  readonly assignment: Assignment;
  readonly files = new Map<string, Uint8Array>();
  #index = 0;
  #file: Buffer | undefined;
  #filled = 0;

  private constructor(assignment: Assignment) {
    this.assignment = assignment;
    this.#open();
  }

  /** A string says what is wrong with the payload. */
  static open(payload: Buffer, wireVersion: number): AssignmentInbox | string {
    if (payload.length > MAX_JSON_BYTES) return `an assignment of ${payload.length} bytes`;
    let assignment: Assignment;
    try {
      assignment = JSON.parse(payload.toString('utf8')) as Assignment;
    } catch {
      return 'an assignment that is not JSON';
    }
    if (assignment.wire !== wireVersion)
      return `an assignment of wire ${assignment.wire}, this cell speaks ${wireVersion}`;
    const { files } = assignment;
    if (files.length > MAX_FILES) return `${files.length} files, the most is ${MAX_FILES}`;
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    if (!(bytes <= MAX_BUNDLE_BYTES)) return `a bundle of ${bytes} bytes, the most is ${MAX_BUNDLE_BYTES}`;
    return new AssignmentInbox(assignment);
  }

  get complete(): boolean {
    return this.#index === this.assignment.files.length;
  }

  /** `false`: more bytes than the present file has. */
  push(chunk: Buffer): boolean {
    const file = this.#file;
    if (!file || this.#filled + chunk.length > file.length) return false;
    file.set(chunk, this.#filled);
    this.#filled += chunk.length;
    if (this.#filled === file.length) this.#close();
    return true;
  }

  /** Empty files have no chunk. */
  #open(): void {
    const file = this.assignment.files[this.#index];
    if (!file) return;
    this.#file = Buffer.alloc(file.bytes);
    this.#filled = 0;
    if (file.bytes === 0) this.#close();
  }

  #close(): void {
    this.files.set(this.assignment.files[this.#index]!.name, this.#file!);
    this.#file = undefined;
    this.#index += 1;
    this.#open();
  }
}
