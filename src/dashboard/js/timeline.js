// The history: each commit with what came of it and why, and under it what happened because of it.

import { el, keyed, setClass, setText, show } from './dom.js';
import { measurement, shortCommit, since, timeOf, tone, words } from './format.js';

/** @typedef {import('../../model/status.ts').Status} Status */
/** @typedef {import('../../model/status.ts').CommitStatus} CommitStatus */
/** @typedef {import('../../model/status.ts').TimelineEvent} TimelineEvent */
/** @typedef {{ event: TimelineEvent, measured: NonNullable<TimelineEvent['evidence']> }} Line */
/** @typedef {{ commit: CommitStatus, events: readonly TimelineEvent[] }} Chapter */

const MAX_EVENTS_PER_COMMIT = 12;
const MAX_COMMITS = 30;

/**
 * @param {HTMLElement} list
 * @param {Status} status
 */
export function renderTimeline(list, status) {
  /** @type {Map<string, TimelineEvent[]>} */
  const byCommit = new Map();
  for (const event of newestFirst(status.timeline)) {
    const key = commitKey(event);
    const events = byCommit.get(key) ?? [];
    if (events.length < MAX_EVENTS_PER_COMMIT) events.push(event);
    byCommit.set(key, events);
  }
  const chapters = [...status.commits]
    .sort((a, b) => Date.parse(b.seenAt) - Date.parse(a.seenAt))
    .slice(0, MAX_COMMITS)
    .map((commit) => ({ commit, events: byCommit.get(commitKey(commit)) ?? [] }));
  keyed(list, chapters, ({ commit }) => commitKey(commit), chapterView);
}

/**
 * Numbers count within a root; between roots it is the time.
 *
 * @param {readonly TimelineEvent[]} timeline
 */
function newestFirst(timeline) {
  return [...timeline].sort((a, b) => (a.root === b.root ? b.id - a.id : Date.parse(b.at) - Date.parse(a.at)));
}

/**
 * Two roots may follow the same commit.
 *
 * @param {{ readonly commit: string, readonly root?: string }} of
 */
function commitKey({ commit, root = '' }) {
  return `${root} ${commit}`;
}

function chapterView() {
  const pill = el('span', 'pill');
  const subject = el('strong');
  const code = el('code');
  const byline = el('span', 'quiet');
  const why = el('p', 'message');
  const events = el('ol', 'events');
  const element = el('li', 'commit', [
    el('div', 'commit-head', [subject, pill]),
    el('p', 'byline', [code, byline]),
    why,
    events,
  ]);
  return {
    element,
    /** @param {Chapter} chapter */
    update({ commit, events: happened }) {
      setClass(element, `commit ${tone(commit.state)}`);
      setText(pill, words(commit.state));
      setClass(pill, `pill ${tone(commit.state)}`);
      setText(subject, commit.subject || '(no subject)');
      setText(code, shortCommit(commit.commit));
      code.title = commit.commit;
      const root = commit.root === undefined ? '' : ` · ${commit.root}`;
      setText(byline, `${commit.author}, ${since(commit.seenAt)} ago${root}`);
      setText(why, commit.why);
      show(why, commit.why !== '');
      keyed(events, linesOf(happened), ({ event }) => String(event.id), eventView);
      show(events, happened.length > 0);
    },
  };
}

/**
 * Each event with what it adds to what was measured: a message that tells the number is not told it twice, nor is the
 * event after it, and nobody looks at a test without samples.
 *
 * @param {readonly TimelineEvent[]} events newest first
 * @returns {Line[]}
 */
function linesOf(events) {
  return events.map((event, index) => {
    const before = events[index + 1];
    const told = before?.entry === event.entry ? JSON.stringify(before?.evidence ?? []) : '';
    const measured = (event.evidence ?? []).filter(
      (row) => row.samples > 0 && !event.message.includes(row.observed) && !told.includes(JSON.stringify(row)),
    );
    return { event, measured };
  });
}

function eventView() {
  const time = el('time');
  const entry = el('span', 'event-entry');
  const message = el('span');
  const evidence = el('span', 'event-evidence');
  const element = el('li', '', [time, el('div', '', [entry, message, evidence])]);
  return {
    element,
    /** @param {Line} line */
    update({ event, measured }) {
      setClass(element, tone(event.reason));
      setText(time, timeOf(event.at));
      time.setAttribute('datetime', event.at);
      setText(entry, event.entry ?? '');
      show(entry, event.entry !== undefined);
      setText(message, event.message);
      setText(evidence, measured.map(measurement).join('; '));
      show(evidence, measured.length > 0);
    },
  };
}
