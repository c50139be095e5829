import type { Json } from '../kit/json.ts';

/**
 * The memory as it is journalled: by parts, of which a step writes those that changed. Whoever makes the next memory
 * keeps the values of what did not change, and their identity is how it is known.
 */
export interface MemoryParts {
  readonly [part: string]: Json;
}

interface Whole {
  readonly [field: string]: Json | undefined;
}

const ENTRY = 'entries/';
const COMMIT = 'commits/';
const SCHEDULE = 'schedules/';
/** What the snapshot names grows with the fleet, its generation moves with every weight. */
const GROUPS = 'snapshot/groups';

/** One part per entry, schedule and commit, one for each other field. */
export function partsOf(memory: Whole): MemoryParts {
  const { entries, schedules, commits, snapshot, ...rest } = memory;
  const parts: { [part: string]: Json } = {};
  for (const [field, value] of Object.entries(rest)) if (value !== undefined) parts[field] = value;
  for (const [key, entry] of Object.entries((entries ?? {}) as Whole)) parts[ENTRY + key] = entry!;
  for (const [key, schedule] of Object.entries((schedules ?? {}) as Whole)) parts[SCHEDULE + key] = schedule!;
  if (commits !== undefined) {
    const list = commits as readonly { readonly commit: string }[];
    parts['commits'] = list.map(({ commit }) => commit);
    for (const commit of list) parts[COMMIT + commit.commit] = commit;
  }
  if (snapshot !== undefined) {
    const { groups, ...said } = snapshot as Whole;
    parts['snapshot'] = said;
    if (groups !== undefined) parts[GROUPS] = groups;
  }
  return parts;
}

/** The other way round: what `partsOf` took apart. */
export function wholeOf(parts: MemoryParts): { readonly [field: string]: Json } {
  const whole: { [field: string]: Json } = {};
  const entries: { [key: string]: Json } = {};
  const schedules: { [key: string]: Json } = {};
  for (const [part, value] of Object.entries(parts)) {
    if (part.startsWith(ENTRY)) entries[part.slice(ENTRY.length)] = value;
    else if (part.startsWith(SCHEDULE)) schedules[part.slice(SCHEDULE.length)] = value;
    else if (!part.includes('/')) whole[part] = value;
  }
  const { commits, snapshot } = whole;
  if (commits) {
    whole['commits'] = (commits as readonly string[]).flatMap((commit) => {
      const known = parts[COMMIT + commit];
      return known === undefined ? [] : [known];
    });
  }
  if (snapshot) whole['snapshot'] = { ...(snapshot as object), groups: parts[GROUPS] ?? [] };
  return { ...whole, entries, ...(Object.keys(schedules).length > 0 ? { schedules } : {}) };
}
