import type { ProbeCall } from '../../model/component.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { Approval, CanaryStep, Gate, RolloutSettings, StickyBy, Strategy } from '../../model/rollout.ts';
import type { HeaderMatch } from '../../model/route.ts';
import type {
  RolloutPolicySpec,
  CanaryStep as StepSpec,
  Strategy as StrategySpec,
} from '../generated/rolloutpolicy.ts';
import { ROLLOUT_DEFAULTS } from '../defaults.ts';
import type { ParsedDocument } from '../parsed.ts';
import { milliseconds, share } from '../quantity.ts';
import { atValue } from './assembly.ts';
import { probeCall } from './probes.ts';

/** The resolved settings; `readiness` is what the component's readiness probe calls, the default of synthetic samples. */
export function rolloutSettings(spec: RolloutPolicySpec, readiness: ProbeCall | undefined): RolloutSettings {
  const { bake, history, breaker } = ROLLOUT_DEFAULTS;
  return {
    strategy: strategyOf(spec.strategy),
    gate: gateOf(spec.gate ?? {}, readiness),
    bake: {
      durationMs: milliseconds(spec.bake?.duration ?? bake.duration),
      deadlineMs: milliseconds(spec.bake?.deadline ?? bake.deadline),
    },
    history: {
      revisions: spec.history?.revisions ?? history.revisions,
      maxAgeMs: milliseconds(spec.history?.maxAge ?? history.maxAge),
    },
    breaker: {
      maxRollbacks: spec.breaker?.maxRollbacks ?? breaker.maxRollbacks,
      windowMs: milliseconds(spec.breaker?.window ?? breaker.window),
    },
  };
}

function strategyOf(spec: StrategySpec | undefined): Strategy {
  const type = spec?.type ?? ROLLOUT_DEFAULTS.strategy.type;
  if (type === 'Immediate') return { type };
  if (type === 'BlueGreen') return blueGreenOf(spec?.blueGreen ?? {});
  if (type === 'Rolling') return rollingOf(spec?.rolling ?? {});
  const { stickyBy, steps = [] } = spec?.canary ?? {};
  return { type, ...(stickyBy ? { stickyBy: stickyOf(stickyBy) } : {}), steps: stepsOf(steps) };
}

function blueGreenOf(spec: NonNullable<StrategySpec['blueGreen']>): Strategy {
  const { previewDuration, deadline } = ROLLOUT_DEFAULTS.blueGreen;
  return {
    type: 'BlueGreen',
    previewDurationMs: milliseconds(spec.previewDuration ?? previewDuration),
    deadlineMs: milliseconds(spec.deadline ?? deadline),
    ...approvalOf(spec.approval),
    ...(spec.previewHostname === undefined ? {} : { previewHostname: spec.previewHostname }),
  };
}

function rollingOf(spec: NonNullable<StrategySpec['rolling']>): Strategy {
  const { maxSurge, maxUnavailable, minDuration, deadline } = ROLLOUT_DEFAULTS.rolling;
  const missing = spec.maxUnavailable ?? maxUnavailable;
  return {
    type: 'Rolling',
    maxSurge: spec.maxSurge ?? maxSurge,
    ...(missing === maxUnavailable ? {} : { maxUnavailable: missing }),
    minDurationMs: milliseconds(spec.minDuration ?? minDuration),
    deadlineMs: milliseconds(spec.deadline ?? deadline),
  };
}

function stickyOf({ header, cookie }: { header?: string; cookie?: string }): StickyBy {
  // Field names have no case (RFC 9110 §5.1), cookie names do.
  return header === undefined ? { type: 'cookie', name: cookie! } : { type: 'header', name: header.toLowerCase() };
}

/** A step that writes no weight keeps that of the step before. */
function stepsOf(steps: readonly StepSpec[]): readonly CanaryStep[] {
  let before = 0;
  return steps.map((step) => {
    before = step.weight ?? before;
    return stepOf(step, before);
  });
}

function stepOf({ headers, mirror, minDuration, deadline, approval }: StepSpec, weight: number): CanaryStep {
  const { step } = ROLLOUT_DEFAULTS;
  return {
    weight,
    ...(headers ? { headers: headers.map(headerOf).sort(byText) } : {}),
    ...(mirror ? { mirror: mirror.percent } : {}),
    minDurationMs: milliseconds(minDuration ?? step.minDuration),
    deadlineMs: milliseconds(deadline ?? step.deadline),
    ...approvalOf(approval),
  };
}

function headerOf({ name, value }: NonNullable<StepSpec['headers']>[number]): HeaderMatch {
  return { name: name.toLowerCase(), type: 'Exact', value };
}

function byText(one: HeaderMatch, other: HeaderMatch): number {
  return `${one.name} ${one.value}` < `${other.name} ${other.value}` ? -1 : 1;
}

function approvalOf(spec: StepSpec['approval']): { readonly approval?: Approval } {
  if (!spec) return {};
  const deadlineMs = milliseconds(spec.deadline ?? ROLLOUT_DEFAULTS.step.approval.deadline);
  return { approval: { name: spec.name, deadlineMs } };
}

function gateOf(spec: NonNullable<RolloutPolicySpec['gate']>, readiness: ProbeCall | undefined): Gate {
  const { errors, latency, hardStops, minSamples, warmUp, synthetic } = ROLLOUT_DEFAULTS.gate;
  const samples = spec.minSamples ?? minSamples;
  const call = spec.synthetic ? probeCall(spec.synthetic) : readiness;
  const wanted = spec.insufficientData ?? 'Synthesize';
  return {
    errors: {
      tolerable: share(spec.errors?.tolerable ?? errors.tolerable),
      intolerable: share(spec.errors?.intolerable ?? errors.intolerable),
      maxShiftOfClientErrors: share(spec.errors?.maxShiftOfClientErrors ?? errors.maxShiftOfClientErrors),
      ...statusesOf(spec.errors?.statuses ?? errors.statuses),
    },
    ...(spec.latency
      ? {
          latency: {
            percentile: share(spec.latency.percentile ?? latency.percentile),
            maxIncreaseOverStable: share(spec.latency.maxIncreaseOverStable ?? latency.maxIncreaseOverStable),
          },
        }
      : {}),
    hardStops: {
      consecutiveErrors: spec.hardStops?.consecutiveErrors ?? hardStops.consecutiveErrors,
      crashes: spec.hardStops?.crashes ?? hardStops.crashes,
      windowMs: milliseconds(spec.hardStops?.window ?? hardStops.window),
    },
    minSamples: samples,
    warmUp: {
      requests: spec.warmUp?.requests ?? warmUp.requests,
      durationMs: milliseconds(spec.warmUp?.duration ?? warmUp.duration),
    },
    // Nothing to call: waiting for real traffic is what is left (lint says so, HW1062).
    insufficientData: wanted === 'Synthesize' && !call ? 'Hold' : wanted,
    ...(wanted === 'Synthesize' && call
      ? { synthetic: { requests: spec.synthetic?.requests ?? Math.max(synthetic.requests, samples), call } }
      : {}),
  };
}

/** Sorted, each once, without what a class says already; the default is written as nothing. */
function statusesOf(written: readonly string[]): Pick<Gate['errors'], 'statuses'> {
  const classes = new Set(written.filter((status) => status.endsWith('xx')));
  const statuses = [...new Set(written)].filter((status) => classes.has(status) || !classes.has(`${status[0]}xx`));
  return statuses.length === 1 && statuses[0] === '5xx' ? {} : { statuses: statuses.sort() };
}

/** What the schema cannot say about a rollout; `at` is the pointer of the object that holds strategy, gate and bake. */
export function rolloutProblems(document: ParsedDocument, at: string, spec: RolloutPolicySpec): readonly Diagnostic[] {
  const { strategy, gate, bake } = rolloutSettings(spec, undefined);
  const problems: Diagnostic[] = [];
  const contradiction = (pointer: string, message: string) =>
    problems.push(atValue(document, `${at}/${pointer}`, 'HW1027', message));
  if (strategy.type === 'Canary')
    problems.push(...stepProblems(document, `${at}/strategy/canary/steps`, spec.strategy?.canary?.steps ?? []));
  if (strategy.type === 'BlueGreen' && looksLikeARelease(strategy.previewHostname ?? '')) {
    const message = `${strategy.previewHostname} has the form of the preview host of one release`;
    problems.push(atValue(document, `${at}/strategy/blueGreen/previewHostname`, 'HW1070', message));
  }
  if (strategy.type === 'BlueGreen' && strategy.deadlineMs <= strategy.previewDurationMs) {
    const field = spec.strategy?.blueGreen?.deadline === undefined ? 'previewDuration' : 'deadline';
    contradiction(`strategy/blueGreen/${field}`, 'blueGreen.deadline must be after the end of previewDuration');
  }
  if (strategy.type === 'Rolling' && strategy.deadlineMs <= strategy.minDurationMs) {
    const field = spec.strategy?.rolling?.deadline === undefined ? 'minDuration' : 'deadline';
    contradiction(`strategy/rolling/${field}`, 'rolling.deadline must be after its minDuration');
  }
  if (gate.errors.intolerable <= gate.errors.tolerable) {
    const pointer = spec.gate?.errors?.intolerable === undefined ? 'gate/errors/tolerable' : 'gate/errors/intolerable';
    contradiction(pointer, 'gate.errors.intolerable must be above gate.errors.tolerable');
  }
  if (bake.deadlineMs < bake.durationMs) {
    const pointer = spec.bake?.deadline === undefined ? 'bake/duration' : 'bake/deadline';
    contradiction(pointer, 'bake.deadline must not be before the end of bake.duration');
  }
  return problems;
}

/** `<release12>--<name>`: such a host always means that release, and nobody else's. */
function looksLikeARelease(hostname: string): boolean {
  return /^[0-9a-f]{12}--/.test(hostname);
}

function stepProblems(document: ParsedDocument, at: string, written: readonly StepSpec[]): readonly Diagnostic[] {
  let before = 0;
  return stepsOf(written).flatMap(({ weight, minDurationMs, deadlineMs }, index) => {
    const problems: Diagnostic[] = [];
    if (written[index]!.weight !== undefined && weight <= before) {
      const message = `the weight ${weight} does not rise above the ${before} of the step before`;
      problems.push(atValue(document, `${at}/${index}/weight`, 'HW1026', message));
    }
    if (deadlineMs <= minDurationMs) {
      const message = 'the deadline of the step must be after its minDuration';
      problems.push(atValue(document, `${at}/${index}/deadline`, 'HW1027', message));
    }
    before = Math.max(before, weight);
    return problems;
  });
}
