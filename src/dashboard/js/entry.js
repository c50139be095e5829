// One component: where its traffic goes, what is being tried and on what evidence, and what runs.

import { el, keyed, setClass, setText, show } from './dom.js';
import { schedulesView } from './schedules.js';
import { duration, measurement, shortCommit, shortHash, tone, words } from './format.js';

/** @typedef {import('../../model/status.ts').EntryStatus} EntryStatus */
/** @typedef {import('../../model/status.ts').CandidateStatus} CandidateStatus */
/** @typedef {import('../../model/status.ts').Condition} Condition */
/** @typedef {import('../../model/status.ts').Evidence} Evidence */
/** @typedef {import('../../model/status.ts').ReplicaStatus} ReplicaStatus */
/** @typedef {{ element: HTMLElement, update: (entry: EntryStatus) => void }} EntryView */

/** Quarantined attempts that git no longer asks for and that are still shown. */
const MAX_PAST = 3;

/**
 * The condition that says most: what stands in the way, else what goes on, else how it is.
 *
 * @param {EntryStatus} entry
 * @returns {Condition | undefined}
 */
export function headline(entry) {
  const find = (/** @type {string} */ type) => entry.conditions.find((condition) => condition.type === type);
  const stalled = find('Stalled');
  const reconciling = find('Reconciling');
  const ready = find('Ready');
  const healthy = find('Healthy');
  if (ready?.status === 'False') return ready;
  if (stalled?.status === 'True') return stalled;
  if (reconciling?.status === 'True') return reconciling;
  // It serves, and not as it should: what only these conditions say.
  if (healthy?.status === 'False' && healthy.reason === 'ToolchainRegression') return healthy;
  const limits = find('WithinLimits');
  if (limits?.status === 'False') return limits;
  return ready ?? entry.conditions[0];
}

/**
 * @param {EntryStatus} first
 * @returns {EntryView}
 */
export function entryView(first) {
  const name = el('h3', '', [el('span', 'quiet', [`${first.key.split('/')[0]}/`]), first.key.split('/')[1] ?? '']);
  if (first.root !== undefined) name.title = `of the root ${first.root}`;
  const pill = el('span', 'pill');
  const calls = el('a', 'calls', ['OpenAPI']);
  calls.setAttribute('href', `/api/v1/openapi/${first.key}`);
  const message = el('p', 'message');
  const traffic = trafficView();
  const releases = el('dl', 'releases');
  const candidate = candidateView();
  const replicas = el('ul', 'replicas');
  replicas.setAttribute('aria-label', 'Replicas');
  const quarantine = el('ul', 'quarantine');
  quarantine.setAttribute('aria-label', 'Quarantined');
  const schedules = schedulesView();
  const why = whyView();
  const element = el('article', 'card', [
    el('div', 'card-head', [name, calls, pill]),
    message,
    traffic.element,
    releases,
    candidate.element,
    quarantine,
    schedules.element,
    replicas,
    why.element,
  ]);
  element.setAttribute('aria-label', first.key);
  element.dataset['key'] = first.key;
  return {
    element,
    update(entry) {
      const condition = headline(entry);
      setText(pill, words(condition?.reason ?? 'Waiting'));
      setClass(pill, `pill ${tone(condition?.reason ?? 'Waiting')}`);
      setText(message, condition?.message ?? '');
      // The list below says the same, with what was measured and the edit apart.
      show(message, !entry.quarantined.some(({ why }) => condition?.message.startsWith(why)));
      show(calls, (entry.calls ?? []).length > 0);
      calls.title = `Calls with JSON: ${(entry.calls ?? []).join(', ')}`;
      traffic.update(entry);
      keyed(releases, releaseRows(entry), ({ role }) => role, releaseRow);
      candidate.update(entry.candidate);
      const failures = failuresOf(entry);
      keyed(quarantine, failures, ({ row }) => row.attempt, quarantineRow);
      show(quarantine, failures.length > 0);
      const living = entry.replicas.filter(({ phase }) => phase !== 'Ended');
      const chips = living.map((replica) => ({ replica, tried: replica.release === entry.candidate?.release }));
      keyed(replicas, chips, ({ replica }) => replica.id, replicaChip);
      show(replicas, living.length > 0);
      schedules.update(entry.schedules ?? []);
      why.update(entry);
    },
  };
}

function trafficView() {
  const serving = el('div', 'share serving', [el('span')]);
  const candidate = el('div', 'share candidate', [el('span')]);
  const element = el('div', 'traffic', [serving, candidate]);
  element.setAttribute('role', 'img');
  return {
    element,
    /** @param {EntryStatus} entry */
    update(entry) {
      // In its bake the candidate is what serves: one share, in the candidate's colour until it is proven.
      const baking = entry.candidate?.state === 'Promoted';
      const stable = baking ? undefined : entry.serving;
      const shares = [
        { part: serving, weight: stable?.weight ?? 0, who: 'serving', ref: stable },
        { part: candidate, weight: entry.candidate?.weight ?? 0, who: 'candidate', ref: entry.candidate },
      ];
      for (const { part, weight, ref } of shares) {
        part.style.flexBasis = `${weight}%`;
        part.classList.toggle('none', weight === 0);
        setText(part.firstElementChild ?? part, ref ? `${weight} % · ${shortHash(ref.release)}` : '');
      }
      const told = shares.filter(({ ref }) => ref).map(({ who, weight }) => `${who} ${weight} %`);
      element.classList.toggle('nothing', told.length === 0 || shares.every(({ weight }) => weight === 0));
      element.setAttribute('aria-label', `Traffic: ${told.join(', ') || 'nothing serves'}`);
    },
  };
}

/** @typedef {{ role: string, release: string, commit: string }} ReleaseRow */

/**
 * The four pointers, always side by side and never merged, and what drains.
 *
 * @param {EntryStatus} entry
 * @returns {ReleaseRow[]}
 */
function releaseRows({ desired, candidate, serving, proven, draining }) {
  const pointers = Object.entries({ desired, candidate, serving, proven });
  return [
    ...pointers.map(([role, ref]) => ({ role, release: ref?.release ?? '', commit: ref?.commit ?? '' })),
    ...draining.map(({ release, commit }, index) => ({ role: `draining ${index || ''}`.trim(), release, commit })),
  ];
}

/** @param {ReleaseRow} first */
function releaseRow(first) {
  const release = el('code');
  const commit = el('code', 'quiet');
  const names = [el('dt', '', [first.role]), el('dd', '', [release, commit])];
  return {
    element: el('div', `release ${first.role.split(' ')[0]}`, names),
    /** @param {ReleaseRow} row */
    update(row) {
      setText(release, row.release ? shortHash(row.release) : '–');
      setText(commit, shortCommit(row.commit));
      release.title = row.release;
      commit.title = row.commit ? `commit ${row.commit}` : '';
    },
  };
}

function candidateView() {
  const title = el('strong');
  const state = el('span', 'quiet');
  const verdict = el('span', 'pill');
  const steps = el('ol', 'steps');
  const body = el('tbody');
  const heads = ['gate', 'observed', 'threshold', 'samples'].map((text) => {
    const head = el('th', '', [text]);
    head.setAttribute('scope', 'col');
    return head;
  });
  const table = el('table', 'evidence', [el('thead', '', [el('tr', '', heads)]), body]);
  const element = el('div', 'trial', [el('div', 'trial-head', [title, state, verdict]), steps, table]);
  return {
    element,
    /** @param {CandidateStatus | undefined} candidate */
    update(candidate) {
      show(element, candidate !== undefined);
      if (!candidate) return;
      const step = candidate.step ? `, step ${candidate.step} of ${candidate.steps}` : '';
      setText(title, `${candidate.strategy}${step}`);
      const at = candidate.weight > 0 ? ` at ${candidate.weight} %` : '';
      const named = candidate.headers ? `, requests with ${candidate.headers.join(' or ')}` : '';
      const copies = candidate.mirror ? `, copies of ${candidate.mirror} %` : '';
      const hosts = [candidate.preview, candidate.previewHostname].filter(Boolean).join(' and ');
      const preview = hosts ? `, seen as ${hosts}` : '';
      setText(state, `${words(candidate.state)}${at}${named}${copies} for ${duration(candidate.inStateMs)}${preview}`);
      const judged = { Pass: 'passes', Fail: 'fails', Continue: 'collecting' }[candidate.verdict];
      setText(verdict, judged);
      setClass(verdict, `pill ${tone(candidate.verdict)}`);
      const done = candidate.state === 'Promoted' ? candidate.steps + 1 : (candidate.step ?? 0);
      const marks = Array.from({ length: candidate.steps }, (_, index) => ({ index, done }));
      keyed(steps, marks, ({ index }) => String(index), stepMark);
      show(steps, candidate.steps > 0);
      steps.setAttribute('aria-label', `Step ${candidate.step ?? 0} of ${candidate.steps}`);
      keyed(body, candidate.evidence, ({ metric }) => metric, evidenceRow);
      show(table, candidate.evidence.length > 0);
    },
  };
}

function stepMark() {
  const element = el('li');
  return {
    element,
    /** @param {{ index: number, done: number }} mark */
    update({ index, done }) {
      setClass(element, index + 1 < done ? 'past' : index + 1 === done ? 'present' : '');
    },
  };
}

function evidenceRow() {
  const cells = [el('th'), el('td'), el('td'), el('td')];
  cells[0]?.setAttribute('scope', 'row');
  return {
    element: el('tr', '', cells),
    /** @param {Evidence} evidence */
    update(evidence) {
      const synthetic = evidence.synthetic > 0 ? ` (${evidence.synthetic} synthetic)` : '';
      const texts = [evidence.metric, evidence.observed, evidence.threshold, `${evidence.samples}${synthetic}`];
      for (const [index, text] of texts.entries()) setText(/** @type {Node} */ (cells[index]), text);
    },
  };
}

/** @typedef {{ row: EntryStatus['quarantined'][number], asked: boolean }} Failure */

/**
 * What git asks for and may not run, in full; a few that it no longer asks for, in short.
 *
 * @param {EntryStatus} entry
 * @returns {Failure[]}
 */
function failuresOf({ quarantined, desired }) {
  const failures = quarantined.map((row) => ({ row, asked: row.release === desired?.release }));
  return [...failures.filter(({ asked }) => asked), ...failures.filter(({ asked }) => !asked).slice(0, MAX_PAST)];
}

function quarantineRow() {
  const release = el('code');
  const commit = el('code', 'quiet');
  const why = el('span');
  const measured = el('span', 'quiet');
  const releasedBy = el('span', 'quiet');
  const pill = el('span', 'pill bad', ['quarantined']);
  const element = el('li', '', [el('div', 'quarantine-head', [pill, release, commit]), why, measured, releasedBy]);
  return {
    element,
    /** @param {Failure} failure */
    update({ row, asked }) {
      setClass(element, asked ? '' : 'past');
      setClass(pill, `pill ${asked ? 'bad' : 'idle'}`);
      setText(release, shortHash(row.release));
      setText(commit, `commit ${shortCommit(row.commit)}`);
      commit.title = row.commit;
      setText(why, row.why);
      const news = row.evidence.filter(({ observed }) => !row.why.includes(observed));
      setText(measured, news.map(measurement).join('; '));
      show(measured, asked && news.length > 0);
      setText(releasedBy, asked ? `To release it: ${row.releasedBy}.` : '');
      show(releasedBy, asked);
    },
  };
}

function replicaChip() {
  const dot = el('i');
  const text = el('span');
  const detail = el('span', 'quiet');
  const element = el('li', '', [dot, text, detail]);
  return {
    element,
    /** @param {{ replica: ReplicaStatus, tried: boolean }} item */
    update({ replica, tried }) {
      setClass(element, `chip ${tone(replica.phase)}${tried ? ' candidate' : ''}`);
      setText(text, `${shortHash(replica.release).slice(0, 6)} ${words(replica.phase)}`);
      const details = [
        replica.isolation,
        replica.instancePolicy,
        replica.tier,
        replica.pid ? `pid ${replica.pid}` : '',
      ];
      setText(detail, details.filter(Boolean).join(' · '));
      const reason = replica.tierReason ? `${replica.tier} bindings: ${replica.tierReason}` : '';
      const walls = replica.isolationWhy ? `${replica.isolation}: ${replica.isolationWhy}` : '';
      const { instancePolicy, instancePolicyReason } = replica;
      const instances = instancePolicyReason ? `${instancePolicy}: ${instancePolicyReason}` : '';
      element.title = [replica.id, replica.message, reason, walls, instances].filter(Boolean).join('\n');
    },
  };
}

/** The last decision and all conditions, for whoever asks why. */
function whyView() {
  const decision = el('p');
  const inputs = el('dl', 'inputs');
  const conditions = el('ul', 'conditions');
  const element = el('details', 'why', [el('summary', '', ['Why']), decision, inputs, conditions]);
  return {
    element,
    /** @param {EntryStatus} entry */
    update(entry) {
      const record = entry.decision;
      setText(decision, record ? `Row ${record.row} of the table, ${record.rule}: ${record.why}` : '');
      const bindings = entry.tier ? [entry.tier, entry.tierReason].filter(Boolean).join(': ') : '';
      /** @type {[string, string][]} */
      const facts = bindings ? [['bindings', bindings]] : [];
      keyed(inputs, [...Object.entries(record?.inputs ?? {}), ...facts], ([name]) => name, pair);
      keyed(conditions, entry.conditions, ({ type }) => type, conditionRow);
    },
  };
}

/** @param {readonly [string, string]} first */
function pair(first) {
  const value = el('dd');
  return {
    element: el('div', '', [el('dt', '', [first[0]]), value]),
    /** @param {readonly [string, string]} item */
    update: (item) => setText(value, item[1]),
  };
}

function conditionRow() {
  const pill = el('span', 'pill');
  const text = el('span');
  return {
    element: el('li', '', [pill, text]),
    /** @param {Condition} condition */
    update(condition) {
      setText(pill, `${condition.type} ${condition.status}`);
      setClass(pill, `pill ${tone(condition.reason)}`);
      setText(text, `${words(condition.reason)}: ${condition.message}`);
    },
  };
}
