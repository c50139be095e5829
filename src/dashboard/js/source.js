// Where the status comes from: the event stream, which reconnects by itself, and the state where it is too large for it.

/** @typedef {import('../../model/status.ts').Status} Status */

const RETRY_MS = 5_000;

/**
 * @param {(status: Status) => void} onStatus
 * @param {(connected: boolean) => void} onLink
 */
export function follow(onStatus, onLink) {
  const stream = new EventSource('/api/v1/events');
  stream.addEventListener('open', () => onLink(true));
  stream.addEventListener('status', (event) => onStatus(JSON.parse(event.data)));
  stream.addEventListener('changed', () => {
    void fetchState().then(onStatus, () => onLink(false));
  });
  stream.addEventListener('error', () => {
    onLink(false);
    // A refusal (too many readers) ends an event source for good.
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => follow(onStatus, onLink), RETRY_MS);
  });
}

/** @returns {Promise<Status>} */
async function fetchState() {
  const response = await fetch('/api/v1/state');
  if (!response.ok) throw new Error(`the state answered ${response.status}`);
  return response.json();
}
