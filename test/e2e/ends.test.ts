import { describe, expect, it } from 'vitest';
import type { EntryStatus } from '../../src/model/status.ts';
import type { Daemon } from '../support/daemon.ts';
import { component, environment, quickPolicy, route, shop, swapTo } from '../support/manifests.ts';
import { chapters, KEY, provenAfter, traffic } from './story.ts';

/** One policy per end; nobody sends traffic in these stories unless the chapter says so. */
const POLICIES = [
  quickPolicy(),
  quickPolicy({ name: 'patient', insufficientData: 'Hold', deadline: '2s' }),
  quickPolicy({ name: 'asking', approval: ', approval: {name: release-manager, deadline: 1h}' }),
].join('---\n');

const CEILING = (memory: string): string => `apiVersion: headway.dev/v1alpha1
kind: Policy
metadata: {name: ceiling}
spec:
  namespaces: [shop]
  limits: {memory: ${memory}}
`;

describe('each end of an attempt, and the edit that releases it', () => {
  const now = chapters({
    ...shop(),
    'environment.yaml': environment({ tenants: ['shop', 'platform'] }),
    'shop/policies.yaml': POLICIES,
    'platform/ceiling.yaml': CEILING('256Mi'),
  });

  it('Failed: nothing but the retry that its message names starts it again; another component goes live', async () => {
    const { repository, daemon } = now();
    const first = await provenAfter(daemon, undefined);
    traffic(daemon);
    const broken = await repository.push('Break it', swapTo('greeting-flaky'));
    const failed = await quarantinedAt(daemon, broken);
    expect(failed.releasedBy).toContain('spec.rollout.retry: 1');

    const unrelated = await repository.push('Unrelated', { 'README.md': 'hello' });
    await daemon.until('it is accepted', ({ source }) => source.acceptedCommit === unrelated);
    const after = await daemon.entry(KEY, 'it stays quarantined', ({ conditions }) =>
      conditions
        // Under this traffic a call may have waited for room: that is told beside it, for minutes.
        .filter(({ type }) => type !== 'WithinLimits')
        .every(({ observedCommit, reason }) => observedCommit === unrelated && reason === 'Quarantined'),
    );
    expect(after.candidate).toBeUndefined();

    const retried = await repository.push(
      'Try again',
      swapTo('greeting-flaky', { rollout: '{policyRef: {name: quick}, retry: 1}' }),
    );
    const again = await quarantinedAt(daemon, retried);
    expect(again.release).toBe(failed.release);
    expect(again.attempt).not.toBe(failed.attempt);
    expect(again.releasedBy).toContain('spec.rollout.retry: 2');

    await repository.push('Mend it', swapTo('greeting-v2'));
    await provenAfter(daemon, first);
  });

  it('Refused by an import that is not granted: a build without it goes live', async () => {
    const { repository, daemon } = now();
    const before = await settled(daemon);
    await repository.push('Ask for more', swapTo('greeting-ungranted'));
    const refused = await withReason(daemon, 'Refused');
    expect(refused).toMatch(
      /HW2111: .*wasi:http\/outgoing-handler.*To release it: .*build the component without that import/,
    );
    await repository.push('Ask for nothing', swapTo('greeting-v1', { attempt: 'mended' }));
    await provenAfter(daemon, before);
  });

  it('Refused by a Policy: raising the ceiling alone releases it', async () => {
    const { repository, daemon } = now();
    const before = await settled(daemon);
    await repository.push('More memory', {
      'shop/greeting.yaml': component({
        wasm: 'wasm/greeting-v1.wasm',
        attempt: 'large',
        limits: 'memory: 512Mi, concurrency: 1',
      }),
    });
    const refused = await withReason(daemon, 'PolicyExceeded');
    expect(refused).toMatch(/memory \d+ bytes exceeds .*raise the ceiling in Policy ceiling/);
    await repository.push('Raise the ceiling', { 'platform/ceiling.yaml': CEILING('1Gi') });
    await provenAfter(daemon, before);
  });

  it('Inconclusive for want of samples: parked, serving serves; a gate that sends its own requests releases it', async () => {
    const { repository, daemon } = now();
    const before = await settled(daemon);
    await repository.push(
      'No visitors',
      swapTo('greeting-v2', { attempt: 'unseen', rollout: '{policyRef: {name: patient}}' }),
    );
    const parked = await withReason(daemon, 'Inconclusive');
    expect(parked).toMatch(/was not decided within 2s.*gate\.insufficientData: Synthesize/);
    const entry = await daemon.entry(KEY, 'it is parked', ({ candidate }) => candidate === undefined);
    expect(entry.serving?.release).toBe(before.serving?.release);
    expect(entry.quarantined.map(({ release }) => release)).not.toContain(entry.desired?.release);
    await repository.push('Let the runtime ask', {
      'shop/policies.yaml': POLICIES.replace('insufficientData: Hold', 'insufficientData: Synthesize').replaceAll(
        'deadline: 2s',
        'deadline: 1m',
      ),
    });
    await provenAfter(daemon, before);
  });

  it('a step that waits for an approval: the very line that its message prints releases it', async () => {
    const { repository, daemon } = now();
    const before = await settled(daemon);
    const rollout = (more: string): string => `{policyRef: {name: asking}${more}}`;
    await repository.push('Ask first', swapTo('greeting-v1', { attempt: 'asked', rollout: rollout('') }));
    const waiting = await withReason(daemon, 'AwaitingApproval');
    const entry = await daemon.entry(KEY, 'it has passed', ({ candidate }) => candidate?.verdict === 'Pass');
    expect(entry.candidate).toMatchObject({ state: 'Canary', step: 2, weight: 50 });
    const line = /spec\.rollout\.(approvals: \[\{.*?\}\])/.exec(waiting)?.[1];
    expect(line).toBeDefined();
    await repository.push('Approve', swapTo('greeting-v1', { attempt: 'asked', rollout: rollout(`, ${line}`) }));
    await provenAfter(daemon, before);
  });

  it('a first deployment that is never ready: 503 says why, and a build that gets ready is routed', async () => {
    const { repository, daemon } = now();
    await repository.push('A second service', {
      'shop/second.yaml': component({ name: 'second', wasm: 'wasm/greeting-never-ready.wasm' }),
      'shop/second-route.yaml': route({ name: 'second', hostname: 'second.example.com' }),
      ...onlyBytes(swapTo('greeting-never-ready')),
    });
    await withReason(daemon, 'Quarantined', 'shop/second');
    const answer = await daemon.ask('/', 'second.example.com');
    expect(answer.status).toBe(503);
    expect(answer.body).toMatch(/not ready within|readiness|Quarantined/);
    await repository.push('A build that works', {
      'shop/second.yaml': component({ name: 'second', wasm: 'wasm/greeting-v1.wasm' }),
    });
    await daemon.entry('shop/second', 'it is proven', ({ proven }) => proven !== undefined);
    expect((await daemon.ask('/', 'second.example.com')).status).toBe(200);
  });
});

/** Without the manifests: for a component of another name. */
function onlyBytes(changes: ReturnType<typeof swapTo>): ReturnType<typeof swapTo> {
  return Object.fromEntries(Object.entries(changes).filter(([name]) => name.endsWith('.wasm')));
}

async function quarantinedAt(daemon: Daemon, commit: string): Promise<EntryStatus['quarantined'][number]> {
  const entry = await daemon.entry(KEY, `the attempt of ${commit.slice(0, 8)} is quarantined`, ({ quarantined }) =>
    quarantined.some((attempt) => attempt.commit === commit),
  );
  return entry.quarantined.find((attempt) => attempt.commit === commit)!;
}

function settled(daemon: Daemon): Promise<EntryStatus> {
  return daemon.entry(KEY, 'it is at rest', ({ proven, candidate }) => proven !== undefined && !candidate);
}

/** Waits until the newest commit is answered with this reason; returns the message. */
async function withReason(daemon: Daemon, reason: string, key: string = KEY): Promise<string> {
  const entry = await daemon.entry(
    key,
    `it is ${reason}`,
    ({ conditions: [first] }, { source }) =>
      first?.reason === reason && first.observedCommit === source.headCommit && source.headCommit !== undefined,
  );
  return entry.conditions[0]!.message;
}
