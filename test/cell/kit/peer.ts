/** The engine's side of one real cell process, frame by frame. */
import { spawn, type ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import type net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeBootFolder, type BootFolder } from '../../../src/host/spawner/boot-folder.ts';
import { processCommand, type CellCommand } from '../../../src/host/spawner/sandbox.ts';
import { FrameWriter } from '../../../src/wire/encoder.ts';
import { Framer } from '../../../src/wire/framer.ts';
import {
  Abort,
  FromCell,
  LOG_HEAD_BYTES,
  MAX_CHUNK_BYTES,
  Outcome,
  ToCell,
  type Assignment,
  type Loaded,
} from '../../../src/wire/frames.ts';
import { writeRequest } from '../../../src/wire/request-head.ts';
import { readLimit } from '../../../src/wire/reports.ts';
import { readResponse } from '../../../src/wire/response-head.ts';
import { readTrailers } from '../../../src/wire/trailers.ts';
import type { TestBundle } from './bundle.ts';

const SOURCE = {
  entry: fileURLToPath(new URL('../../../src/process/cell.ts', import.meta.url)),
  root: fileURLToPath(new URL('../../../src', import.meta.url)),
};
const LIMITS = { heapMiB: 128, maxWasmPages: 4096 };

/** The boot folder of production, once per test file: a cell sees nothing else of the disk. */
const booting = writeBoot();

async function writeBoot(): Promise<BootFolder> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'headway-cell-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return writeBootFolder(SOURCE, folder);
}

export interface Frame {
  readonly type: number;
  readonly id: number;
  readonly payload: Buffer;
}

export interface RequestOptions {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: readonly string[];
  readonly body?: Uint8Array;
  readonly flags?: number;
}

export interface Answer {
  readonly status: number | undefined;
  readonly headers: readonly string[];
  readonly contentLength: number;
  readonly body: Buffer;
  /** How the body ended; absent where no response came. */
  readonly bodyEnd: 'Inline' | 'End' | 'Abort' | 'None';
  /** Names and values in turn. */
  readonly trailers: readonly string[];
  readonly outcome: keyof typeof Outcome;
  readonly text: string;
  /** Types of its frames, in order. */
  readonly frames: readonly number[];
}

/** What its cell said of limits that were hit, with how often. */
export function limitsOf({ frames }: Peer): readonly (readonly [string, number])[] {
  const said = frames.filter(({ type, id }) => type === FromCell.Limit && id === 0);
  return said.map(({ payload }) => {
    const { limit, count } = readLimit(payload, 0, payload.length)!;
    return [limit, count];
  });
}

export class Peer {
  readonly frames: Frame[] = [];
  readonly child: ChildProcess;
  readonly channel: net.Socket;
  /** The other end of descriptor 4. */
  readonly brokerEnd: net.Socket;
  readonly writer: FrameWriter;
  stderr = '';
  #waiting: { readonly test: () => boolean; readonly resolve: () => void; readonly reject: (error: Error) => void }[] =
    [];
  #exit: { readonly code: number | null; readonly signal: string | null } | undefined;

  private constructor({ file, args, env }: CellCommand) {
    this.child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
      env,
      cwd: '/',
    });
    this.channel = this.child.stdio[3] as net.Socket;
    this.brokerEnd = this.child.stdio[4] as net.Socket;
    this.brokerEnd.on('error', () => undefined);
    this.writer = new FrameWriter(this.channel);
    const framer = new Framer((type, id, bytes, start, end) => {
      this.frames.push({ type, id, payload: Buffer.from(bytes.subarray(start, end)) });
      return true;
    });
    this.channel.on('data', (chunk: Buffer) => {
      framer.push(chunk);
      this.#look();
    });
    this.channel.on('error', () => undefined);
    this.child.stderr?.on('data', (text: Buffer) => (this.stderr += text.toString()));
    this.child.on('exit', (code, signal) => {
      this.#exit = { code, signal };
      this.#look();
    });
  }

  static async start(): Promise<Peer> {
    const peer = new Peer(processCommand(process.execPath, await booting, LIMITS));
    await peer.frame(FromCell.Booted, 0);
    return peer;
  }

  /** Resolves when the test holds after a frame or the exit; rejects when the cell ends first. */
  until(test: () => boolean, what: string): Promise<void> {
    if (test()) return Promise.resolve();
    if (this.#exit) return Promise.reject(this.#ended(what));
    return new Promise((resolve, reject) =>
      this.#waiting.push({ test, resolve, reject: () => reject(this.#ended(what)) }),
    );
  }

  async frame(type: number, id: number, skip = 0): Promise<Frame> {
    const find = (): Frame | undefined => this.frames.filter((frame) => frame.type === type && frame.id === id)[skip];
    await this.until(() => find() !== undefined, `frame ${type.toString(16)} of ${id}`);
    return find()!;
  }

  async exited(): Promise<{ readonly code: number | null; readonly signal: string | null }> {
    await this.until(() => this.#exit !== undefined, 'the exit');
    return this.#exit!;
  }

  assign(assignment: Assignment, bundle: TestBundle, chunkBytes = 256 * 1024): void {
    this.writer.json(ToCell.Assign, 0, assignment);
    for (const bytes of bundle.files.values()) {
      for (let at = 0; at < bytes.length; at += chunkBytes) {
        this.writer.frame(ToCell.FileChunk, 0, bytes.subarray(at, at + chunkBytes));
      }
    }
  }

  async load(assignment: Assignment, bundle: TestBundle): Promise<Loaded> {
    this.assign(assignment, bundle);
    const { payload } = await this.frame(FromCell.Loaded, 0);
    return JSON.parse(payload.toString()) as Loaded;
  }

  async loadFailure(assignment: Assignment, bundle: TestBundle): Promise<string> {
    this.assign(assignment, bundle);
    const { payload } = await this.frame(FromCell.LoadFailed, 0);
    return (JSON.parse(payload.toString()) as { message: string }).message;
  }

  send(id: number, { method = 'GET', path = '/', headers = [], body, flags = 0 }: RequestOptions = {}): void {
    const head = {
      flags,
      deadlineMs: 30_000,
      method,
      path,
      authority: 'test.example',
      scheme: 'http',
      headers: [...headers],
      headerStrings: headers.length,
    };
    writeRequest(this.writer, id, head, body);
  }

  /** A request and its whole answer; gives credit for what comes unless told otherwise. */
  async ask(id: number, options: RequestOptions & { readonly credit?: boolean } = {}): Promise<Answer> {
    const from = this.frames.length;
    this.send(id, options);
    return this.answer(id, from, options.credit ?? true);
  }

  async answer(id: number, from = 0, credit = true): Promise<Answer> {
    let credited = 0;
    const mine = (): Frame[] => this.frames.slice(from).filter((frame) => frame.id === id);
    await this.until(() => {
      const bytes = mine().reduce((sum, frame) => sum + (frame.type === FromCell.Body ? frame.payload.length : 0), 0);
      if (credit && bytes - credited >= MAX_CHUNK_BYTES) {
        this.writer.numberFrame(ToCell.Credit, id, bytes - credited, 4);
        credited = bytes;
      }
      return mine().some(endsCall);
    }, `the end of ${id}`);
    return answerOf(mine());
  }

  cancel(id: number, reason: number = Abort.Deadline): void {
    this.writer.numberFrame(ToCell.Cancel, id, reason, 1);
  }

  async call(id: number, interfaceName: string, functionName: string): Promise<unknown> {
    this.writer.json(ToCell.Call, id, { interface: interfaceName, function: functionName, args: [] });
    const { payload } = await this.frame(FromCell.CallResult, id);
    return JSON.parse(payload.toString()) as unknown;
  }

  /** Lines of a log stream so far. */
  log(stream: number): string {
    return this.frames
      .filter((frame) => frame.type === FromCell.Log && frame.payload[0] === stream)
      .map((frame) => frame.payload.toString('utf8', LOG_HEAD_BYTES))
      .join('');
  }

  async close(): Promise<void> {
    this.channel.end();
    if (!this.#exit) await new Promise((resolve) => this.child.once('exit', resolve));
  }

  #look(): void {
    this.#waiting = this.#waiting.filter(({ test, resolve, reject }) => {
      if (test()) resolve();
      else if (this.#exit) reject(new Error());
      else return true;
      return false;
    });
  }

  #ended(what: string): Error {
    const said = this.frames.filter((frame) => frame.id === 0).map((frame) => frame.payload.toString('latin1'));
    return new Error(
      `the cell ended (${JSON.stringify(this.#exit)}) before ${what}: ${said.join(' | ')} ${this.stderr}`,
    );
  }
}

function endsCall({ type, payload }: Frame): boolean {
  return (
    type === FromCell.Done || type === FromCell.CallResult || (type === FromCell.Response && (payload[0]! & 2) !== 0)
  );
}

const OUTCOME_NAMES = Object.fromEntries(Object.entries(Outcome).map(([name, number]) => [number, name]));

function answerOf(frames: readonly Frame[]): Answer {
  const response = frames.find((frame) => frame.type === FromCell.Response);
  const head = response && readResponse(response.payload, 0, response.payload.length);
  if (typeof head === 'string') throw new Error(`the engine would end the cell: ${head}`);
  const inline = response && head ? response.payload.subarray(head.bodyStart) : Buffer.alloc(0);
  const bodies = frames.filter((frame) => frame.type === FromCell.Body);
  if (bodies.some((frame) => frame.payload.length > MAX_CHUNK_BYTES)) throw new Error('a chunk is too long');
  const done = frames.find((frame) => frame.type === FromCell.Done);
  const last = frames.find((frame) => frame.type === FromCell.BodyEnd)?.payload;
  const trailers = last && last.length > 0 ? readTrailers(last, 0, last.length) : [];
  if (typeof trailers === 'string') throw new Error(`the engine would end the cell: ${trailers}`);
  let bodyEnd: Answer['bodyEnd'] = 'None';
  if (head && (head.flags & 1) === 0) bodyEnd = 'Inline';
  else if (frames.some((frame) => frame.type === FromCell.BodyEnd)) bodyEnd = 'End';
  else if (head) bodyEnd = 'Abort';
  return {
    status: head?.status,
    headers: head?.headers ?? [],
    contentLength: head?.contentLength ?? -1,
    body: Buffer.concat([inline, ...bodies.map((frame) => frame.payload)]),
    bodyEnd,
    trailers,
    outcome: (done ? OUTCOME_NAMES[done.payload[0]!] : 'Ok') as keyof typeof Outcome,
    text: done ? done.payload.toString('utf8', 1) : '',
    frames: frames.map((frame) => frame.type),
  };
}
