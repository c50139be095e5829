/**
 * Which edges of a rollout histories have taken: read from two journalled forms of an entry, one decision apart. A
 * decision takes as many edges as it can; the states in between count as passed.
 */
import type { Candidate, CandidateState, EntryMemory } from '../../src/model/memory.ts';
import type { Member } from '../../src/model/component.ts';
import type { MemoryParts } from '../../src/model/memory-parts.ts';
import { stepOf } from '../../src/decide/steps.ts';

const WAY: readonly CandidateState[] = [
  'Pending',
  'Fetching',
  'Verified',
  'Prepared',
  'Handover',
  'Copying',
  'Warming',
  'Ready',
];

/** States that only some pass. */
const PAUSES: readonly CandidateState[] = ['Handover', 'Copying'];

export class Coverage {
  readonly edges = new Map<string, number>();

  /** A step was journalled. */
  journalled(before: MemoryParts, after: MemoryParts): void {
    for (const edge of revocationEdges(before, after)) this.#count(edge);
    for (const [part, value] of Object.entries(after)) {
      if (!part.startsWith('entries/') || before[part] === value) continue;
      const was = (before[part] ?? { warm: [], ends: [] }) as unknown as EntryMemory;
      for (const edge of edgesOf(was, value as unknown as EntryMemory)) this.#count(edge);
    }
  }

  merge(other: Coverage): void {
    for (const [edge, count] of other.edges) this.edges.set(edge, (this.edges.get(edge) ?? 0) + count);
  }

  /** A line for each edge, and how often it was taken. */
  printed(): string {
    const lines = [...this.edges].sort(([one], [other]) => (one < other ? -1 : 1));
    return lines.map(([edge, count]) => `${String(count).padStart(7)}  ${edge}`).join('\n');
  }

  #count(edge: string): void {
    this.edges.set(edge, (this.edges.get(edge) ?? 0) + 1);
  }
}

function edgesOf(was: EntryMemory, is: EntryMemory): readonly string[] {
  const edges = [...candidateEdges(was, is), ...bakeEdges(was, is)];
  return [...edges, ...sharedEdges(was, edges), ...otherEdges(was, is)];
}

/** The same edges once more where the change is one of a linked member: by what they end in, whatever the state before. */
function sharedEdges({ serving, candidate, ledger }: EntryMemory, edges: readonly string[]): readonly string[] {
  const to = candidate ?? (serving?.bake ? serving : undefined);
  const from = candidate ? serving?.release : ledger?.[0]?.release;
  if (!to || !from || !isSharedChange(from.entry.members, to.release.entry.members)) return [];
  return edges.flatMap((edge) => {
    const found =
      /(?:> (?:Promoted|Proven|Judging|Degraded)|ends .*|goes back with its group|preempted|reverted)$/.exec(edge);
    return found ? [`shared change ${found[0]}`] : [];
  });
}

function isSharedChange([, ...was]: readonly Member[], [, ...is]: readonly Member[]): boolean {
  return was.length > 0 && is.length > 0 && was.some(({ artifact }, index) => artifact !== is[index]?.artifact);
}

function revocationEdges(before: MemoryParts, after: MemoryParts): readonly string[] {
  const [was, is] = [before['revocation'], after['revocation']];
  const isOther = JSON.stringify(before['ceilings']) !== JSON.stringify(after['ceilings']);
  if (!was && is) return ['Policies > held'];
  if (was && !is) return [isOther ? 'held > in force' : 'held > taken back'];
  return !was && isOther && before['ceilings'] ? ['Policies > in force'] : [];
}

/** In its steps a candidate is in the state of its strategy, and of what the step gives it. */
function nameOf(candidate: Candidate): string {
  const { state, release } = candidate;
  if (state !== 'Canary') return state;
  const { type } = release.entry.rollout.settings.strategy;
  if (type === 'BlueGreen') return 'Preview';
  if (type === 'Rolling') return 'Rolling';
  const step = stepOf(candidate);
  const parts = [step?.headers && 'header', step?.mirror && 'mirror', candidate.weight > 0 && 'weight'];
  return `Canary(${parts.filter(Boolean).join('+') || 'nothing'})`;
}

/** Where an entry is, in the words of the edges; `Proven` and `Unproven` once nothing is tried or watched any more. */
export function stateOf({ candidate, serving }: EntryMemory): string {
  if (candidate) return nameOf(candidate);
  if (serving?.bake?.state === 'Watching') return 'Promoted';
  if (!serving) return 'None';
  return serving.proven ? 'Proven' : 'Unproven';
}

function candidateEdges(was: EntryMemory, is: EntryMemory): readonly string[] {
  const { candidate: from } = was;
  const { candidate: to } = is;
  if (!from && !to) return [];
  if (!from) return ['None > Pending', ...between('Pending', to!)];
  if (!to) return goneEdges(from, was, is);
  if (from.release.release !== to.release.release) return [`${nameOf(from)} preempted`, ...between('Pending', to)];
  return walked(from, to);
}

function walked(from: Candidate, to: Candidate): readonly string[] {
  const [one, other] = [nameOf(from), nameOf(to)];
  if (from.state === to.state && from.step === to.step) {
    return from.attempt === to.attempt ? [] : [`${one} edited`];
  }
  if (from.attempt !== to.attempt) return [`${one} edited`, `${one} edited > ${other}`];
  const isBack = WAY.includes(to.state) && (from.state === 'Canary' || WAY.indexOf(to.state) < WAY.indexOf(from.state));
  if (isBack) return [`${one} back to ${other}`];
  if (from.state === 'Canary') return [`${one} > ${other}`];
  return between(from.state, to);
}

/** Each edge from one state on the way to where it is now. */
function between(from: CandidateState, to: Candidate): readonly string[] {
  const name = nameOf(to);
  if (to.state === from) return [];
  // A singleton hands over between Prepared and Warming; others do not pass that state.
  const isMigrating = to.copy !== undefined;
  // Nothing is fetched and verified in one decision: who is prepared at once had its bytes (the fast path).
  const isFast = from === 'Pending' && to.state !== 'Fetching';
  const way = WAY.filter(
    (state) =>
      (!PAUSES.includes(state) || state === from || to.state === state || (state === 'Copying' && isMigrating)) &&
      !(isFast && (state === 'Fetching' || state === 'Verified')),
  );
  const start = way.indexOf(from);
  const end = to.state === 'Canary' ? way.length - 1 : way.indexOf(to.state);
  const passed = way.slice(start, end + 1);
  const edges = passed.slice(1).map((state, index) => `${passed[index]} > ${state}`);
  return to.state === 'Canary' ? [...edges, `Ready > ${name}`] : edges;
}

function goneEdges(from: Candidate, was: EntryMemory, is: EntryMemory): readonly string[] {
  const name = nameOf(from);
  const { serving } = is;
  if (serving?.bake && serving.release.release === from.release.release && serving !== was.serving) {
    const last: Candidate = { ...from, state: 'Ready' };
    return from.state === 'Canary' ? [`${name} > Promoted`] : [...between(from.state, last), 'Ready > Promoted'];
  }
  const end = is.ends.find((one) => one.attempt === from.attempt && !was.ends.includes(one));
  const known = was.ends.some((one) => one.attempt === end?.attempt && one.atMs === end.atMs);
  if (end && !known) return [`${name} ends ${end.kind}`];
  if (is.deletedIn !== undefined) return [`${name} removed`];
  if (serving?.release.release === is.shown?.release) return [`${name} reverted`];
  return [`${name} taken back`];
}

function bakeEdges(was: EntryMemory, is: EntryMemory): readonly string[] {
  const from = was.serving?.bake;
  if (from?.state !== 'Watching') return [];
  const { serving } = is;
  if (!serving || serving.release.release !== was.serving!.release.release) {
    if (is.deletedIn !== undefined && !serving) return ['Promoted removed'];
    if (serving?.bake && serving.bake.sinceMs !== from.sinceMs) return ['Promoted preempted'];
    return [is.judging?.attempt === was.serving!.attempt ? 'Promoted > Judging' : 'Promoted goes back with its group'];
  }
  if (serving.proven) return ['Promoted > Proven'];
  if (serving.degraded !== undefined) return ['Promoted > Degraded'];
  if (serving.bake?.state === 'Preempted') return ['Promoted preempted'];
  if (serving.bake?.state === 'Unproven') return ['Promoted ends without proof'];
  return serving.attempt === was.serving!.attempt ? [] : ['Promoted edited'];
}

function otherEdges(was: EntryMemory, is: EntryMemory): readonly string[] {
  const edges: string[] = [];
  if (was.judging && !is.judging) {
    const end = is.ends.find((one) => one.attempt === was.judging!.attempt);
    edges.push(end ? `Judging ends ${end.kind}` : 'Judging removed');
  }
  if (!was.leaving && is.leaving) edges.push('Rolling > Leaving');
  if (was.leaving && !is.leaving) edges.push('Leaving > gone');
  return edges;
}
