/** BlueGreen and Rolling, each with a good and a bad commit and with control killed in the middle, under traffic. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { EntryStatus } from '../../src/model/status.ts';
import { Daemon } from '../support/daemon.ts';
import { component, environment, example, route } from '../support/manifests.ts';
import { Repository, type Changes } from '../support/repository.ts';
import type { TrafficReport } from '../support/traffic.ts';
import { KEY, provenAfter, provenByNextControl, temporaryFolder, toldOf, traffic, type Story } from './story.ts';

const REPLICAS = 3;

/** Real thresholds, short waits. */
function policy(strategy: string): string {
  return `apiVersion: headway.dev/v1alpha1
kind: RolloutPolicy
metadata: {name: quick, namespace: shop}
spec:
  strategy: ${strategy}
  gate:
    errors: {tolerable: "0.5%", intolerable: "5%"}
    hardStops: {consecutiveErrors: 5, crashes: 2, window: 60s}
    minSamples: 50
    warmUp: {requests: 10, duration: 1s}
    synthetic: {requests: 200, httpGet: {path: /}}
  bake: {duration: 1s, deadline: 10m}
  breaker: {maxRollbacks: 100, window: 1h}
`;
}

const swap = (wasm: string, attempt: string): Changes => ({
  'shop/greeting.yaml': component({
    wasm: `wasm/${wasm}.wasm`,
    attempt,
    extra: `  scaling: {minReplicas: ${REPLICAS}}\n`,
  }),
  [`wasm/${wasm}.wasm`]: example(wasm),
});

async function begin(strategy: string, preview: string): Promise<Story> {
  const folder = await temporaryFolder();
  const repository = await Repository.create(path.join(folder, 'git'));
  await repository.push('Start', {
    'environment.yaml': environment(),
    'shop/policies.yaml': policy(strategy),
    'shop/route.yaml': route(),
    ...swap('greeting-v1', 'first'),
  });
  const config = path.join(folder, 'runtime.yaml');
  await writeFile(
    config,
    `apiVersion: headway.dev/v1alpha1\nkind: Runtime\nrepository: {url: "${repository.url}"}\n${preview}`,
  );
  const daemon = await Daemon.start({ config, data: path.join(folder, 'data') });
  onTestFinished(async () => void (await daemon.stop()));
  await provenAfter(daemon, undefined);
  return { folder, repository, daemon };
}

/** Ready replicas of one release. */
function readyOf({ replicas }: EntryStatus, release: string | undefined): number {
  return replicas.filter((replica) => replica.release === release && replica.phase === 'Ready').length;
}

async function headers(daemon: Daemon, send: Record<string, string> = {}): Promise<Response> {
  return fetch(`${daemon.url}/`, { headers: send });
}

describe('BlueGreen', () => {
  const LOOKED_AT = '{type: BlueGreen, blueGreen: {previewDuration: 1s, deadline: 1m, approval: {name: boss}}}';

  it('stands beside what serves, is seen by those who name it, waits for its approval, and switches at once', async () => {
    const { repository, daemon } = await begin(LOOKED_AT, 'preview: {domain: preview.test, header: true}\n');
    const before = await daemon.entry(KEY, 'v1 is proven', ({ proven }) => proven !== undefined);
    const visitors = traffic(daemon);
    const commit = await repository.push('Greet better', swap('greeting-v2', 'second'));
    const waiting = await daemon.entry(
      KEY,
      'it waits for its approval',
      ({ conditions }) => conditions[0]?.reason === 'AwaitingApproval',
    );
    const { release, revision, state, weight, preview, evidence } = waiting.candidate!;
    expect({ state, weight }).toEqual({ state: 'Preview', weight: 0 });
    expect(readyOf(waiting, release)).toBe(REPLICAS);
    expect(evidence[0]!.samples).toBe(evidence[0]!.synthetic);

    const name = release.slice(0, 12);
    expect(preview).toBe(`${name}--greeting`);
    const byHeader = await headers(daemon, { 'x-headway-preview': name });
    expect(byHeader.headers.get('x-headway-release')).toBe(name);
    const byHost = await daemon.ask('/', `${preview}.preview.test`);
    expect([byHost.status, byHost.body]).toEqual([200, await byHeader.text()]);
    expect((await daemon.ask('/', `000000000000--greeting.preview.test`)).status).toBe(404);

    const approved = { name: 'boss', revision: revision.slice(0, 12) };
    await repository.push('Approve', {
      'shop/greeting.yaml': component({
        wasm: 'wasm/greeting-v2.wasm',
        attempt: 'second',
        rollout: `{policyRef: {name: quick}, approvals: [{name: ${approved.name}, revision: "${approved.revision}"}]}`,
        extra: `  scaling: {minReplicas: ${REPLICAS}}\n`,
      }),
    });
    await daemon.entry(KEY, 'it is proven', ({ proven }) => proven?.release === release);
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus)).toEqual(['200']);
    expect(Object.keys(report.byRelease).sort()).toEqual([before.proven!.release.slice(0, 12), name].sort());
    const metrics = await (await fetch(`${daemon.statusUrl}/metrics`)).text();
    expect(metrics).toContain(`release="${name}",traffic="preview",outcome="good"} 2`);
    const { timeline } = (await daemon.status())!;
    expect(toldOf(timeline, commit).map(({ reason }) => reason)).toEqual([
      'Progressing',
      'Progressing',
      'Baking',
      'Proven',
    ]);
  });

  it('a bad one is caught by synthetic requests: no visitor ever meets it, and nobody may preview unless the host says so', async () => {
    const { repository, daemon } = await begin('{type: BlueGreen}', '');
    const before = await daemon.entry(KEY, 'v1 is proven', ({ proven }) => proven !== undefined);
    const visitors = traffic(daemon);
    await repository.push('Greet worse', swap('greeting-flaky', 'bad'));
    const after = await daemon.entry(KEY, 'it is quarantined', ({ quarantined }) => quarantined.length > 0);
    const [held] = after.quarantined;
    expect(held!.evidence[0]!.synthetic).toBeGreaterThan(0);
    const named = await headers(daemon, { 'x-headway-preview': held!.release.slice(0, 12) });
    expect(named.headers.get('x-headway-release')).toBe(before.proven!.release.slice(0, 12));
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    expect(report.byRelease).toEqual({ [before.proven!.release.slice(0, 12)]: report.answers });
    expect(Object.keys(report.byStatus)).toEqual(['200']);
  });

  it('control is killed while it stands: the switch comes all the same, and nothing is lost', async () => {
    const { repository, daemon } = await begin('{type: BlueGreen, blueGreen: {previewDuration: 2s}}', '');
    const report = await killedIn('Preview', { repository, daemon });
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus)).toEqual(['200']);
  });
});

describe('Rolling', () => {
  const ONE_BY_ONE = '{type: Rolling, rolling: {minDuration: 300ms, deadline: 1m}}';

  it('a good one replaces replica after replica, and weight follows; nothing is lost', async () => {
    const { repository, daemon } = await begin(ONE_BY_ONE, '');
    const before = await daemon.entry(KEY, 'v1 is proven', ({ proven }) => proven !== undefined);
    const old = before.proven!.release;
    const visitors = traffic(daemon);
    const commit = await repository.push('Greet better', swap('greeting-v2', 'second'));
    const after = await daemon.entry(KEY, 'it is proven', (entry) => {
      const { candidate, replicas, proven } = entry;
      if (candidate?.state === 'Rolling') {
        expect(readyOf(entry, candidate.release) * 100).toBeGreaterThanOrEqual((candidate.weight - 1) * REPLICAS);
        expect(readyOf(entry, old) + readyOf(entry, candidate.release)).toBeGreaterThanOrEqual(REPLICAS);
        const running = replicas.filter(({ phase }) => phase !== 'Draining' && phase !== 'Ended');
        expect(running.length).toBeLessThanOrEqual(REPLICAS + 1);
      }
      return proven?.commit === commit;
    });
    const steps = toldOf((await daemon.status())!.timeline, commit).map(({ message }) => message);
    expect(steps.join('\n')).toMatch(/at step 1 of 2: 33 %[^]*at step 2 of 2: 67 %/);
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus)).toEqual(['200']);
    await daemon.entry(
      KEY,
      'only the new replicas are left',
      ({ replicas }) =>
        replicas.length === REPLICAS && replicas.every(({ release }) => release === after.proven!.release),
    );
  });

  it('a bad one is caught at its first replica: the others never leave, and what was replaced comes back', async () => {
    const { repository, daemon } = await begin(ONE_BY_ONE, '');
    const before = await daemon.entry(KEY, 'v1 is proven', ({ proven }) => proven !== undefined);
    const visitors = traffic(daemon);
    await repository.push('Greet worse', swap('greeting-flaky', 'bad'));
    const after = await daemon.entry(KEY, 'it is quarantined', ({ quarantined }) => quarantined.length > 0);
    // Its failures come at random: five in a row may be the first that is enough.
    expect(after.quarantined[0]!.evidence[0]!.metric).toMatch(/^(errors|consecutive errors)$/);
    await daemon.entry(
      KEY,
      'all old replicas serve again',
      (entry) => readyOf(entry, before.proven!.release) === REPLICAS && entry.replicas.length === REPLICAS,
    );
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    // What the guest answered itself: the gate saw it, and the share of one replica is all that could be met by it.
    expect(Object.keys(report.byStatus).every((status) => status === '200' || status === '500')).toBe(true);
    expect(report.byStatus['500'] ?? 0).toBeLessThan(report.answers / REPLICAS);
  });

  it('git goes back in the middle: weight returns as the old replicas do, and nothing is lost', async () => {
    const { repository, daemon } = await begin('{type: Rolling, rolling: {minDuration: 2s, deadline: 1m}}', '');
    const before = await daemon.entry(KEY, 'v1 is proven', ({ proven }) => proven !== undefined);
    const visitors = traffic(daemon);
    await repository.push('Greet better', swap('greeting-v2', 'second'));
    await daemon.entry(KEY, 'two of three are replaced', ({ candidate }) => candidate?.weight === 67);
    await repository.revert();
    await daemon.entry(
      KEY,
      'all old replicas serve again',
      (entry) =>
        !entry.candidate &&
        entry.serving?.weight === 100 &&
        readyOf(entry, before.proven!.release) === REPLICAS &&
        entry.replicas.length === REPLICAS,
    );
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus)).toEqual(['200']);
  });

  it('control is killed between two replicas: it goes on to its end, and nothing is lost', async () => {
    const { repository, daemon } = await begin(ONE_BY_ONE, '');
    const report = await killedIn('Rolling', { repository, daemon });
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus)).toEqual(['200']);
  });
});

/** Control dies in that state: the next one brings the commit to its end, and tells what visitors met meanwhile. */
async function killedIn(
  state: string,
  { repository, daemon }: Pick<Story, 'repository' | 'daemon'>,
): Promise<TrafficReport> {
  const visitors = traffic(daemon);
  const commit = await repository.push('Greet better', swap('greeting-v2', state));
  await daemon.entry(KEY, `it is in ${state}`, ({ candidate }) => candidate?.state === state);
  const after = await provenByNextControl(daemon, commit);
  expect(after.quarantined).toEqual([]);
  return visitors.stop();
}
