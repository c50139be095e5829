import type { Logger } from 'pino';
import type { Decision } from '../model/decision.ts';
import type { TimelineEvent } from '../model/status.ts';

/** What a decision tells, with when, in which flight, and who wrote the commit behind it. */
export function toldBy({ events, memory }: Decision, at: string, reconcileId: string): Omit<TimelineEvent, 'id'>[] {
  return events.map((event) => {
    const author = memory.commits.find(({ commit }) => commit === event.commit)?.author;
    return { ...event, at, reconcileId, ...(author ? { author } : {}) };
  });
}

export function logTold(log: Logger, { events }: Decision, reconcileId: string): void {
  for (const { reason, message, entry, commit } of events) {
    log.info({ reconcileId, commit, entry, reason, message }, 'decided');
  }
}
