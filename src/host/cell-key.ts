import type { CellSpec } from '../model/engine.ts';

/** The same for cells that are made of the same here: the group has the settings, the bundles what is made of them. */
export function cellKey({ group, members }: CellSpec): string {
  return [group, ...members.map(({ bundle }) => bundle.digest)].join(' ');
}
