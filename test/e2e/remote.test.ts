/** One entry that calls another in its cell, with the real program: both roll as a group, and every end of a call is exact. */
import { once } from 'node:events';
import http from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { component, environment, example, quickPolicy, route } from '../support/manifests.ts';
import type { Changes } from '../support/repository.ts';
import { chapters, provenAfter, traffic } from './story.ts';

const ENTRIES = ['shop/checkout', 'shop/tax'] as const;
const PRICE = '/price?net=1000';
const LINK = '  links: [{import: "shop:tax/rates@0.1.0", componentRef: {name: tax}, mode: Remote}]\n';
const GROUP = '{policyRef: {name: quick}, group: prices}';

/** Readiness asks for a price, so that a replica is ready where the link works. */
function checkout(attempt: string, rollout = GROUP): Changes {
  const wasm = 'wasm/checkout.wasm';
  const readinessPath = `"${PRICE}"`;
  return {
    'shop/checkout.yaml': component({ name: 'checkout', wasm, readinessPath, attempt, rollout, extra: LINK }),
  };
}

/** Nothing points at it but the link. */
function tax(wasm: string, limits = 'requestTimeout: 5s', rollout = GROUP): Changes {
  return {
    'shop/tax.yaml': `apiVersion: headway.dev/v1alpha1
kind: Component
metadata: {name: tax, namespace: shop}
spec:
  source: {path: wasm/${wasm}.wasm}
  limits: {${limits}}
  rollout: ${rollout}
`,
    [`wasm/${wasm}.wasm`]: example(wasm),
  };
}

/** Calls are all that there is: no request of the runtime's own could tell more. */
const POLICY = quickPolicy({ minSamples: 20, insufficientData: 'Hold' }).replace(/ {4}synthetic: .*\n/, '');

const FIRST: Changes = {
  'environment.yaml': environment(),
  'shop/policies.yaml': POLICY,
  'shop/routes.yaml': route({ name: 'checkout', hostname: 'checkout.example' }),
  'wasm/checkout.wasm': example('checkout'),
  ...checkout('first'),
  ...tax('tax-v1'),
};

describe('an entry that calls another in its cell', () => {
  const now = chapters(FIRST);

  const ask = async (query = 'net=1000') => {
    const { daemon } = now();
    const asked = http.get(`${daemon.url}/price?${query}`, { headers: { host: 'checkout.example' } });
    const [response] = (await once(asked, 'response')) as [http.IncomingMessage];
    const body = (await text(response)).trim();
    return { release: String(response.headers['x-headway-release']), answer: `${response.statusCode} ${body}` };
  };

  it('answers with what that one says, an err included', async () => {
    const { daemon } = now();
    const visitor = traffic(daemon, { host: 'checkout.example', requestsPerSecond: 100 }, PRICE);
    for (const key of ENTRIES) await provenAfter(daemon, undefined, key);
    await visitor.stop();
    expect((await ask()).answer).toBe('200 1190');
    expect((await ask('net=1000&region=fr')).answer).toBe('200 1200');
    expect((await ask('region=xx')).answer).toBe('404 no rate for xx');
    const [caller, called] = (await daemon.status())!.entries;
    expect([caller!.key, called!.remote]).toEqual(['shop/checkout', { calls: [], callers: ['shop/checkout'] }]);
    const used = /headway_grant_calls_total\{entry="shop\/checkout",capability="\w+",outcome="use"\} [1-9]/;
    const counted = /headway_remote_calls_total\{entry="shop\/checkout",called="shop\/tax",outcome="answered"\} [1-9]/;
    const metrics = async () => (await fetch(`${daemon.statusUrl}/metrics`)).text();
    await expect.poll(metrics, { timeout: 10_000 }).toMatch(counted);
    await expect.poll(metrics, { timeout: 10_000 }).toMatch(used);
  });

  it('its candidate meets only the candidate of its group, what serves only what serves', async () => {
    const { repository, daemon } = now();
    const before = await daemon.status();
    const visitor = traffic(daemon, { host: 'checkout.example', requestsPerSecond: 100 }, PRICE);
    await repository.push('Lower the rate', { ...checkout('second'), ...tax('tax-v2') });
    const seen = new Set<string>();
    const proven = Promise.all(
      ENTRIES.map((key) =>
        provenAfter(
          daemon,
          before!.entries.find((item) => item.key === key),
          key,
        ),
      ),
    );
    const state = { isOver: false };
    const over = proven.finally(() => (state.isOver = true));
    while (!state.isOver) {
      const { release, answer } = await ask();
      seen.add(`${release} ${answer}`);
    }
    await over;
    const report = await visitor.stop();
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus)).toEqual(['200']);
    const [old, next] = [before!, (await daemon.status())!].map((status) =>
      status.entries.find(({ key }) => key === 'shop/checkout')!.proven!.release.slice(0, 12),
    );
    expect([...seen].sort()).toEqual([`${old} 200 1190`, `${next} 200 1160`].sort());
  });

  it('a bad one takes the other back with it, and the failure names the call', async () => {
    const { repository, daemon } = now();
    const visitor = traffic(daemon, { host: 'checkout.example', requestsPerSecond: 100 }, PRICE);
    const broken = await repository.push('Break it', { ...checkout('third'), ...tax('tax-traps') });
    for (const key of ENTRIES) {
      await daemon.until(`${key} goes back`, (status) => {
        const told = status.timeline.filter(({ commit, entry }) => commit === broken && entry === key);
        const { candidate } = status.entries.find((item) => item.key === key)!;
        return (
          !candidate && told.some(({ reason }) => ['RolledBack', 'GroupRolledBack', 'Quarantined'].includes(reason))
        );
      });
    }
    const report = await visitor.stop();
    expect(report.lost).toEqual([]);
    // Status says what was decided; the snapshot is in force a moment later.
    await expect.poll(async () => (await ask()).answer).toBe('200 1160');
    await expect
      .poll(() => daemon.output)
      .toMatch(/calling shop:tax\/rates@0\.1\.0#rate: HW4614 shop\/tax: release [0-9a-f]{12} failed/);
  });

  it('one whose target is gone is an error where it stands; the call says that nobody is there', async () => {
    const { repository, daemon } = now();
    await repository.push('Take it away', { ...checkout('second'), 'shop/tax.yaml': null });
    const refused = await daemon.entry('shop/checkout', 'it is invalid', ({ conditions }) =>
      conditions.some(({ reason }) => reason === 'InvalidManifest'),
    );
    const said = refused.conditions.map(({ message }) => message).join(' ');
    expect(said).toMatch(/shop\/checkout\.yaml:\d+:\d+: HW1023: there is no Component shop\/tax/);
    await daemon.until('tax is gone', ({ entries }) => !entries.some(({ key }) => key === 'shop/tax'));
    expect((await ask()).answer).toMatch(/^502 .*"code":"HW4532"/);
    await expect.poll(() => daemon.output).toMatch(/HW4611 shop\/tax: there is no such entry/);
  });
});
