/** Values that are taken from other documents: what they become, and what a change of one does. */
import { describe, expect, it } from 'vitest';
import { differences } from '../../src/check/plan/differences.ts';
import { revisionOf } from '../../src/decide/identity.ts';
import { cartOf, component, desiredOf, ENVIRONMENT, places, type Files } from './support.ts';

const FROM = (key: string, name = 'rates') => `valueFrom: {configKeyRef: {name: ${name}, key: ${key}}}`;

function config(data: string, name = 'rates', namespace = 'shop'): string {
  return `apiVersion: headway.dev/v1alpha1
kind: Config
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  data: [${data}]
`;
}

const RATES = config('{name: books, value: "0.07"}, {name: food, value: "0.05"}');

function files(spec: string, rates = RATES): Files {
  return { 'environment.yaml': ENVIRONMENT, 'cart.yaml': component('cart', spec), 'rates.yaml': rates };
}

describe('a value from a Config', () => {
  it('is what the component gets, in env and in config, each by name', () => {
    const spec = `  env: [{name: Z, value: z}, {name: A, ${FROM('food')}}]\n  config: [{name: tax, ${FROM('books')}}]\n`;
    expect(cartOf(files(spec)).members[0]).toMatchObject({
      env: [
        { name: 'A', value: '0.05' },
        { name: 'Z', value: 'z' },
      ],
      config: [{ name: 'tax', value: '0.07' }],
      secretVersions: [],
    });
  });

  it('is the same revision as one that is written, wherever it stands', () => {
    const revision = (spec: string, rates?: string) => revisionOf(cartOf(files(spec, rates)));
    const written = revision('  env: [{name: TAX, value: "0.07"}]\n');
    expect(revision(`  env: [{name: TAX, ${FROM('books')}}]\n`)).toBe(written);
    const renamed = config('{name: b, value: "0.07"}', 'other');
    expect(revision(`  env: [{name: TAX, ${FROM('b', 'other')}}]\n`, renamed)).toBe(written);
    expect(revision(`  env: [{name: TAX, ${FROM('food')}}]\n`)).not.toBe(written);
  });

  it('rolls out what uses the key that changes, and nothing else; the plan names the variable', () => {
    const spec = `  env: [{name: TAX, ${FROM('books')}}]\n`;
    const before = cartOf(files(spec));
    const other = cartOf(files(spec, RATES.replace('0.05', '0.06')));
    expect(revisionOf(other)).toBe(revisionOf(before));
    const after = cartOf(files(spec, RATES.replace('0.07', '0.08')));
    expect(revisionOf(after)).not.toBe(revisionOf(before));
    expect(differences(before, after)).toEqual(['env: ~ TAX']);
  });

  it('of another namespace is not there', () => {
    const made = files(`  env: [{name: TAX, ${FROM('books')}}]\n`, config('{name: books, value: a}', 'rates', 'bank'));
    expect(places(desiredOf(made).invalid.flatMap(({ problems }) => problems))).toEqual(['HW1023 cart.yaml:6:54']);
  });

  it('that goes away leaves the component its last valid form', () => {
    const spec = `  env: [{name: TAX, ${FROM('books')}}]\n`;
    const before = desiredOf(files(spec));
    const gone = desiredOf(files(spec, config('{name: food, value: a}')), before);
    expect(gone.entries.has('shop/cart')).toBe(false);
    expect(gone.invalid).toMatchObject([{ kind: 'Component', name: 'cart', problems: [{ code: 'HW1145' }] }]);
  });
});
