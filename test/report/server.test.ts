import { createHmac } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LATENCY_BUCKETS_US, type Counters, type ReleaseSamples } from '../../src/model/engine.ts';
import { systemClock } from '../../src/process/clock.ts';
import { createReport, type Report, type ReportOptions } from '../../src/report/server.ts';
import { noCounts } from '../support/counters.ts';
import { keepingLog } from '../support/log.ts';
import { canary, greet, hash, RecordedSource, recordedStatus } from './recorded.ts';

let source: RecordedSource;
let report: Report;
let url: string;
let samples: readonly ReleaseSamples[];
const ACCESS = [
  { entry: 'shop/greet', kind: 'Audited', capability: 'keyValue', count: 3 },
  { entry: 'gone/away', kind: 'Use', capability: 'keyValue', count: 1 },
];
const open: Report[] = [];

beforeEach(async () => {
  samples = [];
  await start();
});

afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function start(more: Partial<ReportOptions> = {}): Promise<void> {
  source = new RecordedSource(recordedStatus());
  const { log } = keepingLog();
  report = createReport({
    statusSource: source,
    metricsSource: {
      samples: () => Promise.resolve({ ok: true, value: samples }),
      storage: () =>
        Promise.resolve([
          { store: 'journal', bytes: 4_096 },
          { store: 'mirror', bytes: 10 },
        ]),
      access: () => ACCESS,
    },
    clock: systemClock,
    log,
    address: { host: '127.0.0.1', port: 0 },
    ...more,
  });
  open.push(report);
  const listening = await report.listen();
  if (!listening.ok) throw new Error(listening.error.message);
  url = listening.value.url;
}

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Plain node:http, because fetch will not send every header and method. */
function ask(
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      url + path,
      { method: options.method ?? 'GET', headers: options.headers ?? {}, agent: false },
      (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      },
    );
    request.on('error', reject);
    request.end(options.body);
  });
}

describe('what is answered', () => {
  test('the state is the status, as it is', async () => {
    const reply = await ask('/api/v1/state');
    expect(reply.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(JSON.parse(reply.body)).toMatchObject({
      ...recordedStatus(),
      now: expect.any(String),
      startedAt: expect.any(String),
    });
  });

  test('one entry, with its last decision', async () => {
    expect(JSON.parse((await ask('/api/v1/entries/shop/greet')).body)).toEqual(
      JSON.parse(JSON.stringify(greet(canary(2, 20)))),
    );
    expect((await ask('/api/v1/entries/shop/absent')).status).toBe(404);
    expect((await ask('/api/v1/entries/shop/..%2f')).status).toBe(404);
  });

  test('alive at once, ready when the last good state is in force', async () => {
    expect((await ask('/readyz')).status).toBe(200);
    source.become({ ready: false });
    expect((await ask('/readyz')).status).toBe(503);
    expect((await ask('/healthz')).status).toBe(200);
  });

  test('HEAD is GET without a body', async () => {
    for (const path of ['/', '/api/v1/state', '/metrics', '/healthz', '/api/v1/events', '/api/v1/entries/shop/greet']) {
      const reply = await ask(path, { method: 'HEAD' });
      expect([path, reply.status, reply.body]).toEqual([path, 200, '']);
    }
  });

  test('the page and its files, cached by content', async () => {
    const page = await ask('/');
    const files = [...page.body.matchAll(/<(?:link|script|img)[^>]* (?:href|src)="(\/[^"]+)"/g)].map(
      ([, path]) => path!,
    );
    expect(files).toContain('/js/app.js');
    for (const path of files) {
      const reply = await ask(path);
      expect([path, reply.status]).toEqual([path, 200]);
      const again = await ask(path, { headers: { 'if-none-match': reply.headers.etag! } });
      expect([again.status, again.body]).toEqual([304, '']);
    }
  });

  test.each(['/nothing', '/js/../../server.ts', '/js/%2e%2e/index.html', '/tsconfig.json', '//', '/api/v1/state/'])(
    '%s is 404',
    async (path) => {
      expect((await ask(path)).status).toBe(404);
    },
  );

  test('an address that is taken', async () => {
    const { port } = new URL(url);
    const { log } = keepingLog();
    const second = createReport({
      statusSource: source,
      metricsSource: {
        samples: () => Promise.resolve({ ok: true, value: [] }),
        storage: () => Promise.resolve([]),
        access: () => [],
      },
      clock: systemClock,
      log,
      address: { host: '127.0.0.1', port: Number(port) },
    });
    expect(await second.listen()).toMatchObject({ ok: false, error: { code: 'HW5030', policy: 'Terminal' } });
    await second.close();
  });

  test('every answer carries the headers that protect the page', async () => {
    for (const [path, method] of [
      ['/', 'GET'],
      ['/api/v1/state', 'GET'],
      ['/nothing', 'GET'],
      ['/', 'POST'],
      ['/api/v1/events', 'HEAD'],
    ]) {
      const { headers } = await ask(path!, { method: method! });
      expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self';/);
      expect(headers['content-security-policy']).not.toMatch(/unsafe|\*/);
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });
});

describe('nothing can be changed here', () => {
  const paths = [
    '/',
    '/api/v1/state',
    '/api/v1/entries/shop/greet',
    '/api/v1/events',
    '/metrics',
    '/healthz',
    '/nothing',
  ];
  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'])(
    '%s is 405 everywhere',
    async (method) => {
      for (const path of paths) {
        const reply = await ask(path, { method, body: '{}' });
        expect([path, reply.status, reply.headers.allow]).toEqual([path, 405, 'GET, HEAD']);
      }
    },
  );

  test('a body is read past, never taken for the next request', async () => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    let answered = '';
    socket.on('data', (chunk: Buffer) => (answered += chunk.toString()));
    const smuggled = 'GET /api/v1/state HTTP/1.1\r\nHost: localhost\r\n\r\n';
    socket.write(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`);
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    await new Promise((resolve) => socket.on('close', resolve));
    expect(answered.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 405', 'HTTP/1.1 200']);
  });
});

describe('under which names it answers', () => {
  test.each([
    ['localhost', 200],
    ['LOCALHOST:8081', 200],
    ['127.0.0.1:1', 200],
    ['[::1]:8081', 200],
    ['10.1.2.3', 200],
    ['evil.example', 421],
    ['localhost.evil.example', 421],
    ['127.0.0.1.evil.example', 421],
    ['status.internal', 421],
  ])('host %j: %i', async (host, status) => {
    expect((await ask('/api/v1/state', { headers: { host } })).status).toBe(status);
  });

  test('those that are listed, and any beyond the loopback unless there is a list', async () => {
    await start({ hosts: ['status.internal'] });
    expect((await ask('/', { headers: { host: 'Status.Internal:80' } })).status).toBe(200);
    expect((await ask('/', { headers: { host: 'other.internal' } })).status).toBe(421);
    await start({ address: { host: '0.0.0.0', port: 0 } });
    expect((await ask('/', { headers: { host: 'other.internal' } })).status).toBe(200);
  });
});

describe('the stream of changes', () => {
  interface Stream {
    readonly socket: Socket;
    text(): string;
    until(pattern: RegExp): Promise<RegExpMatchArray>;
  }

  function openStream(): Stream {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('error', () => undefined);
    socket.write('GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    return {
      socket,
      text: () => text,
      async until(pattern) {
        for (;;) {
          const match = pattern.exec(text);
          if (match) return match;
          await sleep(5);
        }
      },
    };
  }

  async function expectAFreePlace(): Promise<void> {
    for (;;) {
      const next = openStream();
      const [, status] = await next.until(/HTTP\/1\.1 (\d+)/);
      next.socket.destroy();
      if (status === '200') return;
      expect(status).toBe('503');
      await sleep(10);
    }
  }

  test('begins with the status and tells each change', async () => {
    const stream = openStream();
    await stream.until(/content-type: text\/event-stream/);
    await stream.until(/event: status\ndata: \{.*"environment":"demo".*\}\n\n/);
    source.become({ environment: 'changed' });
    const [, event] = await stream.until(/event: (\w+)\ndata: \{.*"environment":"changed".*\}\n\n/);
    expect(event).toBe('status');
    stream.socket.destroy();
  });

  test('tells a burst of changes as one, with the newest in it', async () => {
    const stream = openStream();
    await stream.until(/"environment":"demo"/);
    for (let index = 0; index < 500; index += 1) source.become({ environment: `burst-${index}` });
    await stream.until(/"environment":"burst-499"/);
    expect(stream.text().match(/"environment":"burst-/g)!.length).toBeLessThan(5);
    stream.socket.destroy();
  });

  test('only announces a status that is too large, at N and N + 1', async () => {
    const bytes = JSON.stringify(source.status()).length;
    await start({ limits: { eventBytes: bytes } });
    const fits = openStream();
    await fits.until(/event: status\n/);
    fits.socket.destroy();
    await start({ limits: { eventBytes: bytes - 1 } });
    const over = openStream();
    await over.until(/event: changed\ndata: \{\}\n\n/);
    expect(over.text()).not.toContain('event: status');
    over.socket.destroy();
  });

  test('takes N readers and not N + 1, and a place that is left is free again', async () => {
    await start({ limits: { eventReaders: 2 } });
    const streams = [openStream(), openStream()];
    for (const stream of streams) await stream.until(/event: status/);
    const refused = openStream();
    await refused.until(/HTTP\/1\.1 503/);
    expect(refused.text()).not.toContain('event: status');
    streams[0]!.socket.destroy();
    await expectAFreePlace();
    streams[1]!.socket.destroy();
    refused.socket.destroy();
  });

  test('sends a sign of life', async () => {
    await start({ limits: { heartbeatMs: 20 } });
    const stream = openStream();
    const [beats] = await stream.until(/: here\n\n[^]*: here\n\n/);
    expect(beats).not.toContain('event:');
    stream.socket.destroy();
  });

  test('drops a reader that takes nothing, and the others go on', async () => {
    await start({ limits: { eventReaders: 2, eventPeriodMs: 1, eventBytes: 8 * 2 ** 20, readerStallMs: 3_000 } });
    const slow = openStream();
    await slow.until(/event: status/);
    slow.socket.pause();
    const good = openStream();
    await good.until(/event: status/);
    const dropped = new Promise((resolve) => slow.socket.on('close', resolve));
    const big = 'x'.repeat(1_000_000);
    for (let index = 0; index < 60; index += 1) {
      source.become({ environment: `${index}-${big}` });
      await sleep(10);
    }
    await good.until(/"environment":"59-x/);
    await expectAFreePlace();
    slow.socket.resume();
    await dropped;
    expect(slow.text()).not.toContain('"environment":"59-x');
    good.socket.destroy();
  });

  test('ends with the server, and nobody listens to the status any more', async () => {
    const stream = openStream();
    await stream.until(/event: status/);
    const ended = new Promise((resolve) => stream.socket.on('close', resolve));
    await report.close();
    await ended;
    expect(source.listeners).toBe(0);
  });
});

describe('the webhook', () => {
  const SECRET = 'a-secret-of-the-hook';
  const FOLLOWED = [
    'https://git.example/team/shop.git',
    'ssh://git@git.example:2222/team/blog',
    'file:///srv/wiki.git',
  ];
  const BODY = JSON.stringify({ ref: 'refs/heads/main', pad: 'ü' });
  let hints: number;
  let meant: readonly string[];

  async function startHook(limits: ReportOptions['limits'] = {}, secret = SECRET): Promise<void> {
    hints = 0;
    const hint = (isMeant: (repository: string) => boolean): void => {
      hints += 1;
      meant = FOLLOWED.filter(isMeant);
    };
    await start({ webhook: { secret, hint }, limits });
  }

  function hmac(data: string, key: string | Buffer = SECRET): Buffer {
    return createHmac('sha256', key).update(data).digest();
  }

  function deliver(headers: Record<string, string>, body: string | Buffer = BODY): Promise<Reply> {
    return ask('/hooks/git', { method: 'POST', headers, body });
  }

  function standard(key: string | Buffer, timestamp: number, body = BODY): Record<string, string> {
    const signature = hmac(`msg-1.${timestamp}.${body}`, key).toString('base64');
    return {
      'webhook-id': 'msg-1',
      'webhook-timestamp': String(timestamp),
      'webhook-signature': `v1,AAAA v1,${signature}`,
    };
  }

  const seconds = (): number => Math.floor(Date.now() / 1_000);

  test('is not there unless it is configured', async () => {
    expect((await deliver({ 'x-gitlab-token': SECRET })).status).toBe(405);
    expect((await ask('/hooks/git')).status).toBe(404);
  });

  test('is only posted to', async () => {
    await startHook();
    const reply = await ask('/hooks/git');
    expect([reply.status, reply.headers.allow]).toEqual([405, 'POST']);
  });

  test.each([
    ['GitHub', () => ({ 'x-hub-signature-256': `sha256=${hmac(BODY).toString('hex')}` })],
    ['Gitea', () => ({ 'x-gitea-signature': hmac(BODY).toString('hex') })],
    [
      'Forgejo',
      () => ({ 'x-forgejo-signature': hmac(BODY).toString('hex'), 'x-gitea-signature': hmac(BODY).toString('hex') }),
    ],
    ['GitLab with a signing token', () => standard(SECRET, seconds())],
    ['GitLab with a secret token', () => ({ 'x-gitlab-token': SECRET })],
  ])('a delivery of %s is a hint to look', async (_host, headers) => {
    await startHook();
    expect((await deliver(headers())).status).toBe(202);
    expect(hints).toBe(1);
  });

  test.each([
    ['GitHub', { repository: { clone_url: 'https://git.example/team/shop.git', ssh_url: 'x' } }, [0]],
    ['GitHub over ssh', { repository: { ssh_url: 'git@git.example:team/blog.git' } }, [1]],
    ['GitLab', { project: { git_http_url: 'https://GIT.example/team/blog.git/' } }, [1]],
    ['a repository on this machine', { repository: { url: 'file:///srv/wiki' } }, [2]],
    ['another path of the host', { repository: { clone_url: 'https://git.example/team/shop2.git' } }, []],
    ['another host', { repository: { clone_url: 'https://git.example.evil/team/shop.git' } }, []],
    ['no address', { repository: { clone_url: 7, url: 'not a url %E0%A4%A' } }, []],
    ['no object', { repository: null, project: 'x' }, []],
  ])('which repository a delivery names: %s', async (_form, delivery, places) => {
    await startHook();
    expect((await deliver({ 'x-gitlab-token': SECRET }, JSON.stringify(delivery))).status).toBe(202);
    expect([hints, meant]).toEqual([1, places.map((place) => FOLLOWED[place])]);
  });

  test('a delivery that is not JSON names none', async () => {
    await startHook();
    expect((await deliver({ 'x-gitlab-token': SECRET }, 'payload=%7B')).status).toBe(202);
    expect([hints, meant]).toEqual([1, []]);
  });

  test('a signing token as GitLab shows it, with its prefix', async () => {
    const key = Buffer.from('0123456789abcdef0123456789abcdef');
    await startHook({}, `whsec_${key.toString('base64')}`);
    expect((await deliver(standard(key, seconds()))).status).toBe(202);
  });

  test.each([
    ['no signature', () => ({})],
    ['an empty one', () => ({ 'x-hub-signature-256': '' })],
    ['one of another secret', () => ({ 'x-hub-signature-256': `sha256=${hmac(BODY, 'other').toString('hex')}` })],
    ['one of another body', () => ({ 'x-hub-signature-256': `sha256=${hmac(`${BODY} `).toString('hex')}` })],
    ['one that is cut', () => ({ 'x-gitea-signature': hmac(BODY).toString('hex').slice(0, 62) })],
    ['one that is no hex', () => ({ 'x-gitea-signature': 'z'.repeat(64) })],
    ['SHA-1 only', () => ({ 'x-hub-signature': `sha1=${createHmac('sha1', SECRET).update(BODY).digest('hex')}` })],
    ['a wrong token', () => ({ 'x-gitlab-token': `${SECRET}x` })],
    ['a bad signature beside a good one', () => ({ 'x-hub-signature-256': 'sha256=00', 'x-gitlab-token': SECRET })],
    ['an old timestamp', () => standard(SECRET, seconds() - 301)],
    ['a timestamp to come', () => standard(SECRET, seconds() + 302)],
    [
      'a timestamp that is not signed',
      () => ({ ...standard(SECRET, seconds()), 'webhook-timestamp': String(seconds() - 5) }),
    ],
    ['no id', () => ({ ...standard(SECRET, seconds()), 'webhook-id': '' })],
  ])('%s is refused', async (_what, headers) => {
    await startHook();
    expect((await deliver(headers())).status).toBe(401);
    expect(hints).toBe(0);
  });

  test('the size of a delivery, at N and N + 1', async () => {
    await startHook({ hookBodyBytes: 1_000 });
    expect((await deliver({ 'x-gitlab-token': SECRET }, 'x'.repeat(1_000))).status).toBe(202);
    expect((await deliver({ 'x-gitlab-token': SECRET }, 'x'.repeat(1_001))).status).toBe(413);
    expect(hints).toBe(1);
  });

  test('how many at once, at N and N + 1; the unsigned count too', async () => {
    await startHook({ hookBurst: 3, hookRefillMs: 3_600_000 });
    const replies = [];
    for (let index = 0; index < 4; index += 1)
      replies.push((await deliver(index === 1 ? {} : { 'x-gitlab-token': SECRET })).status);
    expect(replies).toEqual([202, 401, 202, 429]);
  });

  test('places come back with time', async () => {
    await startHook({ hookBurst: 1, hookRefillMs: 50 });
    expect((await deliver({ 'x-gitlab-token': SECRET })).status).toBe(202);
    while ((await deliver({ 'x-gitlab-token': SECRET })).status !== 202) await sleep(10);
    expect(hints).toBe(2);
  });
});

describe('metrics', () => {
  function counters(more: Partial<Counters>): Counters {
    return { ...noCounts(), ...more };
  }

  function sampleOf(entry: 'shop/greet' | 'gone/away'): ReleaseSamples {
    const latency = Array.from({ length: LATENCY_BUCKETS_US.length + 1 }, (_, index) =>
      index === 0 || index === 42 ? 10 : 0,
    );
    return {
      release: hash(10),
      group: `${entry}@${hash(110)}`,
      traffic: counters({
        requests: 20,
        failures: 3,
        status5xx: 2,
        traps: 1,
        status4xx: 4,
        clientAborts: 1,
        overloads: 5,
        latency,
      }),
      synthetic: counters({}),
      consecutiveFailures: 0,
      inFlight: 2,
    };
  }

  test('say what is served, by release and outcome', async () => {
    samples = [sampleOf('shop/greet')];
    report.metrics.round('acted', 12);
    report.metrics.signature('Audited');
    const { body, headers } = await ask('/metrics');
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    const release = hash(10).slice(0, 12);
    const labels = `entry="shop/greet",release="${release}",traffic="real"`;
    for (const line of [
      `headway_release_requests_total{${labels},outcome="good"} 13`,
      `headway_release_requests_total{${labels},outcome="client_error"} 4`,
      `headway_release_requests_total{${labels},outcome="failure"} 3`,
      `headway_release_requests_total{${labels},outcome="client_abort"} 1`,
      `headway_release_requests_total{${labels},outcome="overload"} 5`,
      `headway_release_failures_total{${labels},kind="trap"} 1`,
      `headway_release_duration_seconds_bucket{${labels},le="0.000064"} 10`,
      `headway_release_duration_seconds_bucket{${labels},le="+Inf"} 20`,
      `headway_release_duration_seconds_count{${labels}} 20`,
      `headway_release_in_flight{entry="shop/greet",release="${release}"} 2`,
      `headway_release_weight_percent{entry="shop/greet",release="${release}",role="serving"} 80`,
      `headway_replicas{entry="shop/greet",release="${release}",phase="Ready"} 2`,
      `headway_entry_condition{entry="shop/quote",condition="Stalled",reason="RolledBack"} 1`,
      `headway_quarantined{entry="shop/quote"} 1`,
      `headway_entry_bindings{entry="shop/greet",tier="quiet",reason="the helper _utf16 is not known"} 1`,
      `headway_candidates{state="Canary"} 1`,
      'headway_engine_generation 17',
      'headway_storage_bytes{store="journal"} 4096',
      'headway_policy_audited{entry="shop/greet"} 0',
      'headway_grant_calls_total{entry="shop/greet",capability="keyValue",outcome="audited"} 3',
      'headway_reconcile_rounds_total{outcome="acted"} 1',
      'headway_reconcile_duration_seconds_bucket{le="0.03"} 1',
      'headway_artifact_signatures_total{outcome="Audited"} 1',
    ]) {
      expect(body.split('\n')).toContain(line);
    }
    expect(body).not.toContain('gone/away');
    expect(body).toMatch(/^headway_source_look_age_seconds [0-9.]+$/m);
  });

  test('every line is in the text format, and no series is there twice', async () => {
    samples = [sampleOf('shop/greet')];
    const { body } = await ask('/metrics');
    const series = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    for (const line of series)
      expect(line).toMatch(/^[a-z_0-9]+(\{([a-z_]+="[^"\n]*",?)+\})? (-?[0-9.e+-]+|Nan|\+Inf)$/);
    const names = series.map((line) => line.slice(0, line.lastIndexOf(' ')));
    expect(new Set(names).size).toBe(names.length);
  });

  test('series leave with their component and never stay for one that is gone', async () => {
    samples = [sampleOf('shop/greet'), sampleOf('gone/away')];
    expect((await ask('/metrics')).body).not.toContain('gone/away');
    source.become({ entries: [] });
    await sleep(550);
    const { body } = await ask('/metrics');
    expect(body).not.toContain('shop/greet');
    expect(body).toContain('headway_entries 0');
  });

  test('scrapes that come too fast share one answer', async () => {
    const [first, second] = await Promise.all([ask('/metrics'), ask('/metrics')]);
    expect(first.body).toBe(second.body);
  });
});
