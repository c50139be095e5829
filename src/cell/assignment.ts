import { MAX_JSON_BYTES, type Assignment, type MemberAssignment } from '../wire/frames.ts';

/** The files of all members together; admission is far stricter, this only bounds what a cell holds before it compiles. */
export const MAX_BUNDLE_BYTES = 256 * 1024 * 1024;
const MAX_FILES = 1024;

/** Hears of each file when the last of its bytes is there. */
export type OnFile = (name: string, bytes: Uint8Array) => void;

/** An assignment and its files, as they arrive. */
export class AssignmentInbox {
  readonly assignment: Assignment;
  /** The entry first. */
  readonly members: readonly MemberAssignment[];
  /** Of each member, by name. */
  readonly files: readonly Map<string, Uint8Array>[];
  readonly #onFile: OnFile;
  readonly #expected: readonly { readonly member: number; readonly name: string; readonly bytes: number }[];
  #index = 0;
  #file: Buffer | undefined;
  #filled = 0;

  private constructor(assignment: Assignment, onFile: OnFile) {
    this.#onFile = onFile;
    this.assignment = assignment;
    this.members = membersOf(assignment);
    this.files = this.members.map(() => new Map<string, Uint8Array>());
    this.#expected = this.members.flatMap(({ files }, member) => files.map((file) => ({ ...file, member })));
    this.#open();
  }

  /** A string says what is wrong with the payload. */
  static open(payload: Buffer, wireVersion: number, onFile: OnFile = () => undefined): AssignmentInbox | string {
    if (payload.length > MAX_JSON_BYTES) return `an assignment of ${payload.length} bytes`;
    let assignment: Assignment;
    try {
      assignment = JSON.parse(payload.toString('utf8')) as Assignment;
    } catch {
      return 'an assignment that is not JSON';
    }
    if (assignment.wire !== wireVersion)
      return `an assignment of wire ${assignment.wire}, this cell speaks ${wireVersion}`;
    const files = membersOf(assignment).flatMap((member) => member.files);
    if (files.length > MAX_FILES) return `${files.length} files, the most is ${MAX_FILES}`;
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    if (!(bytes <= MAX_BUNDLE_BYTES)) return `a bundle of ${bytes} bytes, the most is ${MAX_BUNDLE_BYTES}`;
    return new AssignmentInbox(assignment, onFile);
  }

  get complete(): boolean {
    return this.#index === this.#expected.length;
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
    const file = this.#expected[this.#index];
    if (!file) return;
    this.#file = Buffer.alloc(file.bytes);
    this.#filled = 0;
    if (file.bytes === 0) this.#close();
  }

  #close(): void {
    const { member, name } = this.#expected[this.#index]!;
    const bytes = this.#file!;
    this.files[member]!.set(name, bytes);
    this.#file = undefined;
    this.#index += 1;
    this.#onFile(name, bytes);
    this.#open();
  }
}

function membersOf(assignment: Assignment): readonly MemberAssignment[] {
  return [assignment, ...(assignment.linked ?? [])];
}

export function nameOf({ entry, linked = [] }: Assignment, position: number): string {
  return position === 0 ? entry : linked[position - 1]!.key;
}

/**
 * Positions of the members, each after those that it links.
 *
 * @throws TypeError where they link each other in a circle or somebody who is not there: control has refused both.
 */
export function providersFirst(members: readonly MemberAssignment[]): readonly number[] {
  const order: number[] = [];
  const state = members.map((): 'New' | 'Open' | 'Done' => 'New');
  const visit = (position: number): void => {
    if (state[position] === 'Done') return;
    if (state[position] !== 'New') throw new TypeError('links that lead in a circle, or to nobody');
    state[position] = 'Open';
    for (const link of members[position]!.links ?? []) visit(link.member);
    state[position] = 'Done';
    order.push(position);
  };
  for (const position of members.keys()) visit(position);
  return order;
}
