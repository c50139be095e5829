/** For one comment on a pull request, found again by its hidden marker: escalations, deletions, then entry by entry. */
import { short } from '../../kit/digest.ts';
import { formatDuration } from '../../kit/units.ts';
import type { Problem } from '../../model/problem.ts';
import { cell, placeOf } from '../reporters/markdown.ts';
import { liveText } from './live.ts';
import { migrationSentence } from './migration.ts';
import { arrow, escalationsOf, type Plan, type PlannedEntry } from './plan.ts';
import * as sentences from './summary.ts';
import type { PlannedWalk } from './walk.ts';

export const PLAN_MARKER = '<!-- headway:plan -->';
/** A comment of GitHub holds 65,536 characters; entries past this many are named only. */
const MAX_ENTRIES_IN_FULL = 20;
const MAX_CHARACTERS = 60_000;

export function planMarkdown(plan: Plan): string {
  const head = [PLAN_MARKER, `### headway plan \`${short(plan.base)}..${short(plan.head)}\``, ''];
  if (plan.live) head.push(cell(liveText(plan.live)), '');
  if (sentences.isEmpty(plan)) head.push('Nothing changes.', '');
  const comment = new Comment(head);
  const escalations = escalationsOf(plan);
  if (escalations.length > 0) comment.add('**Escalations, to be looked at first:**', '');
  for (const grant of escalations) comment.add(`- ⚠️ ${cell(sentences.grantSentence(grant))}`);
  if (escalations.length > 0) comment.add('');
  const harmless = plan.policies.filter(({ escalation }) => !escalation);
  for (const change of harmless) comment.add(`- ${cell(sentences.grantSentence(change))}`);
  if (harmless.length > 0) comment.add('');
  if (plan.deletion)
    comment.add(`${plan.deletion.held ? '⛔ ' : ''}${cell(sentences.deletionSentence(plan.deletion))}`, '');
  for (const problem of plan.problems) comment.add(problemLine(problem));
  if (plan.problems.length > 0) comment.add('');
  for (const [index, entry] of plan.entries.entries()) {
    const inFull = index < MAX_ENTRIES_IN_FULL && comment.add(...entryLines(entry));
    if (!inFull) comment.add(`- **${cell(entry.key)}** ${sentences.CHANGES[entry.change]}`);
  }
  return comment.text();
}

/** Lines as long as there is room; what had none is counted at the end. */
class Comment {
  readonly #lines: string[];
  #characters: number;
  #left = 0;

  constructor(head: readonly string[]) {
    this.#lines = [...head];
    this.#characters = head.join('\n').length;
  }

  /** All of these lines or none. */
  add(...lines: readonly string[]): boolean {
    const characters = lines.reduce((sum, line) => sum + line.length + 1, 0);
    if (this.#characters + characters > MAX_CHARACTERS) {
      this.#left += 1;
      return false;
    }
    this.#lines.push(...lines);
    this.#characters += characters;
    return true;
  }

  text(): string {
    const rest = this.#left === 0 ? [] : ['', 'There is more than a comment holds: `headway plan` prints all of it.'];
    return `${[...this.#lines, ...rest].join('\n').trimEnd()}\n`;
  }
}

function problemLine({ span, code, message, remedy }: Problem): string {
  return `- ❌ ${span ? `${placeOf('', span)} ` : ''}\`${code}\` ${cell(message)}. Fix: ${cell(remedy)}`;
}

function entryLines(entry: PlannedEntry): string[] {
  const lines = [`**${cell(entry.key)}** ${sentences.CHANGES[entry.change]}`, ''];
  const quarantined = sentences.quarantineSentence(entry);
  if (quarantined !== undefined) lines.push(`- ⛔ ${cell(quarantined)}`);
  if (entry.base?.revision !== entry.head?.revision && entry.change !== 'Invalid') {
    lines.push(`- revision \`${arrow(entry.base?.revision, entry.head?.revision)}\``);
  }
  if (entry.group !== undefined) lines.push(`- group ${cell(entry.group)}, in lock-step`);
  if (entry.together.length > 0) lines.push(`- together with ${cell(entry.together.join(', '))}`);
  for (const one of entry.breaks) lines.push(`- ⚠️ ${cell(sentences.breakSentence(entry.key, one))}`);
  for (const difference of entry.differences) lines.push(`- ${cell(difference)}`);
  const suspension = sentences.suspensionSentence(entry);
  if (suspension !== undefined) lines.push(`- ${cell(suspension)}`);
  const bindings = sentences.bindingsSentence(entry);
  if (bindings !== undefined) lines.push(`- ${cell(bindings)}`);
  for (const grant of entry.grants)
    lines.push(`- ${grant.escalation ? '⚠️ ' : ''}${cell(sentences.grantSentence(grant))}`);
  for (const problem of entry.problems) lines.push(problemLine(problem));
  const migration = entry.walk?.migration;
  if (migration) lines.push(`- 🔁 ${cell(migrationSentence(migration))}`);
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
        `| ${step.stage.toLowerCase()} | ${cell(sentences.trafficOf(step))} | ${formatDuration(step.leastMs)} | ${step.leastSamples} | ${formatDuration(step.deadlineMs)} | ${cell(sentences.noteOf(step, walk))} |`,
    ),
    '',
    '</details>',
  ];
}
