/**
 * An import of a member over the function of another entry's cell: the arguments leave as JSON, the guest is suspended until
 * the engine brings the answer.
 *
 * Invariants
 * R1 A call is made on behalf of the call that the instance serves, and has its id; where it serves none, nothing is sent.
 * R2 An answer that is not of its type never reaches the guest: it traps, as it does where there is no answer.
 * R3 Whatever ends the call that it is made for ends the wait; an answer that comes later finds nobody.
 */
import { Mismatch } from '../model/typed/mismatch.ts';
import {
  MAX_REMOTE_BYTES,
  readAnswer,
  RemoteStatus,
  type RemoteAnswer,
  type RemoteQuestion,
} from '../wire/remote-frames.ts';
import type { ExportedFunction } from './member.ts';
import type { Condition, Scope } from './scope.ts';
import { NotOfType, TooLong } from './typed/encode.ts';
import type { RemoteFunction } from './typed/imports.ts';
import type { Decode } from '../model/typed/decode.ts';

/** A mismatch is told in a few words; a type of many cases would fill a page. */
const MAX_WORDS = 500;

class Asked implements Condition {
  readonly dueMs = Number.POSITIVE_INFINITY;
  readonly scope: Scope;
  answer: RemoteAnswer | undefined;

  constructor(scope: Scope) {
    this.scope = scope;
  }

  ready(): boolean {
    return this.answer !== undefined;
  }
}

/** The remote calls of a cell that wait for their answer, by the engine's ids. */
export class RemoteCalls {
  readonly #send: (id: number, question: RemoteQuestion) => void;
  readonly #asked: (Asked | undefined)[] = [];

  constructor(send: (id: number, question: RemoteQuestion) => void) {
    this.#send = send;
  }

  /** Throws where the instance cannot wait. */
  ask(scope: Scope, question: RemoteQuestion): Promise<RemoteAnswer> {
    const id = scope.callId;
    if (id === undefined) throw scope.trap(`HW4600 ${question.name} is called on behalf of no call`);
    const asked = new Asked(scope);
    const answered = scope.wait([asked]);
    this.#asked[id] = asked;
    this.#send(id, question);
    const forget = (): void => {
      if (this.#asked[id] === asked) this.#asked[id] = undefined;
    };
    return answered.then(
      () => {
        forget();
        return asked.answer!;
      },
      (ended: unknown) => {
        forget();
        throw ended;
      },
    );
  }

  /** The payload of a `RemoteAnswer`. A string says why it is none. */
  take(id: number, bytes: Buffer, start: number, end: number): string | undefined {
    const answer = readAnswer(bytes, start, end);
    if (typeof answer === 'string') return answer;
    const asked = this.#asked[id];
    // R3
    if (!asked || asked.answer) return undefined;
    asked.answer = answer;
    asked.scope.notify();
    return undefined;
  }
}

/** The functions of an interface as the caller's bindings look them up; `member` is the caller's position. */
export function remoteInterface(
  functions: readonly RemoteFunction[],
  scope: Scope,
  calls: RemoteCalls,
  member: number,
): object {
  return Object.fromEntries(functions.map((each) => [each.property, remoteFunction(each, scope, calls, member)]));
}

function remoteFunction(called: RemoteFunction, scope: Scope, calls: RemoteCalls, member: number): ExportedFunction {
  const { name } = called;
  return (...args) => {
    const body = argumentsText(called, scope, args);
    return calls.ask(scope, { member, name, body }).then(({ status, body: answer }) => {
      if (status === RemoteStatus.Failed) throw scope.trap(`calling ${name}: ${answer.toString('utf8')}`);
      if (status === RemoteStatus.Ok) return decoded(called.decode, answer, called, scope);
      if (!called.failure) throw scope.trap(`calling ${name}: HW4618 an error that its type does not have`);
      // What the bindings take for the `err` of a result, as from a linked member.
      throw new RemoteError(decoded(called.failure.decode, answer, called, scope));
    });
  };
}

/** An answer, and no failure. */
class RemoteError {
  readonly payload: unknown;

  constructor(payload: unknown) {
    this.payload = payload;
  }
}

function argumentsText({ name, parameters }: RemoteFunction, scope: Scope, args: readonly unknown[]): Buffer {
  try {
    const members = parameters.map((one, at) => `"${one.name}":${one.encode(args[at], MAX_REMOTE_BYTES)}`);
    const body = Buffer.from(`{${members.join(',')}}`, 'utf8');
    if (body.length <= MAX_REMOTE_BYTES) return body;
  } catch (error) {
    if (error instanceof NotOfType) throw scope.trap(`calling ${name}: ${error.message}`);
    if (!(error instanceof TooLong)) throw error;
  }
  throw scope.trap(`calling ${name}: HW4619 more than ${MAX_REMOTE_BYTES} bytes of arguments`);
}

/** R2. */
function decoded(decode: Decode | undefined, answer: Buffer, { name }: RemoteFunction, scope: Scope): unknown {
  if (!decode) return undefined;
  try {
    return decode(JSON.parse(answer.toString('utf8')));
  } catch (error) {
    if (!(error instanceof Mismatch) && !(error instanceof SyntaxError)) throw error;
    throw scope.trap(`calling ${name}: HW4618 ${error.message.slice(0, MAX_WORDS)}`);
  }
}
