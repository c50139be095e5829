/**
 * The loop that tells what came of commits: derive → write down → send → write down what came of it.
 *
 * R1 It only reads the memory of the decisions. Nothing that happens here reaches the loop, however a receiver behaves.
 * R2 Nothing is sent that is not in the outbox first; while that cannot be written, nothing is sent.
 * R3 One request at a time per channel, so that what is sent later arrives later; channels do not wait for each other.
 */
import type { Logger } from 'pino';
import { reportOfRefusedHead, reportsOf, type ReportCache } from '../decide/report/reports.ts';
import { backlogOf, begin, due, enqueue, itemKey, nextAtMs, settle } from '../decide/report/outbox.ts';
import { outboxOf, outboxParts } from '../decide/report/outbox-parts.ts';
import { revertLine, storyLines, type Ancestor } from '../model/report-text.ts';
import type { Clock } from '../kit/clock.ts';
import type { Memory } from '../model/memory.ts';
import type {
  ChannelKind,
  ChannelStatus,
  CommitReport,
  Delivered,
  Message,
  Outbox,
  OutboxItem,
  ReportSettings,
  ReportStatus,
} from '../model/report.ts';
import type { SourceStatus } from '../model/status.ts';
import type { GitPort, OutboxPort, ReportChannel } from './ports.ts';

/** Without `spec.report`: what the host set up is used, and nothing is pushed. */
export const DEFAULT_REPORT: ReportSettings = {
  statuses: true,
  deployments: true,
  notes: false,
  onRollback: 'nothing',
};
const NO_OUTCOMES: ChannelStatus['outcomes'] = { Delivered: 0, Retry: 0, Refused: 0 };
const MIN_LOOK_MS = 200;
const IDLE_LOOK_MS = 5_000;
const STOP_PATIENCE_MS = 1_000;
const WRITE_RETRY_MS = 1_000;
const MAX_STORY_EVENTS = 200;
/** Of a head that took in more than that nothing but itself is named. */
const MAX_CHAIN = 200;

export interface ReportingParts {
  /** The last decided memory, which is journalled. */
  readonly memory: () => Memory;
  readonly source: () => SourceStatus;
  /** "Look again"; returns how to stop that. */
  readonly onChange: (listener: () => void) => () => void;
  readonly git: Pick<GitPort, 'commit'>;
  readonly outbox: OutboxPort;
  readonly channels: readonly ReportChannel[];
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Reporting {
  start(): void;
  /** Ends what is being sent; what was begun is asked for after the next start. */
  stop(): Promise<void>;
  status(): ReportStatus;
}

export function createReporting(parts: ReportingParts): Reporting {
  return new ReportLoop(parts);
}

class ReportLoop implements Reporting {
  readonly #parts: ReportingParts;
  readonly #ending = new AbortController();
  readonly #sending = new Map<string, Promise<void>>();
  readonly #outcomes = new Map<string, ChannelStatus['outcomes']>();
  readonly #reverts = new Map<string, string>();
  readonly #known: ReportCache = new WeakMap();
  #outbox: Outbox;
  #flight: Promise<void> | undefined;
  #dirty = false;
  #timer: { readonly atMs: number; readonly cancel: () => void } | undefined;
  #unlisten: (() => void) | undefined;

  constructor(parts: ReportingParts) {
    this.#parts = parts;
    this.#outbox = outboxOf(parts.outbox.outbox());
  }

  start(): void {
    this.#unlisten = this.#parts.onChange(() => this.#soon());
    this.#soon();
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    this.#unlisten?.();
    this.#timer?.cancel();
    await this.#flight;
    // A push does not hear the signal; what owns it ends it, and nothing of it is written any more.
    await Promise.race([Promise.all(this.#sending.values()), this.#patience()]);
  }

  #patience(): Promise<void> {
    return new Promise((resolve) => void this.#parts.clock.after(STOP_PATIENCE_MS, resolve));
  }

  status(): ReportStatus {
    const report = this.#parts.memory().environment?.report ?? DEFAULT_REPORT;
    return {
      channels: this.#parts.channels.map((channel) => this.#statusOf(channel, report)),
      dropped: this.#outbox.dropped,
      missing: this.#missing(report),
    };
  }

  #statusOf({ name, kind }: ReportChannel, report: ReportSettings): ChannelStatus {
    const { waiting, refused } = backlogOf(this.#outbox, name);
    const own = Object.values(this.#outbox.items).filter((item) => item.channel === name);
    const last = Math.max(...own.map(({ deliveredAtMs = 0 }) => deliveredAtMs), 0);
    const channel = this.#outbox.channels[name];
    const problem = channel?.problem ?? own.find((item) => item.problem)?.problem;
    const isPaused = channel !== undefined && channel.pausedUntilMs > this.#parts.clock.now().wallMs;
    return {
      name,
      kind,
      enabled: isEnabled(kind, report),
      backlog: waiting,
      refused,
      outcomes: this.#outcomes.get(name) ?? NO_OUTCOMES,
      ...(last > 0 ? { lastDeliveredAt: new Date(last).toISOString() } : {}),
      ...(isPaused ? { retryAt: new Date(channel.pausedUntilMs).toISOString() } : {}),
      ...(problem ? { lastError: problem } : {}),
    };
  }

  /** The repository may only ask; what the host did not set up does not happen, and is said. */
  #missing(report: ReportSettings): readonly string[] {
    const has = (kind: ChannelKind): boolean => this.#parts.channels.some((channel) => channel.kind === kind);
    return [
      ...(report.notes && !has('Notes') ? ['notes'] : []),
      ...(report.onRollback === 'proposeRevert' && !has('Proposals') ? ['onRollback: proposeRevert'] : []),
    ];
  }

  #soon(): void {
    this.#dirty = true;
    if (!this.#flight) this.#schedule(MIN_LOOK_MS);
  }

  /** One timer; an earlier one stays. */
  #schedule(delayMs: number): void {
    if (this.#ending.signal.aborted) return;
    const { clock } = this.#parts;
    const atMs = clock.now().monotonicMs + delayMs;
    if (this.#timer && this.#timer.atMs <= atMs) return;
    this.#timer?.cancel();
    const cancel = clock.after(delayMs, () => {
      this.#timer = undefined;
      this.#flight = this.#fly();
    });
    this.#timer = { atMs, cancel };
  }

  async #fly(): Promise<void> {
    this.#dirty = false;
    let nextInMs = WRITE_RETRY_MS;
    try {
      nextInMs = await this.#look();
    } catch (cause) {
      this.#parts.log.error({ cause }, 'a look at what is to be told failed: this is a bug; nothing else is touched');
    }
    this.#flight = undefined;
    this.#schedule(this.#dirty ? MIN_LOOK_MS : nextInMs);
  }

  /** After how long to look again. */
  async #look(): Promise<number> {
    const { memory, channels, clock, outbox: store } = this.#parts;
    const { environment } = memory();
    if (!environment || environment.name === '') return IDLE_LOOK_MS;
    const { report = DEFAULT_REPORT } = environment;
    const enabled = channels.filter(({ kind }) => isEnabled(kind, report));
    if (enabled.length === 0) return IDLE_LOOK_MS;
    const messages = await this.#messages(memory(), environment.name);
    const { wallMs } = clock.now();
    let next = this.#outbox;
    for (const channel of enabled) {
      const wanted = messages.filter((message) => isFor(channel.kind, message, next, channel.name));
      const told = channel.kind === 'Notes' ? wanted.map((message) => this.#withStory(message, channel.name)) : wanted;
      next = enqueue(next, channel, told, wallMs, { unsure: store.bootstrapped });
    }
    const idle = enabled.filter(({ name }) => !this.#sending.has(name));
    const sends = idle.map((channel) => [channel, due(next, channel.name, wallMs, channel.batch)] as const);
    for (const [, items] of sends) next = begin(next, items);
    if (!this.#keep(next)) return WRITE_RETRY_MS;
    for (const [channel, items] of sends) if (items.length > 0) this.#send(channel, items);
    const times = idle.filter(({ name }) => !this.#sending.has(name)).map(({ name }) => nextAtMs(next, name));
    return Math.min(IDLE_LOOK_MS, Math.max(MIN_LOOK_MS, Math.min(...times) - wallMs));
  }

  async #messages(memory: Memory, environment: string): Promise<readonly Message[]> {
    const refused = reportOfRefusedHead(this.#parts.source());
    const reports = [...(refused ? [refused] : []), ...reportsOf(memory, this.#known)];
    const context = `headway/${environment}`;
    const messages: Message[] = [];
    for (const report of reports) {
      const revert = report.state === 'Failure' && !report.refused ? await this.#revertOf(report) : undefined;
      messages.push({ ...report, context, environment, ...(revert === undefined ? {} : { revert }) });
    }
    return messages;
  }

  async #revertOf({ commit, base }: CommitReport): Promise<string | undefined> {
    const known = this.#reverts.get(commit);
    if (known !== undefined) return known;
    const chain: Ancestor[] = [];
    for (let at = commit; at !== base && chain.length < MAX_CHAIN;) {
      const found = await this.#parts.git.commit(at);
      if (!found.ok) return undefined;
      const { parents } = found.value;
      chain.push({ commit: at, parents: parents.length });
      if (base === undefined || parents[0] === undefined) break;
      at = parents[0];
    }
    const line = revertLine(chain.length < MAX_CHAIN ? chain : chain.slice(0, 1), base);
    if (line === undefined) return undefined;
    this.#reverts.set(commit, line);
    const [oldest] = this.#reverts.keys();
    if (this.#reverts.size > MAX_CHAIN && oldest !== undefined) this.#reverts.delete(oldest);
    return line;
  }

  /** What was told of a story that is over is not looked up again. */
  #withStory(message: Message, channel: string): Message {
    const before = this.#outbox.items[itemKey(channel, message.commit)]?.message;
    const isSame = before?.state === message.state && before.why === message.why;
    if (isSame && before.answeredBy === message.answeredBy && message.state !== 'Pending') return before;
    const story = this.#parts.outbox.toldOf(message.commit, MAX_STORY_EVENTS).flatMap(storyLines);
    return { ...message, story };
  }

  /** R2. */
  #keep(next: Outbox): boolean {
    if (next === this.#outbox) return true;
    const written = this.#parts.outbox.writeOutbox(outboxParts(next));
    if (written.ok) this.#outbox = next;
    else
      this.#parts.log.error({ problem: written.error }, 'the outbox cannot be written: nothing is told until it can');
    return written.ok;
  }

  /** R3. */
  #send(channel: ReportChannel, items: readonly OutboxItem[]): void {
    const sending = channel
      .deliver(items, this.#ending.signal)
      .then((outcomes) => this.#settle(channel, items, outcomes))
      .catch((cause: unknown) => this.#parts.log.error({ cause, channel: channel.name }, 'a channel failed: a bug'))
      .finally(() => {
        this.#sending.delete(channel.name);
        this.#soon();
      });
    this.#sending.set(channel.name, sending);
  }

  #settle(channel: ReportChannel, items: readonly OutboxItem[], outcomes: readonly Delivered[]): void {
    // Stopped in the middle: what is written says that its end is not known.
    if (this.#ending.signal.aborted) return;
    const { wallMs } = this.#parts.clock.now();
    let next = this.#outbox;
    for (const [index, item] of items.entries()) {
      const outcome = outcomes[index];
      if (!outcome) continue;
      next = settle(next, item, outcome, wallMs);
      this.#count(channel.name, outcome.type);
      const { commit, state } = item.message;
      const said = { channel: channel.name, commit, state };
      if (outcome.type === 'Delivered') this.#parts.log.info(said, 'told');
      else this.#parts.log.warn({ ...said, problem: outcome.problem, outcome: outcome.type }, 'not told');
    }
    // What was sent and cannot be written is sent again, which every receiver bears.
    this.#keep(next);
  }

  #count(channel: string, outcome: Delivered['type']): void {
    const before = this.#outcomes.get(channel) ?? NO_OUTCOMES;
    this.#outcomes.set(channel, { ...before, [outcome]: before[outcome] + 1 });
  }
}

function isEnabled(kind: ChannelKind, report: ReportSettings): boolean {
  if (kind === 'Statuses') return report.statuses;
  if (kind === 'Deployments') return report.deployments;
  return kind === 'Notes' ? report.notes : report.onRollback === 'proposeRevert';
}

function isFor(kind: ChannelKind, message: Message, outbox: Outbox, channel: string): boolean {
  if (kind === 'Statuses') return true;
  if (kind === 'Proposals') return message.revertable && message.state === 'Failure';
  // What is not in the repository's history as we follow it gets no note, and only what ran is a deployment.
  if (message.refused) return false;
  if (kind === 'Notes') return true;
  return (
    message.entries.length > 0 &&
    (message.state !== 'Neutral' || outbox.items[itemKey(channel, message.commit)] !== undefined)
  );
}
