/** Policies in the real program: Audit, tightening under what serves, hosts and paths of tenants. */
import { describe, expect, it } from 'vitest';
import { headway } from '../support/headway.ts';
import { readyReplica } from '../support/entries.ts';
import { component, environment, example, route, shop } from '../support/manifests.ts';
import { chapters, KEY, provenAfter, traffic } from './story.ts';

const ceiling = (spec: string, enforcement = 'Enforce') => ({
  'platform/ceiling.yaml': `apiVersion: headway.dev/v1alpha1
kind: Policy
metadata: {name: ceiling}
spec:
  namespaces: [shop, bank]
  enforcement: ${enforcement}
${spec}`,
});
const MEMORY = (most: string) => `  limits: {memory: ${most}}\n`;
const TENANTS = { 'environment.yaml': environment({ tenants: ['shop', 'bank', 'platform'] }) };

const build = (attempt: string, memory = '64Mi') => ({
  'shop/greeting.yaml': component({
    wasm: 'wasm/greeting-v1.wasm',
    attempt,
    rollout: '{policyRef: {name: now}}',
    limits: `memory: ${memory}`,
  }),
});

describe('a Policy', () => {
  const now = chapters({ ...shop(), ...TENANTS, ...build('first', '128Mi') });

  it('in Audit refuses nothing, and says in status, explain and metrics what it would refuse', async () => {
    const { repository, daemon } = now();
    const before = await daemon.entry(KEY, 'it is proven', ({ proven }) => proven !== undefined);
    await repository.push('A ceiling in Audit', ceiling(MEMORY('96Mi'), 'Audit'));
    const { diagnostics } = await daemon.until('it is a warning', (status) => status.diagnostics.length > 0);
    expect(diagnostics).toMatchObject([{ code: 'HW1040', severity: 'warning', span: { file: 'shop/greeting.yaml' } }]);
    await repository.push('Another build above it', build('audited', '256Mi'));
    await provenAfter(daemon, before);
    const address = ['--status', daemon.statusAddress];
    const wanted = /shop\/greeting\.yaml:\d+:\d+ memory 268435456 bytes exceeds .* Policy ceiling/;
    const status = await headway(['status', ...address]);
    expect(status.out).toMatch(/Policies in Audit would refuse, and only count:/);
    expect(status.out).toMatch(wanted);
    expect((await headway(['explain', KEY, ...address])).out).toMatch(/in Audit, so it runs: /);
    const json = JSON.parse((await headway(['explain', KEY, ...address, '--json'])).out) as { audited: unknown[] };
    expect(json.audited).toHaveLength(1);
    const metrics = await (await fetch(`${daemon.statusUrl}/metrics`)).text();
    expect(metrics).toContain(`headway_policy_audited{entry="${KEY}"} 1`);
  });

  it('that is tightened stops nothing: what serves goes on, and is started again when it dies', async () => {
    const { repository, daemon } = now();
    const before = await daemon.entry(KEY, 'it serves', ({ serving }) => serving !== undefined);
    const visitors = traffic(daemon, { requestsPerSecond: 50 });
    const commit = await repository.push('Enforce it', ceiling(MEMORY('96Mi')));
    await daemon.until('it is accepted', ({ source }) => source.acceptedCommit === commit);
    const { pid } = readyReplica(before)!;
    process.kill(pid!, 'SIGKILL');
    const after = await daemon.entry(KEY, 'another replica is ready', ({ replicas }) =>
      replicas.some((replica) => replica.phase === 'Ready' && replica.pid !== pid),
    );
    expect(after.serving?.release).toBe(before.serving?.release);
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    expect(report.byStatus['200']).toBeGreaterThan(0);
  });

  it('refuses candidates, also one that was proven before the ceiling came', async () => {
    const { repository, daemon } = now();
    const before = await daemon.entry(KEY, 'it serves', ({ serving }) => serving !== undefined);
    const fits = await repository.push('One that fits', build('fits'));
    await daemon.entry(KEY, 'it is proven', ({ proven }) => proven?.commit === fits);
    await repository.push('The proven one of before', build('audited', '256Mi'));
    const refused = await daemon.entry(
      KEY,
      'the fast path is refused',
      ({ conditions }) => conditions[0]?.reason === 'PolicyExceeded',
    );
    expect(refused.desired?.release).toBe(before.serving?.release);
    expect([refused.serving?.commit, refused.candidate]).toEqual([fits, undefined]);
    expect(refused.decision).toMatchObject({ row: 6, inputs: { end: 'PolicyExceeded' } });
    expect(refused.conditions[0]!.message).toMatch(/raise the ceiling in Policy ceiling/);
    await repository.push('Room for it', ceiling(MEMORY('512Mi')));
    await daemon.entry(KEY, 'it is back', ({ serving }) => serving?.release === before.serving?.release);
  });

  it('grants hosts to namespaces: a claim to another is refused, and who had it keeps it', async () => {
    const { repository, daemon } = now();
    const hosts = `${MEMORY('512Mi')}  hostnames: ["*.shop.example"]\n`;
    await repository.push('Hosts', {
      ...ceiling(hosts),
      'shop/route.yaml': route({ hostname: 'www.shop.example' }),
    });
    const served = async (host: string) => (await daemon.ask('/', host)).status;
    // The route of before answered any host.
    while ((await served('other.example')) !== 404) await daemon.status();
    expect(await served('www.shop.example')).toBe(200);
    await repository.push('Somebody else', { 'shop/route.yaml': route({ hostname: 'www.bank.example' }) });
    const { diagnostics } = await daemon.until('it is refused', (status) => status.diagnostics.length > 0);
    expect(diagnostics).toMatchObject([{ code: 'HW1031', span: { file: 'shop/route.yaml' } }]);
    expect([await served('www.shop.example'), await served('www.bank.example')]).toEqual([200, 404]);
  });

  it('of the tenants is their path: a document outside of it speaks for nobody', async () => {
    const { repository, daemon } = now();
    const before = await daemon.entry(KEY, 'it serves', ({ serving }) => serving !== undefined);
    await repository.push('The bank writes for the shop', {
      'shop/route.yaml': route({ hostname: 'www.shop.example' }),
      'bank/greeting.yaml': component({ wasm: 'wasm/greeting-v2.wasm' }),
      'wasm/greeting-v2.wasm': example('greeting-v2'),
    });
    const { diagnostics } = await daemon.until('it is refused', (status) =>
      status.diagnostics.some(({ code }) => code === 'HW1022'),
    );
    expect(diagnostics.map(({ code, span }) => `${code} ${span?.file}`)).toEqual(['HW1022 bank/greeting.yaml']);
    const after = await daemon.entry(KEY, 'it serves', ({ serving }) => serving !== undefined);
    expect(after.serving?.revision).toBe(before.serving?.revision);
  });
});
