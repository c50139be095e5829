/** Components linked inline, with the real program: one changes, every entry that links it rolls by its own traffic. */
import { once } from 'node:events';
import http from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { component, environment, example, quickPolicy, route } from '../support/manifests.ts';
import type { Changes } from '../support/repository.ts';
import { chapters, provenAfter, toldOf, traffic } from './story.ts';

const ENTRIES = ['shop/checkout', 'shop/invoice'] as const;
const PRICE = '/price?net=1000';
const LINK = '  links: [{import: "shop:tax/rates@0.1.0", componentRef: {name: tax}}]\n';

/** Readiness asks for a price, so that a replica is ready where the link works. */
function entry(name: string, extra = LINK): string {
  return component({ name, wasm: 'wasm/checkout.wasm', readinessPath: '"/price?net=1000"', extra });
}

function tax(wasm: string): Changes {
  return {
    'shop/tax.yaml': `apiVersion: headway.dev/v1alpha1
kind: Component
metadata: {name: tax, namespace: shop}
spec:
  source: {path: wasm/${wasm}.wasm}
`,
    [`wasm/${wasm}.wasm`]: example(wasm),
  };
}

const FIRST: Changes = {
  'environment.yaml': environment(),
  'shop/policies.yaml': quickPolicy().replace('httpGet: {path: /}', `httpGet: {path: "${PRICE}"}`),
  'shop/checkout.yaml': entry('checkout'),
  'shop/invoice.yaml': entry('invoice'),
  'shop/routes.yaml': ['checkout', 'invoice'].map((name) => route({ name, hostname: `${name}.example` })).join('---\n'),
  'wasm/checkout.wasm': example('checkout'),
  ...tax('tax-v1'),
};

describe('two entries that link one component', () => {
  const now = chapters(FIRST);

  const price = async (name: string, query = 'net=1000'): Promise<string> => {
    const { daemon } = now();
    const asked = http.get(`${daemon.url}/price?${query}`, { headers: { host: `${name}.example` } });
    const [response] = (await once(asked, 'response')) as [http.IncomingMessage];
    return `${response.statusCode} ${(await text(response)).trim()}`;
  };

  it('answer with what the linked one says, an err included', async () => {
    const { daemon } = now();
    for (const key of ENTRIES) await provenAfter(daemon, undefined, key);
    expect(await price('checkout')).toBe('200 1190');
    expect(await price('invoice', 'net=1000&region=fr')).toBe('200 1200');
    expect(await price('invoice', 'region=xx')).toBe('404 no rate for xx');
  });

  it('both roll when it changes, each with a release of its own and nothing lost', async () => {
    const { repository, daemon } = now();
    const before = await daemon.status();
    const visitors = ENTRIES.map((key) =>
      traffic(daemon, { host: `${key.split('/')[1]!}.example`, requestsPerSecond: 100 }, PRICE),
    );
    const reform = await repository.push('Lower the rate', tax('tax-v2'));
    for (const key of ENTRIES) {
      const was = before!.entries.find((item) => item.key === key);
      const proven = await provenAfter(daemon, was, key);
      expect(proven.proven!.release).not.toBe(was!.proven!.release);
      const { timeline } = (await daemon.status())!;
      expect(toldOf(timeline, reform, key).length).toBeGreaterThan(0);
    }
    for (const visitor of visitors) {
      const report = await visitor.stop();
      expect(report.lost).toEqual([]);
      expect(Object.keys(report.byStatus)).toEqual(['200']);
    }
    expect(await price('checkout')).toBe('200 1160');
    expect(await price('invoice')).toBe('200 1160');
  });

  it('a bad one goes back in each, by its own samples, and the failure names the member', async () => {
    const { repository, daemon } = now();
    const visitor = traffic(daemon, { host: 'checkout.example', requestsPerSecond: 100 }, PRICE);
    const broken = await repository.push('Break it', tax('tax-traps'));
    for (const key of ENTRIES) {
      const failed = await daemon.entry(key, 'it is quarantined', ({ quarantined }) =>
        quarantined.some(({ commit }) => commit === broken),
      );
      expect(failed.candidate).toBeUndefined();
    }
    const report = await visitor.stop();
    expect(report.lost).toEqual([]);
    expect(report.byStatus['502']).toBeGreaterThan(0);
    expect(await price('checkout')).toBe('200 1160');
    expect(await price('invoice')).toBe('200 1160');
    await daemon.becomes('the log names the member', () =>
      /in shop\/tax, shop:tax\/rates@0\.1\.0#rate: RuntimeError/.test(daemon.output),
    );
  });

  it('git revert brings both back to what serves', async () => {
    const { repository, daemon } = now();
    await repository.revert();
    for (const key of ENTRIES) {
      await daemon.entry(
        key,
        'nothing is tried',
        ({ candidate, conditions }) =>
          candidate === undefined && conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
      );
    }
    expect(await price('invoice')).toBe('200 1160');
  });

  it('a link that does not fit is refused where it stands, and what serves goes on', async () => {
    const { repository, daemon } = now();
    await repository.push('Ask for another version', {
      'shop/invoice.yaml': entry('invoice', LINK.replace('0.1.0', '0.2.0')),
    });
    const refused = await daemon.entry(ENTRIES[1], 'it is refused', ({ conditions }) =>
      conditions.some(({ reason }) => reason === 'InvalidManifest'),
    );
    const said = refused.conditions.map(({ message }) => message).join(' ');
    expect(said).toMatch(/shop\/invoice\.yaml:\d+:\d+: HW2350: the component does not import shop:tax\/rates@0\.2\.0/);
    expect(await price('invoice')).toBe('200 1160');
  });
});
