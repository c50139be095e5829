/**
 * A peer that speaks the wire protocol over a real unix socket, and does what a test tells it to: the cell's side of
 * every good and bad case, without wasm.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FrameWriter } from '../../src/wire/encoder.ts';
import { Framer } from '../../src/wire/framer.ts';
import {
  FromCell,
  MAX_CHUNK_BYTES,
  Outcome,
  RESPONSE_DONE,
  RESPONSE_HAS_BODY_FRAMES,
  ToCell,
} from '../../src/wire/frames.ts';
import { readAnswer, writeQuestion } from '../../src/wire/remote-frames.ts';
import { readRequest, type ReceivedRequest } from '../../src/wire/request-head.ts';
import { writeResponse } from '../../src/wire/response-head.ts';
import { readTrailers, writeTrailers } from '../../src/wire/trailers.ts';

export type Script = (call: ScriptedCall) => void;

export class ScriptedCall {
  readonly id: number;
  readonly request: ReceivedRequest;
  readonly writer: FrameWriter;
  /** Inline, or what has come in frames. */
  body: Buffer;
  bodyEnded: boolean;
  /** Reasons of `Cancel` and of `BodyAbort`, in order. */
  readonly cancels: number[] = [];
  /** Of the request, names and values in turn. */
  trailers: readonly string[] = [];
  readonly bodyAborts: number[] = [];
  /** Sum of the credit for the response's body, without the initial. */
  credit = 0;
  onBody: (chunk: Buffer) => void = () => undefined;
  onBodyEnd: () => void = () => undefined;
  onCancel: (reason: number) => void = () => undefined;
  onCredit: (bytes: number) => void = () => undefined;
  onAnswer: (answer: { readonly status: number; readonly text: string }) => void = () => undefined;

  constructor(writer: FrameWriter, id: number, request: ReceivedRequest, body: Buffer) {
    this.writer = writer;
    this.id = id;
    this.request = request;
    this.body = body;
    this.bodyEnded = (request.flags & 1) === 0;
  }

  get path(): string {
    return this.request.path;
  }

  header(name: string): string | undefined {
    const index = this.request.headers.findIndex((text, index) => index % 2 === 0 && text === name);
    return index === -1 ? undefined : this.request.headers[index + 1];
  }

  /** The guest calls a function of another entry; `onAnswer` hears what came of it. */
  remote(name: string, body = '{}', member = 0): void {
    writeQuestion(this.writer, this.id, { member, name, body: Buffer.from(body) });
  }

  /** Response and Done in one frame. */
  reply(status: number, body = '', headers: readonly string[] = []): void {
    writeResponse(this.writer, this.id, RESPONSE_DONE, status, headers, Buffer.from(body));
  }

  head(status: number, headers: readonly string[] = []): void {
    writeResponse(this.writer, this.id, RESPONSE_HAS_BODY_FRAMES, status, headers, undefined);
  }

  chunk(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += MAX_CHUNK_BYTES) {
      this.writer.frame(FromCell.Body, this.id, bytes.subarray(at, at + MAX_CHUNK_BYTES));
    }
  }

  bodyEnd(trailers?: readonly string[]): void {
    if (trailers) writeTrailers(this.writer, FromCell.BodyEnd, this.id, trailers);
    else this.writer.frame(FromCell.BodyEnd, this.id, Buffer.alloc(0));
  }

  bodyAbort(): void {
    this.writer.frame(FromCell.BodyAbort, this.id, Buffer.alloc(0));
  }

  done(outcome: number = Outcome.Ok, detail = ''): void {
    this.writer.frame(FromCell.Done, this.id, Buffer.concat([Buffer.of(outcome), Buffer.from(detail)]));
  }

  /** More of the request's body may come. */
  grant(bytes: number): void {
    this.writer.numberFrame(FromCell.Credit, this.id, bytes, 4);
  }
}

export class ScriptedCell {
  /** The engine's end, for a `CellChannel`. */
  readonly engineEnd: Socket;
  readonly cellEnd: Socket;
  readonly writer: FrameWriter;
  /** Every call that came, in order. */
  readonly calls: ScriptedCall[] = [];
  /** JSON payloads of `Call`, with their ids. */
  readonly functionCalls: { id: number; payload: unknown }[] = [];
  onFunctionCall: (id: number, payload: unknown) => void = () => undefined;
  readonly shutdowns: unknown[] = [];
  script: Script;
  /** Violations of the engine against its own protocol; a test looks that it stays empty. */
  readonly complaints: string[] = [];
  readonly #byId = new Map<number, ScriptedCall>();

  constructor(engineEnd: Socket, cellEnd: Socket, script: Script) {
    this.engineEnd = engineEnd;
    this.cellEnd = cellEnd;
    this.script = script;
    this.writer = new FrameWriter(cellEnd);
    const framer = new Framer((type, id, bytes, start, end) => {
      this.#receive(type, id, bytes, start, end);
      return true;
    });
    cellEnd.on('data', (chunk: Buffer) => framer.push(chunk));
    cellEnd.on('error', () => undefined);
  }

  /** The process dies; what it has said before still arrives. */
  die(): void {
    this.writer.flush();
    this.cellEnd.destroySoon();
  }

  /** Bytes as a hostile cell could send them. */
  raw(type: number, id: number, payload: Uint8Array): void {
    this.writer.frame(type, id, payload);
  }

  #receive(type: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (type === ToCell.Request) {
      const request = readRequest(bytes, start, end);
      if (typeof request === 'string') throw new Error(request);
      const call = new ScriptedCall(this.writer, id, request, Buffer.from(bytes.subarray(request.bodyStart, end)));
      this.calls.push(call);
      this.#byId.set(id, call);
      this.script(call);
      return;
    }
    if (type === ToCell.Shutdown) this.shutdowns.push(JSON.parse(bytes.toString('utf8', start, end)));
    if (type === ToCell.Call) {
      const payload: unknown = JSON.parse(bytes.toString('utf8', start, end));
      this.functionCalls.push({ id, payload });
      this.onFunctionCall(id, payload);
    }
    const call = this.#byId.get(id);
    if (call === undefined) return;
    if (type === ToCell.RemoteAnswer) {
      const answer = readAnswer(bytes, start, end);
      if (typeof answer === 'string') this.complaints.push(answer);
      else call.onAnswer({ status: answer.status, text: answer.body.toString() });
      return;
    }
    if (type === ToCell.Body) {
      if (end - start === 0 || end - start > MAX_CHUNK_BYTES) this.complaints.push(`a chunk of ${end - start} bytes`);
      if (call.bodyEnded) this.complaints.push('a body after its end');
      const chunk = Buffer.from(bytes.subarray(start, end));
      call.body = Buffer.concat([call.body, chunk]);
      call.onBody(chunk);
    } else if (type === ToCell.BodyEnd) {
      call.bodyEnded = true;
      const trailers = start === end ? [] : readTrailers(bytes, start, end);
      if (typeof trailers === 'string') this.complaints.push(trailers);
      else call.trailers = trailers;
      call.onBodyEnd();
    } else if (type === ToCell.BodyAbort) call.bodyAborts.push(bytes[start]!);
    else if (type === ToCell.Cancel) {
      call.cancels.push(bytes[start]!);
      call.onCancel(bytes[start]!);
    } else if (type === ToCell.Credit) {
      call.credit += bytes.readUInt32LE(start);
      call.onCredit(bytes.readUInt32LE(start));
    }
  }
}

/** Two ends of a unix socket, and the peer at one of them. */
export async function startScriptedCell(script: Script): Promise<ScriptedCell> {
  const folder = mkdtempSync(join(tmpdir(), 'cell-'));
  const server = createServer().listen(join(folder, 'socket'));
  await once(server, 'listening');
  const cellEnd = connect(join(folder, 'socket'));
  const [engineEnd] = (await once(server, 'connection')) as [Socket];
  server.close();
  rmSync(folder, { recursive: true });
  return new ScriptedCell(engineEnd, cellEnd, script);
}

/** Waits for something that the other side of a socket brings about. A test that waits in vain fails by its time-out. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}
