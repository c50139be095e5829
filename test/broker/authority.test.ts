/** Grants × ceilings, as a table, and what stays true whatever they are. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Authority, type Use } from '../../src/broker/authority.ts';
import type { Grant } from '../../src/model/component.ts';
import type { Ceilings } from '../../src/model/snapshot.ts';
import { ceiling, grant } from './support.ts';

const NOW = Date.parse('2026-11-28T12:00:00Z');
const READ: Use = { write: false, mirrored: false, key: Buffer.from('cart/1') };
const WRITE: Use = { ...READ, write: true };
const AUDIT = { enforcement: 'Audit' } as const;

function verdict(grants: readonly Grant[], ceilings: readonly Ceilings[], use: Use, store = 'carts'): string {
  const { outcome, grant, why } = new Authority('shop', grants, ceilings).judge(store, use, NOW);
  return `${outcome} ${grant || '-'}${why === '' ? '' : `: ${why}`}`;
}

const carts = (settings: object = {}, more: Partial<Grant> = {}): Grant => grant('carts', { ...settings }, more);
const wide = { stores: ['carts'], access: 'ReadWrite' };

const ROWS: readonly (readonly [string, readonly Grant[], readonly Ceilings[], Use, string])[] = [
  ['nothing granted', [], [], READ, 'Denied -: no grant names this store'],
  ['another store granted', [grant('others')], [], READ, 'Denied -: no grant names this store'],
  ['another store in Audit', [grant('others', {}, AUDIT)], [], READ, 'Denied -: no grant names this store'],
  ['granted', [carts()], [], WRITE, 'Allowed carts'],
  ['only to read', [carts({ access: 'ReadOnly' })], [], READ, 'Allowed carts'],
  ['only to read, written', [carts({ access: 'ReadOnly' })], [], WRITE, 'Denied carts: the grant is ReadOnly'],
  ['within the prefix', [carts({ keyPrefix: 'cart/' })], [], READ, 'Allowed carts'],
  [
    'outside of the prefix',
    [carts({ keyPrefix: 'cart/1x' })],
    [],
    READ,
    'Denied carts: the key is outside of keyPrefix',
  ],
  ['the store as a whole', [carts({ keyPrefix: 'x/' })], [], { ...READ, key: undefined }, 'Allowed carts'],
  ['not yet expired', [carts({}, { expireTime: '2026-11-28T12:00:00.001Z' })], [], READ, 'Allowed carts'],
  ['expired', [carts({}, { expireTime: '2026-11-28T12:00:00Z' })], [], READ, 'Denied carts: the grant has expired'],
  ['in Audit, within', [carts({}, AUDIT)], [], WRITE, 'Allowed carts'],
  ['in Audit, beyond', [carts({ access: 'ReadOnly' }, AUDIT)], [], WRITE, 'Audited carts: the grant is ReadOnly'],
  [
    'expired in Audit',
    [carts({}, { ...AUDIT, expireTime: '2026-01-01T00:00:00Z' })],
    [],
    READ,
    'Audited carts: the grant has expired',
  ],
  [
    'two grants: the one that fits',
    [carts({ access: 'ReadOnly' }), { ...carts({ keyPrefix: 'cart/' }), name: 'writes' }],
    [],
    WRITE,
    'Allowed writes',
  ],
  ['within a ceiling', [carts()], [ceiling('p', wide)], WRITE, 'Allowed carts'],
  [
    'a ceiling of another namespace',
    [carts()],
    [ceiling('p', undefined, { namespaces: ['bank'] })],
    WRITE,
    'Allowed carts',
  ],
  [
    'a ceiling of all',
    [carts()],
    [ceiling('p', undefined, { namespaces: ['*'] })],
    READ,
    'Denied carts: beyond the capabilities of Policy p',
  ],
  [
    'beyond a ceiling',
    [carts()],
    [ceiling('p', { stores: ['others'] })],
    READ,
    'Denied carts: beyond the capabilities of Policy p',
  ],
  ['read below a ceiling to read', [carts()], [ceiling('p', { stores: ['carts'] })], READ, 'Allowed carts'],
  [
    'written above it',
    [carts()],
    [ceiling('p', { stores: ['carts'] })],
    WRITE,
    'Denied carts: beyond the capabilities of Policy p',
  ],
  [
    'beyond a ceiling in Audit',
    [carts()],
    [ceiling('p', undefined, AUDIT)],
    WRITE,
    'Audited carts: beyond the capabilities of Policy p',
  ],
  [
    'beyond two, one enforces',
    [carts()],
    [ceiling('p', undefined, AUDIT), ceiling('q', undefined)],
    READ,
    'Denied carts: beyond the capabilities of Policy q',
  ],
  [
    'a grant in Audit below a ceiling that enforces',
    [carts({}, AUDIT)],
    [ceiling('p', undefined)],
    READ,
    'Denied carts: beyond the capabilities of Policy p',
  ],
  ['mirrored, read', [carts()], [], { ...READ, mirrored: true }, 'Allowed carts'],
  ['mirrored, written', [carts()], [], { ...WRITE, mirrored: true }, 'Denied carts: a mirrored call changes nothing'],
  [
    'mirrored, written in Audit',
    [carts({}, AUDIT)],
    [ceiling('p', undefined, AUDIT)],
    { ...WRITE, mirrored: true },
    'Denied carts: a mirrored call changes nothing',
  ],
];

describe('may it?', () => {
  test.each(ROWS)('%s', (_what, grants, ceilings, use, wanted) => {
    expect(verdict(grants, ceilings, use)).toBe(wanted);
  });
});

const anyAccess = fc.constantFrom('ReadOnly', 'ReadWrite');
const anyEnforcement = fc.constantFrom('Enforce' as const, 'Audit' as const);
const anyGrant = fc
  .record({
    store: fc.constantFrom('a', 'b'),
    access: anyAccess,
    enforcement: anyEnforcement,
    prefix: fc.constantFrom(undefined, 'k', 'x'),
  })
  .map(({ store, access, enforcement, prefix }) =>
    grant(store, { access, ...(prefix === undefined ? {} : { keyPrefix: prefix }) }, { enforcement }),
  );
const anyCeiling = fc
  .record({ stores: fc.subarray(['a', 'b']), access: anyAccess, enforcement: anyEnforcement })
  .map(({ stores, access, enforcement }) => ceiling('p', { stores, access }, { enforcement }));
const anyUse = fc.record({
  write: fc.boolean(),
  mirrored: fc.boolean(),
  key: fc.constantFrom(Buffer.from('k1'), Buffer.from('x1'), undefined),
});

test('allowed is below a grant and below every ceiling; another ceiling never lets through more', () => {
  fc.assert(
    fc.property(fc.array(anyGrant), fc.array(anyCeiling), anyCeiling, anyUse, (grants, ceilings, more, use) => {
      const { outcome } = new Authority('shop', grants, ceilings).judge('a', use, NOW);
      const { outcome: tighter } = new Authority('shop', grants, [...ceilings, more]).judge('a', use, NOW);
      const rank = { Allowed: 2, Audited: 1, Denied: 0 } as const;
      expect(rank[tighter]).toBeLessThanOrEqual(rank[outcome]);
      if (outcome === 'Denied') return;
      expect(use.write && use.mirrored).toBe(false);
      expect(grants.some(({ settings }) => settings['store'] === 'a')).toBe(true);
      const enforced = ceilings.filter(({ enforcement }) => enforcement === 'Enforce');
      for (const { capabilities } of enforced) {
        const { stores, access } = capabilities[0]!.settings as { stores: string[]; access: string };
        expect(stores).toContain('a');
        expect(use.write && access === 'ReadOnly').toBe(false);
      }
    }),
  );
});
