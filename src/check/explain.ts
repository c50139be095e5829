/** `headway explain <namespace>/<name>`: the last decision about an entry, with its inputs (promise I13). */
import { short } from '../kit/digest.ts';
import { EXIT, type ExitCode } from '../model/exit.ts';
import { auditedOf } from '../model/audited.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import { problem } from '../model/problem.ts';
import type { Condition, EditionStatus, EntryStatus, Evidence, StateStatus } from '../model/status.ts';
import { neededGrants } from './needed-grants.ts';
import { printProblem } from './print.ts';
import { fetchStatus } from './status-client.ts';
import { firingLines } from './schedule-lines.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';
import { printable, printablePlace } from './reporters/printable.ts';

export interface ExplainOptions {
  readonly address: string;
  readonly entry: string;
  readonly json: boolean;
}

export async function explain(options: ExplainOptions, terminal: Terminal): Promise<ExitCode> {
  const answer = await fetchStatus(options.address);
  if (!answer.ok) {
    printProblem(terminal, answer.error);
    return EXIT.Broken;
  }
  const entry = answer.value.entries.find(({ key }) => key === options.entry);
  if (!entry) {
    const known = answer.value.entries.map(({ key }) => key).join(', ') || 'none';
    printProblem(
      terminal,
      problem('HW5011', `there is no entry ${options.entry}`, { remedy: `name one of: ${known}` }),
    );
    return EXIT.Broken;
  }
  const audited = auditedOf(answer.value.diagnostics, entry.key);
  terminal.out(options.json ? `${JSON.stringify({ ...entry, audited })}\n` : explainText(entry, audited));
  return EXIT.Ok;
}

export function explainText(entry: EntryStatus, audited: readonly Diagnostic[] = []): string {
  const lines: string[] = [entry.key, ...(entry.root === undefined ? [] : [`of the root ${entry.root}`])];
  lines.push(...conditionLines(entry.conditions));
  if (entry.tier) {
    const reason = entry.tierReason === undefined ? '' : `: ${entry.tierReason}`;
    lines.push('', `bindings ${entry.tier}${reason}`, `  made by  ${entry.toolchain}`);
  }
  lines.push(...isolationLines(entry.replicas));
  lines.push(...instanceLines(entry.replicas));
  const decision = entry.decision;
  if (decision) {
    lines.push('', `decided ${decision.at} by row ${decision.row}: ${decision.rule}`, `  why      ${decision.why}`);
    for (const [name, value] of Object.entries(decision.inputs)) lines.push(`  ${name.padEnd(24)} ${value}`);
    for (const action of decision.actions) lines.push(`  action   ${action}`);
    if (decision.actions.length === 0) lines.push('  action   none');
  }
  if (entry.candidate) {
    lines.push(
      '',
      `gate of ${short(entry.candidate.release)}: ${entry.candidate.verdict}`,
      ...evidenceLines(entry.candidate.evidence),
    );
  }
  if (entry.state) lines.push('', ...stateLines(entry.state));
  if (entry.remote) lines.push('', ...remoteLines(entry.remote));
  for (const schedule of entry.schedules ?? []) lines.push('', ...firingLines(schedule));
  const grants = neededGrants(entry.uses ?? []);
  if (grants.length > 0) {
    lines.push('', 'what it used within a day needs these of spec.capabilities, and nothing else:');
    lines.push(...grants.map((line) => `  ${line}`));
  }
  const missing = neededGrants(entry.denied ?? []);
  if (missing.length > 0) {
    lines.push('', 'what it was denied within a day would need these, and a Policy that allows them:');
    lines.push(...missing.map((line) => `  ${printable(line)}`));
  }
  for (const attempt of entry.quarantined) {
    lines.push(
      '',
      `quarantined ${short(attempt.attempt)} (release ${short(attempt.release)}, commit ${short(attempt.commit)})`,
      `  why         ${attempt.why}`,
      `  released by ${attempt.releasedBy}`,
      ...evidenceLines(attempt.evidence),
    );
  }
  for (const { message, remedy, span } of audited) {
    const place = span ? `${printablePlace(span)} ` : '';
    lines.push('', `in Audit, so it runs: ${place}${printable(message)}`, `  fix         ${printable(remedy)}`);
  }
  return `${lines.join('\n')}\n`;
}

function remoteLines({ calls, callers }: NonNullable<EntryStatus['remote']>): string[] {
  return [
    ...calls.map(
      ({ entry, calls: count, failures }) => `calls ${entry}: ${count} times, ${failures} without an answer`,
    ),
    ...callers.map((entry) => `called by ${entry}`),
  ];
}

/** How its instances are used, where that is not what git says or not proven. */
function instanceLines(replicas: EntryStatus['replicas']): readonly string[] {
  const said = replicas.flatMap(({ instancePolicy, instancePolicyReason }) =>
    instancePolicyReason === undefined ? [] : [`instances ${instancePolicy}: ${printable(instancePolicyReason)}`],
  );
  return said.length === 0 ? [] : ['', ...new Set(said)];
}

/** Which walls its replicas have, who is within them, and why it is these. */
function isolationLines(replicas: EntryStatus['replicas']): readonly string[] {
  const said = replicas.flatMap(({ isolation, isolationWhy, sharedBy }) => {
    if (isolation === undefined) return [];
    const who =
      sharedBy === undefined
        ? 'a process for each replica'
        : `spec.isolation asks for it and a Policy allows it; cells in the process: ${sharedBy}`;
    const why = isolationWhy === undefined ? '' : `\n  why      ${isolationWhy}`;
    return [`isolation ${isolation}: ${who}${why}`];
  });
  return said.length === 0 ? [] : ['', ...new Set(said)];
}

/** The conditions as a table, and each of their messages once: most of the time they all say the same. */
function conditionLines(conditions: readonly Condition[]): string[] {
  const rows = conditions.map(({ type, status, reason, since }) => [`  ${type}`, status, reason, since]);
  const messages = [...new Set(conditions.map(({ message }) => message))];
  return [...table(['  CONDITION', 'STATUS', 'REASON', 'SINCE'], rows), ...messages.map((message) => `  ${message}`)];
}

/** Which data it works on, and what else lies on the disk. */
function stateLines({ kept, aside, ...present }: StateStatus): string[] {
  const line = (what: string, { edition, version, stores }: EditionStatus): string[] => [
    `  ${what}`,
    version ?? '-',
    edition === '' ? 'first' : edition,
    stores.join(' '),
  ];
  return table(
    ['  DATA', 'VERSION', 'EDITION', 'STORES'],
    [
      line('in use', present),
      ...(kept ? [line('kept until the bake ends', kept)] : []),
      ...aside.map((one) => line('set aside', one)),
    ],
  );
}

function evidenceLines(evidence: readonly Evidence[]): string[] {
  if (evidence.length === 0) return ['  no samples yet'];
  return table(
    ['  METRIC', 'OBSERVED', 'THRESHOLD', 'SAMPLES', 'SYNTHETIC'],
    evidence.map((item) => [
      `  ${item.metric}`,
      item.observed,
      item.threshold,
      String(item.samples),
      String(item.synthetic),
    ]),
  );
}
