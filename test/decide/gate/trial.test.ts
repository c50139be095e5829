import { describe, expect, it } from 'vitest';
import { hardStop, type HardStopInputs } from '../../../src/decide/gate/hard-stops.ts';
import { syntheticNeed } from '../../../src/decide/gate/synthetic.ts';
import { EMPTY_TALLY, FRESH_TRIAL, isOutage, NOTHING_SEEN, tallySince } from '../../../src/decide/gate/tally.ts';
import { absorbSamples, judge, missingSamples, nextStep } from '../../../src/decide/gate/trial.ts';
import { quantile } from '../../../src/decide/gate/latency.ts';
import { LATENCY_BUCKETS_US } from '../../../src/model/engine.ts';
import type { Trial } from '../../../src/model/memory.ts';
import { entry, GATE } from '../support/desired.ts';

const WARM: Trial = { ...FRESH_TRIAL, warmUp: { requests: 0, done: true } };

/** A trial after so many requests of which so many failed, seen in looks of ten. */
function after(requests: number, failures = 0, from: Trial = WARM): Trial {
  let trial = from;
  for (let seen = 0; seen < requests; seen += 10) {
    const count = Math.min(10, requests - seen);
    const failed = Math.max(0, Math.min(count, failures - seen));
    const candidate = { ...EMPTY_TALLY, requests: count, failures: failed };
    trial = absorbSamples(trial, GATE, { candidate, control: EMPTY_TALLY, clockMs: seen, elapsedMs: 100, open: true });
  }
  return trial;
}

describe('a step of the gate', () => {
  it.each<readonly [string, Trial, boolean, string]>([
    ['no samples', WARM, true, 'Continue'],
    ['302 good ones: one short of the test', after(302), true, 'Continue'],
    ['303 good ones', after(303), true, 'Pass'],
    ['303 good ones before the step is over', after(303), false, 'Continue'],
    ['the next step, one short of its minimum', after(GATE.minSamples - 1, 0, nextStep(after(303))), true, 'Continue'],
    ['the next step at its minimum', after(GATE.minSamples, 0, nextStep(after(303))), true, 'Pass'],
    ['three failures and nothing else', after(3, 3), true, 'Continue'],
    ['four failures', after(4, 4), true, 'Fail'],
    ['a late fault', after(10, 10, after(5_000)), false, 'Fail'],
  ])('%s', (_, trial, over, verdict) => {
    expect(judge(trial, GATE, 3, over).verdict).toBe(verdict);
  });

  it('says how many samples would pass it, and that many do', () => {
    const trial = after(150, 1);
    expect(judge(after(missingSamples(trial, GATE), 0, trial), GATE, 3, true).verdict).toBe('Pass');
    expect(judge(after(missingSamples(trial, GATE) - 1, 0, trial), GATE, 3, true).verdict).toBe('Continue');
  });

  it.each([
    ['requests', 20, 100, true],
    ['one request and one moment too few', 19, 999, false],
    ['time', 1, 1_000, true],
  ])('throws the warm-up away: %s', (_, requests, clockMs, done) => {
    const candidate = { ...EMPTY_TALLY, requests, failures: requests };
    const start = absorbSamples(FRESH_TRIAL, GATE, {
      candidate: EMPTY_TALLY,
      control: EMPTY_TALLY,
      clockMs: 0,
      elapsedMs: 0,
      open: true,
    });
    const trial = absorbSamples(start, GATE, { candidate, control: EMPTY_TALLY, clockMs, elapsedMs: 100, open: true });
    expect([trial.warmUp.done, trial.whole.candidate.requests]).toEqual([done, 0]);
  });

  it('does not warm up before the arm is open', () => {
    const shut = absorbSamples(FRESH_TRIAL, GATE, {
      candidate: EMPTY_TALLY,
      control: EMPTY_TALLY,
      clockMs: 60_000,
      elapsedMs: 0,
      open: false,
    });
    expect(shut.warmUp).toEqual({ requests: 0, done: false });
  });
});

describe('synthetic samples', () => {
  const probes = entry('x').probes;
  const step = { elapsedMs: 2_000, durationMs: 2_000, takesRequests: true };
  it('are sent when traffic would not bring what is missing in half a minute', () => {
    expect(syntheticNeed(WARM, GATE, probes, step)?.requests).toBe(300);
    const busy = after(50);
    expect(syntheticNeed(busy, GATE, probes, step)).toBeUndefined();
    expect(syntheticNeed(busy, GATE, probes, { ...step, elapsedMs: 20_000 })?.requests).toBe(253);
  });

  it('wait for a first look, for the run in the air, and end after four runs in a step', () => {
    expect(syntheticNeed(WARM, GATE, probes, { ...step, elapsedMs: 1_999 })).toBeUndefined();
    expect(syntheticNeed(WARM, GATE, probes, { ...step, elapsedMs: 0, takesRequests: false })?.requests).toBe(300);
    expect(syntheticNeed({ ...WARM, synthetic: { run: 'r', sentInStep: 0 } }, GATE, probes, step)).toBeUndefined();
    expect(syntheticNeed({ ...WARM, synthetic: { sentInStep: 1_199 } }, GATE, probes, step)?.requests).toBe(1);
    expect(syntheticNeed({ ...WARM, synthetic: { sentInStep: 1_200 } }, GATE, probes, step)).toBeUndefined();
  });

  it('need something to call, and to be asked for', () => {
    expect(syntheticNeed(WARM, GATE, {}, step)).toBeUndefined();
    expect(syntheticNeed(WARM, { ...GATE, insufficientData: 'Hold' }, probes, step)).toBeUndefined();
  });
});

describe('hard stops', () => {
  const group = 'shop/cart@1' as const;
  const inputs: HardStopInputs = {
    gate: GATE,
    probes: {},
    group,
    samples: undefined,
    answered: 100,
    failures: [],
    clockMs: 100_000,
  };
  const crash = (atMs: number, waiting = false) => ({
    group,
    atMs,
    end: 'Crashed' as const,
    message: 'signal 9',
    waiting,
  });
  const run = (consecutiveFailures: number) =>
    ({ consecutiveFailures, synthetic: { requests: 0 }, traffic: { requests: 100 } }) as never;

  it.each<readonly [string, Partial<HardStopInputs>, string | undefined]>([
    ['nothing', {}, undefined],
    ['one failure short of the run', { samples: run(4) }, undefined],
    ['a run of failures', { samples: run(5) }, 'Errors'],
    ['a run that an attempt before it made', { samples: run(50), answered: 4 }, undefined],
    ['one crash', { failures: [crash(90_000)] }, undefined],
    ['two crashes at the ends of the window', { failures: [crash(40_000), crash(100_000)] }, 'Crashes'],
    ['two crashes a moment too far apart', { failures: [crash(39_999), crash(100_000)] }, undefined],
    ['no room twice', { failures: [crash(90_000, true), crash(95_000, true)] }, undefined],
    ['never ready', { failures: [{ ...crash(90_000), end: 'NeverReady' }] }, 'Probes'],
    ['unhealthy as often as its probe allows', { failures: [{ ...crash(90_000), end: 'Unhealthy' }] }, 'Probes'],
    ['somebody else', { failures: [{ ...crash(90_000), end: 'Unhealthy', group: 'shop/other@1' }] }, undefined],
  ])('%s', (_, change, kind) => {
    expect(hardStop({ ...inputs, ...change })?.kind).toBe(kind);
  });
});

describe('counts', () => {
  it('are taken once, and start anew with counters that fell', () => {
    const seen = { ...NOTHING_SEEN, requests: 10, failures: 2, syntheticRequests: 3 };
    expect(tallySince(seen, { ...seen, requests: 15, failures: 3, syntheticRequests: 4 })).toMatchObject({
      requests: 6,
      failures: 1,
      synthetic: 1,
    });
    expect(tallySince(seen, { ...NOTHING_SEEN, requests: 4 })).toMatchObject({
      requests: 4,
      failures: 0,
      synthetic: 0,
    });
  });

  it.each([
    [{ requests: 5, failures: 3 }, true],
    [{ requests: 4, failures: 4 }, false],
    [{ requests: 100, failures: 2 }, false],
    [{ requests: 100, failures: 4 }, false],
    [{ requests: 100, failures: 5 }, true],
  ])('an outage: %o is %s', (recent, outage) => {
    expect(isOutage(recent, 0.02)).toBe(outage);
  });

  it('give a quantile within its bucket', () => {
    const histogram = LATENCY_BUCKETS_US.map((_, bucket) => (bucket === 4 ? 100 : 0));
    expect(quantile(histogram, 0.5)).toBeCloseTo((LATENCY_BUCKETS_US[3]! + LATENCY_BUCKETS_US[4]!) / 2, 0);
    expect(quantile([], 0.5)).toBeUndefined();
  });
});
