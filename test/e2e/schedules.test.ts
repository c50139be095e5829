/**
 * Schedules with the real program, whose clock is put forward from minute to minute: one daemon runs all of these at once,
 * and each test looks at its own entries.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EntryStatus, ScheduleStatus } from '../../src/model/status.ts';
import { component, environment, example, immediatePolicy } from '../support/manifests.ts';
import { headway } from '../support/headway.ts';
import type { Changes } from '../support/repository.ts';
import { Minutes } from './minutes.ts';
import { chapters, toldOf } from './story.ts';

const PATIENCE_MS = 240_000;
const MINUTE_MS = 60_000;
/** How long each lasts here: what goes on beyond its minute goes on longer than that. */
const LENGTH_MS = 4_000;
const BEYOND_MS = 5_500;

function reporter(name: string, wasm: string, attempt = 'first'): string {
  return component({ name, wasm: `wasm/${wasm}.wasm`, attempt, rollout: '{policyRef: {name: now}}' }).replace(
    / {2}probes:\n.*\n/,
    '',
  );
}

function schedule(name: string, backend: string, spec: string, args: readonly string[]): string {
  return `apiVersion: headway.dev/v1alpha1
kind: Schedule
metadata: {name: ${name}, namespace: shop}
spec:
  schedule: "* * * * *"
  timeZone: Europe/Berlin
${spec}  backendRef: {name: ${backend}, args: [${args.map((text) => JSON.stringify(text)).join(', ')}]}
`;
}

const single = (name: string, spec: string, args: readonly string[]): Changes => ({
  [`shop/${name}.yaml`]: `${reporter(name, 'report-v1')}---\n${schedule(name, name, spec, args)}`,
});

/** Three schedules of one entry: three firings a minute are a bake. */
const nightly = (wasm: string): Changes => ({
  'shop/nightly.yaml': [
    reporter('nightly', wasm, wasm),
    ...['one', 'two', 'three'].map((name) => schedule(`nightly-${name}`, 'nightly', '', ['wait=3000'])),
  ].join('---\n'),
  [`wasm/${wasm}.wasm`]: example(wasm),
});

let minutes: Minutes;
const FIRST: Changes = {
  'environment.yaml': environment(),
  'shop/policies.yaml': immediatePolicy(),
  ...single('tick', '', ['say=the clock says so']),
  ...single('forbid', '  concurrencyPolicy: Forbid\n', [`wait=${BEYOND_MS}`]),
  ...single('allow', '  concurrencyPolicy: Allow\n', [`wait=${BEYOND_MS}`]),
  ...single('replace', '  concurrencyPolicy: Replace\n', ['wait=90000']),
  ...single('late', '  deadline: 2s\n', ['wait=90000']),
  ...single('spin', '  deadline: 1s\n', ['spin']),
  'shop/tidy.yaml': `${reporter('tidy', 'report-v1')}---
apiVersion: headway.dev/v1alpha1
kind: Schedule
metadata: {name: tidy, namespace: shop}
spec:
  schedule: "*/1 * * * *"
  backendRef: {name: tidy, export: {interface: "headway:examples/jobs", function: tidy}}
`,
  ...nightly('report-v1'),
};

const story = chapters(FIRST, (folder) => (minutes = new Minutes(folder, LENGTH_MS)).options);

beforeAll(() => minutes.go(story().daemon));
afterAll(() => minutes?.stop());

const scheduleOf = ({ schedules = [] }: EntryStatus, name: string): ScheduleStatus | undefined =>
  schedules.find(({ schedule: key }) => key === `shop/${name}`);

/** Waits until a schedule says so. */
async function when(
  name: string,
  what: string,
  holds: (schedule: ScheduleStatus) => boolean,
  entry = name,
): Promise<ScheduleStatus> {
  const status = await story().daemon.entry(
    `shop/${entry}`,
    what,
    (seen) => {
      const found = scheduleOf(seen, name);
      return found !== undefined && holds(found);
    },
    PATIENCE_MS,
  );
  return scheduleOf(status, name)!;
}

/** How often the engine began each firing of a schedule. */
function startsOf(name: string): ReadonlyMap<string, number> {
  const starts = new Map<string, number>();
  for (const [, id] of story().daemon.output.matchAll(/"firing":"(shop\/[^"]+)"[^\n]*"a firing has started"/g)) {
    if (id!.startsWith(`shop/${name}@`)) starts.set(id!, (starts.get(id!) ?? 0) + 1);
  }
  return starts;
}

describe('each minute', { timeout: 420_000 }, () => {
  it.concurrent('a command fires at its time, once, and its output is in the log', async () => {
    const { ended, counts, next } = await when(
      'tick',
      'two firings, and none in between',
      ({ counts: seen, running, due }) => (seen.Succeeded ?? 0) >= 2 && running.length === 0 && due === undefined,
    );
    expect(counts.Failed).toBeUndefined();
    for (const { nominal, started, outcome, exitCode } of ended) {
      expect([outcome, exitCode, Date.parse(nominal) % MINUTE_MS]).toEqual(['Succeeded', 0, 0]);
      expect(Date.parse(started!) - Date.parse(nominal)).toBeGreaterThanOrEqual(0);
    }
    expect(Date.parse(next!) - Date.parse(ended[0]!.nominal)).toBe(MINUTE_MS);
    const starts = [...startsOf('tick').values()];
    expect(starts.length).toBeGreaterThanOrEqual(2);
    expect(new Set(starts)).toEqual(new Set([1]));
    expect(story().daemon.output).toContain('the clock says so');
    expect(story().daemon.output).toContain('tick v1, run 1');
    expect(story().daemon.output).not.toContain('tick v1, run 2');
    const metrics = await (await fetch(`${story().daemon.statusUrl}/metrics`)).text();
    expect(metrics).toMatch(/headway_schedule_firings_total\{schedule="shop\/tick",outcome="Succeeded"\} [2-9]/);
    expect(metrics).toContain('headway_schedule_next_timestamp_seconds{schedule="shop/tick"}');
    const status = await headway(['status', '--status', story().daemon.statusAddress]);
    expect(status.out).toMatch(/shop\/tick +\* \* \* \* \* Europe\/Berlin +\S+ +\S+ Succeeded +Succeeded [2-9]/);
    const explained = await headway(['explain', 'shop/tick', '--status', story().daemon.statusAddress]);
    expect(explained.out).toMatch(/\d\dZ Succeeded after \S+ on release [0-9a-f]{12}: it ended well/);
  });

  it.concurrent('a plain function is called as well', async () => {
    const { ended } = await when('tidy', 'it fired', ({ counts }) => (counts.Succeeded ?? 0) >= 1);
    expect(ended[0]).toMatchObject({ outcome: 'Succeeded', why: 'it ended well' });
    expect(story().daemon.output).toContain('tidied, run 1');
  });

  it.concurrent('Forbid skips while the one before runs, and says so', async () => {
    const { ended } = await when('forbid', 'one is skipped', ({ counts }) => (counts.Skipped ?? 0) >= 1);
    const skipped = ended.find(({ outcome }) => outcome === 'Skipped')!;
    expect([skipped.code, skipped.started]).toEqual(['HW4608', undefined]);
    const { timeline } = (await story().daemon.status())!;
    const told = timeline.filter(({ entry, reason }) => entry === 'shop/forbid' && reason === 'FiringMissed');
    expect(told[0]!.message).toContain('HW4608');
    await when('forbid', 'the one before ends well', ({ counts }) => (counts.Succeeded ?? 0) >= 1);
  });

  it.concurrent('Allow runs both', async () => {
    const { running } = await when('allow', 'two run at once', ({ running: now }) => now.length === 2);
    expect(Date.parse(running[1]!.nominal) - Date.parse(running[0]!.nominal)).toBe(MINUTE_MS);
  });

  it.concurrent('Replace ends the one before, then starts', async () => {
    const { ended } = await when('replace', 'one is replaced', ({ counts }) => (counts.Stopped ?? 0) >= 1);
    const stopped = ended.find(({ outcome }) => outcome === 'Stopped')!;
    expect([stopped.code, stopped.why]).toEqual(['HW4605', expect.stringContaining('replaced by the firing of')]);
    const { running } = await when('replace', 'the next one runs', ({ running: now }) => now.length === 1);
    expect(Date.parse(running[0]!.nominal)).toBeGreaterThan(Date.parse(stopped.nominal));
  });

  it.concurrent.each(['late', 'spin'])('a deadline ends one that goes on: %s', async (name) => {
    const { ended } = await when(name, 'its deadline ends it', ({ counts }) => (counts.DeadlineExceeded ?? 0) >= 1);
    const first = ended.find(({ outcome }) => outcome === 'DeadlineExceeded')!;
    expect([first.code, first.outcome]).toEqual(['HW4603', 'DeadlineExceeded']);
    const { timeline } = (await story().daemon.status())!;
    expect(timeline.some(({ entry, reason }) => entry === `shop/${name}` && reason === 'FiringFailed')).toBe(true);
    // The next one has a cell all the same.
    await when(name, 'it is tried again at the next minute', ({ counts }) => (counts.DeadlineExceeded ?? 0) >= 2);
  });

  it.concurrent('a release is proven by three firings; one in flight ends on its own; a bad one goes back', async () => {
    const { repository, daemon } = story();
    const key = 'shop/nightly';
    const first = await daemon.entry(key, 'v1 is proven', ({ proven }) => proven !== undefined, PATIENCE_MS);

    // In the middle of three firings: they end on v1, which waits for them, and the next ones are v2's.
    const inFlight = await daemon.entry(
      key,
      'three run',
      ({ schedules = [] }) => {
        const of = schedules.map(({ running }) => running.map(({ nominal }) => nominal).join());
        return schedules.every(({ running }) => running.length === 1) && new Set(of).size === 1;
      },
      PATIENCE_MS,
    );
    const old = inFlight.schedules!.map(({ running }) => running[0]!);
    expect(new Set(old.map(({ release }) => release))).toEqual(new Set([first.proven!.release]));
    const good = await repository.push('Report better', nightly('report-v2'));
    const control = daemon.one('control');
    await daemon.entry(key, 'v2 has the firings', ({ serving }) => serving?.commit === good, PATIENCE_MS);
    process.kill(control, 'SIGKILL');
    const second = await daemon.entry(key, 'v2 is proven', ({ proven }) => proven?.commit === good, PATIENCE_MS);
    for (const { schedule: name, ended, counts } of second.schedules!) {
      const mine = ended.find(({ nominal }) => nominal === old[0]!.nominal)!;
      expect([name, mine.outcome, mine.release]).toEqual([name, 'Succeeded', first.proven!.release]);
      expect(counts.Unknown).toBeUndefined();
    }

    const bad = await repository.push('Report worse', nightly('report-broken'));
    const after = await daemon.entry(
      key,
      'it is rolled back',
      ({ quarantined }) => quarantined.some(({ commit }) => commit === bad),
      PATIENCE_MS,
    );
    expect(after.serving!.release).toBe(second.proven!.release);
    const [held] = after.quarantined;
    expect(held!.evidence[0]).toMatchObject({ metric: 'failed firings', threshold: '< 2 before 3 good ones' });
    const { timeline } = (await daemon.status())!;
    expect(toldOf(timeline, bad, key).map(({ reason }) => reason)).toEqual(
      expect.arrayContaining(['Baking', 'RolledBack', 'Quarantined']),
    );
    const since = minutes.nowMs();
    await daemon.entry(
      key,
      'v2 fires again',
      ({ schedules = [] }) =>
        schedules.every(({ ended }) => Date.parse(ended[0]!.nominal) > since && ended[0]!.outcome === 'Succeeded'),
      PATIENCE_MS,
    );
    for (const name of ['one', 'two', 'three']) {
      expect(new Set(startsOf(`nightly-${name}`).values())).toEqual(new Set([1]));
    }
  });
});

describe('who is killed', { timeout: 420_000 }, () => {
  it('control, just before a firing: it fires once; the engine, with one in flight: it is not run again', async () => {
    const { daemon } = story();
    await minutes.stop();
    process.kill(daemon.one('control'), 'SIGKILL');
    const nominal = minutes.toNext();
    const { ended } = await when('tick', 'it fired all the same', (seen) => seen.ended[0]?.nominal === nominal);
    expect(ended[0]!.outcome).toBe('Succeeded');
    expect(startsOf('tick').get(`shop/tick@${nominal}`)).toBe(1);

    // The minute stands still until it is known: the next one would replace what is in flight.
    const isOwn = ({ running: [one, ...others] }: ScheduleStatus) => one?.nominal === nominal && others.length === 0;
    await when('replace', 'one is in flight', isOwn);
    await daemon.becomes('it has started', () => startsOf('replace').has(`shop/replace@${nominal}`));
    process.kill(daemon.one('engine'), 'SIGKILL');
    const after = await when('replace', 'nobody knows how it ended', ({ counts }) => (counts.Unknown ?? 0) === 1);
    const lost = after.ended.find(({ outcome }) => outcome === 'Unknown')!;
    expect([lost.nominal, lost.code]).toEqual([nominal, 'HW4606']);
    minutes.go(daemon);
    await when('replace', 'the next one runs', ({ running }) => running.some((one) => one.nominal > lost.nominal));
    expect(startsOf('replace').get(`shop/replace@${lost.nominal}`)).toBe(1);
  });
});
