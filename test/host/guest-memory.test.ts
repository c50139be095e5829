/**
 * What a guest may fill and what it may not: all of its own memory in each call, whatever V8 collects when; not the process, by tables
 * or by what the runtime keeps for it. Then it loses its process, which is told, and its neighbour does not notice.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LOST } from '../../src/wire/cell-caller.ts';
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
const TABLES = Array.from({ length: 60 }, (_, index) => `$table${index}`);
/** As many elements as each may have. */
const GROW_TABLES = TABLES.map((table) => `(drop (table.grow ${table} (ref.null func) (i32.const 99999)))`).join(' ');
/** Headers of 60,000 bytes each, which stand in the heap of the process: more of them than that has room for. */
const HOARD = `(memory.fill (i32.const 65536) (i32.const 97) (i32.const 60000))
  (loop $again
    (call $fields_append (local.tee $fields (call $fields))
      (i32.const 24) (i32.const 3) (i32.const 65536) (i32.const 60000) (i32.const 64))
    (br $again))`;
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
    host.limits.length = 0;
    for (let call = 0; call < CALLS; call += together) {
      const answers = await Promise.all(Array.from({ length: together }, () => get(caller, '/', 30_000)));
      for (const answer of answers) expect(answer).toMatchObject({ end: Outcome.Ok, status: 200 });
    }
    expect(host.limits).toEqual([]);
  });

  it.each([
    { what: 'tables', handle: GROW_TABLES, functions: TABLES.map((table) => `(table ${table} 1 funcref)`).join(' ') },
    { what: 'headers', handle: HOARD, functions: '' },
  ])('a guest that fills the process by $what loses that, and nothing else', async ({ what, handle, functions }) => {
    const parts = { handle: `${handle} ${ANSWER}`, functions };
    const [bad, good] = [await guest(parts), await guest({ handle: ANSWER })];
    const started = async (name: string, component: Uint8Array): Promise<string> => {
      const group = `shop/${isolation.toLowerCase()}-${what}-${name}@b0b0c3d4e5f6` as const;
      const bundle = storedBundle(await bundleOf(component), host.storeFolder);
      const limits = { memoryBytes: 2 * MIB, concurrency: 4, handles: 1_000_000 };
      await host.ready(group, cellOf(bundle, { isolation, group, instancePolicy: 'PerRequest', limits }));
      return group;
    };
    const [eater, neighbour] = [await started('eater', bad), await started('neighbour', good)];
    const callerOf = (group: string) => host.readyOf(group as `shop/x@b0b0c3d4e5f6`)[0]!;
    host.limits.length = 0;
    expect(await get(callerOf(eater), '/', 30_000)).toMatchObject({ end: LOST });
    expect(await host.ended(eater)).toMatchObject({ end: 'LimitExceeded', problem: { code: 'HW4109' } });
    expect(host.limits).toEqual([['processMemory', 1]]);
    expect(await get(callerOf(neighbour), '/')).toMatchObject({ end: Outcome.Ok, status: 200 });
    expect(host.replica(neighbour).phase).toBe('Ready');
  });
});
