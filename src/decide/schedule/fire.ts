/**
 * Which firings start now. Each schedule has one owner, so that none fires twice and none is lost when it moves: the
 * entry that git names where that serves it, else the one that served it before (as S3 of snapshot.ts for matches).
 *
 * F3 Of the times that have passed, at most the newest is made up for, within `startingDeadline`; the others are missed
 *    and said so.
 * F4 Times up to now are those of the form that was in force until now; an edit counts from now on.
 * F5 A clock that went back repeats nothing: nominal times only rise. By more than `CORRECTION_MS` it was wrong before.
 */
import type { EntryKey } from '../../model/component.ts';
import { firingId, type FiringId } from '../../model/firing.ts';
import type { DueFiring, EndedFiring, RunningFiring, ScheduleMemory } from '../../model/schedule-memory.ts';
import { isCommand, type ScheduleKey, type ScheduleTrigger } from '../../model/schedule.ts';
import { formatDuration } from '../../kit/units.ts';
import { desiredOwners } from '../parties.ts';
import { groupOf, readyCount, type World } from '../world.ts';
import { scheduleId, schedulesOf } from './calls.ts';
import { ended, eventOf } from './tell.ts';
import { MAX_COUNTED, nextTime, passedUntil } from './times.ts';

/** `Allow`: more at once are skipped. */
export const MAX_RUNNING = 16;
/** As cron has it: a clock that goes back further than daylight saving ever does was corrected. */
export const CORRECTION_MS = 3 * 3_600_000;

interface Owned {
  readonly key: EntryKey;
  readonly trigger: ScheduleTrigger;
}

/** Who fires each schedule. */
export type Owners = ReadonlyMap<ScheduleKey, Owned>;

/** Decides about every schedule; `nextInMs`: when the next one is due. */
export function fire(world: World): { readonly owned: Owners; readonly nextInMs: number } {
  const owned = ownersOf(world);
  const before = world.memory.schedules ?? {};
  const schedules: { [key: ScheduleKey]: ScheduleMemory } = {};
  let nextInMs = Number.POSITIVE_INFINITY;
  for (const key of [...new Set([...Object.keys(before), ...owned.keys()])].sort() as ScheduleKey[]) {
    const owner = owned.get(key);
    const present = before[key];
    const next = owner ? serve(world, key, owner, present) : orphan(world, key, present!);
    if (!next) continue;
    schedules[key] = next;
    if (owner && next.nextWallMs !== undefined) nextInMs = Math.min(nextInMs, next.nextWallMs - world.now.wallMs);
    if (next.due?.retryAtMs !== undefined) nextInMs = Math.min(nextInMs, next.due.retryAtMs - world.memory.clockMs);
  }
  if (world.memory.schedules || Object.keys(schedules).length > 0) world.memory.schedules = schedules;
  forget(world);
  return { owned, nextInMs };
}

/** Who fires each schedule, by what serves now. */
function ownersOf(world: World): Owners {
  const some = [...world.entries.values()].some(({ serving }) => serving?.release.entry.schedules !== undefined);
  if (!some) return new Map();
  const wanted = desiredOwners(world.wishes);
  const owned = new Map<ScheduleKey, Owned>();
  for (const [key, { serving, desired }] of world.entries) {
    for (const served of serving ? schedulesOf(serving.release.entry) : []) {
      if (owned.has(served.schedule) && wanted.get(scheduleId(served)) !== key) continue;
      // To suspend is no release: it holds at once, whatever is being tried.
      const written = desired?.schedules?.find(({ schedule }) => schedule === served.schedule);
      owned.set(served.schedule, { key, trigger: { ...served, suspend: written?.suspend ?? served.suspend } });
    }
  }
  return owned;
}

/**
 * Nobody serves it. What git still asks for keeps its place: its times come when somebody does. Of the rest only what runs
 * is kept, until it has ended; written again, it begins anew.
 */
function orphan(world: World, key: ScheduleKey, present: ScheduleMemory): ScheduleMemory | undefined {
  const memory = keepRunning(world, key, present, undefined);
  const isWanted = [...world.wishes.values()].some(({ target }) =>
    target?.entry.schedules?.some(({ schedule }) => schedule === key),
  );
  if (isWanted) return memory;
  if (memory.running.length === 0) return undefined;
  return memory.expression === '' ? memory : { ...memory, due: undefined, nextWallMs: undefined, expression: '' };
}

function serve(world: World, key: ScheduleKey, owner: Owned, present: ScheduleMemory | undefined): ScheduleMemory {
  const { trigger } = owner;
  const { wallMs } = world.now;
  let memory = present ? { ...present, entry: owner.key } : begin(owner, wallMs);
  if (wallMs < memory.consideredWallMs - CORRECTION_MS) memory = countFrom(memory, wallMs);
  if (!trigger.suspend) memory = passed(world, key, memory, trigger);
  else if (isPast(memory.nextWallMs, wallMs)) memory = countFrom(memory, wallMs);
  if (trigger.suspend && memory.due) memory = { ...memory, due: undefined };
  if (memory.expression !== trigger.expression || memory.timeZone !== trigger.timeZone) {
    const { expression, timeZone } = trigger;
    memory = countFrom({ ...memory, expression, timeZone }, Math.max(wallMs, memory.consideredWallMs));
  }
  memory = start(world, key, owner, keepRunning(world, key, memory, owner));
  return unchanged(present, memory) ? present! : memory;
}

function begin({ key, trigger }: Owned, wallMs: number): ScheduleMemory {
  const { expression, timeZone } = trigger;
  const empty = { entry: key, expression, timeZone, running: [], ended: [], counts: {} };
  return countFrom({ ...empty, consideredWallMs: wallMs }, wallMs);
}

/** Every time up to `fromWallMs` is decided about; the next one is the first after it. */
function countFrom(memory: ScheduleMemory, fromWallMs: number): ScheduleMemory {
  const { expression, timeZone } = memory;
  return { ...memory, consideredWallMs: fromWallMs, nextWallMs: nextTime(expression, timeZone, fromWallMs) };
}

function isPast(timeMs: number | undefined, wallMs: number): boolean {
  return timeMs !== undefined && timeMs <= wallMs;
}

/** F3, F4. */
function passed(world: World, key: ScheduleKey, memory: ScheduleMemory, trigger: ScheduleTrigger): ScheduleMemory {
  const { wallMs } = world.now;
  const { nextWallMs, expression, timeZone } = memory;
  if (nextWallMs === undefined || nextWallMs > wallMs) return tooLate(world, key, memory, trigger);
  const times = passedUntil(expression, timeZone, nextWallMs, wallMs);
  let next: ScheduleMemory = { ...memory, consideredWallMs: times.newestMs, nextWallMs: times.nextMs };
  if (next.due) next = missed(world, key, next, next.due.nominalWallMs, 1, next.due.why ?? 'its time was over');
  if (times.count > 1) {
    const many = times.count - 1;
    const number = times.count >= MAX_COUNTED ? `at least ${many}` : String(many);
    const first = new Date(times.firstMs).toISOString();
    const why = `${number} firings since ${first} did not start: nobody was there to start them`;
    next = missed(world, key, next, times.firstMs, many, why);
  }
  return tooLate(world, key, { ...next, due: { nominalWallMs: times.newestMs, tries: 0 } }, trigger);
}

function tooLate(world: World, key: ScheduleKey, memory: ScheduleMemory, trigger: ScheduleTrigger): ScheduleMemory {
  const { due } = memory;
  if (!due || world.now.wallMs - due.nominalWallMs <= trigger.startingDeadlineMs) return memory;
  const why = `it could not start within ${formatDuration(trigger.startingDeadlineMs)}: ${due.why ?? 'nobody was there to start it'}`;
  return missed(world, key, { ...memory, due: undefined }, due.nominalWallMs, 1, why);
}

function missed(
  world: World,
  key: ScheduleKey,
  memory: ScheduleMemory,
  nominalWallMs: number,
  many: number,
  why: string,
): ScheduleMemory {
  return note(world, key, memory, { nominalWallMs, outcome: 'Missed', why }, many);
}

function note(world: World, key: ScheduleKey, memory: ScheduleMemory, end: EndedFiring, many = 1): ScheduleMemory {
  const event = eventOf(key, memory, end, world.desired.commit);
  if (event) world.events.push(event);
  return ended(memory, end, many);
}

/** Asks again for what was written down and that the engine does not have: it takes each id once (F1). */
function keepRunning(world: World, key: ScheduleKey, memory: ScheduleMemory, owner: Owned | undefined): ScheduleMemory {
  const { engine } = world.observed;
  let next = memory;
  for (const firing of memory.running) {
    if (firing.stopping && firing.seen && engine) {
      world.actions.push({ type: 'StopFiring', firing: firing.id, why: firing.stopping });
    }
    if (firing.seen || engine?.epoch !== firing.epoch) continue;
    const limitMs = owner?.trigger.startingDeadlineMs ?? 0;
    if (!owner || firing.stopping || world.now.wallMs - firing.nominalWallMs > limitMs) {
      const why = firing.stopping ?? 'the engine could not be asked in time';
      next = { ...next, running: next.running.filter((one) => one !== firing) };
      next = missed(world, key, next, firing.nominalWallMs, 1, why);
    } else order(world, owner, firing, 'the engine does not have it yet');
  }
  return next;
}

function start(world: World, key: ScheduleKey, owner: Owned, memory: ScheduleMemory): ScheduleMemory {
  const { due, running } = memory;
  const { engine } = world.observed;
  const { clockMs } = world.memory;
  if (!due) return memory;
  const wait = (why: string): ScheduleMemory => (due.why === why ? memory : { ...memory, due: { ...due, why } });
  if (!engine) return wait('the engine is not there');
  const { trigger } = owner;
  if (running.length > 0 && trigger.concurrencyPolicy === 'Replace') return replace(world, key, memory, due);
  const most = trigger.concurrencyPolicy === 'Allow' ? MAX_RUNNING : 1;
  if (running.length >= most) {
    const why = most === 1 ? 'the one before still runs (Forbid)' : `${MAX_RUNNING} of them run already (Allow)`;
    const end: EndedFiring = { nominalWallMs: due.nominalWallMs, outcome: 'Skipped', why };
    return note(world, key, { ...memory, due: undefined }, end);
  }
  if (due.retryAtMs !== undefined && clockMs < due.retryAtMs) return memory;
  const { release } = world.entries.get(owner.key)!.serving!;
  if (readyCount(world, owner.key, release) === 0) return wait('no replica is ready');
  const firing: RunningFiring = {
    id: firingId(key, due.nominalWallMs),
    nominalWallMs: due.nominalWallMs,
    startedWallMs: world.now.wallMs,
    startedMs: clockMs,
    deadlineMs: trigger.deadlineMs,
    release: release.release,
    group: groupOf(owner.key, release),
    epoch: engine.epoch,
    seen: false,
    tries: due.tries,
  };
  // An end of the same id that the engine still keeps is told to be forgotten in this decision: ask in the next.
  if (engine.firings?.some(({ id }) => id === firing.id)) return wait('the engine is about to forget its last try');
  const late = world.now.wallMs - due.nominalWallMs;
  order(world, owner, firing, late < 1_000 ? 'its time has come' : `made up for, ${formatDuration(late)} late`);
  return { ...memory, due: undefined, running: [...running, firing] };
}

/** Replace: the one before ends first, then this one starts. */
function replace(world: World, key: ScheduleKey, memory: ScheduleMemory, due: DueFiring): ScheduleMemory {
  const stopping = `replaced by the firing of ${new Date(due.nominalWallMs).toISOString()}`;
  for (const { id, stopping: already, seen } of memory.running) {
    if (!already && seen) world.actions.push({ type: 'StopFiring', firing: id, why: stopping });
  }
  const running = memory.running.map((firing) => (firing.stopping ? firing : { ...firing, stopping }));
  return { ...memory, running, due: { ...due, why: 'the one before is being ended (Replace)' } };
}

function order(world: World, { trigger, key }: Owned, firing: RunningFiring, why: string): void {
  const { id, release, group, deadlineMs } = firing;
  const name = key.slice(key.indexOf('/') + 1);
  const { parameters } = trigger;
  const given = isCommand(trigger.export)
    ? { args: [name, ...trigger.args] }
    : parameters === undefined
      ? {}
      : { parameters };
  world.actions.push({
    type: 'Fire',
    firing: { id, release, group, export: trigger.export, ...given, deadlineMs },
    why: `schedule ${trigger.schedule}: ${why}`,
  });
}

/** Ends that are written down by now, or that nobody remembers asking for. */
function forget(world: World): void {
  const running = new Set<FiringId>(
    Object.values(world.memory.schedules ?? {}).flatMap((schedule) => schedule.running.map(({ id }) => id)),
  );
  const gone = (world.observed.engine?.firings ?? []).filter(
    ({ id, outcome }) => outcome !== undefined && !running.has(id),
  );
  if (gone.length === 0) return;
  const why = 'they ended and that is written down';
  world.actions.push({ type: 'ForgetFirings', firings: gone.map(({ id }) => id), why });
}

function unchanged(before: ScheduleMemory | undefined, after: ScheduleMemory): boolean {
  return (
    before !== undefined &&
    (Object.keys(after) as (keyof ScheduleMemory)[]).every((field) => Object.is(before[field], after[field]))
  );
}
