/**
 * The only way in which something of ours gets into the followed repository: new objects and two kinds of refs, never a
 * branch that anybody follows.
 *
 * P1 No work tree: objects are made by id (`hash-object`, `notes`, `merge-tree`, `commit-tree`), and pushed by id.
 * P2 Nothing is forced: what somebody else pushed meanwhile is fetched and built upon.
 * P3 Credentials of its own, as a header for one URL, as everywhere (environment.ts).
 */
import { Buffer } from 'node:buffer';
import { err, ok, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { Ended, GitCommand } from './command.ts';
import { credentialEnvironment, isUsable, secretsOf, type Credentials, type Environment } from './environment.ts';
import { problemOfRun } from './failure.ts';
import type { GitLimits } from './limits.ts';
import { withSigningKey } from './signing-key.ts';

export interface PublishAccess {
  /** Asked before each push, so that a rotated token is taken up. */
  readonly credentials?: () => Credentials | undefined;
  /** A file with the private key that commits of ours are signed with. */
  readonly signingKey?: string;
}

/** One after the other. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(run);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

interface Parts {
  readonly command: GitCommand;
  readonly transport: Environment;
  readonly url: string;
  readonly limits: GitLimits;
  readonly access: PublishAccess;
  /** Of all publishers of the mirror, which share its refs: who is first is through first. */
  readonly turns: Turns;
  /** Whether the mirror still fits into its size. */
  readonly fits: () => Promise<boolean>;
}

export interface Printed extends Ended {
  readonly stdout: string;
}

const IDENTITY: Environment = {
  GIT_AUTHOR_NAME: 'Headway',
  GIT_AUTHOR_EMAIL: 'headway@localhost',
  GIT_COMMITTER_NAME: 'Headway',
  GIT_COMMITTER_EMAIL: 'headway@localhost',
};

export class Publisher {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  inTurn<T>(run: () => Promise<T>): Promise<T> {
    return this.#parts.turns.take(run);
  }

  /** A command that touches the mirror alone. */
  local(args: readonly string[], input?: string): Promise<Printed> {
    return this.#run(args, {
      deadlineMs: this.#parts.limits.localDeadlineMs,
      ...(input === undefined ? {} : { input }),
    });
  }

  /** The id that a command prints; a problem where it prints none. */
  async idOf(args: readonly string[], doing: string, input?: string): Promise<Result<string, Problem>> {
    const ended = await this.local(args, input);
    const [id = ''] = ended.stdout.split('\n');
    return ended.exitCode === 0 && /^[0-9a-f]{40}$/.test(id) ? ok(id) : err(problemOfRun(ended, doing));
  }

  /** A commit of ours; the same arguments give the same commit, so that a repetition changes nothing. */
  async commitTree(
    {
      tree,
      parents,
      message,
      atMs,
    }: Readonly<{ tree: string; parents: readonly string[]; message: string; atMs: number }>,
    doing: string,
  ): Promise<Result<string, Problem>> {
    const { signingKey } = this.#parts.access;
    const date = `${Math.floor(atMs / 1_000)} +0000`;
    const commit = (flags: readonly string[], environment: Environment): Promise<Printed> =>
      this.#run(['commit-tree', ...flags, ...parents.flatMap((id) => ['-p', id]), '-F', '-', tree], {
        input: message,
        deadlineMs: this.#parts.limits.localDeadlineMs,
        environment: { GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date, ...environment },
      });
    const made =
      signingKey === undefined
        ? ok(await commit([], {}))
        : await withSigningKey(signingKey, (environment) => commit(['-S'], environment));
    if (!made.ok) return made;
    const ended = made.value;
    const id = ended.stdout.trim();
    return ended.exitCode === 0 && /^[0-9a-f]{40}$/.test(id) ? ok(id) : err(problemOfRun(ended, doing));
  }

  /** A ref of the server into the same ref of the mirror; `false`: the server has none, and neither has the mirror now. */
  async fetch(ref: string): Promise<Result<boolean, Problem>> {
    const { limits, fits } = this.#parts;
    const args = [
      'fetch',
      '--quiet',
      '--no-tags',
      '--no-write-fetch-head',
      '--no-auto-maintenance',
      'origin',
      `+${ref}:${ref}`,
    ];
    const ended = await this.#remote(args, limits.fetchDeadlineMs, fits);
    if (ended.exitCode === 0) return ok(true);
    if (!/couldn't find remote ref/.test(ended.stderr)) return err(this.#problem(ended, 'fetch notes'));
    const removed = await this.local(['update-ref', '-d', ref]);
    return removed.exitCode === 0 ? ok(false) : err(problemOfRun(removed, 'drop old notes'));
  }

  /** P2. `false`: somebody else was first. */
  async push(commit: string, ref: string, doing: string): Promise<Result<boolean, Problem>> {
    const args = ['push', '--quiet', '--no-verify', '--porcelain', 'origin', `${commit}:${ref}`];
    const ended = await this.#remote(args, this.#parts.limits.localDeadlineMs);
    if (ended.exitCode === 0) return ok(true);
    const said = `${ended.stdout}\n${ended.stderr}`;
    if (
      /\[rejected\]|fetch first|non-fast-forward|cannot lock ref|failed to update ref|reference already exists/i.test(
        said,
      )
    ) {
      return ok(false);
    }
    if (/\[remote rejected\]|hook declined|protected/i.test(said)) {
      const [line = ''] = /^!.*$|^remote: .*$/m.exec(said) ?? [];
      return err(problem('HW5086', `the server does not take ${ref}: ${line.replaceAll(/\s+/g, ' ').slice(0, 200)}`));
    }
    return err(this.#problem(ended, doing));
  }

  async #remote(args: readonly string[], deadlineMs: number, watch?: () => Promise<boolean>): Promise<Printed> {
    const { transport, url, access } = this.#parts;
    const credentials = access.credentials?.();
    if (credentials && !isUsable(credentials)) {
      return { exitCode: -1, stdout: '', stderr: 'Authentication failed: the credentials hold control characters' };
    }
    const login = credentials ? credentialEnvironment(url, credentials) : {};
    return this.#run(args, { deadlineMs, environment: { ...transport, ...login }, ...(watch ? { watch } : {}) });
  }

  #problem(ended: Ended, doing: string): Problem {
    const credentials = this.#parts.access.credentials?.();
    return problemOfRun(ended, doing, credentials ? secretsOf(credentials) : []);
  }

  async #run(
    args: readonly string[],
    run: Readonly<{ deadlineMs: number; input?: string; environment?: Environment; watch?: () => Promise<boolean> }>,
  ): Promise<Printed> {
    const { command, limits } = this.#parts;
    const chunks: Buffer[] = [];
    let bytes = 0;
    const ended = await command.own({
      args,
      ...run,
      environment: { ...IDENTITY, ...run.environment },
      onOutput: (chunk) => {
        chunks.push(chunk);
        bytes += chunk.length;
        return bytes <= limits.textBytes;
      },
    });
    return { ...ended, stdout: Buffer.concat(chunks).toString('utf8') };
  }
}
