// The page of the status address. It only reads, and puts every string from outside in as text.

import { byId, el, keyed, setClass, setText, show } from './dom.js';
import { entryView, headline } from './entry.js';
import { setDaemonTime, shortCommit, since, timeOf, words } from './format.js';
import { follow } from './source.js';
import { renderTimeline } from './timeline.js';

/** @typedef {import('../../model/status.ts').Status} Status */
/** @typedef {{ key: string, tone: string, text: string }} Banner */

const TICK_MS = 1_000;

class Page {
  /** @type {Status | undefined} */
  #last;
  /**
   * When the line to the daemon was lost, in this browser's time.
   *
   * @type {number | undefined}
   */
  #lostAtMs;
  /**
   * What was last said of each entry, so that only news is announced.
   *
   * @type {Map<string, string>}
   */
  #announced = new Map();

  /** @param {boolean} connected */
  link(connected) {
    if (connected) this.#lostAtMs = undefined;
    else this.#lostAtMs ??= Date.now();
    this.tick();
  }

  /** @param {Status} status */
  render(status) {
    this.#last = status;
    setDaemonTime(status.now);
    renderHead(status);
    const entries = [...status.entries].sort((a, b) => (a.key < b.key ? -1 : 1));
    keyed(byId('components'), entries, ({ key }) => key, entryView);
    show(byId('empty'), status.entries.length === 0);
    renderTimeline(byId('commits'), status);
    renderDiagnostics(status);
    this.#announce(status);
    this.tick();
  }

  /** What changes without the daemon saying anything: ages, and the banners that tell them. */
  tick() {
    const status = this.#last;
    const lost = this.#lostAtMs === undefined ? [] : [lostBanner(this.#lostAtMs)];
    keyed(byId('banners'), [...lost, ...(status ? bannersOf(status) : [])], ({ key }) => key, bannerView);
    const lookedAt = status?.source.lastLookAt;
    if (status) setText(byId('looked'), lookedAt ? `${since(lookedAt)} ago` : 'never');
  }

  /** @param {Status} status */
  #announce(status) {
    const first = this.#announced.size === 0;
    const news = [];
    for (const entry of status.entries) {
      const step = entry.candidate?.step ? `, step ${entry.candidate.step} of ${entry.candidate.steps}` : '';
      const said = `${entry.key}: ${words(headline(entry)?.reason ?? '')}${step}`;
      if (this.#announced.get(entry.key) !== said) news.push(said);
      this.#announced.set(entry.key, said);
    }
    if (!first && news.length > 0) setText(byId('announcer'), news.join('. '));
  }
}

/** @param {Status} status */
function renderHead(status) {
  const { engine, environment, entries } = status;
  const sources = sourcesOf(status);
  setText(byId('environment'), environment);
  setText(byId('following'), sources.map(followingOf).join('; '));
  setText(byId('accepted'), sources.map(({ source }) => acceptedOf(source)).join(', '));
  byId('accepted').title = sources.map(({ source }) => source.acceptedCommit ?? '').join(' ');
  setText(byId('engine'), engine.connected ? `${countOf(engine)}generation ${engine.generation}` : 'not connected');
  const several = (engine.engines ?? []).map(
    ({ name, state, generation, requests }) =>
      `engine ${name}: ${state}, generation ${generation}, ${requests} requests`,
  );
  byId('engine').title = [engine.sandbox, ...several].join('\n');
  setText(byId('version'), status.version);
  setText(byId('count'), entries.length > 0 ? String(entries.length) : '');
  const bad = entries.filter((entry) => headline(entry)?.status === 'False').length;
  document.title = `${bad > 0 ? `(${bad}) ` : ''}Headway ${environment}`;
}

/**
 * @param {Status['engine']} engine
 * @returns {string}
 */
function countOf({ engines }) {
  if (!engines) return '';
  return `${engines.filter(({ state }) => state === 'Serving').length} of ${engines.length} engines, `;
}

/**
 * What is followed, by the name of its root where there are several.
 *
 * @param {Status} status
 * @returns {readonly { readonly root: string, readonly source: Status['source'] }[]}
 */
function sourcesOf({ roots, source }) {
  return roots ? roots.map((root) => ({ root: root.name, source: root.source })) : [{ root: '', source }];
}

/** @param {{ readonly root: string, readonly source: Status['source'] }} followed */
function followingOf({ root, source }) {
  const parts = [source.repository, source.ref, source.path].filter((part) => part !== '.').join(' · ');
  return root === '' ? parts : `${root}: ${parts}`;
}

/** @param {Status['source']} source */
function acceptedOf({ acceptedCommit }) {
  return acceptedCommit ? shortCommit(acceptedCommit) : '–';
}

/**
 * @param {number} lostAtMs
 * @returns {Banner}
 */
function lostBanner(lostAtMs) {
  const at = timeOf(new Date(lostAtMs).toISOString());
  return { key: 'link', tone: 'bad', text: `No answer from the daemon since ${at}. What is below may be old.` };
}

/**
 * @param {Status} status
 * @returns {Banner[]}
 */
function bannersOf(status) {
  /** @type {Banner[]} */
  const banners = [];
  for (const { root, source } of sourcesOf(status)) {
    const { condition } = source;
    if (condition.status === 'True') continue;
    const said = `${words(condition.reason)} since ${timeOf(condition.since)} (${since(condition.since)}): ${condition.message}`;
    const text = root === '' ? said : `${root}: ${said}`;
    banners.push({ key: `source ${root}`, tone: condition.status === 'False' ? 'bad' : 'warn', text });
  }
  if (!status.engine.connected) banners.push({ key: 'engine', tone: 'bad', text: 'The engine does not answer.' });
  else if (!status.ready)
    banners.push({ key: 'ready', tone: 'warn', text: 'The last good state is not yet in force.' });
  return banners;
}

function bannerView() {
  const element = el('p', 'banner');
  return {
    element,
    /** @param {Banner} banner */
    update(banner) {
      setClass(element, `banner ${banner.tone}`);
      setText(element, banner.text);
    },
  };
}

/** @param {Status} status */
function renderDiagnostics({ diagnostics }) {
  show(byId('diagnostics'), diagnostics.length > 0);
  const keyOf = (/** @type {Status['diagnostics'][number]} */ { code, message, span, root }) =>
    `${root} ${code} ${span?.file} ${span?.line} ${message}`;
  keyed(byId('diagnostics-list'), diagnostics, keyOf, (first) => {
    const root = first.root === undefined ? '' : `${first.root}: `;
    const place = `${root}${first.span ? `${first.span.file}:${first.span.line}:${first.span.column}` : ''}`;
    const pill = el('span', `pill ${first.severity === 'error' ? 'bad' : 'warn'}`, [first.code]);
    const parts = [pill, el('code', '', [place]), el('span', '', [first.message]), el('span', 'quiet', [first.remedy])];
    return { element: el('li', '', parts), update: () => undefined };
  });
}

const page = new Page();
follow(
  (status) => page.render(status),
  (connected) => page.link(connected),
);
setInterval(() => page.tick(), TICK_MS);
