/**
 * What the guests of one cell call in other entries' cells: at most one call for each that the cell serves.
 *
 * Invariants
 * M1 The link is the grant: a cell that calls what none of its members links has broken the protocol.
 * M2 A call ends with the call that it is made for, whichever way that one ends; then its answer is dropped.
 * M3 A call goes no deeper than `MAX_REMOTE_DEPTH` cells: circles end with an answer.
 */
import type { EntryKey } from '../model/component.ts';
import { MAX_REMOTE_DEPTH } from '../model/remote.ts';
import type { CellSpec } from '../model/engine.ts';
import type { GroupId } from '../model/snapshot.ts';
import { FROM_OUTSIDE, type CellExchange } from '../wire/cell-caller.ts';
import type { FrameWriter } from '../wire/encoder.ts';
import type { CallRemote, RemoteHandle } from '../wire/remote-call.ts';
import { readQuestion, RemoteStatus, writeAnswer } from '../wire/remote-frames.ts';

export interface RemoteOptions {
  readonly group: GroupId;
  /** By `member import`. */
  readonly links: ReadonlyMap<string, EntryKey>;
  readonly call: CallRemote;
  /** For the audit; without `target` no link allows it. */
  readonly onCalled?: (member: number, name: string, target: EntryKey | undefined) => void;
}

/** What the members of a cell may call; `undefined` where that is nothing. */
export function remoteOptions(
  { group, members }: CellSpec,
  { call, onCalled }: Pick<RemoteOptions, 'call' | 'onCalled'>,
): RemoteOptions | undefined {
  const links = members.flatMap(({ member }, position) =>
    member.links
      .filter(({ mode }) => mode === 'Remote')
      .map((link): [string, EntryKey] => [`${position} ${link.import}`, link.component]),
  );
  return links.length === 0 ? undefined : { group, links: new Map(links), call, ...(onCalled ? { onCalled } : {}) };
}

export class RemoteCalls {
  readonly #options: RemoteOptions;
  readonly #writer: FrameWriter;
  /** By the id of the call that it is made for. */
  readonly #calls: (RemoteHandle | undefined)[] = [];

  constructor(options: RemoteOptions, writer: FrameWriter) {
    this.#options = options;
    this.#writer = writer;
  }

  /** The payload of a `Remote`. A text says why the cell must go. */
  take(
    id: number,
    payload: { readonly bytes: Buffer; readonly start: number; readonly end: number },
    exchange: CellExchange,
    deadlineAtMs: number,
  ): string | undefined {
    const question = readQuestion(payload.bytes, payload.start, payload.end);
    if (typeof question === 'string') return question;
    if (this.#calls[id]) return 'a second remote call on behalf of one call';
    const { member, name, body } = question;
    const target = this.#options.links.get(`${member} ${name.slice(0, name.indexOf('#'))}`);
    this.#options.onCalled?.(member, name, target);
    if (target === undefined) return `a remote call of ${name}, which its member ${member} does not link`;
    const { depth, counts } = exchange.lineage ?? FROM_OUTSIDE;
    if (depth >= MAX_REMOTE_DEPTH) {
      const why = `HW4617 ${target}: it would be remote call ${depth + 1} in a row, the most is ${MAX_REMOTE_DEPTH}`;
      writeAnswer(this.#writer, id, RemoteStatus.Failed, Buffer.from(why));
      return undefined;
    }
    let isOver = false;
    const handle = this.#options.call({
      from: this.#options.group,
      target,
      name,
      body,
      deadlineAtMs,
      lineage: { depth: depth + 1, counts },
      answer: (status, answer) => {
        isOver = true;
        this.#calls[id] = undefined;
        writeAnswer(this.#writer, id, status, answer);
      },
    });
    if (!isOver) this.#calls[id] = handle;
    return undefined;
  }

  /** M2. */
  end(id: number): void {
    const handle = this.#calls[id];
    this.#calls[id] = undefined;
    handle?.cancel();
  }
}
