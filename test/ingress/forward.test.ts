/** Requests that one engine hands over to another: as they came, both ways, and who asked is never what a client says. */
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Abort } from '../../src/wire/frames.ts';
import { MAX_GATHERED_BYTES } from '../../src/ingress/upload.ts';
import { errorOf, rule, snapshot, STABLE, startIngress, type Fixture, type Replica } from './fixture.ts';
import { until, type ScriptedCall } from './scripted-cell.ts';

let folder: string;
let home: Fixture;
let front: Fixture;
let replica: Replica;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'forward-'));
  const socket = path.join(folder, 'handover.sock');
  const inForce = snapshot([rule({ requestTimeoutMs: 2_000 })]);
  home = await startIngress(inForce);
  await home.ingress.listenForEngines(socket);
  replica = await home.add(STABLE, script);
  front = await startIngress({ ...inForce, elsewhere: ['shop/checkout'] }, { connectHome: () => connect(socket) });
});
afterEach(async () => {
  expect(replica.cell.complaints).toEqual([]);
  await front.stop();
  await home.stop();
  rmSync(folder, { recursive: true });
});

/** `/held` answers nothing, `/cut` breaks off in the middle, `/stream` has trailers; others answer how much came. */
function script(call: ScriptedCall): void {
  if (call.path === '/held') return;
  if (call.path === '/stream' || call.path === '/cut') {
    call.head(200, ['x-many', 'a', 'x-many', 'b', 'set-cookie', 'c=d']);
    call.chunk(Buffer.from('hello'));
    if (call.path === '/cut') call.bodyAbort();
    else call.bodyEnd(['x-digest', 'abc']);
    call.done();
    return;
  }
  const finish = (): void => call.reply(200, String(call.body.length));
  if (call.bodyEnded) finish();
  else if ((call.request.flags & 1) !== 0) call.grant(1);
  call.onBody = (chunk) => call.grant(chunk.length);
  call.onBodyEnd = finish;
}

const last = (): ScriptedCall => replica.cell.calls.at(-1)!;

describe('a request for what another engine has', () => {
  test('arrives as it came, and is counted where it is answered', async () => {
    const headers = { host: 'shop.example', 'x-one': '1', connection: 'x-hop, close', 'x-hop': 'gone' };
    const answer = await front.get('/a/b?c=d', { headers });
    expect([answer.status, answer.headers['x-headway-release']]).toEqual([200, 'a'.padEnd(12, '0')]);
    const { method, path: target } = last().request;
    expect([method, target, last().header('x-one'), last().header('x-hop')]).toEqual([
      'GET',
      '/a/b?c=d',
      '1',
      undefined,
    ]);
    expect(last().header('x-forwarded-host')).toBe('shop.example');
    const requests = ({ ingress }: Fixture): number => ingress.samples()[0]!.traffic.requests;
    expect([requests(home), requests(front)]).toEqual([1, 0]);
  });

  test('carries the address of the client, whatever the client says of itself', async () => {
    const forged = { 'x-headway-client': '6.6.6.6', 'x-forwarded-for': '6.6.6.6' };
    await front.get('/', { headers: forged });
    expect([last().header('x-forwarded-for'), last().header('x-headway-client')]).toEqual(['127.0.0.1', '6.6.6.6']);
    // On the port of the first engine it is a header as any other.
    await home.get('/', { headers: forged });
    expect([last().header('x-forwarded-for'), last().header('x-headway-client')]).toEqual(['127.0.0.1', '6.6.6.6']);
  });

  test.each([0, 1, MAX_GATHERED_BYTES, MAX_GATHERED_BYTES + 1, 600_000])(
    'of %i bytes arrives whole',
    async (length) => {
      const body = Buffer.alloc(length, 'abcdefg');
      expect(await front.get('/', { method: 'POST', body })).toMatchObject({ status: 200, body: String(length) });
      expect(last().body.equals(body)).toBe(true);
    },
  );

  test('in chunks arrives whole', async () => {
    const answer = front.get('/', {
      method: 'POST',
      headers: { 'transfer-encoding': 'chunked' },
      body: 'x'.repeat(70_000),
    });
    expect(await answer).toMatchObject({ status: 200, body: '70000' });
  });

  test('in chunks keeps its trailers, also behind a 100', async () => {
    const sent = ['5', 'hello', '0', 'X-Sum: 8', 'Cookie: a=b', '', ''];
    const head = ['POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', 'Connection: close'];
    const plain = front.dial();
    plain.write(...head, '', ...sent);
    expect(await plain.whenClosed()).toMatch(/^HTTP\/1.1 200 /);
    expect([last().body.toString(), last().trailers]).toEqual(['hello', ['x-sum', '8']]);
    const asking = front.dial();
    asking.write(...head, 'Expect: 100-continue', '', '');
    await until(() => asking.received.includes('100 Continue'));
    asking.write(...sent);
    expect(await asking.whenClosed()).toMatch(/HTTP\/1.1 200 /);
    expect([last().body.toString(), last().trailers]).toEqual(['hello', ['x-sum', '8']]);
  });

  test('that waits for a 100 gets it when the guest reads', async () => {
    const client = front.dial();
    client.write(
      'POST / HTTP/1.1',
      'Host: a',
      'Content-Length: 5',
      'Expect: 100-continue',
      'Connection: close',
      '',
      '',
    );
    await until(() => client.received.includes('100 Continue'));
    client.write('hello');
    expect(await client.whenClosed()).toMatch(/HTTP\/1\.1 200 OK[^]*\r\n\r\n5$/);
  });

  test('of HTTP/1.0 without a host is answered', async () => {
    const client = front.dial();
    client.write('GET / HTTP/1.0', '', '');
    expect(await client.whenClosed()).toMatch(/^HTTP\/1\.1 200 OK/);
  });

  test('streams its answer, with headers of one name and trailers', async () => {
    const seen = await new Promise<readonly unknown[]>((resolve, reject) => {
      const headers = { te: 'trailers' };
      const asked = httpRequest({ port: front.port, path: '/stream', headers, agent: false }, (response) => {
        response.resume().on('end', () => resolve([response.rawHeaders.join(), response.trailers]));
      });
      asked.on('error', reject).end();
    });
    expect(seen[0]).toContain('x-many,a,x-many,b,set-cookie,c=d');
    expect(seen[1]).toEqual({ 'x-digest': 'abc' });
  });

  test('whose answer breaks off is cut for the client as well', async () => {
    await expect(front.get('/cut')).rejects.toThrow('aborted');
  });

  test('that is over a limit, late or nowhere is refused by the engine that has it', async () => {
    const large = await front.get('/', { method: 'POST', body: 'x'.repeat(1024 * 1024 + 1) });
    expect([large.status, errorOf(large)['reason']]).toEqual([413, 'BodyTooLarge']);
    const late = await front.get('/held');
    expect([late.status, errorOf(late)['reason']]).toEqual([504, 'Deadline']);
  });

  test('whose body is over a limit and does not come has one answer, and ends the connection', async () => {
    const client = front.dial();
    client.write('POST / HTTP/1.1', 'Host: a', `Content-Length: ${1024 * 1024 + 1}`, '', '');
    expect(await client.whenClosed()).toMatch(/^HTTP\/1\.1 413 [^]*\r\nconnection: close\r\n[^]*"BodyTooLarge"/i);
    expect(client.statuses).toEqual([413]);
  });

  test('whose client goes away is cancelled in the cell', async () => {
    const client = front.dial();
    client.write('GET /held HTTP/1.1', 'Host: a', '', '');
    await until(() => replica.cell.calls.length === 1);
    client.socket.destroy();
    await until(() => last().cancels.length === 1);
    expect(last().cancels).toEqual([Abort.ClientGone]);
  });

  test('is refused while that engine is away, and answered by the one that follows it', async () => {
    expect((await front.get('/')).status).toBe(200);
    await home.ingress.close(0);
    const refused = await front.get('/');
    expect([refused.status, errorOf(refused)['code'], refused.headers['retry-after']]).toEqual([503, 'HW4133', '1']);
  });

  test('is answered with 502 where that engine ends in the middle', async () => {
    const lost = front.get('/held', { method: 'POST' });
    await until(() => replica.cell.calls.length === 1);
    await home.ingress.close(0);
    expect((await lost).status).toBe(502);
  });
});

test('what is no head of an engine is refused on the inner socket', async () => {
  const socketPath = path.join(folder, 'handover.sock');
  const answer = await new Promise<number>((resolve, reject) => {
    httpRequest({ socketPath, path: '/', agent: false }, (response) => resolve(response.resume().statusCode!))
      .on('error', reject)
      .end();
  });
  expect(answer).toBe(400);
});
