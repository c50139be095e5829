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
import { story, traffic } from './story.ts';

const KEY = 'shop/greeting';
const NOW = { rollout: '{policyRef: {name: now}}' };

async function bodyOf(daemon: Daemon, target = '/'): Promise<string> {
  return (await fetch(`${daemon.url}${target}`)).text();
}

describe('what git says and does not say', () => {
  it('goes back by revert with the git server gone after the fetch', async () => {
    const { folder, repository, daemon } = await story(shop('greeting-v1', NOW));
    const first = await daemon.entry(KEY, 'v1 is proven', (entry) => entry.proven !== undefined);
    await repository.push('v2', swapTo('greeting-v2', NOW));
    await daemon.entry(
      KEY,
      'v2 is proven',
      (entry) => entry.proven !== undefined && entry.proven.release !== first.proven?.release,
    );
    const commit = await repository.revert();
    await daemon.until('the revert is accepted', ({ source }) => source.acceptedCommit === commit);
    await rename(repository.bare, path.join(folder, 'gone.git'));
    await daemon.entry(
      KEY,
      'v1 is proven again',
      (entry) => entry.proven?.release === first.proven?.release && !entry.candidate,
    );
    expect(await bodyOf(daemon)).toContain('v1');
    await daemon.until(
      'status says that the source is gone',
      ({ source }) => source.condition.reason === 'SourceUnavailable',
    );
    expect(await bodyOf(daemon)).toContain('v1');
  });

  it('applies the good document of a commit whose other document is broken', async () => {
    const { repository, daemon } = await story({
      ...shop('greeting-v1', NOW),
      'shop/second.yaml': component({ name: 'second', wasm: 'wasm/greeting-v1.wasm', ...NOW }),
      'shop/second-route.yaml': route({ name: 'second', prefix: '/second' }),
    });
    await daemon.entry('shop/second', 'it is proven', (entry) => entry.proven !== undefined);
    await repository.push('One good, one broken', {
      ...swapTo('greeting-v2', NOW),
      'shop/second.yaml':
        'apiVersion: headway.dev/v1alpha1\nkind: Component\nmetadata: {name: second, namespace: shop}\nspec: {sauce: {}}\n',
    });
    await daemon.entry(KEY, 'v2 serves', (entry) => entry.serving !== undefined && !entry.candidate);
    await expect.poll(() => bodyOf(daemon), { timeout: 10_000 }).toContain('v2');
    const second = await daemon.entry('shop/second', 'it says what is wrong', (entry) =>
      entry.conditions.some(({ reason }) => reason === 'InvalidManifest'),
    );
    expect(second.conditions.map(({ message }) => message).join('\n')).toMatch(/second\.yaml:\d+:\d+/);
    expect(await bodyOf(daemon, '/second')).toContain('v1');
  });

  it('refuses a rewritten history and says the way out', async () => {
    const { repository, daemon } = await story(shop('greeting-v1', NOW));
    const first = await daemon.entry(KEY, 'v1 is proven', (entry) => entry.proven !== undefined);
    const accepted = await repository.push('v2', swapTo('greeting-v2', NOW));
    await daemon.entry(
      KEY,
      'v2 is proven',
      (entry) => entry.proven !== undefined && entry.proven.release !== first.proven?.release,
    );
    await repository.git('reset', '-q', '--hard', 'HEAD~1');
    await repository.commit('Another history', swapTo('greeting-flaky', NOW));
    await repository.git('push', '-q', '--force', 'origin', 'HEAD:main');
    const refused = await daemon.until('it is refused', ({ source }) => source.condition.reason === 'NonFastForward');
    expect(refused.source.condition.message).toContain('git merge -s ours');
    expect(refused.source.acceptedCommit).toBe(accepted);
    expect(await bodyOf(daemon)).toContain('v2');
    // The way out that it names works.
    await repository.git('merge', '-q', '-s', 'ours', '--no-edit', accepted);
    await repository.git('push', '-q', 'origin', 'HEAD:main');
    await daemon.until('the merge is accepted', ({ source }) => source.condition.reason === 'InSync');
  });

  it('holds a mass deletion until the exact set is confirmed', async () => {
    const names = ['a', 'b', 'c'];
    const documents = Object.fromEntries(
      names.flatMap((name) => [
        [`shop/${name}.yaml`, component({ name, wasm: 'wasm/greeting-v1.wasm', ...NOW })],
        [`shop/${name}-route.yaml`, route({ name, prefix: `/${name}` })],
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
      JSON.stringify(status.entries).includes('PruneHeld'),
    );
    for (const name of names) expect((await fetch(`${daemon.url}/${name}`)).status).toBe(200);
    const hash = /prune\.confirm[^0-9a-f]*([0-9a-f]{12,64})/.exec(JSON.stringify(held.entries))?.[1];
    expect(hash).toBeDefined();
    await repository.push('Confirm', { 'environment.yaml': environment({ extra: `  prune: {confirm: "${hash}"}\n` }) });
    await daemon.until('all are gone', (status) => status.entries.every(({ serving }) => !serving));
    expect((await fetch(`${daemon.url}/a`)).status).toBe(404);
  });

  it('deletes nothing for an empty tree or a repository that is gone, and serves from disk after a restart', async () => {
    const { folder, repository, daemon } = await story(shop('greeting-v1', NOW));
    await daemon.entry(KEY, 'v1 is proven', (entry) => entry.proven !== undefined);
    await repository.git('rm', '-rq', '.');
    await repository.push('Nothing at all', {});
    await daemon.until(
      'it was looked at',
      ({ source, commits }) =>
        commits.some(({ subject }) => subject === 'Nothing at all') || source.condition.reason !== 'InSync',
    );
    expect(await bodyOf(daemon)).toContain('v1');
    await rename(repository.bare, path.join(folder, 'gone.git'));
    expect(await daemon.stop()).toBe(0);
    const again = await Daemon.start({ repo: repository.url, data: path.join(folder, 'data') });
    try {
      expect(await bodyOf(again)).toContain('v1');
    } finally {
      await again.stop();
    }
  });

  it('walks a rename and its moved route as one group', async () => {
    const { repository, daemon } = await story(shop());
    await daemon.entry(KEY, 'v1 is proven', (entry) => entry.proven !== undefined);
    const visitors = traffic(daemon);
    await repository.push('Rename', {
      'shop/greeting.yaml': null,
      'shop/welcome.yaml': component({
        name: 'welcome',
        wasm: 'wasm/greeting-v2.wasm',
        rollout: '{policyRef: {name: quick}, replaces: greeting}',
      }),
      'wasm/greeting-v2.wasm': example('greeting-v2'),
      'shop/route.yaml': route({ backend: 'welcome' }),
    });
    const weights = new Set<number>();
    await daemon.entry('shop/welcome', 'it is proven', (entry) => {
      if (entry.candidate) weights.add(entry.candidate.weight);
      return entry.proven !== undefined;
    });
    expect([...weights]).toEqual(expect.arrayContaining([20, 50]));
    await daemon.until(
      'the old one is gone',
      (status) => !status.entries.some((entry) => entry.key === KEY && entry.serving),
    );
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus)).toEqual(['200']);
  });

  it('does not try a failed git state again: not after a restart, not after an unrelated commit', async () => {
    const { folder, repository, daemon } = await story(shop());
    await daemon.entry(KEY, 'v1 is proven', (entry) => entry.proven !== undefined);
    const visitors = traffic(daemon);
    await repository.push('Break it', swapTo('greeting-flaky'));
    const failed = await daemon.entry(KEY, 'it is quarantined', (entry) => entry.quarantined.length > 0);
    await repository.push('Unrelated', { 'README.md': 'hello' });
    const unrelated = await repository.head();
    await daemon.until('the commit is accepted', ({ source }) => source.acceptedCommit === unrelated);
    await visitors.stop();
    await daemon.stop();
    const again = await Daemon.start({ repo: repository.url, data: path.join(folder, 'data') });
    try {
      const after = await again.entry(KEY, 'it serves', (entry) => entry.serving !== undefined);
      expect(after.quarantined.map(({ attempt }) => attempt)).toEqual(failed.quarantined.map(({ attempt }) => attempt));
      expect(after.candidate).toBeUndefined();
      // The edit that its message names lets it go.
      await repository.push('Try again', swapTo('greeting-flaky', { rollout: '{policyRef: {name: quick}, retry: 1}' }));
      await again.entry(KEY, 'it is tried again', (entry) => entry.candidate !== undefined);
    } finally {
      await again.stop();
    }
  });
});
