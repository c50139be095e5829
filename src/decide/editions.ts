/**
 * What the memory of data asks for: copies to be taken, editions to be removed, and the name of the one in use for
 * whoever starts without this memory. Level-triggered, with a pause after each try.
 */
import { ownStoresOf, type EntryKey } from '../model/component.ts';
import type { Observed } from '../model/observed.ts';
import { endCopy, presentOf, surplusOf } from './data.ts';
import { keep, type EntryDraft } from './memory.ts';
import { isHandingOver } from './singleton.ts';
import { canAnswer, entryOf, type World } from './world.ts';

/** An order that failed, or was lost, is given again after so long; copies at once, because somebody waits. */
export const ORDER_AGAIN_MS = 10_000;

/** What came of orders since the last decision. */
export function absorbStores(entries: ReadonlyMap<EntryKey, EntryDraft>, observed: Observed): void {
  for (const { order, result } of observed.stores ?? []) {
    const entry = entries.get(order.entry);
    if (!entry) continue;
    if (order.type === 'Copy') endCopy(entry, order.to, result.ok ? result.value : result.error);
    if (!result.ok) continue;
    if (order.type === 'Drop') {
      const left = (entry.editions ?? []).filter(({ edition }) => edition !== order.edition);
      entry.editions = left.length > 0 ? left : undefined;
    }
    if (order.type === 'Use' && entry.named?.edition === order.data.edition)
      entry.named = { ...entry.named, isDone: true };
  }
}

/** Once in each decision, before routes are made of it: what nothing works on any more is let go. */
export function tidyData(world: World): void {
  for (const [key, entry] of world.entries) {
    if (entry.paused && !isHandingOver(entry)) {
      const { serving } = entry;
      if (!serving || canAnswer(world, key, serving.release)) entry.paused = undefined;
    }
    if (!entry.data) continue;
    const { serving, candidate, leaving, warm } = entry;
    const releases = [serving?.release, candidate?.release, leaving?.release, ...warm];
    const inUse = new Set(releases.map((release) => release?.revision));
    entry.left = presentOf(entry) ?? entry.left;
    entry.data = keep(
      entry.data,
      Object.fromEntries(Object.entries(entry.data).filter(([revision]) => inUse.has(revision))),
    );
  }
}

export function orderStores(world: World): void {
  if (!world.observed.engine) return;
  for (const [key, { candidate, data, editions }] of world.entries) {
    if (!candidate?.copy && !data && !editions) continue;
    orderCopy(world, key);
    orderName(world, key);
    orderRemoval(world, key);
  }
}

function orderCopy(world: World, key: EntryKey): void {
  const { candidate } = entryOf(world, key);
  const copy = candidate?.copy;
  if (candidate?.state !== 'Copying' || !copy || copy.isThere || copy.problem) return;
  const source = copy.from ? { from: copy.from.edition } : {};
  world.actions.push({
    type: 'Stores',
    order: { type: 'Copy', entry: key, stores: copy.stores, ...source, to: copy.edition },
    why: `nothing of ${key} runs: its stores are copied for version ${candidate.release.entry.members[0].state?.version}`,
  });
}

function orderName(world: World, key: EntryKey): void {
  const entry = entryOf(world, key);
  const data = presentOf(entry);
  if (!data) return;
  const { named } = entry;
  const isSame = named?.edition === data.edition;
  if (isSame && (named.isDone || world.memory.clockMs - named.triedAtMs < ORDER_AGAIN_MS)) return;
  const { capabilities } = entry.serving?.release.entry.members[0] ?? {};
  const stores = capabilities ? ownStoresOf(capabilities) : [];
  if (stores.length === 0) return;
  entry.named = { edition: data.edition, triedAtMs: world.memory.clockMs };
  world.actions.push({
    type: 'Stores',
    order: { type: 'Use', entry: key, stores, data },
    why: 'it is what serves: whoever comes without a memory is to find it',
  });
}

function orderRemoval(world: World, key: EntryKey): void {
  const entry = entryOf(world, key);
  const [surplus] = surplusOf(entry);
  if (!surplus || entry.replicas.some(({ stopping }) => stopping)) return;
  const { clockMs } = world.memory;
  if (surplus.triedAtMs !== undefined && clockMs - surplus.triedAtMs < ORDER_AGAIN_MS) return;
  const { edition, stores } = surplus;
  entry.editions = entry.editions!.map((one) => (one === surplus ? { ...one, triedAtMs: clockMs } : one));
  world.actions.push({
    type: 'Stores',
    order: { type: 'Drop', entry: key, stores, edition },
    why: surplus.hasServed ? 'newer ones were set aside since' : 'it never served',
  });
}
