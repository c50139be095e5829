/** The mailbox of a singleton (G2, D1): requests wait while there is no replica, in order, to a limit, and move on with it. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { arm, errorOf, NEXT, rule, snapshot, STABLE, startIngress, type Fixture } from './fixture.ts';
import { until, type ScriptedCall } from './scripted-cell.ts';

const MAILBOX = 3;
const singleton = (group: typeof STABLE, more: Parameters<typeof rule>[0] = {}) =>
  rule({ mailbox: MAILBOX, arms: [arm(group, 100)], ...more });

let fixture: Fixture;
beforeEach(async () => {
  fixture = await startIngress(snapshot([singleton(STABLE)]));
});
afterEach(() => fixture.stop());

const answerItsPath = (call: ScriptedCall): void => call.reply(200, call.path);

test('requests wait for a replica that is not there yet, and come to it in their order', async () => {
  const waiting = ['/1', '/2', '/3'].map((path) => fixture.get(path));
  await until(() => fixture.ingress.samples()[0]?.inFlight === MAILBOX);
  const { cell } = await fixture.add(STABLE, answerItsPath, { concurrency: 1 });
  expect((await Promise.all(waiting)).map(({ body }) => body)).toEqual(['/1', '/2', '/3']);
  expect(cell.calls.map(({ path }) => path)).toEqual(['/1', '/2', '/3']);
});

test(`${MAILBOX} wait, one more is told to come back, and nothing of it counts as a failure`, async () => {
  const waiting = ['/1', '/2', '/3'].map((path) => fixture.get(path));
  await until(() => fixture.ingress.samples()[0]?.inFlight === MAILBOX);
  const refused = await fixture.get('/4');
  expect([refused.status, errorOf(refused)['reason'], refused.headers['retry-after']]).toEqual([429, 'QueueFull', '1']);
  await fixture.add(STABLE, answerItsPath, { concurrency: 1 });
  await Promise.all(waiting);
  expect(fixture.ingress.samples()[0]!.traffic).toMatchObject({ requests: 3, failures: 0, overloads: 1 });
});

test('what nobody comes for is answered at its deadline', async () => {
  fixture.ingress.apply(snapshot([singleton(STABLE, { requestTimeoutMs: 200 })], 2));
  const late = await fixture.get('/');
  expect([late.status, errorOf(late)['reason']]).toEqual([503, 'QueueTimeout']);
});

test('a replica that goes leaves them waiting; the release that takes over answers them, each once', async () => {
  const old = await fixture.add(STABLE, () => undefined, { concurrency: 1 });
  const inside = fixture.get('/inside');
  await until(() => old.cell.calls.length === 1);
  const waiting = ['/1', '/2'].map((path) => fixture.get(path));
  await until(() => fixture.ingress.samples()[0]?.inFlight === 3);
  fixture.ingress.setReplicas(STABLE, []);
  old.cell.calls[0]!.reply(200, 'old');
  expect((await inside).body).toBe('old');
  const next = await fixture.add(NEXT, answerItsPath, { concurrency: 1 });
  fixture.ingress.apply(snapshot([singleton(NEXT)], 2));
  expect((await Promise.all(waiting)).map(({ body }) => body)).toEqual(['/1', '/2']);
  expect([old.cell.calls.length, next.cell.calls.length]).toEqual([1, 2]);
});

test('without a mailbox nothing waits for a replica', async () => {
  fixture.ingress.apply(snapshot([rule()], 2));
  const answer = await fixture.get('/');
  expect([answer.status, errorOf(answer)['reason']]).toEqual([503, 'NoReplica']);
});

test('a snapshot that takes the mailbox away answers what waits in it', async () => {
  const waiting = fixture.get('/');
  await until(() => fixture.ingress.samples()[0]?.inFlight === 1);
  fixture.ingress.apply(snapshot([rule()], 2));
  expect((await waiting).status).toBe(503);
});
