/** Builds what tells the outcomes of commits: the channels that runtime.yaml sets up, and the loop that feeds them. */
import type { Logger } from 'pino';
import type { Mirror } from '../git/mirror.ts';
import { notesChannel } from '../git/notes.ts';
import type { Clock } from '../kit/clock.ts';
import type { HostReportReference, ReportTargetReference } from '../manifest/runtime-report.ts';
import type { OutboxPort, ReportChannel, StatusSource } from '../reconcile/ports.ts';
import type { Reconciler } from '../reconcile/reconciler.ts';
import { createReporting, type Reporting } from '../reconcile/reporting.ts';
import { forgeChannel, type Forge, type ForgeOptions } from '../report/deliver/forge.ts';
import { gitea, github } from '../report/deliver/github.ts';
import { gitlab } from '../report/deliver/gitlab.ts';
import { webhookChannel } from '../report/deliver/webhook.ts';
import { credentialsReader } from './credentials.ts';
import { proposalsChannel } from './proposals.ts';
import { readSecret } from './secrets.ts';

export interface ReportingOptions {
  readonly config: HostReportReference | undefined;
  /** The branch, tag or commit that is followed. */
  readonly branch: string;
  readonly reconciler: Pick<Reconciler, 'memory' | 'statusSource'>;
  readonly git: Pick<Mirror, 'commit' | 'publisher'>;
  readonly outbox: OutboxPort;
  readonly protect: (secrets: readonly string[]) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

const FORGES: Readonly<Record<ForgeOptions['type'], (options: ForgeOptions) => Forge>> = {
  GitHub: github,
  GitLab: gitlab,
  Gitea: gitea,
};

/** @throws Error where a secret is missing. */
export function openReporting(options: ReportingOptions): Reporting {
  const { config, reconciler, git, outbox, clock, log } = options;
  return createReporting({
    memory: reconciler.memory,
    source: () => reconciler.statusSource.status().source,
    onChange: (listener) => reconciler.statusSource.onChange(listener),
    git,
    outbox,
    channels: [
      ...(config?.targets ?? []).flatMap((target) => channelsOf(target, options)),
      ...notesOf(options),
      ...proposalsOf(options),
    ],
    clock,
    log,
  });
}

/** The status with what is known of the reports: the loop itself knows nothing of them. */
export function withReport(source: StatusSource, reporting: Reporting): StatusSource {
  return {
    status: () => {
      const report = reporting.status();
      const isNothing = report.channels.length === 0 && report.missing.length === 0;
      return { ...source.status(), ...(isNothing ? {} : { report }) };
    },
    onChange: (listener) => source.onChange(listener),
  };
}

function notesOf({ config, git, clock, protect }: ReportingOptions): readonly ReportChannel[] {
  if (!config?.notes) return [];
  const { credentials, signingKey } = config.notes;
  const access = {
    ...(credentials ? { credentials: credentialsReader(credentials, protect) } : {}),
    ...(signingKey === undefined ? {} : { signingKey }),
  };
  return [notesChannel(git.publisher(access), () => clock.now().wallMs)];
}

function proposalsOf({ config, git, branch, clock, protect }: ReportingOptions): readonly ReportChannel[] {
  if (!config?.proposals) return [];
  const { target: name, credentials: reference, signingKey } = config.proposals;
  const target = config.targets.find((candidate) => candidate.name === name);
  if (!target || target.type === 'Webhook') return [];
  const credentials = credentialsReader(reference, protect);
  const { type, url, repository, deadlineMs, caFile } = target;
  const ca = caFile === undefined ? {} : { caFile };
  const options: ForgeOptions = { type, url, repository, credentials, deadlineMs, branch, ...ca };
  const access = { credentials, ...(signingKey === undefined ? {} : { signingKey }) };
  return [proposalsChannel(git.publisher(access), FORGES[type](options), options, clock)];
}

function channelsOf(
  target: ReportTargetReference,
  { config, branch, clock, protect }: ReportingOptions,
): readonly ReportChannel[] {
  const { name, url, deadlineMs } = target;
  const caFile = target.caFile === undefined ? {} : { caFile: target.caFile };
  if (target.type === 'Webhook') {
    const secret = (): string => {
      const value = readSecret(target.secret);
      protect([value]);
      return value;
    };
    secret();
    return [webhookChannel({ name, receiver: { url, headers: () => ({}), deadlineMs, ...caFile }, secret, clock })];
  }
  const { type, repository } = target;
  const credentials = credentialsReader(target.credentials, protect);
  const page = config?.pageUrl === undefined ? {} : { pageUrl: config.pageUrl };
  const { checks } = target;
  const options: ForgeOptions = { type, url, repository, credentials, deadlineMs, branch, checks, ...caFile, ...page };
  const forge = FORGES[type](options);
  return [
    forgeChannel(name, 'Statuses', forge, options, clock),
    ...(target.deployments && forge.deployment
      ? [forgeChannel(`${name}/deployments`, 'Deployments', forge, options, clock)]
      : []),
  ];
}
