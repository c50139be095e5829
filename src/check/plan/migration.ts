import { unreadableData } from '../../decide/data.ts';
import { ownStoresOf } from '../../model/component.ts';
import type { DesiredEntry } from '../../model/desired.ts';
import type { Problem } from '../../model/problem.ts';

/** A change of the form that the data of an entry has. */
export interface PlannedMigration {
  /** `spec.state.version` of the base; absent: it says none, or the entry is new. */
  readonly from?: string;
  readonly to: string;
  readonly stores: readonly string[];
  readonly timeoutMs: number;
}

/** What a release of `after` would do to the data of `before`; from git alone, so of what git says serves. */
export function migrationOf(before: DesiredEntry | undefined, after: DesiredEntry): PlannedMigration | undefined {
  const [{ state, capabilities }] = after.members;
  const from = before?.members[0].state?.version;
  if (!state || (before && from === state.version)) return undefined;
  return {
    ...(from === undefined ? {} : { from }),
    to: state.version,
    stores: ownStoresOf(capabilities),
    timeoutMs: state.migrateTimeoutMs,
  };
}

/** A release that says no version any more would be refused. */
export function lostVersion(before: DesiredEntry | undefined, after: DesiredEntry): readonly Problem[] {
  const version = before?.members[0].state?.version;
  if (version === undefined || after.members[0].state) return [];
  return [{ ...unreadableData(after.key, version), span: after.span }];
}

/** For a reviewer: what happens to the data, when, and what a rollback means for it. */
export function migrationSentence({ from, to, stores }: PlannedMigration): string {
  const names = stores.join(', ');
  if (from === undefined) {
    return `its data gets version "${to}": migrate is called on a copy of what lies in ${names}, told no version; a rollback in the bake returns to the stores as they were, and what was written since is set aside`;
  }
  return `this release migrates ${names} from version "${from}" to "${to}": what serves ends, the stores are copied, requests wait meanwhile, and there are no steps; a rollback in the bake returns to the stores as they were at the switch, and what was written since is set aside`;
}
