import { spawn, type ChildProcess } from 'node:child_process';
import http from 'node:http';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './child-server.ts';
import { STAT, statField } from '../../src/host/spawner/process-stat.ts';
import type { EntryStatus, Status } from '../../src/model/status.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const POLL_PERIOD_MS = 25;
/** A story of ten minutes says a few million characters; what a test counts in it must not have left. */
const KEPT_OUTPUT_CHARACTERS = 8_000_000;
/** Of tests, for a machine that does other things as well: nothing here is a promise about time. */
const PATIENCE_MS = 60_000;
const STATUS_DEADLINE_MS = 15_000;

export interface DaemonOptions {
  readonly data: string;
  /** The repository's URL, where no `config` names it. */
  readonly repo?: string;
  readonly ref?: string;
  readonly path?: string;
  /** A runtime.yaml instead of flags for everything but `data`. */
  readonly config?: string;
  readonly listen?: string;
  readonly status?: string;
  readonly engines?: number;
  /** Another copy of the program. */
  readonly program?: string;
  /** Of `put-forward.ts`: the file that says how far its clock is ahead. */
  readonly skips?: string;
  /** More variables of its environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** A descriptor of ours that it is started with. */
  readonly inherited?: number;
}

/** The real program, started as a user starts it, watched from outside through its status address. */
export class Daemon {
  readonly listen: string;
  readonly statusAddress: string;
  readonly #child: ChildProcess;
  #output = '';

  private constructor(child: ChildProcess, listen: string, statusAddress: string) {
    this.#child = child;
    this.listen = listen;
    this.statusAddress = statusAddress;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-KEPT_OUTPUT_CHARACTERS);
      });
    }
  }

  /** Starts and returns at once; use `until` or `ready`. */
  static async spawn(options: DaemonOptions): Promise<Daemon> {
    const listen = options.listen ?? `127.0.0.1:${await freePort()}`;
    const status = options.status ?? `127.0.0.1:${await freePort()}`;
    const args = options.config
      ? ['run', '--config', options.config]
      : ['run', '--repo', options.repo ?? '', '--ref', options.ref ?? 'main', '--path', options.path ?? '.'];
    args.push('--data', options.data, '--listen', listen, '--status', status);
    if (options.engines !== undefined) args.push('--engines', String(options.engines));
    if (options.skips !== undefined) args.push('--skips', options.skips);
    const child = spawn(process.execPath, [options.program ?? path.join(ROOT, 'src/headway.mjs'), ...args], {
      stdio: ['ignore', 'pipe', 'pipe', ...(options.inherited === undefined ? [] : [options.inherited])],
      env: { ...process.env, ...options.env },
    });
    // A test process that is ended in the middle takes it along: everything below the supervisor ends by itself.
    process.once('exit', () => child.kill('SIGKILL'));
    return new Daemon(child, listen, status);
  }

  static async start(options: DaemonOptions): Promise<Daemon> {
    const daemon = await Daemon.spawn(options);
    await daemon.until('it is ready', (status) => status.ready);
    return daemon;
  }

  get url(): string {
    return `http://${this.listen}`;
  }

  get statusUrl(): string {
    return `http://${this.statusAddress}`;
  }

  /** What it has printed so far, both streams. */
  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  async status(): Promise<Status | undefined> {
    try {
      const response = await fetch(`${this.statusUrl}/api/v1/state`, {
        signal: AbortSignal.timeout(STATUS_DEADLINE_MS),
      });
      return response.ok ? ((await response.json()) as Status) : undefined;
    } catch {
      return undefined;
    }
  }

  /** Waits until the status says so; fails with the last status and the log where it does not in time. */
  async until(what: string, holds: (status: Status) => boolean, timeoutMs = PATIENCE_MS): Promise<Status> {
    const deadline = performance.now() + timeoutMs;
    let last: Status | undefined;
    while (performance.now() < deadline) {
      last = (await this.status()) ?? last;
      if (last && holds(last)) return last;
      if (this.#child.exitCode !== null) break;
      await sleep(POLL_PERIOD_MS);
    }
    const seen = last
      ? JSON.stringify(
          {
            source: last.source,
            entries: last.entries,
            timeline: last.timeline.slice(0, 15),
            diagnostics: last.diagnostics,
          },
          undefined,
          1,
        )
      : 'no status';
    throw new Error(`not within ${timeoutMs} ms: ${what}\n${seen.slice(0, 12_000)}\n${this.#output.slice(-6_000)}`);
  }

  /** Waits for something that the status does not tell. */
  async becomes(what: string, holds: () => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!holds()) {
      if (performance.now() > deadline)
        throw new Error(`not within ${PATIENCE_MS} ms: ${what}\n${this.#output.slice(-6_000)}`);
      await sleep(POLL_PERIOD_MS);
    }
  }

  /** As `until`, about one entry. */
  async entry(
    key: string,
    what: string,
    holds: (entry: EntryStatus, status: Status) => boolean,
    timeoutMs?: number,
  ): Promise<EntryStatus> {
    const find = (status: Status): EntryStatus | undefined => status.entries.find((entry) => entry.key === key);
    const status = await this.until(
      `${key}: ${what}`,
      (seen) => {
        const entry = find(seen);
        return entry !== undefined && holds(entry, seen);
      },
      timeoutMs,
    );
    return find(status)!;
  }

  /** One request to the traffic address under any host name. */
  ask(target: string, host: string, method = 'GET'): Promise<{ readonly status: number; readonly body: string }> {
    return new Promise((resolve, reject) => {
      const request = http.request(`${this.url}${target}`, { method, headers: { host }, agent: false }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => (body += text));
        response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
        response.once('error', reject);
      });
      request.once('error', reject).end();
    });
  }

  /** Process ids below this daemon, by the name of their entry file: control, engine, spawner, broker, cell. */
  processes(): ReadonlyMap<string, readonly number[]> {
    const found = new Map<string, number[]>();
    for (const pid of descendants(this.pid)) {
      const name = /(control|engine|spawner|broker|cell|parse-child|shape-child|component-child)\.(?:ts|js)/.exec(
        commandLine(pid),
      )?.[1];
      if (name) found.set(name, [...(found.get(name) ?? []), pid]);
    }
    return found;
  }

  first(name: string): number | undefined {
    return this.processes().get(name)?.[0];
  }

  one(name: string): number {
    const pid = this.first(name);
    if (pid === undefined) throw new Error(`no ${name} process below ${this.pid}`);
    return pid;
  }

  /** Until there is a process of that name that is not this one. */
  another(name: string, pid: number): Promise<void> {
    return this.becomes(`another ${name}`, () => ![undefined, pid].includes(this.first(name)));
  }

  /** Asks it to end and returns its exit code; where it was not killed, all that it printed is in `output` by then. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      // Whoever is killed leaves children, which hold its output for a while.
      const over = signal === 'SIGKILL' ? 'exit' : 'close';
      const gone = new Promise<void>((resolve) => this.#child.once(over, () => resolve()));
      this.#child.kill(signal);
      await gone;
    }
    return this.#child.exitCode;
  }

  /** Waits for it to end by itself. */
  async ended(): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      await new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    }
    return this.#child.exitCode;
  }
}

function descendants(root: number): number[] {
  const parents = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const parent = Number(statField(readFileSync(`/proc/${name}/stat`, 'latin1'), STAT.parent));
      parents.set(parent, [...(parents.get(parent) ?? []), Number(name)]);
    } catch {
      // It ended while we looked.
    }
  }
  const found: number[] = [];
  const queue = [root];
  for (let pid = queue.pop(); pid !== undefined; pid = queue.pop()) {
    const children = parents.get(pid) ?? [];
    found.push(...children);
    queue.push(...children);
  }
  return found;
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
