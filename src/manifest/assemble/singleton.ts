import type { Diagnostic } from '../../model/diagnostic.ts';
import type { Rollout } from '../../model/rollout.ts';
import type { ParsedDocument } from '../parsed.ts';
import { atValue } from './assembly.ts';
import type { RolloutSource } from './entry.ts';

/** What contradicts one instance that answers one call at a time. What is not written is filled in to fit. */
export function singletonProblems(document: ParsedDocument<'Component'>, source: RolloutSource): readonly Diagnostic[] {
  const { spec } = document.value;
  if (spec.instancePolicy !== 'Singleton') return [];
  const problems: Diagnostic[] = [];
  const add = (pointer: string, message: string, remedy?: string) =>
    problems.push(atValue(document, pointer, 'HW1085', message, remedy));
  for (const field of ['minReplicas', 'maxReplicas'] as const) {
    const replicas = spec.scaling?.[field] ?? 1;
    if (replicas > 1) add(`/spec/scaling/${field}`, `${field} ${replicas} of a Singleton, which is one instance`);
  }
  if (spec.scaling?.minReplicas === 0) {
    const message = 'minReplicas 0 of a Singleton, which would lose what it holds in memory whenever nothing calls';
    add('/spec/scaling/minReplicas', message, 'leave spec.scaling out');
  }
  const concurrency = spec.limits?.concurrency ?? 1;
  if (concurrency > 1) {
    add('/spec/limits/concurrency', `concurrency ${concurrency} of a Singleton, which answers one call at a time`);
  }
  if (spec.limits?.requestsPerInstance !== undefined) {
    const message = 'requestsPerInstance of a Singleton, which would lose what it holds in memory in between';
    add('/spec/limits/requestsPerInstance', message);
  }
  if (spec.rollout?.replaces !== undefined) {
    const message = 'a Singleton that replaces another by name would run beside it';
    add('/spec/rollout/replaces', message, 'keep its name, or delete the old one in an earlier commit');
  }
  const approver = approverOf(source);
  if (approver !== undefined) {
    const message = `an approval by ${approver} is asked for in a step, and a Singleton has no steps`;
    const remedy = 'let the pull request be approved instead, and give it a strategy without approvals';
    add(source.type === 'Policy' ? '/spec/rollout/policyRef' : '/spec/rollout/strategy', message, remedy);
  }
  return problems;
}

function approverOf(source: RolloutSource): string | undefined {
  if (source.type === 'Broken') return undefined;
  const { strategy } = source.type === 'Policy' ? source.document.value.spec : source.spec;
  const approvals = [strategy?.blueGreen?.approval, ...(strategy?.canary?.steps ?? []).map((step) => step.approval)];
  return approvals.find((approval) => approval !== undefined)?.name;
}

/** It is handed over as a whole: whatever its policy says of steps, it has none. */
export function handedOver(rollout: Rollout): Rollout {
  return { ...rollout, settings: { ...rollout.settings, strategy: { type: 'Immediate' } } };
}
