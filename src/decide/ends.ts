/**
 * The four ends of an attempt and what releases each (rollouts.md §3). An end is remembered by attempt, so a change of
 * content, strategy, gate, probes or `retry` is another attempt and nothing here holds it; the other releases are
 * written as `inputs` (a hash that has to stay the same) or as a time.
 */
import { hashOfJson, short } from '../kit/digest.ts';
import type { Json } from '../kit/json.ts';
import type { End, EndKind, Release } from '../model/memory.ts';
import type { Problem } from '../model/problem.ts';
import type { Evidence, Reason } from '../model/status.ts';
import { MAX_ENDS, type EntryDraft } from './memory.ts';
import type { Target, World } from './world.ts';

const FIRST_RETRY_MS = 5_000;
const MAX_RETRY_MS = 300_000;

export interface Ending {
  readonly kind: EndKind;
  readonly reason: Reason;
  readonly why: string;
  readonly releasedBy: string;
  readonly evidence?: readonly Evidence[];
  /** Traffic leaves at once, whatever what serves has ready. */
  readonly atOnce?: boolean;
}

export function failed(release: Release, why: string, evidence: readonly Evidence[], atOnce = false): Ending {
  const retry = release.entry.rollout.retry + 1;
  const releasedBy =
    `change the component, its strategy, gate or probes; or \`git revert\` the commit; ` +
    `or write spec.rollout.retry: ${retry} to try the same again`;
  return { kind: 'Failed', reason: 'RolledBack', why, releasedBy, evidence, atOnce };
}

/** A ceiling of a Policy has its own reason: what releases it is somebody else's document. */
export function refusalReason({ code }: Problem): 'Refused' | 'PolicyExceeded' {
  return code === 'HW1040' ? 'PolicyExceeded' : 'Refused';
}

export function refused(problem: Problem): Ending {
  const reason = refusalReason(problem);
  return { kind: 'Refused', reason, why: `${problem.code}: ${problem.message}`, releasedBy: problem.remedy };
}

export function waiting(why: string, reason: 'Waiting' | 'SharedOutage', evidence: readonly Evidence[] = []): Ending {
  return { kind: 'Waiting', reason, why, releasedBy: 'nothing to edit: it is tried again by itself', evidence };
}

/** It is tried again, but may never succeed by that alone: the remedy of what is in the way goes first. */
export function waitingFor(why: string, remedy: string | undefined): Ending {
  const ending = waiting(legible(why), 'Waiting');
  return remedy ? { ...ending, releasedBy: `${legible(remedy)} (it is tried again by itself)` } : ending;
}

/** Ids of groups and replicas carry a whole revision; people get the twelve digits that they can compare. */
export function legible(text: string): string {
  return text.replaceAll(/@([0-9a-f]{64})(?![0-9a-f])/g, (_, revision: string) => `@${short(revision)}`);
}

export function withoutSamples(release: Release, why: string, evidence: readonly Evidence[]): Ending {
  const releasedBy =
    `send it traffic and write spec.rollout.retry: ${release.entry.rollout.retry + 1}; or lengthen the step's deadline; ` +
    `or set gate.insufficientData: Synthesize with a request in gate.synthetic`;
  return { kind: 'Inconclusive', reason: 'Inconclusive', why, releasedBy, evidence };
}

export function withoutApproval(release: Release, name: string, why: string): Ending {
  const releasedBy = `write spec.rollout.approvals: [{name: ${name}, revision: ${short(release.revision)}}]`;
  return { kind: 'Inconclusive', reason: 'Inconclusive', why, releasedBy };
}

/** Writes the end down and forgets the one that the same attempt had before. */
export function recordEnd(world: World, entry: EntryDraft, release: Release, attempt: string, ending: Ending): End {
  const before = entry.ends.find((end) => end.attempt === attempt);
  const tries = ending.kind === 'Waiting' ? (before?.tries ?? 0) + 1 : undefined;
  const emergency = release.entry.rollout.emergency;
  const end: End = {
    kind: ending.kind,
    attempt,
    release: release.release,
    revision: release.revision,
    commit: release.commit,
    reason: ending.reason,
    why: ending.why,
    releasedBy: ending.releasedBy,
    evidence: ending.evidence ?? [],
    atMs: world.memory.clockMs,
    atWallMs: world.now.wallMs,
    inputs: inputsOf(world, ending.kind, release),
    tries,
    retryAtMs: tries === undefined ? undefined : world.memory.clockMs + retryDelayMs(tries),
    emergency: emergency && hashOfJson({ ...emergency }),
  };
  entry.ends = [end, ...entry.ends.filter((other) => other.attempt !== attempt)].slice(0, MAX_ENDS);
  return end;
}

export function retryDelayMs(tries: number): number {
  return Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(tries - 1, 20));
}

/** What, besides another attempt, releases this kind of end when it changes. */
function inputsOf(world: World, kind: EndKind, release: Release): string | undefined {
  if (kind === 'Refused') {
    // Where the bytes come from is in no revision: another server may have the right ones.
    const sources = release.entry.members.map(({ source }) => source).filter(({ type }) => type !== 'path');
    return hashOfJson({ policies: world.desired.policies, sources } as unknown as Json);
  }
  if (kind === 'Inconclusive') return hashOfJson({ approvals: release.entry.rollout.approvals as unknown as Json });
  return undefined;
}

/** The end that holds a target now; undefined: nothing does. */
export function holdingEnd(world: World, entry: EntryDraft, target: Target): End | undefined {
  const end = entry.ends.find((candidate) => candidate.attempt === target.attempt);
  if (!end) return undefined;
  if (end.kind === 'Waiting')
    return end.retryAtMs !== undefined && world.memory.clockMs < end.retryAtMs ? end : undefined;
  return end.inputs === undefined || end.inputs === inputsOf(world, end.kind, target.release) ? end : undefined;
}

/** One line for people: what happened and the edit that releases it. Holds no clock: it is compared and published. */
export function sentenceOf(end: Pick<End, 'why' | 'releasedBy'>): string {
  return `${end.why}. To release it: ${end.releasedBy}.`;
}
