/** Why a replica has the walls that it has, as status and `explain` say it; and that a start refused for want of them says why. */
import { describe, expect, it } from 'vitest';
import { isolationWhy } from '../../src/decide/isolation.ts';
import type { Isolation } from '../../src/model/component.ts';
import { problem } from '../../src/model/problem.ts';
import { desired, entry } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

const NONE = { strict: false, why: 'bubblewrap is not installed' };
const ALL = { strict: true, why: 'bubblewrap 0.11.0 and user namespaces work' };

describe('why a replica is isolated as it is', () => {
  it.each<readonly [Isolation, readonly Isolation[], 'Strict' | 'Process', typeof NONE, string]>([
    ['Auto', [], 'Process', NONE, 'spec.isolation is Auto: bubblewrap is not installed'],
    ['Auto', [], 'Strict', ALL, 'spec.isolation is Auto: bubblewrap 0.11.0 and user namespaces work'],
    ['Shared', ['Shared'], 'Process', NONE, 'the walls are those of Auto: bubblewrap is not installed'],
    ['Shared', ['Auto'], 'Process', NONE, 'spec.isolation is Auto: bubblewrap is not installed'],
    ['Process', [], 'Process', ALL, 'spec.isolation asks for it'],
    ['Strict', [], 'Strict', ALL, 'spec.isolation asks for it'],
    ['Process', ['Strict'], 'Strict', ALL, 'spec.isolation of shop/linked0, which it links inline, asks for it'],
    // The spawner ended, and the next one found bubblewrap, or did not find it again.
    [
      'Auto',
      [],
      'Process',
      ALL,
      'spec.isolation is Auto: it was otherwise when this one started; now bubblewrap 0.11.0 and user namespaces work',
    ],
    [
      'Auto',
      [],
      'Strict',
      NONE,
      'spec.isolation is Auto: it was otherwise when this one started; now bubblewrap is not installed',
    ],
  ])('%s that links %j runs as %s', (own, linked, isolation, sandbox, why) => {
    const member = (name: string, asked: Isolation) => entry(name, { member: { isolation: asked } }).members[0];
    const members = [member('own', own), ...linked.map((asked, index) => member(`linked${index}`, asked))] as const;
    expect(isolationWhy({ isolation }, members, sandbox)).toBe(why);
  });

  it('is not said of one that has no process', () =>
    expect(isolationWhy({}, entry('own').members, NONE)).toBeUndefined());
});

it('Strict where there is none waits, and its conditions say why there is none', () => {
  const fleet = new Fleet(desired('a1', [entry('cart', { member: { isolation: 'Strict' } })]));
  fleet.refuse = problem('HW4103', 'shop/cart asks for Strict: bubblewrap is not installed');
  fleet.until((f) =>
    f.status('cart').conditions.some(({ message }) => message.includes('bubblewrap is not installed')),
  );
  expect(fleet.status('cart').conditions.find(({ type }) => type === 'Ready')).toMatchObject({
    status: 'False',
    message: expect.stringContaining('bubblewrap is not installed'),
  });
});
