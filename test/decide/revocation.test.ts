import { describe, expect, it } from 'vitest';
import { MAX_USES, USE_HORIZON_MS, USE_RESOLUTION_MS } from '../../src/decide/uses.ts';
import { plannedRevocation } from '../../src/check/plan/live.ts';
import { explainText } from '../../src/check/explain.ts';
import { statusText } from '../../src/check/status.ts';
import type { AccessRecord } from '../../src/model/audit.ts';
import type { EntryKey, Grant } from '../../src/model/component.ts';
import type { Desired, PolicySettings } from '../../src/model/desired.ts';
import type { Status } from '../../src/model/status.ts';
import { desired, entry, ENVIRONMENT } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

const NAMES = ['a', 'b', 'c', 'd'] as const;
const GRANT: Grant = {
  name: 'g',
  capability: 'keyValue',
  settings: { store: 'carts', access: 'ReadWrite' },
  enforcement: 'Enforce',
};

function policy(stores: readonly string[], more: Partial<PolicySettings> = {}): PolicySettings {
  return {
    name: 'p',
    namespaces: ['shop'],
    enforcement: 'Enforce',
    limits: {},
    isolation: [],
    rollout: { allowEmergency: true },
    capabilities: [{ name: 'state', capability: 'keyValue', settings: { stores, access: 'ReadWrite' } }],
    ...more,
  };
}

function world(commit: string, policies: readonly PolicySettings[], confirm = '', maxDeletePercent = 50): Desired {
  const entries = NAMES.map((name) => {
    const made = entry(name);
    const [first, ...others] = made.members;
    return { ...made, members: [{ ...first, capabilities: [GRANT] }, ...others] as const };
  });
  const environment = { prune: { ...ENVIRONMENT.prune, maxDeletePercent, confirm } };
  return { ...desired(commit, entries, { environment }), policies };
}

function use(fleet: Fleet, name: string, more: Partial<AccessRecord> = {}): void {
  fleet.uses.push({
    atWallMs: fleet.wallMs,
    component: `shop/${name}` as EntryKey,
    group: `shop/${name}@1`,
    capability: 'keyValue',
    grant: 'g',
    outcome: 'Allowed',
    asked: 'set carts',
    needs: { store: 'carts', access: 'ReadWrite' },
    why: '',
    count: 1,
    ...more,
  });
}

/** Four that serve, of which some have used their store. */
function serving(users: readonly string[], policies = [policy(['carts'])]): Fleet {
  const fleet = new Fleet(world('a1', policies)).until((f) => NAMES.every((name) => f.of(name).serving?.proven));
  for (const name of users) use(fleet, name);
  return fleet.run(200);
}

const inForce = (fleet: Fleet): readonly unknown[] =>
  fleet.engine.snapshot!.grants!.ceilings.map(({ capabilities }) => capabilities[0]?.settings['stores']);
const NONE = policy([], { capabilities: [] });

describe('the guard over ceilings', () => {
  it.each([
    ['nobody used it', [], false],
    ['one did', ['a'], false],
    ['half did, which is the limit', ['a', 'b'], false],
    ['more did', ['a', 'b', 'c'], true],
  ] as const)('%s', (_what, users, held) => {
    const fleet = serving(users)
      .push(world('a2', [NONE]))
      .run(500);
    expect(inForce(fleet)).toEqual(held ? [['carts']] : [undefined]);
    expect(fleet.memory.revocation !== undefined).toBe(held);
  });

  it('is told once, with the line that lets exactly this change through', () => {
    const fleet = serving(NAMES)
      .push(world('a2', [NONE]))
      .run(1_000);
    const told = fleet.events.filter(({ reason }) => reason === 'RevocationHeld');
    expect(told).toHaveLength(1);
    const { hash, why, release } = fleet.memory.revocation!;
    expect(told[0]!.message).toBe(`${why}; ${release}`);
    expect(why).toContain('4 of 4 components used within a day (100 %, limit 50 %): shop/a, shop/b, shop/c, shop/d');
    expect(release).toContain(`prune.confirm: "${hash}"`);
    fleet.push(world('a3', [policy(['others'])], hash)).run(500);
    expect(inForce(fleet)).toEqual([['carts']]);
    fleet.push(world('a4', [NONE], hash)).run(500);
    expect(inForce(fleet)).toEqual([undefined]);
    expect(fleet.memory.revocation).toBeUndefined();
  });

  it('is over when git takes the change back, or has nobody left to protect', () => {
    const fleet = serving(NAMES)
      .push(world('a2', [NONE]))
      .run(500);
    fleet.push(world('a3', [policy(['carts', 'others'])])).run(500);
    expect(inForce(fleet)).toEqual([['carts', 'others']]);
    expect(fleet.memory.revocation).toBeUndefined();
  });

  it('counts what was used within a day, and not what was denied or is old', () => {
    const fleet = serving([]);
    for (const name of NAMES) use(fleet, name, { outcome: 'Denied' });
    for (const name of NAMES) use(fleet, name, { atWallMs: fleet.wallMs - USE_HORIZON_MS - USE_RESOLUTION_MS });
    fleet
      .run(200)
      .push(world('a2', [NONE]))
      .run(500);
    expect(inForce(fleet)).toEqual([undefined]);
  });

  it('counts what an Audit lets through; and a Policy in Audit takes nothing away', () => {
    const fleet = serving([]);
    for (const name of NAMES) use(fleet, name, { outcome: 'Audited' });
    fleet
      .run(200)
      .push(world('a2', [policy(['others'], { enforcement: 'Audit' })]))
      .run(500);
    expect(inForce(fleet)).toEqual([['others']]);
    fleet.push(world('a3', [NONE])).run(500);
    expect(inForce(fleet)).toEqual([['others']]);
  });

  it('cannot be lifted by the commit that it is about', () => {
    const fleet = serving(NAMES)
      .push(world('a2', [NONE], '', 100))
      .run(500);
    expect(inForce(fleet)).toEqual([['carts']]);
    fleet.push(world('a3', [NONE], '', 100)).run(500);
    expect(inForce(fleet)).toEqual([undefined]);
  });

  it('holds over a restart of control', () => {
    const fleet = serving(NAMES)
      .push(world('a2', [NONE]))
      .run(500);
    fleet.restartControl().run(500);
    expect(inForce(fleet)).toEqual([['carts']]);
  });

  it('remembers so many uses of an entry at most, and touches nothing for a use that it knows', () => {
    const fleet = serving(['a']);
    const before = fleet.memory.entries['shop/a']!.uses!;
    use(fleet, 'a', { atWallMs: before[0]!.lastWallMs + USE_RESOLUTION_MS - 1 });
    expect(fleet.run(200).memory.entries['shop/a']!.uses).toBe(before);
    for (let number = 0; number <= MAX_USES; number++)
      use(fleet, 'a', { needs: { store: `s${number}`, access: 'ReadOnly' } });
    const { uses } = fleet.run(200).memory.entries['shop/a']!;
    expect(uses).toHaveLength(MAX_USES);
    expect(uses!.at(-1)!.needs['store']).toBe(`s${MAX_USES}`);
  });

  it('plan --live says beforehand what the daemon will say, and status says it afterwards', () => {
    const fleet = serving(NAMES);
    const status = { entries: NAMES.map((name) => fleet.status(name)) } as unknown as Status;
    const [base, head] = [world('a1', [policy(['carts'])]), world('a2', [NONE])];
    const { revocation } = plannedRevocation(status, base, head);
    fleet.push(head).run(500);
    const held = fleet.memory.revocation!;
    expect(revocation).toEqual({ why: held.why, release: held.release });
    expect(plannedRevocation(status, base, world('a2', [NONE], held.hash))).toEqual({});
    const source = {
      repository: 'r',
      ref: 'main',
      condition: { type: 'Synced', status: 'True', reason: 'InSync', message: '', since: '' },
    };
    const engine = { connected: false };
    const text = statusText({ source, engine, entries: [], diagnostics: [], revocation: held } as unknown as Status);
    expect(text).toContain(`held: ${held.why}\n  fix: ${held.release}`);
  });
});

describe('what was denied', () => {
  const asks = (fleet: Fleet, store: string, more: Partial<AccessRecord> = {}): void =>
    use(fleet, 'a', { outcome: 'Denied', grant: '', needs: { store, access: 'ReadOnly' }, ...more });

  it('is told in status, and explain says which grants it would need', () => {
    const fleet = serving(['a']);
    asks(fleet, 'prices');
    asks(fleet, 'rates');
    // A copy of a request is denied what the request itself may do.
    use(fleet, 'a', { outcome: 'Denied' });
    const { denied } = fleet.run(200).status('a');
    expect(denied?.map(({ needs }) => needs['store'])).toEqual(['prices', 'rates']);
    const [, lines] = explainText(fleet.status('a')).split('what it was denied within a day would need these');
    expect(lines).toContain('- {name: key-value-1, keyValue: {store: prices, access: ReadOnly}}');
    expect(lines).toContain('- {name: key-value-2, keyValue: {store: rates, access: ReadOnly}}');
    expect(explainText(fleet.status('b'))).not.toContain('denied');
  });

  it('is over when it was granted and used, or a day later', () => {
    const fleet = serving([]);
    asks(fleet, 'prices');
    asks(fleet, 'rates', { atWallMs: fleet.wallMs - USE_HORIZON_MS - USE_RESOLUTION_MS });
    expect(fleet.run(200).status('a').denied).toHaveLength(1);
    use(fleet, 'a', { needs: { store: 'prices', access: 'ReadOnly' } });
    expect(fleet.run(200).status('a').denied).toBeUndefined();
  });

  it('is remembered up to a bound, and a guest that asks for ever more changes nothing', () => {
    const fleet = serving([]);
    for (let index = 0; index < MAX_USES; index++) asks(fleet, `s${index}`);
    const before = fleet.run(200).memory.entries['shop/a']!.denied!;
    expect(before).toHaveLength(MAX_USES);
    for (let index = 0; index < MAX_USES; index++) asks(fleet, `t${index}`);
    expect(fleet.run(200).memory.entries['shop/a']!.denied).toBe(before);
    asks(fleet, 'late', { atWallMs: fleet.wallMs + USE_HORIZON_MS });
    const { denied } = fleet.run(200).memory.entries['shop/a']!;
    expect([denied!.length, denied!.at(-1)!.needs['store']]).toEqual([MAX_USES, 'late']);
  });
});
