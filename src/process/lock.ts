/** `headway lock <dir>` with the reader of registries behind it. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { HostSettings } from '../artifact/hosts.ts';
import { createResolver } from '../artifact/resolve.ts';
import { folderSource } from '../check/lint/folder.ts';
import { exitOfLock, lock, printLock, type LockExit, type LockOptions } from '../check/lock/lock.ts';
import { printProblem } from '../check/print.ts';
import type { Terminal } from '../check/terminal.ts';
import { err, ok, type Result } from '../kit/result.ts';
import { parseRuntimeConfig } from '../manifest/runtime-config.ts';
import { EXIT } from '../model/exit.ts';
import { problem, type Problem } from '../model/problem.ts';
import { artifactHosts } from './credentials.ts';
import { absoluteArtifacts } from './run-options.ts';

export interface LockFlags extends LockOptions {
  readonly dir: string;
  /** A `runtime.yaml`, of which `artifacts` is read. */
  readonly config?: string;
  /** Registry credentials in the form of docker's `config.json`. */
  readonly dockerConfig?: string;
}

export async function lockCommand(flags: LockFlags, terminal: Terminal): Promise<LockExit> {
  const servers = serversOf(flags);
  if (!servers.ok) {
    for (const one of servers.error) printProblem(terminal, one);
    return EXIT.Broken;
  }
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const digestOf = createResolver({ ...servers.value, signal: stop.signal });
  const report = await lock({ source: folderSource(flags.dir), digestOf }, flags);
  process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  for (const one of report.problems) printProblem(terminal, one);
  terminal.out(printLock(report, flags));
  return exitOfLock(report, flags);
}

interface Servers {
  readonly hosts: readonly HostSettings[];
  readonly dockerConfig?: string;
}

function serversOf({ config, dockerConfig }: LockFlags): Result<Servers, readonly Problem[]> {
  const own = dockerConfig === undefined ? {} : { dockerConfig: path.resolve(dockerConfig) };
  if (config === undefined) return ok({ hosts: [], ...own });
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(config);
  } catch (error) {
    return err([problem('HW5014', `${config} cannot be read: ${(error as Error).message}`)]);
  }
  const read = parseRuntimeConfig(bytes, config);
  if (!read.ok) return read;
  const { hosts, dockerConfig: named } = absoluteArtifacts(read.value.artifacts, path.dirname(path.resolve(config)));
  const written = named === undefined ? {} : { dockerConfig: named };
  try {
    return ok({ hosts: artifactHosts(hosts, () => undefined), ...written, ...own });
  } catch (error) {
    return err([problem('HW5016', (error as Error).message)]);
  }
}
