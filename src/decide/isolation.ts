import type { Isolation, Member } from '../model/component.ts';

/**
 * One process holds all members. Where one of them demands Strict, all have it; and others come into it only where each of
 * them asks to share.
 */
export function isolationOf([first, ...linked]: readonly [Member, ...Member[]]): Isolation {
  if (linked.some(({ isolation }) => isolation === 'Strict')) return 'Strict';
  if (first.isolation !== 'Shared') return first.isolation;
  return linked.find(({ isolation }) => isolation !== 'Shared')?.isolation ?? 'Shared';
}
