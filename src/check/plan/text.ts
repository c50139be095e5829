import { short } from '../../kit/digest.ts';
import { formatDuration } from '../../kit/units.ts';
import { table } from '../table.ts';
import { arrow, type Plan, type PlannedEntry } from './plan.ts';
import type { PlannedStep, PlannedWalk } from './walk.ts';

const WORDS: Readonly<Record<PlannedEntry['change'], string>> = {
  Add: 'is added',
  Replace: 'gets a new revision',
  Retrigger: 'gets other triggers, the same cells',
  Settings: 'changes its settings only; nothing is rolled out',
  Remove: 'is removed',
  Invalid: 'is not valid; what serves keeps serving',
};

export function planText(plan: Plan): string {
  const lines = [`plan ${short(plan.base)}..${short(plan.head)}`];
  if (plan.entries.length === 0 && plan.problems.length === 0) lines.push('', 'nothing changes');
  for (const entry of plan.entries) lines.push('', ...entryLines(entry));
  for (const { span, code, message, remedy } of plan.problems) {
    lines.push('', `${span ? `${span.file}:${span.line}:${span.column} ` : ''}${code} ${message}`, `  fix: ${remedy}`);
  }
  return `${lines.join('\n')}\n`;
}

function entryLines(entry: PlannedEntry): string[] {
  const refused = entry.problems.length > 0 && entry.change !== 'Invalid' ? ', and would be refused' : '';
  const lines = [`${entry.key} ${WORDS[entry.change]}${refused}`];
  if (entry.change !== 'Settings' && entry.change !== 'Invalid') {
    lines.push(`  revision ${arrow(entry.base?.revision, entry.head?.revision)}`);
    lines.push(`  release  ${arrow(entry.base?.release, entry.head?.release)}`);
  }
  if (entry.group !== undefined) lines.push(`  group    ${entry.group}, in lock-step`);
  for (const difference of entry.differences) lines.push(`  ~ ${difference}`);
  for (const { span, code, message, remedy } of entry.problems) {
    lines.push(`  ${span ? `${span.file}:${span.line}:${span.column} ` : ''}${code} ${message}`, `    fix: ${remedy}`);
  }
  if (entry.walk) lines.push(...walkLines(entry.walk));
  return lines;
}

function noteOf({ stage, approval }: PlannedStep): string {
  if (stage === 'Handover') return 'requests wait in the mailbox: the old one ends, then the new one starts';
  return approval === undefined ? '' : `approval of ${approval}`;
}

function walkLines(walk: PlannedWalk): string[] {
  const rows = walk.steps.map((step) => [
    `    ${step.stage.toLowerCase()}`,
    `${step.weight} %${step.replicas === undefined ? '' : `, replica ${step.replicas}`}`,
    formatDuration(step.leastMs),
    String(step.leastSamples),
    formatDuration(step.deadlineMs),
    noteOf(step),
  ]);
  return [
    `  ${walk.strategy}: serves everything after ${formatDuration(walk.leastMsToServing)} at least, proven after ${formatDuration(walk.leastMsToProven)}; too few samples: ${walk.insufficientData}`,
    ...table(['    stage', 'traffic', 'least time', 'least samples', 'deadline', ''], rows),
  ];
}
