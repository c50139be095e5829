/** One process holds all members of a cell: where one of them demands Strict, all have it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Isolation } from '../../src/model/component.ts';
import type { Bundle, CellSpec } from '../../src/model/engine.ts';
import { desired, entry } from '../decide/support/desired.ts';
import { Fleet } from '../decide/support/fleet.ts';
import { bundleOf } from './bundles.ts';
import { cellOf, MIB, RunningHost } from './running.ts';

let bundle: Bundle;
let running: RunningHost | undefined;

async function open(options: ConstructorParameters<typeof RunningHost>[0] = {}): Promise<RunningHost> {
  running = new RunningHost({ poolSize: 0, ...options });
  bundle = await bundleOf('testbed', running.storeFolder, 16 * MIB);
  return running;
}
beforeEach(() => (running = undefined));
afterEach(() => running?.stop());

/** A cell of two, as decide/ plans it: the entry asks for one isolation, what it links for another. */
function cellOfTwo(own: Isolation, linked: Isolation): CellSpec {
  const made = entry('testbed', { member: { isolation: own } });
  const [first] = made.members;
  const tax = entry('tax', { member: { isolation: linked } }).members[0];
  const fleet = new Fleet(desired('a1', [{ ...made, members: [first, tax] }]));
  const plan = [...fleet.until(({ engine }) => engine.replicas.size > 0).engine.replicas.values()][0]!.cell;
  const cell = cellOf(bundle, { isolation: plan.isolation });
  const members = plan.members.map(({ key, isolation }) => ({
    bundle,
    member: { ...cell.members[0]!.member, key, isolation },
  }));
  return { ...cell, members };
}

describe('a cell of two members', () => {
  it.each<readonly [Isolation, Isolation, string]>([
    ['Process', 'Strict', 'Strict'],
    ['Strict', 'Process', 'Strict'],
    ['Process', 'Process', 'Process'],
  ])('of which the entry asks for %s and the other for %s runs as %s', async (own, linked, expected) => {
    const host = await open();
    await host.ready('a', cellOfTwo(own, linked));
    expect(host.replica('a').isolation).toBe(expected);
  });

  it('does not run where only the linked one asks for Strict and there is none', async () => {
    const host = await open({ forbidStrict: 'the test says so' });
    await host.until('the sandbox', () => host.host.observe().sandbox.why.includes('the test says so'));
    const refused = host.host.start('a', cellOfTwo('Process', 'Strict'));
    expect(refused).toMatchObject({ ok: false, error: { code: 'HW4103' } });
    expect(host.host.observe().replicas).toEqual([]);
  });
});
