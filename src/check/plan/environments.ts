/** Plans of several environments beside each other, and how far each is behind the one before it: what a promotion is about. */
import type { EntryKey } from '../../model/component.ts';
import type { Desired } from '../../model/desired.ts';
import { escalationsOf, planOf, type Plan, type PlannedEntry } from './plan.ts';
import { planGithub } from './github.ts';
import { PLAN_MARKER, planMarkdown } from './markdown.ts';
import { CHANGES, isEmpty } from './summary.ts';
import { planText } from './text.ts';

export interface PlannedEnvironment {
  /** As it was named on the command line. */
  readonly name: string;
  /** The followed folder. */
  readonly path: string;
  readonly plan: Plan;
}

/** What `from` has at the head and `to` has not. Between environments that differ by design some of it always stays. */
export interface Promotion {
  readonly from: string;
  readonly to: string;
  readonly entries: readonly {
    readonly key: EntryKey;
    /** What would become of it in `to`, if it were as in `from`. */
    readonly change: PlannedEntry['change'];
    readonly differences: readonly string[];
  }[];
}

export interface EnvironmentsPlan {
  readonly environments: readonly PlannedEnvironment[];
  /** Of each to the one that follows it, in the order of the command line. */
  readonly promotions: readonly Promotion[];
}

export function promotionBetween(
  from: { name: string; head: Desired },
  to: { name: string; head: Desired },
): Promotion {
  const entries = planOf(to.head, from.head).entries.filter(({ change }) => change !== 'Invalid');
  return {
    from: from.name,
    to: to.name,
    entries: entries.map(({ key, change, differences }) => ({ key, change, differences })),
  };
}

export function areEmpty({ environments }: EnvironmentsPlan): boolean {
  return environments.every(({ plan }) => isEmpty(plan));
}

export function escalate({ environments }: EnvironmentsPlan): boolean {
  return environments.some(({ plan }) => escalationsOf(plan).length > 0);
}

export function environmentsText({ environments, promotions }: EnvironmentsPlan): string {
  const plans = environments.map(({ name, path, plan }) => `== ${name} (${path})\n${planText(plan)}`);
  const promoted = promotions.map((promotion) => `${[headOf(promotion), ...linesOf(promotion)].join('\n')}\n`);
  return [...plans, ...promoted].join('\n');
}

/** One comment: the marker stands once, each plan below its environment. */
export function environmentsMarkdown({ environments, promotions }: EnvironmentsPlan): string {
  const plans = environments.map(
    ({ name, path, plan }) => `## ${name} (\`${path}\`)\n\n${planMarkdown(plan).replace(`${PLAN_MARKER}\n`, '')}`,
  );
  const promoted = promotions.map((promotion) => {
    const lines = linesOf(promotion).map((line) => `    ${line}`);
    return `**${headOf(promotion)}**\n${lines.length === 0 ? '' : `\n${lines.join('\n')}\n`}`;
  });
  return [PLAN_MARKER, ...plans, ...promoted].join('\n');
}

export function environmentsGithub({ environments }: EnvironmentsPlan): string {
  return environments.map(({ name, plan }) => `headway plan: environment ${name}\n${planGithub(plan)}`).join('');
}

function headOf({ from, to, entries }: Promotion): string {
  return entries.length === 0 ? `${to} has all that ${from} has` : `${from} has, and ${to} has not:`;
}

function linesOf({ to, entries }: Promotion): readonly string[] {
  return entries.flatMap(({ key, change, differences }) => [
    `  ${key} ${change === 'Remove' ? `is in ${to} only` : CHANGES[change]}`,
    ...differences.map((difference) => `    ~ ${difference}`),
  ]);
}
