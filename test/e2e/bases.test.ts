/** The real program over a base beside the folder that it follows. */
import { describe, expect, it } from 'vitest';
import { component, environment, example, immediatePolicy, route } from '../support/manifests.ts';
import { chapters, KEY, provenAfter } from './story.ts';

const settings = (more = '') => ({
  'environments/production/environment.yaml': environment({
    name: 'production',
    extra: `  bases: [../../base]
  variables: [{name: attempt, value: first}]
  patches: [{target: {kind: Component, namespace: shop, name: greeting}, patch: {spec: {rollout: {policyRef: {name: now}}${more}}}}]
`,
  }),
});
const AT = 'base/shop/greeting.yaml';
const greeting = component({ wasm: 'wasm/greeting.wasm', attempt: '${attempt}' });

describe('an Environment with a base', () => {
  const now = chapters(
    {
      ...settings(),
      [AT]: greeting,
      'base/shop/policies.yaml': immediatePolicy(),
      'base/shop/route.yaml': route(),
      'base/wasm/greeting.wasm': example('greeting-v1'),
    },
    { path: 'environments/production' },
  );

  it('serves what is in the base, and what the base gets', async () => {
    const { repository, daemon } = now();
    const first = await provenAfter(daemon, undefined);
    expect((await daemon.ask('/', 'any')).body).toContain('v1');
    await repository.push('Another build', { 'base/wasm/greeting.wasm': example('greeting-v2') });
    await provenAfter(daemon, first);
    expect((await daemon.ask('/', 'any')).body).toContain('v2');
  });

  it('that breaks takes nothing away: the commit is refused, and the next whole one is taken', async () => {
    const { repository, daemon } = now();
    const before = await daemon.entry(KEY, 'it serves', ({ serving }) => serving !== undefined);
    await repository.push('Broken', { 'environments/production/environment.yaml': 'kind: [' });
    const refused = await daemon.until('it is refused', (status) =>
      JSON.stringify(status.source).includes('nobody knows which bases hold'),
    );
    expect(refused.entries.map(({ key }) => key)).toEqual([KEY]);
    expect((await daemon.ask('/', 'any')).body).toContain('v2');
    await repository.push('Whole, and patched', settings(', limits: {memory: 96Mi}'));
    const after = await provenAfter(daemon, before);
    expect(after.serving?.release).not.toBe(before.serving?.release);
  });
});
