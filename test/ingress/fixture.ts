/** An ingress on a free port with scripted cells behind real channels, and a client that speaks bytes. */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { connect, type Socket } from 'node:net';
import { pino } from 'pino';
import type { CellOwner } from '../../src/host/cell-owner.ts';
import { CellChannel } from '../../src/host/channel.ts';
import type { RemoteOptions } from '../../src/host/remote-calls.ts';
import { LOST } from '../../src/wire/cell-caller.ts';
import { createIngress, type Ingress, type IngressOptions } from '../../src/ingress/ingress.ts';
import type { TellLimit } from '../../src/model/limits.ts';
import type { Problem } from '../../src/model/problem.ts';
import { groupId, type Arm, type GroupId, type Snapshot, type SnapshotRule } from '../../src/model/snapshot.ts';
import { startScriptedCell, type Script, type ScriptedCell } from './scripted-cell.ts';

export const SILENT = pino({ level: 'silent' });

export class RecordingOwner implements CellOwner {
  readonly lostBy = LOST;
  readonly events: unknown[][] = [];
  closed = false;
  problem: Problem | undefined;
  unresponsive: Problem | undefined;
  onUnresponsiveDo: () => void = () => undefined;

  onLoaded(loaded: unknown): void {
    this.events.push(['loaded', loaded]);
  }
  onLoadFailed(failure: unknown): void {
    this.events.push(['loadFailed', failure]);
  }
  onLog(stream: number, member: number, dropped: number, text: string): void {
    this.events.push(['log', stream, member, dropped, text]);
  }
  onDenied(denial: unknown): void {
    this.events.push(['denied', denial]);
  }
  onLimit(report: unknown): void {
    this.events.push(['limit', report]);
  }
  onPerRequest(why: string): void {
    this.events.push(['perRequest', why]);
  }
  onCompiled(packed: Buffer): undefined {
    this.events.push(['compiled', packed.length]);
  }
  onUnresponsive(problem: Problem): void {
    this.unresponsive = problem;
    this.onUnresponsiveDo();
  }
  onClosed(problem: Problem | undefined): void {
    this.closed = true;
    this.problem = problem;
  }
}

export interface Replica {
  readonly cell: ScriptedCell;
  readonly channel: CellChannel;
  readonly owner: RecordingOwner;
}

export interface ReplicaLimits {
  readonly concurrency?: number;
  readonly queue?: number;
  readonly remote?: RemoteOptions;
}

export async function startReplica(script: Script, limits: ReplicaLimits = {}): Promise<Replica> {
  const cell = await startScriptedCell(script);
  const owner = new RecordingOwner();
  const { concurrency = 32, queue = 64, remote } = limits;
  const replica = 'shop/checkout@r#1';
  const channel = new CellChannel(cell.engineEnd, { replica, concurrency, queue, owner, remote });
  return { cell, channel, owner };
}

/** A release id of 64 hex digits that begins with the given ones. */
export function release(prefix: string): string {
  return prefix.padEnd(64, '0');
}

export const STABLE = groupId('shop/checkout', 'stable');
export const NEXT = groupId('shop/checkout', 'next');

export function arm(group: GroupId, weight: number, prefix = group === STABLE ? 'a' : 'b'): Arm {
  return { release: release(prefix), group, weight };
}

export function rule(more: Partial<SnapshotRule> = {}): SnapshotRule {
  return {
    match: { path: { type: 'PathPrefix', value: '/' }, headers: [] },
    route: 'shop/checkout',
    entry: 'shop/checkout',
    requestTimeoutMs: 5_000,
    requestBodyBytes: 1024 * 1024,
    responseBodyBytes: 8 * 1024 * 1024,
    arms: [arm(STABLE, 100)],
    ...more,
  };
}

export function snapshot(rules: readonly SnapshotRule[], generation = 1, releaseHeader = true): Snapshot {
  return { generation, commit: 'c0ffee', rules, releaseHeader };
}

export interface Fixture {
  readonly ingress: Ingress;
  readonly port: number;
  /** Who hit which limit: `shop/cart headers`. */
  readonly limitHits: readonly string[];
  /** A replica in a group, ready at once. */
  add(group: GroupId, script: Script, limits?: ReplicaLimits): Promise<Replica>;
  get(path: string, options?: RequestOptions & { body?: string | Buffer }): Promise<Answer>;
  /** A raw connection. */
  dial(): RawClient;
  stop(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export async function startIngress(
  snapshotInForce: Snapshot | undefined,
  options: Partial<IngressOptions> = {},
): Promise<Fixture> {
  const limitHits: string[] = [];
  const onLimit: TellLimit = (entry, limit) => limitHits.push(`${entry} ${limit}`);
  const ingress = createIngress({ log: SILENT, onLimit, ...options });
  const address = await ingress.listen({ host: '127.0.0.1', port: 0 });
  if (!address.ok) throw new Error(address.error.message);
  if (snapshotInForce !== undefined) ingress.apply(snapshotInForce);
  const { port } = address.value;
  const replicas = new Map<GroupId, Replica[]>();
  const clients: RawClient[] = [];
  return {
    ingress,
    port,
    limitHits,
    async add(group, script, limits) {
      const replica = await startReplica(script, limits);
      const members = [...(replicas.get(group) ?? []), replica];
      replicas.set(group, members);
      ingress.setReplicas(
        group,
        members.map(({ channel }) => channel),
      );
      return replica;
    },
    get: (path, options) => send(port, path, options),
    dial() {
      const client = new RawClient(port);
      clients.push(client);
      return client;
    },
    async stop() {
      for (const client of clients) client.socket.destroy();
      await ingress.close(0);
      for (const { cell, channel } of [...replicas.values()].flat()) {
        channel.destroy();
        cell.die();
      }
    },
  };
}

export function send(
  port: number,
  path: string,
  { body, ...options }: RequestOptions & { body?: string | Buffer } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, agent: false, ...options }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks).toString() }),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** The `error` of an answer of our own. */
export function errorOf(answer: { body: string }): Record<string, unknown> {
  return (JSON.parse(answer.body) as { error: Record<string, unknown> }).error;
}

export class RawClient {
  readonly socket: Socket;
  received = '';
  closed = false;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1');
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.closed = true;
    });
  }

  write(...lines: string[]): void {
    this.socket.write(lines.join('\r\n'), 'latin1');
  }

  async whenClosed(): Promise<string> {
    if (!this.closed) await new Promise((resolve) => this.socket.once('close', resolve));
    return this.received;
  }

  get statuses(): number[] {
    return [...this.received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
  }
}
