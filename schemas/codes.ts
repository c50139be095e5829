/** The page of everything that Headway says by a code, from the tables that the program itself uses. */
import { CODES } from '../src/model/codes.ts';
import { codePages, CODE_PAGES } from './code-pages.ts';
import { EXIT } from '../src/model/exit.ts';
import { REASONS } from '../src/model/status.ts';

const AREAS: readonly (readonly [prefix: string, title: string])[] = [
  ['HW1', 'Manifests'],
  ['HW2', 'Artifacts and admission'],
  ['HW3', 'Git'],
  ['HW4', 'Cells, engine and ingress'],
  ['HW5', "The daemon's own start and its commands"],
  ['HW6', 'Rollouts'],
];

const POLICIES = {
  Terminal: 'another input',
  Retry: 'trying again',
  Waiting: 'by itself',
} as const;

export function codesReference(): string {
  return [
    '# Codes, reasons and exit codes',
    '',
    'Made from `src/model/` by `npm run generate`. Callers match on a code, never on a text; codes are never given a new',
    'meaning. *Helped by*: what ends the trouble: another input, trying again (which Headway does, with back-off), or nothing',
    'from you, because something outside has to change first.',
    '',
    ...AREAS.flatMap(([prefix, title]) => area(prefix, title)),
    '## Reasons',
    '',
    'Of the conditions `Ready`, `Reconciling`, `Stalled`, `Synced` and `Healthy`, and of the timeline. The list is closed.',
    '',
    '| reason | says |',
    '|---|---|',
    ...Object.entries(REASONS).map(([reason, meaning]) => `| \`${reason}\` | ${cell(meaning)} |`),
    '',
    '## Exit codes',
    '',
    'Commands for people and CI end with 0, 1 or 2, `headway run` also with one of those that say what stopped its start.',
    '`headway plan` ends as plan tools do: 0 where nothing changes, 2 where something does, 1 for an error.',
    '',
    '| code | name |',
    '|---|---|',
    ...Object.entries(EXIT).map(([name, code]) => `| ${code} | \`${name}\` |`),
    '',
  ].join('\n');
}

function area(prefix: string, title: string): string[] {
  const rows = Object.entries(CODES).filter(([code]) => code.startsWith(prefix));
  return [
    `## ${title}`,
    '',
    '| code | means | do this | helped by |',
    '|---|---|---|---|',
    ...rows
      .sort(([one], [other]) => one.localeCompare(other))
      .map(([code, row]) => `| ${linked(code)} | ${cell(row.title)} | ${cell(row.remedy)} | ${POLICIES[row.policy]} |`),
    '',
  ];
}

/** To its page, where it has one. */
function linked(code: string): string {
  return codePages().has(`${CODE_PAGES}/${code}.md`) ? `[\`${code}\`](codes/${code}.md)` : `\`${code}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}
