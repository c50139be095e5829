/** Greets once with luck on its side, says so, and greets again without: that one never ends. */
/* oxlint-disable unicorn/require-post-message-target-origin -- a message port of a thread has no origin */
import { parentPort } from 'node:worker_threads';
import { startService, load } from './component.ts';

const loaded = await load('greeting-spins');
const lucky = await startService(loaded, { random: 1n });
if (lucky.call('/').status === 200) parentPort!.postMessage('greeted');
const unlucky = await startService(loaded, { random: 0n });
unlucky.call('/');
parentPort!.postMessage('ended');
