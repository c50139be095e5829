import { err, ok, type Result } from '../kit/result.ts';
import type { Code } from '../model/codes.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { TrustSettings } from '../model/trust.ts';
import { trustFindings, trustOf } from './assemble/trust.ts';
import type { Artifacts, HostReport, Repository, Runtime, Ssh } from './generated/runtime.ts';
import { RUNTIME_DEFAULTS } from './defaults.ts';
import { finding } from './finding.ts';
import { spanOfValue } from './place.ts';
import { bytesOf } from './quantity.ts';
import { reportOf, reportProblems, type HostReportReference } from './runtime-report.ts';
import { credentialsOf, secretOf, type CredentialsReference, type SecretReference } from './secret-reference.ts';
import { readSingleDocument } from './single-document.ts';
import { createRuntimeValidator } from './validator.ts';

export type { CredentialsReference, SecretReference };

/** Who signs in over ssh and which server is believed. */
export interface SshReference {
  readonly identityFile: string;
  /** Lines of known_hosts, or a file of them. */
  readonly knownHosts:
    | { readonly type: 'lines'; readonly lines: readonly string[] }
    | { readonly type: 'file'; readonly path: string };
}

export interface ArtifactHostReference {
  readonly host: string;
  readonly credentials?: CredentialsReference;
  readonly caFile?: string;
}

export interface RepositoryReference {
  readonly url: string;
  readonly ref: string;
  readonly path: string;
  readonly credentials?: CredentialsReference;
  readonly ssh?: SshReference;
  readonly caFile?: string;
  readonly allowNonFastForwardFrom?: string;
  /** Takes the place of what the repository says of itself. */
  readonly trust?: TrustSettings;
}

export interface RootReference {
  /** Absent: there is only one, and it speaks for every namespace. */
  readonly scope?: { readonly name: string; readonly namespaces: readonly string[] };
  readonly repository: RepositoryReference;
  /** Who may be told what came of its commits; absent: nobody. */
  readonly report?: HostReportReference;
}

/** `runtime.yaml` with its defaults filled in and plain units. Paths are as written: relative to the file. */
export interface RuntimeConfig {
  /** At least one. */
  readonly roots: readonly RootReference[];
  readonly data: string;
  /** `host:port` */
  readonly listen: string;
  readonly status: string;
  readonly releaseHeader: boolean;
  /** Who may reach a BlueGreen candidate before its switch; absent: nobody. */
  readonly preview?: { readonly domain?: string; readonly header: boolean };
  readonly webhook?: { readonly secret: SecretReference };
  /** The servers that artifacts come from. */
  readonly artifacts: {
    readonly hosts: readonly ArtifactHostReference[];
    readonly dockerConfig?: string;
    /** What keyless signatures are checked against. */
    readonly trustedRoot?: string;
  };
  /** Opens the values of Secrets. */
  readonly identityFiles: readonly string[];
  /** Processes that share `listen` and `limits`. */
  readonly engines: number;
  readonly limits: {
    /** For all cells together; absent: the machine decides. */
    readonly memoryBytes?: number;
    readonly replicas: number;
    readonly connections: number;
    readonly poolSize: number;
    readonly mirrorBytes: number;
    readonly storeBytes: number;
    readonly journalBytes: number;
  };
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';
}

/** Bytes of the host's own file → configuration, by the same reader and the same checks as the manifests. */
export function parseRuntimeConfig(bytes: Uint8Array, file: string): Result<RuntimeConfig, readonly Diagnostic[]> {
  const document = readSingleDocument(bytes, file, 'Runtime', createRuntimeValidator);
  if (!document.ok) return document;
  const { value, places } = document.value;
  const runtime = value as unknown as Runtime;
  const found: Found = (pointer, code, message) => finding(code, message, { span: spanOfValue(file, places, pointer) });
  const problems = runtimeProblems(runtime, found);
  return problems.length > 0 ? err(problems) : ok(configOf(runtime));
}

type Found = (pointer: string, code: Code, message: string) => Diagnostic;

/** What the schema cannot say. */
function runtimeProblems({ repository, report, roots = [] }: Runtime, found: Found): readonly Diagnostic[] {
  const problems = repository ? [...followedProblems({ repository, report }, '', found)] : [];
  if (report && !repository) {
    problems.push(
      found('/report', 'HW1019', 'a report is about one repository: with `roots` it stands in each of them'),
    );
  }
  const names = new Set<string>();
  const owners = new Map<string, string>();
  for (const [index, root] of roots.entries()) {
    const at = `/roots/${index}`;
    if (names.has(root.name)) problems.push(found(`${at}/name`, 'HW1030', `there is a root ${root.name} already`));
    names.add(root.name);
    for (const [position, namespace] of root.namespaces.entries()) {
      const owner = owners.get(namespace);
      owners.set(namespace, owner ?? root.name);
      if (owner === undefined) continue;
      const message = `the namespace ${namespace} is given to the root ${owner} already`;
      problems.push(found(`${at}/namespaces/${position}`, 'HW1030', message));
    }
    problems.push(...followedProblems(root, at, found));
  }
  return problems;
}

function followedProblems(
  { repository, report }: { readonly repository: Repository; readonly report?: HostReport | undefined },
  at: string,
  found: Found,
): readonly Diagnostic[] {
  const { trust } = repository;
  const inReport = (pointer: string, message: string) => found(`${at}${pointer}`, 'HW5088', message);
  return [
    ...(trust ? trustFindings(trust, `${at}/repository/trust`, found) : []),
    ...(report ? reportProblems(report, repository, inReport) : []),
  ];
}

function configOf(runtime: Runtime): RuntimeConfig {
  const { preview, webhook, artifacts, secrets, limits = {} } = runtime;
  const defaults = RUNTIME_DEFAULTS.limits;
  return {
    roots: rootsOf(runtime),
    data: runtime.data ?? RUNTIME_DEFAULTS.data,
    listen: runtime.listen ?? RUNTIME_DEFAULTS.listen,
    status: runtime.status ?? RUNTIME_DEFAULTS.status,
    releaseHeader: runtime.releaseHeader ?? RUNTIME_DEFAULTS.releaseHeader,
    ...(preview ? { preview: { ...preview, header: preview.header ?? RUNTIME_DEFAULTS.preview.header } } : {}),
    ...(webhook ? { webhook: { secret: secretOf(webhook.secret) } } : {}),
    artifacts: artifactsOf(artifacts),
    identityFiles: secrets?.identityFiles ?? [],
    engines: runtime.engines ?? RUNTIME_DEFAULTS.engines,
    limits: {
      ...(limits.memory === undefined ? {} : { memoryBytes: bytesOf(limits.memory) }),
      replicas: limits.replicas ?? defaults.replicas,
      connections: limits.connections ?? defaults.connections,
      poolSize: limits.poolSize ?? defaults.poolSize,
      mirrorBytes: bytesOf(limits.mirror ?? defaults.mirror),
      storeBytes: bytesOf(limits.store ?? defaults.store),
      journalBytes: bytesOf(limits.journal ?? defaults.journal),
    },
    logLevel: runtime.log?.level ?? RUNTIME_DEFAULTS.log.level,
  };
}

/** The schema sees to it that there is one or the other. */
function rootsOf({ repository, report, roots = [] }: Runtime): readonly RootReference[] {
  if (repository) return [{ repository: repositoryOf(repository), ...(report ? { report: reportOf(report) } : {}) }];
  return roots.map(({ name, namespaces, ...followed }) => ({
    scope: { name, namespaces },
    repository: repositoryOf(followed.repository),
    ...(followed.report ? { report: reportOf(followed.report) } : {}),
  }));
}

function repositoryOf({ url, ref, path, trust, ...rest }: Repository): RepositoryReference {
  const { credentials, ssh, caFile, allowNonFastForwardFrom } = rest;
  return {
    url,
    ref: ref ?? RUNTIME_DEFAULTS.repository.ref,
    path: (path ?? RUNTIME_DEFAULTS.repository.path).replace(/^\.\//, '').replace(/\/+$/, ''),
    ...(credentials ? { credentials: credentialsOf(credentials) } : {}),
    ...(ssh ? { ssh: sshOf(ssh) } : {}),
    ...(caFile === undefined ? {} : { caFile }),
    ...(allowNonFastForwardFrom === undefined ? {} : { allowNonFastForwardFrom }),
    ...(trust ? { trust: trustOf(trust) } : {}),
  };
}

function sshOf({ identityFile, knownHosts, knownHostsFile }: Ssh): SshReference {
  const lines = knownHosts ? ({ type: 'lines', lines: knownHosts } as const) : undefined;
  return { identityFile, knownHosts: lines ?? { type: 'file', path: knownHostsFile! } };
}

function artifactsOf({ hosts = [], dockerConfig, trustedRoot }: Artifacts = {}): RuntimeConfig['artifacts'] {
  return {
    hosts: hosts.map(({ host, credentials, caFile }) => ({
      host,
      ...(credentials ? { credentials: credentialsOf(credentials) } : {}),
      ...(caFile === undefined ? {} : { caFile }),
    })),
    ...(dockerConfig === undefined ? {} : { dockerConfig }),
    ...(trustedRoot === undefined ? {} : { trustedRoot }),
  };
}
