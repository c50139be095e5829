import { describe, expect, it } from 'vitest';
import { attemptOf, releaseOf, revisionOf, secretlessOf } from '../../src/decide/identity.ts';
import type { DesiredEntry } from '../../src/model/desired.ts';
import type { Member } from '../../src/model/component.ts';
import type { ScheduleTrigger } from '../../src/model/schedule.ts';
import { artifactOf, entry, GATE, rule, SETTINGS, STEPS, type Wanted } from './support/desired.ts';

const NOTHING = { revision: false, release: false, attempt: false };
const ALL = { revision: true, release: true, attempt: true };
const RELEASE = { revision: false, release: true, attempt: true };
const ATTEMPT = { revision: false, release: false, attempt: true };

const BASE: Wanted = {
  env: [
    { name: 'A', value: '1' },
    { name: 'B', value: '2' },
  ],
  paths: ['/a', '/b'],
};
const member = (change: Partial<Member>): Wanted => ({ ...BASE, member: change });
const limits = entry('cart').members[0].limits;
const grant = { name: 'api', capability: 'outboundHttp', settings: { hosts: ['x'] }, enforcement: 'Enforce' } as const;

const TRIGGER: ScheduleTrigger = {
  schedule: 'shop/nightly',
  expression: '15 2 * * *',
  timeZone: 'UTC',
  concurrencyPolicy: 'Forbid',
  deadlineMs: 600_000,
  startingDeadlineMs: 600_000,
  backend: 'shop/cart',
  export: { interface: 'shop:cart/pricing@1.0.0', function: 'quote' },
  args: [],
  suspend: false,
};

const CASES: readonly (readonly [string, Wanted | DesiredEntry, typeof NOTHING])[] = [
  ['nothing', BASE, NOTHING],
  ['labels', { ...BASE, more: { labels: { team: 'x' } } }, NOTHING],
  [
    'a moved file',
    { ...BASE, more: { span: { file: 'elsewhere.yaml', line: 9, column: 1, endLine: 9, endColumn: 2 } } },
    NOTHING,
  ],
  ['the order of env', { ...BASE, env: BASE.env!.toReversed() }, NOTHING],
  ['the order of routes', { ...BASE, paths: ['/b', '/a'] }, NOTHING],
  [
    'the name of a Route document',
    { ...BASE, more: { rules: [rule('shop', 'cart', '/a', 'shop/r2'), rule('shop', 'cart', '/b', 'shop/r3')] } },
    NOTHING,
  ],
  ['an inline gate that equals its policy', { ...BASE, rollout: { policy: 'careful' } }, NOTHING],
  ['scaling', { ...BASE, more: { scaling: { minReplicas: 3, maxReplicas: 5 } } }, NOTHING],
  [
    'supervision',
    { ...BASE, more: { supervision: { maxRestarts: 9, windowMs: 1, backoffInitialMs: 1, backoffMaxMs: 1 } } },
    NOTHING,
  ],
  ['drain', { ...BASE, more: { drainDeadlineMs: 1 } }, NOTHING],
  ['suspend', { ...BASE, more: { suspend: true } }, NOTHING],
  ['restart token', { ...BASE, more: { restartToken: 'again' } }, NOTHING],
  ['approvals', { ...BASE, rollout: { approvals: [{ name: 'boss', revision: 'abcdefabcdef' }] } }, NOTHING],
  ['emergency', { ...BASE, rollout: { emergency: { revision: 'abcdefabcdef', reason: 'fire' } } }, NOTHING],
  ['group', { ...BASE, rollout: { group: 'front' } }, NOTHING],
  [
    'bake, history and breaker',
    { ...BASE, settings: { bake: { durationMs: 1, deadlineMs: 2 }, breaker: { maxRollbacks: 9, windowMs: 1 } } },
    NOTHING,
  ],
  ['where the bytes come from', member({ source: { type: 'path', path: 'other.wasm' } }), NOTHING],
  ['artifact', member({ artifact: artifactOf('other') }), ALL],
  [
    'env',
    {
      ...BASE,
      env: [
        { name: 'A', value: '1' },
        { name: 'B', value: '3' },
      ],
    },
    ALL,
  ],
  ['config', member({ config: [{ name: 'tax', value: '7' }] }), ALL],
  ['a secret version', member({ secretVersions: [{ secret: 'pay', version: '2' }] }), ALL],
  ['a capability', member({ capabilities: [grant] }), ALL],
  ['limits', member({ limits: { ...limits, memoryBytes: 1 } }), ALL],
  ['instance policy', member({ instancePolicy: 'PerRequest' }), ALL],
  ['isolation', member({ isolation: 'Strict' }), ALL],
  ['links', member({ links: [{ import: 'a:b/c', component: 'shop/tax', mode: 'Inline' }] }), ALL],
  ['a route', { ...BASE, paths: ['/a', '/c'] }, RELEASE],
  ['a route less', { ...BASE, paths: ['/a'] }, RELEASE],
  [
    'a timeout of a route',
    { ...BASE, more: { rules: [{ ...rule('shop', 'cart', '/a'), requestTimeoutMs: 5 }, rule('shop', 'cart', '/b')] } },
    RELEASE,
  ],
  ['probes', { ...BASE, more: { probes: {} } }, ATTEMPT],
  ['gate', { ...BASE, gate: { minSamples: GATE.minSamples + 1 } }, ATTEMPT],
  ['strategy', { ...BASE, settings: { strategy: { type: 'Immediate' } } }, ATTEMPT],
  ['steps', { ...BASE, settings: { strategy: { type: 'Canary', steps: STEPS.slice(1) } } }, ATTEMPT],
  ['retry', { ...BASE, rollout: { retry: 1 } }, ATTEMPT],
];

describe('identity: what changes which id', () => {
  const base = entry('cart', BASE);
  it.each(CASES)('%s', (_, wanted, changed) => {
    const other = entry('cart', wanted as Wanted);
    expect({
      revision: revisionOf(other) !== revisionOf(base),
      release: releaseOf(other) !== releaseOf(base),
      attempt: attemptOf(other) !== attemptOf(base),
    }).toEqual(changed);
  });

  it('gives two entries of one content one revision and two releases', () => {
    const one = entry('cart', { content: 'same', paths: ['/x'] });
    const other = entry('basket', { content: 'same', paths: ['/x'] });
    expect(revisionOf(one)).toBe(revisionOf(other));
    expect(releaseOf(one)).not.toBe(releaseOf(other));
  });

  it('does not see secret versions, and nothing else, in the secretless identity', () => {
    const one = entry('cart', member({ secretVersions: [{ secret: 'pay', version: '1' }] }));
    const two = entry('cart', member({ secretVersions: [{ secret: 'pay', version: '2' }] }));
    expect(secretlessOf(one)).toBe(secretlessOf(two));
    expect(secretlessOf(entry('cart', { ...BASE, content: 'other' }))).not.toBe(secretlessOf(one));
  });

  it('sees the parameters of a schedule in the release, and nothing where none are written', () => {
    const releaseWith = (more: Partial<ScheduleTrigger>) =>
      releaseOf(entry('cart', { ...BASE, more: { schedules: [{ ...TRIGGER, ...more }] } })).slice(0, 12);
    expect(releaseWith({})).toMatchInlineSnapshot(`"8ebbbef4934a"`);
    expect(releaseWith({ parameters: { a: 1, b: [2] } })).toBe(releaseWith({ parameters: { b: [2], a: 1 } }));
    const releases = [{}, { parameters: {} }, { parameters: { a: 1 } }, { parameters: { a: 2 } }].map(releaseWith);
    expect(new Set(releases).size).toBe(4);
  });

  it('keeps its form: a change of it would be seen as a change of everything that runs', () => {
    expect(SETTINGS.strategy.type).toBe('Canary');
    expect(revisionOf(entry('cart', BASE)).slice(0, 12)).toMatchInlineSnapshot(`"e1667559755c"`);
    expect(releaseOf(entry('cart', BASE)).slice(0, 12)).toMatchInlineSnapshot(`"9df7784cafc3"`);
    expect(attemptOf(entry('cart', BASE)).slice(0, 12)).toMatchInlineSnapshot(`"bc90a43a6966"`);
  });
});
