/** Workflow commands of GitHub Actions: what needs a look as annotations, and what changes in a line each. */
import type { Problem } from '../../model/problem.ts';
import { workflowCommand } from '../reporters/github.ts';
import { migrationSentence } from './migration.ts';
import { escalationsOf, type Plan } from './plan.ts';
import { breakSentence, CHANGES, deletionSentence, grantSentence, isEmpty, quarantineSentence } from './summary.ts';

export function planGithub(plan: Plan): string {
  const problems = [...plan.problems, ...plan.entries.flatMap((entry) => entry.problems)];
  const lines = [
    ...escalationsOf(plan).map((grant) => workflowCommand('warning', { title: 'escalation' }, grantSentence(grant))),
    ...(plan.deletion
      ? [
          workflowCommand(
            plan.deletion.held ? 'warning' : 'notice',
            { title: 'deletion' },
            deletionSentence(plan.deletion),
          ),
        ]
      : []),
    ...plan.entries.flatMap((entry) => {
      const quarantined = quarantineSentence(entry);
      return quarantined === undefined ? [] : [workflowCommand('warning', { title: 'quarantined' }, quarantined)];
    }),
    ...plan.entries.flatMap(({ key, breaks }) =>
      breaks.map((one) => workflowCommand('warning', { title: 'breaks a caller' }, breakSentence(key, one))),
    ),
    ...plan.entries.flatMap(({ key, walk }) => {
      const migration = walk?.migration;
      return migration
        ? [workflowCommand('notice', { title: 'migration' }, `${key}: ${migrationSentence(migration)}`)]
        : [];
    }),
    ...problems.map(annotation),
    ...plan.policies.filter(({ escalation }) => !escalation).map((one) => `headway plan: ${grantSentence(one)}`),
    ...plan.entries.map(({ key, change }) => `headway plan: ${key} ${CHANGES[change]}`),
    ...(isEmpty(plan) ? ['headway plan: nothing changes'] : []),
  ];
  return `${lines.join('\n')}\n`;
}

function annotation({ span, code, message, remedy }: Problem): string {
  const place = span ? { file: span.file, line: String(span.line), col: String(span.column) } : {};
  return workflowCommand('error', { ...place, title: code }, `${message}\nfix: ${remedy}`);
}
