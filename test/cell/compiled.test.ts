import { afterEach, beforeAll, describe, expect, it, test } from 'vitest';
import { readBindings } from '../../src/cell/bindings.ts';
import { CellExit } from '../../src/cell/cell.ts';
import { packCompiled, unpackCompiled } from '../../src/wire/compiled-bindings.ts';
import { FromCell, ToCell, type Assignment, type Loaded } from '../../src/wire/frames.ts';
import { assignmentOf, exampleBundle, warmUpOf, type TestBundle } from './kit/bundle.ts';
import { Peer, type Frame } from './kit/peer.ts';

let greeting: TestBundle;
const peers: Peer[] = [];

beforeAll(async () => {
  greeting = await exampleBundle('greeting-v1');
});
afterEach(async () => {
  await Promise.all(peers.splice(0).map((peer) => peer.close()));
});

const ASSIGNED = { warmUp: warmUpOf('/healthz') };

async function loaded(changes: Partial<Assignment> = {}, given?: Uint8Array): Promise<[Peer, Loaded]> {
  const peer = await Peer.start();
  peers.push(peer);
  if (given) peer.writer.frame(ToCell.Compiled, 0, given);
  return [peer, await peer.load(assignmentOf(greeting, { ...ASSIGNED, ...changes }), greeting)];
}

async function handedOut(): Promise<Frame> {
  const [peer, { isCompiled }] = await loaded({ handsOutCompiled: true });
  expect(isCompiled).toBe(false);
  return peer.frame(FromCell.Compiled, 0);
}

describe('what V8 has compiled of the bindings', () => {
  it('is handed out once, behind Loaded and before the first answer', async () => {
    const [peer] = await loaded({ handsOutCompiled: true });
    peer.send(1);
    await peer.answer(1);
    expect(peer.frames.map(({ type }) => type)).toEqual([
      FromCell.Booted,
      FromCell.Loaded,
      FromCell.Compiled,
      FromCell.Response,
    ]);
    const { payload } = peer.frames[2]!;
    const [bindings] = unpackCompiled(payload, 0, payload.length, 1)!;
    expect(bindings!.length).toBeGreaterThan(10_000);
  });

  it('is not handed out where nobody asks', async () => {
    const [peer, { isCompiled }] = await loaded();
    await peer.ask(1);
    expect(isCompiled).toBe(false);
    expect(peer.frames.map(({ type }) => type)).not.toContain(FromCell.Compiled);
  });

  it('is taken by a cell of the same bundle, which then answers as any other', async () => {
    const { payload } = await handedOut();
    const [peer, { isCompiled, instancePolicy }] = await loaded({}, payload);
    expect({ isCompiled, instancePolicy }).toEqual({ isCompiled: true, instancePolicy: 'Pooled' });
    const answers = [await peer.ask(1, { path: '/?name=ada' }), await peer.ask(2, { path: '/nothing' })];
    expect(answers.map(({ status }) => status)).toEqual([200, 404]);
    expect(answers[0]!.body.toString()).toBe('Hello, ada! (greeting v1)\n');
  });

  test.each([
    ['what is no code at all', (): Uint8Array => packCompiled([Buffer.alloc(5_000, 0x5a)])],
    ['nothing', (): Uint8Array => packCompiled([new Uint8Array(0)])],
    ['code that ends early', (code: Buffer): Uint8Array => packCompiled([code.subarray(0, code.length / 2)])],
    ['code of another V8', (code: Buffer): Uint8Array => packCompiled([withByteChanged(code, 4)])],
  ])('is refused where it is %s, and the text is compiled as ever', async (_what, change) => {
    const { payload } = await handedOut();
    const [code] = unpackCompiled(payload, 0, payload.length, 1)!;
    const [peer, { isCompiled }] = await loaded({}, change(code!));
    expect(isCompiled).toBe(false);
    expect((await peer.ask(1)).status).toBe(200);
  });

  it('of other members is a LoadFailed that says so', async () => {
    const peer = await Peer.start();
    peers.push(peer);
    peer.writer.frame(ToCell.Compiled, 0, packCompiled([Buffer.alloc(10), Buffer.alloc(10)]));
    expect(await peer.loadFailure(assignmentOf(greeting), greeting)).toMatch('compiled bindings of other members');
  });

  it.each([
    ['twice', (peer: Peer): void => sendTwice(peer)],
    ['behind the assignment', (peer: Peer): void => sendBehind(peer)],
  ])('given %s ends the cell', async (what, send) => {
    const peer = await Peer.start();
    send(peer);
    expect(await peer.exited()).toMatchObject({ code: CellExit.Protocol });
    expect(peer.log(3)).toMatch(`compiled bindings ${what}`);
  });
});

describe('bindings whose text is more than a function', () => {
  const HEAD = 'export function instantiate(getCoreModule, imports, instantiateCore) {';
  const outside = globalThis as { escaped?: boolean };

  it.each([undefined, 'Make', Buffer.alloc(100)] as const)('do not run, compiled before or not (%#)', (compiled) => {
    // As a script, with text put around it, this would be two functions and a statement between them.
    const text = `${HEAD} return {}; }); globalThis.escaped = true; (function () { }`;
    expect(() => readBindings(Buffer.from(text), compiled)).toThrow(SyntaxError);
    expect(outside.escaped).toBeUndefined();
  });

  it.each([`${HEAD} return {}; } globalThis.escaped = true;`, `globalThis.escaped = true; ${HEAD} }`])(
    'are refused by their shape: %s',
    (text) => {
      expect(() => readBindings(Buffer.from(text), 'Make')).toThrow('more or less than one function');
      expect(outside.escaped).toBeUndefined();
    },
  );
});

describe('the payload of Compiled', () => {
  it('has a piece for each member', () => {
    const pieces = [Buffer.from('one'), Buffer.alloc(0), Buffer.from('three')];
    const packed = Buffer.concat([Buffer.from('before'), packCompiled(pieces), Buffer.from('behind')]);
    const end = packed.length - 'behind'.length;
    expect(unpackCompiled(packed, 'before'.length, end, 3)).toEqual(pieces);
    expect(unpackCompiled(packed, 'before'.length, end, 2)).toBeUndefined();
    expect(unpackCompiled(packed, 'before'.length, end, 4)).toBeUndefined();
  });

  it('is of empty pieces where a frame cannot hold them', () => {
    const packed = packCompiled([Buffer.alloc(600_000), Buffer.alloc(600_000)]);
    expect(unpackCompiled(packed, 0, packed.length, 2)).toEqual([Buffer.alloc(0), Buffer.alloc(0)]);
  });

  it.each([
    ['that ends early', Buffer.of(5, 0, 0, 0, 1)],
    ['without a length', Buffer.of(5, 0)],
    ['with a length of four gigabytes', Buffer.of(255, 255, 255, 255, 1)],
    ['with bytes behind it', Buffer.of(1, 0, 0, 0, 1, 2)],
  ])('%s is none', (_what, bytes) => {
    expect(unpackCompiled(bytes, 0, bytes.length, 1)).toBeUndefined();
  });
});

function withByteChanged(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at]! ^= 0xff;
  return changed;
}

function sendTwice(peer: Peer): void {
  const packed = packCompiled([Buffer.alloc(10)]);
  peer.writer.frame(ToCell.Compiled, 0, packed);
  peer.writer.frame(ToCell.Compiled, 0, packed);
}

function sendBehind(peer: Peer): void {
  peer.writer.json(ToCell.Assign, 0, assignmentOf(greeting));
  peer.writer.frame(ToCell.Compiled, 0, packCompiled([Buffer.alloc(10)]));
}
