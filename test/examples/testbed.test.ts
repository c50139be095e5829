import { describe, expect, test } from 'vitest';
import { load, startService } from './component.ts';
import { Exchange, WasiHost } from './wasi-host.ts';

const [testbed, managed, records] = await Promise.all([
  load('testbed'),
  load('testbed-managed'),
  load('testbed-records'),
]);

const PATTERN = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+\n';

describe('testbed, routes that behave', () => {
  test.each([
    ['GET', '/', 200, 'testbed\n'],
    ['GET', '/healthz', 200, 'ok\n'],
    ['GET', '/status?code=418', 418, '418\n'],
    ['GET', '/status?code=204', 204, ''],
    ['GET', '/handles?count=5', 200, '5\n'],
    ['GET', '/memory?bytes=200000', 200, '262144\n'],
    ['GET', '/bad-headers', 200, '3 of 3 refused\n'],
    ['POST', '/ignore-body', 200, 'did not look\n'],
    ['GET', '/nowhere', 404, 'no such route: /nowhere\n'],
  ])('%s %s answers %i', async (method, target, status, text) => {
    const service = await startService(testbed);
    expect(service.call({ method, target, body: ['ignored'] })).toMatchObject({ status, text, finished: true });
  });

  test('/request says what came in', async () => {
    const service = await startService(testbed);
    const exchange = service.call({
      method: 'PROPFIND',
      target: '/request?a=1',
      headers: [
        ['x-a', '1'],
        ['x-a', '2'],
      ],
    });
    expect(exchange.text).toBe('PROPFIND\n/request\na=1\nhttp\ntest.example\nx-a: 1\nx-a: 2\n');
  });

  test('/calls counts the calls of this instance', async () => {
    const service = await startService(testbed);
    expect([service.call('/calls').text, service.call('/calls').text]).toEqual(['1\n', '2\n']);
  });

  test.each([0, 1, 64, 9_999, 10_001, 1_000_000])('/big sends exactly %i bytes of its pattern', async (bytes) => {
    const service = await startService(testbed);
    const exchange = service.call(`/big?bytes=${bytes}`);
    expect(exchange.finished).toBe(true);
    expect(exchange.text).toBe(PATTERN.repeat(Math.ceil(bytes / 64)).slice(0, bytes));
  });

  test('/sleep and /drip block on the clock for what they were asked', async () => {
    const service = await startService(testbed);
    expect(service.call('/sleep?ms=25').text).toBe('slept\n');
    expect(service.call('/drip?count=2&ms=7').text).toBe('drip 0\ndrip 1\n');
    expect(service.host.sleeps).toEqual([25_000_000n, 7_000_000n, 7_000_000n]);
  });

  test('/echo sends the body back', async () => {
    const service = await startService(testbed);
    expect(service.call({ method: 'POST', target: '/echo', body: ['a', 'b'] })).toMatchObject({
      text: 'ab',
      finished: true,
    });
  });

  test('/env, /log, /clock and /random show what the host gives', async () => {
    const service = await startService(testbed, { env: [['CURRENCY', 'EUR']], random: 7n });
    expect(service.call('/env').text).toBe('env CURRENCY=EUR\nargument component\ndirectory -\n');
    expect(service.call('/random').text).toBe('7\n');
    expect(service.call('/clock').text).toMatch(/^wall \d{10}\nmonotonic \d+\nstep \d+\n$/);
    service.call('/log?text=hello&times=2');
    expect(service.host).toMatchObject({
      stdout: ['out: hello\n', 'out: hello\n'],
      stderr: ['err: hello\n', 'err: hello\n'],
    });
  });
});

describe('testbed, routes that do not', () => {
  test('/no-response returns without an answer', async () => {
    const exchange = (await startService(testbed)).call('/no-response');
    expect(exchange).toMatchObject({ status: undefined, errorCode: undefined });
  });

  test('/error-code answers with internal-error and its text', async () => {
    const exchange = (await startService(testbed)).call('/error-code');
    expect(exchange.errorCode).toEqual({ tag: 'internal-error', val: 'the testbed was asked for this' });
  });

  test('/body-dropped and /content-length leave a body that is not what the head said', async () => {
    const service = await startService(testbed);
    expect(service.call('/body-dropped')).toMatchObject({ status: 200, text: 'half of the ', finished: false });
    const lying = service.call('/content-length?declared=9&sent=4');
    expect(lying).toMatchObject({ status: 200, text: 'xxxx', finished: true });
    expect(lying.header('content-length')).toBe('9');
  });

  test.each(['/trap', '/trap-after-head', '/recurse'])('%s traps', async (target) => {
    const service = await startService(testbed);
    const exchange = new Exchange({ target });
    expect(() => service.call(target, exchange)).toThrow(WebAssembly.RuntimeError);
    expect(exchange.status).toBe(target === '/trap-after-head' ? 200 : undefined);
  });

  test('/exit calls exit', async () => {
    const service = await startService(testbed);
    expect(() => service.call('/exit')).toThrow('the guest called exit');
  });
});

describe('testbed-managed', () => {
  const LIFECYCLE = 'headway:component/lifecycle@0.1.0';
  const HEALTH = 'headway:component/health@0.1.0';

  test('starts, is healthy, answers, and says good-bye', async () => {
    const { host, instance, call } = await startService(managed);
    instance[LIFECYCLE]!['init']!();
    instance[HEALTH]!['check']!();
    expect(call('/').text).toBe('testbed\n');
    instance[LIFECYCLE]!['shutdown']!();
    expect(host.stdout).toEqual(['init\n', 'shutdown\n']);
  });

  test.each([
    [LIFECYCLE, 'init', 'INIT'],
    [HEALTH, 'check', 'HEALTH'],
  ])('%s %s fails where the environment says so', async (exported, name, variable) => {
    const { instance } = await startService(managed, { env: [[variable, 'fail']] });
    expect(() => instance[exported]![name]!()).toThrow(`${variable}=fail`);
  });

  test.each([
    ['init', 'INIT'],
    ['shutdown', 'SHUTDOWN'],
  ])('%s traps where the environment says so', async (name, variable) => {
    const { instance } = await startService(managed, { env: [[variable, 'trap']] });
    expect(() => instance[LIFECYCLE]![name]!()).toThrow(WebAssembly.RuntimeError);
  });
});

describe('testbed-records', () => {
  async function start() {
    const instance = await records.instantiate(new WasiHost());
    return (path: string, body = '') =>
      instance['headway:http/handler@0.1.0']!['handle']!({
        method: 'POST',
        pathWithQuery: path,
        authority: 'test.example',
        scheme: 'http',
        headers: [
          ['accept', new Uint8Array(Buffer.from('*/*'))],
          ['x-id', new Uint8Array(Buffer.from('r-1'))],
        ],
        body: new Uint8Array(Buffer.from(body)),
      }) as { status: number; headers: [string, Uint8Array][]; body: Uint8Array };
  }

  test('echoes body and x- headers, again and again in the same memory', async () => {
    const call = await start();
    for (let round = 0; round < 50; round++) {
      const response = call('/echo', 'z'.repeat(60_000));
      expect(response.status).toBe(200);
      expect(response.headers.map(([name, value]) => [name, Buffer.from(value).toString()])).toEqual([['x-id', 'r-1']]);
      expect(Buffer.from(response.body).toString()).toBe('z'.repeat(60_000));
    }
  });

  test('fails, traps and lies about its status on demand', async () => {
    const call = await start();
    expect(() => call('/error')).toThrow('the records example was asked for this');
    expect(call('/status').status).toBe(599);
    expect(() => call('/trap')).toThrow(WebAssembly.RuntimeError);
  });
});
