/** For one comment on a pull request, found again by its hidden marker: escalations, deletions, then entry by entry. */
import { short } from '../../kit/digest.ts';
import { formatDuration } from '../../kit/units.ts';
import { cell } from '../reporters/markdown.ts';
import { liveText } from './live.ts';
import { arrow, escalationsOf, type Plan, type PlannedEntry } from './plan.ts';
import {
  breakSentence,
  CHANGES,
  deletionSentence,
  grantSentence,
  isEmpty,
  quarantineSentence,
  suspensionSentence,
} from './summary.ts';
import type { PlannedWalk } from './walk.ts';

export const PLAN_MARKER = '<!-- headway:plan -->';
/** A comment of GitHub holds 65,536 characters; the entries past this many are named only. */
const MAX_ENTRIES_IN_FULL = 20;

export function planMarkdown(plan: Plan): string {
  const lines = [PLAN_MARKER, `### headway plan \`${short(plan.base)}..${short(plan.head)}\``, ''];
  if (plan.live) lines.push(cell(liveText(plan.live)), '');
  if (isEmpty(plan)) lines.push('Nothing changes.', '');
  const escalations = escalationsOf(plan);
  if (escalations.length > 0) {
    lines.push('**Escalations, to be looked at first:**', '');
    lines.push(...escalations.map((grant) => `- ⚠️ ${cell(grantSentence(grant))}`), '');
  }
  const harmless = plan.policies.filter(({ escalation }) => !escalation);
  if (harmless.length > 0) lines.push(...harmless.map((change) => `- ${cell(grantSentence(change))}`), '');
  if (plan.deletion) lines.push(`${plan.deletion.held ? '⛔ ' : ''}${cell(deletionSentence(plan.deletion))}`, '');
  for (const entry of plan.entries.slice(0, MAX_ENTRIES_IN_FULL)) lines.push(...entryLines(entry));
  const rest = plan.entries.slice(MAX_ENTRIES_IN_FULL);
  for (const { key, change } of rest) lines.push(`- **${cell(key)}** ${CHANGES[change]}`);
  if (rest.length > 0) lines.push('');
  for (const { span, code, message, remedy } of plan.problems) {
    const place = span ? `\`${span.file}:${span.line}:${span.column}\` ` : '';
    lines.push(`- ❌ ${place}\`${code}\` ${cell(message)}. Fix: ${cell(remedy)}`);
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

function entryLines(entry: PlannedEntry): string[] {
  const lines = [`**${cell(entry.key)}** ${CHANGES[entry.change]}`, ''];
  const quarantined = quarantineSentence(entry);
  if (quarantined !== undefined) lines.push(`- ⛔ ${cell(quarantined)}`);
  if (entry.base?.revision !== entry.head?.revision && entry.change !== 'Invalid') {
    lines.push(`- revision \`${arrow(entry.base?.revision, entry.head?.revision)}\``);
  }
  if (entry.together.length > 0) lines.push(`- together with ${cell(entry.together.join(', '))}`);
  for (const one of entry.breaks) lines.push(`- ⚠️ ${cell(breakSentence(entry.key, one))}`);
  for (const difference of entry.differences) lines.push(`- ${cell(difference)}`);
  const suspension = suspensionSentence(entry);
  if (suspension !== undefined) lines.push(`- ${cell(suspension)}`);
  for (const grant of entry.grants) lines.push(`- ${grant.escalation ? '⚠️ ' : ''}${cell(grantSentence(grant))}`);
  for (const { code, message, remedy } of entry.problems) {
    lines.push(`- ❌ \`${code}\` ${cell(message)}. Fix: ${cell(remedy)}`);
  }
  if (lines.length > 2) lines.push('');
  if (entry.walk) lines.push(...walkLines(entry.walk), '');
  return lines;
}

function walkLines(walk: PlannedWalk): string[] {
  const { strategy, leastMsToServing, leastMsToProven, insufficientData } = walk;
  return [
    `<details><summary>${strategy}: serves everything after ${formatDuration(leastMsToServing)} at least, proven after ${formatDuration(leastMsToProven)}; too few samples: ${insufficientData}</summary>`,
    '',
    '| stage | traffic | least time | least samples | deadline | |',
    '|---|---|---|---|---|---|',
    ...walk.steps.map(
      (step) =>
        `| ${step.stage.toLowerCase()} | ${step.weight} % | ${formatDuration(step.leastMs)} | ${step.leastSamples} | ${formatDuration(step.deadlineMs)} | ${step.approval === undefined ? '' : `approval of ${cell(step.approval)}`} |`,
    ),
    '',
    '</details>',
  ];
}
