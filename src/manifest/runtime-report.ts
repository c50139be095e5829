/** `report` of runtime.yaml: who may be told what came of commits. */
import type { HostReport, ReportTarget } from './generated/runtime.ts';
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
    }
  | { readonly type: 'Webhook'; readonly secret: SecretReference }
);

export interface HostReportReference {
  readonly pageUrl?: string;
  readonly targets: readonly ReportTargetReference[];
}

export function reportOf({ pageUrl, targets = [] }: HostReport): HostReportReference {
  return { ...(pageUrl === undefined ? {} : { pageUrl }), targets: targets.map(targetOf) };
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
  };
}
