/**
 * I1 under planned changes: thirty commits, each of which swaps one entry of every strategy and two linked cells, while other processes send requests and
 * count what comes back. Nothing is lost, answered twice or by two revisions, and every failure is a bad revision's own.
 */
import { expect, it } from 'vitest';
import type { EntryStatus, Status } from '../../src/model/status.ts';
import type { LoadReport } from '../bench/load-process.ts';
import { ALL_ENTRIES, Fleet, LINKED, PRICES, VERSIONS, type Build, type EntryName } from './fleet.ts';
import { PriceCheck } from './price-check.ts';

const SWAPS_TIMEOUT_MS = 1_200_000;
/** Of one commit, on a machine that is busy with other things. */
const COMMIT_TIMEOUT_MS = 60_000;

type Fate = 'Proven' | 'RolledBack';

interface Change {
  readonly wasm: string;
  readonly fate: Fate;
}

const good = (wasm: string): Change => ({ wasm, fate: 'Proven' });
const bad = (wasm: string): Change => ({ wasm, fate: 'RolledBack' });

/** What becomes of the entries in turn: the first, third and fifth of them, and the others. Linked ones share what changes. */
interface Pair {
  readonly odd: Change;
  readonly even: Change;
}

/** One commit: a change of each entry, `git revert` of the commit before, or two commits with no time between them. */
type Round =
  | { readonly type: 'Change'; readonly changes: Pair }
  | { readonly type: 'Revert' }
  | { readonly type: 'Overtaken'; readonly by: Pair };

/** Ten commits, seventy swaps: good, bad, reverts of both, some good and some bad in one, and a commit overtaken. */
const CYCLE: readonly Round[] = [
  { type: 'Change', changes: { odd: good('greeting-v2'), even: good('greeting-v2') } },
  { type: 'Revert' },
  { type: 'Change', changes: { odd: bad('greeting-flaky'), even: bad('greeting-traps') } },
  { type: 'Revert' },
  { type: 'Change', changes: { odd: good('greeting-slow-tail'), even: bad('greeting-flaky') } },
  { type: 'Change', changes: { odd: bad('greeting-traps'), even: good('greeting-slow-tail') } },
  { type: 'Change', changes: { odd: good('greeting-v2'), even: good('greeting-v2') } },
  { type: 'Overtaken', by: { odd: good('greeting-v1'), even: good('greeting-v1') } },
  { type: 'Change', changes: { odd: good('greeting-v2'), even: good('greeting-slow-tail') } },
  { type: 'Revert' },
];
const CYCLES = 3;
const ENTRIES = ALL_ENTRIES;
const SWAPS = CYCLES * CYCLE.length * ENTRIES.length;
const GETS_PER_SECOND = 80;

function changesOf(pair: Pair): Readonly<Record<EntryName, Change>> {
  const changes = ENTRIES.map((entry, index) => {
    const isOdd = index % 2 === 0 && !LINKED.includes(entry);
    return [entry, isOdd ? pair.odd : pair.even] as const;
  });
  return Object.fromEntries(changes) as Record<EntryName, Change>;
}

it(
  `${SWAPS} swaps under load: nothing is lost, doubled, mixed up or failed by Headway`,
  async () => {
    const fleet = await Fleet.start({ entries: ENTRIES });
    const releases = new Map<string, Change>();
    const history = new History(releases, await fleet.daemon.status());
    const visitors = fleet.visitors({ getsPerSecond: GETS_PER_SECOND });
    const prices = new PriceCheck(fleet, LINKED);
    let round = 0;
    for (let cycle = 0; cycle < CYCLES; cycle += 1) {
      for (const step of CYCLE) {
        round += 1;
        await play(fleet, history, step, round);
      }
    }
    const said = await prices.stop();
    const reports = new Map<EntryName, LoadReport[]>();
    for (const { entry, stop } of visitors) reports.set(entry, [...(reports.get(entry) ?? []), await stop()]);

    for (const report of [...reports.values()].flat()) {
      expect(report).toMatchObject({ lost: {}, duplicated: 0, mismatched: 0, refused: 0, answers: report.sent });
      expect(failuresOfOthers(report, releases)).toEqual([]);
      expect(answersOfTwo(report, releases)).toEqual([]);
    }
    expect(history.swaps).toBe(SWAPS);
    expect(otherPrices(said, releases)).toEqual([]);
    expect(said.size).toBeGreaterThan(LINKED.length * CYCLES);
    // Every release that was meant to serve did serve somebody, and bad ones were given their chance to fail.
    const seen = new Set([...reports.values()].flat().flatMap(({ byRelease }) => Object.keys(byRelease)));
    expect([...history.served].filter((release) => !seen.has(release))).toEqual([]);
    const answers = [...reports.values()].flat().reduce((sum, report) => sum + report.answers, 0);
    expect(answers).toBeGreaterThan(100 * SWAPS);
    const failures = [...reports.values()].flat().reduce((sum, { status5xx }) => sum + status5xx, 0);
    expect(failures).toBeGreaterThan(0);
  },
  SWAPS_TIMEOUT_MS,
);

/** What served before and after each commit. */
class History {
  readonly releases: Map<string, Change>;
  /** Short names of the releases that were promoted. */
  readonly served = new Set<string>();
  swaps = 0;
  readonly #serving: Record<string, string[]> = {};

  constructor(releases: Map<string, Change>, status: Status | undefined) {
    this.releases = releases;
    for (const entry of ENTRIES) this.promoted(entry, find(status, entry)!, good('greeting-v1'));
  }

  present(entry: EntryName): string {
    return this.#serving[entry]!.at(-1)!;
  }

  /** What served before the last commit. */
  before(entry: EntryName): string {
    return this.#serving[entry]!.at(-2)!;
  }

  promoted(entry: EntryName, { serving }: EntryStatus, change: Change | undefined): void {
    const release = serving!.release;
    if (change) this.releases.set(labelOf(release), change);
    this.served.add(labelOf(release));
    (this.#serving[entry] ??= []).push(release);
  }
}

async function play(fleet: Fleet, history: History, step: Round, round: number): Promise<void> {
  if (step.type === 'Revert') return playRevert(fleet, history, round);
  const changes = changesOf(step.type === 'Change' ? step.changes : step.by);
  if (step.type === 'Overtaken') await overtaken(fleet, history, round);
  const commit = await fleet.deploy(`Round ${round}`, buildsOf(changes, round));
  for (const entry of ENTRIES) {
    const before = history.present(entry);
    const change = changes[entry];
    const after = await fleet.daemon.entry(
      `shop/${entry}`,
      `round ${round}, ${change.wasm}: ${change.fate}`,
      (seen, status) => isDecided(seen, status, { commit, before, fate: change.fate }),
      COMMIT_TIMEOUT_MS,
    );
    history.releases.set(labelOf(after.desired!.release), change);
    history.promoted(entry, after, change.fate === 'Proven' ? change : undefined);
    history.swaps += 1;
  }
}

/** A commit whose candidates the next one preempts, wherever they are by then. */
async function overtaken(fleet: Fleet, history: History, round: number): Promise<void> {
  const change = good('greeting-slow-tail');
  const commit = await fleet.deploy(
    `Round ${round}, overtaken`,
    buildsOf(changesOf({ odd: change, even: change }), -round),
  );
  const status = await fleet.daemon.until(
    `round ${round}: it is accepted`,
    ({ source, entries }) =>
      source.acceptedCommit === commit &&
      ENTRIES.every((entry) => entries.find(({ key }) => key === `shop/${entry}`)?.desired?.commit === commit),
    COMMIT_TIMEOUT_MS,
  );
  for (const entry of ENTRIES) history.releases.set(labelOf(find(status, entry)!.desired!.release), change);
}

async function playRevert(fleet: Fleet, history: History, round: number): Promise<void> {
  const commit = await fleet.revert();
  for (const entry of ENTRIES) {
    const wanted = history.before(entry);
    const after = await fleet.daemon.entry(
      `shop/${entry}`,
      `round ${round}: the revert serves`,
      (seen, { source }) =>
        source.acceptedCommit === commit &&
        seen.desired?.release === wanted &&
        seen.serving?.release === wanted &&
        seen.proven?.release === wanted &&
        !seen.candidate,
      COMMIT_TIMEOUT_MS,
    );
    history.promoted(entry, after, undefined);
    history.swaps += 1;
  }
}

function isDecided(
  entry: EntryStatus,
  { timeline }: Status,
  { commit, before, fate }: { readonly commit: string; readonly before: string; readonly fate: Fate },
): boolean {
  if (entry.desired?.commit !== commit || entry.candidate) return false;
  if (fate === 'Proven') {
    return entry.serving?.release === entry.desired.release && entry.proven?.release === entry.desired.release;
  }
  const said = timeline.some(
    (event) =>
      event.entry === entry.key &&
      event.commit === commit &&
      (event.reason === 'RolledBack' || event.reason === 'Quarantined'),
  );
  return said && entry.serving?.release === before;
}

/** 5xx that no bad revision made: answers of Headway's own, and of good releases. */
function failuresOfOthers({ byReleaseAndStatus }: LoadReport, releases: ReadonlyMap<string, Change>): string[] {
  return Object.keys(byReleaseAndStatus).filter((key) => {
    const [release = '', status = ''] = key.split(' ');
    return status !== '200' && releases.get(release)?.fate !== 'RolledBack';
  });
}

/** Answers in which one release speaks as another one. A trap has no version: nobody of the guest was left to say it. */
function answersOfTwo({ labels }: LoadReport, releases: ReadonlyMap<string, Change>): string[] {
  return Object.keys(labels).filter((key) => {
    const [release = '', version = ''] = key.split(' ');
    const wasm = releases.get(release)?.wasm;
    if (wasm === 'greeting-traps' && version === '-') return false;
    return wasm === undefined || version !== VERSIONS[wasm];
  });
}

/** Prices that a release said and that are not of the tax that its cells hold. */
function otherPrices(said: ReadonlyMap<string, ReadonlySet<string>>, releases: ReadonlyMap<string, Change>): string[] {
  return [...said].flatMap(([release, prices]) => {
    const wasm = releases.get(release)?.wasm;
    const expected = wasm === undefined ? '' : PRICES[wasm];
    return [...prices].filter((price) => price !== expected).map((price) => `${release} ${wasm}: ${price}`);
  });
}

function buildsOf(changes: Readonly<Record<EntryName, Change>>, round: number): Record<EntryName, Build> {
  const builds = ENTRIES.map((entry) => [entry, { wasm: changes[entry].wasm, round }] as const);
  return Object.fromEntries(builds) as Record<EntryName, Build>;
}

function find(status: Status | undefined, entry: EntryName): EntryStatus | undefined {
  return status?.entries.find(({ key }) => key === `shop/${entry}`);
}

/** As `x-headway-release` says it. */
function labelOf(release: string): string {
  return release.slice(0, 12);
}
