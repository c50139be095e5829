/** `headway status`: what git asks for, what serves, what is being tried, and why. */
import { setTimeout as sleep } from 'node:timers/promises';
import { short } from '../kit/digest.ts';
import { formatDuration } from '../kit/units.ts';
import { auditedOf } from '../model/audited.ts';
import type { EngineState } from '../model/engine.ts';
import { EXIT, type ExitCode } from '../model/exit.ts';
import type {
  Condition,
  EditionStatus,
  EntryStatus,
  ReleaseRef,
  RootStatus,
  SourceStatus,
  Status,
} from '../model/status.ts';
import { fetchStatus } from './status-client.ts';
import { printProblem } from './print.ts';
import { scheduleTable } from './schedule-lines.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';
import { printable, printablePlace } from './reporters/printable.ts';

const WATCH_PERIOD_MS = 1_000;

export interface StatusOptions {
  readonly address: string;
  readonly json: boolean;
  readonly watch: boolean;
  /** Ends a watch. */
  readonly signal?: AbortSignal;
}

/** Exit code 0; 2 where the daemon cannot be asked. A watch goes on through times when it cannot. */
export async function status(options: StatusOptions, terminal: Terminal): Promise<ExitCode> {
  let previous = '';
  for (;;) {
    const answer = await fetchStatus(options.address);
    if (!answer.ok && !options.watch) {
      printProblem(terminal, answer.error);
      return EXIT.Broken;
    }
    const text = answer.ok
      ? options.json
        ? `${JSON.stringify(answer.value)}\n`
        : statusText(answer.value)
      : `${answer.error.message}\n`;
    if (text !== previous) terminal.out(terminal.colours && options.watch ? `\u001b[2J\u001b[H${text}` : text);
    previous = text;
    if (!options.watch || options.signal?.aborted) return EXIT.Ok;
    await sleep(WATCH_PERIOD_MS, undefined, options.signal ? { signal: options.signal } : {}).catch(() => undefined);
  }
}

const ENGINE_WORDS: Readonly<Record<EngineState, string>> = {
  Serving: 'serves',
  CatchingUp: 'is being given what the others have',
  Away: 'gives no answer',
};

export function statusText(status: Status): string {
  const { source, engine, roots } = status;
  const waiting = engine.waitingFor
    ? [`waits    nothing is published before ${engine.waitingFor.join(', ')} spoke`]
    : [];
  const lines = [
    ...(roots ? roots.flatMap(rootLines) : sourceLines(source, 'source')),
    ...waiting,
    ...(engine.engines ?? []).map(
      ({ name, state, generation, requests }) =>
        `engine ${name} ${ENGINE_WORDS[state]}, generation ${generation}, ${requests} requests`,
    ),
    `engine   ${engine.connected ? `generation ${engine.generation}, cells ${engine.sandbox}` : 'not connected; it serves its last snapshot'}`,
    ...(engine.processor === undefined ? [] : [`cpu      ${engine.processor}`]),
    '',
    ...table(
      ['ENTRY', 'SERVING', 'CANDIDATE', 'PROVEN', 'BINDINGS', 'STATE'],
      status.entries.map((entry) => [
        entry.key,
        releaseText(entry.serving),
        candidateText(entry),
        releaseText(entry.proven),
        entry.tier ?? '-',
        stateText(entry),
      ]),
    ),
  ];
  for (const { key, tier, tierReason } of status.entries) {
    if (tierReason !== undefined) lines.push('', `${key} has ${tier} bindings: ${tierReason}`);
  }
  for (const { key, replicas } of status.entries) {
    const said = replicas.flatMap(({ instancePolicy, instancePolicyReason: why }) =>
      instancePolicy === 'PerRequest' && why !== undefined ? [`${key} has an instance for each request: ${why}`] : [],
    );
    for (const line of new Set(said)) lines.push('', line);
  }
  for (const { key, conditions } of status.entries) {
    const limits = conditions.find(({ type }) => type === 'WithinLimits');
    if (limits) lines.push('', `${key}: ${limits.message}`);
  }
  for (const { root, why, release } of revocationsOf(status)) {
    lines.push('', `held${root === undefined ? '' : ` in the root ${root}`}: ${why}`, `  fix: ${release}`);
  }
  lines.push(...reportLines(status.report));
  for (const { key, state } of status.entries) {
    if (!state?.kept) continue;
    lines.push(
      '',
      `${key}: a rollback returns to ${editionName(state.kept)} of its stores; what is written since is set aside then`,
    );
  }
  const schedules = status.entries.flatMap((entry) => entry.schedules ?? []);
  if (schedules.length > 0) lines.push('', ...scheduleTable(schedules));
  const findings = status.diagnostics.filter((diagnostic) => diagnostic.severity === 'error');
  for (const finding of findings) {
    const place = finding.span ? `${printablePlace(finding.span)} ` : '';
    const root = finding.root === undefined ? '' : `${finding.root}: `;
    lines.push('', `${root}${place}${finding.code} ${finding.message}`, `  fix: ${finding.remedy}`);
  }
  const audited = auditedOf(status.diagnostics);
  if (audited.length > 0) lines.push('', 'Policies in Audit would refuse, and only count:');
  for (const { span, message } of audited) {
    lines.push(`  ${span ? `${printablePlace(span)} ` : ''}${message}`);
  }
  // Names of documents that are wrong are in it as they were written.
  return `${lines.map(printable).join('\n')}\n`;
}

/** Only what is worth a look: what waits, what is refused, what is asked for and not set up. */
function reportLines(report: Status['report']): readonly string[] {
  if (!report) return [];
  const behind = report.channels.filter(({ backlog, refused, lastError }) => backlog + refused > 0 || lastError);
  return [
    ...behind.map(({ name, backlog, refused, lastError }) => {
      const counts = `${backlog} to tell${refused > 0 ? `, ${refused} refused` : ''}`;
      return `report   ${name}: ${counts}${lastError ? `; ${lastError.code} ${lastError.message}` : ''}`;
    }),
    ...report.missing.map((what) => `report   the Environment asks for ${what}, which runtime.yaml does not set up`),
  ];
}

function rootLines({ name, namespaces, source }: RootStatus): readonly string[] {
  return [`root     ${name}, for ${namespaces.join(', ')}`, ...sourceLines(source, '  source')];
}

function sourceLines({ repository, ref, acceptedCommit, condition, trust }: SourceStatus, word: string): string[] {
  const at = acceptedCommit ? short(acceptedCommit) : 'nothing yet';
  return [
    `${word.padEnd(8)} ${repository} ${ref} at ${at}: ${conditionText(condition)}`,
    ...(trust ? [`${word.replace('source', 'trust').padEnd(8)} ${trustText(trust)}`] : []),
  ];
}

function revocationsOf({ roots, revocation }: Status) {
  const held = roots
    ? roots.map((root) => ({ root: root.name, held: root.revocation }))
    : [{ root: undefined, held: revocation }];
  return held.flatMap(({ root, held: one }) => (one ? [{ root, ...one }] : []));
}

function trustText({ by, mode }: NonNullable<Status['source']['trust']>): string {
  const whose = by === 'Host' ? "this machine's runtime.yaml" : "the Environment's spec.trust";
  return `mode ${mode}, by ${whose}`;
}

/** How ready it is; where it is ready and runs on the bundles of an older toolchain, that. */
function stateText({ conditions }: EntryStatus): string {
  const [first] = conditions;
  const regression = conditions.find(({ reason }) => reason === 'ToolchainRegression');
  const said = first?.status === 'True' ? (regression ?? first) : first;
  return said ? conditionText(said) : '';
}

function releaseText(release: ReleaseRef | undefined): string {
  return release ? short(release.release) : '-';
}

function candidateText(entry: EntryStatus): string {
  const candidate = entry.candidate;
  if (!candidate) return '-';
  const step = candidate.step === undefined ? '' : ` step ${candidate.step}/${candidate.steps}`;
  const hostname = candidate.previewHostname === undefined ? '' : ` and ${candidate.previewHostname}`;
  const preview = candidate.preview === undefined ? '' : `, preview ${candidate.preview}${hostname}`;
  const named = candidate.headers === undefined ? '' : `, requests with ${candidate.headers.join(' or ')}`;
  const copies = candidate.mirror === undefined ? '' : `, copies of ${candidate.mirror} %`;
  return `${short(candidate.release)} ${candidate.state}${step} ${candidate.weight} %${named}${copies} for ${formatDuration(candidate.inStateMs)}${preview}`;
}

function editionName({ edition, version }: EditionStatus): string {
  const name = edition === '' ? 'the first edition' : `edition ${edition}`;
  return version === undefined ? name : `${name} (version ${version})`;
}

function conditionText(condition: Condition): string {
  return `${condition.reason}: ${condition.message}`;
}
