// The clock's calls of one component: when each schedule fires next, and how it went before.

import { el, keyed, setClass, setText, show } from './dom.js';
import { timeOf, words } from './format.js';

/** @typedef {import('../../model/status.ts').ScheduleStatus} ScheduleStatus */

const MAX_SHOWN_ENDS = 5;

export function schedulesView() {
  const list = el('ul', 'schedules');
  list.setAttribute('aria-label', 'Schedules');
  return {
    element: list,
    /** @param {readonly ScheduleStatus[]} schedules */
    update(schedules) {
      keyed(list, schedules, ({ schedule }) => schedule, scheduleRow);
      show(list, schedules.length > 0);
    },
  };
}

/** @param {ScheduleStatus} first */
function scheduleRow(first) {
  const times = el('code', 'quiet');
  const next = el('span');
  const ends = el('ol', 'firings');
  ends.setAttribute('aria-label', `Firings of ${first.schedule}`);
  return {
    element: el('li', '', [el('strong', '', [first.schedule.split('/')[1] ?? '']), times, next, ends]),
    /** @param {ScheduleStatus} schedule */
    update(schedule) {
      setText(times, `${schedule.expression} ${schedule.timeZone}`);
      setText(next, nextOf(schedule));
      keyed(ends, schedule.ended.slice(0, MAX_SHOWN_ENDS), ({ nominal, outcome }) => `${nominal} ${outcome}`, endRow);
    },
  };
}

/** @param {ScheduleStatus} schedule */
function nextOf({ next, due, running, suspended }) {
  if (suspended) return 'suspended';
  if (due) return `due, ${due.why}`;
  const now = running.length > 0 ? `${running.length} running, ` : '';
  return `${now}${next ? `next ${timeOf(next)}` : 'never again'}`;
}

/** @param {ScheduleStatus['ended'][number]} first */
function endRow(first) {
  const element = el('li');
  return {
    element,
    /** @param {ScheduleStatus['ended'][number]} end */
    update({ nominal, outcome, why, code }) {
      setClass(element, `chip ${outcome === 'Succeeded' ? 'good' : outcome === 'Skipped' ? 'idle' : 'bad'}`);
      setText(element, `${timeOf(nominal)} ${words(outcome)}`);
      element.title = [first.nominal, code, why].filter(Boolean).join(' ');
    },
  };
}
