/** Replicas that use more of the processor than they may: a condition, then another takes their place. */
import { describe, expect, it } from 'vitest';
import { desired, entry, MINUTE_MS } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

const cart = (content: string) => entry('cart', { content });
const proven = (): Fleet => new Fleet(desired('a1', [cart('v1')])).until((fleet) => fleet.isProven('cart', 'v1'));
const healthy = (fleet: Fleet) => fleet.status('cart').conditions.find(({ type }) => type === 'Healthy')!;
const replicas = (fleet: Fleet) => [...fleet.engine.replicas.values()].filter(({ phase }) => phase !== 'Ended');

describe('processor time', { timeout: 60_000 }, () => {
  it('is a condition of what is Ready all the same, and gone when it is', () => {
    const fleet = proven();
    const [only] = replicas(fleet);
    only!.processor = { stage: 'Lowered', used: 0.9 };
    fleet.tick();
    expect(healthy(fleet).status).toBe('True');
    only!.processor = { stage: 'Told', used: 0.9 };
    only!.problem = { code: 'HW4116', message: 'it used 0.90 processors', remedy: '', policy: 'Terminal' };
    fleet.tick();
    expect(healthy(fleet)).toMatchObject({
      status: 'False',
      reason: 'Degraded',
      message: 'HW4116: it used 0.90 processors',
    });
    expect(fleet.status('cart').conditions[0]!.status).toBe('True');
    only!.processor = { stage: 'Within', used: 0.1 };
    only!.problem = undefined;
    fleet.run(300);
    expect([healthy(fleet).status, replicas(fleet).map(({ id }) => id)]).toEqual(['True', [only!.id]]);
  });

  it('replaces it after its successor is ready, once, and counts it as a failure of its group', () => {
    const fleet = proven();
    const [old] = replicas(fleet);
    old!.processor = { stage: 'Recycle', used: 0.9 };
    old!.problem = { code: 'HW4116', message: 'it used 0.90 processors', remedy: '', policy: 'Terminal' };
    fleet.until((now) => {
      expect(replicas(now).some(({ phase }) => phase === 'Ready')).toBe(true);
      return !now.engine.replicas.has(old!.id);
    });
    fleet.run(5_000);
    expect(replicas(fleet)).toHaveLength(1);
    expect(fleet.of('cart').failures).toMatchObject([
      { end: 'LimitExceeded', message: 'it used 0.90 processors', waiting: false },
    ]);
    expect(fleet.engine.unanswered).toBeLessThanOrEqual(60);
  });

  it('is replaced without a failure where others share its process: whose doing it was nobody measured', () => {
    const fleet = proven();
    const [old] = replicas(fleet);
    old!.processor = { stage: 'Recycle', used: 0.9 };
    old!.sharedBy = 2;
    fleet.until((now) => !now.engine.replicas.has(old!.id));
    fleet.run(5_000);
    expect(replicas(fleet)).toHaveLength(1);
    expect(fleet.of('cart').failures).toEqual([]);
  });

  it('ended with the process that it shared is started again at once, and has not failed', () => {
    const fleet = proven();
    const startedOf = () => replicas(fleet).map(({ id }) => id);
    for (let time = 0; time < 5; time++) {
      const [old] = startedOf();
      Object.assign(fleet.engine.replicas.get(old!)!, { phase: 'Ended', end: 'WithOthers' });
      fleet.until((now) => replicas(now).some(({ id, phase }) => id !== old && phase === 'Ready'));
    }
    expect(fleet.of('cart').failures).toEqual([]);
    expect(fleet.isProven('cart', 'v1')).toBe(true);
  });

  it('again and again is replaced with back-off, and a restart of control counts nothing twice', () => {
    const fleet = proven();
    const started = new Set<string>();
    for (let tick = 0; tick < MINUTE_MS / 100; tick++) {
      for (const replica of replicas(fleet)) {
        started.add(replica.id);
        if (replica.phase === 'Ready') replica.processor = { stage: 'Recycle', used: 0.9 };
      }
      fleet.tick();
      if (tick % 50 === 0) fleet.restartControl();
    }
    expect(started.size).toBeGreaterThan(2);
    expect(started.size).toBeLessThan(12);
    expect(replicas(fleet).some(({ phase }) => phase === 'Ready')).toBe(true);
  });
});
