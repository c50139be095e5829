/** An import that another entry's cell serves: the engine's side of it is played here, the cell is real. */
import { afterEach, describe, expect, test } from 'vitest';
import { RemoteCalls } from '../../src/cell/remote.ts';
import { Fate, Scope } from '../../src/cell/scope.ts';
import { Abort, FromCell } from '../../src/wire/frames.ts';
import { readQuestion, RemoteStatus, writeAnswer, type RemoteStatusNumber } from '../../src/wire/remote-frames.ts';
import { assignmentOf, assignmentOfSeveral, bundleOf } from './kit/bundle.ts';
import { entry, provider, RATES, type EntryParts } from './kit/linked.ts';
import { Peer } from './kit/peer.ts';

const LEVY = 'shop:base/levy@0.1.0';

const peers: Peer[] = [];
afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.close();
});

async function cell(parts: EntryParts): Promise<Peer> {
  const bundle = await bundleOf(await entry(parts), { links: [RATES], blockingLinks: [`${RATES}#*`] });
  const peer = await Peer.start();
  peers.push(peer);
  await peer.load(assignmentOf(bundle, { remotes: [RATES] }), bundle);
  return peer;
}

/** What the guest asks on behalf of the call. */
async function asked(peer: Peer, id: number, skip = 0) {
  const { payload } = await peer.frame(FromCell.Remote, id, skip);
  const question = readQuestion(payload, 0, payload.length);
  if (typeof question === 'string') throw new Error(question);
  return { member: question.member, name: question.name, body: question.body.toString() };
}

function say(peer: Peer, id: number, status: RemoteStatusNumber, text: string): void {
  writeAnswer(peer.writer, id, status, Buffer.from(text));
}

const RATE = { answer: '(call $rate (local.get $path))' };
/** 1000 × case + value, or the length of the error's text. */
const CHECK = {
  answer: `(block (result i32) (call $check (local.get $path) (i32.const 256))
    (i32.add (i32.mul (i32.load8_u (i32.const 256)) (i32.const 1000))
      (select (i32.load (i32.const 264)) (i32.load (i32.const 260)) (i32.load8_u (i32.const 256)))))`,
};

describe('a call to another cell', () => {
  test('leaves as JSON under the id of the call that it is made for, and its answer goes on', async () => {
    const peer = await cell(RATE);
    const answered = peer.ask(7, { path: '/5' });
    expect(await asked(peer, 7)).toEqual({ member: 0, name: `${RATES}#rate`, body: '{"region":5}' });
    say(peer, 7, RemoteStatus.Ok, '105');
    expect((await answered).body.toString()).toBe('105');
  });

  test('an err is an answer, and so is the next call on the same instance', async () => {
    const peer = await cell(CHECK);
    const refused = peer.ask(1, { path: '/0' });
    await asked(peer, 1);
    say(peer, 1, RemoteStatus.Err, '"no rate"');
    expect((await refused).body.toString()).toBe(String(1000 + 'no rate'.length));
    const taken = peer.ask(2, { path: '/6' });
    await asked(peer, 2);
    say(peer, 2, RemoteStatus.Ok, '6');
    expect((await taken).body.toString()).toBe('6');
  });

  test('several wait at once, each for its own', async () => {
    const peer = await cell(RATE);
    const answers = [1, 2, 3].map((id) => peer.ask(id, { path: `/${id}` }));
    for (const id of [1, 2, 3]) await asked(peer, id);
    for (const id of [3, 1, 2]) say(peer, id, RemoteStatus.Ok, String(id * 11));
    expect((await Promise.all(answers)).map(({ body }) => body.toString())).toEqual(['11', '22', '33']);
  });

  test.each([
    ['no answer', RemoteStatus.Failed, 'HW4612 shop/tax: no replica', /HW4612 shop\/tax: no replica/],
    ['an answer of another type', RemoteStatus.Ok, '"many"', /HW4618 expected an integer/],
    ['an answer that is no JSON', RemoteStatus.Ok, '{', /HW4618/],
    ['an err that its type does not have', RemoteStatus.Err, '1', /HW4618 an error that its type does not have/],
  ] as const)('%s is a trap that says so, and the cell serves on', async (_what, status, text, says) => {
    const peer = await cell(RATE);
    const answered = peer.ask(1, { path: '/1' });
    await asked(peer, 1);
    say(peer, 1, status, text);
    const { outcome, text: told } = await answered;
    expect(outcome).toBe('Trap');
    expect(told).toMatch(says);
    expect(told).toContain(`calling ${RATES}#rate`);
    const next = peer.ask(1, { path: '/2' });
    await asked(peer, 1, 1);
    say(peer, 1, RemoteStatus.Ok, '2');
    expect((await next).body.toString()).toBe('2');
  });

  test('ends with the call that it is made for; an answer that comes too late finds nobody', async () => {
    const peer = await cell(RATE);
    const answered = peer.ask(1, { path: '/1' });
    await asked(peer, 1);
    peer.cancel(1, Abort.Deadline);
    expect((await answered).outcome).toBe('Deadline');
    say(peer, 1, RemoteStatus.Ok, '1');
    const next = peer.ask(1, { path: '/3' });
    await asked(peer, 1, 1);
    say(peer, 1, RemoteStatus.Ok, '3');
    expect((await next).body.toString()).toBe('3');
  });

  test('of a linked member is made under its own place, on behalf of the call of the entry', async () => {
    const parts = {
      imports: `(import "${LEVY}" "levy" (func $levy (param i32) (result i32)))`,
      world: `import ${LEVY};`,
      rate: '(i32.add (i32.const 1) (call $levy (local.get $region)))',
      packages: 'package shop:base@0.1.0 { interface levy { levy: func(region: u32) -> u32; } }',
    };
    const taxes = await bundleOf(await provider(parts), { links: [LEVY], blockingLinks: [`${LEVY}#*`] });
    const front = await bundleOf(await entry(RATE), { links: [RATES], blockingLinks: taxes.blockingExports });
    const peer = await Peer.start();
    peers.push(peer);
    const links = [{ import: RATES, member: 1, export: RATES }];
    const made = assignmentOfSeveral({ bundle: front, links }, [{ key: 'shop/tax', bundle: taxes }]);
    const linked = made.assignment.linked!.map((member) => ({ ...member, remotes: [LEVY] }));
    await peer.load({ ...made.assignment, linked }, made.bundle);
    const answered = peer.ask(4, { path: '/5' });
    expect(await asked(peer, 4)).toEqual({ member: 1, name: `${LEVY}#levy`, body: '{"region":5}' });
    say(peer, 4, RemoteStatus.Ok, '41');
    expect((await answered).body.toString()).toBe('42');
  });

  test('has no place in start code', async () => {
    const bundle = await bundleOf(await entry({ ...RATE, start: '(drop (call $rate (i32.const 0)))' }), {
      links: [RATES],
      blockingLinks: [`${RATES}#*`],
    });
    const peer = await Peer.start();
    peers.push(peer);
    const failed = await peer.loadFailure(assignmentOf(bundle, { remotes: [RATES] }), bundle);
    expect(failed).toMatch(/cannot block/);
    expect(peer.frames.filter(({ type }) => type === FromCell.Remote)).toEqual([]);
  });

  test('has no place in `init` and `shutdown`, which are on behalf of no call', () => {
    const sent: unknown[] = [];
    const calls = new RemoteCalls((...question) => sent.push(question));
    const scope = new Scope(1, new Fate(() => undefined));
    scope.enter(undefined, true);
    const ask = () => calls.ask(scope, { member: 0, name: `${RATES}#rate`, body: Buffer.from('{}') });
    expect(ask).toThrow(`HW4600 ${RATES}#rate is called on behalf of no call`);
    expect([sent, scope.ended]).toEqual([[], true]);
  });
});
