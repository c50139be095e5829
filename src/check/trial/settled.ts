/** Pure: what a status says about an entry that was pushed. */
import type { EntryKey } from '../../model/component.ts';
import type { EntryStatus, Evidence, Status } from '../../model/status.ts';

export type Fate =
  | { readonly type: 'Moving'; readonly why: string }
  /** It has all the traffic. `over`: why its bake ended without proof. */
  | { readonly type: 'Serving'; readonly proven: boolean; readonly over?: string }
  | { readonly type: 'RolledBack'; readonly why: string; readonly evidence: readonly Evidence[] }
  | { readonly type: 'Stuck'; readonly why: string }
  /** It does not run, as its documents say. */
  | { readonly type: 'Idle'; readonly why: string };

/** Said as held, and not for good: whether it is to blame is judged by what it went back to; what is missing is tried again. */
const TRANSIENT = ['RolledBack', 'Waiting'];

function fateOf(entry: EntryStatus): Fate {
  const { desired, serving, proven, quarantined, conditions } = entry;
  const ready = conditions.find(({ type }) => type === 'Ready');
  const attempted = desired && quarantined.find(({ release }) => release === desired.release);
  if (attempted) return { type: 'RolledBack', why: attempted.why, evidence: attempted.evidence };
  if (desired && serving?.release === desired.release && serving.weight === 100) {
    if (proven?.release === desired.release) return { type: 'Serving', proven: true };
    // `Degraded` may also be a cell that starts again.
    const failed = ready?.reason === 'Degraded' && ready.message.includes(' serves unproven: ');
    if (failed)
      return { type: 'RolledBack', why: `nothing is behind it to go back to: ${ready.message}`, evidence: [] };
    if (ready?.reason === 'Unreferenced') return { type: 'Idle', why: `${ready.reason}: ${ready.message}` };
    return { type: 'Serving', proven: false, ...(ready?.reason === 'Inconclusive' ? { over: ready.message } : {}) };
  }
  const why = ready ? `${ready.reason}: ${ready.message}` : 'nothing is known of it';
  if (ready && ['Suspended', 'Unreferenced'].includes(ready.reason)) return { type: 'Idle', why };
  const told = conditions.find(({ type, status }) => type === 'Stalled' && status === 'True');
  if (told?.reason === 'GroupRolledBack') return { type: 'RolledBack', why: told.message, evidence: [] };
  if (told && !TRANSIENT.includes(told.reason)) return { type: 'Stuck', why: `${told.reason}: ${told.message}` };
  return { type: 'Moving', why };
}

export function fateIn(status: Status, key: EntryKey): Fate {
  const entry = status.entries.find((one) => one.key === key);
  return entry ? fateOf(entry) : { type: 'Moving', why: 'the runtime has not seen it' };
}
