/**
 * Push → serving: from just before `git push` to the first answer of the new release, as a client sees it. Strategy
 * `Immediate`, the webhook's hint after the push, the component's bundle in the cache (it ran before; the revision is
 * new). Beside it, in the same run and in turn: `git push` and `git fetch` by hand.
 */
import type { SectionResult } from '../harness.ts';
import { ByHand } from '../peers/by-hand.ts';
import { Follower } from '../peers/follower.ts';
import { summariseTimes } from '../times.ts';
import { Watcher } from '../watcher.ts';

const ASKED_PER_SECOND = 500;
const WARM_UP_ROUNDS = 2;
const TO_SERVING = 'push → serving';

export const IMMEDIATE = `  strategy: {type: Immediate}
  gate: {minSamples: 20, warmUp: {requests: 10, duration: 1s}, synthetic: {requests: 200, httpGet: {path: /}}}
  bake: {duration: 200ms, deadline: 10m}
`;

export interface TimesSettings {
  readonly pushes: number;
}

type OnTime = (round: number, subject: string, milliseconds: number) => void;

export async function benchDeploy({ pushes }: TimesSettings, onTime: OnTime): Promise<SectionResult> {
  const times = new Map<string, number[]>();
  const note = (round: number, subject: string, milliseconds: number): void => {
    if (round <= WARM_UP_ROUNDS) return;
    times.set(subject, [...(times.get(subject) ?? []), milliseconds]);
    onTime(round - WARM_UP_ROUNDS, subject, milliseconds);
  };
  const byHand = await ByHand.start();
  const follower = await Follower.start({ wasms: ['greeting-v1', 'greeting-v2'], policy: IMMEDIATE });
  const watcher = new Watcher(`${follower.daemon.url}/`, ASKED_PER_SECOND);
  try {
    let before = await follower.proven();
    for (let round = 1; round <= pushes + WARM_UP_ROUNDS; round += 1) {
      const hand = await byHand.once(round);
      note(round, 'by hand: push + fetch', hand.pushMs + hand.fetchMs);
      await follower.commit({ wasm: round % 2 ? 'greeting-v2' : 'greeting-v1', round });
      watcher.forget();
      const arrived = watcher.until('the new release answers', ({ release }) => release !== before);
      const { commit, startedAtMs, pushedAtMs } = await follower.push();
      await arrived;
      const servingAtMs = watcher.sightings.find(({ release }) => release !== before)!.atMs;
      note(round, TO_SERVING, servingAtMs - startedAtMs);
      note(round, 'of it: git push', pushedAtMs - startedAtMs);
      const fetchedAtMs = follower.loggedAtMs('fetched', commit);
      const acceptedAtMs = follower.loggedAtMs('accepted a commit', commit);
      note(round, 'of it: hint → fetched', fetchedAtMs - pushedAtMs);
      note(round, 'of it: fetched → accepted', acceptedAtMs - fetchedAtMs);
      note(round, 'of it: accepted → serving', servingAtMs - acceptedAtMs);
      before = await follower.proven();
    }
  } finally {
    watcher.stop();
    await follower.stop();
    await byHand.stop();
  }
  return summariseTimes('Push → serving', `Immediate, hint, warm cache, Node ${process.versions.node}`, times, [
    { subject: TO_SERVING, p95AtMostMs: 500 },
  ]);
}
