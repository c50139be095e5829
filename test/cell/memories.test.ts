/** A memory that instances have one after the other: a new one to each, whatever was written before. */
import { describe, expect, test } from 'vitest';
import { MAX_SPARE_MEMORIES, Memories, PAGE_BYTES } from '../../src/cell/memories.ts';
import { assignmentOf, bundleOf } from './kit/bundle.ts';
import { ANSWER, guest, TEXT } from './kit/guest.ts';
import { Peer } from './kit/peer.ts';

const SHAPE = { initial: 2, maximum: 5 };

describe('memories that are used again', () => {
  test('a memory that is given back is the next one, and every byte of it is zero', () => {
    const memories = new Memories(SHAPE);
    const memory = memories.take();
    new Uint8Array(memory.buffer).fill(0xff);
    memories.giveBack(memory);
    expect(memories.take()).toBe(memory);
    expect(memory.buffer.byteLength).toBe(SHAPE.initial * PAGE_BYTES);
    expect(new Uint8Array(memory.buffer).every((byte) => byte === 0)).toBe(true);
  });

  test('it has one user: while one has it, another gets another', () => {
    const memories = new Memories(SHAPE);
    memories.giveBack(memories.take());
    expect(memories.take()).not.toBe(memories.take());
  });

  test('one that has grown is nobody else’s', () => {
    const memories = new Memories(SHAPE);
    const memory = memories.take();
    (memory as unknown as { grow(pages: number): number }).grow(1);
    expect(memories.giveBack(memory)).toBe(false);
    expect(memories.take()).not.toBe(memory);
  });

  test(`${MAX_SPARE_MEMORIES} wait, and one more does not`, () => {
    const memories = new Memories(SHAPE);
    const first = Array.from({ length: MAX_SPARE_MEMORIES + 1 }, () => memories.take());
    expect(first.map((memory) => memories.giveBack(memory))).toEqual([...first.slice(1).map(() => true), false]);
    const next = first.map(() => memories.take());
    expect(next.filter((memory) => first.includes(memory))).toHaveLength(MAX_SPARE_MEMORIES);
  });
});

/** Answers with 200 and what it finds at its first look: of bytes that nobody wrote, of its text, of its size. */
async function looking(write: string): Promise<Peer> {
  const find = `(local.set $n (i32.add (i32.const 200) (i32.add
    (i32.or (i32.load8_u (i32.const 50000)) (i32.load8_u (i32.const 131071))) (i32.sub (memory.size) (i32.const 2)))))`;
  const handle = `${find} ${TEXT.respond} (drop (call $set_status (local.get $response) (local.get $n)))
    ${TEXT.openBody} ${TEXT.hello} ${TEXT.closeBody} ${TEXT.set} ${write}`;
  const bundle = await bundleOf(await guest({ handle, memory: '2 8' }));
  const peer = await Peer.start();
  await peer.load(assignmentOf(bundle, { instancePolicy: 'PerRequest' }), bundle);
  return peer;
}

describe('an instance for each request', () => {
  test.each([
    ['bytes far from its data', '(i32.store8 (i32.const 50000) (i32.const 7))'],
    ['the last byte', '(i32.store8 (i32.const 131071) (i32.const 7))'],
    ['its data', '(i32.store (i32.const 16) (i32.const 0x58585858))'],
    ['all of it', '(memory.fill (i32.const 0) (i32.const 0xff) (i32.const 131072))'],
    [
      'more than it had',
      '(drop (memory.grow (i32.const 3))) (memory.fill (i32.const 0) (i32.const 9) (i32.const 300000))',
    ],
    ['something before it trapped', '(i32.store8 (i32.const 50000) (i32.const 7)) unreachable', ''],
  ])('finds a new memory where the one before wrote %s', async (_what, write, text = 'hello') => {
    const peer = await looking(write);
    for (let request = 1; request <= 2 * MAX_SPARE_MEMORIES; request++) {
      const { status, body } = await peer.ask(1);
      expect([status, body.toString()]).toEqual([200, text]);
    }
    await peer.close();
  });

  test('finds a new memory beside those that wait, and after calls that were ended while they waited', async () => {
    const bundle = await bundleOf(
      await guest({
        handle: `(if (i32.load8_u (i32.const 50000)) (then unreachable)) (i32.store8 (i32.const 50000) (i32.const 1))
          (call $path (local.get $req) (i32.const 64))
          (if (i32.gt_u (i32.load (i32.const 72)) (i32.const 1))
            (then (call $block (call $sleep (i64.const 600000000000))))) ${ANSWER}`,
      }),
    );
    const peer = await Peer.start();
    await peer.load(assignmentOf(bundle, { instancePolicy: 'PerRequest' }), bundle);
    for (let round = 0; round < 3; round++) {
      const from = peer.frames.length;
      peer.send(1, { path: '/waits' });
      peer.send(2, { path: '/waits' });
      for (let request = 0; request < 3; request++) expect((await peer.ask(3)).outcome).toBe('Ok');
      peer.cancel(1);
      peer.cancel(2);
      expect([(await peer.answer(1, from)).outcome, (await peer.answer(2, from)).outcome]).toEqual([
        'Deadline',
        'Deadline',
      ]);
      for (let request = 0; request < 3; request++) expect((await peer.ask(3)).outcome).toBe('Ok');
    }
    await peer.close();
  });
});
