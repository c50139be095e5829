/**
 * The mirror of the followed repository: a bare one in the data folder, with full history and no work tree ever.
 *
 * 1. Only `look` talks to the server. Everything else reads local disk and works while the server is gone.
 * 2. A look that fails changes nothing: what was fetched before stays readable.
 * 3. Nothing that was fetched goes away by itself (an accepted commit outlives a force-push); only `collect` removes.
 * 4. A mirror that cannot be read is set aside, not mended, and fetched anew by the next look.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { err, ok, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { SignedBy, Signer } from '../model/trust.ts';
import type { CommitInfo, GitPort, SkippedEntry, TreeFile } from '../reconcile/ports.ts';
import { parseAddress } from './address.ts';
import { GitCommand, type Ended } from './command.ts';
import { mirrorConfig } from './config.ts';
import {
  credentialEnvironment,
  gitEnvironment,
  isUsable,
  secretsOf,
  sshEnvironment,
  type Credentials,
  type Environment,
} from './environment.ts';
import { problemOfRun } from './failure.ts';
import { DEFAULT_GIT_LIMITS, type GitLimits } from './limits.ts';
import { Publisher, Turns, type PublishAccess } from './publish.ts';
import { checkNames, checkVersion, isReadable, parsePath } from './preflight.ts';
import { choose, parseRef, type FollowedRef } from './ref.ts';
import { checkCommits, MirrorReader } from './reader.ts';
import { SSH_LIMITS, sshCommand, type SshAccess, type SshLimits } from './ssh.ts';
import { layOut, mirrorBytes, setAside, sweep } from './repair.ts';
import { verifySignatures } from './signatures.ts';

export interface MirrorOptions {
  readonly url: string;
  /** A branch, a tag, a full ref name, or a commit of 40 hex digits. */
  readonly ref: string;
  /** The followed folder inside the repository; `.` is its root. */
  readonly path: string;
  /** Where the mirror lives; made if need be, and nobody else's. */
  readonly folder: string;
  /** Asked before each look, so that a rotated token is taken up. */
  readonly credentials?: () => Credentials | undefined;
  /** For ssh addresses. */
  readonly ssh?: SshAccess;
  readonly sshLimits?: Partial<SshLimits>;
  /** PEM file of the authorities that the server's certificate may come from, instead of the system's. */
  readonly caFile?: string;
  /** `file:` addresses, for demos and tests. */
  readonly allowFile?: boolean;
  readonly limits?: Partial<GitLimits>;
  readonly log: Logger;
}

export interface Mirror extends GitPort {
  /** Links, submodules and unreadable names under the followed path: not files, worth a diagnostic. */
  skipped(commit: string): Promise<Result<readonly SkippedEntry[], Problem>>;
  /** Bytes on disk, for metrics. */
  bytes(): Promise<number>;
  /** When the mirror is over half of its size: drops what neither the head nor one of `keep` reaches. */
  collect(keep: ReadonlySet<string>): Promise<Result<void, Problem>>;
  /** What puts objects and refs of ours into the repository, with access of its own (without: that of the looks). */
  publisher(access?: PublishAccess): Publisher;
  /** Stops what runs; nothing starts any more. */
  close(): void;
}

const HEAD_REF = 'refs/headway/head';
const MAX_KEPT_COMMITS = 1_000;

/** Checks everything that can be wrong without the server, lays out the folder and clears away what a crash left. */
export async function openMirror(options: MirrorOptions): Promise<Result<Mirror, Problem>> {
  const limits = { ...DEFAULT_GIT_LIMITS, ...options.limits };
  const address = parseAddress(options.url, { allowFile: options.allowFile ?? false });
  if (!address.ok) return address;
  const ref = parseRef(options.ref);
  if (!ref.ok) return ref;
  const path = parsePath(options.path);
  if (!path.ok) return path;
  if (options.caFile !== undefined && !(await isReadable(options.caFile))) {
    return err(problem('HW3004', `the CA file ${options.caFile} cannot be read`, { remedy: 'correct the path' }));
  }
  const folder = join(options.folder, 'mirror.git');
  const home = join(options.folder, 'home');
  const config = mirrorConfig(address.value, limits, options.caFile);
  try {
    await mkdir(home, { recursive: true, mode: 0o700 });
    await layOut(folder, config);
    const removed = await sweep(folder);
    if (removed > 0) options.log.warn({ removed }, 'removed what an interrupted fetch left in the mirror');
  } catch (error) {
    return err(problem('HW3015', `the mirror in ${options.folder} cannot be laid out: ${(error as Error).message}`));
  }
  const { protocol } = address.value;
  if ((protocol === 'ssh') !== (options.ssh !== undefined)) return err(sshNotGiven(protocol));
  const ssh =
    options.ssh && (await sshCommand(options.ssh, join(home, 'known_hosts'), { ...SSH_LIMITS, ...options.sshLimits }));
  if (ssh?.ok === false) return ssh;
  const command = new GitCommand(folder, gitEnvironment(folder, home, protocol));
  const version = await checkVersion(command, limits);
  if (!version.ok) return version;
  const names = await checkNames(command, limits, ref.value);
  if (!names.ok) return names;
  const mirror = new BareMirror({
    command,
    transport: ssh ? sshEnvironment(ssh.value) : {},
    folder,
    config,
    limits,
    url: address.value.url,
    options,
    ref: ref.value,
    path: path.value,
  });
  await mirror.checkHead();
  return ok(mirror);
}

function sshNotGiven(protocol: string): Problem {
  const message =
    protocol === 'ssh'
      ? 'the address is ssh, and no key and known hosts are given'
      : 'ssh is given, and the address is not ssh';
  return problem('HW3010', message, {
    remedy: 'give repository.ssh in runtime.yaml, for an ssh address and only for one',
  });
}

interface Parts {
  readonly command: GitCommand;
  /** What a run that talks to the server needs beside the environment of all. */
  readonly transport: Environment;
  readonly folder: string;
  readonly config: string;
  readonly limits: GitLimits;
  readonly url: string;
  readonly options: MirrorOptions;
  readonly ref: FollowedRef;
  /** Empty for the root. */
  readonly path: string;
}

type Look = Result<{ readonly commit: string; readonly fetched: boolean }, Problem>;

class BareMirror implements Mirror {
  readonly #parts: Parts;
  readonly #reader: MirrorReader;
  readonly #log: Logger;
  readonly #turns = new Turns();
  #looking: Promise<Look> | undefined;
  /** What the last look found, and under which name. */
  #found: { readonly name: string; readonly commit: string } | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#reader = new MirrorReader(parts.command, parts.limits, parts.path);
    this.#log = parts.options.log;
  }

  close(): void {
    this.#parts.command.close();
  }

  isAncestor(ancestor: string, descendant: string): Promise<Result<boolean, Problem>> {
    return this.#reader.isAncestor(ancestor, descendant);
  }

  commit(commit: string): Promise<Result<CommitInfo, Problem>> {
    return this.#reader.commit(commit);
  }

  between(base: string, head: string, limit: number): Promise<Result<readonly CommitInfo[], Problem>> {
    return this.#reader.between(base, head, limit);
  }

  files(commit: string): Promise<Result<readonly TreeFile[], Problem>> {
    return this.#reader.files(commit);
  }

  baseFiles(commit: string, base: string): Promise<Result<readonly TreeFile[], Problem>> {
    return this.#reader.baseFiles(commit, base);
  }

  skipped(commit: string): Promise<Result<readonly SkippedEntry[], Problem>> {
    return this.#reader.skipped(commit);
  }

  blobs(oids: readonly string[]): Promise<Result<ReadonlyMap<string, Uint8Array>, Problem>> {
    return this.#reader.blobs(oids);
  }

  touching(base: string, head: string, path: string): Promise<Result<readonly string[], Problem>> {
    return this.#reader.touching(base, head, path);
  }

  async signatures(
    commits: readonly string[],
    signers: readonly Signer[],
  ): Promise<Result<ReadonlyMap<string, SignedBy>, Problem>> {
    const checked = checkCommits(commits);
    return checked.ok ? verifySignatures(this.#parts.command, commits, signers) : checked;
  }

  publisher(access: PublishAccess = {}): Publisher {
    const { command, transport, url, limits, options } = this.#parts;
    return new Publisher({
      command,
      transport,
      url,
      limits,
      turns: this.#turns,
      access: { ...(options.credentials ? { credentials: options.credentials } : {}), ...access },
      fits: async () => (await this.bytes()) <= limits.mirrorBytes,
    });
  }

  bytes(): Promise<number> {
    return mirrorBytes(this.#parts.folder);
  }

  /** A power cut can leave a ref that names nothing: noticed at the start rather than in the middle of a round. */
  async checkHead(): Promise<void> {
    const listed = await this.#reader.read(['for-each-ref', '--format=%(objectname)', HEAD_REF]);
    if (listed.exitCode === 0 && listed.stdout.trim() === '' && listed.stderr === '') return;
    if (!(await this.#localHead())) this.#reader.damaged = true;
  }

  /** One look at a time; who asks meanwhile gets the answer of the one in flight. */
  look(isHinted = false): Promise<Look> {
    this.#looking ??= this.#look(isHinted).finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(isHinted: boolean): Promise<Look> {
    const rebuilt = await this.#rebuildIfDamaged();
    if (!rebuilt.ok) return rebuilt;
    const credentials = this.#parts.options.credentials?.();
    if (credentials && !isUsable(credentials)) {
      return err(problem('HW3002', 'the credentials hold control characters or are longer than 4096 characters'));
    }
    if (this.#parts.ref.type === 'commit') return this.#lookAtCommit(this.#parts.ref.commit, credentials);
    const { names } = this.#parts.ref;
    const [found] = isHinted && this.#found?.name === names[0] ? [this.#found] : [];
    this.#found = undefined;
    return (found && (await this.#fetchHinted(found, credentials))) ?? this.#lookAtRef(names, credentials);
  }

  /**
   * The ref that comes before all others was there the last time, so a fetch of it says what a question would. `undefined` where
   * it is gone: then the question says what there is.
   */
  async #fetchHinted(
    found: { readonly name: string; readonly commit: string },
    credentials: Credentials | undefined,
  ): Promise<Look | undefined> {
    // What is read after the fetch is opened meanwhile; what it says now may be of before or after.
    const [fetched] = await Promise.all([this.#fetch(found.name, credentials), this.#localHead()]);
    if (!fetched.ok) return fetched.error.code === 'HW3003' ? undefined : fetched;
    const { commit } = fetched.value;
    return ok({ commit, fetched: commit !== found.commit });
  }

  async #rebuildIfDamaged(): Promise<Result<void, Problem>> {
    if (!this.#reader.damaged) return ok(undefined);
    const { folder, config } = this.#parts;
    await this.#reader.rest();
    try {
      const aside = await setAside(folder);
      await layOut(folder, config);
      this.#log.error({ aside }, 'the mirror is damaged: set aside, fetching anew');
    } catch (error) {
      return err(problem('HW3015', `the damaged mirror cannot be set aside: ${(error as Error).message}`));
    }
    this.#reader.forget();
    return ok(undefined);
  }

  async #lookAtCommit(commit: string, credentials: Credentials | undefined): Promise<Look> {
    if ((await this.#localHead()) === commit) return ok({ commit, fetched: false });
    return this.#fetch(commit, credentials);
  }

  async #lookAtRef(names: readonly string[], credentials: Credentials | undefined): Promise<Look> {
    const { limits } = this.#parts;
    let printed = '';
    const asking = this.#ask({
      args: ['ls-remote', '--quiet', 'origin', ...names.flatMap((name) => [name, `${name}^{}`])],
      credentials,
      deadlineMs: limits.askDeadlineMs,
      onOutput: (chunk) => {
        printed += chunk.toString('latin1');
        return printed.length <= limits.textBytes;
      },
    });
    const [ended, present] = await Promise.all([asking, this.#localHead()]);
    if (ended.exitCode !== 0) return err(problemOfRun(ended, 'ask the git server', secrets(credentials)));
    const chosen = choose(printed, names);
    if (chosen === 'garbage') return err(problem('HW3006', 'the server answered, but not with a list of refs'));
    if (!chosen) return err(problem('HW3003', `the repository has no ${names.join(' and no ')}, or is empty`));
    if (present !== chosen.commit) return this.#fetch(chosen.name, credentials);
    this.#found = chosen;
    return ok({ commit: chosen.commit, fetched: false });
  }

  async #fetch(what: string, credentials: Credentials | undefined): Promise<Look> {
    const { limits } = this.#parts;
    const ended = await this.#ask({
      args: [
        'fetch',
        '--quiet',
        '--no-tags',
        '--no-write-fetch-head',
        '--no-recurse-submodules',
        '--no-auto-maintenance',
        'origin',
        `+${what}:${HEAD_REF}`,
      ],
      credentials,
      deadlineMs: limits.fetchDeadlineMs,
      onOutput: () => true,
      watch: async () => (await this.bytes()) <= limits.mirrorBytes,
    });
    if (ended.exitCode !== 0) {
      // What was stopped half-way leaves its temporary pack, which would count against the size for ever.
      if (ended.stop) await sweep(this.#parts.folder).catch(() => 0);
      if (ended.stop === 'OutputTooLarge') {
        return err(problem('HW3007', `with this fetch the mirror would be larger than ${limits.mirrorBytes} bytes`));
      }
      return err(problemOfRun(ended, 'fetch from the git server', secrets(credentials)));
    }
    const commit = await this.#localHead();
    if (!commit) return err(problem('HW3003', `${what} does not lead to a commit`));
    this.#found = { name: what, commit };
    this.#log.info({ commit }, 'fetched');
    return ok({ commit, fetched: true });
  }

  #ask(run: {
    readonly args: readonly string[];
    readonly credentials: Credentials | undefined;
    readonly deadlineMs: number;
    onOutput(chunk: Buffer): boolean;
    readonly watch?: () => Promise<boolean>;
  }): Promise<Ended> {
    const { credentials, ...rest } = run;
    const { command, transport, url } = this.#parts;
    const login = credentials ? credentialEnvironment(url, credentials) : {};
    return command.own({ ...rest, environment: { ...transport, ...login } });
  }

  async collect(keep: ReadonlySet<string>): Promise<Result<void, Problem>> {
    const { limits, command } = this.#parts;
    if ((await this.bytes()) <= limits.mirrorBytes / 2) return ok(undefined);
    const checked = checkCommits([...keep]);
    if (!checked.ok) return checked;
    if (keep.size > MAX_KEPT_COMMITS) return err(problem('HW3007', `more than ${MAX_KEPT_COMMITS} commits to keep`));
    const listed = await this.#reader.read(['for-each-ref', '--format=%(refname)', 'refs/headway/keep/']);
    const stale = listed.stdout
      .split('\n')
      .filter((name) => name !== '' && !keep.has(name.slice('refs/headway/keep/'.length)));
    const present: string[] = [];
    for (const commit of keep) if (await this.#reader.has(commit)) present.push(commit);
    const updates = [
      ...present.map((commit) => `update refs/headway/keep/${commit} ${commit}\n`),
      ...stale.map((name) => `delete ${name}\n`),
    ];
    const steps: readonly { readonly args: readonly string[]; readonly input?: string }[] = [
      { args: ['update-ref', '--stdin'], input: updates.join('') },
      { args: ['repack', '-a', '-d', '-q'] },
      { args: ['prune', '--expire=now'] },
    ];
    // What is deleted is free only when nobody has it open.
    await this.#reader.rest();
    for (const step of steps) {
      const ended = await command.own({ ...step, deadlineMs: limits.fetchDeadlineMs, onOutput: () => true });
      if (ended.exitCode !== 0) return err(problemOfRun(ended, 'collect the mirror'));
    }
    return ok(undefined);
  }

  /** The commit that was fetched last, or nothing. */
  #localHead(): Promise<string | undefined> {
    return this.#reader.head(HEAD_REF);
  }
}

function secrets(credentials: Credentials | undefined): readonly string[] {
  return credentials ? secretsOf(credentials) : [];
}
