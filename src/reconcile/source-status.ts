import type { Now } from '../kit/clock.ts';
import { short } from '../kit/digest.ts';
import type { Condition, Reason, SourceStatus } from '../model/status.ts';
import type { SourceLook } from './source.ts';

export interface SourceView {
  readonly repository: string;
  readonly ref: string;
  readonly path: string;
}

/** What is known about the repository, and since when: one value, replaced by each look. */
export class SourceRecord {
  readonly #view: SourceView;
  #accepted: string | undefined;
  #head: string | undefined;
  #lastLookAt: string | undefined;
  #condition: Condition;

  constructor(view: SourceView, accepted: string | undefined, now: Now) {
    this.#view = view;
    this.#accepted = accepted;
    const message = accepted
      ? `serving ${short(accepted)} from the journal; git was not looked at yet`
      : 'git was not looked at yet';
    this.#condition = conditionOf('Unknown', 'Progressing', message, isoOf(now), accepted);
  }

  note(look: SourceLook, now: Now): void {
    this.#lastLookAt = isoOf(now);
    if (look.type !== 'Unavailable') this.#head = look.head;
    if (look.type === 'Accepted') this.#accepted = look.head;
    const [status, reason, message] = verdictOf(look, this.#accepted);
    const before = this.#condition;
    const since = before.status === status && before.reason === reason ? before.since : isoOf(now);
    this.#condition = conditionOf(status, reason, message, since, this.#accepted);
  }

  status(): SourceStatus {
    return {
      ...this.#view,
      ...(this.#accepted ? { acceptedCommit: this.#accepted } : {}),
      ...(this.#head ? { headCommit: this.#head } : {}),
      ...(this.#lastLookAt ? { lastLookAt: this.#lastLookAt } : {}),
      condition: this.#condition,
    };
  }

  get condition(): Condition {
    return this.#condition;
  }
}

function verdictOf(look: SourceLook, accepted: string | undefined): readonly [Condition['status'], Reason, string] {
  const last = accepted ? `; ${short(accepted)} serves on` : '; nothing was accepted before';
  switch (look.type) {
    case 'Unchanged':
    case 'Accepted':
      return ['True', 'InSync', `at ${short(look.head)}`];
    case 'Refused':
      return ['False', look.reason, `${look.problem.message}${last}. To go on: ${look.problem.remedy}`];
    case 'Unavailable':
      return ['False', 'SourceUnavailable', `${look.problem.message}${last}. ${look.problem.remedy}`];
  }
}

function conditionOf(
  status: Condition['status'],
  reason: Reason,
  message: string,
  since: string,
  commit: string | undefined,
): Condition {
  return { type: 'Synced', status, reason, message, since, observedCommit: commit ?? '' };
}

function isoOf(now: Now): string {
  return new Date(now.wallMs).toISOString();
}
