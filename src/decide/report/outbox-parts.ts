import type { Json } from '../../kit/json.ts';
import type { MemoryParts } from '../../model/memory-parts.ts';
import type { Outbox, OutboxItem } from '../../model/report.ts';
import { EMPTY_OUTBOX } from './outbox.ts';

const ITEM = 'items/';
const HEAD = 'outbox';

/** The outbox as it is journalled: one part per item, and one for the rest. */
export function outboxParts({ items, ...head }: Outbox): MemoryParts {
  const parts = Object.entries(items).map(([key, item]) => [ITEM + key, item as unknown as Json]);
  return { [HEAD]: head as unknown as Json, ...Object.fromEntries(parts) };
}

/** Of nothing, or of another version: an empty one. All of it is derived again from the memory. */
export function outboxOf(parts: MemoryParts | undefined): Outbox {
  const head = parts?.[HEAD] as unknown as Omit<Outbox, 'items'> | undefined;
  if (!parts || head?.version !== EMPTY_OUTBOX.version) return EMPTY_OUTBOX;
  const items = Object.entries(parts)
    .filter(([part]) => part.startsWith(ITEM))
    .map(([part, item]) => [part.slice(ITEM.length), item as unknown as OutboxItem]);
  return { ...head, items: Object.fromEntries(items) as Outbox['items'] };
}
