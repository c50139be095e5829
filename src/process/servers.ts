/** What commands for people know of servers of artifacts: what the user hands them, and nothing that lies about. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { HostSettings } from '../artifact/hosts.ts';
import { err, ok, type Result } from '../kit/result.ts';
import { parseRuntimeConfig } from '../manifest/runtime-config.ts';
import { problem, type Problem } from '../model/problem.ts';
import { artifactHosts } from './credentials.ts';
import { absoluteArtifacts } from './run-options.ts';

export interface ServerFlags {
  /** A `runtime.yaml`, of which `artifacts` is read. */
  readonly config?: string;
  /** Registry credentials in the form of docker's `config.json`. */
  readonly dockerConfig?: string;
}

export interface Servers {
  readonly hosts: readonly HostSettings[];
  readonly dockerConfig?: string;
}

export function serversOf({ config, dockerConfig }: ServerFlags): Result<Servers, readonly Problem[]> {
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
