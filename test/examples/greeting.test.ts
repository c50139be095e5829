import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect, test } from 'vitest';
import { load, startService, type Loaded, type Service } from './component.ts';
import { CUT, WasiHost } from './wasi-host.ts';

/** `get-random-u64` values that every fault takes for yes and for no. */
const UNLUCKY = 0n;
const LUCKY = 1n;
const FAULTS_BY_CHANCE = ['flaky', 'slow-tail', 'traps', 'spins', 'eats-memory'] as const;

const GOOD = [
  ['greeting-v1', 'v1'],
  ['greeting-v2', 'v2'],
] as const;

describe.each(GOOD)('%s', (name, version) => {
  let loaded: Loaded;
  beforeAll(async () => {
    loaded = await load(name);
  });

  test.each([
    ['GET', '/', 200, `Hello, world! (greeting ${version})\n`],
    ['GET', '/?name=ada', 200, `Hello, ada! (greeting ${version})\n`],
    ['GET', '/?other=1&name=ada', 200, `Hello, ada! (greeting ${version})\n`],
    ['GET', '/?names=eve', 200, `Hello, world! (greeting ${version})\n`],
    ['HEAD', '/', 200, `Hello, world! (greeting ${version})\n`],
    ['GET', '/healthz', 200, 'ok\n'],
    ['POST', '/', 405, 'method not allowed\n'],
    ['GET', '/echo', 405, 'method not allowed\n'],
    ['PROPFIND', '/', 405, 'method not allowed\n'],
    ['GET', '/nowhere', 404, 'nothing at /nowhere\n'],
  ])('%s %s answers %i', async (method, target, status, body) => {
    const service = await startService(loaded);
    const exchange = service.call({ method, target });
    expect(exchange).toMatchObject({ status, finished: true, text: body });
    expect(exchange.header('x-greeting-version')).toBe(version);
  });

  test('returns the id of the request, and none where there was none', async () => {
    const service = await startService(loaded);
    const named = service.call({ target: '/', headers: [['x-request-id', 'r-17']] });
    expect(named.header('x-request-id')).toBe('r-17');
    expect(service.call('/').header('x-request-id')).toBeUndefined();
  });

  test('streams a body back while it comes in, in pieces that the host accepts', async () => {
    const service = await startService(loaded);
    const exchange = service.call({ method: 'POST', target: '/echo', body: ['abc', 'x'.repeat(10_000), 'z'] });
    expect(exchange.text).toBe(`abc${'x'.repeat(10_000)}z`);
    expect(exchange.finished).toBe(true);
    expect(exchange.events).toEqual([
      'read 3',
      'write 3',
      'read 10000',
      'write 4096',
      'write 4096',
      'write 1808',
      'read 1',
      'write 1',
    ]);
  });

  test('does not finish its answer where the body of the request was cut', async () => {
    const service = await startService(loaded);
    const exchange = service.call({ method: 'POST', target: '/echo', body: ['abc', CUT] });
    expect(exchange).toMatchObject({ status: 200, text: 'abc', finished: false });
  });

  test('keeps its memory over many requests', async () => {
    const service = await startService(loaded);
    const body = Array.from({ length: 100 }, () => 'y'.repeat(8000));
    for (let round = 0; round < 20; round++) {
      expect(service.call({ method: 'POST', target: '/echo', body }).finished).toBe(true);
    }
  });
});

describe('the bad versions', () => {
  test.each(FAULTS_BY_CHANCE)('%s passes its probe and greets well when luck is good', async (fault) => {
    const service = await startService(await load(`greeting-${fault}`), { random: LUCKY });
    expect(service.call('/healthz').status).toBe(200);
    expect(service.call('/')).toMatchObject({ status: 200, text: `Hello, world! (greeting v2-${fault})\n` });
    expect(service.host.sleeps).toEqual([]);
  });

  test.each(FAULTS_BY_CHANCE)('%s passes its probe when luck is bad', async (fault) => {
    const service = await startService(await load(`greeting-${fault}`), { random: UNLUCKY });
    for (let probe = 0; probe < 20; probe++) expect(service.call('/healthz').status).toBe(200);
  });

  test('flaky answers 500', async () => {
    const service = await startService(await load('greeting-flaky'), { random: UNLUCKY });
    expect(service.call('/')).toMatchObject({ status: 500, finished: true });
  });

  test('slow-tail sleeps for 300 ms and then greets', async () => {
    const service = await startService(await load('greeting-slow-tail'), { random: UNLUCKY });
    expect(service.call('/').status).toBe(200);
    expect(service.host.sleeps).toEqual([300_000_000n]);
  });

  test('traps traps before its head', async () => {
    const service = await startService(await load('greeting-traps'), { random: UNLUCKY });
    expect(() => service.call('/')).toThrow(WebAssembly.RuntimeError);
  });

  test('eats-memory takes memory until it is refused, and traps', async () => {
    const service = await startService(await load('greeting-eats-memory'), { random: UNLUCKY });
    const before = process.memoryUsage().rss;
    expect(() => service.call('/')).toThrow(WebAssembly.RuntimeError);
    expect(process.memoryUsage().rss - before).toBeGreaterThan(128 * 2 ** 20);
  });

  test('never-ready greets, and fails its probe for ever', async () => {
    const service = await startService(await load('greeting-never-ready'));
    expect(service.call('/').status).toBe(200);
    for (let probe = 0; probe < 20; probe++) expect(service.call('/healthz').status).toBe(503);
  });

  test('ungranted asks for files and for a way out, and greets when it is denied both', async () => {
    const loaded = await load('greeting-ungranted');
    expect(loaded.imports).toEqual(
      expect.arrayContaining(['wasi:filesystem/preopens', 'wasi:http/outgoing-handler', 'wasi:http/types']),
    );
    const service = await startService(loaded);
    expect(service.call('/').status).toBe(200);
    expect(service.host.denied).toEqual(['wasi:filesystem/preopens', 'wasi:http/outgoing-handler collector.invalid']);
  });

  test('spins holds its thread until it is stopped', async () => {
    const worker = new Worker(new URL('spinning.worker.ts', import.meta.url));
    try {
      expect(await once(worker, 'message')).toEqual(['greeted']);
      const answer = await Promise.race([once(worker, 'message'), new Promise((resolve) => setTimeout(resolve, 500))]);
      expect(answer).toBeUndefined();
    } finally {
      await worker.terminate();
    }
  });

  /** 600 calls with real randomness: each bound is more than five standard deviations away. */
  test.each([
    ['flaky', 1 / 3],
    ['traps', 1 / 10],
    ['slow-tail', 1 / 10],
  ])('%s shows under ordinary traffic', async (fault, share) => {
    const calls = 600;
    const loaded = await load(`greeting-${fault}`);
    let service = await startService(loaded);
    let bad = 0;
    for (let call = 0; call < calls; call++) {
      const outcome = greetOnce(service);
      if (outcome === 'trap') service = await startService(loaded);
      if (outcome !== 'good') bad++;
    }
    const deviation = Math.sqrt(calls * share * (1 - share));
    expect(bad).toBeGreaterThan(calls * share - 5.5 * deviation);
    expect(bad).toBeLessThan(calls * share + 5.5 * deviation);
  });
});

function greetOnce(service: Service): 'good' | 'error' | 'slow' | 'trap' {
  const sleeps = service.host.sleeps.length;
  try {
    if (service.call('/').status !== 200) return 'error';
  } catch {
    return 'trap';
  }
  return service.host.sleeps.length > sleeps ? 'slow' : 'good';
}

describe('greeting-js', () => {
  interface RecordResponse {
    status: number;
    headers: [string, Uint8Array][];
    body: Uint8Array;
  }

  let loaded: Loaded;
  beforeAll(async () => {
    loaded = await load('greeting-js');
  });

  async function start(): Promise<(method: string, target: string, body?: string) => RecordResponse> {
    const instance = await loaded.instantiate(new WasiHost());
    return (method, target, body = '') =>
      instance['headway:http/handler@0.1.0']!['handle']!({
        method,
        pathWithQuery: target,
        authority: 'test.example',
        scheme: 'http',
        headers: [['x-request-id', new Uint8Array(Buffer.from('r-17'))]],
        body: new Uint8Array(Buffer.from(body)),
      }) as RecordResponse;
  }

  test('imports nothing of the world', () => {
    expect(loaded.imports).toEqual([]);
  });

  test.each([
    ['GET', '/', '', 200, 'Hello, world! (greeting js)\n'],
    ['GET', '/js?name=ada', '', 200, 'Hello, ada! (greeting js)\n'],
    ['GET', '/js/healthz', '', 200, 'ok\n'],
    ['POST', '/js/echo', 'back', 200, 'back'],
    ['DELETE', '/', '', 405, 'method not allowed\n'],
  ])('%s %s with "%s" answers %i', async (method, target, body, status, text) => {
    const call = await start();
    for (let again = 0; again < 2; again++) {
      const response = call(method, target, body);
      expect(response.status).toBe(status);
      expect(Buffer.from(response.body).toString()).toBe(text);
      const headers = Object.fromEntries(response.headers.map(([key, value]) => [key, Buffer.from(value).toString()]));
      expect(headers).toEqual({
        'content-type': 'text/plain; charset=utf-8',
        'x-greeting-version': 'js',
        'x-request-id': 'r-17',
      });
    }
  });
});
