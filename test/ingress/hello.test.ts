import { afterEach, expect, test } from 'vitest';
import { errorOf, rule, snapshot, STABLE, startIngress, type Fixture } from './fixture.ts';

let fixture: Fixture;
afterEach(() => fixture.stop());

test('a request goes into a cell and its answer comes back', async () => {
  fixture = await startIngress(snapshot([rule()]));
  await fixture.add(STABLE, (call) => call.reply(200, `hello ${call.path}`, ['content-type', 'text/plain']));
  const answer = await fixture.get('/a?b=c');
  expect(answer).toMatchObject({ status: 200, body: 'hello /a?b=c' });
  expect(answer.headers).toMatchObject({ 'content-type': 'text/plain', 'x-headway-release': 'a00000000000' });
});

test('before the first snapshot it says that it is starting', async () => {
  fixture = await startIngress(undefined);
  const answer = await fixture.get('/');
  expect(answer.status).toBe(503);
  expect(answer.headers['retry-after']).toBe('1');
  expect(errorOf(answer)).toEqual({
    status: 503,
    code: 'HW4522',
    reason: 'Starting',
    message: 'no routes have been loaded yet',
  });
});
