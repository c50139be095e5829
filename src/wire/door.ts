/**
 * The door: a unix socket of the engine through which its broker sends what guests ask of other entries, as HTTP/1.1. The
 * cells cannot reach it; the token is for whatever else runs as the same user.
 *
 * Invariants
 * O1 On whose behalf a request is made is said by the broker, in the first header, with the token that only it knows: the cell by
 *    the channel that the question came by, the call by the id that the engine issued to that cell.
 * O2 A status of `DOOR_FAILED` is the engine's own: no guest can give one (`response-head.ts`).
 */
import type { GroupId } from '../model/snapshot.ts';
import type { Lineage } from './cell-caller.ts';
import { HTTP_FAILURES, type HttpFailureTag } from './http-frames.ts';

export const DOOR_HEADER = 'x-headway-door';
/** Which entry asks, for the one that is asked: the engine sets it, nobody else can. */
export const CALLER_HEADER = 'x-headway-caller';
/** How the names begin that are the runtime's to say. */
export const OWN_HEADERS = 'x-headway-';

export const DOOR_FAILED = 600;
const TAG_HEADER = 'x-headway-failure';
const WHY_HEADER = 'x-headway-why';
const MAX_WHY_CHARACTERS = 400;

/** Where it is, and how whoever knocks is known. */
export interface Door {
  readonly path: string;
  /** In hex. */
  readonly token: string;
}

/** A call of a cell that is being served, on whose behalf its guest asks. */
export interface CallInFlight {
  readonly group: GroupId;
  readonly lineage: Lineage;
  /** On the clock of `performance.now()`. */
  readonly deadlineAtMs: number;
}

/** `undefined`: the cell is not serving such a call. */
export type FindCall = (cell: number, call: number) => CallInFlight | undefined;

export interface DoorFailure {
  readonly tag: HttpFailureTag;
  /** With its code, for the record. */
  readonly why: string;
}

/** What the broker puts before the headers of the guest: on whose behalf, and that the connection is for this request. */
export function doorHeaders(token: string, cell: number, call: number): readonly string[] {
  return [DOOR_HEADER, `${token} ${cell} ${call}`, 'connection', 'close'];
}

/** So many of a request's headers are not the guest's. */
export const HEADERS_OF_THE_DOOR = doorHeaders('', 0, 0).length / 2;

/** Of the value of a `DOOR_HEADER`. */
export function readDoorHeader(
  text: string,
): { readonly token: string; readonly cell: number; readonly call: number } | undefined {
  const [, token, cell, call] = /^([0-9a-f]+) ([0-9]{1,15}) ([0-9]{1,10})$/.exec(text) ?? [];
  return token === undefined ? undefined : { token, cell: Number(cell), call: Number(call) };
}

/** The headers of a `DOOR_FAILED`. */
export function failureHeaders({ tag, why }: DoorFailure): string[] {
  return [TAG_HEADER, tag, WHY_HEADER, encodeURIComponent(why.slice(0, MAX_WHY_CHARACTERS).toWellFormed())];
}

/** From names in lower case and values, in turn. */
export function readFailureHeaders(headers: readonly string[]): DoorFailure {
  const value = (name: string): string => {
    const at = headers.findIndex((text, index) => index % 2 === 0 && text === name);
    return at === -1 ? '' : headers[at + 1]!;
  };
  const tag = HTTP_FAILURES.find((one) => one === value(TAG_HEADER)) ?? 'internal-error';
  return { tag, why: decodeURIComponent(value(WHY_HEADER)) };
}
