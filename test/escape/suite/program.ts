/**
 * The real program with each guest twice, in `Process` and in `Strict`. A guest is asked under `<guest>-<isolation>.example`;
 * whatever it is asked, control, engine, spawner and broker have to be the same processes in the end.
 */
import http from 'node:http';
import path from 'node:path';
import type { AuditRecord } from '../../../src/model/audit-record.ts';
import type { Daemon } from '../../support/daemon.ts';
import { headway } from '../../support/headway.ts';
import { component, environment, immediatePolicy, route } from '../../support/manifests.ts';
import type { Changes, Repository } from '../../support/repository.ts';
import { ISOLATIONS, type Isolation } from './attempt.ts';

/** Of whom nothing may end. */
const SERVANTS = ['control', 'engine', 'spawner', 'broker'] as const;

export interface Guest {
  readonly name: string;
  readonly wasm: Uint8Array;
  /** More lines of `spec`, two spaces in. */
  readonly spec?: (isolation: Isolation) => string;
  /** Functions that are called with JSON: the whole of `rules`. */
  readonly rules?: (backend: string) => string;
  /** More variables of its environment, in flow form. */
  readonly env?: string;
}

export interface Asked {
  readonly method?: string;
  /** Names and values in turn, as they are sent. */
  readonly headers?: readonly string[];
  readonly body?: string;
}

export interface Said {
  readonly status: number;
  /** One character a byte. */
  readonly body: string;
}

export const nameOf = (guest: string, isolation: Isolation): string => `${guest}-${isolation.toLowerCase()}`;

/** What is committed for the guests, each in both isolations. */
export function manifestsOf(guests: readonly Guest[]): Changes {
  const changes: Record<string, string | Uint8Array> = {
    'environment.yaml': environment(),
    'shop/policies.yaml': immediatePolicy(),
  };
  for (const { name, wasm, spec, rules, env } of guests) {
    changes[`wasm/${name}.wasm`] = wasm;
    for (const isolation of ISOLATIONS) {
      const own = nameOf(name, isolation);
      const file = component({
        name: own,
        wasm: `wasm/${name}.wasm`,
        rollout: '{policyRef: {name: now}}',
        extra: `  isolation: ${isolation}\n${spec?.(isolation) ?? ''}`,
      });
      const named = env === undefined ? file : file.replace('env: [', `env: [${env}, `);
      // What exports no handler of HTTP has no path to be ready at.
      changes[`shop/${own}.yaml`] = rules ? named.replace(/^ {2}probes:\n.*\n/m, '') : named;
      const hostname = `${own}.example`;
      changes[`shop/${own}-route.yaml`] = rules
        ? route({ name: own, hostname }).replace(/ {2}rules:[^]*$/, `  rules:\n${rules(own)}`)
        : route({ name: own, hostname });
    }
  }
  return changes;
}

export class Program {
  readonly daemon: Daemon;
  readonly repository: Repository;
  readonly data: string;
  readonly #servants: ReadonlyMap<string, number>;

  private constructor(daemon: Daemon, repository: Repository, data: string) {
    this.daemon = daemon;
    this.repository = repository;
    this.data = data;
    this.#servants = new Map(SERVANTS.map((name) => [name, daemon.one(name)]));
  }

  static async ready(daemon: Daemon, repository: Repository, data: string, guests: readonly Guest[]): Promise<Program> {
    for (const { name } of guests) {
      for (const isolation of ISOLATIONS) {
        await daemon.entry(`shop/${nameOf(name, isolation)}`, 'it serves', ({ serving }) => serving !== undefined);
      }
    }
    return new Program(daemon, repository, data);
  }

  /** Those that are not what they were. */
  fallen(): readonly string[] {
    return [...this.#servants].filter(([name, pid]) => this.daemon.first(name) !== pid).map(([name]) => name);
  }

  ask(
    guest: string,
    isolation: Isolation,
    target: string,
    { method = 'GET', headers = [], body }: Asked = {},
  ): Promise<Said> {
    const host = `${nameOf(guest, isolation)}.example`;
    const [hostname, port] = this.daemon.listen.split(':') as [string, string];
    return new Promise((resolve, reject) => {
      const options = { hostname, port, path: target, method, headers: ['host', host, ...headers], agent: false };
      const request = http.request(options, (response) => {
        let said = '';
        response.setEncoding('latin1').on('data', (text: string) => (said += text));
        response.once('end', () => resolve({ status: response.statusCode!, body: said }));
        response.once('error', reject);
      });
      request.once('error', reject).end(body);
    });
  }

  /** The lines of the audit of one kind, oldest first. */
  async audit(kind: 'denial' | 'use'): Promise<readonly AuditRecord[]> {
    const { out } = await headway(['audit', 'show', '--data', this.data, '--format', 'json', '--kind', kind]);
    return out
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as AuditRecord);
  }

  /** The folder on the disk of a volume of a guest. */
  volume(name: string): string {
    return path.join(this.data, 'volumes/shop', name);
  }
}
