import type { Grant } from '../model/component.ts';
import { exceeded } from '../model/containment.ts';
import type { Ceilings } from '../model/snapshot.ts';

/** What the Policies say to one use: why it is denied, or would be by those that only count. */
export interface Ceiling {
  readonly denied: string | undefined;
  readonly audited: string | undefined;
}

export function ceilingOf(
  ceilings: readonly Ceilings[],
  namespace: string,
  asked: Pick<Grant, 'capability' | 'settings'>,
): Ceiling {
  const beyond = exceeded(ceilings, namespace, asked);
  const why = (kind: Ceilings['enforcement']): string | undefined => {
    const policy = beyond.find(({ enforcement }) => enforcement === kind)?.policy;
    return policy === undefined ? undefined : `beyond the capabilities of Policy ${policy}`;
  };
  return { denied: why('Enforce'), audited: why('Audit') };
}

export function expiresAtWallMs({ expireTime }: Pick<Grant, 'expireTime'>): number {
  return expireTime === undefined ? Number.POSITIVE_INFINITY : Date.parse(expireTime);
}
