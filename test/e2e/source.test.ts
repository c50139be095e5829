import { rename } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Daemon } from '../support/daemon.ts';
import {
  component,
  environment,
  example,
  immediatePolicy,
  quickPolicy,
  route,
  shop,
  swapTo,
} from '../support/manifests.ts';
import { chapters, KEY, provenAfter, story, toldOf, traffic } from './story.ts';

const NOW = { rollout: '{policyRef: {name: now}}' };
const GONE = 'gone.git';

async function bodyOf(daemon: Daemon, host = 'shop.example.com'): Promise<string> {
  return (await daemon.ask('/', host)).body;
}

describe('what git says and does not say', () => {
  const now = chapters(shop('greeting-v1', NOW));

  it('the good document of a commit goes live beside a broken one, which keeps what it had', async () => {
    const { repository, daemon } = now();
    await repository.push('A second service', {
      'shop/second.yaml': component({ name: 'second', wasm: 'wasm/greeting-v1.wasm', ...NOW }),
      'shop/second-route.yaml': route({ name: 'second', hostname: 'second.example.com' }),
    });
    await daemon.entry('shop/second', 'it is proven', (entry) => entry.proven !== undefined);
    await repository.push('One good, one broken', {
      ...swapTo('greeting-v2', NOW),
      'shop/second.yaml':
        'apiVersion: headway.dev/v1alpha1\nkind: Component\nmetadata: {name: second, namespace: shop}\nspec: {sauce: {}}\n',
    });
    await expect.poll(() => bodyOf(daemon)).toContain('v2');
    const second = await daemon.entry('shop/second', 'it says what is wrong', (entry) =>
      entry.conditions.some(({ reason }) => reason === 'InvalidManifest'),
    );
    expect(second.conditions[0]?.message).toMatch(/^shop\/second\.yaml:4:\d+: HW\d+: .*its last valid form stays/);
    expect(await bodyOf(daemon, 'second.example.com')).toContain('v1');
    const { diagnostics } = (await daemon.status())!;
    expect(diagnostics.map(({ span }) => span?.file)).toContain('shop/second.yaml');
    await repository.push('Take the second away', { 'shop/second.yaml': null, 'shop/second-route.yaml': null });
    await daemon.until('it is gone', ({ entries }) => !entries.some(({ key, serving }) => key !== KEY && serving));
  });

  it('a rewritten history is refused, and the way out that the message names works', async () => {
    const { repository, daemon } = now();
    const accepted = await repository.push('Another', swapTo('greeting-v2', { attempt: 'second', ...NOW }));
    await daemon.entry(KEY, 'it is proven', ({ proven }) => proven?.commit === accepted);
    await repository.git('reset', '-q', '--hard', 'HEAD~1');
    await repository.commit('Another history', swapTo('greeting-v1', { attempt: 'third', ...NOW }));
    await repository.git('push', '-q', '--force', 'origin', 'HEAD:main');
    const refused = await daemon.until('it is refused', ({ source }) => source.condition.reason === 'NonFastForward');
    expect(refused.source.acceptedCommit).toBe(accepted);
    expect(await bodyOf(daemon)).toContain('v2');
    const command = /git (merge -s ours [0-9a-f]{40})/.exec(refused.source.condition.message)?.[1];
    expect(command).toBeDefined();
    await repository.git(...command!.split(' '), '--no-edit');
    await repository.git('push', '-q', 'origin', 'HEAD:main');
    await daemon.until('the merge is accepted', ({ source }) => source.condition.reason === 'InSync');
    await expect.poll(() => bodyOf(daemon)).toContain('v1');
  });

  it('a rename and its moved route walk as one group', async () => {
    const { repository, daemon } = now();
    await daemon.entry(KEY, 'it is at rest', ({ proven, candidate }) => proven !== undefined && !candidate);
    const visitors = traffic(daemon);
    const renamed = await repository.push('Rename', {
      'shop/greeting.yaml': null,
      'shop/welcome.yaml': component({
        name: 'welcome',
        wasm: 'wasm/greeting-v2.wasm',
        rollout: '{policyRef: {name: quick}, replaces: greeting}',
      }),
      'shop/route.yaml': route({ backend: 'welcome' }),
    });
    await provenAfter(daemon, undefined, 'shop/welcome');
    const { timeline } = await daemon.until('the old one is gone', ({ entries }) =>
      entries.every((entry) => entry.key !== KEY || !entry.serving),
    );
    const told = toldOf(timeline, renamed, 'shop/welcome').map(({ message }) => message);
    expect(told.join('\n')).toMatch(/at step 1 of 2: 20 %[^]*at step 2 of 2: 50 %/);
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus)).toEqual(['200']);
  });

  it('nothing is deleted for an empty tree, nor for a repository that is gone; a restart serves from disk', async () => {
    const { folder, repository, daemon } = now();
    await repository.git('rm', '-rq', '.');
    await repository.push('Nothing at all', {});
    const held = await daemon.until('it was looked at', ({ commits }) =>
      commits.some(({ subject }) => subject === 'Nothing at all'),
    );
    expect(JSON.stringify(held.entries)).toContain('PruneHeld');
    expect(await bodyOf(daemon)).toContain('v2');
    await rename(repository.bare, path.join(folder, GONE));
    await daemon.until('it is gone', ({ source }) => source.condition.reason === 'SourceUnavailable');
    expect(await bodyOf(daemon)).toContain('v2');
    expect(await daemon.stop()).toBe(0);
    const again = await Daemon.start({ repo: repository.url, data: path.join(folder, 'data') });
    try {
      expect(await bodyOf(again)).toContain('v2');
    } finally {
      await again.stop();
      await rename(path.join(folder, GONE), repository.bare);
    }
  });
});

describe('git and the daemon apart', () => {
  it('a revert takes the fast path with the git server gone after the fetch', async () => {
    const { folder, repository, daemon } = await story(shop('greeting-v1', NOW));
    const first = await provenAfter(daemon, undefined);
    await repository.push('v2', swapTo('greeting-v2', NOW));
    await provenAfter(daemon, first);
    const commit = await repository.revert();
    await daemon.until('the revert is accepted', ({ source }) => source.acceptedCommit === commit);
    await rename(repository.bare, path.join(folder, GONE));
    await daemon.entry(KEY, 'v1 is proven again', ({ proven }) => proven?.release === first.proven?.release);
    expect(await bodyOf(daemon)).toContain('v1');
    await daemon.until('status says so', ({ source }) => source.condition.reason === 'SourceUnavailable');
    expect(await bodyOf(daemon)).toContain('v1');
  });

  it('a failed git state is not tried again after a restart either; the edit that its message names lets it go', async () => {
    const { folder, repository, daemon } = await story(shop());
    await provenAfter(daemon, undefined);
    const visitors = traffic(daemon);
    await repository.push('Break it', swapTo('greeting-flaky'));
    const failed = await daemon.entry(KEY, 'it is quarantined', ({ quarantined }) => quarantined.length > 0);
    await visitors.stop();
    await daemon.stop();
    const again = await Daemon.start({ repo: repository.url, data: path.join(folder, 'data') });
    try {
      await repository.push('Unrelated', { 'README.md': 'hello' });
      const unrelated = await repository.head();
      const after = await again.entry(KEY, 'the commit is judged', ({ conditions }) =>
        conditions.every(({ observedCommit, reason }) => observedCommit === unrelated && reason === 'Quarantined'),
      );
      expect(after.quarantined).toEqual(failed.quarantined);
      expect(after.candidate).toBeUndefined();
      expect(failed.quarantined[0]?.releasedBy).toContain('spec.rollout.retry: 1');
      await repository.push('Try again', swapTo('greeting-flaky', { rollout: '{policyRef: {name: quick}, retry: 1}' }));
      await again.entry(KEY, 'it is tried again', (entry) => entry.candidate !== undefined);
    } finally {
      await again.stop();
    }
  });

  it('a mass deletion is held until the exact set is confirmed', async () => {
    const names = ['a', 'b', 'c'];
    const documents = Object.fromEntries(
      names.flatMap((name) => [
        [`shop/${name}.yaml`, component({ name, wasm: 'wasm/greeting-v1.wasm', ...NOW })],
        [`shop/${name}-route.yaml`, route({ name, hostname: `${name}.example.com` })],
      ]),
    );
    const { repository, daemon } = await story({
      'environment.yaml': environment(),
      'shop/policies.yaml': `${quickPolicy()}---\n${immediatePolicy()}`,
      'wasm/greeting-v1.wasm': example('greeting-v1'),
      ...documents,
    });
    await daemon.until('all serve', (status) => status.entries.filter(({ serving }) => serving).length === 3);
    await repository.push('Delete everything', Object.fromEntries(Object.keys(documents).map((file) => [file, null])));
    const held = await daemon.until('the prune is held', (status) =>
      status.entries.every(({ conditions }) => conditions[0]?.reason === 'PruneHeld'),
    );
    for (const name of names) expect((await daemon.ask('/', `${name}.example.com`)).status).toBe(200);
    const hash = /prune\.confirm: "([0-9a-f]{12})"/.exec(held.entries[0]!.conditions[0]!.message)?.[1];
    expect(hash).toBeDefined();
    await repository.push('Confirm', { 'environment.yaml': environment({ extra: `  prune: {confirm: "${hash}"}\n` }) });
    await daemon.until('all are gone', (status) => status.entries.every(({ serving }) => !serving));
    // Status says what was decided; the snapshot is in force a moment later.
    await expect.poll(async () => (await daemon.ask('/', 'a.example.com')).status).toBe(404);
  });
});
