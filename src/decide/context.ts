import { hashOfJson } from '../kit/digest.ts';
import type { EntryKey } from '../model/component.ts';
import type { End, Proof } from '../model/memory.ts';
import { localKey } from '../model/observed.ts';
import { breakerOpenForMs } from './breaker.ts';
import { holdingEnd } from './ends.ts';
import { openFreezeWindow } from './freeze.ts';
import { isOutage } from './gate/tally.ts';
import type { EntryDraft } from './memory.ts';
import type { Parties } from './parties.ts';
import type { PruneGuard } from './prune.ts';
import { isIdle } from './schedule/calls.ts';
import { failuresWithin } from './supervise.ts';
import { canAnswer, entryOf, groupOf, replicasOf, type Party, type Target, type Wish, type World } from './world.ts';

export interface Freeze {
  readonly name: string;
  readonly closesInMs: number;
  /** This commit lifted the window and introduced the change: for its own change it cannot. */
  readonly lifted: boolean;
}

/** Everything that the rows of the table look at, for one entry. */
export interface EntryContext {
  readonly world: World;
  readonly key: EntryKey;
  readonly wish: Wish;
  readonly entry: EntryDraft;
  readonly party: Party;
  /** Entries whose matches or name it takes over and that still serve. */
  readonly predecessors: readonly EntryKey[];
  /** Entries that take over its matches or name and have not baked yet. */
  readonly heirs: readonly EntryKey[];
  readonly pruneHeld: string | undefined;
  readonly end: End | undefined;
  readonly groupFailure: string | undefined;
  readonly freeze: Freeze | undefined;
  readonly breakerForMs: number | undefined;
}

export function contextOf(world: World, key: EntryKey, parties: Parties, guard: PruneGuard): EntryContext {
  const wish = world.wishes.get(key)!;
  const entry = entryOf(world, key);
  const party = parties.of.get(key)!;
  const { target } = wish;
  return {
    world,
    key,
    wish,
    entry,
    party,
    predecessors: parties.predecessors.get(key) ?? [],
    heirs: [...parties.predecessors].filter(([, owners]) => owners.includes(key)).map(([heir]) => heir),
    pruneHeld: guard.held.get(key),
    end: target && holdingEnd(world, entry, target),
    groupFailure: world.memory.groupEnds.find((end) => end.attempt === party.attempt)?.why,
    freeze: freezeOf(world, key, entry),
    breakerForMs: target && breakerOpenForMs(entry, target.entry.rollout.settings.breaker, world.memory.clockMs),
  };
}

/** The windows of this commit, and those of the one before for an attempt that this commit introduced. */
function freezeOf({ environment, judge, desired, now }: World, key: EntryKey, entry: EntryDraft): Freeze | undefined {
  const namespace = key.split('/')[0]!;
  const open = openFreezeWindow(environment.freezeWindows, namespace, now.wallMs);
  if (open) return { ...open, lifted: false };
  if (entry.shown?.commit !== desired.commit) return undefined;
  const before = openFreezeWindow(judge.freezeWindows, namespace, now.wallMs);
  return before && { ...before, lifted: true };
}

export function isServing({ entry, wish }: Pick<EntryContext, 'entry' | 'wish'>): boolean {
  return entry.serving !== undefined && entry.serving.release.release === wish.target?.release.release;
}

/** The emergency of an entry names this release, and has not ended under the same words already. */
export function emergencyFor({ entry, wish, end }: EntryContext): string | undefined {
  const target = wish.target;
  const emergency = target?.entry.rollout.emergency;
  if (!target || !emergency || target.entry.refusals.length > 0) return undefined;
  if (emergency.revision.length < 12 || !target.release.revision.startsWith(emergency.revision)) return undefined;
  const words = hashOfJson({ ...emergency });
  // Whatever the end, the same words do not start it again: an emergency is one try, not a loop.
  const endedUnderIt = end !== undefined && end.emergency === words;
  return endedUnderIt || entry.judging?.attempt === target.attempt ? undefined : emergency.reason;
}

/** The proof that lets a release come back without steps, if the ledger has one that may be used today. */
export function usableProof({ entry, wish, world }: EntryContext): Proof | undefined {
  const target = wish.target;
  if (!target || target.entry.refusals.length > 0) return undefined;
  const { history } = target.entry.rollout.settings;
  const index = entry.ledger.findIndex((proof) => isSameButSecrets(proof, target, entry));
  const proof = entry.ledger[index];
  if (!proof || proof.takenOut || index >= history.revisions) return undefined;
  // A stamp in the future (a clock that went back) counts as now.
  if (Math.max(0, world.now.wallMs - proof.provenAtWallMs) > history.maxAgeMs) return undefined;
  return hasBytes(world, target) ? proof : undefined;
}

/** The same release, or one that differs only in secret versions which serving runs with today. */
function isSameButSecrets(proof: Proof, target: Target, entry: EntryDraft): boolean {
  if (proof.release.release === target.release.release) return true;
  if (proof.release.secretless !== target.release.secretless) return false;
  const used = secretsOf(entry.serving?.release.entry.members ?? []);
  return [...secretsOf(target.entry.members)].every((secret) => used.has(secret));
}

function secretsOf(members: Target['entry']['members'] | readonly []): ReadonlySet<string> {
  return new Set(members.flatMap((member) => member.secretVersions.map((item) => `${item.secret} ${item.version}`)));
}

/** A release that differs from another only in the versions of its secrets. */
export function differsInSecretsOnly(
  one: { readonly secretless: string; readonly release: string },
  other: typeof one,
) {
  return one.release !== other.release && one.secretless === other.secretless;
}

export function hasBytes(world: World, target: Pick<Target, 'entry'>): boolean {
  return target.entry.members.every((member) => world.observed.local.has(localKey(member)));
}

/** Its bytes are local, and nobody has to have signed them: whether they are signed as the policies of now ask is seen on the way. */
export function needsNoFetch(world: World, target: Pick<Target, 'entry'>): boolean {
  return hasBytes(world, target) && target.entry.members.every(({ signatures }) => signatures === undefined);
}

/**
 * Serving cannot answer: it has no ready replica although it was started and failed (a replica that is merely starting
 * after a restart of the engine is not down), or it fails in a row while the candidate does well.
 */
export function servingTrouble({ world, key, entry, wish }: EntryContext): string | undefined {
  const { serving, candidate } = entry;
  if (!serving || isIdle(world, key, entry) || !world.observed.engine) return undefined;
  const group = groupOf(key, serving.release);
  const { windowMs } = serving.release.entry.supervision;
  const failures = failuresWithin(entry.failures, group, world.memory.clockMs, windowMs);
  if (!canAnswer(world, key, serving.release) && failures.length > 0) {
    return `serving has no ready replica (${failures.length} failed; the last: ${failures.at(-1)!.message})`;
  }
  const limit = serving.release.entry.rollout.settings.gate.hardStops.consecutiveErrors;
  const run = samplesOf(world, serving.release.release)?.consecutiveFailures ?? 0;
  if (run < limit || candidate?.release.release !== wish.target?.release.release) return undefined;
  return doesWell(world, candidate) ? `serving fails ${run} times in a row while the candidate does well` : undefined;
}

function doesWell(world: World, candidate: EntryDraft['candidate']): boolean {
  if (candidate?.state !== 'Canary') return false;
  const { gate } = candidate.release.entry.rollout.settings;
  const run = samplesOf(world, candidate.release.release)?.consecutiveFailures ?? 0;
  const { recent, errors } = candidate.trial;
  return (
    run === 0 &&
    errors.ratio <= 0 &&
    recent.candidate.requests >= gate.hardStops.consecutiveErrors &&
    !isOutage(recent.candidate, gate.errors.intolerable)
  );
}

export function samplesOf(world: World, release: string) {
  return world.engine.sample(release);
}

/** Deleted, and nothing of it runs: what is kept of it (ledger, quarantine) is no business of status and metrics. */
export function isGone({ entry, wish }: EntryContext): boolean {
  return wish.deleted && !entry.serving && !entry.candidate && entry.replicas.length === 0;
}

/** Does anything answer for this entry, itself or the owner it takes over from? */
export function somethingServes({ entry, predecessors }: EntryContext): boolean {
  return entry.serving !== undefined || predecessors.length > 0;
}

export function liveReplicas({ world, key, entry }: EntryContext): number {
  return entry.serving ? replicasOf(world, key, groupOf(key, entry.serving.release)).length : 0;
}
