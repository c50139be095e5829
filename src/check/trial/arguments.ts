import { err, ok, type Result } from '../../kit/result.ts';
import { parseDuration } from '../../kit/units.ts';
import { DEFAULT_PACE, paceOf, type Pace } from './compress.ts';
import { isTrialFormat, TRIAL_FORMATS, type TrialFormat } from './format.ts';

/** How a trial reports: to standard output, and to files. */
export interface TrialReports {
  readonly format: TrialFormat;
  readonly reports: readonly { readonly format: TrialFormat; readonly file: string }[];
}

/** Flags as they were typed → where to report, or what is wrong with them. */
export function trialReports(format: string, written: readonly string[]): Result<TrialReports, string> {
  if (!isTrialFormat(format)) return err(unknownFormat(format));
  const reports = [];
  for (const report of written) {
    const [, name = '', file = ''] = /^([^=]*)=(.+)$/.exec(report) ?? [];
    if (file === '') return err(`--report "${report}" names no file: write --report junit=checks.xml`);
    if (!isTrialFormat(name)) return err(unknownFormat(name));
    reports.push({ format: name, file });
  }
  return ok({ format, reports });
}

/** Where artifacts come from that git does not hold. Absent: from nowhere. */
export interface ArtifactFlags {
  /** A folder that is looked in first, and that keeps what is fetched. */
  readonly artifacts?: string;
  /** Servers may be asked. */
  readonly fetch: boolean;
  /** A `runtime.yaml`, of which `artifacts` is read. */
  readonly config?: string;
  /** Registry credentials in the form of docker's `config.json`. */
  readonly dockerConfig?: string;
}

type Flags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

export function artifactFlags(flags: Flags): Result<ArtifactFlags, string> {
  const { artifacts, config, 'docker-config': dockerConfig } = flags;
  const fetch = flags['fetch'] === true;
  if (!fetch && (config ?? dockerConfig) !== undefined) {
    return err('--config and --docker-config are for --fetch: without it no server is asked');
  }
  return ok({
    fetch,
    ...(typeof artifacts === 'string' ? { artifacts } : {}),
    ...(typeof config === 'string' ? { config } : {}),
    ...(typeof dockerConfig === 'string' ? { dockerConfig } : {}),
  });
}

export interface RehearseArguments extends TrialReports, ArtifactFlags {
  readonly repo: string;
  readonly path: string;
  readonly base: string;
  readonly head: string;
  readonly pace: Pace;
  /** For the rollouts together. */
  readonly deadlineMs: number;
}

const MAX_FACTOR = 1_000_000;

export function rehearseArguments(range: string | undefined, flags: Flags): Result<RehearseArguments, string> {
  const ends = /^(.+?)\.\.(.+)$/.exec(range ?? '');
  if (!ends) return err('rehearse needs one range <base>..<head>');
  const speed = flags['speed'];
  const factor = Number(speed ?? 1);
  if (!(factor >= 1 && factor <= MAX_FACTOR)) return err(`--speed is a number from 1 to ${MAX_FACTOR}`);
  const deadline = parseDuration(String(flags['deadline']));
  if (!deadline.ok) return err(`--deadline: ${deadline.error}`);
  const reports = trialReports(String(flags['format']), Array.isArray(flags['report']) ? flags['report'] : []);
  if (!reports.ok) return reports;
  const artifacts = artifactFlags(flags);
  if (!artifacts.ok) return artifacts;
  const [, base, head] = ends as unknown as readonly [string, string, string];
  const pace = speed === undefined ? DEFAULT_PACE : paceOf(factor);
  const [repo, path] = [String(flags['repo']), String(flags['path'])];
  return ok({ ...reports.value, ...artifacts.value, repo, path, base, head, pace, deadlineMs: deadline.value });
}

function unknownFormat(name: string): string {
  return `there is no format "${name}"; there are ${Object.keys(TRIAL_FORMATS).join(', ')}`;
}
