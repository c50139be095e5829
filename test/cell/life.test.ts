/** From booting to the end: what a cell says about itself, and what ends it. */
import { beforeAll, describe, expect, test } from 'vitest';
import { CellExit } from '../../src/cell/cell.ts';
import { MAX_BUNDLE_BYTES } from '../../src/cell/assignment.ts';
import {
  FromCell,
  REQUEST_HAS_BODY_FRAMES,
  INITIAL_CREDIT_BYTES,
  MAX_CHUNK_BYTES,
  ToCell,
  WIRE_VERSION,
  type Assignment,
} from '../../src/wire/frames.ts';
import { assignmentOf, bundleOf, exampleBundle, type TestBundle } from './kit/bundle.ts';
import { ANSWER, guest } from './kit/guest.ts';
import { Peer } from './kit/peer.ts';

const INSTANTIATE = 'export function instantiate(getCoreModule, imports, instantiateCore)';

let testbed: TestBundle;
let managed: TestBundle;
beforeAll(async () => {
  testbed = await exampleBundle('testbed');
  managed = await exampleBundle('testbed-managed');
});

async function loaded(bundle: TestBundle, changes: Partial<Assignment> = {}): Promise<Peer> {
  const peer = await Peer.start();
  await peer.load(assignmentOf(bundle, changes), bundle);
  return peer;
}

describe('loading', () => {
  test('Booted says the wire and the Node; Loaded says what there is to call', async () => {
    const peer = await Peer.start();
    const { payload } = await peer.frame(FromCell.Booted, 0);
    expect(JSON.parse(payload.toString())).toEqual({
      wire: WIRE_VERSION,
      node: process.versions.node,
      rehearsed: true,
    });
    expect(await peer.load(assignmentOf(managed), managed)).toMatchObject({
      instancePolicy: 'Pooled',
      hasHealth: true,
      hasShutdown: true,
      hasHttp: 'wasi',
    });
    await peer.close();
  });

  test('files in small chunks make the same cell', async () => {
    const peer = await Peer.start();
    peer.assign(assignmentOf(testbed), testbed, 7_001);
    await peer.frame(FromCell.Loaded, 0);
    expect((await peer.ask(1, { path: '/healthz' })).status).toBe(200);
    await peer.close();
  });

  const changed = (name: string, bytes: Uint8Array): TestBundle => ({
    ...testbed,
    files: new Map([...testbed.files, [name, bytes]]),
  });
  test('a small module that the bindings do not ask for is not compiled', async () => {
    const peer = await Peer.start();
    const bundle = changed('component.core999.wasm', Buffer.from('\0asm'));
    expect(await peer.load(assignmentOf(bundle), bundle)).toMatchObject({ instancePolicy: 'Pooled' });
    await peer.close();
  });

  const failures: readonly [string, () => Promise<readonly [TestBundle, Partial<Assignment>?]>, RegExp][] = [
    [
      'bindings that are no JavaScript',
      async () => [changed('component.js', Buffer.from(`${INSTANTIATE} { this is not }`))],
      /SyntaxError/,
    ],
    [
      'bindings that end before they end',
      async () => [changed('component.js', Buffer.from(`${INSTANTIATE} {} globalThis.taken = 1; {}`))],
      /SyntaxError/,
    ],
    [
      'bindings without instantiate',
      async () => [changed('component.js', Buffer.from('export const a = 1;'))],
      /more or less than one function/,
    ],
    ['a core module that is none', async () => [changed('component.core.wasm', Buffer.from('\0asm'))], /CompileError/],
    ['a bundle without bindings', async () => [{ ...testbed, files: new Map() }], /no component\.js/],
    [
      'a start function that traps',
      async () => [await bundleOf(await guest({ handle: ANSWER, start: 'unreachable' }))],
      /unreachable/,
    ],
    [
      'a start function that waits',
      async () => [
        await bundleOf(await guest({ handle: ANSWER, start: '(call $block (call $sleep (i64.const 1000000)))' })),
      ],
      /./,
    ],
    ['memory beyond the limit', async () => [testbed, { memoryBytes: 65_536 }], /bytes of memory, the limit is 65536/],
    ['init that says err', async () => [managed, { env: [['INIT', 'fail']] }], /init: /],
    ['init that traps', async () => [managed, { env: [['INIT', 'trap']] }], /unreachable/],
    [
      'init that waits for ever',
      async () => [
        await bundleOf(
          await guest({
            handle: ANSWER,
            init: '(call $block (call $sleep (i64.const 3600000000000))) (i32.const 512)',
          }),
        ),
        { startTimeoutMs: 100 },
      ],
      /init took longer than \d+ ms/,
    ],
  ];
  test.each(failures)('%s: LoadFailed says it, and the process ends', async (_what, make, message) => {
    const [bundle, changes] = await make();
    const peer = await Peer.start();
    expect(await peer.loadFailure(assignmentOf(bundle, changes), bundle)).toMatch(message);
    expect(await peer.exited()).toEqual({ code: CellExit.LoadFailed, signal: null });
  });
});

describe('the end', () => {
  test('a closed channel ends the process, assigned or not', async () => {
    const waiting = await Peer.start();
    waiting.channel.end();
    expect(await waiting.exited()).toEqual({ code: CellExit.ChannelClosed, signal: null });
    const serving = await loaded(testbed);
    serving.send(1, { path: '/sleep?ms=600000' });
    await serving.ask(2, { path: '/healthz' });
    serving.channel.destroy();
    expect(await serving.exited()).toEqual({ code: CellExit.ChannelClosed, signal: null });
  });

  test('Shutdown lets the last call finish, calls lifecycle shutdown once per instance, and exits', async () => {
    const peer = await loaded(managed);
    peer.send(1, { path: '/sleep?ms=50' });
    peer.send(2, { path: '/healthz' });
    peer.writer.json(ToCell.Shutdown, 0, { deadlineMs: 5000 });
    expect(await peer.answer(1)).toMatchObject({ status: 200 });
    expect(await peer.exited()).toEqual({ code: CellExit.Ok, signal: null });
    expect(peer.log(1).match(/init/g)).toHaveLength(2);
    expect(peer.log(1).match(/shutdown/g)).toHaveLength(2);
  });

  test('an engine that reads nothing does not hold the end up', async () => {
    const peer = await loaded(testbed);
    peer.channel.pause();
    for (let id = 1; id <= 8; id++) peer.send(id, { path: '/big?bytes=262144' });
    peer.writer.json(ToCell.Shutdown, 0, { deadlineMs: 5000 });
    expect(await peer.exited()).toEqual({ code: CellExit.Ok, signal: null });
  });

  test('Shutdown does not wait for a shutdown function that never returns', async () => {
    const waits = await bundleOf(
      await guest({ handle: ANSWER, shutdown: '(call $block (call $sleep (i64.const 3600000000000)))' }),
    );
    const peer = await loaded(waits);
    peer.writer.json(ToCell.Shutdown, 0, { deadlineMs: 50 });
    expect(await peer.exited()).toEqual({ code: CellExit.Ok, signal: null });
    expect(peer.log(3)).toMatch(/shutdown failed: .*took too long/);
  });
});

describe('an engine that breaks the protocol is a bug: the cell says so and ends', () => {
  const uploads = (peer: Peer): void => peer.send(1, { path: '/sleep?ms=600000', flags: REQUEST_HAS_BODY_FRAMES });
  const rows: readonly [string, (peer: Peer) => void, RegExp][] = [
    ['an unknown type', (peer) => peer.writer.frame(0x7f, 0, Buffer.alloc(0)), /type 127/],
    ['a second assignment', (peer) => peer.writer.json(ToCell.Assign, 0, assignmentOf(testbed)), /second assignment/],
    ['a chunk of no file', (peer) => peer.writer.frame(ToCell.FileChunk, 0, Buffer.alloc(1)), /chunk of no file/],
    ['a request head that ends early', (peer) => peer.writer.frame(ToCell.Request, 1, Buffer.alloc(3)), /ends early/],
    ['two requests with one id', (peer) => (uploads(peer), uploads(peer)), /second request/],
    ['an id out of bounds', (peer) => peer.writer.frame(ToCell.Cancel, 0xffff_ffff, Buffer.alloc(1)), /the id/],
    ['a call that is not JSON', (peer) => peer.writer.frame(ToCell.Call, 1, Buffer.from('{')), /not JSON/],
    [
      'a cancel without a reason',
      (peer) => (uploads(peer), peer.writer.numberFrame(ToCell.Cancel, 1, 99, 1)),
      /without a reason/,
    ],
    [
      'a chunk over its length',
      (peer) => (uploads(peer), peer.writer.frame(ToCell.Body, 1, Buffer.alloc(MAX_CHUNK_BYTES + 1))),
      /chunk of 65537/,
    ],
    [
      'one byte over the credit',
      (peer) => {
        uploads(peer);
        for (let sent = 0; sent < INITIAL_CREDIT_BYTES; sent += MAX_CHUNK_BYTES)
          peer.writer.frame(ToCell.Body, 1, Buffer.alloc(MAX_CHUNK_BYTES));
        peer.writer.frame(ToCell.Body, 1, Buffer.alloc(1));
      },
      /beyond the credit/,
    ],
  ];
  test.each(rows)('%s', async (_what, act, said) => {
    const peer = await loaded(testbed);
    act(peer);
    expect(await peer.exited()).toEqual({ code: CellExit.Protocol, signal: null });
    expect(peer.log(3)).toMatch(said);
  });

  test.each([
    ['another wire', { wire: WIRE_VERSION + 1 }, new RegExp(`wire ${WIRE_VERSION + 1}, `)],
    ['more than a bundle', { files: [{ name: 'component.js', bytes: MAX_BUNDLE_BYTES + 1 }] }, /a bundle of/],
    [
      'more files than a bundle',
      { files: Array.from({ length: 1025 }, (_, at) => ({ name: `f${at}`, bytes: 0 })) },
      /1025 files/,
    ],
  ])('an assignment of %s', async (_what, changes, said) => {
    const peer = await Peer.start();
    peer.writer.json(ToCell.Assign, 0, assignmentOf(testbed, changes));
    expect(await peer.exited()).toEqual({ code: CellExit.Protocol, signal: null });
    expect(peer.log(3)).toMatch(said);
  });
});

describe('calls of exports', () => {
  test('health: ok and err', async () => {
    const well = await loaded(managed);
    expect(await well.call(1, 'headway:component/health@0.1.0', 'check')).toEqual({ ok: null });
    await well.close();
    const ill = await loaded(managed, { env: [['HEALTH', 'fail']] });
    // An `err` is an answer: whoever gives it is asked again.
    for (const call of [1, 2]) {
      expect(await ill.call(call, 'headway:component/health@0.1.0', 'check')).toEqual({ err: expect.any(String) });
    }
    await ill.close();
  });

  test('what is not exported is a trap, prototype names included', async () => {
    const peer = await loaded(managed);
    expect(await peer.call(1, 'headway:component/health@0.1.0', 'no-such')).toEqual({
      trap: expect.stringContaining('does not export'),
    });
    expect(await peer.call(2, 'constructor', 'constructor')).toEqual({
      trap: expect.stringContaining('does not export'),
    });
    expect(await peer.call(3, 'headway:component/health@0.1.0', 'to-string')).toEqual({
      trap: expect.stringContaining('does not export'),
    });
    await peer.close();
  });
});
