import { describe, expect, it } from 'vitest';
import { mergeStatus, type RootView } from '../../../src/reconcile/roots/status.ts';
import { condition, recordedStatus } from '../../report/recorded.ts';
import { ruleAt } from './world.ts';

const NOTHING = { generation: 9, conflicts: [], waitingFor: [] };

function view(name: string, more: Partial<RootView['status']> = {}): RootView {
  return { name, namespaces: [name], status: { ...recordedStatus(), environment: name, ...more } };
}

function source(
  reason: 'InSync' | 'SourceUnavailable',
  acceptedCommit: string | undefined,
): RootView['status']['source'] {
  const { acceptedCommit: _, ...rest } = recordedStatus().source;
  const is = condition('Synced', reason === 'InSync' ? 'True' : 'False', reason, reason);
  return { ...rest, condition: is, ...(acceptedCommit === undefined ? {} : { acceptedCommit }) };
}

describe('the status of several roots', () => {
  it('says of everything whose it is, and of the engine what it has', () => {
    const status = mergeStatus([view('shop'), view('blog')], NOTHING);
    const one = recordedStatus();
    expect(status.entries).toHaveLength(2 * one.entries.length);
    for (const list of [status.entries, status.commits, status.timeline])
      expect(new Set(list.map(({ root }) => root))).toEqual(new Set(['shop', 'blog']));
    expect(status.roots?.map(({ name, environment }) => [name, environment])).toEqual([
      ['shop', 'shop'],
      ['blog', 'blog'],
    ]);
    expect([status.environment, status.engine.generation, status.engine.waitingFor]).toEqual([
      'shop, blog',
      9,
      undefined,
    ]);
    const times = status.timeline.map(({ at }) => Date.parse(at));
    expect(times).toEqual([...times].sort((a, b) => b - a));
  });

  it('is ready when all that have something are; one that never accepted anything keeps nobody out', () => {
    const good = view('shop', { ready: true, source: source('InSync', 'a') });
    const never = view('blog', { ready: false, source: source('SourceUnavailable', undefined) });
    const late = view('blog', { ready: false, source: source('InSync', 'b') });
    expect(mergeStatus([good, never], NOTHING).ready).toBe(true);
    expect(mergeStatus([good, late], NOTHING).ready).toBe(false);
    expect(mergeStatus([never], NOTHING).ready).toBe(false);
  });

  it('shows the source that is not in order first', () => {
    const good = view('shop', { source: source('InSync', 'a') });
    const broken = view('blog', { source: source('SourceUnavailable', 'b') });
    expect(mergeStatus([good, broken], NOTHING).source).toBe(broken.status.source);
    expect(mergeStatus([good, view('blog', { source: source('InSync', 'b') })], NOTHING).source).toBe(
      good.status.source,
    );
  });

  it('tells which rule is left out for which, and who is waited for', () => {
    const [rule, other] = [ruleAt('a.example/x', 'blog/site'), ruleAt('a.example/', 'shop/front')];
    const share = { generation: 0, conflicts: [{ root: 'blog', rule, heldBy: 'shop', other }], waitingFor: ['shop'] };
    const status = mergeStatus([view('shop'), view('blog')], share);
    expect(status.engine.waitingFor).toEqual(['shop']);
    expect(status.diagnostics.at(-1)).toMatchObject({
      code: 'HW5061',
      severity: 'error',
      root: 'blog',
      message:
        'a rule of the Route blog/site-route (a.example PathPrefix /x) is left out: these requests belong to the Route shop/front-route of the root shop',
    });
  });
});
