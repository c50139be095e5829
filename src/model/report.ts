/** What is told about commits outside of Headway, and what is known of its way there. */
import type { EntryKey } from './component.ts';
import type { Evidence } from './status.ts';

/** `Environment.spec.report`: what the repository switches on of what the host allows. */
export interface ReportSettings {
  readonly statuses: boolean;
  readonly deployments: boolean;
  readonly notes: boolean;
  readonly onRollback: 'nothing' | 'proposeRevert';
}

/** `Neutral`: nobody is to blame and nothing is proven: passed over, inconclusive, or nothing to do. */
export type ReportState = 'Pending' | 'Success' | 'Failure' | 'Neutral';

/** What came of one entry because of a commit. */
export interface EntryReport {
  readonly entry: EntryKey;
  readonly state: ReportState;
  readonly why: string;
  readonly evidence: readonly Evidence[];
}

/** What is to be said of one commit: derived from the memory alone, so it can be derived again. */
export interface CommitReport {
  readonly commit: string;
  readonly subject: string;
  readonly state: ReportState;
  /** One line. */
  readonly why: string;
  /** The worst first. Bounded. */
  readonly entries: readonly EntryReport[];
  /** So many entries more; absent: none. */
  readonly more?: number;
  /** The head is not followed at all (signature, history). */
  readonly refused?: true;
  /** Its own behaviour failed and git still asks for it: a revert would help. */
  readonly revertable: boolean;
  /** The first accepted head with which git went on after its failure. */
  readonly answeredBy?: string;
  /** The head that was accepted before it; absent where nothing is known of one. */
  readonly base?: string;
}

/** A report as it is sent: with the line that takes the commit back, and with what was told on the way. */
export interface Message extends CommitReport {
  /** `headway/<environment>`: several daemons may tell of one commit. */
  readonly context: string;
  readonly environment: string;
  /** The literal line of a shell that takes the commit back; only of a failure. */
  readonly revert?: string;
  /** For notes: the events of the timeline because of this commit, oldest first, as lines. */
  readonly story?: readonly string[];
}

export type ChannelKind = 'Statuses' | 'Deployments' | 'Notes' | 'Proposals';

export interface ChannelRef {
  /** Unique in one daemon: `forge`, `forge/deployments`, `notes`, `proposals`. */
  readonly name: string;
  readonly kind: ChannelKind;
}

/** One message on its way through one channel. Only the latest about a commit is kept. */
export interface OutboxItem {
  readonly channel: string;
  readonly message: Message;
  /** Of all that the channel says; what was delivered is not sent again. */
  readonly digest: string;
  /** Rises with each change of any item. */
  readonly sequence: number;
  readonly delivered?: string | undefined;
  readonly deliveredAtMs?: number | undefined;
  /** A request about it was begun and its end is not known: the receiver is asked before it is told again. */
  readonly unsure?: true | undefined;
  /** It was told after a request whose end is not known, which may still arrive: it is asked once more then. Wall clock. */
  readonly confirmAtMs?: number | undefined;
  /** What the receiver calls it: the number of a deployment or of a pull request. */
  readonly remote?: string | undefined;
  /** Refusals of this digest in a row. */
  readonly refusals: number;
  readonly problem?: OutboxProblem | undefined;
  /** Wall clock. */
  readonly dueAtMs: number;
}

export interface OutboxProblem {
  readonly code: string;
  readonly message: string;
}

/** What came of sending one message. */
export type Delivered = {
  /** What the receiver calls it, as far as it was made. */
  readonly remote?: string;
} & (
  | { readonly type: 'Delivered' }
  /** The receiver does not answer or asks for patience: nothing goes through this channel for a while. */
  | { readonly type: 'Retry'; readonly problem: OutboxProblem; readonly afterMs?: number; readonly unsure: boolean }
  /** The receiver does not take this message; others may go through. */
  | { readonly type: 'Refused'; readonly problem: OutboxProblem }
);

export interface OutboxChannel {
  /** Tries without an answer, in a row. */
  readonly tries: number;
  /** Nothing is sent before; wall clock. */
  readonly pausedUntilMs: number;
  readonly problem?: OutboxProblem | undefined;
}

/** Everything that is remembered about reports: plain data, journalled by parts. */
export interface Outbox {
  readonly version: 1;
  readonly nextSequence: number;
  /** Undelivered items that had to make room. */
  readonly dropped: number;
  readonly channels: { readonly [channel: string]: OutboxChannel };
  /** By channel and commit. */
  readonly items: { readonly [key: string]: OutboxItem };
}

/** One channel as people see it. */
export interface ChannelStatus {
  readonly name: string;
  readonly kind: ChannelKind;
  /** Switched off by the Environment: what waits is kept. */
  readonly enabled: boolean;
  readonly backlog: number;
  /** Refused for good, until the message changes. */
  readonly refused: number;
  /** Tries since the start of the daemon, by what came of them. */
  readonly outcomes: { readonly [outcome in Delivered['type']]: number };
  readonly lastDeliveredAt?: string;
  readonly retryAt?: string;
  readonly lastError?: OutboxProblem;
}

export interface ReportStatus {
  readonly channels: readonly ChannelStatus[];
  readonly dropped: number;
  /** What the Environment asks for and the host does not allow. */
  readonly missing: readonly string[];
}
