/** Uses of grants on their way to the audit: nothing is forgotten before it is written, whoever ends when. */
import { describe, expect, it } from 'vitest';
import { RecordQueue, MAX_RECORDS } from '../../src/host/record-queue.ts';
import { err, ok } from '../../src/kit/result.ts';
import type { AccessRecord } from '../../src/model/audit.ts';
import { problem } from '../../src/model/problem.ts';
import { createAccess, type Access } from '../../src/reconcile/access.ts';
import { keepingLog } from '../support/log.ts';

function record(asked: string): AccessRecord {
  return {
    atWallMs: 0,
    component: 'shop/a',
    group: 'shop/a@1',
    capability: 'keyValue',
    grant: 'g',
    outcome: 'Allowed',
    asked,
    why: '',
    count: 1,
  };
}

class World {
  queue = new RecordQueue();
  readonly written: string[] = [];
  readonly taken: string[] = [];
  lost = 0;
  linkDown = false;
  diskFull = false;

  control(): Access {
    return createAccess(
      { records: async (after) => (this.linkDown ? err(problem('HW4120', 'down')) : ok(this.queue.take(after))) },
      {
        record: (records) => {
          if (this.diskFull) return err(problem('HW2006', 'full'));
          this.written.push(...records.map(({ asked }) => asked));
          return ok(undefined);
        },
        lost: (count) => {
          this.lost += count;
          return ok(undefined);
        },
      },
      keepingLog().log,
      (records) => this.taken.push(...records.map(({ asked }) => asked)),
    );
  }
}

describe('records', () => {
  it('are written in order, once, page by page', async () => {
    const world = new World();
    const access = world.control();
    const all = Array.from({ length: 2_500 }, (_, index) => `use ${index}`);
    world.queue.add(all.map(record));
    access.look('e1');
    await access.idle();
    world.queue.add([record('one more')]);
    access.look('e1');
    access.look('e1');
    await access.idle();
    expect(world.written).toEqual([...all, 'one more']);
    expect(world.taken).toEqual(world.written);
    expect(world.queue.take(2_501)).toEqual({ last: 2_501, records: [], lost: 0 });
  });

  it('stay with the engine while they cannot be written or the link is down', async () => {
    const world = new World();
    const access = world.control();
    world.queue.add([record('a')]);
    world.diskFull = true;
    access.look('e1');
    await access.idle();
    expect(world.taken).toEqual([]);
    world.diskFull = false;
    world.linkDown = true;
    access.look('e1');
    await access.idle();
    expect(world.written).toEqual([]);
    world.linkDown = false;
    access.look('e1');
    await access.idle();
    expect(world.written).toEqual(['a']);
  });

  it('are asked for by the next control, and by number from one of another engine', async () => {
    const world = new World();
    const first = world.control();
    world.queue.add([record('a')]);
    first.look('e1');
    await first.idle();
    world.queue.add([record('b')]);
    const second = world.control();
    second.look('e1');
    await second.idle();
    expect(world.written).toEqual(['a', 'b']);
    world.queue = new RecordQueue();
    world.queue.add([record('c')]);
    second.look('e2');
    await second.idle();
    expect(world.written).toEqual(['a', 'b', 'c']);
  });

  it(`beyond ${MAX_RECORDS} that nobody takes are counted as lost, once`, async () => {
    const world = new World();
    world.queue.add(Array.from({ length: MAX_RECORDS }, () => record('old')));
    expect(world.queue.take(0).lost).toBe(0);
    world.queue.add([{ ...record('new'), count: 3 }, record('newer')]);
    expect(world.queue.take(0).lost).toBe(2);
    const access = world.control();
    access.look('e1');
    await access.idle();
    access.look('e1');
    await access.idle();
    expect(world.lost).toBe(2);
    expect(world.written).toHaveLength(MAX_RECORDS);
  });
});
