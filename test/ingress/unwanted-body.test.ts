/** Requests that are answered before their bodies are there: one status each, which the client gets to see, and no body taken for a request. */
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LINGER_MS, MAX_LINGERED_BYTES } from '../../src/ingress/linger.ts';
import { rule, snapshot, STABLE, startIngress, type Fixture, type Replica } from './fixture.ts';
import { until, type ScriptedCall } from './scripted-cell.ts';

const LIMIT = 512 * 1024;
let fixture: Fixture;
let replica: Replica;
beforeEach(() => start());
afterEach(async () => {
  vi.useRealTimers();
  await fixture.stop();
});

async function start(limits = {}): Promise<void> {
  fixture = await startIngress(snapshot([rule({ requestBodyBytes: LIMIT })]), { limits });
  replica = await fixture.add(STABLE, (call: ScriptedCall) => call.reply(200, 'no need to read'));
}

/** Closes its side when it says so, and not because the other has. */
class Client {
  readonly socket: Socket;
  received = '';
  /** The other side is at its end. */
  sawEnd = false;
  error: NodeJS.ErrnoException | undefined;

  constructor(...head: string[]) {
    this.socket = createConnection({ host: '127.0.0.1', port: fixture.port, allowHalfOpen: true });
    this.socket.on('data', (chunk: Buffer) => (this.received += chunk.toString('latin1')));
    this.socket.on('end', () => (this.sawEnd = true));
    this.socket.on('error', (error) => (this.error = error));
    this.socket.write([...head, '', ''].join('\r\n'));
  }

  get statuses(): number[] {
    return [...this.received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
  }

  async send(bytes: Uint8Array | string): Promise<void> {
    await new Promise((resolve) => this.socket.write(bytes, resolve));
  }

  /** Its side is closed too; nobody has broken the connection. */
  async part(): Promise<void> {
    this.socket.end();
    if (!this.socket.closed) await once(this.socket, 'close');
    expect(this.error).toBeUndefined();
  }
}

const POST = ['POST / HTTP/1.1', 'Host: a'];
const NEXT = 'GET /next HTTP/1.1\r\nHost: a\r\n\r\n';

async function refused(client: Client): Promise<void> {
  await until(() => client.sawEnd);
  expect(client.received).toMatch(/^HTTP\/1\.1 413 [^]*\r\nconnection: close\r\n[^]*"BodyTooLarge"/i);
}

describe('a body that is declared to be over the limit', () => {
  const head = [...POST, `Content-Length: ${LIMIT + 1}`];

  test('and does not come: the answer, and the end', async () => {
    const client = new Client(...head);
    await refused(client);
    await client.part();
    expect(client.statuses).toEqual([413]);
  });

  test('and does not come, from a client that stays: it is cut off', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const client = new Client(...head);
    // In turns of the loop, which no clock holds up and which hold up none.
    while (!client.sawEnd) await new Promise(setImmediate);
    await refused(client);
    vi.advanceTimersByTime(LINGER_MS - 1);
    for (let turn = 0; turn < 50; turn++) expect(await answersTo(client, 'x')).toBe(true);
    vi.advanceTimersByTime(1);
    while (await answersTo(client, 'x'));
    expect(client.statuses).toEqual([413]);
  });

  test('and comes all the same is read, so that the answer is not lost', async () => {
    const client = new Client(...head);
    await refused(client);
    for (let sent = 0; sent <= LIMIT; sent += 64 * 1024) await client.send(Buffer.alloc(64 * 1024));
    await client.part();
    expect(client.statuses).toEqual([413]);
  });

  test('and comes before its client looks for an answer', async () => {
    const bytes = MAX_LINGERED_BYTES / 2;
    const client = new Client(...POST, `Content-Length: ${bytes}`);
    client.socket.pause();
    await client.send(Buffer.alloc(bytes));
    client.socket.resume();
    await refused(client);
    await client.part();
    expect(client.statuses).toEqual([413]);
  });

  test(`is read up to ${MAX_LINGERED_BYTES} bytes`, async () => {
    const client = new Client(...POST, `Content-Length: ${2 * MAX_LINGERED_BYTES}`);
    await refused(client);
    client.socket.write(Buffer.alloc(2 * MAX_LINGERED_BYTES));
    await until(() => client.socket.closed);
    expect(client.statuses).toEqual([413]);
  });

  test('what is sent behind it is not done', async () => {
    const client = new Client(...head);
    client.socket.write('x'.repeat(LIMIT + 1));
    client.socket.write(NEXT);
    await refused(client);
    await client.send(NEXT);
    await client.part();
    expect(client.statuses).toEqual([413]);
    expect(replica.cell.calls).toEqual([]);
  });

  test.each([
    ['and is not sent', ''],
    ['and is sent without waiting for the answer', 'x'.repeat(LIMIT + 1)],
  ])('while its client expects a 100, %s', async (_what, body) => {
    const client = new Client(...head, 'Expect: 100-continue');
    if (body !== '') await client.send(body + NEXT);
    await refused(client);
    await client.part();
    expect(client.statuses).toEqual([413]);
    expect(replica.cell.calls).toEqual([]);
  });
});

/** Whether the other side still takes what is sent. */
async function answersTo(client: Client, bytes: string): Promise<boolean> {
  if (client.socket.destroyed || client.error) return false;
  await client.send(bytes);
  await new Promise((resolve) => void setImmediate(resolve));
  return !client.error && !client.socket.destroyed;
}

describe('a body that turns out to be over the limit', () => {
  test('is answered, read on, and the end of the connection', async () => {
    replica.cell.script = (call) => {
      call.onBody = (chunk) => call.grant(chunk.length);
      call.onCancel = () => call.done();
    };
    const client = new Client(...POST, 'Transfer-Encoding: chunked');
    const chunk = Buffer.from(`10000\r\n${'x'.repeat(0x1_0000)}\r\n`);
    for (let sent = 0; sent <= LIMIT; sent += 0x1_0000) await client.send(chunk);
    await refused(client);
    for (let sent = 0; sent <= 4 * LIMIT; sent += 0x1_0000) await client.send(chunk);
    await client.send(`0\r\n\r\n${NEXT}`);
    await client.part();
    expect(client.statuses).toEqual([413]);
    expect(replica.cell.calls).toHaveLength(1);
  });
});

describe('a body that the guest does not wait for', () => {
  const QUICK = { headersTimeoutMs: 1_000, requestTimeoutMs: 1_000, timeoutCheckMs: 20 };

  test.each([
    ['and that does not come', ''],
    ['and that is none', 'nonsense\r\n'],
  ])('%s: no second status', async (_what, sent) => {
    await fixture.stop();
    await start(QUICK);
    const client = new Client(...POST, 'Transfer-Encoding: chunked');
    await until(() => client.statuses.length === 1);
    if (sent !== '') await client.send(sent);
    await until(() => client.sawEnd || client.error !== undefined);
    client.socket.destroy();
    expect(client.statuses).toEqual([200]);
  });

  test('comes late, and the connection lives on', async () => {
    const client = new Client(...POST, 'Content-Length: 20000');
    await until(() => client.statuses.length === 1);
    await client.send(`${'x'.repeat(20_000)}${NEXT}`);
    await until(() => client.statuses.length === 2);
    client.socket.destroy();
    expect([client.statuses, replica.cell.calls.map(({ path }) => path)]).toEqual([
      [200, 200],
      ['/', '/next'],
    ]);
  });
});
