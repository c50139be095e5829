/** Cells of several members: an entry and what it links inline, in a real cell process. */
import { afterEach, describe, expect, test } from 'vitest';
import type { BoundLink } from '../../src/model/engine.ts';
import { Abort, LOG_HEAD_BYTES, FromCell, type Assignment } from '../../src/wire/frames.ts';
import { TestBroker } from '../broker/support.ts';
import { assignmentOfSeveral, bundleOf, type LinkedMember, type TestBundle } from './kit/bundle.ts';
import { entry, provider, RATES, type EntryParts, type ProviderParts } from './kit/linked.ts';
import { Peer, type Answer } from './kit/peer.ts';
import { attachBroker } from './kit/seat.ts';

const peers: Peer[] = [];
afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.close();
});

function to(member: number, version = '0.2.0'): BoundLink {
  return { import: RATES, member, export: `shop:tax/rates@${version}` };
}

async function entryBundle(parts: EntryParts, blockingLinks: readonly string[] = []): Promise<TestBundle> {
  return bundleOf(await entry(parts), { links: [RATES], blockingLinks });
}

async function cellOf(
  bundle: TestBundle,
  linked: readonly LinkedMember[],
  changes: Partial<Assignment> = {},
): Promise<Peer> {
  const peer = await Peer.start();
  peers.push(peer);
  const made = assignmentOfSeveral({ bundle, links: [to(1)] }, linked, changes);
  await peer.load(made.assignment, made.bundle);
  return peer;
}

/** An entry over one provider. */
async function pair(
  ofEntry: EntryParts,
  ofProvider: ProviderParts = {},
  changes: Partial<Assignment> = {},
): Promise<Peer> {
  const taxes = await bundleOf(await provider(ofProvider));
  return cellOf(await entryBundle(ofEntry), [{ key: 'shop/tax', bundle: taxes }], changes);
}

const numberOf = ({ body }: Answer): number => Number(body.toString());

describe('a link inside a process', () => {
  test('calls the export of the other member, each with its own memory', async () => {
    const peer = await pair({ answer: '(call $rate (local.get $path))' });
    for (const digit of [1, 2, 7]) expect(numberOf(await peer.ask(digit, { path: `/${digit}` }))).toBe(100 + digit);
  });

  test('of a later compatible version is called by the name that the provider gives it', async () => {
    const taxes = await bundleOf(await provider({ version: '0.2.9' }));
    const bundle = await entryBundle({ answer: '(call $rate (local.get $path))' });
    const peer = await Peer.start();
    peers.push(peer);
    const made = assignmentOfSeveral({ bundle, links: [to(1, '0.2.9')] }, [{ key: 'shop/tax', bundle: taxes }]);
    await peer.load(made.assignment, made.bundle);
    expect(numberOf(await peer.ask(1, { path: '/5' }))).toBe(105);
  });

  test('an err is an answer: the caller sees it, and the instance goes on', async () => {
    // 1000 × case + value, or the length of the error's text.
    const answer = `(block (result i32) (call $check (local.get $path) (i32.const 256))
      (i32.add (i32.mul (i32.load8_u (i32.const 256)) (i32.const 1000))
        (select (i32.load (i32.const 264)) (i32.load (i32.const 260)) (i32.load8_u (i32.const 256)))))`;
    const peer = await pair({ answer });
    expect(numberOf(await peer.ask(1, { path: '/6' }))).toBe(6);
    expect(numberOf(await peer.ask(2, { path: '/0' }))).toBe(1000 + 'no rate'.length);
    expect(numberOf(await peer.ask(3, { path: '/3' }))).toBe(3);
  });

  test('a variant whose cases are named ok and err is no result', async () => {
    const answer = `(block (result i32) (call $odd (local.get $path) (i32.const 256))
      (i32.add (i32.mul (i32.load8_u (i32.const 256)) (i32.const 10)) (i32.load (i32.const 260))))`;
    const peer = await pair({ answer });
    expect(numberOf(await peer.ask(1, { path: '/4' }))).toBe(4);
    expect(numberOf(await peer.ask(2, { path: '/7' }))).toBe(17);
  });

  test('neither is one within a result, on either side of it', async () => {
    const answer = `(block (result i32) (call $odd-result (local.get $path) (i32.const 256))
      (i32.add (i32.mul (i32.load8_u (i32.const 256)) (i32.const 100))
        (i32.add (i32.mul (i32.load8_u (i32.const 260)) (i32.const 10)) (i32.load (i32.const 264)))))`;
    const peer = await pair({ answer });
    for (const digit of [0, 1, 2, 3]) {
      const expected = (digit & 1) * 100 + (digit >> 1) * 10 + digit;
      expect(numberOf(await peer.ask(digit + 1, { path: `/${digit}` }))).toBe(expected);
    }
  });
});

describe('an instance of a cell', () => {
  const COUNT = { rate: '(global.get $calls)' };

  test('holds each member once: a pooled one counts on, a new one per request does not', async () => {
    const ofEntry = {
      answer: '(i32.add (call $rate (i32.const 0)) (i32.mul (i32.const 10) (call $rate (i32.const 0))))',
    };
    const pooled = await pair(ofEntry, COUNT);
    expect(numberOf(await pooled.ask(1))).toBe(21);
    expect(numberOf(await pooled.ask(2))).toBe(43);
    const single = await pair(ofEntry, COUNT, { instancePolicy: 'PerRequest' });
    expect(numberOf(await single.ask(1))).toBe(21);
    expect(numberOf(await single.ask(2))).toBe(21);
  });

  test('a trap in a provider is a trap of the call, names the member, and discards the caller with it', async () => {
    const answer = '(i32.add (global.get $seen) (call $rate (local.get $path)))';
    const functions = '(global $seen (mut i32) (i32.const 0))';
    const count = `(block (result i32) (global.set $seen (i32.add (global.get $seen) (i32.const 100))) ${answer})`;
    const rate = '(if (i32.eqz (local.get $region)) (then unreachable)) (local.get $region)';
    const peer = await pair({ answer: count, functions }, { rate });
    expect(numberOf(await peer.ask(1, { path: '/1' }))).toBe(101);
    expect(numberOf(await peer.ask(2, { path: '/1' }))).toBe(201);
    const trapped = await peer.ask(3, { path: '/0' });
    expect(trapped).toMatchObject({ status: undefined, outcome: 'Trap' });
    expect(trapped.text).toContain(`in shop/tax, ${RATES}#rate`);
    expect(trapped.text).toContain('unreachable');
    // As new: the counter of the entry, which did not trap itself, begins again.
    expect(numberOf(await peer.ask(4, { path: '/1' }))).toBe(101);
  });

  test('a provider over its memory limit ends the instance, by its own limit', async () => {
    const rate = '(drop (memory.grow (i32.const 2))) (local.get $region)';
    const taxes = await bundleOf(await provider({ rate }));
    const bundle = await entryBundle({ answer: '(call $rate (local.get $path))' });
    const peer = await Peer.start();
    peers.push(peer);
    const made = assignmentOfSeveral({ bundle, links: [to(1)] }, [{ key: 'shop/tax', bundle: taxes }]);
    const linked = made.assignment.linked!.map((member) => ({ ...member, memoryBytes: 3 * 65_536 }));
    await peer.load({ ...made.assignment, linked }, made.bundle);
    expect(numberOf(await peer.ask(1, { path: '/1' }))).toBe(1);
    expect(numberOf(await peer.ask(2, { path: '/2' }))).toBe(2);
    expect(peer.log(3)).toContain(
      'instance discarded: HostTrap: shop/tax: 327680 bytes of memory, the limit is 196608',
    );
  });

  test('a member that two others link is one to both', async () => {
    // The middle one adds what the shared one says; the entry asks the middle and the shared one.
    const shared = await bundleOf(await provider(COUNT));
    const middle = await bundleOf(
      await provider({
        imports: `(import "${RATES}" "rate" (func $below (param i32) (result i32)))`,
        world: 'import rates;',
        rate: '(i32.mul (i32.const 10) (call $below (local.get $region)))',
      }),
      { links: [RATES] },
    );
    const bundle = await entryBundle({ answer: '(call $rate (local.get $path))' });
    const peer = await Peer.start();
    peers.push(peer);
    const made = assignmentOfSeveral({ bundle, links: [to(1)] }, [
      { key: 'shop/middle', bundle: middle, links: [to(2)] },
      { key: 'shop/tax', bundle: shared },
    ]);
    await peer.load(made.assignment, made.bundle);
    expect(numberOf(await peer.ask(1))).toBe(10);
    expect(numberOf(await peer.ask(2))).toBe(20);
  });

  test('links in a circle load nothing', async () => {
    const taxes = await bundleOf(await provider());
    const bundle = await entryBundle({ answer: '(call $rate (local.get $path))' });
    const peer = await Peer.start();
    peers.push(peer);
    const made = assignmentOfSeveral({ bundle, links: [to(1)] }, [{ key: 'shop/tax', bundle: taxes, links: [to(0)] }]);
    expect(await peer.loadFailure(made.assignment, made.bundle)).toContain('links that lead in a circle');
  });
});

/** A provider that sleeps for as many milliseconds as it is asked for. */
const SLEEPER: ProviderParts = {
  imports: `(import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $sleep (param i64) (result i32)))
    (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))
    (import "wasi:io/poll@0.2.12" "[resource-drop]pollable" (func $drop (param i32)))`,
  world: 'import wasi:io/poll@0.2.12; import wasi:clocks/monotonic-clock@0.2.12;',
  functions: `(func $rest (param $ms i32) (local $pollable i32)
    (local.set $pollable (call $sleep (i64.mul (i64.extend_i32_u (local.get $ms)) (i64.const 1000000))))
    (call $block (local.get $pollable)) (call $drop (local.get $pollable)))`,
};

describe('a provider that can block', () => {
  const BLOCKING = [`${RATES}#rate`, `${RATES}#check`];
  const PATH_TENS = '(call $rate (i32.mul (local.get $path) (i32.const 50)))';

  async function sleeping(rate: string, answer = PATH_TENS, changes: Partial<Assignment> = {}): Promise<Peer> {
    const taxes = await bundleOf(await provider({ ...SLEEPER, rate }));
    expect(taxes.blockingExports).toContain(`${RATES}#rate`);
    const bundle = await entryBundle({ answer }, BLOCKING);
    expect(bundle.blockingExports).toContain('headway:http/handler@0.1.0#handle');
    return cellOf(bundle, [{ key: 'shop/tax', bundle: taxes }], changes);
  }
  const REST = '(call $rest (local.get $region)) (local.get $region)';

  test('suspends its caller, while other calls run on instances of their own', async () => {
    const peer = await sleeping(REST, '(call $rate (i32.mul (local.get $path) (i32.const 500)))');
    const startMs = performance.now();
    const from = peer.frames.length;
    for (const id of [1, 2, 3, 4]) peer.send(id, { path: `/${5 - id}` });
    const answers = await Promise.all([1, 2, 3, 4].map((id) => peer.answer(id, from)));
    expect(answers.map(numberOf)).toEqual([2_000, 1_500, 1_000, 500]);
    // One after the other they would take five seconds.
    expect(performance.now() - startMs).toBeLessThan(4_500);
    const order = peer.frames.slice(from).filter((frame) => frame.type === FromCell.Response);
    expect(order.map((frame) => frame.id)).toEqual([4, 3, 2, 1]);
  });

  test('a deadline ends both, at once, and the next call gets another instance', async () => {
    const peer = await sleeping(REST, '(call $rate (i32.mul (local.get $path) (i32.const 10000)))');
    const from = peer.frames.length;
    peer.send(1, { path: '/9' });
    await new Promise((resolve) => setTimeout(resolve, 30));
    peer.cancel(1, Abort.Deadline);
    const startMs = performance.now();
    expect((await peer.answer(1, from)).outcome).toBe('Deadline');
    // Of the ninety seconds that it would sleep.
    expect(performance.now() - startMs).toBeLessThan(30_000);
    expect(numberOf(await peer.ask(2, { path: '/0' }))).toBe(0);
  });

  test('is not called while an instance is being made', async () => {
    const taxes = await bundleOf(await provider({ ...SLEEPER, rate: REST }));
    const start = '(drop (call $rate (i32.const 1)))';
    const bundle = await entryBundle({ answer: '(i32.const 1)', start }, BLOCKING);
    const peer = await Peer.start();
    peers.push(peer);
    const made = assignmentOfSeveral({ bundle, links: [to(1)] }, [{ key: 'shop/tax', bundle: taxes }]);
    expect(await peer.loadFailure(made.assignment, made.bundle)).toContain('cannot block');
  });

  test('has functions that cannot all the same: they are called at once, also while an instance is being made', async () => {
    const check = `(call $rest (local.get $region)) (i32.store8 (i32.const 80) (i32.const 0))
      (i32.store (i32.const 84) (local.get $region)) (i32.const 80)`;
    const taxes = await bundleOf(await provider({ ...SLEEPER, check }));
    expect(taxes.blockingExports).toEqual([`${RATES}#check`]);
    const parts = {
      functions: '(global $seen (mut i32) (i32.const 0))',
      start: '(global.set $seen (call $rate (i32.const 3)))',
      answer: `(block (result i32) (call $check (i32.mul (local.get $path) (i32.const 50)) (i32.const 256))
        (i32.add (global.get $seen) (i32.load (i32.const 260))))`,
    };
    const bundle = await entryBundle(parts, taxes.blockingExports);
    expect(bundle.blockingExports).toEqual(['headway:http/handler@0.1.0#handle']);
    const peer = await cellOf(bundle, [{ key: 'shop/tax', bundle: taxes }]);
    const startMs = performance.now();
    expect(numberOf(await peer.ask(1, { path: '/2' }))).toBe(203);
    expect(performance.now() - startMs).toBeGreaterThan(95);
  });

  test('is not called by a caller whose bindings do not know that it can', async () => {
    const taxes = await bundleOf(await provider({ ...SLEEPER, rate: REST }));
    const bundle = await entryBundle({ answer: PATH_TENS });
    const peer = await cellOf(bundle, [{ key: 'shop/tax', bundle: taxes }]);
    const answer = await peer.ask(1, { path: '/1' });
    expect(answer.outcome).toBe('Trap');
    expect(answer.text).toContain('can wait, and is called from where nothing can');
  });

  test('that traps after it waited ends the call as a trap that names it', async () => {
    const rate = '(call $rest (local.get $region)) (if (local.get $region) (then unreachable)) (local.get $region)';
    const peer = await sleeping(rate);
    expect(numberOf(await peer.ask(1, { path: '/0' }))).toBe(0);
    const trapped = await peer.ask(2, { path: '/1' });
    expect(trapped.outcome).toBe('Trap');
    expect(trapped.text).toContain('in shop/tax');
    expect(numberOf(await peer.ask(3, { path: '/0' }))).toBe(0);
  });
});

describe('what members say', () => {
  test('goes out under their own position, within rates of their own', async () => {
    const taxes = await bundleOf(
      await provider({
        imports: `(import "wasi:cli/stdout@0.2.12" "get-stdout" (func $stdout (result i32)))
          (import "wasi:io/streams@0.2.12" "[method]output-stream.check-write" (func $room (param i32 i32)))
          (import "wasi:io/streams@0.2.12" "[method]output-stream.write" (func $write (param i32 i32 i32 i32)))
          (import "wasi:io/streams@0.2.12" "[resource-drop]output-stream" (func $close (param i32)))`,
        world: 'import wasi:cli/stdout@0.2.12; import wasi:io/streams@0.2.12;',
        rate: `(global.set $out (call $stdout))
          (call $room (global.get $out) (i32.const 200))
          (call $write (global.get $out) (i32.const 48) (i32.const 7) (i32.const 200))
          (call $close (global.get $out)) (local.get $region)`,
        functions: '(global $out (mut i32) (i32.const 0))',
      }),
    );
    const bundle = await entryBundle({ answer: '(call $rate (local.get $path))' });
    const peer = await cellOf(bundle, [{ key: 'shop/tax', bundle: taxes }], { instancePolicy: 'PerRequest' });
    await peer.ask(1, { path: '/1' });
    const { payload } = await peer.frame(FromCell.Log, 0);
    expect([...payload.subarray(0, 2)]).toEqual([1, 1]);
    expect(payload.toString('utf8', LOG_HEAD_BYTES)).toBe('no rate');
  });
});

test('what a member asks of the broker is on record as its own', async () => {
  const STORE = 'wasi:keyvalue/store@0.2.0-draft2';
  const taxes = await bundleOf(
    await provider({
      imports: `(import "${STORE}" "open" (func $open (param i32 i32 i32)))`,
      world: `import ${STORE};`,
      packages: `package wasi:keyvalue@0.2.0-draft2 { interface store {
        variant error { no-such-store, access-denied, other(string) }
        resource bucket {}
        open: func(identifier: string) -> result<bucket, error>;
      } }`,
      // "rate" of the text at 48.
      rate: `(call $open (i32.const 51) (i32.const 4) (i32.const 256)) (i32.load8_u (i32.const 256))`,
    }),
  );
  const bundle = await entryBundle({ answer: '(call $rate (local.get $path))' }, taxes.blockingExports);
  const peer = await cellOf(bundle, [{ key: 'shop/tax', bundle: taxes }]);
  const broker = new TestBroker();
  attachBroker(broker, peer, {
    component: 'shop/cart',
    members: ['shop/cart', 'shop/tax'],
    grants: [],
    concurrency: 1,
  });
  expect(numberOf(await peer.ask(1, { path: '/1' }))).toBe(1);
  const records = broker.broker.drain(true);
  broker.close();
  expect(records).toMatchObject([
    { component: 'shop/tax', group: 'shop/cart@1', outcome: 'Denied', asked: 'open rate' },
  ]);
});
