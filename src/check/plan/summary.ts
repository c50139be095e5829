/** Sentences that every reporter of a plan prints. */
import { short } from '../../kit/digest.ts';
import type { Break } from './contracts.ts';
import type { GrantChange } from './grants.ts';
import type { Plan, PlannedEntry } from './plan.ts';
import type { PlannedDeletion } from './together.ts';
import type { PlannedStep, PlannedWalk } from './walk.ts';

export const CHANGES: Readonly<Record<PlannedEntry['change'], string>> = {
  Add: 'is added',
  Replace: 'gets a new revision',
  Retrigger: 'gets other triggers, the same cells',
  Settings: 'changes its settings only; nothing is rolled out',
  Remove: 'is removed',
  Invalid: 'is not valid; what serves keeps serving',
};

const GRANTS: Readonly<Record<GrantChange['change'], string>> = {
  Gained: 'gains',
  Lost: 'loses',
  Widened: 'widens',
  Narrowed: 'narrows',
  Changed: 'changes',
  Refilled: 'has another content of',
};

export function isEmpty({ entries, policies, problems }: Plan): boolean {
  return entries.length === 0 && policies.length === 0 && problems.length === 0;
}

/** `shop/cart gains pay-api: outboundHttp {…}`, or both sides where it changes. */
export function grantSentence({ of, name, change, before, after }: GrantChange): string {
  const values = before !== undefined && after !== undefined ? `${before} → ${after}` : (after ?? before);
  return `${of} ${GRANTS[change]} ${name}${values === undefined ? '' : `: ${values}`}`;
}

export function deletionSentence({ keys, held, confirm }: PlannedDeletion): string {
  const what = `deletes ${keys.join(', ')}`;
  if (held === undefined) return `${what}: the guard lets it go`;
  return `${what}: held, because ${held}; to let it go, write prune.confirm: "${confirm}" in the Environment`;
}

/** `shop/tax breaks shop/checkout: …`. */
export function breakSentence(key: string, { type, who, why }: Break): string {
  return `${key} breaks ${type === 'Link' ? who : `clients of ${who}`}: ${why}`;
}

/** Where calls of an entry may wait from now on. */
export function suspensionSentence({ suspends }: PlannedEntry): string | undefined {
  if (!suspends) return undefined;
  return suspends.length === 0 ? 'its calls wait for nothing any more' : `its calls may wait in ${suspends.join(', ')}`;
}

/** `bindings quiet: the helper … is not known`. */
export function bindingsSentence({ bindings }: PlannedEntry): string | undefined {
  return bindings && `bindings ${bindings.tier}${bindings.reason === undefined ? '' : `: ${bindings.reason}`}`;
}

/** A revert, or a repeated change, that lands on what the daemon has quarantined. */
export function quarantineSentence({ key, live }: PlannedEntry): string | undefined {
  const quarantined = live?.quarantined;
  if (!quarantined) return undefined;
  const { attempt, commit, why, write } = quarantined;
  return `${key} lands on attempt ${short(attempt)}, quarantined since commit ${short(commit)} (${why}): it will not start; to try it again, write ${write}`;
}

export function noteOf({ stage, approval }: PlannedStep, { migration }: Pick<PlannedWalk, 'migration'>): string {
  if (stage === 'Handover') {
    const then = migration ? 'its stores are copied, the new one migrates them and starts' : 'then the new one starts';
    return `requests wait in the mailbox: the old one ends, ${then}`;
  }
  return approval === undefined ? '' : `approval of ${approval}`;
}

/** Whose requests a step takes. */
export function trafficOf({ weight, replicas, headers, mirror }: PlannedStep): string {
  return [
    `${weight} %`,
    ...(replicas === undefined ? [] : [`replica ${replicas}`]),
    ...(headers === undefined ? [] : [headers.join(' or ')]),
    ...(mirror === undefined ? [] : [`copies of ${mirror} %`]),
  ].join(', ');
}
