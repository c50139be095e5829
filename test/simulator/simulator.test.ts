/**
 * The whole of control against a world that fails: manifest/, decide/ and reconcile/ as they are, git, engine, disk and
 * time in memory. After every event the promises of docs/design.md §7 are checked; a history that breaks one is shrunk
 * and printed, and its seed plays it again:
 *
 *   HEADWAY_SEED=1234 npx vitest run --config test/vitest.config.ts test/simulator
 */
import { describe, expect, it } from 'vitest';
import { TABLE, type Row } from '../../src/decide/table.ts';
import { seeded } from '../support/seeded.ts';
import type { CellPlan } from '../../src/model/decision.ts';
import { Coverage } from './coverage.ts';
import { EDGES } from './edges.ts';
import { EngineModel, GOOD } from './engine-model.ts';
import { EMPTY_MEMORY } from '../../src/decide/memory.ts';
import type { Desired } from '../../src/model/desired.ts';
import type { CellSpec } from '../../src/model/engine.ts';
import type { FiringOrder } from '../../src/model/firing.ts';
import type { Memory } from '../../src/model/memory.ts';
import type { MemoryParts } from '../../src/model/memory-parts.ts';
import { GrantPromises } from './grant-promises.ts';
import { Promises, singletonsAlone } from './promises.ts';
import { historyOf, printed, withTwoEngines, type History } from './events.ts';
import { shrink } from './shrink.ts';
import { StoresModel } from './stores-model.ts';
import { play } from './simulation.ts';

const FIRST_SEED = Number(process.env['HEADWAY_SEED'] ?? 1);
const HISTORIES = Number(process.env['HEADWAY_HISTORIES'] ?? (process.env['HEADWAY_SEED'] === undefined ? 500 : 1));
/** Histories are split so that one test says how far it came. */
const PER_TEST = 100;

const rows = new Set<number>();
const reasons = new Set<string>();
const coverage = new Coverage();

async function story(history: History, promise: string, table?: readonly Row[]): Promise<string> {
  const short = await shrink(history, promise, table);
  const { broken, log } = await play(short, table);
  return `${broken?.message}\n${printed(short)}\nwhat happened:\n${log.slice(-80).join('\n')}`;
}

describe('histories', () => {
  const tests = Math.ceil(HISTORIES / PER_TEST);
  // oxlint-disable-next-line vitest/expect-expect -- it fails by what `play` reports
  it.each(Array.from({ length: tests }, (_, index) => FIRST_SEED + index * PER_TEST))(
    'keep every promise: from seed %i',
    { timeout: 240_000 },
    async (from) => {
      for (let seed = from; seed < Math.min(from + PER_TEST, FIRST_SEED + HISTORIES); seed++) {
        const history = historyOf(seed, seeded(seed));
        const outcome = await play(history);
        for (const row of outcome.rows) rows.add(row);
        for (const reason of outcome.reasons) reasons.add(reason);
        coverage.merge(outcome.coverage);
        const broken = outcome.broken && (await story(history, outcome.broken.promise));
        expect(broken).toBeUndefined();
      }
    },
  );

  // oxlint-disable-next-line vitest/expect-expect -- it fails by what `play` reports
  it(
    'keep every promise with two engines, of which the second ends and hangs as well',
    { timeout: 240_000 },
    async () => {
      for (let seed = FIRST_SEED; seed < FIRST_SEED + Math.ceil(HISTORIES / 5); seed++) {
        const history = withTwoEngines(historyOf(seed, seeded(seed)));
        const { broken } = await play(history);
        expect(broken && (await story(history, broken.promise))).toBeUndefined();
      }
    },
  );

  it('print what they reached', () => {
    process.stdout.write(
      `\nrows: ${[...rows].sort((one, other) => one - other).join(' ')}\nedges that histories took:\n${coverage.printed()}\n`,
    );
    expect(coverage.edges.size).toBeGreaterThan(0);
  });

  it.skipIf(HISTORIES < 500)('take every edge of a candidate, through each of the four ends', () => {
    expect(EDGES.filter((edge) => !coverage.edges.has(edge))).toEqual([]);
  });

  it.skipIf(HISTORIES < 500)('reach every row of the table and every kind of end', () => {
    expect([...rows].sort((one, other) => one - other)).toEqual(TABLE.map(({ row }) => row));
    for (const reason of [
      'Quarantined',
      'Refused',
      'Inconclusive',
      'SharedOutage',
      'GroupRolledBack',
      'Degraded',
      'Reverted',
      'Proven',
      'FirstDeployment',
      'Starved',
      'ToolchainRegression',
    ]) {
      expect(reasons, reason).toContain(reason);
    }
  });
});

describe('a rule that is broken on purpose', () => {
  const mutants: readonly (readonly [string, string, readonly Row[]])[] = [
    ['quarantine forgotten', 'I3', without(6)],
    [
      'a renamed entry is removed before its heir has baked',
      'never unrouted',
      changed(2, () => ({ type: 'Remove', why: 'mutant' })),
    ],
    [
      'a canary that skips its steps',
      'gates',
      changed(12, () => ({ type: 'Walk', how: 'AtReadiness', first: false, why: 'mutant' })),
    ],
  ];

  it('is found: a firing that starts twice, and a minute that nobody accounts for', () => {
    const order: FiringOrder = {
      id: 'shop/clock@2026-11-23T12:01:00.000Z',
      release: 'r',
      group: 'shop/a@1',
      export: { interface: 'wasi:cli/run@0.2.0', function: 'run' },
      deadlineMs: 1_000,
    };
    const engine = new EngineModel(() => GOOD, seeded(1));
    const counted = { expression: '* * * * *', consideredWallMs: 0, counts: {}, running: [] };
    const at = (minutes: number, counts: object) =>
      ({
        ...EMPTY_MEMORY,
        schedules: { 'shop/clock': { ...counted, consideredWallMs: minutes * 60_000, counts } },
      }) as unknown as Memory;
    const promises = new Promises();
    const check = (memory: Memory) => promises.check({ engine, memory, desired: undefined });
    check(at(1, {}));
    expect(() => check(at(3, { Succeeded: 1, Missed: 1 }))).not.toThrow();
    expect(() => check(at(4, { Succeeded: 1, Missed: 1 }))).toThrow('are accounted for');
    for (const epoch of ['epoch-1', 'epoch-2']) {
      engine.firings.fire(order, epoch, 'shop/a@1#1', { runMs: 1, failures: 0 });
      engine.firings.restart();
    }
    expect(() => check(at(3, { Succeeded: 1, Missed: 1 }))).toThrow('was started twice');
  });

  it('is found: cells of one revision with other members, and ceilings that nobody confirmed', () => {
    const cellOf = (content: string) => {
      const shared = { key: 'shop/shared', artifact: content };
      return { group: 'shop/a@1', members: [{ member: shared }] } as unknown as CellSpec;
    };
    const promises = new Promises();
    promises.started('shop/a@1#1', 'epoch-1', cellOf('one'));
    expect(() => promises.started('shop/a@1#2', 'epoch-1', cellOf('one'))).not.toThrow();
    expect(() => promises.started('shop/a@1#3', 'epoch-1', cellOf('other'))).toThrow('one revision');

    const uses = [{ capability: 'keyValue', needs: { store: 'carts' }, lastWallMs: 0 }];
    const memoryWith = (store: string, users: number, revocation?: object) => {
      const entries = ['a', 'b', 'c'].map((name, index) => [
        `entries/shop/${name}`,
        { serving: {}, uses: index < users ? uses : [] },
      ]);
      const ceilings = [{ policy: 'p', capabilities: [{ settings: { stores: [store] } }] }];
      return { ...Object.fromEntries(entries), ceilings, ...(revocation ? { revocation } : {}) } as MemoryParts;
    };
    const step = (users: number, confirm: string, held?: object) => {
      const grants = new GrantPromises();
      const desired = { environment: { prune: { confirm } } } as unknown as Desired;
      grants.journalled(memoryWith('carts', users, held), desired);
      return () => grants.journalled(memoryWith('others', users), desired);
    };
    expect(step(1, '')).not.toThrow();
    expect(step(2, '')).toThrow('nobody confirmed');
    expect(step(2, 'abc', { hash: 'abc' })).not.toThrow();
    expect(step(2, 'abd', { hash: 'abc' })).toThrow('nobody confirmed');
  });

  it('is found: two versions in one file, a write after the copy, a migration that is gone on with', () => {
    const capabilities = [{ capability: 'keyValue', settings: { store: 'data', access: 'ReadWrite' } }];
    const cellOf = (version: string, edition: string, migrate?: object) => {
      const members = [{ capabilities, state: { version } }];
      return { entry: 'shop/a', members, edition, ...(migrate ? { migrate } : {}) } as unknown as CellPlan;
    };
    const one = { id: 'shop/a@1#1', cell: cellOf('1', ''), phase: 'Ready' };
    const first = { id: 'shop/a@2#2', cell: cellOf('2', 'x', { from: '1' }), phase: 'Starting' };
    const copied = (): StoresModel => {
      const stores = new StoresModel();
      stores.wrote(one);
      const order = { type: 'Copy', entry: 'shop/a', stores: ['data'], from: '', to: 'x' } as const;
      expect(stores.carryOut(order, [one])).toMatchObject({ error: { code: 'HW4620' } });
      expect(stores.carryOut(order, [])).toMatchObject({ ok: true });
      stores.started(first);
      return stores;
    };
    const good = copied();
    good.ready(first);
    good.wrote(first);
    good.wrote(one);
    expect(good.broken).toEqual([]);
    const unmigrated = copied();
    unmigrated.wrote(first);
    expect(unmigrated.broken[0]).toContain('which has 1');
    const late = copied();
    late.ready(first);
    late.wrote(one);
    late.wrote(first);
    expect(late.broken[0]).toContain('was written to after it was copied');
    const again = copied();
    again.started({ ...first, id: 'shop/a@2#3' });
    expect(again.broken[0]).toContain('migrates what shop/a@2#2 began');
  });

  it('is found: two instances of a singleton', () => {
    const engine = new EngineModel(() => GOOD, seeded(1));
    const one = {
      group: 'shop/a@1',
      entry: 'shop/a',
      members: [{ instancePolicy: 'Singleton' }],
    } as unknown as CellPlan;
    engine.start('shop/a@1#1', one);
    expect(() => singletonsAlone(engine)).not.toThrow();
    engine.start('shop/a@2#2', { ...one, group: 'shop/a@2' });
    expect(() => singletonsAlone(engine)).toThrow('exist at once');
  });

  it.each(mutants)('is found: %s', { timeout: 240_000 }, async (_, promise, table) => {
    for (let seed = 1; seed <= 400; seed++) {
      const history = historyOf(seed, seeded(seed));
      const { broken } = await play(history, table);
      if (broken?.promise !== promise) continue;
      const short = await shrink(history, promise, table);
      expect(short.steps.length, printed(short)).toBeLessThanOrEqual(4);
      return;
    }
    expect.fail(`no history of 400 found it`);
  });

  function without(row: number): readonly Row[] {
    return TABLE.filter((candidate) => candidate.row !== row);
  }

  function changed(row: number, move: Row['move']): readonly Row[] {
    return TABLE.map((candidate) => (candidate.row === row ? { ...candidate, move } : candidate));
  }
});
