/** `report` of runtime.yaml: who may be told what came of commits. */
import type { HostReport, NotesAccess, ProposalsAccess, ReportTarget, Repository } from './generated/runtime.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import { RUNTIME_DEFAULTS } from './defaults.ts';
import { milliseconds } from './quantity.ts';
import { credentialsOf, secretOf, type CredentialsReference, type SecretReference } from './secret-reference.ts';

export type ReportTargetReference = {
  readonly name: string;
  readonly url: string;
  readonly caFile?: string;
  readonly deadlineMs: number;
} & (
  | {
      readonly type: 'GitHub' | 'GitLab' | 'Gitea';
      readonly repository: string;
      readonly credentials: CredentialsReference;
      readonly deployments: boolean;
      readonly checks: boolean;
    }
  | { readonly type: 'Webhook'; readonly secret: SecretReference }
);

/** Without credentials: those of the repository. */
export interface NotesReference {
  readonly credentials?: CredentialsReference;
  readonly signingKey?: string;
}

export interface ProposalsReference {
  /** A target that is a forge. */
  readonly target: string;
  readonly credentials: CredentialsReference;
  readonly signingKey?: string;
}

export interface HostReportReference {
  readonly pageUrl?: string;
  readonly targets: readonly ReportTargetReference[];
  /** Absent: no notes. */
  readonly notes?: NotesReference;
  /** Absent: no proposals. */
  readonly proposals?: ProposalsReference;
}

export function reportOf({ pageUrl, targets = [], notes, proposals }: HostReport): HostReportReference {
  return {
    ...(pageUrl === undefined ? {} : { pageUrl }),
    targets: targets.map(targetOf),
    ...(notes ? { notes: notesOf(notes) } : {}),
    ...(proposals ? { proposals: proposalsOf(proposals) } : {}),
  };
}

/** Channels of ours, which no target may be called. */
const TAKEN = ['notes', 'proposals'];

/** What the schema cannot say. */
export function reportProblems(
  { targets = [], notes, proposals }: HostReport,
  { url, ref = '' }: Repository,
  found: (pointer: string, message: string) => Diagnostic,
): readonly Diagnostic[] {
  const problems: Diagnostic[] = [];
  const names = targets.map(({ name }) => name);
  for (const [index, name] of names.entries()) {
    const at = `/report/targets/${index}/name`;
    if (TAKEN.includes(name))
      problems.push(found(at, `"${name}" is a name of Headway's own; call the target otherwise`));
    if (names.indexOf(name) < index) problems.push(found(at, `there are two targets "${name}"`));
  }
  for (const [index, { type, checks, deployments }] of targets.entries()) {
    const at = `/report/targets/${index}`;
    if (checks && type !== 'GitHub') problems.push(found(`${at}/checks`, `${type} has no check runs; leave it out`));
    if (deployments && type === 'Gitea')
      problems.push(found(`${at}/deployments`, 'Gitea has no deployments; leave it out'));
  }
  const isSsh = url.startsWith('ssh:');
  if (notes?.credentials && isSsh) {
    problems.push(
      found('/report/notes/credentials', 'over ssh the key of the repository pushes the notes; leave them out'),
    );
  }
  if (!proposals) return problems;
  const target = targets.find(({ name }) => name === proposals.target);
  if (!target || target.type === 'Webhook') {
    problems.push(
      found('/report/proposals/target', `no target "${proposals.target}" is a forge (GitHub, GitLab, Gitea)`),
    );
  }
  if (isSsh)
    problems.push(found('/report/proposals', 'proposals need the repository over https: write repository.url so'));
  if (/^[0-9a-f]{40}$/.test(ref) || (ref.startsWith('refs/') && !ref.startsWith('refs/heads/'))) {
    problems.push(found('/report/proposals', `proposals need a branch to go into, and repository.ref is ${ref}`));
  }
  return problems;
}

function notesOf({ credentials, signingKey }: NotesAccess): NotesReference {
  return {
    ...(credentials ? { credentials: credentialsOf(credentials) } : {}),
    ...(signingKey === undefined ? {} : { signingKey }),
  };
}

function proposalsOf({ target, credentials, signingKey }: ProposalsAccess): ProposalsReference {
  return {
    target,
    credentials: credentialsOf(credentials),
    ...(signingKey === undefined ? {} : { signingKey }),
  };
}

function targetOf({
  name,
  url,
  type,
  caFile,
  timeout,
  secret,
  repository,
  credentials,
  deployments,
  checks,
}: ReportTarget): ReportTargetReference {
  const { targets: defaults } = RUNTIME_DEFAULTS.report;
  const head = {
    name,
    url,
    deadlineMs: milliseconds(timeout ?? defaults.timeout),
    ...(caFile === undefined ? {} : { caFile }),
  };
  if (type === 'Webhook') return { ...head, type, secret: secretOf(secret!) };
  return {
    ...head,
    type,
    repository: repository!,
    credentials: credentialsOf(credentials!),
    deployments: deployments ?? defaults.deployments,
    checks: checks ?? defaults.checks,
  };
}
