/**
 * Takes the walking members of a party along: each by itself up to `Ready`, from there all together, step by step, to
 * one switch. A party of one is the common case and no special one.
 */
import { short } from '../kit/digest.ts';
import { formatDuration } from '../kit/units.ts';
import type { Candidate, CandidateState } from '../model/memory.ts';
import type { Approval } from '../model/rollout.ts';
import { groupId } from '../model/snapshot.ts';
import { differsInSecretsOnly, type EntryContext } from './context.ts';
import { beginCopy, changesData, endMigration, migrates, othersWith } from './data.ts';
import { editOf, follow } from './edits.ts';
import { failed, waiting, withoutApproval, withoutSamples, type Ending } from './ends.ts';
import { freshTrial } from './gate/tally.ts';
import { nextStep } from './gate/trial.ts';
import { withBake, withCandidate } from './memory.ts';
import type { Parties } from './parties.ts';
import { atScale } from './rolling.ts';
import { fullCount } from './scaling.ts';
import { leave, takeDown } from './retreat.ts';
import { callsOf, firingsOf } from './schedule/calls.ts';
import { isHandingOver, takesOver } from './singleton.ts';
import { deadlineEnding, STATES, type StateContext } from './states.ts';
import { isBlueGreen, isRolling, shareText, stepOf, stepsOf, type Step } from './steps.ts';
import { promote } from './switches.ts';
import { endCandidate } from './candidate-end.ts';
import type { Move } from './table.ts';
import { entryOf, readyCount, say, type World } from './world.ts';

export interface Walker {
  readonly context: EntryContext;
  readonly move: Extract<Move, { type: 'Walk' }>;
}

const MAX_PREEMPTIONS = 3;

/** Makes sure that the candidate is what git says: starts it, replaces another, or follows an edit of its attempt. */
export function seat(world: World, { context }: Walker): void {
  const { key, entry, wish, party } = context;
  const target = wish.target!;
  if (entry.serving?.bake?.state === 'Watching') {
    withBake(entry, { state: 'Preempted' });
    say(world, key, {
      reason: 'Progressing',
      message: 'a newer desired ends the bake without proof',
      commit: entry.serving.release.commit,
    });
  }
  const present = entry.candidate;
  if (present?.release.release === target.release.release) {
    const edit = editOf(present, target, world.memory.clockMs);
    if (edit?.change.weight === 0) leave(world, key, present.release, present.weight);
    if (edit) say(world, key, { reason: 'Progressing', message: edit.why });
    return follow(entry, target, edit);
  }
  if (present) {
    entry.preemptions += 1;
    const starved = entry.preemptions >= MAX_PREEMPTIONS;
    say(world, key, {
      reason: starved ? 'Starved' : 'Progressing',
      message: `release ${short(present.release.release)} is preempted by ${short(target.release.release)}${starved ? `, the ${entry.preemptions}th in a row without a promotion: slow down the commits` : ''}`,
      commit: present.release.commit,
    });
  }
  const inPlace = present !== undefined && differsInSecretsOnly(present.release, target.release);
  takeDown(world, key);
  entry.candidate = {
    release: target.release,
    attempt: target.attempt,
    state: 'Pending',
    sinceMs: world.memory.clockMs,
    step: 0,
    resumeStep: inPlace && present.step > 0 ? present.step : undefined,
    weight: 0,
    party: party.name,
    trial: freshTrial(world.memory.clockMs),
  };
  say(world, key, { reason: 'Progressing', message: `release ${short(target.release.release)} starts` });
}

/** Each walker by itself, as far as `Ready`; the edges of states.ts, as many as can be taken now. */
export function approach(world: World, walkers: readonly Walker[], slots: ReadonlySet<string>, parties: Parties): void {
  for (const walker of walkers) {
    const { context, move } = walker;
    const { key, entry } = context;
    bring(walker);
    for (let edges = 0; edges < STATES.length && entry.candidate; edges++) {
      const { candidate } = entry;
      const row = STATES.find(({ state }) => state === candidate.state);
      if (!row) break;
      const group = groupId(key, candidate.release.revision);
      const sameCells = entry.serving?.release.revision === candidate.release.revision;
      const step: StateContext = {
        context,
        world,
        key,
        entry,
        candidate,
        preparation: world.observed.preparations.get(group),
        slot: slots.has(key),
        fast: sameCells || (move.how === 'AtReadiness' && move.first),
      };
      const edge = row.next(step) ?? lateEdge(row, step);
      if (!edge) break;
      if ('end' in edge) endCandidate(world, key, edge.end, parties);
      else enter(world, context, edge.to);
    }
  }
}

function lateEdge(row: (typeof STATES)[number], step: StateContext): { end: Ending } | undefined {
  const end = deadlineEnding(row, step);
  return end && { end };
}

function enter(world: World, { entry }: EntryContext, state: CandidateState): void {
  if (state === 'Ready') endMigration(entry);
  withCandidate(entry, { state, sinceMs: world.memory.clockMs });
  if (state === 'Copying') beginCopy(world, entry);
}

/** How many replicas the candidate is to have: those of its step, or all where it takes no steps. */
function bring(walker: Walker, step?: number): void {
  const { entry } = walker.context;
  const { candidate } = entry;
  if (!candidate) return;
  const stays = candidate.state === 'Canary' && step === undefined;
  const at = stays ? candidate.step : (step ?? candidate.resumeStep ?? 1);
  const replicas = isStepping(walker)
    ? stays
      ? candidate.replicas
      : stepsOf(candidate.release.entry)[at - 1]?.replicas
    : undefined;
  if (replicas !== candidate.replicas) withCandidate(entry, { replicas });
}

/** From `Ready` on, together: the first step, the next one, or the switch. Who came later catches up step by step. */
export function advance(world: World, walkers: readonly Walker[], parties: Parties): void {
  const stepping = walkers.filter(isStepping);
  const assembled = walkers.every(isAssembled);
  if (!assembled || !world.acknowledged) return;
  // One share at a time is on the move.
  if (walkers.some(({ context: { entry } }) => entry.leaving)) return;

  const arriving = stepping.filter(({ context }) => context.entry.candidate!.state === 'Ready');
  if (arriving.length > 0) return enterSteps(world, arriving, (walker) => candidateOf(walker).resumeStep ?? 1);
  for (const walker of stepping) {
    const ending = lateInStep(world, walker);
    if (ending) return endCandidate(world, walker.context.key, ending, parties);
  }
  const underWay = stepping.filter((walker) => candidateOf(walker).step < stepsFor(walker.context).length);
  if (underWay.length === 0) {
    if (!stepping.every(hasPassed)) return;
    for (const walker of stepping) bring(walker, Number.POSITIVE_INFINITY);
    return handOver(world, walkers, parties);
  }
  const lowest = Math.min(...underWay.map((walker) => candidateOf(walker).step));
  const next = underWay.filter((walker) => candidateOf(walker).step === lowest);
  if (!next.every(hasPassed)) return;
  for (const walker of next) bring(walker, lowest + 1);
  enterSteps(world, next, () => lowest + 1);
}

/** All of them or none: the weights of a party rise in one snapshot. */
function enterSteps(world: World, walkers: readonly Walker[], stepFor: (walker: Walker) => number): void {
  if (!walkers.every((walker) => mayRise(world, walker, stepFor(walker)))) return;
  for (const walker of walkers) enterStep(world, walker, stepFor(walker));
}

function candidateOf({ context }: Walker): NonNullable<EntryContext['entry']['candidate']> {
  return context.entry.candidate!;
}

/** It has what it needs to go on with the others; a singleton needs no more than its bytes before its pause. */
function isAssembled({ context: { entry } }: Walker): boolean {
  const { candidate } = entry;
  if (!candidate) return false;
  const { state, release } = candidate;
  return isUp(state) || (takesOver(entry, release) && (state === 'Prepared' || isHandingOver(entry)));
}

function isUp(state: CandidateState): boolean {
  return state === 'Ready' || state === 'Canary';
}

/** Singletons pause last, when nothing else of their party is left to wait for; then all are switched to. */
function handOver(world: World, walkers: readonly Walker[], parties: Parties): void {
  for (const { context } of walkers) {
    const approval = migrationApproval(context.entry);
    if (!approval) continue;
    const candidate = context.entry.candidate!;
    const sinceMs = candidate.trial.approvalSinceMs ?? world.memory.clockMs;
    withCandidate(context.entry, { trial: { ...candidate.trial, approvalSinceMs: sinceMs } });
    if (world.memory.clockMs - sinceMs < approval.deadlineMs) return;
    const why = `no approval by ${approval.name} within ${formatDuration(approval.deadlineMs)}`;
    return endCandidate(world, context.key, withoutApproval(candidate.release, approval.name, why), parties);
  }

  const singletons = walkers.filter(({ context: { entry } }) => takesOver(entry, entry.candidate!.release));
  const others = walkers.filter((walker) => !singletons.includes(walker));
  if (!others.every((walker) => mayRise(world, walker, Number.POSITIVE_INFINITY))) return;
  for (const { context } of singletons) {
    const { candidate, serving } = context.entry;
    // A firing in flight ends on its own release; the mailbox is not paused for it.
    if (candidate!.state !== 'Prepared' || firingsOf(world, context.key).length > 0) continue;
    const migrating = migrates(context.entry, candidate!.release);
    if (migrating && othersWith(world, context.key, candidate!.release).length > 0) continue;
    enter(world, context, 'Handover');
    if (migrating) context.entry.paused = true;
    const names = [serving!, candidate!].map(({ release }) => short(release.release));
    const then = migrating
      ? `its stores are copied, and release ${names[1]} migrates the copy and starts`
      : `then release ${names[1]} starts`;
    say(world, context.key, {
      reason: 'Progressing',
      message: `release ${names[0]} drains and ends, ${then}; requests wait in the mailbox`,
      commit: candidate!.release.commit,
    });
  }
  if (walkers.every((walker) => isUp(candidateOf(walker).state))) switchAll(world, walkers);
}

function stepsFor({ wish }: EntryContext): readonly Step[] {
  return stepsOf(wish.target!.entry);
}

/** Does this member need steps? Not where only triggers or secret versions change, and not where nothing calls it. */
export function isStepping({ context, move }: Walker): boolean {
  const { entry, wish } = context;
  const { release } = wish.target!;
  if (move.how === 'AtReadiness' || stepsFor(context).length === 0) return false;
  if (callsOf(release.entry) === 'Nothing' || takesOver(entry, release) || changesData(entry, release)) return false;
  const serving = entry.serving?.release;
  return !(serving && (serving.revision === release.revision || differsInSecretsOnly(serving, release)));
}

/** "Weight rises only when the candidate's ready replicas ≥ weight × serving's." After the last step: all of it. */
function mayRise(world: World, { context }: Walker, stepNumber: number): boolean {
  const { key, entry, predecessors } = context;
  const { release } = entry.candidate!;
  const behind = entry.serving
    ? readyCount(world, key, entry.serving.release)
    : Math.max(0, ...predecessors.map((owner) => readyCount(world, owner, entryOf(world, owner).serving!.release)));
  const step = stepsFor(context)[stepNumber - 1];
  const full = fullCount(entry, release);
  // What serves beside a rolling release is what that has left of it, and no measure.
  const all = isRolling(release) && behind > 0 ? full : behind;
  // Where requests wait, the first replica alone would get all of them.
  const beside = migrates(entry, release) ? full : 1;
  const share = Math.min(Math.ceil(((step?.capacity ?? 100) / 100) * all), full);
  const needed = step?.replicas === undefined ? share : atScale(entry, release, step.replicas);
  return readyCount(world, key, release) >= Math.max(beside, needed);
}

function enterStep(world: World, walker: Walker, step: number): void {
  const { key, entry } = walker.context;
  const candidate = candidateOf(walker);
  const { weight } = stepsFor(walker.context)[step - 1]!;
  withCandidate(entry, {
    state: 'Canary',
    step,
    weight,
    resumeStep: undefined,
    sinceMs: world.memory.clockMs,
    trial: nextStep(candidate.trial),
  });
  say(world, key, {
    reason: 'Progressing',
    message: `release ${short(candidate.release.release)} ${whereOf(walker, step)}`,
    evidence: candidate.trial.evidence,
    commit: candidate.release.commit,
  });
}

function whereOf({ context }: Walker, step: number): string {
  const steps = stepsFor(context);
  const present = steps[step - 1]!;
  const { entry } = context.wish.target!;
  if (isBlueGreen({ entry })) return 'stands beside what serves, without traffic, and is looked at';
  const share = present.replicas === undefined ? '' : `, ${present.replicas} of ${entry.scaling.minReplicas} replicas`;
  return `at step ${step} of ${steps.length}: ${shareText(present)}${share}`;
}

function hasPassed({ context: { entry } }: Walker): boolean {
  const candidate = entry.candidate!;
  return candidate.trial.verdict === 'Pass' && missingApproval(candidate) === undefined;
}

/** The approval that the present step waits for, once its gate has passed. */
export function missingApproval(candidate: NonNullable<EntryContext['entry']['candidate']>) {
  const approval = stepOf(candidate)?.approval;
  return approval && !isGiven(candidate, approval) ? approval : undefined;
}

/** A migration takes no steps: what their approvals are for is asked before it. */
export function migrationApproval(entry: EntryContext['entry']): Approval | undefined {
  const { candidate } = entry;
  if (candidate?.state !== 'Prepared' || !migrates(entry, candidate.release)) return undefined;
  const asked = stepsOf(candidate.release.entry).flatMap(({ approval }) => approval ?? []);
  return asked.find((approval) => !isGiven(candidate, approval));
}

function isGiven({ release }: Pick<Candidate, 'release'>, approval: Approval): boolean {
  return release.entry.rollout.approvals.some(
    ({ name, revision }) => name === approval.name && revision.length >= 12 && release.revision.startsWith(revision),
  );
}

function lateInStep(world: World, { context: { entry } }: Walker): Ending | undefined {
  const candidate = entry.candidate!;
  const { release, trial } = candidate;
  const step = stepOf(candidate);
  if (!step) return undefined;
  const approval = trial.verdict === 'Pass' ? missingApproval(candidate) : undefined;
  if (approval) {
    const sinceMs = trial.approvalSinceMs ?? world.memory.clockMs;
    withCandidate(entry, { trial: { ...trial, approvalSinceMs: sinceMs } });
    if (world.memory.clockMs - sinceMs < approval.deadlineMs) return undefined;
    return withoutApproval(
      release,
      approval.name,
      `no approval by ${approval.name} within ${formatDuration(approval.deadlineMs)}`,
    );
  }
  const elapsedMs = world.memory.clockMs - candidate.sinceMs;
  if (elapsedMs < step.deadlineMs) return undefined;
  if (trial.verdict === 'Pass') {
    const waits = candidate.replicas !== step.replicas;
    return waits ? waiting('the next replicas did not get ready by the deadline of the step', 'Waiting') : undefined;
  }
  const why = `step ${candidate.step} at ${shareText(step)} was not decided within ${formatDuration(step.deadlineMs)} (${trial.step.candidate.requests} samples, at least ${release.entry.rollout.settings.gate.minSamples} needed)`;
  return release.entry.rollout.settings.gate.insufficientData === 'Fail'
    ? failed(release, why, trial.evidence)
    : withoutSamples(release, why, trial.evidence);
}

/** All members at once: one snapshot, one assignment. */
function switchAll(world: World, walkers: readonly Walker[]): void {
  if (!walkers.every((walker) => mayRise(world, walker, Number.POSITIVE_INFINITY))) return;
  for (const walker of walkers) promote(world, walker.context.key, walker.context.predecessors, reasonOf(walker));
}

/** Why it takes all traffic now. */
function reasonOf({ context, move }: Walker): string {
  if (move.how === 'AtReadiness') return move.why;
  const { strategy } = context.wish.target!.entry.rollout.settings;
  if (takesOver(context.entry, context.wish.target!.release)) return 'what served has ended and it is ready';
  if (changesData(context.entry, context.wish.target!.release)) return 'it works on other data than what served';
  if (!isStepping({ context, move }))
    return strategy.type === 'Canary' ? 'nothing in it needs steps' : `strategy ${strategy.type}`;
  const { length } = stepsFor(context);
  return `it passed ${length === 1 ? 'its step' : `all its ${length} steps`}`;
}
