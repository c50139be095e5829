/** `headway plan --repo <dir> <base>..<head>`: reads two commits of a local repository with the daemon's own rooms. */
import { posix } from 'node:path';
import { pino } from 'pino';
import {
  areEmpty,
  environmentsGithub,
  environmentsMarkdown,
  environmentsText,
  escalate,
  promotionBetween,
  type EnvironmentsPlan,
  type PlannedEnvironment,
} from '../check/plan/environments.ts';
import { planGithub } from '../check/plan/github.ts';
import { liveEntryOf, liveOf, plannedRevocation, statusOfRoot } from '../check/plan/live.ts';
import { planMarkdown } from '../check/plan/markdown.ts';
import { escalationsOf, planOf, type Plan, type PlannedEntry } from '../check/plan/plan.ts';
import { isEmpty } from '../check/plan/summary.ts';
import { planText } from '../check/plan/text.ts';
import { printProblem } from '../check/print.ts';
import { fetchStatus } from '../check/status-client.ts';
import type { Terminal } from '../check/terminal.ts';
import { openTierReader } from '../component/tier-reader.ts';
import { openLocal } from '../git/local.ts';
import { err, ok, type Result } from '../kit/result.ts';
import type { Desired } from '../model/desired.ts';
import { PLAN_EXIT, type ExitCode } from '../model/exit.ts';
import type { Problem } from '../model/problem.ts';
import type { Status } from '../model/status.ts';
import { openManifestParser } from './manifest-parser.ts';
import { stateAt, type PlannedState } from './planned-state.ts';
import { openShapeReader } from './shape-reader.ts';

export const PLAN_FORMATS = ['text', 'json', 'markdown', 'github'] as const;
export type PlanFormat = (typeof PLAN_FORMATS)[number];

export interface PlanOptions {
  readonly repo: string;
  readonly path: string;
  readonly base: string;
  readonly head: string;
  readonly format: PlanFormat;
  /** Status address of a daemon to ask what is live and quarantined. */
  readonly live?: string;
  readonly failOnEscalation: boolean;
  /** Folders below `path`, each followed by a daemon of its own; in the order in which changes are promoted. */
  readonly environments?: readonly string[];
}

const PRINT: Readonly<Record<PlanFormat, (plan: Plan) => string>> = {
  text: planText,
  json: (plan) => `${JSON.stringify(plan, undefined, 2)}\n`,
  markdown: planMarkdown,
  github: planGithub,
};

const PRINT_ALL: Readonly<Record<PlanFormat, (plan: EnvironmentsPlan) => string>> = {
  text: environmentsText,
  json: (plan) => `${JSON.stringify(plan, undefined, 2)}\n`,
  markdown: environmentsMarkdown,
  github: environmentsGithub,
};

/** 0: nothing changes. 2: something does. 1: it cannot be read, is not valid or refused, or escalates against the flag. */
export async function planCommand(options: PlanOptions, terminal: Terminal): Promise<ExitCode> {
  const { environments = [] } = options;
  if (environments.length > 0) return planEnvironments(options, environments, terminal);
  const compared = await planBetween(options);
  if (!compared.ok) {
    printProblem(terminal, compared.error);
    return PLAN_EXIT.Error;
  }
  const { plan } = compared.value;
  terminal.out(PRINT[options.format](plan));
  if (isRefused(plan) || (options.failOnEscalation && escalationsOf(plan).length > 0)) return PLAN_EXIT.Error;
  return isEmpty(plan) ? PLAN_EXIT.NoChange : PLAN_EXIT.Change;
}

function isRefused({ problems, entries }: Plan): boolean {
  return problems.length > 0 || entries.some((entry) => entry.problems.length > 0);
}

/** All or nothing: a plan that leaves one out would be read as if nothing happened there. */
async function planEnvironments(options: PlanOptions, names: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const planned: (PlannedEnvironment & { readonly head: Desired })[] = [];
  for (const name of names) {
    const folder = posix.join(options.path, name);
    const compared = await planBetween({ ...options, path: folder });
    if (!compared.ok) {
      const { message } = compared.error;
      printProblem(terminal, { ...compared.error, message: `environment ${name} (${folder}): ${message}` });
      return PLAN_EXIT.Error;
    }
    planned.push({ name, path: folder, ...compared.value });
  }
  const plan: EnvironmentsPlan = {
    environments: planned.map((one) => ({ name: one.name, path: one.path, plan: one.plan })),
    promotions: planned.slice(1).map((to, index) => promotionBetween(planned[index]!, to)),
  };
  terminal.out(PRINT_ALL[options.format](plan));
  const refused = planned.some((one) => isRefused(one.plan));
  if (refused || (options.failOnEscalation && escalate(plan))) return PLAN_EXIT.Error;
  return areEmpty(plan) ? PLAN_EXIT.NoChange : PLAN_EXIT.Change;
}

interface Compared {
  readonly plan: Plan;
  /** What the head asks for. */
  readonly head: Desired;
}

async function planBetween({ repo, path, base, head, live }: PlanOptions): Promise<Result<Compared, Problem>> {
  const status = live === undefined ? undefined : await fetchStatus(live);
  if (status && !status.ok) return status;
  const opened = await openLocal(repo, path);
  if (!opened.ok) return opened;
  const repository = opened.value;
  const log = pino({ enabled: false });
  const readers = { parser: openManifestParser({ log }), shapes: openShapeReader({ log }) };
  try {
    const from = await repository.resolve(base);
    if (!from.ok) return from;
    const to = await repository.resolve(head);
    if (!to.ok) return to;
    const merged = await repository.mergeResult(from.value, to.value);
    if (!merged.ok) return merged;
    const before = await stateAt(repository, readers, from.value, from.value);
    if (!before.ok) return before;
    const [one, previous] = [before.value, before.value.absent ? undefined : before.value.desired];
    const after = await stateAt(repository, readers, to.value, merged.value, previous);
    if (!after.ok) return after;
    const other = after.value;
    // Neither side has the folder: nothing is planned, and the name is hardly meant.
    if (one.absent && other.absent) return err(other.absent);
    const compared = planOf(one.desired, other.desired, (artifact) => other.shapeOf(artifact) ?? one.shapeOf(artifact));
    const plan = other.absent ? { ...compared, problems: [notFollowed(other.absent)] } : compared;
    const bound = { ...plan, entries: await withBindings(plan.entries, one.desired, other) };
    const whole =
      status && live !== undefined ? withLive(bound, live, status.value, one.desired, other.desired) : bound;
    return ok({ plan: whole, head: other.desired });
  } finally {
    readers.parser.close();
    readers.shapes.close();
    await repository.close();
  }
}

/** Which bindings components get that the base does not have; those that stay keep theirs. */
async function withBindings(
  entries: readonly PlannedEntry[],
  base: Desired,
  { desired, bytesOf }: PlannedState,
): Promise<readonly PlannedEntry[]> {
  const known = new Set([...base.entries.values()].flatMap(({ members }) => members.map(({ artifact }) => artifact)));
  const tiers = openTierReader();
  try {
    const bound: PlannedEntry[] = [];
    for (const entry of entries) {
      const member = desired.entries.get(entry.key)?.members[0];
      const bytes = member && entry.walk && !known.has(member.artifact) ? bytesOf(member.artifact) : undefined;
      const bindings = bytes && (await tiers.tierOf(member!, bytes));
      bound.push(bindings ? { ...entry, bindings } : entry);
    }
    return bound;
  } finally {
    tiers.close();
  }
}

/** A daemon does not take a missing folder for one that says nothing. */
function notFollowed(absent: Problem): Problem {
  const message = `${absent.message}: a daemon that follows the folder refuses such a commit and goes on with the one before`;
  const remedy = 'delete the documents and leave the Environment to have everything deleted; or stop the daemon first';
  return { ...absent, message, remedy };
}

function withLive(plan: Plan, url: string, told: Status, base: Desired, head: Desired): Plan {
  const status = statusOfRoot(told, [...base.entries.keys(), ...head.entries.keys()]);
  const entries = plan.entries.map((entry) => {
    const live = liveEntryOf(entry, status, head.entries.get(entry.key)?.rollout.retry ?? 0);
    return live ? { ...entry, live } : entry;
  });
  return { ...plan, entries, live: { ...liveOf(url, status, plan.base), ...plannedRevocation(status, base, head) } };
}
