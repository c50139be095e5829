/** What becomes of the fields of a strategy, and of what identity they are part. */
import { describe, expect, it } from 'vitest';
import { attemptOf, releaseOf, revisionOf } from '../../src/decide/identity.ts';
import type { DesiredEntry } from '../../src/model/desired.ts';
import { component, desiredOf, ENVIRONMENT, environment, policy } from './support.ts';

function cart(rollout: string): DesiredEntry {
  const desired = desiredOf({
    'environment.yaml': ENVIRONMENT,
    'cart.yaml': component('cart', `  rollout: ${rollout}\n`),
  });
  expect(desired.invalid).toEqual([]);
  return desired.entries.get('shop/cart')!;
}
const canary = (steps: string) => cart(`{strategy: {type: Canary, canary: {steps: [${steps}]}}}`);
const rolling = (text: string) => cart(`{strategy: {type: Rolling, rolling: {${text}}}}`);
const blueGreen = (text: string) => cart(`{strategy: {type: BlueGreen, blueGreen: {${text}}}}`);
const statuses = (text: string) => cart(`{gate: {errors: {statuses: [${text}]}}}`);

describe('steps', () => {
  it('a step without a weight keeps that of the step before; headers and mirror are of their step alone', () => {
    const { strategy } = canary(
      '{headers: [{name: X-Team, value: us}, {name: a, value: b}]}, {weight: 10}, {mirror: {percent: 30}}, {weight: 50}',
    ).rollout.settings;
    expect(
      strategy.type === 'Canary' && strategy.steps.map(({ weight, headers, mirror }) => [weight, headers, mirror]),
    ).toEqual([
      [
        0,
        [
          { name: 'a', type: 'Exact', value: 'b' },
          { name: 'x-team', type: 'Exact', value: 'us' },
        ],
        undefined,
      ],
      [10, undefined, undefined],
      [10, undefined, 30],
      [50, undefined, undefined],
    ]);
  });
});

describe('statuses that are failures', () => {
  it.each([
    ['5xx', undefined],
    ['"503", 5xx', undefined],
    ['5xx, 4xx', ['4xx', '5xx']],
    ['"503", "404", "404"', ['404', '503']],
    ['"429", 4xx', ['4xx']],
  ])('[%s]', (written, expected) => {
    expect(statuses(written).rollout.settings.gate.errors.statuses).toEqual(expected);
  });
});

describe('identity', () => {
  const changes: readonly (readonly [string, DesiredEntry, DesiredEntry])[] = [
    ['headers of a step', canary('{headers: [{name: a, value: b}]}'), canary('{headers: [{name: a, value: c}]}')],
    ['a mirror', canary('{weight: 10}'), canary('{weight: 10, mirror: {percent: 1}}')],
    ['maxUnavailable', rolling(''), rolling('maxUnavailable: 1')],
    ['a preview host', blueGreen(''), blueGreen('previewHostname: a.example')],
    ['statuses', statuses('5xx'), statuses('4xx, 5xx')],
  ];

  it.each(changes)('%s is another attempt of the same release', (_, one, other) => {
    expect(attemptOf(other)).not.toBe(attemptOf(one));
    expect([releaseOf(other), revisionOf(other)]).toEqual([releaseOf(one), revisionOf(one)]);
  });

  it.each<readonly [string, DesiredEntry, DesiredEntry]>([
    ['a default that is written', rolling(''), rolling('maxUnavailable: 0')],
    ['the default statuses', cart('{gate: {minSamples: 100}}'), statuses('5xx')],
    [
      'the case and order of headers',
      canary('{headers: [{name: A, value: b}, {name: c, value: d}]}'),
      canary('{headers: [{name: c, value: d}, {name: a, value: b}]}'),
    ],
  ])('%s is no other attempt', (_, one, other) => {
    expect(attemptOf(other)).toBe(attemptOf(one));
  });

  it('attempts of before these fields have kept their names', () => {
    // Quarantine is remembered by attempt: another hash would try again what has failed.
    const { strategy, gate } = canary('{weight: 20, minDuration: 1s, deadline: 2s}').rollout.settings;
    expect(strategy).toEqual({ type: 'Canary', steps: [{ weight: 20, minDurationMs: 1_000, deadlineMs: 2_000 }] });
    expect(Object.keys(gate.errors).sort()).toEqual(['intolerable', 'maxShiftOfClientErrors', 'tolerable']);
    expect(Object.keys(rolling('').rollout.settings.strategy).sort()).toEqual([
      'deadlineMs',
      'maxSurge',
      'minDurationMs',
      'type',
    ]);
    expect(Object.keys(blueGreen('').rollout.settings.strategy).sort()).toEqual([
      'deadlineMs',
      'previewDurationMs',
      'type',
    ]);
  });
});

describe('a preview host', () => {
  const PREVIEWED = '  rollout: {strategy: {type: BlueGreen, blueGreen: {previewHostname: a.preview.example}}}\n';
  const two = {
    'environment.yaml': environment('  tenants: [{namespace: shop, path: shop}, {namespace: bank, path: bank}]\n'),
    'shop/cart.yaml': component('cart', PREVIEWED),
  };

  it('stays with the namespace that has it in force', () => {
    const before = desiredOf(two);
    const after = desiredOf({ ...two, 'bank/till.yaml': component('till', PREVIEWED, 'bank') }, before);
    expect(after.entries.get('shop/cart')!.refusals).toEqual([]);
    expect(after.entries.get('bank/till')!.refusals.map(({ code }) => code)).toEqual(['HW1071']);
  });

  it('of a host that a Policy in Audit does not grant is a warning', () => {
    const audit = policy('p', '  namespaces: [shop]\n  enforcement: Audit\n  hostnames: [b.example]\n');
    const desired = desiredOf({
      'environment.yaml': ENVIRONMENT,
      'cart.yaml': component('cart', PREVIEWED),
      'p.yaml': audit,
    });
    expect(desired.entries.get('shop/cart')!.refusals).toEqual([]);
    expect(desired.diagnostics.map(({ code, severity }) => [code, severity])).toEqual([['HW1031', 'warning']]);
  });
});
