/** Opens the world of one decision: time, the accepted commit, and what was observed, before anything is decided. */
import type { Now } from '../kit/clock.ts';
import type { EntryKey } from '../model/component.ts';
import type { DecidedEvent } from '../model/decision.ts';
import type { Desired } from '../model/desired.ts';
import type { Memory, Tally } from '../model/memory.ts';
import type { Observed } from '../model/observed.ts';
import { absorbCounters, absorbEpoch, absorbReplicas } from './absorb.ts';
import { acceptCommit } from './commits.ts';
import { absorbStores } from './editions.ts';
import { indexEngine } from './engine-index.ts';
import type { IdentityCache } from './identity.ts';
import { absorbPins, tellRegression } from './pins.ts';
import { policyHashes, settingsChange } from './settings-change.ts';
import { absorbUses } from './uses.ts';
import { tellEdits } from './tell.ts';
import { draftEntries, newEntry, type EntryDraft, type MemoryDraft } from './memory.ts';
import { remoteCallers } from './remotes.ts';
import { absorbFirings } from './schedule/absorb.ts';
import { environmentOf, wishesOf } from './wishes.ts';
import type { Wish, World } from './world.ts';

/** One look never counts more than this: a machine that slept does not age everything at once. */
const MAX_ELAPSED_MS = 60_000;

export function openWorld(desired: Desired, observed: Observed, memory: Memory, now: Now, cache: IdentityCache): World {
  const elapsedMs = Math.min(
    MAX_ELAPSED_MS,
    Math.max(0, now.monotonicMs - (memory.lastMonotonicMs ?? now.monotonicMs)),
  );
  const { entries: _, ...rest } = memory;
  const draft: MemoryDraft = { ...rest, clockMs: memory.clockMs + elapsedMs, lastMonotonicMs: now.monotonicMs };
  const entries = draftEntries(memory);
  const environment = environmentOf(desired, memory.environment);
  const isNew = memory.commit !== desired.commit;
  if (isNew) {
    draft.judge = memory.environment ?? environment;
    draft.environment = environment;
    draft.policies = policyHashes(desired);
    draft.commit = desired.commit;
  }
  const wishes = wishesOf(desired, entries, cache);
  for (const key of wishes.keys()) if (!entries.has(key)) entries.set(key, newEntry());
  if (isNew) {
    const settings = settingsChange(memory, environment, draft.policies ?? {});
    acceptCommit(draft, wishes, entries, observed.commits, { settings, invalid: desired.invalid[0]?.file }, now);
  }
  const events: DecidedEvent[] = [];
  for (const [key, wish] of wishes) {
    const entry = entries.get(key)!;
    entry.deletedIn = wish.deleted ? (entry.deletedIn ?? desired.commit) : undefined;
    tellEdits(events, entry, wish, desired.commit);
    show(entry, wish, desired.commit);
  }

  const { engine } = observed;
  if (engine) absorbEpoch(draft, entries, engine);
  const index = indexEngine(engine);
  absorbUses(entries, observed.uses ?? []);
  const tallies = new Map<string, Tally>();
  for (const [key, entry] of entries) {
    const replicas = index.replicasOf(key);
    const tell = tellRegression({ events, desired }, key);
    const excused = absorbPins(entry, key, { replicas, toolchain: observed.toolchain }, tell);
    absorbReplicas(entry, observed, replicas, draft.clockMs, excused);
    if (!engine) continue;
    for (const [release, tally] of absorbCounters(entry, index.samplesOf(key))) tallies.set(release, tally);
  }
  absorbStores(entries, observed);
  if (engine) absorbFirings({ memory: draft, entries, tallies, events, now, commit: desired.commit }, engine);
  forgetLongGone(entries, wishes, now);
  const present = new Map([...wishes].filter(([key]) => entries.has(key)));
  return {
    desired,
    observed,
    engine: index,
    now,
    elapsedMs,
    memory: draft,
    entries,
    before: memory.entries,
    wishes: present,
    callers: remoteCallers({ entries, wishes: present }),
    environment,
    judge: draft.judge ?? environment,
    tallies,
    acknowledged:
      engine !== undefined && (draft.snapshot.generation === 0 || engine.generation === draft.snapshot.generation),
    actions: [],
    events,
  };
}

/** Notes the last valid form, and which head showed the attempt first. */
function show(entry: EntryDraft, { target, invalid, deleted }: Wish, commit: string): void {
  if (!target || invalid || deleted) return;
  entry.desired = target.entry;
  entry.deletedAtWallMs = undefined;
  const before = entry.shown;
  if (before?.attempt === target.attempt) return;
  entry.shown = { attempt: target.attempt, release: target.release.release, commit };
  const failedBefore =
    entry.judging?.attempt === before?.attempt ||
    entry.ends.some((end) => end.attempt === before?.attempt && end.kind === 'Failed');
  entry.reverted = before !== undefined && failedBefore && entry.serving?.release.release === target.release.release;
}

/** Ledger and quarantine of a deleted entry are kept for `history.maxAge`; then it is as if it had never been. */
function forgetLongGone(entries: Map<EntryKey, EntryDraft>, wishes: ReadonlyMap<EntryKey, Wish>, now: Now): void {
  for (const [key, entry] of entries) {
    const wish = wishes.get(key);
    if (!wish?.deleted || entry.serving || entry.candidate || entry.replicas.length > 0) continue;
    entry.deletedAtWallMs ??= now.wallMs;
    const maxAgeMs = entry.desired?.rollout.settings.history.maxAgeMs ?? 0;
    // Where its data lies is known here alone.
    if (entry.editions) continue;
    const worthKeeping = entry.ledger.length > 0 || entry.ends.length > 0;
    if (!worthKeeping || now.wallMs - entry.deletedAtWallMs > maxAgeMs) entries.delete(key);
  }
}
