import { describe, expect, it } from 'vitest';
import type { Desired } from '../../src/model/desired.ts';
import { component, desiredOf, environment, ENVIRONMENT, places, type Files } from './support.ts';

const schedule = (spec: string, namespace = 'shop') => `apiVersion: headway.dev/v1alpha1
kind: Schedule
metadata: {name: nightly, namespace: ${namespace}}
spec:
  schedule: "15  2 * * *"
${spec}`;
const BACKEND = '  backendRef: {name: cart}\n';
const shop = (spec: string, more: Files = {}): Files => ({
  'environment.yaml': ENVIRONMENT,
  'cart.yaml': component('cart'),
  'nightly.yaml': schedule(spec),
  ...more,
});
const schedulesOf = (desired: Desired, key = 'shop/cart') => desired.entries.get(key as 'shop/cart')?.schedules;

describe('a Schedule', () => {
  it('becomes plain units, defaults filled in', () => {
    expect(schedulesOf(desiredOf(shop(BACKEND)))).toEqual([
      {
        schedule: 'shop/nightly',
        expression: '15 2 * * *',
        timeZone: 'UTC',
        concurrencyPolicy: 'Forbid',
        deadlineMs: 600_000,
        startingDeadlineMs: 600_000,
        backend: 'shop/cart',
        export: { interface: 'wasi:cli/run@0.2.0', function: 'run' },
        args: [],
        suspend: false,
      },
    ]);
  });

  it('has what is written', () => {
    const spec =
      '  timeZone: Europe/Berlin\n  concurrencyPolicy: Replace\n  deadline: 24h\n  startingDeadline: 1s\n  suspend: true\n' +
      '  backendRef: {name: cart, args: [--all, ""]}\n';
    expect(schedulesOf(desiredOf(shop(spec)))![0]).toMatchObject({
      timeZone: 'Europe/Berlin',
      concurrencyPolicy: 'Replace',
      deadlineMs: 86_400_000,
      startingDeadlineMs: 1_000,
      args: ['--all', ''],
      suspend: true,
    });
  });

  it.each([
    ['deadline: 24h1ms', 'HW1018 nightly.yaml:6:13'],
    ['startingDeadline: 999ms', 'HW1018 nightly.yaml:6:21'],
    ['startingDeadline: 24h1ms', 'HW1018 nightly.yaml:6:21'],
    ['concurrencyPolicy: Maybe', 'HW1016 nightly.yaml:6:22'],
    ['jitter: 1m', 'HW1013 nightly.yaml:6:3'],
  ])('may not say %s', (line, place) => {
    const desired = desiredOf(shop(`  ${line}\n${BACKEND}`));
    expect(places(desired.diagnostics)).toEqual([place]);
    expect(schedulesOf(desired)).toBeUndefined();
  });

  it('that becomes invalid keeps what it said; deleted, it is gone', () => {
    const before = desiredOf(shop(BACKEND));
    const broken = desiredOf(shop('  timeZone: Mars/Olympus\n  backendRef: {name: cart}\n'), before);
    expect(broken.invalid.map(({ kind, name }) => [kind, name])).toEqual([['Schedule', 'nightly']]);
    expect(schedulesOf(broken)).toEqual(schedulesOf(before));
    const { 'nightly.yaml': _, ...rest } = shop(BACKEND);
    expect(schedulesOf(desiredOf(rest, before))).toBeUndefined();
  });

  it('may move to another component, and calls one of its own namespace only', () => {
    const moved = desiredOf(shop('  backendRef: {name: other}\n', { 'other.yaml': component('other') }));
    expect([schedulesOf(moved), schedulesOf(moved, 'shop/other')?.length]).toEqual([undefined, 1]);
    const foreign = desiredOf({
      'environment.yaml': environment('  tenants: [{namespace: shop, path: shop}, {namespace: bank, path: bank}]\n'),
      'shop/cart.yaml': component('cart'),
      'bank/nightly.yaml': schedule(BACKEND, 'bank'),
    });
    expect(places(foreign.diagnostics)).toEqual(['HW1023 bank/nightly.yaml:6:22']);
  });
});
