/**
 * The guard over ceilings: a change of Policies that takes away what was used within a day from more than
 * `maxDeletePercent` of the entries that serve is held, as a whole, until it is confirmed. Meanwhile the ceilings from
 * before stay in force for what runs; candidates are judged by the new ones all the time.
 */
import { hashOfJson, short } from '../kit/digest.ts';
import type { Json } from '../kit/json.ts';
import type { EntryKey } from '../model/component.ts';
import { exceeded } from '../model/containment.ts';
import type { Revocation, UsedGrant } from '../model/memory.ts';
import type { Ceilings } from '../model/snapshot.ts';
import { ceilingsOf } from './grants.ts';
import { usesOfLate } from './uses.ts';
import type { World } from './world.ts';

/** An entry that serves, and what it uses. */
export interface User {
  readonly key: EntryKey;
  readonly uses: readonly UsedGrant[];
}

/** What the change would take from whom; undefined where it takes no more than it may. */
export function revocationOf(
  users: readonly User[],
  before: readonly Ceilings[],
  after: readonly Ceilings[],
  maxPercent: number,
): Revocation | undefined {
  const entries = users.filter((user) => loses(user, before, after)).map(({ key }) => key);
  const percent = (entries.length / users.length) * 100;
  if (entries.length < 2 || percent <= maxPercent) return undefined;
  entries.sort();
  const hash = short(hashOfJson({ revoke: entries, ceilings: after } as unknown as Json));
  const why =
    `the Policies take away what ${entries.length} of ${users.length} components used within a day ` +
    `(${Math.round(percent)} %, limit ${maxPercent} %): ${entries.slice(0, 5).join(', ')}${entries.length > 5 ? ', …' : ''}`;
  return { hash, why, entries, release: `to go on, write prune.confirm: "${hash}" in the Environment` };
}

/** Decides which ceilings are in force, and notes what is held. */
export function guardRevocation(world: World): void {
  const { memory, environment, judge } = world;
  const wanted = ceilingsOf(world.desired.policies);
  const present = memory.ceilings ?? wanted;
  const limit = Math.min(environment.prune.maxDeletePercent, judge.prune.maxDeletePercent);
  const held = sameCeilings(present, wanted) ? undefined : revocationOf(usersOf(world), present, wanted, limit);
  const confirmed = held !== undefined && environment.prune.confirm === held.hash;
  if (!held || confirmed) {
    if (!memory.ceilings || !sameCeilings(memory.ceilings, wanted)) memory.ceilings = wanted;
    memory.revocation = undefined;
    return;
  }
  if (memory.revocation?.hash === held.hash) return;
  memory.ceilings = present;
  memory.revocation = held;
  const message = `${held.why}; ${held.release}`;
  world.events.push({ commit: world.desired.commit, reason: 'RevocationHeld', message });
}

function usersOf(world: World): readonly User[] {
  return [...world.entries]
    .filter(([, { serving }]) => serving !== undefined)
    .map(([key, entry]) => ({ key, uses: usesOfLate(entry, world.now.wallMs) }));
}

function loses({ key, uses }: User, before: readonly Ceilings[], after: readonly Ceilings[]): boolean {
  const namespace = key.slice(0, key.indexOf('/'));
  const denies = (ceilings: readonly Ceilings[], { capability, needs }: UsedGrant): boolean =>
    exceeded(ceilings, namespace, { capability, settings: needs }).some(({ enforcement }) => enforcement === 'Enforce');
  return uses.some((use) => !denies(before, use) && denies(after, use));
}

function sameCeilings(one: readonly Ceilings[], other: readonly Ceilings[]): boolean {
  return hashOfJson(one as unknown as Json) === hashOfJson(other as unknown as Json);
}
