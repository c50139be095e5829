/** Entries that ask each other over HTTP, in the real program: by name, by weight, as a pair, from nothing, and in a circle. */
import { once } from 'node:events';
import http from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import type { AuditRecord } from '../../src/model/audit-record.ts';
import { MAX_REMOTE_DEPTH } from '../../src/model/remote.ts';
import { headway } from '../support/headway.ts';
import { component, environment, example, immediatePolicy, quickPolicy, route } from '../support/manifests.ts';
import type { Changes } from '../support/repository.ts';
import { chapters, provenAfter, traffic } from './story.ts';

const [FRONT, CART] = ['shop/front', 'shop/cart'] as const;
const HOST = 'front.example';
const TO_CART = '/send?to=cart.shop.headway&path=/';
const GRANT = 'hosts: [cart.shop.headway, front.shop.headway]';
/** By the number of its case in `wasi:http`. */
const LOOP_DETECTED = 'error 36';

function front(attempt: string, rollout = '{policyRef: {name: now}}', grant = GRANT): Changes {
  const extra = `  capabilities: [{name: inside, outboundHttp: {${grant}}}]\n`;
  const wasm = 'wasm/testbed-outbound.wasm';
  return { 'shop/front.yaml': component({ name: 'front', wasm, attempt, rollout, extra }) };
}

/** Nothing points at it but the grant. */
function cart(version: string, rollout = '{policyRef: {name: now}}', extra = ''): Changes {
  const wasm = `wasm/greeting-${version}.wasm`;
  return {
    'shop/cart.yaml': component({ name: 'cart', wasm, attempt: version, rollout, extra }),
    [wasm]: example(`greeting-${version}`),
  };
}

const FIRST: Changes = {
  'environment.yaml': environment(),
  'shop/policies.yaml': `${quickPolicy()}---\n${immediatePolicy()}`,
  'shop/route.yaml': route({ name: 'front', hostname: HOST }),
  'wasm/testbed-outbound.wasm': example('testbed-outbound'),
  ...front('first'),
  ...cart('v1'),
};

describe('an entry that asks another over HTTP', () => {
  const now = chapters(FIRST);

  const ask = async (target = TO_CART, host = HOST) => {
    const asked = http.get(`${now().daemon.url}${target}`, { headers: { host } });
    const [response] = (await once(asked, 'response')) as [http.IncomingMessage];
    return {
      release: String(response.headers['x-headway-release']),
      status: response.statusCode,
      body: await text(response),
    };
  };
  const versionOf = (body: string) => /\bv[12]\b/.exec(body)?.[0];
  const entry = async (key: string) => (await now().daemon.status())!.entries.find((one) => one.key === key);

  async function denials(): Promise<readonly AuditRecord[]> {
    const data = path.join(now().folder, 'data');
    const { out } = await headway(['audit', 'show', '--data', data, '--format', 'json', '--kind', 'denial']);
    const lines = out.split('\n').filter(Boolean);
    return lines.map((line) => JSON.parse(line) as AuditRecord);
  }

  it('is answered by one that has no Route, which no client can ask', async () => {
    const { daemon } = now();
    for (const key of [FRONT, CART]) await provenAfter(daemon, undefined, key);
    const { status, body } = await ask();
    expect([status, body.split('\n')[0], versionOf(body)]).toEqual([200, '200', 'v1']);
    expect((await entry(CART))!.remote).toEqual({ calls: [], callers: [FRONT] });
    expect((await ask('/', 'cart.shop.headway')).status).toBe(404);
    const metrics = async () => (await fetch(`${daemon.statusUrl}/metrics`)).text();
    const counted = /headway_remote_calls_total\{entry="shop\/front",called="shop\/cart",outcome="answered"\} [1-9]/;
    await expect.poll(metrics, { timeout: 10_000 }).toMatch(counted);
  });

  it('is denied what no grant names, and the audit has who, what and why', async () => {
    const { release, commit } = (await entry(FRONT))!.serving!;
    expect((await ask('/send?to=safe.bank.headway&path=/secret')).body).toBe('error 15 ');
    expect((await ask('/send?to=cart.shop.headway&scheme=https')).body).toBe('error 15 ');
    await expect.poll(async () => (await denials()).length, { timeout: 20_000 }).toBe(2);
    const asker = { entry: FRONT, release, commit, capability: 'outboundHttp' };
    expect(await denials()).toMatchObject([
      { ...asker, asked: 'GET http://safe.bank.headway:80', why: 'no grant names safe.bank.headway' },
      {
        ...asker,
        asked: 'GET https://cart.shop.headway:443',
        why: 'other entries are asked over http on port 80: http://cart.shop.headway',
      },
    ]);
  });

  it('goes as deep as it may, and no deeper', async () => {
    // It asks itself what it was asked, and so on: each answer is in the one of who asked.
    const { body } = await ask('/send?to=front.shop.headway&again=1');
    expect([body.match(/^200$/gm)?.length, body.trim().split('\n').at(-1)]).toEqual([MAX_REMOTE_DEPTH, LOOP_DETECTED]);
    const told = async () => (await denials()).map((record) => ('why' in record ? record.why : ''));
    await expect
      .poll(told, { timeout: 20_000 })
      .toContain('HW4627 shop/front: it would be call 17 in a row from entry to entry, the most is 16');
  });

  it('meets the weights of the other, and loses nothing', async () => {
    const { daemon, repository } = now();
    const before = await entry(CART);
    const visitor = traffic(daemon, { host: HOST, requestsPerSecond: 100 }, TO_CART);
    await repository.push('Another cart', cart('v2', '{policyRef: {name: quick}}'));
    const proven = provenAfter(daemon, before, CART);
    const seen = new Set<string>();
    const state = { isOver: false };
    void proven.finally(() => (state.isOver = true));
    while (!state.isOver) seen.add(versionOf((await ask()).body) ?? 'none');
    await proven;
    const report = await visitor.stop();
    expect([report.lost, Object.keys(report.byStatus)]).toEqual([[], ['200']]);
    expect([...seen].sort()).toEqual(['v1', 'v2']);
    expect(versionOf((await ask()).body)).toBe('v2');
  });

  it('its candidate meets only the candidate of its group', async () => {
    const { daemon, repository } = now();
    const before = [await entry(FRONT), await entry(CART)];
    const together = '{policyRef: {name: quick}, group: carts}';
    const visitor = traffic(daemon, { host: HOST, requestsPerSecond: 100 }, TO_CART);
    await repository.push('Both', { ...front('second', together), ...cart('v1', together) });
    const proven = Promise.all([provenAfter(daemon, before[0], FRONT), provenAfter(daemon, before[1], CART)]);
    const seen = new Set<string>();
    const state = { isOver: false };
    void proven.finally(() => (state.isOver = true));
    while (!state.isOver) {
      const { release, body } = await ask();
      seen.add(`${release} ${versionOf(body)}`);
    }
    const [next] = await proven;
    expect((await visitor.stop()).lost).toEqual([]);
    const [old, comes] = [before[0]!, next].map(({ serving }) => serving!.release.slice(0, 12));
    expect([...seen].sort()).toEqual([`${old} v2`, `${comes} v1`].sort());
  });

  it('wakes one that is parked, and says of one that is gone that nobody is there', async () => {
    const { daemon, repository } = now();
    const before = await entry(CART);
    await repository.push('Park it', cart('v2', undefined, '  scaling: {minReplicas: 0, scaleDownAfter: 2s}\n'));
    await provenAfter(daemon, before, CART);
    await daemon.entry(CART, 'it is parked', ({ replicas }) => {
      const phases = replicas
        .filter(({ phase }) => phase !== 'Ended' && phase !== 'Draining')
        .map(({ phase }) => phase);
      return phases.join() === 'Parked';
    });
    expect(versionOf((await ask()).body)).toBe('v2');
    await repository.push('Take it away', { 'shop/cart.yaml': null });
    await daemon.until('it is gone', ({ entries }) => !entries.some(({ key }) => key === CART));
    expect((await ask()).body).toBe('error 2 ');
  });
});
