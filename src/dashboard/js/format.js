// How values are written for people. Times are those of the daemon; `skewMs` carries them over to this clock.

const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});
const HASH_CHARACTERS = 12;
const COMMIT_CHARACTERS = 8;

/** What the daemon's clock is ahead of the browser's. */
let skewMs = 0;

/** @param {string} now */
export function setDaemonTime(now) {
  skewMs = Date.parse(now) - Date.now();
}

/** @param {string} hash */
export function shortHash(hash) {
  return hash.replace(/^sha256:/, '').slice(0, HASH_CHARACTERS);
}

/** @param {string} commit */
export function shortCommit(commit) {
  return commit.slice(0, COMMIT_CHARACTERS);
}

/** @param {string} iso */
export function timeOf(iso) {
  const time = Date.parse(iso);
  return Number.isNaN(time) ? '' : clock.format(time);
}

/** @param {number} milliseconds */
export function duration(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d`;
}

/** @param {string} iso */
export function since(iso) {
  const time = Date.parse(iso);
  return Number.isNaN(time) ? '' : duration(Date.now() + skewMs - time);
}

/** @type {Readonly<Record<string, string>>} */
const TONES = {
  InSync: 'good',
  Proven: 'good',
  Reverted: 'good',
  Live: 'good',
  Ready: 'good',
  True: 'good',
  Pass: 'good',
  Progressing: 'busy',
  Baking: 'busy',
  FirstDeployment: 'busy',
  InProgress: 'busy',
  Accepted: 'busy',
  Starting: 'busy',
  Handover: 'busy',
  Warming: 'busy',
  Continue: 'busy',
  RolledBack: 'bad',
  Quarantined: 'bad',
  Refused: 'bad',
  PolicyExceeded: 'bad',
  InvalidManifest: 'bad',
  SourceUnavailable: 'bad',
  NonFastForward: 'bad',
  Unsigned: 'bad',
  BreakerOpen: 'bad',
  GroupRolledBack: 'bad',
  Degraded: 'bad',
  FiringFailed: 'bad',
  ToolchainRegression: 'bad',
  Unhealthy: 'bad',
  Fail: 'bad',
  Ended: 'idle',
  Draining: 'idle',
  NoChange: 'idle',
  Superseded: 'idle',
};

/**
 * The colour of a word; what has none of its own asks for attention.
 *
 * @param {string} word
 */
export function tone(word) {
  return TONES[word] ?? 'warn';
}

/**
 * `SharedOutage` → `shared outage`.
 *
 * @param {string} reason
 */
export function words(reason) {
  return reason.replaceAll(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
}

/**
 * One measured value beside its bound, in a line.
 *
 * @param {import('../../model/status.ts').Evidence} evidence
 */
export function measurement({ metric, observed, threshold, samples, synthetic }) {
  const made = synthetic > 0 ? `, ${synthetic} synthetic` : '';
  return `${metric} ${observed}, threshold ${threshold}, ${samples} ${samples === 1 ? 'sample' : 'samples'}${made}`;
}
