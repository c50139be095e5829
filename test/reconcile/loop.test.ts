import { describe, expect, it } from 'vitest';
import { err } from '../../src/kit/result.ts';
import { TABLE } from '../../src/decide/table.ts';
import { problem } from '../../src/model/problem.ts';
import { Bench, HANGS } from './bench.ts';

const EFFECTS = ['engine.start', 'engine.stop', 'engine.publish', 'engine.forget', 'engine.synthesize'];

async function proven(bench = new Bench()): Promise<Bench> {
  bench.push({ cart: { content: 'good-1' } });
  bench.boot();
  return bench.until(() => bench.isProven('cart'));
}

describe('the loop', () => {
  it('brings a commit from git to traffic, and then does nothing more', async () => {
    const bench = await proven();
    expect(bench.outside.engine.snapshot!.rules[0]!.arms).toHaveLength(1);
    expect(bench.status).toMatchObject({ ready: true, source: { condition: { reason: 'InSync' } } });
    await bench.run(2_000);
    bench.calls.length = 0;
    await bench.run(30_000);
    expect(bench.calls.filter((call) => EFFECTS.includes(call))).toEqual([]);
  });

  it('L2: writes the intent before each effect and the outcome after it', async () => {
    const bench = await proven();
    const order = bench.calls.filter((call) => [...EFFECTS, 'journal.write', 'journal.outcome'].includes(call));
    for (const [index, call] of order.entries()) {
      if (EFFECTS.includes(call)) expect(order.slice(0, index)).toContain('journal.write');
      if (call === 'journal.outcome')
        expect(order.slice(0, index).some((before) => EFFECTS.includes(before))).toBe(true);
    }
    expect(order[0]).toBe('journal.write');
  });

  it('L2: does nothing while the journal cannot be written, and goes on when it can', async () => {
    const bench = new Bench();
    let full = true;
    bench.push({ cart: {} });
    bench.boot((ports) => ({
      journal: {
        ...ports.journal,
        write: (step) => (full ? err(problem('HW5023', 'disk full')) : ports.journal.write(step)),
      },
    }));
    await bench.run(20_000);
    expect(bench.calls.filter((call) => EFFECTS.includes(call))).toEqual([]);
    expect(bench.logged.join('')).toContain('the journal cannot be written');
    full = false;
    await bench.until(() => bench.isProven('cart'));
  });

  it('L3: a rollback waits for no git, no preparation and no start', async () => {
    const bench = await proven();
    let hang = false;
    bench.boot((ports) => ({
      git: { ...ports.git, look: () => (hang ? HANGS : ports.git.look()) },
      components: { ...ports.components, prepare: (member) => (hang ? HANGS : ports.components.prepare(member)) },
      engine: { ...ports.engine, start: (id, cell) => (hang ? HANGS : ports.engine.start(id, cell)) },
    }));
    bench.push({ cart: { content: 'soon-2', strategy: 'Immediate' }, other: { content: 'good-3' } });
    await bench.until(() => bench.serves('cart') === 'soon-2');
    hang = true;
    bench.push({ cart: { content: 'good-9' }, other: { content: 'good-4' } });
    await bench.until(() => bench.serves('cart') === 'good-1');
    expect(bench.outside.engine.snapshot!.rules.find((rule) => rule.entry === 'shop/cart')!.arms).toMatchObject([
      { weight: 100 },
    ]);
  });

  it('L4: serves from the journal while git is gone, and rolls back without a network', async () => {
    const bench = await proven();
    bench.push({ cart: { content: 'soon-2', strategy: 'Immediate' } });
    await bench.until(() => bench.serves('cart') === 'soon-2');
    bench.outside.gitDown = true;
    bench.outside.engine.restart();
    bench.boot();
    await bench.until(() => bench.status.ready);
    expect(bench.status.source.condition).toMatchObject({ status: 'False', reason: 'SourceUnavailable' });
    const { since } = bench.status.source.condition;
    await bench.until(() => bench.serves('cart') === 'good-1');
    expect(bench.status.source.condition.since).toBe(since);
  });

  it('a commit that is accepted in the middle of a round keeps its story for the next one', async () => {
    const bench = await proven();
    const asked = Promise.withResolvers<void>();
    const held = Promise.withResolvers<undefined>();
    bench.boot((ports) => ({
      components: {
        ...ports.components,
        cached: (...args) => (
          asked.resolve(),
          bench.outside.head === first ? held.promise : ports.components.cached(...args)
        ),
      },
    }));
    const first = bench.push({ cart: { content: 'good-1' }, other: { content: 'good-2' } });
    await Promise.all([asked.promise, bench.run(20_000)]);
    const second = bench.push({ cart: { content: 'good-3' } });
    await bench.run(20_000);
    expect(bench.control.desired()?.commit).toBe(second);
    expect(bench.control.memory().commit).not.toBe(second);
    held.resolve(undefined);
    await bench.until(() => bench.serves('cart') === 'good-3');
    expect(bench.status.commits[0]).toMatchObject({ commit: second, subject: `change ${second.slice(0, 4)}` });
  });

  it('a commit that makes a decision throw is refused before it is written down; the one before serves on', async () => {
    const bench = await proven();
    const poisoned = TABLE.map((row) => ({
      ...row,
      when: (context: Parameters<typeof row.when>[0]) => {
        if (context.key === 'shop/poison') throw new Error('a bug');
        return row.when(context);
      },
    }));
    bench.boot(undefined, { table: poisoned });
    bench.push({ cart: { content: 'good-1' }, poison: {} });
    await bench.run(10_000);
    expect(bench.status.source.condition).toMatchObject({
      reason: 'Refused',
      message: expect.stringContaining('a bug'),
    });
    bench.outside.engine.restart();
    bench.boot(undefined, { table: poisoned });
    await bench.until(() => bench.status.ready);
    expect(bench.serves('cart')).toBe('good-1');
    bench.push({ cart: { content: 'good-2' } });
    await bench.until(() => bench.isProven('cart') && bench.serves('cart') === 'good-2');
  });

  it('a port that throws takes nothing down', async () => {
    const bench = await proven();
    let broken = true;
    bench.boot((ports) => ({
      engine: {
        ...ports.engine,
        observe: () => (broken ? Promise.reject(new Error('a bug')) : ports.engine.observe()),
      },
      git: { ...ports.git, look: () => (broken ? Promise.reject(new Error('a bug')) : ports.git.look()) },
    }));
    await bench.run(10_000);
    expect(bench.logged.join('')).toContain('this is a bug');
    broken = false;
    bench.push({ cart: { content: 'good-2' } });
    await bench.until(() => bench.serves('cart') === 'good-2');
  });

  it('what the engine does not take is decided on: no room is Waiting, and nothing is held against it', async () => {
    const bench = await proven();
    let room = false;
    bench.boot((ports) => ({
      engine: {
        ...ports.engine,
        start: (id, cell) =>
          room ? ports.engine.start(id, cell) : Promise.resolve(err(problem('HW4101', '512 MiB of 512 MiB'))),
      },
    }));
    bench.push({ cart: { content: 'good-2' } });
    await bench.until(() => bench.control.memory().entries['shop/cart']!.ends.length > 0);
    expect(bench.control.memory().entries['shop/cart']!.ends[0]).toMatchObject({ kind: 'Waiting', reason: 'Waiting' });
    room = true;
    await bench.until(() => bench.isProven('cart') && bench.serves('cart') === 'good-2');
  });

  it('is not ready while the first deployment is still being made', async () => {
    const bench = new Bench();
    bench.push({ cart: { content: 'good-1' } });
    bench.boot();
    await bench.until(() => {
      if (bench.serves('cart') === undefined) expect(bench.status.ready).toBe(false);
      return bench.status.ready;
    });
    expect(bench.serves('cart')).toBe('good-1');
  });

  it('is ready for the others once the attempt of a component that can never serve has ended', async () => {
    const bench = new Bench();
    bench.push({ cart: { content: 'good-1' }, broken: { content: 'bad-1' } });
    bench.boot();
    await bench.until(() => bench.status.ready);
    expect(bench.control.memory().entries['shop/broken']!.ends).toHaveLength(1);
    expect(bench.serves('cart')).toBe('good-1');
  });
});
