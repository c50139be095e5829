import { describe, expect, it } from 'vitest';
import { walkOf } from '../../src/check/plan/walk.ts';
import type { Strategy } from '../../src/model/rollout.ts';
import { entry, MINUTE_MS } from '../decide/support/desired.ts';

describe('the stages that plan shows', () => {
  const approval = { name: 'boss', deadlineMs: MINUTE_MS };
  it.each<readonly [string, Strategy, readonly (readonly [string, number, number | undefined, string | undefined])[]]>([
    ['Immediate', { type: 'Immediate' }, []],
    [
      'BlueGreen',
      { type: 'BlueGreen', previewDurationMs: 5_000, deadlineMs: MINUTE_MS, approval },
      [['Preview', 0, undefined, 'boss']],
    ],
    [
      'Rolling',
      { type: 'Rolling', maxSurge: 1, minDurationMs: 1_000, deadlineMs: MINUTE_MS },
      [
        ['Step', 33, 1, undefined],
        ['Step', 67, 2, undefined],
      ],
    ],
  ])('of %s', (_, strategy, expected) => {
    const wanted = entry('x', { settings: { strategy }, more: { scaling: { minReplicas: 3, maxReplicas: 3 } } });
    const { steps } = walkOf(wanted, 'Replace');
    expect([steps[0]!.stage, steps.at(-1)!.stage]).toEqual(['Readiness', 'Bake']);
    const between = steps.slice(1, -1).map((step) => [step.stage, step.weight, step.replicas, step.approval]);
    expect(between).toEqual(expected);
    // What serves nobody yet, and what only gets other triggers, takes no steps.
    for (const change of ['Add', 'Retrigger'] as const) expect(walkOf(wanted, change).leastMsToServing).toBe(0);
  });

  it('say what a step gives besides its weight', () => {
    const waits = { minDurationMs: 1_000, deadlineMs: MINUTE_MS };
    const headers = [{ name: 'x-team', type: 'Exact' as const, value: 'us' }];
    const steps = [
      { ...waits, weight: 0, headers },
      { ...waits, weight: 10, mirror: 30 },
    ];
    const planned = walkOf(entry('x', { settings: { strategy: { type: 'Canary', steps } } }), 'Replace');
    expect(planned.steps.slice(1, -1)).toMatchObject([
      { weight: 0, headers: ['x-team: us'] },
      { weight: 10, mirror: 30 },
    ]);
  });

  it('of data in another form: a pause and no steps; of the same form: the steps', () => {
    const grant = {
      name: 'g',
      capability: 'keyValue',
      settings: { store: 'carts', access: 'ReadWrite' },
      enforcement: 'Enforce',
    } as const;
    const of = (version: string) =>
      entry('x', { member: { capabilities: [grant], state: { version, migrateTimeoutMs: 1_000 } } });
    const { steps, migration } = walkOf(of('2'), 'Replace', of('1'));
    expect(steps.map(({ stage }) => stage)).toEqual(['Handover', 'Bake']);
    expect(migration).toEqual({ from: '1', to: '2', stores: ['carts'], timeoutMs: 1_000 });
    // As a singleton's, with the time to copy (5 min) and to migrate.
    expect(steps[0]!.deadlineMs).toBe(45_000 + 300_000 + 1_000);
    expect(walkOf(of('2'), 'Replace', of('2')).steps.map(({ stage }) => stage)).toContain('Step');
    expect(walkOf(of('1'), 'Add')).toMatchObject({ migration: { to: '1' }, steps: [{ stage: 'Readiness' }, {}] });
  });

  it('of a singleton, and of what becomes one or was one', () => {
    const one = entry('x', { member: { instancePolicy: 'Singleton' } });
    const pooled = entry('x');
    for (const [before, after] of [
      [one, one],
      [pooled, one],
      [one, pooled],
    ] as const) {
      const { steps } = walkOf(after, 'Replace', before);
      expect(steps.map(({ stage }) => stage)).toEqual(['Handover', 'Bake']);
      // The old one drains (30 s), the new one has its time to start (5 s) and to get ready (10 s).
      expect(steps[0]!.deadlineMs).toBe(45_000);
    }
    expect(walkOf(one, 'Add').steps.map(({ stage }) => stage)).toEqual(['Readiness', 'Bake']);
  });
});
