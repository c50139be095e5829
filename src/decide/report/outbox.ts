/**
 * What waits to be told, and when: pure, so that each loss, delay and restart can be played in a test.
 *
 * X1 Per channel and commit only the latest is kept; what says the same as before is not sent again.
 * X2 A failure goes before everything else of its channel, and a success waits for the failures before it.
 * X3 A failure is not taken back by what says less (passed over, deleted), and a success by nothing.
 * X4 What was begun and not answered is unsure: the receiver is asked before it is told again, and once more later.
 * X5 Everything is bounded; what had to make room is counted.
 */
import { hashOfJson } from '../../kit/digest.ts';
import type { Json } from '../../kit/json.ts';
import type { ChannelRef, Delivered, Message, Outbox, OutboxChannel, OutboxItem } from '../../model/report.ts';

/** Per channel. */
export const MAX_ITEMS = 100;
/** A message that was refused so often waits until it changes. */
export const MAX_REFUSALS = 5;
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 300_000;
/** However long a receiver asks us to wait. */
const MAX_PAUSE_MS = 3_600_000;
/** Steps that follow each other are told at this pace; ends are told at once. */
export const PENDING_PACE_MS = 10_000;
/** After so long a request that we gave up has arrived, or never will. */
export const CONFIRM_AFTER_MS = 60_000;

export const EMPTY_OUTBOX: Outbox = { version: 1, nextSequence: 1, dropped: 0, channels: {}, items: {} };
const OPEN: OutboxChannel = { tries: 0, pausedUntilMs: 0 };

export function itemKey(channel: string, commit: string): string {
  return `${channel} ${commit}`;
}

/** Takes over what is to be said through one channel now. Nothing to change: the same value. */
export function enqueue(
  outbox: Outbox,
  channel: ChannelRef,
  messages: readonly Message[],
  nowMs: number,
  { unsure = false }: { readonly unsure?: boolean } = {},
): Outbox {
  const wanted = new Map(messages.map((message) => [itemKey(channel.name, message.commit), message]));
  const items = { ...outbox.items };
  let { nextSequence, dropped } = outbox;
  let changed = false;
  // Oldest first, so that the numbers tell the order of the commits.
  for (const [key, message] of [...wanted].toReversed()) {
    const before = items[key];
    const digest = digestOf(channel, message);
    if (before && (before.digest === digest || isSettled(before.message.state, message.state))) continue;
    items[key] = {
      channel: channel.name,
      message,
      digest,
      sequence: nextSequence,
      refusals: 0,
      dueAtMs: dueAt(before, message, nowMs),
      ...(before?.delivered === undefined ? {} : { delivered: before.delivered, deliveredAtMs: before.deliveredAtMs }),
      ...(before?.remote === undefined ? {} : { remote: before.remote }),
      ...((before?.unsure ?? (unsure && !before)) ? { unsure: true as const } : {}),
    };
    nextSequence += 1;
    changed = true;
  }
  for (const [key, item] of Object.entries(items)) {
    // A story that is over and told; or a proposal that nobody needs any more.
    if (item.channel !== channel.name || wanted.has(key)) continue;
    if (item.delivered === item.digest ? item.confirmAtMs !== undefined : channel.kind !== 'Proposals') continue;
    if (item.delivered !== undefined && channel.kind === 'Proposals') continue;
    delete items[key];
    changed = true;
  }
  const own = Object.entries(items).filter(([, item]) => item.channel === channel.name);
  const oldest = own.toSorted(([, one], [, other]) => one.sequence - other.sequence);
  for (const [key, item] of oldest.slice(0, Math.max(0, own.length - MAX_ITEMS))) {
    if (item.delivered !== item.digest) dropped += 1;
    delete items[key];
    changed = true;
  }
  return changed ? { ...outbox, nextSequence, dropped, items } : outbox;
}

/** X3. */
function isSettled(before: Message['state'], after: Message['state']): boolean {
  return before === 'Success' || (before === 'Failure' && after === 'Neutral');
}

function dueAt(before: OutboxItem | undefined, message: Message, nowMs: number): number {
  if (!before) return nowMs;
  const isSame = before.message.state === message.state;
  if (isSame && before.delivered !== before.digest) return before.dueAtMs;
  if (!before.deliveredAtMs || (message.state !== 'Pending' && !isSame)) return nowMs;
  return Math.min(Math.max(nowMs, before.deliveredAtMs + PENDING_PACE_MS), nowMs + PENDING_PACE_MS);
}

function digestOf({ kind }: ChannelRef, message: Message): string {
  const { story: _, answeredBy: __, revertable: ___, ...said } = message;
  const { state, why, revert = '', context } = message;
  if (kind === 'Proposals') return hashOfJson({ commit: message.commit, context });
  if (kind === 'Deployments') return hashOfJson({ state, why, revert, context });
  return hashOfJson((kind === 'Notes' ? message : said) as unknown as Json);
}

/** What is to be sent through a channel now, in this order. X2. */
export function due(outbox: Outbox, channel: string, nowMs: number, limit: number): readonly OutboxItem[] {
  const { pausedUntilMs } = outbox.channels[channel] ?? OPEN;
  // A clock that was put back must not silence a channel for longer than any pause.
  if (pausedUntilMs > nowMs && pausedUntilMs <= nowMs + MAX_PAUSE_MS) return [];
  const own = Object.values(outbox.items).filter((item) => item.channel === channel);
  const waiting = own.filter(isWaiting);
  const firstFailure = Math.min(...waiting.filter(isFailure).map(({ sequence }) => sequence));
  return [...waiting, ...own.filter((item) => !isWaiting(item) && item.confirmAtMs !== undefined)]
    .filter((item) => readyAt(item) <= nowMs)
    .filter((item) => item.message.state !== 'Success' || item.sequence < firstFailure)
    .toSorted((one, other) => Number(isFailure(other)) - Number(isFailure(one)) || one.sequence - other.sequence)
    .slice(0, limit);
}

function isWaiting({ digest, delivered, refusals }: OutboxItem): boolean {
  return delivered !== digest && refusals < MAX_REFUSALS;
}

function isFailure({ message }: OutboxItem): boolean {
  return message.state === 'Failure';
}

function readyAt(item: OutboxItem): number {
  return isWaiting(item) ? item.dueAtMs : (item.confirmAtMs ?? Number.POSITIVE_INFINITY);
}

/** Before they are sent. X4. */
export function begin(outbox: Outbox, sent: readonly OutboxItem[]): Outbox {
  return sent.reduce((box, item) => put(box, { ...item, unsure: true }), outbox);
}

/** After it was sent: `sent` as it was then; a newer message about the commit may have come since. */
export function settle(outbox: Outbox, sent: OutboxItem, outcome: Delivered, nowMs: number): Outbox {
  const before = outbox.items[itemKey(sent.channel, sent.message.commit)];
  const now = before && outcome.remote !== undefined ? { ...before, remote: outcome.remote } : before;
  const channel = outbox.channels[sent.channel] ?? OPEN;
  if (outcome.type === 'Retry') {
    const tries = channel.tries + 1;
    const pauseMs = Math.min(MAX_PAUSE_MS, Math.max(outcome.afterMs ?? 0, retryDelayMs(tries, sent.digest)));
    const paused = { tries, pausedUntilMs: nowMs + pauseMs, problem: outcome.problem };
    const unsure = outcome.unsure || sent.unsure === true;
    const box = withChannel(outbox, sent.channel, paused);
    return now ? put(box, { ...now, problem: outcome.problem, unsure: unsure ? true : undefined }) : box;
  }
  if (outcome.type === 'Refused') {
    const box = withChannel(outbox, sent.channel, { ...OPEN, problem: outcome.problem });
    if (!now) return box;
    const refusals = now.digest === sent.digest ? now.refusals + 1 : 0;
    const dueAtMs = refusals === 0 ? now.dueAtMs : nowMs + retryDelayMs(refusals + 3, sent.digest);
    return put(box, { ...now, refusals, dueAtMs, problem: outcome.problem, unsure: sent.unsure });
  }
  const box = withChannel(outbox, sent.channel, OPEN);
  if (!now) return box;
  const isConfirmed = sent.delivered === sent.digest;
  return put(box, {
    ...now,
    delivered: sent.digest,
    deliveredAtMs: nowMs,
    refusals: 0,
    unsure: undefined,
    problem: undefined,
    confirmAtMs: sent.unsure && !isConfirmed ? nowMs + CONFIRM_AFTER_MS : undefined,
  });
}

/** When to look again because of a channel; never: it has nothing that waits for a time. */
export function nextAtMs(outbox: Outbox, channel: string): number {
  const { pausedUntilMs } = outbox.channels[channel] ?? OPEN;
  const times = Object.values(outbox.items)
    .filter((item) => item.channel === channel)
    .map(readyAt);
  return Math.max(pausedUntilMs, Math.min(...times));
}

/** Doubles from a second to five minutes; the jitter is a hash. */
export function retryDelayMs(tries: number, seed: string): number {
  const base = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(tries - 1, 20));
  return Math.round(base * (0.75 + Number.parseInt(hashOfJson({ seed, tries }).slice(0, 4), 16) / 0x20000));
}

export function backlogOf(outbox: Outbox, channel: string): { readonly waiting: number; readonly refused: number } {
  const own = Object.values(outbox.items).filter((item) => item.channel === channel && item.delivered !== item.digest);
  const waiting = own.filter(isWaiting).length;
  return { waiting, refused: own.length - waiting };
}

function put(outbox: Outbox, item: OutboxItem): Outbox {
  return { ...outbox, items: { ...outbox.items, [itemKey(item.channel, item.message.commit)]: item } };
}

function withChannel(outbox: Outbox, name: string, channel: OutboxChannel): Outbox {
  return { ...outbox, channels: { ...outbox.channels, [name]: channel } };
}
