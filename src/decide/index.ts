/**
 * `decide(desired, observed, memory, now) → Decision`: total, synchronous, pure. The same arguments give the same
 * decision; time is an argument and jitter a hash.
 *
 * D1 What fails by its own samples ends before the table is asked: no row keeps traffic on it.
 * D2 The table says what to do with each entry; a lock-step only takes back.
 * D3 Effects follow from the memory as it is then: a snapshot, the cells, what is to be prepared. Nothing is remembered
 *    about effects but what must be given out once.
 */
import type { Now } from '../kit/clock.ts';
import type { Decision } from '../model/decision.ts';
import type { Desired } from '../model/desired.ts';
import type { Memory } from '../model/memory.ts';
import type { Observed } from '../model/observed.ts';
import { arrangeCells } from './cells.ts';
import { followCommits } from './commits.ts';
import { contextOf, isGone } from './context.ts';
import { orderStores, tidyData } from './editions.ts';
import { prepare, synthesize } from './effects.ts';
import type { IdentityCache } from './identity.ts';
import { inLockStep, type Decided } from './lock-step.ts';
import { sealed } from './memory.ts';
import { openWorld } from './open.ts';
import { partiesOf, type Parties } from './parties.ts';
import { renew } from './pins.ts';
import { guardPrune } from './prune.ts';
import { retreat } from './retreat.ts';
import { guardRevocation } from './revocation.ts';
import { drop, hold, remove, settle } from './settle.ts';
import { followLoad } from './scaling.ts';
import { fire } from './schedule/fire.ts';
import { grantSlots } from './slots.ts';
import { publish } from './snapshot.ts';
import { statusOf } from './status.ts';
import { choose, TABLE, type Row } from './table.ts';
import { runTrials } from './trials.ts';
import { advance, approach, seat, type Walker } from './walk.ts';
import { unavailableIn } from './unavailable.ts';
import type { World } from './world.ts';

/** While something is on its way the engine is looked at this often, else at the second. */
export const ACTIVE_LOOK_MS = 100;
export const IDLE_LOOK_MS = 1_000;

export interface DecideOptions {
  readonly table?: readonly Row[];
  readonly identities?: IdentityCache;
}

export function decide(
  desired: Desired,
  observed: Observed,
  memory: Memory,
  now: Now,
  { table = TABLE, identities = new WeakMap() }: DecideOptions = {},
): Decision {
  const world = openWorld(desired, observed, memory, now, identities);
  runTrials(world, partiesOf(world.wishes, world.entries));

  const parties = partiesOf(world.wishes, world.entries);
  const guard = guardPrune(world, parties);
  const decided = [...world.wishes.keys()].map((key): Decided => {
    const context = contextOf(world, key, parties, guard);
    return { context, ...choose(table, context) };
  });
  const paced = inLockStep(decided);
  carryOut(world, paced, parties);

  guardRevocation(world);
  retreat(world);
  tidyData(world);
  followLoad(world);
  publish(world, partiesOf(world.wishes, world.entries), unavailableIn(world, paced));
  const dueMs = arrangeCells(world);
  prepare(world);
  orderStores(world);
  renew(world);
  synthesize(world);
  const { owned, nextInMs } = fire(world);

  const entries = paced.filter(({ context }) => !isGone(context)).map((one) => statusOf(world, one, owned));
  const commits = followCommits(world);
  return {
    memory: sealed(world.memory, world.entries, memory.entries),
    actions: world.actions,
    events: world.events,
    entries,
    commits,
    wakeInMs: Math.max(
      1,
      Math.min(wakeAfter(world), (dueMs ?? Number.POSITIVE_INFINITY) - world.memory.clockMs, nextInMs),
    ),
  };
}

/** The moves, then the walks: first each for itself, then party by party. */
function carryOut(world: World, paced: readonly Decided[], parties: Parties): void {
  const walkers: Walker[] = [];
  for (const { context, move } of paced) {
    if (move.type === 'Settle') settle(world, context);
    else if (move.type === 'Remove') remove(world, context);
    else if (move.type === 'Drop') drop(world, context, move);
    else if (move.type === 'Hold') hold(world, context, move);
    else if (move.type === 'Walk') walkers.push({ context, move });
  }
  for (const walker of walkers) seat(world, walker);
  const pending = walkers.filter(({ context }) => context.entry.candidate?.state === 'Pending');
  const slots = grantSlots(
    world,
    pending.map(({ context, move }) => ({ key: context.key, first: move.first })),
  );
  approach(world, walkers, slots, parties);
  for (const party of new Set(walkers.map(({ context }) => context.party))) {
    const members = walkers.filter(({ context }) => context.party === party);
    if (members.every(({ context }) => context.entry.candidate !== undefined)) advance(world, members, parties);
  }
}

function wakeAfter(world: World): number {
  const active = [...world.entries.values()].some(
    ({ candidate, leaving, serving, judging, replicas }) =>
      candidate !== undefined ||
      leaving !== undefined ||
      judging !== undefined ||
      (serving?.bake !== undefined && serving.bake.state === 'Watching') ||
      replicas.some(({ stopping }) => stopping),
  );
  return active || world.actions.length > 0 ? ACTIVE_LOOK_MS : IDLE_LOOK_MS;
}
