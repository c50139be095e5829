import { short } from '../../kit/digest.ts';
import { formatDuration } from '../../kit/units.ts';
import { table } from '../table.ts';
import { liveText } from './live.ts';
import { migrationSentence } from './migration.ts';
import { arrow, escalationsOf, type Plan, type PlannedEntry } from './plan.ts';
import * as sentences from './summary.ts';
import type { PlannedWalk } from './walk.ts';
import { printable, printablePlace } from '../reporters/printable.ts';

export function planText(plan: Plan): string {
  const lines = [`plan ${short(plan.base)}..${short(plan.head)}`];
  if (plan.live) lines.push(liveText(plan.live));
  if (sentences.isEmpty(plan)) lines.push('', 'nothing changes');
  const escalations = escalationsOf(plan);
  if (escalations.length > 0) {
    lines.push(
      '',
      'escalations, to be looked at first:',
      ...escalations.map((grant) => `  ! ${sentences.grantSentence(grant)}`),
    );
  }
  const harmless = plan.policies.filter(({ escalation }) => !escalation);
  if (harmless.length > 0) lines.push('', ...harmless.map(sentences.grantSentence));
  if (plan.deletion) lines.push('', sentences.deletionSentence(plan.deletion));
  for (const entry of plan.entries) lines.push('', ...entryLines(entry));
  for (const { span, code, message, remedy } of plan.problems) {
    lines.push(
      '',
      `${span ? `${printablePlace(span)} ` : ''}${code} ${printable(message)}`,
      `  fix: ${printable(remedy)}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function entryLines(entry: PlannedEntry): string[] {
  const refused = entry.problems.length > 0 && entry.change !== 'Invalid' ? ', and would be refused' : '';
  const lines = [`${entry.key} ${sentences.CHANGES[entry.change]}${refused}`];
  const quarantined = sentences.quarantineSentence(entry);
  if (quarantined !== undefined) lines.push(`  ! ${quarantined}`);
  if (entry.change !== 'Settings' && entry.change !== 'Invalid') {
    lines.push(`  revision ${arrow(entry.base?.revision, entry.head?.revision)}`);
    lines.push(`  release  ${arrow(entry.base?.release, entry.head?.release)}`);
  }
  if (entry.group !== undefined) lines.push(`  group    ${entry.group}, in lock-step`);
  if (entry.together.length > 0) lines.push(`  together with ${entry.together.join(', ')}`);
  for (const one of entry.breaks) lines.push(`  ! ${sentences.breakSentence(entry.key, one)}`);
  for (const difference of entry.differences) lines.push(`  ~ ${difference}`);
  const suspension = sentences.suspensionSentence(entry);
  if (suspension !== undefined) lines.push(`  ~ ${suspension}`);
  const bindings = sentences.bindingsSentence(entry);
  if (bindings !== undefined) lines.push(`  ${bindings}`);
  for (const grant of entry.grants) lines.push(`  ${grant.escalation ? '!' : '~'} ${sentences.grantSentence(grant)}`);
  for (const { span, code, message, remedy } of entry.problems) {
    lines.push(
      `  ${span ? `${printablePlace(span)} ` : ''}${code} ${printable(message)}`,
      `    fix: ${printable(remedy)}`,
    );
  }
  if (entry.walk?.migration) lines.push(`  ! ${migrationSentence(entry.walk.migration)}`);
  if (entry.walk) lines.push(...walkLines(entry.walk));
  return lines;
}

function walkLines(walk: PlannedWalk): string[] {
  const rows = walk.steps.map((step) => [
    `    ${step.stage.toLowerCase()}`,
    sentences.trafficOf(step),
    formatDuration(step.leastMs),
    String(step.leastSamples),
    formatDuration(step.deadlineMs),
    sentences.noteOf(step, walk),
  ]);
  return [
    `  ${walk.strategy}: serves everything after ${formatDuration(walk.leastMsToServing)} at least, proven after ${formatDuration(walk.leastMsToProven)}; too few samples: ${walk.insufficientData}`,
    ...table(['    stage', 'traffic', 'least time', 'least samples', 'deadline', ''], rows),
  ];
}
