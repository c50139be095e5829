import { describe, expect, it } from 'vitest';
import { problem } from '../../../src/model/problem.ts';
import { MAX_CATCH_UP_MS } from '../../../src/reconcile/engines/engines.ts';
import { cell, EnginesWorld, GROUP, samples, snapshotOf } from './world.ts';

const ID = `${GROUP}#1`;

/** Both serve generation 1 with one ready replica. */
async function serving(): Promise<EnginesWorld> {
  const world = new EnginesWorld();
  await world.look();
  await world.engine.start(ID, cell());
  for (const engine of [world.first, world.second]) engine.becomes(ID, 'Ready');
  await world.look();
  expect(await world.engine.publish(snapshotOf(1))).toEqual({ ok: true, value: { generation: 1 } });
  await world.look();
  return world;
}

describe('several engines', () => {
  it('a snapshot is in force when each has acknowledged it', async () => {
    const world = await serving();
    world.second.isAway = true;
    const published = await world.engine.publish(snapshotOf(2));
    expect(published).toMatchObject({ ok: false, error: { code: 'HW4131', policy: 'Waiting' } });
    expect(world.first.inForce?.generation).toBe(2);
    expect((await world.look()).generation).toBe(1);
    world.second.isAway = false;
    expect((await world.look()).generation).toBe(1);
    expect(await world.engine.publish(snapshotOf(2))).toMatchObject({ ok: true });
    expect((await world.look()).generation).toBe(2);
  });

  it('one that comes back is given the replicas, and the snapshot when they are ready', async () => {
    const world = await serving();
    world.second.restart();
    expect(await world.phases()).toEqual({ [ID]: 'Ready' });
    expect([world.second.replicas.get(ID)?.phase, world.second.inForce]).toEqual(['Starting', undefined]);
    // What is decided meanwhile needs it for nothing.
    await world.engine.publish(snapshotOf(2));
    expect((await world.look()).generation).toBe(2);
    expect(world.second.inForce).toBeUndefined();
    world.second.becomes(ID, 'Ready');
    await world.look();
    expect(world.second.inForce?.generation).toBe(2);
    expect((await world.look()).engines?.map(({ state }) => state)).toEqual(['Serving', 'Serving']);
  });

  it('one that comes back gets the snapshot after a while, however far its replicas are', async () => {
    const world = await serving();
    world.second.restart();
    await world.look();
    world.nowMs = MAX_CATCH_UP_MS - 1;
    await world.look();
    expect(world.second.inForce).toBeUndefined();
    world.nowMs = MAX_CATCH_UP_MS;
    await world.look();
    expect(world.second.inForce?.generation).toBe(1);
  });

  it('a process that was not looked at is never published to', async () => {
    const world = await serving();
    world.second.restart();
    expect(await world.engine.publish(snapshotOf(2))).toMatchObject({ ok: false, error: { code: 'HW4131' } });
    expect(world.second.inForce).toBeUndefined();
  });

  it('counts only grow within an epoch: what one had counted when it ended stays in the sum', async () => {
    const world = await serving();
    world.first.samples = [samples('one', 10)];
    world.second.samples = [samples('one', 7)];
    const before = await world.look();
    const counted = async () => (await world.look()).samples[0]?.traffic.requests;
    const sum = await counted();
    world.second.restart();
    world.second.samples = [samples('one', 1)];
    const after = await world.look();
    expect([sum, after.samples[0]?.traffic.requests, after.epoch]).toEqual([17, 18, before.epoch]);
    // Another control that finds the same processes goes on with the same sum.
    world.control();
    expect([await counted(), (await world.look()).epoch]).toEqual([18, before.epoch]);
  });

  it('a new first engine is a new epoch, in which counting begins anew', async () => {
    const world = await serving();
    world.second.samples = [samples('one', 7)];
    const before = await world.look();
    world.first.restart();
    const after = await world.look();
    expect(after.epoch).not.toBe(before.epoch);
    expect(after.samples[0]?.traffic.requests).toBe(0);
    world.second.samples = [samples('one', 9)];
    expect((await world.look()).samples[0]?.traffic.requests).toBe(2);
  });

  it('what one that ended had counted, and nobody saw, is a new epoch as well', async () => {
    const world = await serving();
    const before = await world.look();
    world.control();
    world.second.restart();
    expect((await world.look()).epoch).not.toBe(before.epoch);
  });

  it('a replica that dies on one is dead; its twin serves until another is ready beside it', async () => {
    const world = await serving();
    world.second.becomes(ID, 'Ended', { end: 'Crashed' });
    expect(await world.phases()).toEqual({ [ID]: 'Ended' });
    await world.engine.forget([ID]);
    expect(await world.phases()).toEqual({});
    expect([world.first.replicas.get(ID)?.phase, world.second.replicas.has(ID)]).toEqual(['Ready', false]);
    const next = `${GROUP}#2`;
    await world.engine.start(next, cell());
    // Another control must not take the twin for what was asked for.
    world.control();
    expect(await world.phases()).toEqual({ [next]: 'Starting' });
    expect(world.first.stopped).toEqual([]);
    for (const engine of [world.first, world.second]) engine.becomes(next, 'Ready');
    expect(await world.phases()).toEqual({ [next]: 'Ready' });
    expect([world.first.stopped, world.second.stopped]).toEqual([[ID], []]);
    await world.look();
    await world.look();
    expect([world.first.replicas.has(ID), world.remembered?.orphans]).toEqual([false, []]);
  });

  it('a start that one refuses is refused, says whose numbers, and leaves nothing behind', async () => {
    const world = await serving();
    world.second.refuses = problem('HW4101', 'it needs 2 GiB');
    const next = `${GROUP}#2`;
    expect(await world.engine.start(next, cell())).toMatchObject({
      ok: false,
      error: { code: 'HW4101', message: 'engine 2 of 2: it needs 2 GiB', policy: 'Waiting' },
    });
    expect(await world.phases()).toEqual({ [ID]: 'Ready' });
    await world.look();
    expect([...world.first.replicas.keys()]).toEqual([ID]);
  });

  it('nothing is known while the first is away, or while one was never seen', async () => {
    const world = new EnginesWorld();
    world.second.isAway = true;
    expect(await world.engine.observe()).toMatchObject({ ok: false, error: { code: 'HW4130' } });
    world.second.isAway = false;
    await world.look();
    world.first.isAway = true;
    expect(await world.engine.observe()).toMatchObject({ ok: false, error: { code: 'HW4120' } });
  });

  it('one that hangs is as one that is away, after a while', async () => {
    const world = await serving();
    expect(world.timers.size).toBe(0);
    world.second.hangs = true;
    const look = world.engine.observe();
    await Promise.resolve();
    await Promise.resolve();
    expect(world.timers.size).toBe(1);
    for (const run of world.timers) run();
    const seen = await look;
    expect(seen.ok && seen.value.engines?.map(({ state }) => state)).toEqual(['Serving', 'Away']);
    const published = world.engine.publish(snapshotOf(2));
    for (const run of world.timers) run();
    expect(await published).toMatchObject({ ok: false, error: { code: 'HW4131' } });
    expect(world.first.inForce?.generation).toBe(2);
  });

  it('uses of grants come once, in one row of numbers, whichever engine saw them', async () => {
    const world = await serving();
    const record = (asked: string) => ({ asked, count: 1 }) as never;
    world.first.records.add([record('a'), record('b')]);
    world.second.records.add([record('c')]);
    const taken = async (after: number) => {
      const page = await world.engine.records(after);
      if (!page.ok) throw new Error(page.error.message);
      return [page.value.last, page.value.records.map(({ asked }) => asked).join('')];
    };
    expect(await taken(0)).toEqual([3, 'abc']);
    expect(await taken(0)).toEqual([3, 'abc']);
    world.second.records.add([record('d')]);
    expect(await taken(2)).toEqual([4, 'cd']);
    world.second.restart();
    world.second.records.add([record('e')]);
    await world.look();
    expect(await taken(4)).toEqual([5, 'e']);
    expect(await taken(5)).toEqual([5, '']);
  });

  it('a Singleton is on the first alone, and the others are told that it is elsewhere', async () => {
    const world = await serving();
    const alone = 'shop/till@r1' as const;
    await world.engine.start(`${alone}#1`, cell(alone, 'Singleton'));
    expect([world.first.replicas.has(`${alone}#1`), world.second.replicas.has(`${alone}#1`)]).toEqual([true, false]);
    world.first.becomes(`${alone}#1`, 'Ready');
    expect((await world.phases())[`${alone}#1`]).toBe('Ready');
    await world.engine.publish(snapshotOf(2, alone));
    expect([world.first.inForce?.elsewhere, world.second.inForce?.elsewhere]).toEqual([undefined, ['shop/till']]);
    expect(await world.engine.inForce()).toMatchObject({ ok: true, value: { generation: 2 } });
  });

  it('one that was away serves on with what has ended meanwhile, until what took its place is ready there too', async () => {
    const world = await serving();
    const next = `${GROUP}#2`;
    world.second.isAway = true;
    await world.engine.start(next, cell());
    await world.look();
    world.first.becomes(next, 'Ready');
    world.first.becomes(ID, 'Ended', { end: 'Stopped' });
    world.second.isAway = false;
    await world.engine.publish(snapshotOf(2));
    await world.look();
    expect(world.second.replicas.get(next)?.phase).toBe('Starting');
    // Requests come to it there before it is ready; what `decide` asked for was not there for anybody.
    expect([world.first.awaited, world.second.awaited]).toEqual([[], [next]]);
    await world.engine.stop(ID, 0);
    expect([world.second.replicas.get(ID)?.phase, world.second.stopped]).toEqual(['Ready', []]);
    world.second.becomes(next, 'Ready');
    await world.look();
    await world.look();
    expect(world.second.stopped).toEqual([ID]);
  });

  it('what it is asked for while it gives no answer is waited for there, if it hears of it in the end', async () => {
    const world = await serving();
    world.second.isAway = true;
    await world.look();
    world.second.isAway = false;
    const next = `${GROUP}#2`;
    await world.engine.start(next, cell());
    expect([world.first.awaited, world.second.awaited]).toEqual([[], [next]]);
  });

  it('two that are stopped at once do not count on each other', async () => {
    const world = await serving();
    const other = `${GROUP}#2`;
    await world.engine.start(other, cell());
    for (const engine of [world.first, world.second]) engine.becomes(other, 'Ready');
    await world.engine.publish(snapshotOf(2));
    await world.look();
    await Promise.all([world.engine.stop(ID, 0), world.engine.stop(other, 0)]);
    expect(world.second.stopped).toEqual([ID]);
    expect(world.second.replicas.get(other)?.phase).toBe('Ready');
  });

  it('under a control that does not know how to start what serves, one that comes back waits for what takes its place', async () => {
    const world = await serving();
    world.control();
    await world.look();
    world.second.restart();
    await world.look();
    await world.look();
    expect(world.second.inForce).toBeUndefined();
    const next = `${GROUP}#2`;
    await world.engine.start(next, cell());
    for (const engine of [world.first, world.second]) engine.becomes(next, 'Ready');
    await world.look();
    expect(world.second.inForce?.generation).toBe(1);
  });
});
