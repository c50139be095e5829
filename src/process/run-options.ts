/** `headway run`: flags and `runtime.yaml` to one value, every path absolute, every address taken apart. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { err, ok, type Result } from '../kit/result.ts';
import {
  parseRuntimeConfig,
  type CredentialsReference,
  type RepositoryReference,
  type RuntimeConfig,
  type SshReference,
  type SecretReference,
} from '../manifest/runtime-config.ts';
import type { HostReportReference, NotesReference, ReportTargetReference } from '../manifest/runtime-report.ts';
import { problem, type Problem } from '../model/problem.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface RunOptions extends Omit<RuntimeConfig, 'listen' | 'status'> {
  readonly listen: Address;
  readonly status: Address;
}

export type RunFlags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

const RUNTIME_HEAD = 'apiVersion: headway.dev/v1alpha1\nkind: Runtime\n';

/** Flags win over the file. Without a file, `--repo` is needed and everything else has its default. */
export function runOptions(flags: RunFlags): Result<RunOptions, readonly Problem[]> {
  const file = text(flags['config']);
  const read = file === undefined ? fromFlags(flags) : fromFile(file);
  if (!read.ok) return read;
  const folder = file === undefined ? process.cwd() : path.dirname(path.resolve(file));
  const config = read.value;
  const listen = parseAddress(text(flags['listen']) ?? config.listen, 'listen');
  const status = parseAddress(text(flags['status']) ?? config.status, 'status');
  if (!listen.ok) return err([listen.error]);
  if (!status.ok) return err([status.error]);
  const engines = enginesOf(text(flags['engines']) ?? String(config.engines), listen.value);
  if (!engines.ok) return err([engines.error]);
  const data = text(flags['data']);
  return ok({
    ...config,
    roots: config.roots.map(({ report, ...root }) => ({
      ...root,
      repository: absoluteRepository(root.repository, folder),
      ...(report ? { report: absoluteReport(report, folder) } : {}),
    })),
    artifacts: absoluteArtifacts(config.artifacts, folder),
    identityFiles: config.identityFiles.map((identityFile) => path.resolve(folder, identityFile)),
    ...(config.webhook ? { webhook: { secret: absolute(config.webhook.secret, folder) } } : {}),
    data: data === undefined ? path.resolve(folder, config.data) : path.resolve(data),
    listen: listen.value,
    status: status.value,
    engines: engines.value,
  });
}

/** The flags as the file that they stand for, so that they go through the same schema. */
function fromFlags(flags: RunFlags): Result<RuntimeConfig, readonly Problem[]> {
  const repo = text(flags['repo']);
  if (repo === undefined) {
    return err([problem('HW5012', 'run needs --repo <url> or --config <runtime.yaml>')]);
  }
  const url = repo.startsWith('/') || repo.startsWith('.') ? pathToFileURL(path.resolve(repo)).href : repo;
  const repository = { url, ref: text(flags['ref']), path: text(flags['path']) };
  const document = RUNTIME_HEAD + `repository: ${JSON.stringify(repository)}\n`;
  return parseRuntimeConfig(new TextEncoder().encode(document), 'command line');
}

function fromFile(file: string): Result<RuntimeConfig, readonly Problem[]> {
  try {
    return parseRuntimeConfig(readFileSync(file), file);
  } catch (error) {
    return err([problem('HW5014', `${file} cannot be read: ${(error as Error).message}`)]);
  }
}

export function parseAddress(address: string, what: string): Result<Address, Problem> {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) {
    return err(
      problem('HW5012', `--${what} "${address}" is not an address`, {
        remedy: 'write host:port, for example 127.0.0.1:8080',
      }),
    );
  }
  return ok({ host: match[1] ?? match[2]!, port });
}

/** As many as the schema of the file allows. */
const MAX_ENGINES = 16;

function enginesOf(given: string, listen: Address): Result<number, Problem> {
  const engines = /^[0-9]{1,2}$/.test(given) ? Number(given) : 0;
  if (engines < 1 || engines > MAX_ENGINES) {
    return err(problem('HW1170', `--engines "${given}" is not a number from 1 to ${MAX_ENGINES}`));
  }
  if (engines > 1 && listen.port === 0) {
    return err(
      problem('HW1171', `${engines} engines cannot listen on ${printedAddress(listen)}: each would get another port`),
    );
  }
  return ok(engines);
}

export function printedAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function absoluteRepository(
  { credentials, ssh, caFile, ...rest }: RepositoryReference,
  folder: string,
): RepositoryReference {
  return {
    ...rest,
    ...(credentials ? { credentials: absoluteCredentials(credentials, folder) } : {}),
    ...(ssh ? { ssh: absoluteSsh(ssh, folder) } : {}),
    ...(caFile === undefined ? {} : { caFile: path.resolve(folder, caFile) }),
  };
}

function absoluteCredentials(credentials: CredentialsReference, folder: string): CredentialsReference {
  return credentials.type === 'token'
    ? { ...credentials, token: absolute(credentials.token, folder) }
    : { ...credentials, password: absolute(credentials.password, folder) };
}

function absoluteSsh({ identityFile, knownHosts }: SshReference, folder: string): SshReference {
  return {
    identityFile: path.resolve(folder, identityFile),
    knownHosts:
      knownHosts.type === 'lines' ? knownHosts : { ...knownHosts, path: path.resolve(folder, knownHosts.path) },
  };
}

export function absoluteArtifacts(
  { hosts, dockerConfig, trustedRoot }: RuntimeConfig['artifacts'],
  folder: string,
): RuntimeConfig['artifacts'] {
  return {
    hosts: hosts.map(({ credentials, caFile, ...rest }) => ({
      ...rest,
      ...(credentials ? { credentials: absoluteCredentials(credentials, folder) } : {}),
      ...(caFile === undefined ? {} : { caFile: path.resolve(folder, caFile) }),
    })),
    ...(dockerConfig === undefined ? {} : { dockerConfig: path.resolve(folder, dockerConfig) }),
    ...(trustedRoot === undefined ? {} : { trustedRoot: path.resolve(folder, trustedRoot) }),
  };
}

function absoluteNotes({ credentials, signingKey }: NotesReference, folder: string): NotesReference {
  return {
    ...(credentials ? { credentials: absoluteCredentials(credentials, folder) } : {}),
    ...(signingKey === undefined ? {} : { signingKey: path.resolve(folder, signingKey) }),
  };
}

function absoluteReport(report: HostReportReference, folder: string): HostReportReference {
  const { notes, proposals } = report;
  return {
    ...report,
    ...(notes ? { notes: absoluteNotes(notes, folder) } : {}),
    ...(proposals
      ? {
          proposals: {
            ...proposals,
            credentials: absoluteCredentials(proposals.credentials, folder),
            ...(proposals.signingKey === undefined ? {} : { signingKey: path.resolve(folder, proposals.signingKey) }),
          },
        }
      : {}),
    targets: report.targets.map((target) => ({
      ...target,
      ...(target.caFile === undefined ? {} : { caFile: path.resolve(folder, target.caFile) }),
      ...(target.type === 'Webhook'
        ? { secret: absolute(target.secret, folder) }
        : { credentials: absoluteCredentials(target.credentials, folder) }),
    })) as readonly ReportTargetReference[],
  };
}

function absolute(secret: SecretReference, folder: string): SecretReference {
  return secret.type === 'env' ? secret : { ...secret, path: path.resolve(folder, secret.path) };
}

function text(value: RunFlags[string]): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
