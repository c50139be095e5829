/**
 * What it costs to call another component: one HTTP handler that asks another for a rate, in the same process and in a cell of
 * its own. The difference of two rows is the hop through the engine and back.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Daemon } from '../../support/daemon.ts';
import { component, environment, example, immediatePolicy, route } from '../../support/manifests.ts';
import { Repository, type Changes } from '../../support/repository.ts';
import { measureInTurn, summarise, type Metrics, type SectionResult } from '../harness.ts';
import { chooseMeter, type Load } from '../meter.ts';

const PRICE = '/price?net=1000';
const EXPECTED = '1190';
const WARM_UP_SECONDS = 1;
const ENTRIES = ['shop/inline', 'shop/remote', 'shop/tax'] as const;

export interface LinksSettings extends Load {
  readonly rounds: number;
}

export async function benchLinks(
  { rounds, seconds, connections }: LinksSettings,
  onMeasured: (round: number, subject: string, metrics: Metrics) => void,
): Promise<SectionResult> {
  const meter = await chooseMeter();
  const folder = await mkdtemp(join(tmpdir(), 'headway-bench-'));
  const repository = await Repository.create(join(folder, 'git'));
  await repository.push('Start', FILES);
  const daemon = await Daemon.spawn({ repo: repository.url, data: join(folder, 'data') });
  try {
    for (const key of ENTRIES) await daemon.entry(key, 'it serves', (entry) => entry.serving !== undefined);
    // The one whose route names a host, and the one that has all others.
    const urls = { Remote: `${daemon.url.replace('127.0.0.1', 'localhost')}${PRICE}`, Inline: `${daemon.url}${PRICE}` };
    const subjects = [];
    for (const [mode, url] of Object.entries(urls)) {
      const answer = await fetch(url);
      const body = (await answer.text()).trim();
      if (answer.status !== 200 || body !== EXPECTED) throw new Error(`${url} answers ${answer.status} ${body}`);
      await meter.measure(url, { connections, seconds: WARM_UP_SECONDS });
      for (const many of [1, connections]) {
        const name = `${mode}, ${many} at a time`;
        subjects.push({ name, measure: () => meter.measure(url, { connections: many, seconds }) });
      }
    }
    const measured = await measureInTurn(subjects, rounds, onMeasured);
    const conditions = `${seconds} s each, ${meter.name}, Node ${process.versions.node}`;
    return summarise('Calls of another component', conditions, measured, []);
  } finally {
    await daemon.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function caller(name: string, mode: 'Inline' | 'Remote'): string {
  const extra = `  links: [{import: "shop:tax/rates@0.1.0", componentRef: {name: tax}, mode: ${mode}}]\n`;
  const rollout = '{policyRef: {name: now}}';
  return component({ name, wasm: 'wasm/checkout.wasm', readinessPath: `"${PRICE}"`, rollout, extra });
}

const FILES: Changes = {
  'environment.yaml': environment(),
  'shop/policies.yaml': immediatePolicy(),
  'shop/callers.yaml': `${caller('inline', 'Inline')}---\n${caller('remote', 'Remote')}`,
  'shop/routes.yaml': `${route({ name: 'inline' })}---\n${route({ name: 'remote', hostname: 'localhost' })}`,
  'shop/tax.yaml': `apiVersion: headway.dev/v1alpha1
kind: Component
metadata: {name: tax, namespace: shop}
spec:
  source: {path: wasm/tax.wasm}
  limits: {concurrency: 64}
  rollout: {policyRef: {name: now}}
`,
  'wasm/checkout.wasm': example('checkout'),
  'wasm/tax.wasm': example('tax-v1'),
};
