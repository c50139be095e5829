/** A guest that fills all the memory that it may have, and is replaced after each call, keeps its process, whatever V8 collects when. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Outcome } from '../../src/wire/frames.ts';
import { bundleOf } from '../cell/kit/bundle.ts';
import { ANSWER, guest } from '../cell/kit/guest.ts';
import { storedBundle } from '../escape/kit.ts';
import { cellOf, get, MIB, RunningHost } from './running.ts';

const PAGES = 1_024;
const PAGE_BYTES = 65_536;
const CALLS = 24;
/** Traps where it does not get what is its own. The memory begins with two pages. */
const FILL = `(if (i32.eq (memory.grow (i32.const ${PAGES - 2})) (i32.const -1)) (then unreachable))
  (memory.fill (i32.const ${PAGE_BYTES}) (i32.const 1) (i32.const ${(PAGES - 1) * PAGE_BYTES}))`;
const WAIT = '(call $block (call $sleep (i64.const 1000000)))';

let host: RunningHost;
beforeAll(() => {
  host = new RunningHost({ poolSize: 0 });
});
afterAll(() => host.stop());

describe.each(['Strict', 'Process'] as const)('as %s', (isolation) => {
  it.each([
    { what: 'never waits', handle: `${FILL} ${ANSWER}`, together: 1 },
    { what: 'waits', handle: `${FILL} ${WAIT} ${ANSWER}`, together: 1 },
    { what: 'waits, three at a time,', handle: `${FILL} ${WAIT} ${ANSWER}`, together: 3 },
  ])('a guest that $what has all of its memory in each call', async ({ what, handle, together }) => {
    const bundle = storedBundle(await bundleOf(await guest({ handle })), host.storeFolder);
    const id = `${isolation}: ${what}`;
    const group = `shop/${isolation.toLowerCase()}-${what.replaceAll(/\W+/g, '-')}0@b0b0c3d4e5f6` as const;
    const limits = { memoryBytes: PAGES * PAGE_BYTES, concurrency: together };
    expect(limits.memoryBytes).toBe(64 * MIB);
    await host.ready(id, cellOf(bundle, { isolation, group, instancePolicy: 'PerRequest', limits }));
    const caller = host.readyOf(group)[0]!;
    for (let call = 0; call < CALLS; call += together) {
      const answers = await Promise.all(Array.from({ length: together }, () => get(caller, '/', 30_000)));
      for (const answer of answers) expect(answer).toMatchObject({ end: Outcome.Ok, status: 200 });
    }
    expect(host.limits).toEqual([]);
  });
});
