/**
 * Turns a waiting process into the cell of one component: limits first, then the assignment and its files.
 *
 * Invariant H1 is kept by `contents.ts`.
 *
 * Invariant H2: the last of them leaves when the limits are in force. A cell runs nothing of the guest before it has them all,
 * but compiles what is there: the two go on beside each other.
 *
 * Invariant H3: a limit that was set ahead (`data-limit.ts`) is set again, exactly and for good: of a process that could raise
 * it before the engine hears that the cell is assigned, so that nobody has asked it anything by then; of one that its filter
 * keeps from that, once the start is over, because it would take a processor from it.
 */
import type net from 'node:net';
import type { Digest } from '../../kit/digest.ts';
import { err, ok, type Result } from '../../kit/result.ts';
import { problem, type Problem } from '../../model/problem.ts';
import type { Contents } from './contents.ts';
import { isLimitedAhead, limitData, limitDataLater, type DataLimit } from './data-limit.ts';
import type { LaunchedCell } from './launch.ts';
import { GUEST_PRIORITY, setPriority } from './priority.ts';
import { frameHeader } from '../../wire/frame-header.ts';
import { MAX_JSON_BYTES, MAX_PAYLOAD_BYTES, ToCell, type Assignment } from '../../wire/frames.ts';

/** A cell that does not take its files for this long is not coming up. */
const WRITE_DEADLINE_MS = 10_000;

export interface AssignRequest extends DataLimit {
  readonly assignment: Assignment;
  /** In the order of `assignment.files`. */
  readonly files: readonly { readonly digest: Digest; readonly bytes: number }[];
  readonly cpuMillis: number;
}

export interface AssignTools {
  readonly contents: Contents;
  /** Absolute path, or absent: then memory has no hard cap, and status says so. */
  readonly prlimit: string | undefined;
}

/** Resolves when the cell has taken every byte, under its limits. The channel is still open and still ours. */
export async function assign(
  cell: LaunchedCell,
  request: AssignRequest,
  tools: AssignTools,
): Promise<Result<void, Problem>> {
  const head = Buffer.from(JSON.stringify(request.assignment));
  if (head.length > MAX_JSON_BYTES) {
    return err(problem('HW4110', `the assignment is ${head.length} bytes of JSON, the longest is ${MAX_JSON_BYTES}`));
  }
  const isAhead = await isLimitedAhead(cell, request);
  const frames = [frame(ToCell.Assign, head)];
  // The cell wakes up for it while its files are read. Where it waits for none, it is the last of the frames (H2).
  const begun = writeAll(cell.channel, request.files.some(({ bytes }) => bytes > 0) ? frames.splice(0) : []);
  const limiting = isAhead ? ok(undefined) : limitData(cell, request, tools.prlimit);
  const files = readFiles(request, tools.contents);
  if (files.ok) frames.push(...files.value.flatMap(chunked));
  const last = isAhead ? [] : frames.splice(-1);
  const writing = files.ok ? writeAll(cell.channel, frames) : files;
  // Behind them: the cell has something to do meanwhile.
  setPriority(cell.pid, GUEST_PRIORITY);
  const [limited, ...written] = await Promise.all([limiting, begun, writing]);
  const failed = written.find((one) => !one.ok);
  if (failed) return failed;
  if (!limited.ok) return limited;
  const finished = await writeAll(cell.channel, last);
  if (!finished.ok || !isAhead) return finished;
  // H3.
  if (!cell.isFiltered) return limitData(cell, request, tools.prlimit);
  limitDataLater(cell, request, tools.prlimit);
  return finished;
}

function readFiles({ assignment, files }: AssignRequest, contents: Contents): Result<readonly Buffer[], Problem> {
  const read: Buffer[] = [];
  for (const [index, file] of files.entries()) {
    const content = contents.read(file);
    if (typeof content === 'string') {
      return err(problem('HW4108', `${assignment.files[index]?.name ?? index} ${content}`));
    }
    read.push(content);
  }
  return ok(read);
}

/** The bytes as they are, behind their header. */
type Frame = readonly [header: Buffer, payload: Buffer];

function frame(type: number, payload: Buffer): Frame {
  return [frameHeader(type, 0, payload.length), payload];
}

function chunked(content: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let offset = 0; offset < content.length; offset += MAX_PAYLOAD_BYTES) {
    frames.push(frame(ToCell.FileChunk, content.subarray(offset, offset + MAX_PAYLOAD_BYTES)));
  }
  return frames;
}

/** The callback of the last write comes when the kernel has taken it: what is left then is for the cell to read. */
function writeAll(channel: net.Socket, frames: readonly Frame[]): Promise<Result<void, Problem>> {
  return new Promise((resolve) => {
    const timer = setTimeout(
      () => done(err(problem('HW4141', `the cell did not take its files within ${WRITE_DEADLINE_MS} ms`))),
      WRITE_DEADLINE_MS,
    );
    const onWritten = (error?: Error | null): void =>
      done(
        error ? err(problem('HW4001', `the cell went away while it was assigned: ${error.message}`)) : ok(undefined),
      );
    const pieces = frames.flat();
    if (pieces.length === 0) return done(ok(undefined));
    // With the last bytes and not behind them: a write of nothing is one more write, and by then the cell may have failed and gone.
    channel.cork();
    for (const bytes of pieces.slice(0, -1)) channel.write(bytes);
    channel.write(pieces.at(-1)!, onWritten);
    channel.uncork();

    function done(result: Result<void, Problem>): void {
      clearTimeout(timer);
      resolve(result);
    }
  });
}
