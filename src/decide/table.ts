/**
 * The decision table of docs/rollouts.md §2, row by row: for each entry, the first row whose `when` gives its inputs.
 * `move` says what to do as data (a Move); walk.ts, bake.ts and settle.ts carry it out.
 */
import { short } from '../kit/digest.ts';
import { formatDuration } from '../kit/units.ts';
import type { End } from '../model/memory.ts';
import type { Reason } from '../model/status.ts';
import { emergencyFor, isServing, servingTrouble, somethingServes, usableProof, type EntryContext } from './context.ts';
import { refused, sentenceOf } from './ends.ts';

export type Move =
  /** Weights, candidate and clocks stay as they are. */
  | { readonly type: 'Hold'; readonly reason: Reason; readonly why: string; readonly clocks: 'Run' | 'Stop' }
  /** Nothing to bring about; a candidate of something else goes. */
  | { readonly type: 'Settle'; readonly why: string }
  /** It leaves: out of the routes, drained, stopped. */
  | { readonly type: 'Remove'; readonly why: string }
  /** No attempt may be in flight; serving serves. */
  | { readonly type: 'Drop'; readonly reason: Reason; readonly why: string }
  /** Desired goes its way: through its steps, or at readiness; `first`: before others, without waiting for a slot. */
  | { readonly type: 'Walk'; readonly how: 'Steps' | 'AtReadiness'; readonly first: boolean; readonly why: string };

export type Inputs = { readonly [name: string]: string };

export interface Row {
  readonly row: number;
  readonly name: string;
  when(context: EntryContext): Inputs | false;
  move(context: EntryContext, inputs: Inputs): Move;
}

export const TABLE: readonly Row[] = [
  {
    row: 1,
    name: 'its document is invalid',
    when: ({ wish }) =>
      wish.invalid !== undefined && { file: placeOf(wish.invalid), problem: firstProblem(wish.invalid) },
    move: ({ entry }, { file, problem }) => ({
      type: 'Hold',
      reason: 'InvalidManifest',
      why: `${file}: ${problem}; ${entry.desired ? 'its last valid form stays in force' : 'it was never valid'}`,
      clocks: 'Run',
    }),
  },
  {
    row: 2,
    name: 'it is deleted',
    when: ({ wish, pruneHeld, heirs }) =>
      wish.deleted && {
        ...(pruneHeld ? { held: pruneHeld } : {}),
        ...(heirs.length > 0 ? { heirs: heirs.join(' ') } : {}),
      },
    move: (_, { held, heirs }) => {
      if (held) return { type: 'Hold', reason: 'PruneHeld', why: held, clocks: 'Run' };
      if (heirs) return { type: 'Hold', reason: 'Progressing', why: `drains after ${heirs} has baked`, clocks: 'Run' };
      return { type: 'Remove', why: 'it is no longer in git' };
    },
  },
  {
    row: 3,
    name: 'desired = serving',
    when: (context) => isServing(context) && { serving: short(context.entry.serving!.release.release) },
    move: (_, { serving }) => ({ type: 'Settle', why: `release ${serving} serves and is what git says` }),
  },
  {
    row: 4,
    name: 'suspend',
    when: ({ wish }) => wish.target?.entry.suspend === true && { suspend: 'true' },
    move: () => ({
      type: 'Hold',
      reason: 'Suspended',
      why: 'spec.suspend is true: weights hold and clocks stop; hard stops still roll back',
      clocks: 'Stop',
    }),
  },
  {
    row: 5,
    name: 'emergency names this release',
    when: (context) => {
      const reason = emergencyFor(context);
      return reason !== undefined && { emergency: reason };
    },
    move: (_, { emergency }) => walk('AtReadiness', true, `emergency: ${emergency}`),
  },
  {
    row: 6,
    name: 'attempt quarantined or parked',
    when: ({ wish, end, entry, groupFailure, world }): Inputs | false => {
      const refusal = wish.target?.entry.refusals[0];
      if (refusal) {
        const ending = refused(refusal);
        return { end: ending.reason, why: sentenceOf(ending) };
      }
      if (entry.judging && entry.judging.attempt === wish.target?.attempt) {
        return { end: 'Judging', why: `rolled back, being judged: ${entry.judging.why}` };
      }
      if (end) return { end: end.kind, why: sentenceOf(end), ...retryIn(end, world.memory.clockMs) };
      return groupFailure !== undefined && { end: 'Group', why: groupFailure };
    },
    move: ({ end }, inputs) => ({
      type: 'Drop',
      reason: parkedReason(inputs['end']!, end?.reason),
      why: inputs['why']!,
    }),
  },
  {
    row: 7,
    name: 'nothing serves',
    when: (context) => !somethingServes(context) && { serving: 'none' },
    move: () => walk('AtReadiness', false, 'first deployment: readiness, then all traffic, then its bake'),
  },
  {
    row: 8,
    name: 'desired is in the ledger',
    when: (context) => {
      const proof = usableProof(context);
      return proof !== undefined && { proven: short(proof.release.release), commit: short(proof.commit) };
    },
    move: (_, { proven, commit }) =>
      walk('AtReadiness', true, `release ${proven} was proven at ${commit}: readiness, switch, bake; no steps`),
  },
  {
    row: 9,
    name: 'its breaker is open',
    when: ({ breakerForMs, wish }) =>
      breakerForMs !== undefined && {
        rollbacks: String(wish.target!.entry.rollout.settings.breaker.maxRollbacks),
        closesIn: formatDuration(Math.ceil(breakerForMs / 1000) * 1000),
      },
    move: ({ wish }, { rollbacks }) => ({
      type: 'Drop',
      reason: 'BreakerOpen',
      why: `${rollbacks} rollbacks within ${formatDuration(wish.target!.entry.rollout.settings.breaker.windowMs)}; it closes by itself`,
    }),
  },
  {
    row: 10,
    name: 'a freeze window is open',
    when: ({ freeze }) =>
      freeze !== undefined && {
        window: freeze.name,
        ...(freeze.lifted ? { lifted: 'by the commit of this change' } : {}),
        closesIn: formatDuration(Math.ceil(freeze.closesInMs / 60_000) * 60_000),
      },
    move: (_, { window, lifted }) => ({
      type: 'Drop',
      reason: 'FreezeWindow',
      why: lifted
        ? `freeze window ${window} was open before this commit, which cannot lift it for its own change: it starts afterwards, or with the next commit`
        : `freeze window ${window} is open; the attempt is not quarantined and starts afterwards`,
    }),
  },
  {
    row: 11,
    name: 'serving cannot answer',
    when: (context) => {
      const trouble = servingTrouble(context);
      return trouble !== undefined && { trouble };
    },
    move: (_, { trouble }) => walk('AtReadiness', true, `${trouble}: desired takes all traffic when it is ready`),
  },
  {
    row: 12,
    name: 'candidate = desired',
    when: ({ entry, wish }) =>
      entry.candidate?.release.release === wish.target?.release.release && {
        state: entry.candidate!.state,
        step: String(entry.candidate!.step),
        weight: String(entry.candidate!.weight),
      },
    move: (_, { state, step }) => walk('Steps', false, state === 'Canary' ? `at step ${step}` : `on its way: ${state}`),
  },
  {
    row: 13,
    name: 'otherwise',
    when: ({ entry, wish }) => ({
      desired: short(wish.target?.release.release ?? ''),
      candidate: entry.candidate ? short(entry.candidate.release.release) : 'none',
    }),
    move: (_, { desired, candidate }) =>
      walk(
        'Steps',
        false,
        `start ${desired} at its first step${candidate === 'none' ? '' : `; ${candidate} is preempted`}`,
      ),
  },
];

export interface Chosen {
  readonly row: Row;
  readonly inputs: Inputs;
  readonly move: Move;
}

/** The first row that matches; the last one always does. */
export function choose(table: readonly Row[], context: EntryContext): Chosen {
  for (const row of table) {
    const inputs = row.when(context);
    if (inputs) return { row, inputs, move: row.move(context, inputs) };
  }
  throw new Error('the table has no row for this entry: its last row has to match everything');
}

function walk(how: 'Steps' | 'AtReadiness', first: boolean, why: string): Move {
  return { type: 'Walk', how, first, why };
}

/** `file:line:column` of what is wrong first, as an editor takes it. */
function placeOf({ file, problems }: NonNullable<EntryContext['wish']['invalid']>): string {
  const span = problems[0]?.span;
  return span ? `${span.file}:${span.line}:${span.column}` : file;
}

function firstProblem({ problems }: NonNullable<EntryContext['wish']['invalid']>): string {
  const [first] = problems;
  return first ? `${first.code}: ${first.message}` : 'it cannot be read';
}

function retryIn({ retryAtMs }: End, clockMs: number): Inputs {
  return retryAtMs === undefined ? {} : { retryIn: formatDuration(Math.ceil((retryAtMs - clockMs) / 1000) * 1000) };
}

function parkedReason(end: string, reason: Reason | undefined): Reason {
  if (end === 'Failed') return 'Quarantined';
  if (end === 'Judging') return 'RolledBack';
  if (end === 'Group') return 'GroupRolledBack';
  if (end === 'PolicyExceeded') return end;
  return reason ?? 'Refused';
}
