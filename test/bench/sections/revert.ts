/**
 * `git revert` → serving, after the fetch: from the moment that the mirror has the commit (the daemon's log line
 * `fetched`) to the first answer of the release before to a client that asked after it. Push and fetch take what git takes.
 */
import type { SectionResult } from '../harness.ts';
import { Follower } from '../peers/follower.ts';
import { summariseTimes } from '../times.ts';
import { Watcher, type Sighting } from '../watcher.ts';
import { IMMEDIATE, type TimesSettings } from './deploy.ts';

const ASKED_PER_SECOND = 500;
const WARM_UP_ROUNDS = 1;
const TO_SERVING = 'fetched → the release before serves';

export async function benchRevert(
  { pushes }: TimesSettings,
  onTime: (round: number, subject: string, milliseconds: number) => void,
): Promise<SectionResult> {
  const times = new Map<string, number[]>();
  const follower = await Follower.start({ wasms: ['greeting-v1', 'greeting-v2'], policy: IMMEDIATE });
  const watcher = new Watcher(`${follower.daemon.url}/`, ASKED_PER_SECOND);
  try {
    const first = await follower.proven();
    for (let round = 1; round <= pushes + WARM_UP_ROUNDS; round += 1) {
      await follower.commit({ wasm: 'greeting-v2', round });
      await follower.push();
      await follower.proven();
      watcher.forget();
      await follower.repository.git('revert', '--no-edit', 'HEAD');
      const { commit, startedAtMs } = await follower.push();
      await follower.proven();
      const fetchedAtMs = follower.loggedAtMs('fetched', commit);
      // Asked before the fetch it is a straggler of the swap before: a request may take its time in a cell that drains.
      const served = (): Sighting | undefined =>
        watcher.sightings.find(({ release, askedAtMs }) => release === first && askedAtMs >= fetchedAtMs);
      if (!served()) await watcher.until('the release before answers', () => served() !== undefined);
      const servingAtMs = served()!.atMs;
      if (round <= WARM_UP_ROUNDS) continue;
      for (const [subject, milliseconds] of [
        [TO_SERVING, servingAtMs - fetchedAtMs],
        ['push → fetched', fetchedAtMs - startedAtMs],
      ] as const) {
        times.set(subject, [...(times.get(subject) ?? []), milliseconds]);
        onTime(round - WARM_UP_ROUNDS, subject, milliseconds);
      }
    }
  } finally {
    watcher.stop();
    await follower.stop();
  }
  return summariseTimes('Revert, after the fetch', `Immediate, hint, Node ${process.versions.node}`, times, [
    { subject: TO_SERVING, p95AtMostMs: 200 },
  ]);
}
