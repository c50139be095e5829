/** Sockets of components in the real program: granted, denied with a record, explained, under a Policy, and without their broker. */
import dgram from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditRecord } from '../../src/model/audit-record.ts';
import { INITIAL_CREDIT_BYTES } from '../../src/wire/frames.ts';
import { DATAGRAM_BYTES, NETWORK_ERRORS, type NetworkError } from '../../src/wire/socket-frames.ts';
import { freePort } from '../support/child-server.ts';
import { headway } from '../support/headway.ts';
import { component, environment, example, immediatePolicy, route } from '../support/manifests.ts';
import { chapters } from './story.ts';

const ENTRY = 'shop/caller';
const HOST = 'test.example';
const failure = (error: NetworkError): string => `!${NETWORK_ERRORS.indexOf(error)}`;
const v4 = (port: number): string => `4.127.0.0.1.${port}`;
const v6 = (port: number): string => `6.0.0.0.0.0.0.0.1.${port}`;

const DATAGRAM = Buffer.alloc(1000, 'x');
const FLOOD = 20_000;

describe('a component that opens sockets', () => {
  const echo = net.createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  const echo6 = net.createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  /** Answers the first datagram of each with a flood. */
  const flooder = dgram.createSocket('udp4');
  const ports = { echo: 0, listen: 0, flood: 0 };

  beforeAll(async () => {
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    ports.echo = (echo.address() as net.AddressInfo).port;
    echo6.listen(ports.echo, '::1');
    await once(echo6, 'listening');
    ports.listen = await freePort();
    flooder.bind(0, '127.0.0.1');
    await once(flooder, 'listening');
    ports.flood = flooder.address().port;
    flooder.on('message', (_bytes, from) => {
      for (let sent = 0; sent < FLOOD; sent++) flooder.send(DATAGRAM, from.port, from.address);
    });
  });
  afterAll(() => {
    for (const server of [echo, echo6]) server.close();
    flooder.close();
  });

  // The ports are in the manifest, so that nothing else of this machine is granted.
  const capabilities = (): string => `  capabilities:
    - name: peers
      sockets:
        protocols: [Tcp, Udp]
        hosts: [127.0.0.1, "::1"]
        ports: [${ports.echo}, ${ports.flood}]
        listen: ["127.0.0.1:${ports.listen}", "[::1]:${ports.listen}"]
    - {name: names, nameLookup: {hosts: [localhost]}}
`;
  const now = chapters({
    'environment.yaml': environment({ tenants: ['shop', 'platform'] }),
    'shop/policies.yaml': immediatePolicy(),
    'shop/route.yaml': route({ name: 'caller' }),
    'wasm/testbed-sockets.wasm': example('testbed-sockets'),
  });

  async function run(...operations: readonly string[]): Promise<readonly string[]> {
    const { status, body } = await now().daemon.ask(`/?do=${operations.join(';')}`, HOST);
    expect(status).toBe(200);
    return body.split('\n');
  }
  const connect = (to: string, slot = 0): readonly string[] => [
    `tcp,${slot},${to[0]}`,
    `start-connect,${slot},${to}`,
    `wait,${slot}`,
    `finish-connect,${slot}`,
  ];
  async function audit(kind: 'use' | 'denial'): Promise<readonly AuditRecord[]> {
    const data = path.join(now().folder, 'data');
    const { out } = await headway(['audit', 'show', '--data', data, '--format', 'json', '--kind', kind]);
    return out
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as AuditRecord);
  }
  const askedOf = (records: readonly AuditRecord[]): readonly string[] =>
    records.flatMap((record) => ('asked' in record ? [record.asked] : []));

  it('without a grant is refused at its place, with what to write', async () => {
    const { daemon, repository } = now();
    await repository.push('It needs sockets', {
      'shop/caller.yaml': component({
        name: 'caller',
        wasm: 'wasm/testbed-sockets.wasm',
        rollout: '{policyRef: {name: now}}',
      }),
    });
    const { conditions } = await daemon.entry(ENTRY, 'it is refused', (entry) =>
      entry.conditions.some(({ reason }) => reason === 'Refused'),
    );
    expect(conditions[0]!.message).toMatch(/HW2111: .*wasi:sockets\/.*To release it: /);
  });

  it('echoes over IPv4 and IPv6, and is found by a name that is granted', async () => {
    const { daemon, repository } = now();
    const commit = await repository.push('Grant them', {
      'shop/caller.yaml': component({
        name: 'caller',
        wasm: 'wasm/testbed-sockets.wasm',
        rollout: '{policyRef: {name: now}}',
        extra: capabilities(),
        // The flood alone takes two seconds.
        requestTimeout: '14s',
      }),
    });
    await daemon.entry(ENTRY, 'it is proven', ({ proven }) => proven?.commit === commit);
    for (const to of [v4(ports.echo), v6(ports.echo)]) {
      expect((await run(...connect(to), 'remote,0', 'send,0,hello', 'receive,0')).slice(3)).toEqual([
        'ok',
        to,
        'ok',
        'hello',
      ]);
    }
    const [asked, , found] = await run('lookup,1,localhost', 'lookup-wait,1', 'next,1');
    expect(asked).toBe('ok');
    expect(found).toMatch(/^(?:4\.127\.0\.0\.1|6\.0\.0\.0\.0\.0\.0\.0\.1)$/);
  });

  it('listens where it may, on both families, and is connected to', async () => {
    for (const [family, host, address] of [
      ['4', '127.0.0.1', v4(ports.listen)],
      ['6', '::1', v6(ports.listen)],
    ] as const) {
      const answer = run(
        `tcp,0,${family}`,
        `start-bind,0,${address}`,
        'wait,0',
        'finish-bind,0',
        'start-listen,0',
        'finish-listen,0',
        'local,0',
        'wait,0',
        'accept,0,1',
        'receive,1',
        'send,1,welcome',
      );
      const heard = await visit(host, ports.listen);
      expect(heard).toBe('welcome');
      expect((await answer).slice(3)).toEqual(['ok', 'ok', 'ok', address, 'ok', 'ok', 'hello', 'ok']);
    }
  });

  it('gets the error of the interface for the rest, and the audit has who, which release and what', async () => {
    const { daemon } = now();
    const { serving } = (await daemon.status())!.entries.find(({ key }) => key === ENTRY)!;
    expect((await run(...connect('4.127.0.0.2.80')))[3]).toBe(failure('access-denied'));
    expect((await run(...connect(v4(ports.echo + 1))))[3]).toBe(failure('access-denied'));
    const bind = ['tcp,0,4', `start-bind,0,${v4(ports.echo + 1)}`, 'wait,0', 'finish-bind,0'];
    expect((await run(...bind))[3]).toBe(failure('access-denied'));
    expect((await run('lookup,1,db.example', 'lookup-wait,1', 'next,1'))[2]).toBe(failure('access-denied'));
    const wanted = ['Tcp 127.0.0.2:80', `Tcp 127.0.0.1:${ports.echo + 1}`, 'db.example'];
    await expect
      .poll(async () => askedOf(await audit('denial')), { timeout: 30_000 })
      .toEqual(expect.arrayContaining(wanted));
    const first = (await audit('denial')).find((record) => 'asked' in record && record.asked === wanted[0]);
    expect(first).toMatchObject({
      entry: ENTRY,
      release: serving!.release,
      commit: serving!.commit,
      capability: 'sockets',
      why: 'no grant names 127.0.0.2',
    });
    expect(askedOf(await audit('use'))).toEqual(
      expect.arrayContaining([`Tcp 127.0.0.1:${ports.echo}`, `Tcp [::1]:${ports.echo}`, 'localhost']),
    );
  });

  it('is explained: the grants that what it used would need', async () => {
    const { daemon } = now();
    const explain = async (): Promise<string> =>
      (await headway(['explain', ENTRY, '--status', daemon.statusAddress])).out;
    await expect.poll(explain, { timeout: 30_000 }).toContain('nameLookup: {hosts: [localhost]}');
    const said = await explain();
    expect(said).toMatch(new RegExp(`sockets: \\{.*${ports.echo}`));
    expect(said).toMatch(/sockets: .*"?::1"?/);
  });

  it('is told when its broker dies: an error and no silence, and the next call opens anew', async () => {
    const { daemon } = now();
    const broker = daemon.one('broker');
    await expect.poll(() => connectionsOf(echo)).toBe(0);
    // The second connection says that the first has its answer. The peer says nothing by itself: without its broker nobody
    // would end the last read.
    const first = [...connect(v4(ports.echo)), 'send,0,hello', 'receive,0'];
    const waiting = run(...first, ...connect(v4(ports.echo), 1), 'receive,0');
    await expect.poll(() => connectionsOf(echo)).toBe(2);
    process.kill(broker, 'SIGKILL');
    const said = await waiting;
    expect(said.slice(3, 6)).toEqual(['ok', 'ok', 'hello']);
    expect(said.at(-1)).toMatch(/^(?:broken|closed)$/);
    await daemon.another('broker', broker);
    expect((await run(...connect(v4(ports.echo)), 'send,0,again', 'receive,0')).slice(3)).toEqual([
      'ok',
      'ok',
      'again',
    ]);
  });

  it('that is flooded with datagrams gets what it has credit for, and neither it nor the broker grows', async () => {
    const { daemon } = now();
    const broker = daemon.one('broker');
    const before = residentBytes(broker);
    const said = await run(
      'udp,0,4',
      'udp-start-bind,0,4.0.0.0.0.0',
      'udp-wait,0',
      'udp-finish-bind,0',
      'udp-stream,0',
      'udp-check,0',
      `udp-send,0,go@${v4(ports.flood)}`,
      'sleep,0,2000',
      'udp-wait-in,0',
      // As many as there are, counted by what each ends with.
      'udp-receive,0,5000',
    );
    const count = Number(/^\d+/.exec(said.at(-1)!)![0]);
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThanOrEqual(INITIAL_CREDIT_BYTES / (DATAGRAM.length + DATAGRAM_BYTES));
    // Counted by the broker, told by status and the metrics a second later.
    const { droppedDatagrams } = await daemon.entry(ENTRY, 'the rest is counted', (entry) =>
      Boolean(entry.droppedDatagrams?.QueueFull),
    );
    expect(droppedDatagrams!.QueueFull).toBeLessThanOrEqual(FLOOD - count);
    const metrics = await (await fetch(`${daemon.statusUrl}/metrics`)).text();
    expect(metrics).toMatch(/^headway_datagrams_dropped_total\{entry="shop\/caller",reason="QueueFull"\} [1-9]/m);
    expect(daemon.one('broker')).toBe(broker);
    expect(residentBytes(broker) - before).toBeLessThan(64 * 1024 * 1024);
    expect((await run(...connect(v4(ports.echo)), 'send,0,still', 'receive,0')).slice(3)).toEqual([
      'ok',
      'ok',
      'still',
    ]);
  });

  it('is held by a Policy at once', async () => {
    const { daemon, repository } = now();
    const ceiling = `apiVersion: headway.dev/v1alpha1
kind: Policy
metadata: {name: ceiling}
spec:
  namespaces: [shop]
  capabilities:
    - {name: peers, sockets: {protocols: [Tcp], hosts: ["::1"], ports: [${ports.echo}]}}
    - {name: names, nameLookup: {hosts: [localhost]}}
`;
    await repository.push('IPv6 only', { 'platform/ceiling.yaml': ceiling });
    await daemon.until('the Policy is in force', ({ diagnostics }) => diagnostics.length > 0);
    await expect
      .poll(async () => (await run(...connect(v4(ports.echo))))[3], { timeout: 30_000 })
      .toBe(failure('access-denied'));
    expect((await run(...connect(v6(ports.echo))))[3]).toBe('ok');
    const why = async (): Promise<boolean> =>
      (await audit('denial')).some((record) => 'why' in record && /Policy ceiling/.test(record.why ?? ''));
    await expect.poll(why, { timeout: 30_000 }).toBe(true);
  });
});

/** Connects as soon as somebody listens, says hello, and returns what is said. */
async function visit(host: string, port: number): Promise<string> {
  for (;;) {
    const socket = net.connect({ host, port });
    try {
      await once(socket, 'connect');
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
      continue;
    }
    socket.write('hello');
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    return bytes.toString();
  }
}

function connectionsOf(server: net.Server): Promise<number> {
  return new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
}

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;
}
