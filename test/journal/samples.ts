import { entryKey } from '../../src/model/component.ts';
import type { Desired, DesiredEntry } from '../../src/model/desired.ts';
import type { MemoryParts } from '../../src/model/memory-parts.ts';
import type { TimelineEvent } from '../../src/model/status.ts';

export function eventOf(
  n: number,
  reconcileId: string,
  reason: TimelineEvent['reason'] = 'Progressing',
): Omit<TimelineEvent, 'id'> {
  return { at: '2026-11-01T10:00:00.000Z', reconcileId, commit: 'c'.repeat(40), reason, message: `event ${n}` };
}

/** A desired state whose keys are those that a plain object would get wrong. */
export function desiredOf(commit: string): Desired {
  const keys = [entryKey('shop', 'zebra'), entryKey('__proto__', 'constructor'), entryKey('shop', 'ant')];
  const entry = { labels: { toString: 'label' }, retries: [0] } as unknown as DesiredEntry;
  return {
    commit,
    environment: {
      name: 'demo',
      platformNamespace: 'platform',
      sync: { intervalMs: 1_000, jitter: 0.1 },
      tenants: [],
      prune: { enabled: true, maxDeletePercent: 30, confirm: '' },
      freezeWindows: [],
      maxConcurrentRollouts: 4,
    },
    policies: [],
    entries: new Map(keys.map((key) => [key, { ...entry, key }])),
    invalid: [],
    unreadablePaths: [],
    diagnostics: [],
  };
}

export const PARTS = 20;

/** A memory whose parts all say `n`; each step takes out those of the step before. */
export function partsAt(n: number): MemoryParts {
  const names = Array.from({ length: PARTS }, (_, index) => `entries/shop/${index}-${n % 2 === 0 ? 'even' : 'odd'}`);
  return { n, ...Object.fromEntries(names.map((name) => [name, { n }])) };
}
