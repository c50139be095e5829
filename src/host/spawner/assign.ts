/**
 * Turns a waiting process into the cell of one component: limits first, then the assignment and its files.
 *
 * Invariant H1 (I9 of the design): the bytes that are written to a cell were hashed here, after they were read, and hash
 * to the digest that the bundle names.
 *
 * Invariant H2: the last of them leaves when the limits are in force. A cell runs nothing of the guest before it has them all,
 * but compiles what is there: the two go on beside each other.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type net from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { digestOfBytes, type Digest } from '../../kit/digest.ts';
import { err, ok, type Result } from '../../kit/result.ts';
import { contentPath } from '../../model/content.ts';
import { problem, type Problem } from '../../model/problem.ts';
import type { LaunchedCell } from './launch.ts';
import { GUEST_PRIORITY, setPriority } from './priority.ts';
import { HEADER_BYTES, MAX_JSON_BYTES, MAX_PAYLOAD_BYTES, ToCell, type Assignment } from '../../wire/frames.ts';

const execFileAsync = promisify(execFile);
const PRLIMIT_DEADLINE_MS = 5_000;
/** A cell that does not take its files for this long is not coming up. */
const WRITE_DEADLINE_MS = 10_000;

export interface AssignRequest {
  readonly assignment: Assignment;
  /** In the order of `assignment.files`. */
  readonly files: readonly { readonly digest: Digest; readonly bytes: number }[];
  readonly dataBytes: number;
  readonly cpuMillis: number;
  /** Of a process that cells share: what it can be raised to when more of them come. Absent: it stays as it is set. */
  readonly mostDataBytes?: number;
}

export interface AssignTools {
  readonly storeFolder: string;
  /** Absolute path, or absent: then memory has no hard cap, and status says so. */
  readonly prlimit: string | undefined;
}

/** Resolves when the cell has taken every byte. The channel is still open and still ours. */
export async function assign(
  cell: LaunchedCell,
  request: AssignRequest,
  tools: AssignTools,
): Promise<Result<void, Problem>> {
  const head = Buffer.from(JSON.stringify(request.assignment));
  if (head.length > MAX_JSON_BYTES) {
    return err(problem('HW4110', `the assignment is ${head.length} bytes of JSON, the longest is ${MAX_JSON_BYTES}`));
  }
  const limiting = limitData(cell, request, tools.prlimit);
  setPriority(cell.pid, GUEST_PRIORITY);
  const files = readFiles(request, tools.storeFolder);
  const frames = files.ok ? [frame(ToCell.Assign, head), ...files.value.flatMap(chunked)] : [];
  const last = frames.splice(-1);
  const [limited, written] = await Promise.all([limiting, writeAll(cell.channel, frames)]);
  if (!files.ok) return files;
  if (!limited.ok) return limited;
  return written.ok ? writeAll(cell.channel, last) : written;
}

/** In one go: a start waits for it, and each file by way of the thread pool costs four times its reading. */
function readFiles(request: AssignRequest, storeFolder: string): Result<readonly Buffer[], Problem> {
  const contents: Buffer[] = [];
  for (const [index, file] of request.files.entries()) {
    const name = request.assignment.files[index]?.name ?? String(index);
    const bytes = readOrError(path.join(storeFolder, contentPath(file.digest)));
    if (bytes instanceof Error) {
      return err(problem('HW4108', `${name} (${file.digest}) cannot be read from the content store: ${bytes.message}`));
    }
    if (bytes.length !== file.bytes || digestOfBytes(bytes) !== file.digest) {
      return err(problem('HW4108', `${name} in the content store does not hash to ${file.digest}`));
    }
    contents.push(bytes);
  }
  return ok(contents);
}

function readOrError(file: string): Buffer | Error {
  try {
    return readFileSync(file);
  } catch (error) {
    return error as Error;
  }
}

/**
 * RLIMIT_DATA: what the process has mapped for writing by its first assignment, and `dataBytes` more. Set under the cell's
 * own uid: that needs no capability, while even root needs one for processes of others. Where it is to be raised later, the
 * hard limit is `mostDataBytes` from the first assignment on, because nobody can raise that one again.
 */
async function limitData(
  { pid, uid, process }: LaunchedCell,
  { dataBytes, mostDataBytes }: AssignRequest,
  prlimit: string | undefined,
): Promise<Result<void, Problem>> {
  if (prlimit === undefined) return ok(undefined);
  try {
    const isFirst = process.mappedBytes === undefined;
    const mappedBytes = (process.mappedBytes ??= mappedBytesOf(pid));
    const most = mappedBytes + (mostDataBytes ?? dataBytes);
    const soft = Math.min(mappedBytes + dataBytes, most);
    const limit = isFirst ? `${soft}:${most}` : `${soft}:`;
    await execFileAsync(prlimit, ['--pid', String(pid), `--data=${limit}`], {
      timeout: PRLIMIT_DEADLINE_MS,
      env: {},
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    return ok(undefined);
  } catch (error) {
    return err(problem('HW4001', `the memory limit could not be set: ${(error as Error).message}`));
  }
}

function mappedBytesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/^VmData:\s*([0-9]+) kB/m.exec(status)?.[1] ?? Number.NaN) * 1024;
}

function frame(type: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  bytes.writeUInt32LE(payload.length, 0);
  bytes.writeUInt32LE(0, 4);
  bytes[8] = type;
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

function chunked(content: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let offset = 0; offset < content.length; offset += MAX_PAYLOAD_BYTES) {
    frames.push(frame(ToCell.FileChunk, content.subarray(offset, offset + MAX_PAYLOAD_BYTES)));
  }
  return frames;
}

/** The callback of the last write comes when the kernel has taken it: what is left then is for the cell to read. */
function writeAll(channel: net.Socket, frames: readonly Buffer[]): Promise<Result<void, Problem>> {
  return new Promise((resolve) => {
    const timer = setTimeout(
      () => done(err(problem('HW4001', `the cell did not take its files within ${WRITE_DEADLINE_MS} ms`))),
      WRITE_DEADLINE_MS,
    );
    const onWritten = (error?: Error | null): void =>
      done(
        error ? err(problem('HW4001', `the cell went away while it was assigned: ${error.message}`)) : ok(undefined),
      );
    if (frames.length === 0) return done(ok(undefined));
    // With the last bytes and not behind them: a write of nothing is one more write, and by then the cell may have failed and gone.
    channel.cork();
    for (const bytes of frames.slice(0, -1)) channel.write(bytes);
    channel.write(frames.at(-1)!, onWritten);
    channel.uncork();

    function done(result: Result<void, Problem>): void {
      clearTimeout(timer);
      resolve(result);
    }
  });
}
