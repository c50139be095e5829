/** Canary by header and by mirror, replicas that may be missing, a choice of statuses, a preview host of one's own. */
import { writeFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Daemon } from '../support/daemon.ts';
import { headway } from '../support/headway.ts';
import { component, environment, example, route, type ComponentText } from '../support/manifests.ts';
import { Repository, type Changes } from '../support/repository.ts';
import { KEY, provenAfter, temporaryFolder, traffic, type Story } from './story.ts';

const STEP = 'minDuration: 500ms, deadline: 1m';
/** Long enough for a test that was held up to meet it. */
const SEEN_STEP = 'minDuration: 4s, deadline: 1m';

interface PolicyText {
  readonly strategy: string;
  readonly probe?: string;
  readonly statuses?: string;
}

function policy({ strategy, probe = '/', statuses = '5xx' }: PolicyText): string {
  return `apiVersion: headway.dev/v1alpha1
kind: RolloutPolicy
metadata: {name: quick, namespace: shop}
spec:
  strategy: ${strategy}
  gate:
    errors: {tolerable: "0.5%", intolerable: "5%", statuses: [${statuses}]}
    hardStops: {consecutiveErrors: 5, crashes: 2, window: 60s}
    minSamples: 50
    warmUp: {requests: 10, duration: 1s}
    synthetic: {requests: 200, httpGet: {path: "${probe}"}}
  bake: {duration: 1s, deadline: 10m}
  breaker: {maxRollbacks: 100, window: 1h}
`;
}

const swap = (wasm: string, attempt: string, more: Partial<ComponentText> = {}): Changes => ({
  'shop/greeting.yaml': component({ wasm: `wasm/${wasm}.wasm`, attempt, ...more }),
  [`wasm/${wasm}.wasm`]: example(wasm),
});

async function begin(text: PolicyText, first: Changes = swap('greeting-v1', 'first'), preview = ''): Promise<Story> {
  const folder = await temporaryFolder();
  const repository = await Repository.create(path.join(folder, 'git'));
  await repository.push('Start', {
    'environment.yaml': environment(),
    'shop/policies.yaml': policy(text),
    'shop/route.yaml': route(),
    ...first,
  });
  const config = path.join(folder, 'runtime.yaml');
  const head = `apiVersion: headway.dev/v1alpha1\nkind: Runtime\nrepository: {url: "${repository.url}"}\n`;
  await writeFile(config, `${head}${preview}`);
  const daemon = await Daemon.start({ config, data: path.join(folder, 'data') });
  onTestFinished(async () => void (await daemon.stop()));
  await provenAfter(daemon, undefined);
  return { folder, repository, daemon };
}

const STORE = '  capabilities: [{name: counters, keyValue: {store: counters, access: ReadWrite}}]\n';
const short = (release: string | undefined): string => release!.slice(0, 12);

describe('a step by header', () => {
  const BY_TEAM = `{type: Canary, canary: {steps: [{headers: [{name: X-Team, value: us}], ${SEEN_STEP}}, {weight: 20, ${STEP}}]}}`;

  it('a good one: the team meets it first and alone, then a share of all, then everybody', async () => {
    const { repository, daemon } = await begin({ strategy: BY_TEAM });
    const before = await daemon.entry(KEY, 'v1 is proven', ({ proven }) => proven !== undefined);
    const team = traffic(daemon, { headers: { 'x-team': 'us' } });
    const others = traffic(daemon, { headers: { 'x-team': 'them' } });
    const commit = await repository.push('Greet better', swap('greeting-v2', 'second'));
    const first = await daemon.entry(KEY, 'it is at the step by header', ({ candidate }) => candidate?.step === 1);
    expect(first.candidate).toMatchObject({ state: 'Canary', weight: 0, headers: ['x-team: us'] });
    await daemon.entry(
      KEY,
      'the team has met it',
      () => (team.report().byRelease[short(first.candidate!.release)] ?? 0) > 20,
    );
    const met = others.report().byRelease;
    const still = (await daemon.status())!.entries[0]!.candidate?.step;
    if (still === 1) expect(Object.keys(met)).toEqual([short(before.proven!.release)]);
    await daemon.entry(KEY, 'it is proven', ({ proven }) => proven?.commit === commit);
    for (const report of [await team.stop(), await others.stop()]) {
      expect(report.lost).toEqual([]);
      expect(Object.keys(report.byStatus)).toEqual(['200']);
    }
  });

  it('a bad one is caught by the team: nobody else ever meets it', async () => {
    const { repository, daemon } = await begin({ strategy: BY_TEAM });
    const before = await daemon.entry(KEY, 'v1 is proven', ({ proven }) => proven !== undefined);
    const team = traffic(daemon, { headers: { 'x-team': 'us' }, requestsPerSecond: 100 });
    const others = traffic(daemon);
    await repository.push('Greet worse', swap('greeting-flaky', 'bad'));
    const after = await daemon.entry(KEY, 'it is quarantined', ({ quarantined }) => quarantined.length > 0);
    const report = await others.stop();
    expect(report).toMatchObject({ lost: [], byRelease: { [short(before.proven!.release)]: report.answers } });
    expect(Object.keys(report.byStatus)).toEqual(['200']);
    const bad = short(after.quarantined[0]!.release);
    const met = await team.stop();
    expect([met.lost, (met.byRelease[bad] ?? 0) > 0]).toEqual([[], true]);
    const { timeline } = (await daemon.status())!;
    expect(timeline.find(({ reason }) => reason === 'RolledBack')!.message).toContain('requests with x-team: us');
  });
});

describe('a step by mirror', () => {
  const READ = '/get?store=counters&key=hits';
  const COPIED = `{type: Canary, canary: {steps: [{mirror: {percent: 100}, ${SEEN_STEP}}, {weight: 20, ${STEP}}]}}`;
  const counting = (attempt: string) => swap('testbed-stored', attempt, { readinessPath: READ, extra: STORE });

  it('copies reach the candidate and change nothing: each visitor is counted once', async () => {
    const { folder, repository, daemon } = await begin({ strategy: COPIED, probe: READ }, counting('first'));
    const visitors = traffic(daemon, { requestsPerSecond: 100 }, '/increment?store=counters&key=hits');
    const commit = await repository.push('Count better', counting('second'));
    const during = await daemon.entry(
      KEY,
      'copies are answered',
      ({ candidate }) =>
        candidate?.evidence.some(({ metric, samples }) => metric === 'copies of requests' && samples > 50) === true,
    );
    expect(during.candidate).toMatchObject({ state: 'Canary', step: 1, weight: 0, mirror: 100 });
    const metrics = await (await fetch(`${daemon.statusUrl}/metrics`)).text();
    expect(metrics).toMatch(
      new RegExp(`release="${short(during.candidate!.release)}",traffic="mirrored",outcome="good"} [1-9]`),
    );
    await daemon.entry(KEY, 'it is proven', ({ proven }) => proven?.commit === commit);
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus)).toEqual(['200']);
    expect((await daemon.ask(READ, 'test.example')).body).toBe(`some ${report.answers}`);
    // The copies did come as far as the broker, under the release that was tried: it denied them.
    const { out } = await headway([
      'audit',
      'show',
      '--data',
      path.join(folder, 'data'),
      '--kind',
      'denial',
      '--format',
      'json',
    ]);
    const denials = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(denials).toContainEqual(
      expect.objectContaining({
        grant: 'counters',
        release: during.candidate!.release,
        asked: 'increment counters/hits',
        why: 'a mirrored call changes nothing',
      }),
    );
  });

  it('copies write where the Route says so: each visitor is counted once more by the candidate', async () => {
    const { repository, daemon } = await begin({ strategy: COPIED, probe: READ }, counting('first'));
    const allowed = route().replace('backendRef:', 'mirroredWrites: Allow\n      backendRef:');
    expect(allowed).toContain('Allow');
    await repository.push('Let copies write', { 'shop/route.yaml': allowed });
    await daemon.entry(KEY, 'it is proven', ({ proven, desired }) => proven?.release === desired?.release);
    const visitors = traffic(daemon, { requestsPerSecond: 100 }, '/increment?store=counters&key=hits');
    const commit = await repository.push('Count better', counting('second'));
    await daemon.entry(KEY, 'it is proven', ({ proven }) => proven?.commit === commit);
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    const count = Number((await daemon.ask(READ, 'test.example')).body.replace('some ', ''));
    expect(count).toBeGreaterThan(report.answers + 50);
  });

  it('a candidate that traps on each copy costs no visitor anything, and is caught by what the runtime sends', async () => {
    const copied = `{type: Canary, canary: {steps: [{mirror: {percent: 50}, ${STEP}}, {weight: 20, ${STEP}}]}}`;
    const { repository, daemon } = await begin({ strategy: copied });
    const before = await daemon.entry(KEY, 'v1 is proven', ({ proven }) => proven !== undefined);
    const visitors = traffic(daemon);
    await repository.push('Greet worse', swap('greeting-traps', 'bad'));
    await daemon.entry(KEY, 'it is quarantined', ({ quarantined }) => quarantined.length > 0);
    const report = await visitors.stop();
    expect(report).toMatchObject({ lost: [], byRelease: { [short(before.proven!.release)]: report.answers } });
    expect(Object.keys(report.byStatus)).toEqual(['200']);
  });
});

describe('replicas that may be missing', () => {
  it('what serves gives them up first: never more than the surge, and nothing is lost', async () => {
    const all = 4;
    const strategy = `{type: Rolling, rolling: {maxSurge: 1, maxUnavailable: 1, ${SEEN_STEP}}}`;
    const scaled = (wasm: string, attempt: string) =>
      swap(wasm, attempt, { extra: `  scaling: {minReplicas: ${all}}\n` });
    const { repository, daemon } = await begin({ strategy }, scaled('greeting-v1', 'first'));
    const visitors = traffic(daemon);
    const commit = await repository.push('Greet better', scaled('greeting-v2', 'second'));
    const weights = new Set<number>();
    let least = all;
    await daemon.entry(KEY, 'it is proven', ({ candidate, replicas, proven }) => {
      const running = replicas.filter(({ phase }) => phase !== 'Ended');
      expect(running.length).toBeLessThanOrEqual(all + 1);
      const ready = replicas.filter(({ phase }) => phase === 'Ready').length;
      expect(ready).toBeGreaterThanOrEqual(all - 1);
      least = Math.min(least, ready);
      if (candidate?.state === 'Rolling') weights.add(candidate.weight);
      return proven?.commit === commit;
    });
    expect([[...weights], least]).toEqual([[50], all - 1]);
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus)).toEqual(['200']);
  });
});

describe('a choice of statuses', () => {
  it('what is not in the list is no failure: the one that is caught elsewhere goes live here', async () => {
    const strategy = `{type: Canary, canary: {steps: [{weight: 20, ${STEP}}]}}`;
    const { repository, daemon } = await begin({ strategy, statuses: '"503"' });
    const visitors = traffic(daemon);
    const commit = await repository.push('Answer 500 for a third', swap('greeting-flaky', 'second'));
    const after = await daemon.entry(KEY, 'it is proven', ({ proven }) => proven?.commit === commit);
    expect(after.quarantined).toEqual([]);
    expect(Object.keys((await visitors.stop()).byStatus)).toEqual(['200', '500']);
  });

  it('4xx are, where they are in it', async () => {
    const strategy = `{type: Canary, canary: {steps: [{weight: 50, ${STEP}}]}}`;
    // The counter of the other domain knows no greeting: it answers 404 to every visitor.
    const { repository, daemon } = await begin({ strategy, statuses: '4xx, 5xx' });
    const visitors = traffic(daemon);
    await repository.push('Forget how to greet', swap('counter-v1', 'bad', { extra: STORE }));
    const after = await daemon.entry(KEY, 'it is quarantined', ({ quarantined }) => quarantined.length > 0);
    expect(after.quarantined[0]!.evidence[0]!.metric).toMatch(/^errors \(4xx, 5xx\)$|^consecutive errors$/);
    expect((await visitors.stop()).lost).toEqual([]);
  });
});

describe('a preview host of one’s own', () => {
  const HOST = 'greeting.preview.test';
  const strategy = `{type: BlueGreen, blueGreen: {previewHostname: ${HOST}, approval: {name: boss}}}`;

  it.each([
    ['below the domain of the host: it is seen there', 'preview: {domain: preview.test}\n', 'candidate'],
    ['elsewhere: it means nothing', 'preview: {domain: other.test, header: true}\n', 'serving'],
  ] as const)('%s', async (_, preview, who) => {
    const { repository, daemon } = await begin({ strategy }, swap('greeting-v1', 'first'), preview);
    await repository.push('Greet better', swap('greeting-v2', 'second'));
    const waiting = await daemon.entry(
      KEY,
      'it waits for its approval',
      ({ conditions }) => conditions[0]?.reason === 'AwaitingApproval',
    );
    expect(waiting.candidate).toMatchObject({ state: 'Preview', previewHostname: HOST });
    expect(await releaseAt(daemon, HOST)).toBe(short(waiting[who]!.release));
  });
});

function releaseAt(daemon: Daemon, host: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    http
      .get(`${daemon.url}/`, { headers: { host } }, (response) => {
        response.resume();
        resolve(response.headers['x-headway-release'] as string | undefined);
      })
      .on('error', reject);
  });
}
