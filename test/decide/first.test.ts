import { describe, expect, it } from 'vitest';
import { desired, entry } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

const v1 = () => entry('cart', { content: 'v1' });
const v2 = () => entry('cart', { content: 'v2' });

describe('a rollout', () => {
  it('walks: first deployment, canary, proof, revert', () => {
    const fleet = new Fleet(desired('a1', [v1()]));
    fleet.until((f) => f.memory.entries['shop/cart'] !== undefined && f.isProven('cart', 'v1'));
    fleet.push(desired('a2', [v2()])).until((f) => f.isProven('cart', 'v2'));
    expect(fleet.rows.get('shop/cart')).toEqual([7, 3, 13, 12, 3]);
    fleet.push(desired('a3', [v1()])).until((f) => f.isProven('cart', 'v1'));
    fleet.run(5_000);
    console.log(fleet.events.map((e) => `${e.reason}: ${e.message}`).join('\n'));
    console.log(JSON.stringify(fleet.last!.entries, null, 1).slice(0, 3000), fleet.last!.commits);
    console.log(
      [...fleet.engine.replicas.values()].map((r) => r.id + r.phase),
      fleet.engine.unanswered,
    );
  });

  it('rolls back a bad one', () => {
    const fleet = new Fleet(desired('a1', [v1()])).behave('v2', { failures: 0.3 });
    fleet.until((f) => f.memory.entries['shop/cart'] !== undefined && f.isProven('cart', 'v1'));
    fleet.push(desired('a2', [v2()])).until((f) => f.of('cart').ends.length > 0);
    fleet.run(5_000);
    console.log(fleet.events.map((e) => `${e.reason}: ${e.message}`).join('\n'));
  });
});
