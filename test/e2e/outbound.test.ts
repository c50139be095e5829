/** Requests of components to the outside in the real program: granted, denied with a record, mirrored, cut off by a deadline. */
import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditRecord } from '../../src/model/audit-record.ts';
import { headway } from '../support/headway.ts';
import { component, example, shop } from '../support/manifests.ts';
import { chapters, KEY } from './story.ts';

const MEBIBYTE = 1024 * 1024;

describe('a component that asks others', () => {
  const seen: string[] = [];
  const server = http.createServer((request, response) => {
    let bytes = 0;
    seen.push(`${request.method} ${request.url}`);
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => (bytes += chunk.length));
    request.on('end', () => {
      if (request.url === '/never') return;
      if (request.url === '/large') response.end(Buffer.alloc(MEBIBYTE, 'x'));
      else response.end(`${bytes} bytes`);
    });
  });
  let port: number;
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as net.AddressInfo);
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  // The port is in the manifest, so that nothing else of this machine is granted.
  const deployed = (more = ''): string =>
    component({
      wasm: 'wasm/testbed-outbound.wasm',
      attempt: `first${more}`,
      rollout: '{policyRef: {name: now}}',
      extra: `  capabilities: [{name: up, outboundHttp: {schemes: [http], hosts: [127.0.0.1], ports: [${port}]${more}}}]\n`,
    });
  const now = chapters({ ...shop(), 'wasm/testbed-outbound.wasm': example('testbed-outbound') });

  const get = async (target: string): Promise<string> => (await now().daemon.ask(target, 'test.example')).body;
  const to = (): string => `to=127.0.0.1:${port}`;
  async function denials(): Promise<readonly AuditRecord[]> {
    const { out } = await headway([
      'audit',
      'show',
      '--data',
      path.join(now().folder, 'data'),
      '--format',
      'json',
      '--kind',
      'denial',
    ]);
    return out
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as AuditRecord);
  }

  it('gets what it is granted: 1 MB up and 1 MB down', async () => {
    const { daemon, repository } = now();
    const commit = await repository.push('Ask others', { 'shop/greeting.yaml': deployed() });
    await daemon.entry(KEY, 'it is proven', ({ proven }) => proven?.commit === commit);
    expect(await get(`/send?${to()}&method=POST&bytes=${MEBIBYTE}`)).toContain(`${MEBIBYTE} bytes`);
    expect(await get(`/send?${to()}&path=/large&raw=1`)).toHaveLength(MEBIBYTE);
  });

  it('gets the error of the interface for the rest, and the audit has who, which release, which commit and what', async () => {
    const { daemon } = now();
    const { serving } = (await daemon.status())!.entries.find(({ key }) => key === KEY)!;
    expect(await get('/send?to=localhost:1&path=/secret')).toBe('error 15 ');
    await expect.poll(denials, { timeout: 20_000 }).toMatchObject([
      {
        entry: KEY,
        release: serving!.release,
        commit: serving!.commit,
        capability: 'outboundHttp',
        asked: 'GET http://localhost:1',
        why: 'no grant names localhost',
      },
    ]);
    expect(JSON.stringify(await denials())).not.toContain('secret');
  });

  it('lets go of the connection when the deadline of the call passes', async () => {
    const { daemon } = now();
    expect((await daemon.ask(`/send?${to()}&path=/never`, 'test.example')).status).toBe(504);
    await expect.poll(() => new Promise((done) => server.getConnections((_error, count) => done(count)))).toBe(0);
  });

  it('sends nothing for a mirrored call', async () => {
    const { daemon, repository } = now();
    const before = seen.length;
    const copied = deployed(', methods: [GET]').replace(
      '{policyRef: {name: now}}',
      '{strategy: {type: Canary, canary: {steps: [{mirror: {percent: 100}, minDuration: 1m, deadline: 2m}]}}, bake: {duration: 1s}}',
    );
    await repository.push('A candidate that is mirrored to', { 'shop/greeting.yaml': copied });
    await daemon.entry(KEY, 'it is mirrored to', ({ candidate }) => candidate?.mirror === 100);
    let asked = 0;
    const mirrored = async (): Promise<number> => {
      asked++;
      expect(await get(`/send?${to()}&path=/count`)).toContain('0 bytes');
      return (await denials()).filter((record) => 'why' in record && record.why === 'a mirrored call sends nothing')
        .length;
    };
    await expect.poll(mirrored, { timeout: 30_000, interval: 200 }).toBeGreaterThan(0);
    expect(seen.slice(before).filter((line) => line === 'GET /count')).toHaveLength(asked);
  });
});
