import { callName, uncallable } from '../../model/callable.ts';
import { entryKey, type ExportRef } from '../../model/component.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { ComponentShape, ShapeOf } from '../../model/wit.ts';
import type { RolloutPolicySpec } from '../generated/rolloutpolicy.ts';
import type { ParsedDocument } from '../parsed.ts';
import { exportOf } from './called.ts';
import type { RolloutSource } from './entry.ts';
import { meantProblem, problemsAt, type Wrong } from './exports.ts';
import type { Types } from './cell.ts';

/** Made to be asked by probes, and by nothing else. */
const HEALTH = /^headway:component\/health(@|$)/;

/**
 * What is wrong with the functions that probes and synthetic samples call, as far as the types of the component are known.
 * A policy may be right for one component and wrong for another: what it calls is a problem where it is referred to.
 */
export function probedProblems(
  document: ParsedDocument<'Component'>,
  source: RolloutSource,
  { members, shapeOf }: Types,
): readonly Diagnostic[] {
  const member = members.get(entryKey(document.namespace, document.name));
  const calls = [...probesIn(document), ...syntheticIn(document, source)];
  if (!member || calls.length === 0) return [];
  const shape = shapeOf(member.artifact);
  if (!shape) return [];
  return calls.flatMap((call) => problemsOf(document, call, member.key, shape));
}

interface Called {
  readonly at: string;
  readonly export: ExportRef;
  readonly who: string;
}

function problemsOf(
  document: ParsedDocument<'Component'>,
  { at, export: called, who }: Called,
  key: ReturnType<typeof entryKey>,
  shape: NonNullable<ReturnType<ShapeOf>>,
): readonly Diagnostic[] {
  return problemsAt(document, at, key, shape, (value) => probeProblem(value, called, who));
}

const unaskable: typeof uncallable = (shape, interfaceName, exported) =>
  HEALTH.test(interfaceName) ? undefined : uncallable(shape, interfaceName, exported);

/** There, callable, and without parameters: nobody is there to give any. */
function probeProblem(shape: ComponentShape, called: ExportRef, who: string): Wrong | undefined {
  const { wrong, meant, parameters } = meantProblem(shape, called, unaskable);
  if (wrong || parameters.length === 0) return wrong;
  return {
    field: 'function',
    code: 'HW1091',
    message: `exports ${callName(meant, called.function)}, which takes ${parameters.map(({ name }) => name).join(', ')}; ${who} gives nothing`,
    remedy: 'call a function without parameters',
  };
}

function probesIn(document: ParsedDocument<'Component'>): readonly Called[] {
  const { probes = {} } = document.value.spec;
  return (['readiness', 'liveness'] as const).flatMap((name) => {
    const called = probes[name]?.export;
    return called ? [{ at: `/spec/probes/${name}/export`, export: exportOf(called), who: 'a probe' }] : [];
  });
}

function syntheticIn(document: ParsedDocument<'Component'>, source: RolloutSource): readonly Called[] {
  if (source.type === 'Broken') return [];
  const spec: RolloutPolicySpec = source.type === 'Inline' ? source.spec : source.document.value.spec;
  const called = spec.gate?.synthetic?.export;
  if (!called) return [];
  const referred = document.value.spec.rollout?.policyRef ? '/spec/rollout/policyRef/name' : '/spec/rollout';
  const at = source.type === 'Inline' ? '/spec/rollout/gate/synthetic/export' : referred;
  return [{ at, export: exportOf(called), who: 'a synthetic sample' }];
}
