/** What plan says about grants of files: what is looked at first is what a component could not touch before. */
import { expect, test } from 'vitest';
import { grantChanges } from '../../src/check/plan/grants.ts';
import { grantSentence } from '../../src/check/plan/summary.ts';
import type { Grant } from '../../src/model/component.ts';
import type { DesiredEntry } from '../../src/model/desired.ts';

const entry = (settings: Grant['settings']): Pick<DesiredEntry, 'members'> =>
  ({
    members: [
      { key: 'shop/a', capabilities: [{ name: 'm', capability: 'filesystem', settings, enforcement: 'Enforce' }] },
    ],
  }) as unknown as Pick<DesiredEntry, 'members'>;
const volume = { volume: 'media', mountPath: '/m', access: 'ReadOnly', maxSize: 1000, maxFiles: 10 };
const folder = { path: 'mail', mountPath: '/m', access: 'ReadOnly', content: 'sha256:1', bytes: 1 };

test.each([
  [volume, { ...volume, access: 'ReadWrite' }, 'Widened', true],
  [volume, { ...volume, maxSize: 1001 }, 'Widened', true],
  [volume, { ...volume, maxFiles: 11 }, 'Widened', true],
  [volume, { ...volume, maxFiles: 9 }, 'Narrowed', false],
  [volume, { ...volume, volume: 'other' }, 'Widened', true],
  [folder, { ...folder, content: 'sha256:2', bytes: 2 }, 'Refilled', false],
  [folder, { ...folder, path: 'mail/parts' }, 'Narrowed', false],
  [folder, { ...folder, path: 'mai' }, 'Widened', true],
  [folder, volume, 'Widened', true],
])('%o → %o', (before, after, change, escalation) => {
  expect(grantChanges(entry(before), entry(after))).toMatchObject([{ change, escalation }]);
});

test('another content is said by its digests', () => {
  const [change] = grantChanges(entry(folder), entry({ ...folder, content: 'sha256:2' }));
  expect(grantSentence(change!)).toBe('shop/a has another content of m: sha256:1 → sha256:2');
});
