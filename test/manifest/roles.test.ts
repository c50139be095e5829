/** Roles: what they resolve to, what a change of one does, and what a reference may say. */
import { describe, expect, it } from 'vitest';
import { grantChanges } from '../../src/check/plan/grants.ts';
import { revisionOf } from '../../src/decide/identity.ts';
import { MAX_GRANTS_PER_COMPONENT } from '../../src/manifest/bounds.ts';
import type { DesiredEntry } from '../../src/model/desired.ts';
import { component, desiredOf, ENVIRONMENT, places, policy, type Files } from './support.ts';

const CARTS = '{name: carts, keyValue: {store: carts}}';

function role(grants: string, namespace = 'shop', name = 'basics'): string {
  return `apiVersion: headway.dev/v1alpha1
kind: Role
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  capabilities: [${grants}]
`;
}

function files(capabilities: string, roles: Files = { 'role.yaml': role(CARTS) }): Files {
  return {
    'environment.yaml': ENVIRONMENT,
    'cart.yaml': component('cart', `  capabilities: [${capabilities}]\n`),
    ...roles,
  };
}

function entryOf(made: Files): DesiredEntry {
  const desired = desiredOf(made);
  expect(desired.invalid).toEqual([]);
  return desired.entries.get('shop/cart')!;
}

const grantsOf = (made: Files) => entryOf(made).members[0].capabilities;

describe('a Role', () => {
  it('stands for its grants, each under the name of the item and its own, with its defaults', () => {
    const made = files(`{name: web, roleRef: {name: basics}}, ${CARTS}`);
    expect(grantsOf(made)).toMatchObject([
      {
        name: 'carts',
        capability: 'keyValue',
        settings: { store: 'carts', access: 'ReadOnly' },
        enforcement: 'Enforce',
      },
      {
        name: 'web.carts',
        capability: 'keyValue',
        settings: { store: 'carts', access: 'ReadOnly' },
        enforcement: 'Enforce',
      },
    ]);
  });

  it('of the platform may be used by everybody, one of another namespace by nobody', () => {
    const made = (namespace: string) =>
      files(`{name: web, roleRef: {name: basics, namespace: ${namespace}}}`, { 'role.yaml': role(CARTS, namespace) });
    expect(grantsOf(made('platform')).map(({ name }) => name)).toEqual(['web.carts']);
    expect(places(desiredOf(made('bank')).invalid.flatMap(({ problems }) => problems))).toEqual([
      'HW1023 cart.yaml:6:65',
    ]);
  });

  it.each([
    ['nothing', '', { enforcement: 'Enforce' }],
    ['a looser enforcement', ', enforcement: Audit', { enforcement: 'Audit' }],
    ['an earlier end', ', expireTime: "2027-01-01T00:00:00Z"', { expireTime: '2027-01-01T00:00:00Z' }],
    ['a later end', ', expireTime: "2029-01-01T00:00:00Z"', { expireTime: '2028-01-01T00:00:00Z' }],
  ])('its item may say %s', (_, more, expected) => {
    const roles = { 'role.yaml': role('{name: carts, keyValue: {store: carts}, expireTime: "2028-01-01T00:00:00Z"}') };
    const expires = { expireTime: '2028-01-01T00:00:00Z' };
    expect(grantsOf(files(`{name: web, roleRef: {name: basics}${more}}`, roles))[0]).toMatchObject({
      ...expires,
      ...expected,
    });
  });

  it('that changes makes another revision of all that use it, and plan says which grants came and went', () => {
    const before = entryOf(files('{name: web, roleRef: {name: basics}}'));
    const changed = { 'role.yaml': role('{name: media, blobStore: {container: media}}') };
    const after = entryOf(files('{name: web, roleRef: {name: basics}}', changed));
    expect(revisionOf(after)).not.toBe(revisionOf(before));
    expect(grantChanges(before, after).map(({ name, change, escalation }) => [name, change, escalation])).toEqual([
      ['web.media', 'Gained', true],
      ['web.carts', 'Lost', false],
    ]);
    // The order of its grants and its labels are no content.
    const two = `{name: media, blobStore: {container: media}}, ${CARTS}`;
    const turned = `${CARTS}, {name: media, blobStore: {container: media}}`;
    const [one, other] = [two, turned].map((grants) =>
      revisionOf(entryOf(files('{name: web, roleRef: {name: basics}}', { 'role.yaml': role(grants) }))),
    );
    expect(one).toBe(other);
  });

  it('does not go beyond a Policy: the finding stands at the reference', () => {
    const ceiling = policy(
      'ceiling',
      '  namespaces: [shop]\n  capabilities: [{name: c, blobStore: {containers: [media]}}]\n',
    );
    const made = files(`{name: web, roleRef: {name: basics}}`, { 'role.yaml': role(CARTS), 'policy.yaml': ceiling });
    const { refusals } = entryOf(made);
    const exceeding = refusals.filter(({ code }) => code === 'HW1040');
    expect(exceeding.map(({ message }) => message).join()).toContain('the grant web.carts (keyValue) goes beyond');
    expect(places(desiredOf(made).diagnostics.filter(({ code }) => code === 'HW1040'))).toEqual([
      'HW1040 cart.yaml:6:18',
    ]);
  });

  it('says the place of a grant in the order in which it was written', () => {
    const ceiling = policy(
      'ceiling',
      '  namespaces: [shop]\n  capabilities: [{name: c, keyValue: {stores: [carts]}}]\n',
    );
    const made = files(`{name: z, blobStore: {container: media}}, {name: a, keyValue: {store: carts}}`, {
      'policy.yaml': ceiling,
    });
    expect(places(desiredOf(made).diagnostics.filter(({ code }) => code === 'HW1040'))).toEqual([
      'HW1040 cart.yaml:6:18',
    ]);
  });

  it(`makes at most ${MAX_GRANTS_PER_COMPONENT} grants of a component`, () => {
    const many = Array.from({ length: 64 }, (_, n) => `{name: g${n}, keyValue: {store: carts}}`).join(', ');
    const items = (count: number) =>
      Array.from({ length: count }, (_, n) => `{name: r${n}, roleRef: {name: basics}}`).join(', ');
    const roles = { 'role.yaml': role(many) };
    expect(grantsOf(files(items(4), roles))).toHaveLength(MAX_GRANTS_PER_COMPONENT);
    const { invalid } = desiredOf(files(`${items(4)}, ${CARTS}`, roles));
    expect(invalid[0]!.problems.map(({ code }) => code)).toEqual(['HW1018']);
  });
});
