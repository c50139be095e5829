/** Pure: what a status says about an entry that was pushed. */
import type { EntryKey } from '../../model/component.ts';
import type { EntryStatus, Evidence, Status } from '../../model/status.ts';

export type Fate =
  | { readonly type: 'Moving'; readonly why: string }
  /** It has all the traffic; `proven` when its bake has ended. */
  | { readonly type: 'Serving'; readonly proven: boolean }
  | { readonly type: 'RolledBack'; readonly why: string; readonly evidence: readonly Evidence[] }
  | { readonly type: 'Stuck'; readonly why: string }
  /** It does not run, as its documents say. */
  | { readonly type: 'Idle'; readonly why: string };

function fateOf(entry: EntryStatus): Fate {
  const { desired, serving, proven, quarantined, conditions } = entry;
  const failed = desired && quarantined.find(({ release }) => release === desired.release);
  if (failed) return { type: 'RolledBack', why: failed.why, evidence: failed.evidence };
  if (desired && serving?.release === desired.release && serving.weight === 100) {
    return { type: 'Serving', proven: proven?.release === desired.release };
  }
  const told = conditions.find(({ type, status }) => type === 'Stalled' && status === 'True');
  if (told) return { type: 'Stuck', why: `${told.reason}: ${told.message}` };
  const ready = conditions.find(({ type }) => type === 'Ready');
  const idle = ready && ['Suspended', 'Unreferenced'].includes(ready.reason);
  const why = ready ? `${ready.reason}: ${ready.message}` : 'nothing is known of it';
  return idle ? { type: 'Idle', why } : { type: 'Moving', why };
}

export function fateIn(status: Status, key: EntryKey): Fate {
  const entry = status.entries.find((one) => one.key === key);
  return entry ? fateOf(entry) : { type: 'Moving', why: 'the runtime has not seen it' };
}
