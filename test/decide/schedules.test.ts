/** Schedules over time: what fires when and on whom, and what becomes of a release that only the clock calls. */
import { describe, expect, it } from 'vitest';
import { MAX_RUNNING } from '../../src/decide/schedule/fire.ts';
import type { DesiredEntry } from '../../src/model/desired.ts';
import { firingId, type FiringId } from '../../src/model/firing.ts';
import type { ScheduleMemory } from '../../src/model/schedule-memory.ts';
import type { ScheduleTrigger } from '../../src/model/schedule.ts';
import { desired, entry, MINUTE_MS, type Wanted } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

const KEY = 'shop/nightly';
const NOON = Date.UTC(2026, 10, 23, 12);
const at = (minutes: number): FiringId => firingId(KEY, NOON + minutes * MINUTE_MS);

function trigger(change: Partial<ScheduleTrigger> = {}): ScheduleTrigger {
  return {
    schedule: KEY,
    expression: '* * * * *',
    timeZone: 'UTC',
    concurrencyPolicy: 'Forbid',
    deadlineMs: 5 * MINUTE_MS,
    startingDeadlineMs: 5 * MINUTE_MS,
    backend: 'shop/report',
    export: { interface: 'wasi:cli/run@0.2.0', function: 'run' },
    args: ['--all'],
    suspend: false,
    ...change,
  };
}

type Change = Partial<ScheduleTrigger> | 'none';

/** An entry that only the clock calls. */
function report(content: string, change: Change = {}, wanted: Wanted = {}, name = 'report'): DesiredEntry {
  const schedules = change === 'none' ? {} : { schedules: [trigger({ backend: `shop/${name}`, ...change })] };
  return entry(name, { content, paths: [], ...wanted, more: { probes: {}, ...schedules, ...wanted.more } });
}

const serving = (first: DesiredEntry): Fleet =>
  new Fleet(desired('a1', [first])).until((fleet) => fleet.of('report').serving !== undefined);

const memoryOf = (fleet: Fleet): ScheduleMemory => fleet.memory.schedules![KEY]!;
const started = (fleet: Fleet): readonly FiringId[] => fleet.engine.firings.started.map(({ id }) => id);
const outcomes = (fleet: Fleet) => memoryOf(fleet).ended.map(({ outcome }) => outcome);
const after = (fleet: Fleet, minutes: number): Fleet =>
  fleet.until(({ wallMs }) => wallMs >= NOON + minutes * MINUTE_MS, 60 * MINUTE_MS);

describe('firing', { timeout: 60_000 }, () => {
  it('is at its time, once, on what serves; the engine is told to forget what is written down', () => {
    const fleet = after(serving(report('v1')), 3.5);
    expect(started(fleet)).toEqual([at(1), at(2), at(3)]);
    expect(memoryOf(fleet).counts).toEqual({ Succeeded: 3 });
    expect(fleet.engine.firings.observed()).toEqual([]);
    const { ended, next, timeZone } = fleet.status('report').schedules![0]!;
    expect([ended[0]!.nominal, next, timeZone]).toEqual([
      '2026-11-23T12:03:00.000Z',
      '2026-11-23T12:04:00.000Z',
      'UTC',
    ]);
    expect(fleet.said('FiringFailed')).toEqual([]);
  });

  it('is decided to the moment: the loop is told when to look again', () => {
    const fleet = after(serving(report('v1', {}, { settings: { bake: { durationMs: 1, deadlineMs: 2 } } })), 1.5);
    const { wakeInMs } = fleet.until(({ wallMs }) => wallMs % MINUTE_MS === MINUTE_MS - 300).tick();
    expect(wakeInMs).toBe(300);
  });

  it('gives a command its name and arguments, and a plain function none', () => {
    const fleet = after(serving(report('v1')), 0.9);
    const order = () => fleet.last!.actions.find((action) => action.type === 'Fire');
    fleet.until(() => order() !== undefined);
    expect(order()).toMatchObject({ firing: { id: at(1), args: ['report', '--all'], deadlineMs: 5 * MINUTE_MS } });
    const called = { interface: 'shop:jobs/tidy@1.0.0', function: 'now' };
    const plain = after(serving(report('v1', { export: called, args: [] })), 0.9).until(({ last }) =>
      last!.actions.some((action) => action.type === 'Fire'),
    );
    const action = plain.last!.actions.find((one) => one.type === 'Fire');
    expect(action?.type === 'Fire' && !('args' in action.firing) && !('parameters' in action.firing)).toBe(true);
  });

  it('gives a function its parameters, and tells what it returned', () => {
    const called = { interface: 'shop:cart/pricing@1.0.0', function: 'quote' };
    const parameters = { items: [{ sku: 'tea' }] };
    const fleet = after(serving(report('v1', { export: called, args: [], parameters })), 0.9);
    fleet.until(({ last }) => last!.actions.some((action) => action.type === 'Fire'));
    expect(fleet.last!.actions.find((action) => action.type === 'Fire')).toMatchObject({ firing: { parameters } });
  });

  it('Forbid: skips while the one before runs, says so once and as their number doubles', () => {
    const fleet = serving(report('v1')).behave('v1', { runMs: 4.5 * MINUTE_MS });
    after(fleet, 6.2);
    expect(started(fleet)).toEqual([at(1), at(6)]);
    expect(memoryOf(fleet).counts).toEqual({ Skipped: 4, Succeeded: 1 });
    expect(fleet.said('FiringMissed').map(({ message }) => /HW46\d\d/.exec(message)?.[0])).toEqual([
      'HW4608',
      'HW4608',
      'HW4608',
    ]);
  });

  it(`Allow: runs up to ${MAX_RUNNING} at once and skips one more`, () => {
    const allow = report('v1', { concurrencyPolicy: 'Allow', deadlineMs: 60 * MINUTE_MS });
    const fleet = serving(allow).behave('v1', { runMs: 30 * MINUTE_MS });
    after(fleet, MAX_RUNNING + 0.5);
    expect(memoryOf(fleet).running).toHaveLength(MAX_RUNNING);
    expect(memoryOf(fleet).counts).toEqual({});
    after(fleet, MAX_RUNNING + 1.5);
    expect(memoryOf(fleet).running).toHaveLength(MAX_RUNNING);
    expect(memoryOf(fleet).counts).toEqual({ Skipped: 1 });
  });

  it('Replace: ends the one before, then starts; never two at once', () => {
    const fleet = serving(report('v1', { concurrencyPolicy: 'Replace' })).behave('v1', { runMs: 10 * MINUTE_MS });
    let most = 0;
    fleet.until((seen) => {
      const running = seen.engine.firings.observed().filter(({ outcome }) => outcome === undefined);
      most = Math.max(most, running.length);
      return seen.wallMs >= NOON + 3.5 * MINUTE_MS;
    }, 300_000);
    expect([most, started(fleet)]).toEqual([1, [at(1), at(2), at(3)]]);
    expect(memoryOf(fleet).counts).toEqual({ Stopped: 2 });
    expect(memoryOf(fleet).ended[0]!.why).toBe('replaced by the firing of 2026-11-23T12:03:00.000Z');
  });

  it('suspend holds at once and misses nothing; resumed, it goes on with the next', () => {
    const fleet = after(serving(report('v1')), 1.5);
    fleet.push(desired('a2', [report('v1', { suspend: true })]));
    after(fleet, 4.5);
    expect(fleet.status('report').schedules![0]).toMatchObject({ suspended: true });
    expect(fleet.status('report').schedules![0]!.next).toBeUndefined();
    fleet.push(desired('a3', [report('v1')]));
    after(fleet, 5.5);
    expect(started(fleet)).toEqual([at(1), at(5)]);
    expect(memoryOf(fleet).counts).toEqual({ Succeeded: 2 });
    expect(fleet.of('report').rollbacks).toEqual([]);
  });

  it('nothing ready: it waits with the reason, and fires late when there is', () => {
    const fleet = after(serving(report('v1')), 0.98);
    for (const id of fleet.engine.replicas.keys()) fleet.engine.crash(id);
    fleet.behave('v1', { readyAfterMs: 4_000 });
    after(fleet, 1.01);
    expect(fleet.status('report').schedules![0]!.due).toMatchObject({ why: 'no replica is ready' });
    after(fleet, 1.9);
    expect(started(fleet)).toEqual([at(1)]);
    expect(memoryOf(fleet).counts).toEqual({ Succeeded: 1 });
  });
});

describe('what is missed', { timeout: 60_000 }, () => {
  it('after a time without control: the newest is made up for, the others are told', () => {
    const fleet = after(serving(report('v1')), 1.5).restartControl(3 * MINUTE_MS);
    after(fleet, 5.5);
    expect(started(fleet)).toEqual([at(1), at(4), at(5)]);
    expect(memoryOf(fleet).counts).toEqual({ Succeeded: 3, Missed: 2 });
    const [told] = fleet.said('FiringMissed');
    expect(told!.message).toContain('HW4607 2 firings since 2026-11-23T12:02:00.000Z did not start');
  });

  it.each([
    ['at the starting deadline', 120_000, 1],
    ['a tick later', 120_100, 0],
  ])('the newest is made up for %s', (_, lateMs, made) => {
    const hourly = report('v1', { expression: '1 * * * *', startingDeadlineMs: 120_000 });
    const fleet = after(serving(hourly), 0.5);
    fleet.restartControl(NOON + MINUTE_MS + lateMs - fleet.wallMs);
    fleet.run(2_000);
    expect(started(fleet)).toHaveLength(made);
    expect(memoryOf(fleet).counts.Missed).toBe(made === 0 ? 1 : undefined);
  });

  it('a long time is not walked: at least so many were missed', () => {
    const fleet = after(serving(report('v1')), 1.5).restartControl(3 * 24 * 60 * MINUTE_MS);
    fleet.run(2_000);
    expect(started(fleet)).toHaveLength(2);
    expect(fleet.said('FiringMissed')[0]!.message).toContain('at least 99 firings');
  });

  it('a clock that goes back repeats nothing; one that was wrong by hours counts anew', () => {
    const fleet = after(serving(report('v1')), 2.5);
    fleet.wallMs -= 60 * MINUTE_MS;
    fleet.run(2 * MINUTE_MS);
    expect(started(fleet)).toEqual([at(1), at(2)]);
    fleet.wallMs -= 4 * 60 * MINUTE_MS;
    const back = Math.ceil(fleet.wallMs / MINUTE_MS) * MINUTE_MS;
    fleet.run(MINUTE_MS + 1_000);
    expect(started(fleet).at(-1)).toBe(firingId(KEY, back));
  });
});

describe('at most once', { timeout: 60_000 }, () => {
  it('control dies after it wrote and before the engine heard: the next control asks, with the same id', () => {
    const fleet = after(serving(report('v1')), 0.9);
    const fire = fleet.engine.fire.bind(fleet.engine);
    let lost = 0;
    fleet.engine.fire = () => void (lost += 1);
    fleet.until(() => lost === 1);
    fleet.engine.fire = fire;
    fleet.restartControl(2_000).run(5_000);
    expect(started(fleet)).toEqual([at(1)]);
    expect(outcomes(fleet)).toEqual(['Succeeded']);
  });

  it('an engine that dies with one is not asked again: nobody knows how it ended', () => {
    const fleet = serving(report('v1')).behave('v1', { runMs: 20_000 });
    after(fleet, 1.1).engine.restart();
    after(fleet, 2.9);
    expect(started(fleet)).toEqual([at(1), at(2)]);
    expect(outcomes(fleet)).toEqual(['Succeeded', 'Unknown']);
    expect(fleet.said('FiringMissed')[0]!.message).toContain('HW4606');
  });

  it('its cell dies: it has failed, and is not run again', () => {
    const fleet = serving(report('v1')).behave('v1', { runMs: 20_000 });
    after(fleet, 1.1);
    for (const id of fleet.engine.replicas.keys()) fleet.engine.crash(id);
    after(fleet, 1.9);
    expect([started(fleet), outcomes(fleet)]).toEqual([[at(1)], ['Crashed']]);
  });
});

describe('edits', { timeout: 60_000 }, () => {
  it('another time counts from the edit on: nothing fires for what would have been', () => {
    const fleet = after(serving(report('v1', { expression: '1 * * * *' })), 5.5);
    fleet.push(desired('a2', [report('v1', { expression: '3,8 * * * *' })]));
    after(fleet, 8.5);
    expect(started(fleet)).toEqual([at(1), at(8)]);
    expect(memoryOf(fleet).counts).toEqual({ Succeeded: 2 });
  });

  it('a schedule that moves to another entry fires in every minute, on one of the two', () => {
    const one = (change: Change) => report('v1', change);
    const other = (change: Change) => report('w1', change, {}, 'other');
    const fleet = new Fleet(desired('a1', [one({}), other('none')])).until(
      (seen) => seen.of('report').serving !== undefined && seen.of('other').serving !== undefined,
    );
    after(fleet, 2.98).push(desired('a2', [one('none'), other({})]));
    after(fleet, 6.5);
    expect(started(fleet)).toEqual([1, 2, 3, 4, 5, 6].map(at));
    expect(fleet.engine.firings.started.at(-1)!.release).toBe(fleet.of('other').serving!.release.release);
    expect(memoryOf(fleet).entry).toBe('shop/other');
  });

  it('deleted and written again, it begins anew; what ran when it went has ended by itself', () => {
    const fleet = serving(report('v1')).behave('v1', { runMs: 40_000 });
    after(fleet, 1.1).push(desired('a2', [report('v1', 'none')]));
    after(fleet, 1.5);
    expect(memoryOf(fleet).running).toHaveLength(1);
    after(fleet, 3);
    expect(fleet.memory.schedules).toEqual({});
    expect(fleet.engine.firings.ended).toEqual([{ id: at(1), outcome: 'Succeeded' }]);
    fleet.push(desired('a3', [report('v1')]));
    after(fleet, 4.5);
    expect(started(fleet)).toEqual([at(1), at(4)]);
  });
});

describe('a release that only the clock calls', { timeout: 60_000 }, () => {
  it('is proven by three good firings, before the bake would be over', () => {
    const fleet = serving(report('v1'));
    expect(fleet.row('report')).toBe(7);
    after(fleet, 2.5);
    expect(fleet.reason('report')).toBe('Baking');
    expect(fleet.status('report').conditions[0]!.message).toContain('2 of 3 good firings');
    after(fleet, 3.5);
    expect(fleet.isProven('report', 'v1')).toBe(true);
  });

  it('serving fires until the promotion, a firing in flight ends on its own release', () => {
    const fleet = serving(report('v1')).behave('v1', { runMs: 90_000 });
    fleet.until((seen) => seen.isProven('report', 'v1'), 900_000);
    fleet.until(() => memoryOf(fleet).running.length === 1);
    const [inFlight] = memoryOf(fleet).running;
    fleet.push(desired('a2', [report('v2')])).until((seen) => seen.serves('report', 'v2'), 20_000);
    expect(memoryOf(fleet).running.map(({ id }) => id)).toEqual([inFlight!.id]);
    fleet.until((seen) => seen.isProven('report', 'v2'), 600_000);
    const end = fleet.engine.firings.ended.find(({ id }) => id === inFlight!.id);
    expect(end!.outcome).toBe('Succeeded');
    expect(fleet.engine.firings.ended.every(({ outcome }) => outcome === 'Succeeded')).toBe(true);
  });

  it('a minute in the pause of a singleton fires once, on the one that comes after', () => {
    const one: Wanted = { member: { instancePolicy: 'Singleton' }, more: { drainDeadlineMs: 20_000 } };
    const fleet = serving(report('v1', {}, one)).behave('v1', { drainsForMs: 8_000 });
    fleet.until((seen) => seen.isProven('report', 'v1'), 600_000);
    const next = Math.ceil((fleet.wallMs - NOON + 4_000) / MINUTE_MS);
    after(fleet, next - 4 / 60).push(desired('a2', [report('v2', {}, one)]));
    fleet.until((seen) => seen.wallMs >= NOON + next * MINUTE_MS, 20_000);
    expect(fleet.of('report').candidate?.state).toBe('Handover');
    fleet.until((seen) => seen.serves('report', 'v2'), 30_000);
    after(fleet, next + 1.5);
    expect(started(fleet).slice(-2)).toEqual([at(next), at(next + 1)]);
    expect(new Set(started(fleet)).size).toBe(next + 1);
    const last = fleet.engine.firings.started.slice(-2).map(({ release }) => release);
    expect(new Set(last)).toEqual(new Set([fleet.of('report').serving!.release.release]));
    expect(memoryOf(fleet).counts).toEqual({ Succeeded: next + 1 });
  });

  it('that outlives the bake keeps the cells of its release until it has ended', () => {
    const long = { deadlineMs: 60 * MINUTE_MS, concurrencyPolicy: 'Allow' } as const;
    const fleet = serving(report('v1', long));
    fleet.until((seen) => seen.isProven('report', 'v1'), 300_000).behave('v1', { runMs: 8 * MINUTE_MS });
    fleet.until(() => memoryOf(fleet).running.length === 1);
    const [inFlight] = memoryOf(fleet).running;
    fleet.push(desired('a2', [report('v2', long)])).until((seen) => seen.isProven('report', 'v2'), 600_000);
    fleet.until(() => !memoryOf(fleet).running.some(({ id }) => id === inFlight!.id), 900_000);
    expect(fleet.engine.firings.ended.find(({ id }) => id === inFlight!.id)!.outcome).toBe('Succeeded');
    fleet.run(2_000);
    expect([...fleet.engine.replicas.values()].filter(({ phase }) => phase !== 'Ended')).toHaveLength(1);
  });

  it('goes back after two failed firings, is quarantined, and what served fires on', () => {
    const fleet = serving(report('v1')).until((seen) => seen.isProven('report', 'v1'), 300_000);
    fleet.behave('v2', { failures: 1 }).push(desired('a2', [report('v2')]));
    fleet.until((seen) => seen.reason('report') === 'Quarantined', 300_000);
    expect(fleet.serves('report', 'v1')).toBe(true);
    const [end] = fleet.of('report').ends;
    expect([end!.kind, end!.why]).toEqual(['Failed', '2 of 2 firings failed (limit 2)']);
    const failed = fleet.engine.firings.ended.filter(({ outcome }) => outcome === 'Failed');
    expect(failed).toHaveLength(2);
    fleet.run(2 * MINUTE_MS);
    expect(outcomes(fleet)[0]).toBe('Succeeded');
  });

  it('one failure is enough where the gate says so', () => {
    const strict: Wanted = { gate: { hardStops: { consecutiveErrors: 1, crashes: 2, windowMs: MINUTE_MS } } };
    const fleet = serving(report('v1', {}, strict)).until((seen) => seen.isProven('report', 'v1'), 300_000);
    fleet.behave('v2', { failures: 1 }).push(desired('a2', [report('v2', {}, strict)]));
    fleet.until((seen) => seen.of('report').ends.length > 0, 300_000);
    expect(fleet.engine.firings.ended.filter(({ outcome }) => outcome === 'Failed')).toHaveLength(1);
  });

  it('is not blamed where what served failed alike', () => {
    const fleet = serving(report('v1')).until((seen) => seen.isProven('report', 'v1'), 300_000);
    fleet
      .behave('v1', { failures: 1 })
      .behave('v2', { failures: 1 })
      .run(2.5 * MINUTE_MS);
    fleet.push(desired('a2', [report('v2')])).until((seen) => seen.of('report').ends.length > 0, 300_000);
    expect(fleet.of('report').ends[0]!.reason).toBe('SharedOutage');
  });

  it('stays active without proof where its firings do not come in time', () => {
    const bake = { durationMs: 1_000, deadlineMs: 2 * MINUTE_MS };
    const fleet = serving(report('v1', { expression: '0 0 * * *' }, { settings: { bake } }));
    after(fleet, 3);
    expect([fleet.reason('report'), fleet.of('report').ledger]).toEqual(['Inconclusive', []]);
  });

  it('waits for the approvals that its strategy asks for, and for nothing else of it', () => {
    const steps = [
      { weight: 20, minDurationMs: 5_000, deadlineMs: 5 * MINUTE_MS },
      {
        weight: 50,
        minDurationMs: 5_000,
        deadlineMs: 5 * MINUTE_MS,
        approval: { name: 'boss', deadlineMs: MINUTE_MS },
      },
    ];
    const careful: Wanted = { settings: { strategy: { type: 'Canary', steps } } };
    const fleet = serving(report('v1', {}, careful));
    fleet.push(desired('a2', [report('v2', {}, careful)]));
    fleet.until((seen) => seen.reason('report') === 'AwaitingApproval', 20_000);
    const { release } = fleet.of('report').candidate!;
    const approvals = [{ name: 'boss', revision: release.revision.slice(0, 12) }];
    fleet.push(desired('a3', [report('v2', {}, { ...careful, rollout: { approvals } })]));
    fleet.until((seen) => seen.serves('report', 'v2'), 5_000);
    expect(fleet.engine.snapshot?.previews).toBeUndefined();
  });
});

describe('an entry with routes and schedules', { timeout: 60_000 }, () => {
  it('is walked by its routes; the clock calls what serves until the promotion', () => {
    const both = (content: string) => report(content, {}, { paths: ['/report'] });
    const fleet = serving(both('v1')).until((seen) => seen.isProven('report', 'v1'), 300_000);
    const old = fleet.of('report').serving!.release.release;
    const before = started(fleet).length;
    fleet.push(desired('a2', [both('v2')])).until((seen) => seen.of('report').candidate?.weight === 20, 60_000);
    fleet.until((seen) => seen.isProven('report', 'v2'), 300_000).run(MINUTE_MS);
    const releases = fleet.engine.firings.started.slice(before).map(({ release }) => release);
    const own = fleet.of('report').serving!.release.release;
    expect(releases.at(-1)).toBe(own);
    expect(releases.slice(releases.indexOf(own))).not.toContain(old);
    expect(fleet.of('report').rollbacks).toEqual([]);
  });
});
