/**
 * Hard stop → all traffic on serving: a canary answers 500 to everything; from the answer that completes the run of
 * `consecutiveErrors`, as a client sees it, to the last answer of the candidate. The client asks for what the testbed
 * answers with 500 and the greeting with 404, so that only the candidate fails.
 */
import type { SectionResult } from '../harness.ts';
import { Follower } from '../peers/follower.ts';
import { summariseTimes } from '../times.ts';
import { Watcher, type Sighting } from '../watcher.ts';

const ASKED_PER_SECOND = 500;
const WARM_UP_ROUNDS = 1;
const CONSECUTIVE_ERRORS = 5;
/** No answer of the candidate for so long: none comes any more. */
const QUIET_MS = 500;
const TO_SERVING = 'hard stop → all on serving';

const CANARY = `  strategy: {type: Canary, canary: {steps: [{weight: 20, minDuration: 10s, deadline: 1m}]}}
  gate:
    errors: {tolerable: "0.5%", intolerable: "5%", statuses: [5xx], maxShiftOfClientErrors: "100%"}
    hardStops: {consecutiveErrors: ${CONSECUTIVE_ERRORS}, crashes: 2, window: 60s}
    minSamples: 50
    warmUp: {requests: 50, duration: 10s}
    insufficientData: Hold
  bake: {duration: 200ms, deadline: 10m}
  breaker: {maxRollbacks: 100, window: 1h}
`;

export interface HardStopSettings {
  readonly pushes: number;
}

export async function benchHardStop(
  { pushes }: HardStopSettings,
  onTime: (round: number, subject: string, milliseconds: number) => void,
): Promise<SectionResult> {
  const times: number[] = [];
  const follower = await Follower.start({ wasms: ['greeting-v1', 'testbed'], policy: CANARY });
  const watcher = new Watcher(`${follower.daemon.url}/status?code=500`, ASKED_PER_SECOND);
  try {
    await follower.proven();
    for (let round = 1; round <= pushes + WARM_UP_ROUNDS; round += 1) {
      watcher.forget();
      const failed = watcher.until('the candidate answers', ({ status }) => status >= 500);
      await follower.commit({ wasm: 'testbed', round });
      await follower.push();
      await failed;
      const took = await untilGone(watcher);
      if (round <= WARM_UP_ROUNDS) continue;
      times.push(took);
      onTime(round - WARM_UP_ROUNDS, TO_SERVING, took);
    }
  } finally {
    watcher.stop();
    await follower.stop();
  }
  const conditions = `Canary at 20 %, ${ASKED_PER_SECOND} requests a second, ${CONSECUTIVE_ERRORS} errors in a row, Node ${process.versions.node}`;
  return summariseTimes('Hard stop', conditions, new Map([[TO_SERVING, times]]), [
    { subject: TO_SERVING, p95AtMostMs: 200 },
  ]);
}

async function untilGone(watcher: Watcher): Promise<number> {
  const failures = (): Sighting[] => watcher.sightings.filter(({ status }) => status >= 500);
  await watcher.until(
    'the candidate answers no more',
    ({ atMs }) => failures().length >= CONSECUTIVE_ERRORS && atMs - failures().at(-1)!.atMs > QUIET_MS,
  );
  const seen = failures();
  return seen.at(-1)!.atMs - seen[CONSECUTIVE_ERRORS - 1]!.atMs;
}
