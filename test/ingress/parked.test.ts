/** Requests for a group without a process (G3): the first one starts it, the others wait with it, and a start that fails answers. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Code } from '../../src/model/codes.ts';
import type { Standby } from '../../src/wire/cell-caller.ts';
import { arm, errorOf, rule, snapshot, STABLE, startIngress, type Fixture } from './fixture.ts';
import { until, type ScriptedCall } from './scripted-cell.ts';

const QUEUE = 2;

let fixture: Fixture;
let woken: number;
let refusal: Code | undefined;

function park(queue = QUEUE): void {
  const standby: Standby = {
    queue,
    wake: () => {
      woken++;
      return refusal;
    },
  };
  fixture.ingress.setReplicas(STABLE, [], { standby });
}

beforeEach(async () => {
  woken = 0;
  refusal = undefined;
  fixture = await startIngress(snapshot([rule()]));
  park();
});
afterEach(() => fixture.stop());

const waits = (count: number): Promise<void> => until(() => fixture.ingress.samples()[0]?.inFlight === count);
const answerItsPath = (call: ScriptedCall): void => call.reply(200, call.path);

test('the first request wakes it, waits, and is answered by it, as is what came meanwhile, in order', async () => {
  const waiting = ['/1', '/2'].map((path) => fixture.get(path));
  await waits(2);
  expect(woken).toBeGreaterThan(0);
  const { cell } = await fixture.add(STABLE, answerItsPath, { concurrency: 1 });
  expect((await Promise.all(waiting)).map(({ body }) => body)).toEqual(['/1', '/2']);
  expect(cell.calls).toHaveLength(2);
  expect(fixture.ingress.samples()[0]!.traffic).toMatchObject({ requests: 2, failures: 0, overloads: 0 });
});

test('a request with a body is kept whole while it waits', async () => {
  const waiting = fixture.get('/', { method: 'POST', body: 'x'.repeat(200_000) });
  await waits(1);
  await fixture.add(STABLE, (call) => {
    if (call.bodyEnded) call.reply(200, String(call.body.length));
    else call.onBodyEnd = () => call.reply(200, String(call.body.length));
  });
  expect((await waiting).body).toBe('200000');
});

test.each([QUEUE, 0])(
  'with a queue of %i as many wait, at least one, and one more is told to come back',
  async (queue) => {
    park(queue);
    const most = Math.max(1, queue);
    const waiting = Array.from({ length: most }, (_, index) => fixture.get(`/${index}`));
    await waits(most);
    const refused = await fixture.get('/more');
    expect([refused.status, errorOf(refused)['reason']]).toEqual([429, 'QueueFull']);
    await fixture.add(STABLE, answerItsPath);
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(waiting.map(() => 200));
  },
);

test('it is still there when a snapshot names it after one that did not', async () => {
  fixture.ingress.apply(snapshot([], 2));
  fixture.ingress.apply(snapshot([rule()], 3));
  const waiting = fixture.get('/1');
  await waits(1);
  await fixture.add(STABLE, answerItsPath);
  expect((await waiting).body).toBe('/1');
});

test('what cannot be started is answered at once, with the reason, and asked again by the next request', async () => {
  refusal = 'HW4101';
  const refused = await fixture.get('/');
  expect([refused.status, errorOf(refused)['reason']]).toEqual([503, 'NoReplica']);
  expect(errorOf(refused)['message']).toBe('no replica is ready: none could be started (HW4101)');
  expect(fixture.ingress.samples()[0]!.traffic).toMatchObject({ requests: 0, failures: 0, overloads: 1 });
  refusal = undefined;
  const waiting = fixture.get('/again');
  await waits(1);
  await fixture.add(STABLE, answerItsPath);
  expect((await waiting).body).toBe('/again');
});

test('a start that fails answers those who wait, and those who come then, with the reason', async () => {
  const waiting = [fixture.get('/1'), fixture.get('/2')];
  await waits(2);
  fixture.ingress.setReplicas(STABLE, [], { why: 'HW4106' });
  for (const answer of [...(await Promise.all(waiting)), await fixture.get('/3')]) {
    expect([answer.status, errorOf(answer)['reason']]).toEqual([503, 'NoReplica']);
    expect(errorOf(answer)['message']).toContain('(HW4106)');
  }
  await fixture.add(STABLE, answerItsPath);
  expect((await fixture.get('/4')).body).toBe('/4');
});

test('a start that takes longer than the request may is answered at the deadline', async () => {
  fixture.ingress.apply(snapshot([rule({ requestTimeoutMs: 200, arms: [arm(STABLE, 100)] })], 2));
  const late = await fixture.get('/');
  expect([late.status, errorOf(late)['reason']]).toEqual([503, 'QueueTimeout']);
});
