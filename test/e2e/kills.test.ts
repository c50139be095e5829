/**
 * `kill -9` of control in every state of every strategy, under traffic. The state is read from the journal while control
 * is stopped, so that each kill is where it says; every commit still comes to the end that an undisturbed run reaches.
 */
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EntryMemory } from '../../src/model/memory.ts';
import { JournalWatch } from '../support/journal-watch.ts';
import { component, environment, example, route } from '../support/manifests.ts';
import type { Changes } from '../support/repository.ts';
import { chapters, KEY, story, traffic, type Story } from './story.ts';

/** Commits until a short state was met; a machine that is busy with other things may pass it unseen. */
const MAX_TRIES = 12;
const REPLICAS = 3;
const STEP = 'minDuration: 300ms, deadline: 1m';

const STRATEGIES = {
  Immediate: { text: '{type: Immediate}', steps: 0 },
  BlueGreen: { text: '{type: BlueGreen, blueGreen: {previewDuration: 300ms}}', steps: 1 },
  Rolling: { text: `{type: Rolling, rolling: {${STEP}}}`, steps: REPLICAS - 1 },
  'Rolling with one missing': { text: `{type: Rolling, rolling: {maxUnavailable: 1, ${STEP}}}`, steps: 1 },
  Canary: {
    text: `{type: Canary, canary: {steps: [{headers: [{name: x-team, value: us}], ${STEP}}, {mirror: {percent: 50}, ${STEP}}, {weight: 30, ${STEP}}]}}`,
    steps: 3,
  },
} as const;

/** What is pushed: with another one where only that makes the state last. */
type Push = (wasm: string) => Changes;
type State = readonly [string, (entry: EntryMemory) => boolean, Push];
const inState =
  (...states: readonly string[]) =>
  (entry: EntryMemory) =>
    states.includes(entry.candidate?.state ?? '');
const STATES: readonly State[] = [
  // Another one is prepared at the same time, and goes first: there is one slot.
  ['waits for a slot', inState('Pending'), both],
  ['is prepared', inState('Fetching', 'Verified', 'Prepared'), alone],
  ['warms', inState('Warming'), alone],
];
// The other one of its group is prepared after it: it is ready, and waits.
const READY: State = ['is ready', inState('Ready'), pair];
const BAKES: State = ['bakes', ({ serving }) => serving?.bake?.state === 'Watching', alone];
const atStep = (step: number): State => [
  `is at step ${step}`,
  ({ candidate }) => candidate?.state === 'Canary' && candidate.step === step,
  alone,
];

function policy(strategy: string): string {
  return `apiVersion: headway.dev/v1alpha1
kind: RolloutPolicy
metadata: {name: quick, namespace: shop}
spec:
  strategy: ${strategy}
  gate:
    errors: {tolerable: "0.5%", intolerable: "5%"}
    minSamples: 20
    warmUp: {requests: 5, duration: 500ms}
    synthetic: {requests: 200, httpGet: {path: /}}
  bake: {duration: 500ms, deadline: 10m}
  breaker: {maxRollbacks: 100, window: 1h}
`;
}

/** The same component with other bytes: a custom section says which time it is, so that it is prepared anew. */
function marked(wasm: string, mark: number): Uint8Array {
  const text = Buffer.from(`${mark}`);
  const body = Buffer.concat([Buffer.from([4]), Buffer.from('mark'), text]);
  return Buffer.concat([example(wasm), Buffer.from([0, body.length]), body]);
}

let marks = 0;
function swap(name: string, wasm: string): Changes {
  marks += 1;
  return {
    [`shop/${name}.yaml`]: component({
      name,
      wasm: `wasm/${name}.wasm`,
      attempt: String(marks),
      rollout: name === 'another' ? '{policyRef: {name: quick}}' : '{policyRef: {name: quick}, group: pair}',
      extra: `  scaling: {minReplicas: ${name === 'greeting' ? REPLICAS : 1}}\n`,
    }),
    [`wasm/${name}.wasm`]: marked(wasm, marks),
  };
}

function alone(wasm: string): Changes {
  return swap('greeting', wasm);
}

function both(wasm: string): Changes {
  return { ...swap('another', wasm), ...swap('greeting', wasm) };
}

function pair(wasm: string): Changes {
  return { ...swap('greeting', wasm), ...swap('partner', wasm) };
}

describe.each(Object.entries(STRATEGIES))('%s: control is killed while the candidate', (_, { text, steps }) => {
  const now = chapters({
    'environment.yaml': environment({ extra: '  rollouts: {maxConcurrent: 1}\n' }),
    'shop/policies.yaml': policy(text),
    'shop/route.yaml': route(),
    ...both('greeting-v1'),
    ...swap('partner', 'greeting-v1'),
  });
  let watch: JournalWatch | undefined;
  beforeAll(async () => {
    await atRest(now());
    watch = new JournalWatch(path.join(now().folder, 'data'));
  });
  afterAll(() => watch?.close());

  const stepStates = Array.from({ length: steps }, (__, index) => atStep(index + 1));
  it.each([...STATES, READY, ...stepStates, BAKES])(
    '%s: the commit comes to its end, and no request is lost',
    async (what, holds, changes) => {
      const { repository, daemon } = now();
      const visitors = traffic(daemon, { requestsPerSecond: 300, headers: { 'x-team': 'us' } });
      let killed = false;
      for (let tries = 1; tries <= MAX_TRIES && !killed; tries += 1) {
        await atRest(now());
        const wasm = tries % 2 ? 'greeting-v2' : 'greeting-v1';
        const commit = await repository.push(`${what}, try ${tries}`, changes(wasm));
        const isOurs = ({ shown }: EntryMemory) => shown?.commit === commit;
        killed = await watch!.killControl(daemon, KEY, {
          holds: (entry) => isOurs(entry) && holds(entry),
          isOver: ({ candidate, serving, shown }) =>
            shown?.commit === commit && !candidate && serving?.proven === true && serving.release.commit === commit,
        });
        const after = await daemon.entry(
          KEY,
          `${what}: it is proven after all`,
          ({ proven }, { ready }) => ready && proven?.commit === commit,
        );
        expect(after.quarantined).toEqual([]);
      }
      expect(killed).toBe(true);
      const report = await visitors.stop();
      expect(report.lost).toEqual([]);
      expect(Object.keys(report.byStatus)).toEqual(['200']);
    },
  );
});

describe('what fails: control is killed while', () => {
  const BAD: readonly (readonly [string, string, (entry: EntryMemory) => boolean])[] = [
    ['a bake that went back is judged', STRATEGIES.Immediate.text, ({ judging }) => judging !== undefined],
    ['a rolling share is on its way back', STRATEGIES.Rolling.text, ({ leaving }) => leaving !== undefined],
  ];

  it.each(BAD)('%s: it is quarantined all the same, and never tried again', async (what, text, holds) => {
    const { repository, daemon, folder } = await story({
      'environment.yaml': environment(),
      'shop/policies.yaml': policy(text),
      'shop/route.yaml': route(),
      ...swap('greeting', 'greeting-v1'),
    });
    const before = await daemon.entry(KEY, 'v1 is proven', ({ proven }) => proven !== undefined);
    const watch = new JournalWatch(path.join(folder, 'data'));
    const visitors = traffic(daemon);
    let killed = false;
    for (let tries = 1; tries <= MAX_TRIES && !killed; tries += 1) {
      const commit = await repository.push(`${what}, try ${tries}`, swap('greeting', 'greeting-flaky'));
      const isHeld = ({ ends }: EntryMemory) => ends.some((end) => end.commit === commit);
      killed = await watch.killControl(daemon, KEY, { holds, isOver: (entry) => isHeld(entry) && !entry.leaving });
      const after = await daemon.entry(
        KEY,
        `${what}: it is quarantined`,
        ({ quarantined, candidate }, { ready }) =>
          ready && !candidate && quarantined.some((end) => end.commit === commit),
      );
      expect(after.serving?.release).toBe(before.serving?.release);
      expect(after.decision?.row).toBe(6);
    }
    watch.close();
    expect(killed).toBe(true);
    const report = await visitors.stop();
    expect(report.lost).toEqual([]);
    expect(Object.keys(report.byStatus).filter((status) => status !== '200' && status !== '500')).toEqual([]);
  });
});

function atRest({ daemon }: Story): Promise<unknown> {
  return daemon.until(
    'everything is at rest',
    ({ ready, entries }) =>
      ready &&
      entries.every(
        ({ proven, candidate, serving }) =>
          !candidate && serving !== undefined && (proven !== undefined || serving.weight === 100),
      ),
  );
}
