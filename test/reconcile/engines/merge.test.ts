import { describe, expect, it } from 'vitest';
import type { EngineObserved, ReplicaPhase } from '../../../src/model/engine.ts';
import { mergeViews } from '../../../src/reconcile/engines/merge.ts';
import { homeReason } from '../../../src/reconcile/engines/placement.ts';
import type { EnginesState } from '../../../src/reconcile/engines/state.ts';
import { viewsOf } from '../../../src/reconcile/engines/view.ts';
import { cell, GROUP, observed, replica, samples } from './world.ts';

const STATE: EnginesState = { epoch: 'all', members: ['e1', 'e2'], offsets: [], orphans: [], home: [] };

function merged(
  first: Partial<EngineObserved> | undefined,
  second: Partial<EngineObserved> | undefined,
  state: Partial<EnginesState> = {},
  before: readonly (EngineObserved | undefined)[] = [undefined, undefined],
): EngineObserved {
  const answers = [first, second].map((one, index) => one && observed({ epoch: `e${index + 1}`, ...one }));
  return mergeViews(viewsOf(answers, before)!, { ...STATE, ...state });
}

const phaseOf = (
  first: readonly [ReplicaPhase, object?] | undefined,
  second: readonly [ReplicaPhase, object?] | undefined,
): ReplicaPhase | undefined => {
  const replicas = (given: readonly [ReplicaPhase, object?] | undefined) => ({
    replicas: given ? [replica('r#1', ...given)] : [],
  });
  return merged(replicas(first), replicas(second)).replicas[0]?.phase;
};

describe('two engines seen as one', () => {
  it.each<
    [string, readonly [ReplicaPhase, object?] | undefined, readonly [ReplicaPhase, object?] | undefined, ReplicaPhase]
  >([
    ['ready where it is ready on both', ['Ready'], ['Ready'], 'Ready'],
    ['as far as the slower', ['Ready'], ['Warming'], 'Warming'],
    ['as far as the slower', ['Starting'], ['Ready'], 'Starting'],
    ['on its way where one does not know it', ['Ready'], undefined, 'Starting'],
    ['on its way where the first does not know it', undefined, ['Ready'], 'Starting'],
    ['unhealthy on one', ['Ready'], ['Unhealthy'], 'Unhealthy'],
    ['dead on one is dead', ['Ready'], ['Ended', { end: 'Crashed' }], 'Ended'],
    ['stopped on one is not yet gone', ['Ready'], ['Ended', { end: 'Stopped' }], 'Ready'],
    ['stopped on one, draining on the other', ['Draining'], ['Ended', { end: 'Stopped' }], 'Draining'],
    ['stopped on both', ['Ended', { end: 'Stopped' }], ['Ended', { end: 'Stopped' }], 'Ended'],
    ['awake on one', ['Ready'], ['Parked'], 'Ready'],
    ['parked on both', ['Parked'], ['Parked'], 'Parked'],
  ])('a replica is %s', (_, first, second, phase) => {
    expect(phaseOf(first, second)).toBe(phase);
  });

  it('counts are added up, runs of failures are not, and load is the mean', () => {
    const load = (inFlight: number, idleMs: number) => [{ group: GROUP, inFlight, idleMs }];
    const seen = merged(
      { samples: [samples('one', 10, { consecutiveFailures: 2, inFlight: 1 })], loads: load(3, 0) },
      { samples: [samples('one', 5, { consecutiveFailures: 3, inFlight: 2 }), samples('two', 1)], loads: load(1, 900) },
    );
    expect(seen.samples).toMatchObject([
      { release: 'one', traffic: { requests: 15, latency: [15, 0] }, consecutiveFailures: 3, inFlight: 3 },
      { release: 'two', traffic: { requests: 1 } },
    ]);
    expect(seen.loads).toEqual([{ group: GROUP, inFlight: 2, idleMs: 0 }]);
    expect(seen.engines?.map(({ name, requests }) => [name, requests])).toEqual([
      ['1', 10],
      ['2', 6],
    ]);
  });

  it('the generation is the least of those that serve; one that has none yet is left out', () => {
    expect(merged({ generation: 7 }, { generation: 6 }).generation).toBe(6);
    expect(merged({ generation: 0 }, { generation: 0 }).generation).toBe(0);
    const back = merged({ generation: 7, replicas: [replica('r#1', 'Ready')] }, { generation: 0 });
    expect([back.generation, back.replicas[0]?.phase]).toEqual([7, 'Ready']);
    expect(back.engines?.map(({ state }) => state)).toEqual(['Serving', 'CatchingUp']);
  });

  it('one that is away keeps its counts and its generation, and none of its replicas', () => {
    const last = observed({ epoch: 'e2', generation: 5, samples: [samples('one', 4, { inFlight: 2 })] });
    const seen = merged(
      { generation: 6, samples: [samples('one', 3)], replicas: [replica('r#1', 'Ready')] },
      undefined,
      {},
      [undefined, last],
    );
    expect([seen.generation, seen.replicas[0]?.phase]).toEqual([5, 'Ready']);
    expect(seen.samples).toMatchObject([{ traffic: { requests: 7 }, inFlight: 0 }]);
  });

  it('nothing is said of engines of which one was never seen', () => {
    expect(viewsOf([observed(), undefined], [undefined, undefined])).toBeUndefined();
  });

  it('what lives on the first engine is looked for there alone', () => {
    const seen = merged(
      { replicas: [replica('r#1', 'Ready')], loads: [{ group: GROUP, inFlight: 2, idleMs: 0 }] },
      { loads: [{ group: GROUP, inFlight: 0, idleMs: 5 }] },
      { home: [GROUP] },
    );
    expect([seen.replicas[0]?.phase, seen.loads]).toEqual(['Ready', [{ group: GROUP, inFlight: 2, idleMs: 0 }]]);
  });
});

describe('what lives on the first engine', () => {
  const withGrant = (capability: string, settings: object) => {
    const [{ member }] = cell().members as unknown as [{ member: object }];
    const grants = [{ name: 'g', capability, settings, enforcement: 'Enforce' }];
    return homeReason({ members: [{ member: { ...member, capabilities: grants } }] as never });
  };

  it.each<[string, object, string | undefined]>([
    ['keyValue', { store: 'carts', access: 'ReadOnly' }, 'it uses the store carts'],
    ['filesystem', { mountPath: '/data', volume: 'data', access: 'ReadWrite' }, 'it uses the volume data'],
    ['filesystem', { mountPath: '/site', path: 'site', access: 'ReadOnly' }, undefined],
    ['sockets', { listen: ['127.0.0.1:9000'] }, 'it listens on a port'],
    ['sockets', { hosts: ['db.example'] }, undefined],
    ['outboundHttp', { hosts: ['api.example', 'headway.example'] }, undefined],
    ['outboundHttp', { hosts: ['api.example', '*.shop.headway'] }, 'it asks other entries over HTTP'],
  ])('a grant of %s %j', (capability, settings, why) => {
    expect(withGrant(capability, settings)).toBe(why);
  });

  it('a Singleton, and whoever calls another entry', () => {
    expect(homeReason(cell(GROUP, 'Singleton'))).toBe('it is a Singleton');
    expect(homeReason(cell())).toBeUndefined();
    const links = [{ import: 'a:b/c', component: 'shop/tax', mode: 'Remote' }];
    expect(homeReason({ members: [{ member: { capabilities: [], links } }] as never })).toBe(
      'it calls shop/tax by a remote link',
    );
  });
});
