/** The pure parts of tests and rehearsals: what is staged, what is compressed, how an answer is judged and reported. */
import { describe, expect, it } from 'vitest';
import { compressed, DEFAULT_PACE, paceOf } from '../../src/check/trial/compress.ts';
import { TRIAL_FORMATS } from '../../src/check/trial/format.ts';
import { judge, type Answer } from '../../src/check/trial/judge.ts';
import type { PlannedCall } from '../../src/check/trial/plan-calls.ts';
import type { TrialCase, TrialReport } from '../../src/check/trial/report.ts';
import { changedEntries, concerned, rolloutCase, undecided } from '../../src/check/trial/rollouts.ts';
import { stagedFiles } from '../../src/check/trial/stage.ts';
import { withStandIns } from '../../src/check/trial/stand-ins.ts';
import type { Expectation } from '../../src/manifest/generated/check.ts';
import type { Desired } from '../../src/model/desired.ts';
import type { EntryStatus, Status } from '../../src/model/status.ts';
import { component, desiredOf, ENVIRONMENT, parse, places, policy, rolloutPolicy, route } from '../manifest/support.ts';

const SPAN = { file: 'check.yaml', line: 7, column: 13, endLine: 7, endColumn: 15 } as const;

function call(expected: Expectation, more: Partial<PlannedCall> = {}): PlannedCall {
  return {
    name: 'shop/sums it',
    namespace: 'shop',
    span: SPAN,
    timeoutMs: 1_000,
    entries: ['shop/cart'],
    request: { hostname: 'localhost', path: '/', method: 'GET', headers: [] },
    expect: expected,
    ...more,
  };
}

const answer = (status: number, body: string, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: new Map(Object.entries(headers)),
  body: new TextEncoder().encode(body),
});

const EXPORT = { export: { interface: 'a:b/c', function: 'd' } } as const;
/** `result<u64, string>`. */
const RESULT = { ...EXPORT, returned: { types: [{ kind: 'result', ok: 'u64', err: 'string' }], result: 0 } } as const;
/** `option<u8>`. */
const OPTION = { ...EXPORT, returned: { types: [{ kind: 'option', some: 'u8' }], result: 0 } } as const;

describe('an answer', () => {
  it.each<[string, PlannedCall, Answer, string | undefined]>([
    ['is 200 where nothing is written', call({}), answer(200, 'x'), undefined],
    ['has another status', call({ status: 404 }), answer(200, 'x'), '200 x'],
    ['has the header', call({ headers: [{ name: 'X-A', value: 'b' }] }), answer(200, '', { 'x-a': 'b' }), undefined],
    ['lacks the header', call({ headers: [{ name: 'x-a', value: 'b' }] }), answer(200, ''), 'none'],
    ['has the body', call({ body: 'ab' }), answer(200, 'ab'), undefined],
    ['has more than the body', call({ body: 'a' }), answer(200, 'ab'), 'ab'],
    ['holds the text', call({ contains: 'b' }), answer(200, 'abc'), undefined],
    ['does not hold it', call({ contains: 'd' }), answer(200, 'abc'), 'abc'],
    ['is the JSON', call({ json: { a: 1, b: [null] } }), answer(200, '{"b": [null], "a": 1}'), undefined],
    ['is no JSON', call({ json: {} }), answer(200, '{'), '{'],
    ['returns', call({}, RESULT), answer(200, '"3"'), undefined],
    ['returns the value', call({ result: { ok: 3 } }, RESULT), answer(200, '"3"'), undefined],
    ['returns another', call({ result: { ok: 4 } }, RESULT), answer(200, '"3"'), '{"ok":"3"}'],
    ['returns err', call({}, RESULT), answer(422, '{"error": "no"}'), '{"err":"no"}'],
    ['returns the err', call({ result: { err: 'no' } }, RESULT), answer(422, '{"error": "no"}'), undefined],
    ['traps', call({ result: { ok: 3 } }, RESULT), answer(502, 'trap'), '502 trap'],
    ['returns none', call({ result: null }, OPTION), answer(200, 'null'), undefined],
    ['returns some', call({ result: null }, OPTION), answer(200, '7'), '7'],
    ['is not of the type', call({ result: 7 }, OPTION), answer(200, '"7"'), '"7"'],
    ['returns nothing', call({}, EXPORT), answer(204, ''), undefined],
  ])('%s', (_what, planned, came, found) => {
    expect(judge(planned, came)?.found).toBe(found);
  });
});

describe('compression', () => {
  it('shortens waits, keeps what is measured, asks nobody, and makes nothing longer', () => {
    const made = compressed(
      {
        strategy: {
          type: 'Canary',
          canary: {
            steps: [
              { weight: 10, minDuration: '10m', deadline: '3h', approval: { name: 'ada' } },
              { weight: 50, minDuration: '200ms', deadline: '5s' },
            ],
          },
        },
        gate: { minSamples: 7, errors: { tolerable: '1%' } },
      },
      paceOf(60),
    );
    expect(made).toEqual({
      strategy: {
        type: 'Canary',
        canary: {
          steps: [
            { weight: 10, minDuration: '10s', deadline: '3m' },
            { weight: 50, minDuration: '200ms', deadline: '5s' },
          ],
        },
      },
      gate: { minSamples: 7, errors: { tolerable: '1%' }, warmUp: { duration: '1s' } },
      bake: { duration: '10s', deadline: '24m' },
    });
    expect(compressed({ bake: { deadline: '5m' } }, paceOf(60)).bake!.deadline).toBe('1m');
    // Without --speed a machine waits: an hour of bake is two seconds, and a day's deadline one minute.
    const { bake } = compressed({ bake: { duration: '1h', deadline: '24h' } }, DEFAULT_PACE);
    expect(bake).toEqual({ duration: '2s', deadline: '1m' });
    expect(compressed({ bake: { duration: '200ms', deadline: '5s' } }, DEFAULT_PACE).bake).toEqual({
      duration: '200ms',
      deadline: '5s',
    });
  });
});

const CHECK = `apiVersion: headway.dev/v1alpha1
kind: Check
metadata: {name: cart, namespace: shop}
spec:
  standIns: [{secretKeyRef: {name: pay, key: token}, value: "yes\\n: {"}]
  calls: [{name: a, export: {componentRef: {name: cart}, function: b}}]
`;
const PAID = (key: string) =>
  component('cart', `  env: [{name: T, valueFrom: {secretKeyRef: {name: pay, key: ${key}}}}]\n`);

describe('what is staged', () => {
  it('has the stand-in as if it were written, and says where one is missing', () => {
    const { parsed, missing } = withStandIns(parse({ 'cart.yaml': PAID('token'), 'check.yaml': CHECK }));
    expect(missing).toEqual([]);
    const [cart] = parsed.documents;
    expect(cart!.value.spec).toMatchObject({ env: [{ name: 'T', value: 'yes\n: {' }] });
    const other = withStandIns(parse({ 'cart.yaml': PAID('other'), 'check.yaml': CHECK }));
    expect(places(other.missing)).toEqual(['HW5113 cart.yaml:6:45']);
    expect(other.missing[0]!.message).toContain('the key `other` of Secret shop/pay');
  });

  it('runs with the clock and the numbers of the profile; what is denied stays denied', () => {
    const check = CHECK.replace('  calls', '  deterministic: {seed: 7}\n  calls');
    const { parsed } = withStandIns(
      parse({
        'cart.yaml': component('cart'),
        'other.yaml': component('other', '  ambient: {clocks: Denied, time: "2030-01-01T00:00:00Z"}\n'),
        'far.yaml': component('far', '', 'bank'),
        'check.yaml': check,
      }),
    );
    const specs = Object.fromEntries(parsed.documents.map(({ file, value }) => [file, value.spec]));
    expect(specs['cart.yaml']).toMatchObject({ ambient: { clocks: 'Stepped', random: 'Seeded', seed: 7 } });
    expect(specs['other.yaml']).toMatchObject({ ambient: { clocks: 'Denied', random: 'Seeded', seed: 7 } });
    expect(specs['far.yaml']).not.toHaveProperty('ambient');
  });

  it('means the same without Checks, trust, waits of hours and firings, and leads to what is called', () => {
    const { parsed } = withStandIns(
      parse({
        'environment.yaml': `${ENVIRONMENT.replace('{}', '')}\n  freezeWindows: [{name: a, schedule: "0 0 * * *", duration: 1h}]\n`,
        'policy.yaml': policy('hosts', '  namespaces: [shop]\n  hostnames: [a.example]\n  rollout: {minBake: 1h}\n'),
        'careful.yaml': rolloutPolicy('careful', '  bake: {duration: 1h}\n'),
        'cart.yaml': PAID('token'),
        'other.yaml': component('other'),
        'route.yaml': route('trial-1', '  hostnames: [a.example]\n  rules: [{backendRef: {name: cart}}]\n'),
        'check.yaml': CHECK,
      }),
    );
    const planned = call(
      {},
      { export: { interface: '', function: 'b' }, request: { ...call({}).request, path: '/cart/-/b' } },
    );
    const files = stagedFiles(parsed, {
      pace: paceOf(60),
      calls: [planned],
      only: new Set(['shop/cart']),
      artifacts: new Map([['cart.wasm', 'trial/1.wasm']]),
    });
    const staged = parse(Object.fromEntries(files));
    expect(staged.invalid).toEqual([]);
    const spec = (name: string) => staged.documents.find((document) => document.name === name)!.value.spec;
    expect(spec('test')).toEqual({ sync: { interval: '1s', jitter: '10%' } });
    expect(spec('hosts')).toMatchObject({ hostnames: ['a.example', 'shop.trial.invalid'], rollout: {} });
    expect(spec('careful')).toMatchObject({ bake: { duration: '1m' } });
    expect(spec('cart')).toMatchObject({
      source: { path: 'trial/1.wasm' },
      env: [{ name: 'T', value: 'yes\n: {' }],
      rollout: { bake: { duration: '10s' } },
    });
    expect(spec('other')).toMatchObject({ suspend: true });
    expect(spec('trial-2')).toEqual({
      hostnames: ['shop.trial.invalid'],
      rules: [
        {
          matches: [{ path: { type: 'Exact', value: '/cart/-/b' } }],
          backendRef: { name: 'cart', export: { function: 'b' } },
        },
      ],
    });
    expect(staged.documents.some(({ kind }) => kind === 'Check')).toBe(false);
  });
});

describe('a report', () => {
  const REPORT: TrialReport = {
    version: '1.0.0',
    command: 'test',
    target: '.',
    prefix: 'fleet/',
    differences: ['it is short'],
    elapsedMs: 1_234,
    cases: [
      { suite: 'checks', name: 'shop/a b', outcome: 'Passed', elapsedMs: 5 },
      {
        suite: 'checks',
        name: 'shop/a <c>',
        outcome: 'Failed',
        span: SPAN,
        elapsedMs: 6,
        message: 'another body',
        code: 'HW5111',
        expected: '"1"',
        found: '\u001b[31m',
      },
    ],
  };

  it('shows place, expected and found, and nothing that a terminal would obey', () => {
    expect(TRIAL_FORMATS.text(REPORT)).toBe(
      [
        'ok      shop/a b (5 ms)',
        'FAILED  shop/a <c> (6 ms)',
        '          fleet/check.yaml:7:13: another body (HW5111)',
        '          expected "1"',
        '          found    �[31m',
        '',
        'not as in the fleet: it is short',
        '1 passed, 1 failed, 0 skipped in 1.2 s',
        '',
      ].join('\n'),
    );
  });

  it('is JUnit as others read it', () => {
    const xml = TRIAL_FORMATS.junit(REPORT);
    expect(xml).toContain('<testsuite name="headway test checks" tests="2" failures="1" errors="0" skipped="0">');
    expect(xml).toContain(
      'name="shop/a &lt;c&gt;" time="0.006" file="fleet/check.yaml" line="7"><failure type="HW5111"',
    );
    expect(xml).toContain('found    �[31m');
  });
});

describe('what became of an entry', () => {
  const KEY = 'shop/cart';
  const base = desiredOf({
    'environment.yaml': ENVIRONMENT,
    'cart.yaml': component('cart'),
    'same.yaml': component('same'),
  });
  const head = desiredOf({
    'environment.yaml': ENVIRONMENT,
    'cart.yaml': component('cart', '  restartToken: "1"\n'),
    'same.yaml': component('same'),
  });
  const none = desiredOf({ 'environment.yaml': ENVIRONMENT, 'same.yaml': component('same') });
  const release = { release: 'two', revision: 'two', commit: 'c' };
  const evidence = [{ metric: 'errors', observed: '40 %', threshold: '2 %', samples: 20, synthetic: 0 }];

  function statusWith(entry: Partial<EntryStatus> | undefined): Status {
    const entries = entry
      ? [{ key: KEY, conditions: [], draining: [], quarantined: [], replicas: [], desired: release, ...entry }]
      : [];
    return {
      source: { acceptedCommit: 'c' },
      entries,
      timeline: [
        { at: '1970-01-01T00:00:02.000Z', entry: KEY, message: 'later' },
        { at: '1970-01-01T00:00:00.500Z', entry: KEY, message: 'before' },
      ],
    } as unknown as Status;
  }

  const serving = { ...release, weight: 100 };
  const told = (type: string, reason: string) =>
    ({
      conditions: [{ type, status: 'True', reason, message: 'm', observedCommit: 'c' }],
    }) as unknown as Partial<EntryStatus>;

  it('is not decided while an entry is told of as the commit before had it', () => {
    const proven = { serving, proven: release };
    const toldOf = (observedCommit: string) => ({
      ...proven,
      conditions: [
        { type: 'Ready', status: 'True', reason: 'InSync', message: 'm', since: '', observedCommit } as const,
      ],
    });
    expect(undecided(statusWith(toldOf('b')), [KEY], head)).toEqual([KEY]);
    expect(undecided(statusWith(toldOf('c')), [KEY], head)).toEqual([]);
  });

  it('is about what differs', () => {
    expect(changedEntries(base, head)).toEqual([KEY]);
    expect(changedEntries(base, none)).toEqual([KEY]);
    expect(changedEntries(base, base)).toEqual([]);
  });

  it('needs what changes, what is called, and what is linked with those, on either side', () => {
    const link = (to: string) =>
      `  links: [{import: "shop:tax/rates@0.1.0", componentRef: {name: ${to}}, mode: Remote}]\n`;
    const files = {
      'environment.yaml': ENVIRONMENT,
      'cart.yaml': component('cart', link('tax')),
      'tax.yaml': component('tax'),
      'caller.yaml': component('caller', link('cart')),
      'called.yaml': component('called'),
      'other.yaml': component('other', link('another')),
      'another.yaml': component('another'),
      'asks.yaml': component('asks', '  capabilities: [{name: a, outboundHttp: {hosts: [called.shop.headway]}}]\n'),
    };
    const before = desiredOf(files);
    const after = desiredOf({ ...files, 'tax.yaml': component('tax', '  restartToken: "1"\n') });
    const called = [call({}, { entries: ['shop/called'] })];
    const names = ['asks', 'called', 'caller', 'cart', 'tax'].map((name) => `shop/${name}`);
    expect([...concerned(before, after, called)!].sort()).toEqual(names);
    // The guard counts what runs.
    const { 'other.yaml': _, ...less } = files;
    expect(concerned(before, desiredOf(less), called)).toBeUndefined();
  });

  it.each<[string, Desired, Partial<EntryStatus> | undefined, boolean, Partial<TrialCase>]>([
    ['proven', head, { serving, proven: release }, true, { outcome: 'Passed', message: 'promoted and proven' }],
    ['in its bake', head, { serving }, false, { outcome: 'Failed', code: 'HW5117' }],
    ['at a step', head, { serving: { ...serving, release: 'one' } }, false, { outcome: 'Failed', code: 'HW5117' }],
    [
      'taken back',
      head,
      {
        serving: { ...serving, release: 'one' },
        quarantined: [{ attempt: 'a', release: 'two', commit: 'c', why: 'w', releasedBy: 'r', evidence }],
      },
      true,
      { outcome: 'Failed', code: 'HW5116', message: 'rolled back: w', evidence },
    ],
    [
      'parked',
      head,
      told('Stalled', 'Inconclusive'),
      true,
      { outcome: 'Failed', code: 'HW5117', message: 'not decided: Inconclusive: m' },
    ],
    [
      'taken back with its group',
      head,
      told('Stalled', 'GroupRolledBack'),
      true,
      { outcome: 'Failed', code: 'HW5116', message: 'rolled back: m' },
    ],
    ['waiting for the machine', head, told('Stalled', 'Waiting'), false, { outcome: 'Failed', code: 'HW5117' }],
    ['being judged', head, told('Stalled', 'RolledBack'), false, { outcome: 'Failed', code: 'HW5117' }],
    [
      'serving without proof',
      head,
      { serving, ...told('Ready', 'Inconclusive') },
      true,
      { outcome: 'Failed', code: 'HW5117', message: 'm' },
    ],
    ['called by nobody', head, { serving, ...told('Ready', 'Unreferenced') }, true, { outcome: 'Skipped' }],
    [
      'kept by the guard',
      none,
      { serving, ...told('Ready', 'PruneHeld') },
      true,
      { outcome: 'Failed', code: 'HW5119', message: 'not deleted: m' },
    ],
    ['suspended', head, told('Ready', 'Suspended'), true, { outcome: 'Skipped' }],
    [
      'suspended, and told as held',
      head,
      { conditions: ['Ready', 'Stalled'].flatMap((type) => told(type, 'Suspended').conditions!) },
      true,
      { outcome: 'Skipped', message: 'Suspended: m' },
    ],
    ['gone', none, undefined, true, { outcome: 'Passed', message: 'deleted' }],
    ['still there', none, { serving }, false, { outcome: 'Failed', message: 'not deleted in time' }],
  ])('%s', (_what, wanted, entry, decided, expected) => {
    const status = statusWith(entry);
    expect(undecided(status, [KEY], wanted)).toEqual(decided ? [] : [KEY]);
    const made = rolloutCase(KEY, status, wanted, 1_000);
    expect(made).toMatchObject(expected);
    expect(made.steps).toEqual([{ atMs: 1_000, what: 'later' }]);
  });
});
