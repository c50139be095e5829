/** What can be wrong before the server is asked anything. */
import { access, constants, stat } from 'node:fs/promises';
import { err, ok, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { GitCommand } from './command.ts';
import { problemOfRun } from './failure.ts';
import type { GitLimits } from './limits.ts';
import type { FollowedRef } from './ref.ts';

const OLDEST_GIT = [2, 31] as const;
const MAX_PATH_CHARACTERS = 1_024;

/** The followed folder without `./` and a last slash; empty for the root. */
export function parsePath(text: string): Result<string, Problem> {
  const path = text.replace(/^\.\/+/, '').replace(/\/+$/, '');
  if (path === '' || path === '.') return ok('');
  // oxlint-disable-next-line no-control-regex
  const hostile = path.length > MAX_PATH_CHARACTERS || /[\u0000-\u001f\u007f]/.test(path);
  if (hostile || path.split('/').some((segment) => ['', '.', '..'].includes(segment))) {
    return err(problem('HW3010', 'the followed path is a relative path without . and .. in it'));
  }
  return ok(path);
}

export async function isReadable(file: string): Promise<boolean> {
  return (
    (
      await access(file, constants.R_OK)
        .then(() => stat(file))
        .catch(() => undefined)
    )?.isFile() === true
  );
}

export async function checkVersion(command: GitCommand, limits: GitLimits): Promise<Result<void, Problem>> {
  const ended = await command.read(['version'], { outputBytes: limits.textBytes, deadlineMs: limits.localDeadlineMs });
  const match = /git version (\d+)\.(\d+)/.exec(ended.stdout);
  if (!match) return err(problemOfRun(ended, 'ask git for its version'));
  const [major, minor] = [Number(match[1]), Number(match[2])];
  if (major > OLDEST_GIT[0] || (major === OLDEST_GIT[0] && minor >= OLDEST_GIT[1])) return ok(undefined);
  return err(problem('HW3009', `this is git ${major}.${minor}; Headway needs ${OLDEST_GIT.join('.')} or newer`));
}

export async function checkNames(
  command: GitCommand,
  limits: GitLimits,
  ref: FollowedRef,
): Promise<Result<void, Problem>> {
  if (ref.type === 'commit') return ok(undefined);
  for (const name of ref.names) {
    const ended = await command.read(['check-ref-format', name], {
      outputBytes: limits.textBytes,
      deadlineMs: limits.localDeadlineMs,
    });
    if (ended.stop) return err(problemOfRun(ended, 'check the name of the ref'));
    if (ended.exitCode !== 0) return err(problem('HW3010', `${JSON.stringify(name)} is not the name of a ref`));
  }
  return ok(undefined);
}
