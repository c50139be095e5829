/** Commands (`wasi:cli/run`) and plain functions, as a Schedule calls them. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Abort, FromCell, ToCell, type Assignment } from '../../src/wire/frames.ts';
import { assignmentOf, exampleBundle, type TestBundle } from './kit/bundle.ts';
import { Peer } from './kit/peer.ts';

const RUN = 'wasi:cli/run@0.2.0';
const JOBS = 'headway:examples/jobs';
const STDOUT = 1;
const STDERR = 2;

let good: TestBundle;
let broken: TestBundle;
let peer: Peer | undefined;
beforeAll(async () => {
  good = await exampleBundle('report-v1');
  broken = await exampleBundle('report-broken');
});
afterEach(async () => {
  await peer?.close();
  peer = undefined;
});

async function loaded(bundle: TestBundle, changes: Partial<Assignment> = {}): Promise<Peer> {
  peer = await Peer.start();
  await peer.load(assignmentOf(bundle, changes), bundle);
  return peer;
}

function start(on: Peer, id: number, args: readonly string[] | undefined, name = RUN, called = 'run'): void {
  const command = args ? { command: ['report', ...args] } : {};
  on.writer.json(ToCell.Call, id, { interface: name, function: called, args: [], ...command });
}

async function result(on: Peer, id: number): Promise<unknown> {
  const { payload } = await on.frame(FromCell.CallResult, id);
  return JSON.parse(payload.toString()) as unknown;
}

const run = async (on: Peer, id: number, ...args: readonly string[]) => {
  start(on, id, args);
  return result(on, id);
};

describe('a command', () => {
  test('gets its name and arguments, writes to the log, and ends with exit code 0', async () => {
    const cell = await loaded(good);
    expect(await run(cell, 1, 'say=hello', 'warn=careful')).toEqual({ exit: 0 });
    expect(cell.log(STDOUT)).toBe('report v1, run 1\nhello\n');
    expect(cell.log(STDERR)).toBe('careful\n');
  });

  test('runs on an instance of its own each time, also where instances are pooled', async () => {
    const cell = await loaded(good);
    for (const id of [1, 2, 3]) expect(await run(cell, id)).toEqual({ exit: 0 });
    expect(cell.log(STDOUT)).toBe('report v1, run 1\n'.repeat(3));
  });

  test('makes room for itself: an instance that was used goes where no other may be made', async () => {
    const cell = await loaded(good, { concurrency: 1 });
    start(cell, 1, undefined, JOBS, 'tidy');
    expect(await result(cell, 1)).toEqual({ ok: null });
    expect(await run(cell, 2)).toEqual({ exit: 0 });
    expect(cell.log(STDOUT)).toBe('tidied, run 1\nreport v1, run 1\n');
  });

  test.each([
    ['its result says so', async () => run(await loaded(broken), 1), { exit: 1 }],
    ['it calls exit', async () => run(await loaded(good), 1, 'exit', 'say=not reached'), { exit: 1 }],
  ] as const)('fails with an exit code where %s', async (_, outcome, expected) => {
    expect(await outcome()).toEqual(expected);
    expect(peer!.log(STDOUT)).not.toContain('not reached');
  });

  test('traps, and the next one runs', async () => {
    const cell = await loaded(good);
    expect(await run(cell, 1, 'trap')).toEqual({ trap: expect.stringContaining('unreachable') });
    expect(await run(cell, 2)).toEqual({ exit: 0 });
  });

  test('is stopped where it waits, and others go on beside it', async () => {
    const cell = await loaded(good);
    start(cell, 1, ['wait=60000', 'say=not reached']);
    expect(await run(cell, 2, 'wait=10', 'say=beside')).toEqual({ exit: 0 });
    cell.writer.numberFrame(ToCell.Cancel, 1, Abort.Deadline, 1);
    expect(await result(cell, 1)).toEqual({ trap: expect.stringContaining('deadline') });
    expect(await run(cell, 3)).toEqual({ exit: 0 });
    expect(cell.log(STDOUT)).not.toContain('not reached');
  });

  test('is what the version line means, and nothing else', async () => {
    const cell = await loaded(good);
    start(cell, 1, [], 'wasi:cli/run@0.2.99');
    expect(await result(cell, 1)).toEqual({ exit: 0 });
    for (const [id, name] of ['wasi:cli/run@0.3.0', 'wasi:cli/run', 'wasi:cli/running@0.2.0'].entries()) {
      start(cell, 10 + id, [], name);
      expect(await result(cell, 10 + id)).toEqual({ trap: expect.stringContaining(`does not export ${name}#run`) });
    }
  });
});

describe('a plain function', () => {
  test('is called as the policy of the instances says, and ends by its result', async () => {
    const cell = await loaded(good);
    for (const id of [1, 2]) {
      start(cell, id, undefined, JOBS, 'tidy');
      expect(await result(cell, id)).toEqual({ ok: null });
    }
    expect(cell.log(STDOUT)).toBe('tidied, run 1\ntidied, run 2\n');
  });

  test('answers its error', async () => {
    const cell = await loaded(broken);
    start(cell, 1, undefined, JOBS, 'tidy');
    expect(await result(cell, 1)).toEqual({ err: 'nothing to tidy' });
  });
});
