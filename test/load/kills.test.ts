/**
 * I1 and I4 under kills, counted by clients in processes of their own. Control may die or stand still at any moment and
 * no client notices; the death of an engine or a cell costs what was in it, and what is live afterwards is what an
 * undisturbed run would have reached.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { EntryStatus } from '../../src/model/status.ts';
import type { LoadReport } from '../bench/load-process.ts';
import { seeded } from '../support/seeded.ts';
import { ENTRIES, Fleet, type Build, type FleetLoad } from './fleet.ts';

const TEST_TIMEOUT_MS = 300_000;
const CONVERGE_TIMEOUT_MS = 60_000;
const PAUSE_MS = 10_000;
/** `HEADWAY_SEED` plays other moments; a failure prints the one that it used. */
const SEED = Number(process.env['HEADWAY_SEED'] ?? 20261121);

const WHOLE = { lost: {}, duplicated: 0, mismatched: 0, refused: 0 } as const;

async function finish(loads: readonly FleetLoad[]): Promise<readonly LoadReport[]> {
  return Promise.all(loads.map(({ stop }) => stop()));
}

function both(wasm: string, round: number): Record<(typeof ENTRIES)[number], Build> {
  return { 'at-once': { wasm, round }, 'by-steps': { wasm, round } };
}

async function converges(fleet: Fleet, what: string, commit: string): Promise<void> {
  for (const entry of ENTRIES) {
    await fleet.daemon.entry(
      `shop/${entry}`,
      what,
      (seen, { ready, source }) => ready && source.acceptedCommit === commit && isProven(seen),
      CONVERGE_TIMEOUT_MS,
    );
  }
}

function isProven({ candidate, desired, serving, proven, replicas }: EntryStatus): boolean {
  return (
    !candidate &&
    serving?.release === desired?.release &&
    proven?.release === desired?.release &&
    replicas.some(({ phase, release }) => phase === 'Ready' && release === desired?.release)
  );
}

/** Kills control where it runs; it may be between two lives. */
function killControl(fleet: Fleet): boolean {
  const [pid] = fleet.daemon.processes().get('control') ?? [];
  if (pid !== undefined) process.kill(pid, 'SIGKILL');
  return pid !== undefined;
}

describe('control', () => {
  it(
    `is killed at random moments of swaps (seed ${SEED}), some of them twice: no client notices, every swap ends`,
    async () => {
      const random = seeded(SEED);
      const fleet = await Fleet.start();
      const visitors = fleet.visitors();
      let kills = 0;
      for (let round = 1; round <= 10; round += 1) {
        const pushed = fleet.deploy(`Round ${round}`, both(round % 2 ? 'greeting-v2' : 'greeting-v1', round));
        // Also while the push and the hint are under way.
        const delays = [Math.floor(random() * 1_500), ...(random() < 0.3 ? [Math.floor(random() * 600)] : [])];
        for (const delayMs of delays) {
          await sleep(delayMs);
          if (killControl(fleet)) kills += 1;
        }
        await converges(fleet, `round ${round} is proven after kills at ${delays.join(' + ')} ms`, await pushed);
      }
      expect(kills).toBeGreaterThanOrEqual(10);
      for (const report of await finish(visitors)) {
        expect(report).toMatchObject({ ...WHOLE, answers: report.sent, byStatus: { 200: report.sent } });
      }
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'is killed while a bad revision is rolled back: the bad one is never tried again',
    async () => {
      const fleet = await Fleet.start();
      const before = await fleet.daemon.status();
      const visitors = fleet.visitors();
      const commit = await fleet.deploy('Break it', both('greeting-flaky', 1));
      await fleet.daemon.until(
        'both are rolled back',
        ({ timeline }) => ENTRIES.every((name) => isRolledBack(timeline, `shop/${name}`, commit)),
        CONVERGE_TIMEOUT_MS,
      );
      const failed = await Promise.all(ENTRIES.map((name) => fleet.daemon.entry(`shop/${name}`, 'there', () => true)));
      const labels = failed.map(({ desired }) => desired!.release.slice(0, 12));
      killControl(fleet);
      const reports = await finish(visitors);
      for (const report of reports) {
        expect(report).toMatchObject({ ...WHOLE, answers: report.sent });
        const others = Object.keys(report.byReleaseAndStatus).filter(
          (key) => !key.endsWith(' 200') && !labels.some((label) => key.startsWith(label)),
        );
        expect(others).toEqual([]);
      }
      // Control came back to a quarantine: nobody sees the bad revision any more.
      const late = fleet.visitors();
      await fleet.daemon.until(
        'control is back, and has decided',
        ({ ready, entries }) =>
          ready &&
          ENTRIES.every((name) =>
            entries.some(
              ({ key, candidate, serving, decision }) =>
                key === `shop/${name}` &&
                !candidate &&
                decision?.row === 6 &&
                serving?.release === before?.entries.find((entry) => entry.key === key)?.serving?.release,
            ),
          ),
        CONVERGE_TIMEOUT_MS,
      );
      await sleep(2_000);
      for (const report of await finish(late)) {
        expect(report).toMatchObject({ ...WHOLE, byStatus: { 200: report.sent } });
        expect(Object.keys(report.byRelease).filter((release) => labels.includes(release))).toEqual([]);
      }
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'stands still for ten seconds in the middle of a swap: no client notices, and the swap goes on',
    async () => {
      const fleet = await Fleet.start();
      const visitors = fleet.visitors({ getsPerSecond: 300, postsPerSecond: 20 });
      const commit = await fleet.deploy('Greet better', both('greeting-v2', 1));
      await fleet.daemon.entry('shop/by-steps', 'it has some of the traffic', ({ candidate }) => {
        return candidate !== undefined && candidate.weight > 0;
      });
      const control = fleet.daemon.one('control');
      process.kill(control, 'SIGSTOP');
      onTestFinished(() => void continueProcess(control));
      await sleep(PAUSE_MS);
      process.kill(control, 'SIGCONT');
      await converges(fleet, 'the swap ends', commit);
      const reports = await finish(visitors);
      for (const report of reports) {
        expect(report).toMatchObject({ ...WHOLE, answers: report.sent, byStatus: { 200: report.sent } });
      }
      expect(reports[0]!.answers).toBeGreaterThan(2_000);
    },
    TEST_TIMEOUT_MS,
  );
});

describe('the engine', () => {
  it(
    'is killed three times: each costs at most what was in flight, and what served serves again',
    async () => {
      const kills = 3;
      const connections = 8;
      const fleet = await Fleet.start();
      const before = await fleet.daemon.status();
      const load = fleet.load('by-steps', { rate: 200, connections });
      for (let kill = 1; kill <= kills; kill += 1) {
        await sleep(500);
        const engine = fleet.daemon.one('engine');
        process.kill(engine, 'SIGKILL');
        await fleet.daemon.until(
          `after kill ${kill} another engine has ready replicas`,
          ({ engine: { connected }, entries, ready }) =>
            ready &&
            connected &&
            fleet.daemon
              .processes()
              .get('engine')
              ?.some((pid) => pid !== engine) === true &&
            entries.every(isProven),
          CONVERGE_TIMEOUT_MS,
        );
      }
      const report = await load.stop();
      // Lost: one request per connection and kill. Refused: there is no listener. 503: there is, and no cell yet.
      expect(report.lostTotal).toBeLessThanOrEqual(kills * connections);
      expect(Object.keys(report.lost).filter((how) => !/closed before the answer|broke off/.test(how))).toEqual([]);
      expect(report).toMatchObject({ duplicated: 0, mismatched: 0 });
      expect(Object.keys(report.byStatus).filter((status) => status !== '200' && status !== '503')).toEqual([]);
      const after = await fleet.daemon.status();
      for (const { key, serving, quarantined } of after!.entries) {
        expect(serving?.release).toBe(before!.entries.find((entry) => entry.key === key)?.serving?.release);
        expect(quarantined).toEqual([]);
      }
      const calm = fleet.load('by-steps', { rate: 200, connections, requests: 200 });
      await sleep(1_500);
      const settled = await calm.stop();
      expect(settled).toMatchObject({ ...WHOLE, byStatus: { 200: settled.sent } });
    },
    TEST_TIMEOUT_MS,
  );
});

describe('a cell', () => {
  it(
    'of two is killed, three times: GETs are tried again on the other, an upload in it is one 502 or one broken connection',
    async () => {
      const kills = 3;
      const uploaders = 2;
      const fleet = await Fleet.start({ replicas: 2 });
      const gets = fleet.load('by-steps', { rate: 300, connections: 16 });
      const posts = fleet.load('by-steps', {
        url: `${fleet.daemon.url}/echo`,
        rate: 40,
        connections: uploaders,
        bodyBytes: 100_000,
      });
      const dead = new Set<number>();
      for (let kill = 1; kill <= kills; kill += 1) {
        const { replicas } = await fleet.daemon.entry(
          'shop/by-steps',
          `two replicas are ready before kill ${kill}`,
          (seen) => readyOf(seen, dead).length === 2,
          CONVERGE_TIMEOUT_MS,
        );
        await sleep(500);
        const pid = replicas.find((replica) => replica.phase === 'Ready' && !dead.has(replica.pid!))!.pid!;
        dead.add(pid);
        process.kill(pid, 'SIGKILL');
      }
      await fleet.daemon.entry(
        'shop/by-steps',
        'two are ready again',
        (seen) => readyOf(seen, dead).length === 2,
        CONVERGE_TIMEOUT_MS,
      );
      const [get, post] = await finish([gets, posts]);
      expect(get).toMatchObject({ ...WHOLE, byStatus: { 200: get!.sent } });
      expect(post).toMatchObject({ duplicated: 0, mismatched: 0, refused: 0 });
      expect(Object.keys(post!.byStatus).filter((status) => status !== '200' && status !== '502')).toEqual([]);
      expect(post!.lostTotal + post!.status5xx).toBeLessThanOrEqual(kills * uploaders);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'that is alone is killed: its calls fail at once and once, and it is started again',
    async () => {
      const fleet = await Fleet.start();
      const load = fleet.load('by-steps', { rate: 200, connections: 8 });
      const before = await fleet.daemon.entry(
        'shop/by-steps',
        'a replica is ready',
        (seen) => readyOf(seen).length === 1,
      );
      await sleep(500);
      const pid = readyOf(before)[0]!.pid!;
      process.kill(pid, 'SIGKILL');
      const after = await fleet.daemon.entry(
        'shop/by-steps',
        'another one is ready',
        (seen) => readyOf(seen, new Set([pid])).length === 1,
        CONVERGE_TIMEOUT_MS,
      );
      await sleep(500);
      const report = await load.stop();
      expect(report).toMatchObject({ ...WHOLE, answers: report.sent });
      // 502: it was in the cell. 503: there was no cell.
      expect(report.byStatus['502'] ?? 0).toBeLessThanOrEqual(8);
      expect(Object.keys(report.byStatus).filter((status) => !['200', '502', '503'].includes(status))).toEqual([]);
      expect(after.serving?.release).toBe(before.serving?.release);
      expect(after.quarantined).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );
});

function readyOf({ replicas }: EntryStatus, dead: ReadonlySet<number> = new Set()): EntryStatus['replicas'] {
  return replicas.filter(({ phase, pid }) => phase === 'Ready' && pid !== undefined && !dead.has(pid));
}

function isRolledBack(
  timeline: readonly { readonly entry?: string; readonly commit: string; readonly reason: string }[],
  key: string,
  commit: string,
): boolean {
  return timeline.some(
    (event) =>
      event.entry === key &&
      event.commit === commit &&
      (event.reason === 'RolledBack' || event.reason === 'Quarantined'),
  );
}

function continueProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch {
    // It has ended.
  }
}
