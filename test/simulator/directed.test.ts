/**
 * What random histories seldom meet: each thing that may happen, in each state of a candidate, on purpose. The edge that it
 * is to take is written down, and all promises hold on the way and afterwards as in any history.
 */
import { describe, expect, it } from 'vitest';
import type { Edit, SimEvent, Step } from './events.ts';
import { play } from './simulation.ts';
import type { Service } from './tree.ts';

const commit = (...edits: readonly Edit[]): SimEvent => ({ type: 'Commit', edits });
const set = (change: Partial<Service>): SimEvent => commit({ type: 'Set', name: 'a', change });

const EVENTS = {
  'a newer commit': set({ content: 'good-3' }),
  'a revert': commit({ type: 'Revert' }),
  'a deletion': commit({ type: 'Delete', name: 'a' }),
  'another try': set({ retry: 1 }),
  'a freeze': commit({ type: 'Environment', change: { frozen: true } }),
  'another engine': { type: 'RestartEngine' },
  'a crash of control': { type: 'CrashControl', afterCalls: 0, effectDone: false, downMs: 1_500 },
  'a crash of control between an effect and its record': {
    type: 'CrashControl',
    afterCalls: 1,
    effectDone: true,
    downMs: 1_500,
  },
  'a crash of a cell': { type: 'KillReplica', pick: 0.9 },
  'an outage of all cells': { type: 'Outage', forMs: 4_000 },
} as const satisfies Readonly<Record<string, SimEvent>>;

/** What each event that takes an edge of its own makes of a state that waits long enough for a commit to be seen. */
const ENDS: Partial<Record<keyof typeof EVENTS, string>> = {
  'a newer commit': 'preempted',
  'a revert': 'reverted',
  'a deletion': 'removed',
  'another try': 'edited',
  'a freeze': 'taken back',
};
const IN_STEPS = { ...ENDS, 'another engine': 'back to Warming' };

interface State {
  readonly name: string;
  /** What serves before, and what is tried: the way into the state. */
  readonly from?: Partial<Service>;
  readonly to: Partial<Service>;
  readonly edges: Partial<Record<keyof typeof EVENTS, string>>;
}

const STATES: readonly State[] = [
  { name: 'Warming', to: { content: 'never-2' }, edges: ENDS },
  // Over before git is looked at again.
  { name: 'Handover', from: { singleton: true }, to: {}, edges: { 'another engine': 'back to Prepared' } },
  { name: 'Copying', from: { data: '1' }, to: { data: '2' }, edges: { 'another engine': 'back to Prepared' } },
  { name: 'Preview', to: { strategy: 'BlueGreen', approval: true }, edges: IN_STEPS },
  { name: 'Rolling', to: { strategy: 'Rolling', replicas: 4 }, edges: IN_STEPS },
  { name: 'Canary(header)', to: { opening: 'Header' }, edges: IN_STEPS },
  { name: 'Canary(mirror)', to: { opening: 'Mirror' }, edges: { 'another engine': 'back to Warming' } },
  { name: 'Canary(header+mirror+weight)', to: { opening: 'Both' }, edges: IN_STEPS },
  { name: 'Canary(weight)', to: {}, edges: IN_STEPS },
  // A bake is preempted by whatever comes, and a freeze lets it end.
  {
    name: 'Promoted',
    to: { strategy: 'Immediate' },
    edges: {
      'a newer commit': 'preempted',
      'a revert': 'preempted',
      'a deletion': 'removed',
      'another try': 'edited',
    },
  },
];

/** Others, so that a deletion is of a few and not of all. */
const OTHERS = ['b', 'c', 'd'].map((name): Edit => ({ type: 'Set', name, change: {} }));

describe.each(STATES)('in $name', ({ name: state, from, to, edges }) => {
  it.each(Object.entries(EVENTS))('%s', async (what, event) => {
    const first: Edit = { type: 'Set', name: 'a', change: { content: 'good-1', replicas: 2, ...from } };
    const steps: readonly Step[] = [
      { afterMs: 0, event: commit(first, ...OTHERS) },
      { when: { name: 'a', state: 'Proven' }, afterMs: 500, event: set({ content: 'good-2', ...to }) },
      { when: { name: 'a', state }, afterMs: 0, event },
    ];
    const { broken, coverage } = await play({ seed: 7, steps });
    expect(broken?.message).toBeUndefined();
    const edge = edges[what as keyof typeof EVENTS];
    if (edge !== undefined) expect([...coverage.edges.keys()]).toContain(`${state} ${edge}`);
  });
});
