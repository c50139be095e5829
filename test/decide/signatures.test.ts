import { describe, expect, it } from 'vitest';
import type { DesiredEntry } from '../../src/model/desired.ts';
import { localKey } from '../../src/model/observed.ts';
import { problem } from '../../src/model/problem.ts';
import type { SignatureDemand } from '../../src/model/signature.ts';
import { artifactOf, desired, entry, MINUTE_MS } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

const DEMAND: SignatureDemand = { policy: 'signed', enforcement: 'Enforce', keys: ['a key'], keyless: [] };
const unsigned = entry('cart', { content: 'v1' });
const asked: DesiredEntry = { ...unsigned, members: [{ ...unsigned.members[0], signatures: [DEMAND] }] };

/** Its bundle is here already; whoever looks at signatures finds the wrong ones. */
function fleetOf(cart: DesiredEntry): Fleet {
  const fleet = new Fleet(desired('a1', [cart]));
  fleet.local.add(localKey(cart.members[0]));
  fleet.refusals.set(artifactOf('v1'), problem('HW2011', 'signed by nobody who is trusted'));
  return fleet;
}

describe('an artifact that has to be signed', () => {
  it.each([
    ['asked', asked, 'Refused'],
    ['not asked', unsigned, undefined],
  ])('a proven release with its bundle here is looked at anew where it is: %s', (_, again, kind) => {
    const fleet = new Fleet(desired('a1', [unsigned])).until((f) => f.isProven('cart', 'v1'));
    fleet
      .push(desired('a2', [entry('cart', { content: 'v2' })]))
      .until((f) => f.isProven('cart', 'v2'), 40 * MINUTE_MS);
    fleet.refusals.set(artifactOf('v1'), problem('HW2011', 'signed by nobody who is trusted'));
    // As the loop drops what nobody waits for.
    fleet.preparations.clear();
    fleet.push(desired('a3', [again])).run(3_000);
    expect(fleet.of('cart').ends[0]?.kind).toBe(kind);
    expect([fleet.serves('cart', 'v1'), fleet.serves('cart', 'v2')]).toEqual(kind ? [false, true] : [true, false]);
  });

  it('another Policy releases the refusal, and a policy that is new stops nothing that serves', () => {
    const fleet = fleetOf(asked).run(500);
    fleet.refusals.clear();
    expect(fleet.run(500).of('cart').ends).toHaveLength(1);
    expect(fleet.of('cart').candidate).toBeUndefined();
    const { policies } = fleet.desired;
    const rule = { source: 'oci:*', keys: ['a key'], keyless: [] };
    const policy = {
      name: 'signed',
      namespaces: ['*'],
      enforcement: 'Enforce' as const,
      limits: {},
      isolation: [],
      signatures: [rule],
      rollout: { allowEmergency: true },
    };
    fleet.push({ ...desired('a2', [asked]), policies: [...policies, policy] });
    fleet.until((f) => f.isProven('cart', 'v1'), 40 * MINUTE_MS);
    fleet.refusals.set(artifactOf('v1'), problem('HW2011', 'signed by nobody who is trusted'));
    const other = {
      ...asked,
      members: [{ ...asked.members[0], signatures: [{ ...DEMAND, keys: ['another'] }] }] as const,
    };
    fleet.push({ ...desired('a3', [other]), policies }).run(500);
    expect(fleet.serves('cart', 'v1')).toBe(true);
  });
});
