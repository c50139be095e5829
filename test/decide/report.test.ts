import { describe, expect, it } from 'vitest';
import {
  begin,
  CONFIRM_AFTER_MS,
  due,
  EMPTY_OUTBOX,
  enqueue,
  itemKey,
  MAX_ITEMS,
  MAX_REFUSALS,
  PENDING_PACE_MS,
  retryDelayMs,
  settle,
} from '../../src/decide/report/outbox.ts';
import { outboxOf, outboxParts } from '../../src/decide/report/outbox-parts.ts';
import { MAX_ENTRIES, reportOfRefusedHead, reportsOf } from '../../src/decide/report/reports.ts';
import type { CommitMemory } from '../../src/model/memory.ts';
import type { ChannelRef, CommitReport, Delivered, Message, Outbox } from '../../src/model/report.ts';
import { fencedText, lineOf, revertLine, textOf, withSection } from '../../src/model/report-text.ts';
import type { SourceStatus } from '../../src/model/status.ts';
import { seeded } from '../support/seeded.ts';
import { desired, entry, type Wanted } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

const cart = (wanted: Wanted = {}) => entry('cart', { content: 'v1', ...wanted });
const reportOf = (fleet: Fleet, id: string): CommitReport =>
  reportsOf(fleet.memory).find(({ commit }) => commit.startsWith(id))!;
const proven = () => new Fleet(desired('a1', [cart()])).until((f) => f.of('cart').serving?.proven === true);

describe('what is said of a commit', () => {
  it('a good one is pending until it is proven, through every step and the bake, and then a success', () => {
    const fleet = proven().push(desired('b2', [cart({ content: 'v2' })]));
    const said = new Set<string>();
    for (let ticks = 0; ticks < 2_000 && reportOf(fleet, 'a1').state !== undefined; ticks += 1) {
      fleet.tick();
      const { state, why } = reportOf(fleet, 'b2');
      said.add(`${state} ${why}`);
      expect(state === 'Success').toBe(
        fleet.of('cart').serving?.proven === true && fleet.of('cart').serving?.release.commit.startsWith('b2'),
      );
      if (state === 'Success') break;
    }
    expect([...said].at(-1)).toBe('Success shop/cart is proven');
    for (const part of ['is at step 1, 20 %', 'is at step 2, 50 %', 'has all traffic and bakes']) {
      expect(
        [...said].some((line) => line.startsWith('Pending') && line.includes(part)),
        part,
      ).toBe(true);
    }
  });

  it('a bad one is a failure with what was measured; the good ones around it are not', () => {
    const fleet = proven().behave('bad', { failures: 0.5 });
    fleet
      .push(desired('b2', [cart({ content: 'bad' })]))
      .until((f) => f.of('cart').ends.some(({ kind }) => kind === 'Failed'));
    const failed = reportOf(fleet, 'b2');
    expect(failed).toMatchObject({ state: 'Failure', revertable: true, base: fleet.memory.commits[1]!.commit });
    expect(failed.why).toContain('shop/cart was rolled back');
    expect(failed.entries[0]!.evidence.length).toBeGreaterThan(0);
    expect(reportOf(fleet, 'a1').state).toBe('Success');

    fleet.push(desired('c3', [cart()])).run(500);
    expect(reportOf(fleet, 'c3')).toMatchObject({ state: 'Success' });
    expect(reportOf(fleet, 'b2')).toMatchObject({
      state: 'Failure',
      revertable: false,
      answeredBy: fleet.memory.commits[0]!.commit,
    });
  });

  it('an invalid file fails the commit that brought it, and not the next one that leaves it as it is', () => {
    const broken = { kind: 'Component', namespace: 'shop', name: 'pay', file: 'pay.yaml', problems: [] };
    const fleet = proven();
    fleet.push({ ...desired('b2', [cart()]), invalid: [broken] }).run(300);
    fleet.push({ ...desired('c3', [cart({ more: { restartToken: '1' } })]), invalid: [broken] }).run(300);
    expect(reportOf(fleet, 'b2')).toMatchObject({
      state: 'Failure',
      why: expect.stringContaining('pay.yaml is invalid'),
    });
    expect(reportOf(fleet, 'c3').state).toBe('Success');
  });

  it('a head that was passed over is neutral and names who took its place; the base goes past it', () => {
    const fleet = proven();
    const [last] = fleet.memory.commits;
    const passed: CommitMemory = {
      ...last!,
      commit: 'b'.repeat(40),
      state: 'Superseded',
      why: 'superseded by c3',
      attempts: [],
    };
    const head: CommitMemory = {
      ...last!,
      commit: 'c'.repeat(40),
      state: 'NoChange',
      why: 'it changes nothing that runs',
      attempts: [],
    };
    const [first, second] = reportsOf({ ...fleet.memory, commits: [head, passed, last!] });
    expect(second).toMatchObject({ state: 'Neutral', why: 'superseded by c3' });
    expect(first).toMatchObject({ state: 'Success', base: last!.commit });
  });

  it('of a commit that changes very many, the worst are told one by one and the others are counted', () => {
    const many = Array.from({ length: MAX_ENTRIES + 1 }, (_, n) => entry(`e${n}`));
    const fleet = new Fleet(desired('a1', many)).run(500);
    expect(reportOf(fleet, 'a1')).toMatchObject({
      state: 'Pending',
      more: 1,
      why: expect.stringContaining(`and ${MAX_ENTRIES} more`),
    });
    expect(reportOf(fleet, 'a1').entries).toHaveLength(MAX_ENTRIES);
    const one = new Fleet(desired('a1', many.slice(1))).run(500);
    expect(reportOf(one, 'a1').more).toBeUndefined();
  });

  it('does not move while samples come in, also where a bake ended without proof', () => {
    const gate = { minSamples: 1_000_000, insufficientData: 'Hold' as const };
    const settings = { bake: { durationMs: 1_000, deadlineMs: 2_000 } };
    const fleet = new Fleet(desired('a1', [cart({ gate, settings })])).until(
      (f) => f.of('cart').serving?.bake?.state === 'Unproven',
    );
    const before = reportOf(fleet, 'a1');
    expect(before).toMatchObject({ state: 'Neutral', why: expect.stringContaining('inconclusive') });
    fleet.run(5_000);
    expect(reportOf(fleet, 'a1')).toEqual(before);
  });

  it('a rollout without samples is neutral: nobody is to blame', () => {
    const gate = { insufficientData: 'Hold' as const };
    const steps = [{ weight: 20, minDurationMs: 1_000, deadlineMs: 3_000 }];
    const quiet: Wanted = { content: 'v2', gate, settings: { strategy: { type: 'Canary', steps } } };
    const fleet = proven().push(desired('b2', [cart(quiet)]));
    fleet.until((f) => f.of('cart').ends.some(({ kind }) => kind === 'Inconclusive'));
    expect(reportOf(fleet, 'b2')).toMatchObject({ state: 'Neutral', why: expect.stringContaining('is inconclusive') });
  });

  it('a head that is not followed fails with the reason; one that is followed is not told twice', () => {
    const condition = {
      type: 'Synced',
      status: 'False',
      reason: 'Unsigned',
      message: 'no signature',
      since: '',
      observedCommit: '',
    } as const;
    const source = {
      repository: '',
      ref: 'main',
      path: '.',
      acceptedCommit: 'a',
      headCommit: 'b',
      condition,
    } as SourceStatus;
    expect(reportOfRefusedHead(source)).toMatchObject({
      commit: 'b',
      state: 'Failure',
      refused: true,
      why: 'not followed (Unsigned): no signature',
    });
    expect(reportOfRefusedHead({ ...source, headCommit: 'a' })).toBeUndefined();
    expect(
      reportOfRefusedHead({ ...source, condition: { ...condition, reason: 'SourceUnavailable' } }),
    ).toBeUndefined();
  });
});

describe('the line that takes a head back', () => {
  const [a, b, c] = ['a'.repeat(40), 'b'.repeat(40), 'c'.repeat(40)];
  const [A, B] = ['a'.repeat(12), 'b'.repeat(12)];
  it.each([
    ['one commit', [{ commit: a, parents: 1 }], b, `git revert ${A}`],
    ['a merge', [{ commit: a, parents: 2 }], b, `git revert -m 1 ${A}`],
    [
      'several',
      [
        { commit: a, parents: 1 },
        { commit: c, parents: 1 },
      ],
      b,
      `git revert ${B}..${A}`,
    ],
    [
      'several with a merge',
      [
        { commit: a, parents: 1 },
        { commit: c, parents: 2 },
      ],
      b,
      `git revert -m 1 --first-parent ${B}..${A}`,
    ],
    ['the first of all', [{ commit: a, parents: 0 }], undefined, `git revert ${A}`],
    ['nothing', [], b, undefined],
  ] as const)('of %s', (_name, chain, base, line) => expect(revertLine(chain, base)).toBe(line));

  it('is whole in one line of 140, whatever else there is to say', () => {
    const revert = `git revert -m 1 --first-parent ${B}..${A}`;
    const line = lineOf({ why: 'word '.repeat(80), revert }, 140);
    expect(line.length).toBeLessThanOrEqual(140);
    expect(line.endsWith(revert)).toBe(true);
  });
});

const STATUSES: ChannelRef = { name: 'forge', kind: 'Statuses' };
const message = (commit: string, state: Message['state'], more: Partial<Message> = {}): Message => ({
  commit,
  subject: 'a change',
  state,
  why: `${commit} is ${state}`,
  entries: [],
  revertable: state === 'Failure',
  context: 'headway/test',
  environment: 'test',
  ...more,
});
const put = (outbox: Outbox, messages: readonly Message[], nowMs = 0) => enqueue(outbox, STATUSES, messages, nowMs);
const DELIVERED: Delivered = { type: 'Delivered' };
const problem = { code: 'HW5080', message: 'no answer' };
const retry = (more: object = {}): Delivered => ({ type: 'Retry', problem, unsure: false, ...more });
const dueNow = (outbox: Outbox, nowMs: number) => due(outbox, 'forge', nowMs, 100);

describe('the outbox', () => {
  it('keeps only the latest of a commit, and sends what says the same once', () => {
    let box = put(put(EMPTY_OUTBOX, [message('a', 'Pending')]), [message('a', 'Pending', { why: 'step 2' })]);
    const [item, ...others] = dueNow(box, 0);
    expect([item!.message.why, others]).toEqual(['step 2', []]);
    box = settle(box, item!, DELIVERED, 0);
    expect(put(box, [message('a', 'Pending', { why: 'step 2' })])).toBe(box);
    expect(dueNow(box, 1e9)).toEqual([]);
  });

  it('tells steps at a pace, and an end at once', () => {
    let box = put(EMPTY_OUTBOX, [message('a', 'Pending')], 1_000);
    box = settle(box, dueNow(box, 1_000)[0]!, DELIVERED, 1_000);
    box = put(box, [message('a', 'Pending', { why: 'step 2' })], 1_500);
    expect(dueNow(box, 1_000 + PENDING_PACE_MS - 1)).toEqual([]);
    expect(dueNow(box, 1_000 + PENDING_PACE_MS)).toHaveLength(1);
    const failed = put(
      put(box, [message('a', 'Failure')], 1_600),
      [message('a', 'Failure', { why: 'said better' })],
      1_700,
    );
    const [end] = dueNow(failed, 1_700);
    const told = settle(failed, end!, DELIVERED, 1_800);
    const again = put(told, [message('a', 'Failure', { why: 'and better' })], 1_900);
    expect([end!.message.why, dueNow(again, 1_800 + PENDING_PACE_MS - 1).length]).toEqual(['said better', 0]);
  });

  it('tells failures first, and no success before a failure that is older', () => {
    const box = put(EMPTY_OUTBOX, [message('c', 'Success'), message('b', 'Failure'), message('a', 'Success')]);
    expect(dueNow(box, 0).map(({ message: { commit } }) => commit)).toEqual(['b', 'a']);
    const told = settle(box, dueNow(box, 0)[0]!, DELIVERED, 0);
    expect(dueNow(told, 0).map(({ message: { commit } }) => commit)).toEqual(['a', 'c']);
  });

  it('does not take a failure back for less, and a success for nothing; a failure that is mended is told', () => {
    const of = (box: Outbox) => box.items[itemKey('forge', 'a')]!.message.state;
    const failed = put(EMPTY_OUTBOX, [message('a', 'Failure')]);
    expect(of(put(failed, [message('a', 'Neutral')]))).toBe('Failure');
    expect(of(put(failed, [message('a', 'Pending')]))).toBe('Pending');
    const good = put(EMPTY_OUTBOX, [message('a', 'Success')]);
    expect(of(put(good, [message('a', 'Neutral')]))).toBe('Success');
  });

  it('waits longer after each try without an answer, as long as it is asked to, and never for ever', () => {
    let box = put(EMPTY_OUTBOX, [message('a', 'Failure')]);
    for (const tries of [1, 2, 3]) {
      const [item] = dueNow(box, 1e6 * tries);
      box = settle(box, item!, retry(), 1e6 * tries);
      const { pausedUntilMs } = box.channels['forge']!;
      expect(pausedUntilMs - 1e6 * tries).toBe(retryDelayMs(tries, item!.digest));
      expect(dueNow(box, pausedUntilMs - 1)).toEqual([]);
      expect(dueNow(box, pausedUntilMs)).toHaveLength(1);
    }
    const asked = settle(box, dueNow(box, 1e7)[0]!, retry({ afterMs: 120_000 }), 1e7);
    expect(asked.channels['forge']!.pausedUntilMs).toBe(1e7 + 120_000);
    const absurd = settle(box, dueNow(box, 1e7)[0]!, retry({ afterMs: 1e12 }), 1e7);
    expect(absurd.channels['forge']!.pausedUntilMs).toBe(1e7 + 3_600_000);
    expect(dueNow(absurd, 0), 'a clock that was put back').toHaveLength(1);
  });

  it('gives up what is refused again and again, until it says something else; others go on', () => {
    let box = put(EMPTY_OUTBOX, [message('b', 'Success'), message('a', 'Failure')]);
    for (let tries = 0; tries < MAX_REFUSALS; tries += 1) {
      const [item] = due(box, 'forge', 1e7 * (tries + 1), 1);
      expect(item!.message.commit).toBe('a');
      box = settle(box, item!, { type: 'Refused', problem }, 1e7 * (tries + 1));
    }
    expect(dueNow(box, 1e9).map(({ message: { commit } }) => commit)).toEqual(['b']);
    expect(dueNow(put(box, [message('a', 'Failure', { why: 'more' })]), 1e9)).toHaveLength(2);
  });

  it('remembers over a restart that the end of a request is not known, and asks once more later', () => {
    let box = begin(
      put(EMPTY_OUTBOX, [message('a', 'Failure')]),
      dueNow(put(EMPTY_OUTBOX, [message('a', 'Failure')]), 0),
    );
    box = outboxOf(JSON.parse(JSON.stringify(outboxParts(box))));
    const [item] = dueNow(box, 0);
    expect(item!.unsure).toBe(true);
    box = settle(box, item!, DELIVERED, 500);
    expect(dueNow(box, 500 + CONFIRM_AFTER_MS - 1)).toEqual([]);
    const [again] = dueNow(box, 500 + CONFIRM_AFTER_MS);
    box = settle(begin(box, [again!]), again!, DELIVERED, 1e6);
    expect(dueNow(box, 1e9)).toEqual([]);
  });

  it('is bounded: what has to make room is counted', () => {
    const many = Array.from({ length: MAX_ITEMS }, (_, n) => message(`c${n}`, 'Pending'));
    const full = put(EMPTY_OUTBOX, many);
    expect([Object.keys(full.items).length, full.dropped]).toEqual([MAX_ITEMS, 0]);
    const more = put(full, [message('new', 'Failure'), ...many]);
    expect([Object.keys(more.items).length, more.dropped, itemKey('forge', 'new') in more.items]).toEqual([
      MAX_ITEMS,
      1,
      true,
    ]);
  });

  it('forgets a story that is over and told, and never one that is not', () => {
    const box = put(EMPTY_OUTBOX, [message('b', 'Success'), message('a', 'Failure')]);
    const told = settle(box, dueNow(box, 0)[0]!, DELIVERED, 0);
    expect(Object.values(put(told, []).items).map((item) => item.message.commit)).toEqual(['b']);
  });

  it('whatever is lost, delayed or refused: what is told last is what is true, and no success came before a failure', () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const random = seeded(seed);
      const truth = new Map<string, Message['state']>();
      const told: { commit: string; state: string }[] = [];
      let box: Outbox = EMPTY_OUTBOX;
      let nowMs = 0;
      const play = (faults: boolean): void => {
        box = put(
          box,
          [...truth].toReversed().map(([commit, state]) => message(commit, state)),
          nowMs,
        );
        const items = due(box, 'forge', nowMs, 1);
        box = begin(box, items);
        for (const item of items) {
          const luck = faults ? random() : 1;
          const arrives = luck > 0.4 || luck < 0.2;
          if (arrives) told.push({ commit: item.message.commit, state: item.message.state });
          if (luck > 0.4) box = settle(box, item, DELIVERED, nowMs);
          else if (luck > 0.1) box = settle(box, item, retry({ unsure: arrives }), nowMs);
          else box = outboxOf(JSON.parse(JSON.stringify(outboxParts(box))));
        }
        nowMs += 500 + random() * 4_000;
      };
      for (const commit of ['a', 'b', 'c', 'd']) {
        truth.set(commit, 'Pending');
        for (let n = 0; n < 6; n += 1) play(true);
        truth.set(commit, random() < 0.5 ? 'Failure' : 'Success');
        for (let n = 0; n < 3; n += 1) play(true);
      }
      for (let n = 0; n < 200; n += 1) play(false);
      for (const [commit, state] of truth) {
        const states = told.filter((one) => one.commit === commit).map((one) => one.state);
        expect(states.at(-1), `seed ${seed}, ${commit}`).toBe(state);
        if (state === 'Failure') expect(states).not.toContain('Success');
        const laterSuccess = told.findIndex((one) => one.state === 'Success' && one.commit > commit);
        const failedAt = told.findIndex((one) => one.state === 'Failure' && one.commit === commit);
        if (state === 'Failure' && laterSuccess >= 0) expect(failedAt, `seed ${seed}`).toBeLessThan(laterSuccess);
      }
    }
  });
});

it('what guests and commits say stays in its line, without control characters', () => {
  const hostile = 'crashed\n\nheadway/other: good: fine\u001b[2J\u202e```';
  const said = message('a', 'Failure', {
    why: hostile,
    entries: [{ entry: 'shop/cart', state: 'Failure', why: hostile, evidence: [] }],
  });
  expect(textOf(said).split('\n')).toHaveLength(2);
  // oxlint-disable-next-line no-control-regex
  expect(textOf(said) + lineOf(said, 140)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
  expect(fencedText(said, 10_000).match(/```/g)).toHaveLength(2);
});

it('a section of a note takes the place of its own and of no other', () => {
  const two = withSection(
    withSection('by Ada\n', 'headway/a', 'headway/a: failed: x\n\n  more'),
    'headway/b',
    'headway/b: good: y',
  );
  expect(two).toBe('by Ada\n\nheadway/a: failed: x\n  more\n\nheadway/b: good: y\n');
  expect(withSection(two, 'headway/a', 'headway/a: good: z')).toBe(
    'by Ada\n\nheadway/a: good: z\n\nheadway/b: good: y\n',
  );
});

it('the text holds the outcome, what was measured and the literal line', () => {
  const evidence = [{ metric: 'errors', observed: '50%', threshold: '2%', samples: 14, synthetic: 4 }];
  const entries = [
    { entry: 'shop/cart', state: 'Failure', why: 'was rolled back: too many errors', evidence } as const,
  ];
  expect(textOf(message('a', 'Failure', { entries, revert: 'git revert aaa', why: 'shop/cart was rolled back' }))).toBe(
    `headway/test: failed: shop/cart was rolled back
shop/cart was rolled back: too many errors
  errors: 50% against 2% (14 samples, 4 of them synthetic)
To take it back:
  git revert aaa`,
  );
});
