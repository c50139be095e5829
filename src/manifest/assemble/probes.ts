import type { LivenessProbe, ProbeCall, Probes, ReadinessProbe } from '../../model/component.ts';
import type { ExportRef as WrittenRef, HttpGet, Liveness, ProbeSpec, Readiness } from '../generated/component.ts';
import { COMPONENT_DEFAULTS } from '../defaults.ts';
import { milliseconds } from '../quantity.ts';
import { exportOf } from './called.ts';

/** Exactly one of the two is there: the schema says so. */
export function probeCall(spec: { readonly httpGet?: HttpGet; readonly export?: WrittenRef }): ProbeCall {
  if (spec.export) return { type: 'export', export: exportOf(spec.export) };
  const { path, headers = [] } = spec.httpGet!;
  return { type: 'httpGet', path, headers: headers.map(({ name, value }) => ({ name: name.toLowerCase(), value })) };
}

export function probesOf(spec: ProbeSpec = {}): Probes {
  return {
    ...(spec.readiness ? { readiness: readinessOf(spec.readiness) } : {}),
    ...(spec.liveness ? { liveness: livenessOf(spec.liveness) } : {}),
  };
}

function readinessOf(spec: Readiness): ReadinessProbe {
  const { readiness } = COMPONENT_DEFAULTS.probes;
  return {
    call: probeCall(spec),
    periodMs: milliseconds(spec.period ?? readiness.period),
    timeoutMs: milliseconds(spec.timeout ?? readiness.timeout),
    successThreshold: spec.successThreshold ?? readiness.successThreshold,
    deadlineMs: milliseconds(spec.deadline ?? readiness.deadline),
  };
}

function livenessOf(spec: Liveness): LivenessProbe {
  const { liveness } = COMPONENT_DEFAULTS.probes;
  return {
    call: probeCall(spec),
    periodMs: milliseconds(spec.period ?? liveness.period),
    timeoutMs: milliseconds(spec.timeout ?? liveness.timeout),
    failureThreshold: spec.failureThreshold ?? liveness.failureThreshold,
  };
}
