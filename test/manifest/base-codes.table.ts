/**
 * Bases, variables and patches: for each code an Environment that it speaks about and one that it does not. Files below
 * `../../base/` are of a base, beside the followed path; `»` as in the other tables.
 */
import type { Row } from './codes.table.ts';
import { component, environment, type Files } from './support.ts';

export const BASE = '../../base';
const over = (more: string, base: Files = {}): Files => ({
  'environment.yaml': environment(`  bases: [${BASE}]\n${more}`),
  [`${BASE}/cart.yaml`]: component('cart'),
  ...base,
});
const at = (host: string): Files => ({
  [`${BASE}/cart.yaml`]: component('cart', `  env: [{name: HOST, value: ${host}}]\n`),
});
const patch = (name: string, text: string) =>
  `  patches: [{target: {kind: Component, namespace: shop, name: ${name}}, patch: ${text}}]\n`;
const DOMAIN = '  variables: [{name: domain, value: shop.example}]\n';

export const BASE_ROWS: readonly Row[] = [
  {
    code: 'HW1150',
    what: 'an Environment in a base',
    bad: over('', {
      [`${BASE}/environment.yaml`]: environment('  sync: {interval: 1m}\n', 'shared').replace('kind: ', 'kind: »'),
    }),
    good: over(''),
  },
  {
    code: 'HW1151',
    what: 'a variable that no Environment has',
    bad: over(DOMAIN, at('»"${domian}"')),
    good: over(DOMAIN, at('"${domain}"')),
  },
  {
    code: 'HW1152',
    what: 'a variable that no document of a base uses',
    bad: over(DOMAIN.replace('domain', '»domain')),
    good: over(DOMAIN, at('"${domain}"')),
  },
  {
    code: 'HW1153',
    what: 'a patch that would make another document of it',
    bad: over(patch('cart', '»{metadata: {name: basket}}')),
    good: over(patch('cart', '{metadata: {labels: {team: a}}}')),
  },
  {
    code: 'HW1154',
    what: 'a patch of what no base has',
    bad: over(patch('»basket', '{spec: {suspend: true}}')),
    good: over(patch('cart', '{spec: {suspend: true}}')),
  },
];
