/** What a Check gives and expects, held against the types of what it calls; and that it changes nothing that runs. */
import { describe, expect, it } from 'vitest';
import { ok } from '../../src/kit/result.ts';
import { assemble } from '../../src/manifest/assemble.ts';
import type { ComponentShape } from '../../src/model/wit.ts';
import { artifactsOf, component, desiredOf, ENVIRONMENT, parse, places, type Files } from './support.ts';

/** `add: func(a: u8, b: option<u8>) -> result<u64, string>` and `reset: func()`. */
const SHAPE: ComponentShape = {
  types: [
    { kind: 'option', some: 'u8' },
    { kind: 'result', ok: 'u64', err: 'string' },
  ],
  resources: [],
  imports: { interfaces: [], functions: [] },
  exports: {
    interfaces: [
      {
        name: 'a:b/sums@1.0.0',
        functions: [
          {
            name: 'add',
            params: [
              { name: 'a', type: 'u8' },
              { name: 'b', type: 0 },
            ],
            result: 1,
          },
          { name: 'reset', params: [] },
        ],
        types: [],
        resources: [],
      },
    ],
    functions: [],
  },
};

function check(rest: string, expected = '', standIns = '[]', name = 'sums'): string {
  return `apiVersion: headway.dev/v1alpha1
kind: Check
metadata: {name: ${name}, namespace: shop}
spec:
  standIns: ${standIns}
  calls:
    - name: it
      export: {componentRef: {name: cart}, interface: "a:b/sums@1.0.0", ${rest}}
      ${expected}
`;
}

const files = (...checks: readonly string[]): Files => ({
  'environment.yaml': ENVIRONMENT,
  'cart.yaml': component('cart'),
  ...Object.fromEntries(checks.map((text, index) => [`check-${index}.yaml`, text])),
});

function findings(...checks: readonly string[]): readonly string[] {
  const parsed = parse(files(...checks));
  expect(parsed.invalid).toEqual([]);
  const desired = assemble('c', parsed, artifactsOf(parsed), undefined, () => ok(SHAPE));
  return desired.diagnostics.map((found) => `${places([found])[0]!} ${found.message}`);
}

describe('a Check of an exported function', () => {
  it('is good where parameters and result fit', () => {
    expect(findings(check('function: add, parameters: {a: 1}', 'expect: {result: {ok: "3"}}'))).toEqual([]);
    expect(findings(check('function: add, parameters: {a: 1, b: 2}'))).toEqual([]);
    expect(findings(check('function: reset'))).toEqual([]);
    expect(findings(check('function: add, arguments: ["1", "2"]', 'expect: {wave: "ok(3)"}'))).toEqual([]);
  });

  it.each([
    ['function: add, arguments: ["1", "some(2"]', '', 'HW1228', 'character 7 of the text: expected )'],
    ['function: add, arguments: ["256"]', '', 'HW1083', 'found 256 at /a'],
    ['function: add, arguments: ["1", none, "3"]', '', 'HW1228', 'expected 2 arguments'],
    ['function: add, parameters: {a: 1}', 'expect: {wave: "ok(x)"}', 'HW1228', 'character 4 of the text'],
    ['function: ad, parameters: {a: 1}', '', 'HW1090', 'exports no function ad'],
    ['function: add, parameters: {a: 256}', '', 'HW1083', 'found 256 at /a'],
    ['function: add', '', 'HW1083', 'found nothing at /a'],
    ['function: add, parameters: {a: 1}', 'expect: {result: {ok: -1}}', 'HW1226', 'found -1 at /ok'],
    ['function: add, parameters: {a: 1}', 'expect: {result: null}', 'HW1226', 'ok or err'],
    ['function: reset', 'expect: {result: null}', 'HW1226', 'returns nothing'],
  ])('%s, %s: %s', (called, expected, code, says) => {
    const [found, ...more] = findings(check(called, expected));
    expect(more).toEqual([]);
    expect(found).toMatch(new RegExp(`^${code} check-0.yaml:[89]:`));
    expect(found).toContain(says);
  });
});

describe('stand-ins', () => {
  const token = (value: string) => `[{secretKeyRef: {name: pay, key: token}, value: ${value}}]`;

  it('are the same in two Checks, or both are wrong', () => {
    const called = 'function: reset';
    expect(findings(check(called, '', token('a')), check(called, '', token('a'), 'other'))).toEqual([]);
    const found = findings(check(called, '', token('a')), check(called, '', token('b'), 'other'));
    expect(found.map((text) => text.slice(0, 19))).toEqual(['HW1227 check-0.yaml', 'HW1227 check-1.yaml']);
  });
});

describe('deterministic profiles', () => {
  const profile = (text: string, name: string): string =>
    check('function: reset', '', '[]', name).replace('  calls:', `  deterministic: ${text}\n  calls:`);

  it('are the same in two Checks, defaults included, or both are wrong', () => {
    expect(findings(profile('{}', 'one'), profile('{step: 1ms, seed: 0}', 'other'), check('function: reset'))).toEqual(
      [],
    );
    const found = findings(profile('{seed: 1}', 'one'), profile('{seed: 2}', 'other'));
    expect(found.map((text) => text.slice(0, 19))).toEqual(['HW1227 check-0.yaml', 'HW1227 check-1.yaml']);
  });
});

describe('a fleet with Checks', () => {
  it('is the fleet without them', () => {
    const without = desiredOf(files());
    const good = desiredOf(files(check('function: add, parameters: {a: 1}')));
    expect({ ...good }).toEqual({ ...without });
    const bad = desiredOf(files(check('function: add').replace('name: cart}', 'name: none}')));
    expect(bad.diagnostics.map(({ code }) => code)).toEqual(['HW1023']);
    expect({ ...bad, diagnostics: [], invalid: [] }).toEqual({ ...without, diagnostics: [], invalid: [] });
  });
});
