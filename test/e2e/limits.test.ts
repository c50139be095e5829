/**
 * Each limit of `spec.limits` that a request or a guest can hit, in the real program: at N it is not hit, at N + 1 it is, the
 * answer says so, the counters say so, and the same component answers the next request. Exact pages of `memory` are
 * in test/cell/limits.test.ts, `cpu` is in processor.test.ts.
 */
import http from 'node:http';
import { describe, expect, it } from 'vitest';
import { LIMITS, type LimitName } from '../../src/model/limits.ts';
import { NETWORK_ERRORS } from '../../src/wire/socket-frames.ts';
import { ANSWER, guestOfMany, TEXT } from '../cell/kit/guest.ts';
import { isReady } from '../support/entries.ts';
import { component, environment, example, immediatePolicy, route } from '../support/manifests.ts';
import { chapters, KEY, provenAfter } from './story.ts';

const BODY_BYTES = 1_000;
const RESPONSE_BYTES = 2_000;
const HANDLES = 32;
const CONCURRENCY = 2;
const QUEUE = 1;
const LOG_BYTES = 1_024;
const HEADERS = 20;
const RESPONSE_HEADERS = 8;
const FILES = 2;
const SOCKETS = 1;
const MIB = 1024 * 1024;

const COMPONENT = `apiVersion: headway.dev/v1alpha1
kind: Component
metadata: {name: greeting, namespace: shop}
spec:
  source: {path: wasm/testbed.wasm}
  probes: {readiness: {httpGet: {path: /healthz}, period: 50ms, timeout: 5s, deadline: 10s}}
  instancePolicy: PerRequest
  limits:
    {memory: 8Mi, concurrency: ${CONCURRENCY}, queue: ${QUEUE}, requestTimeout: 6s, requestBody: "${BODY_BYTES}",
     responseBody: "${RESPONSE_BYTES}", headers: ${HEADERS}, handles: ${HANDLES}, logBytesPerSecond: "${LOG_BYTES}"}
  rollout: {policyRef: {name: now}}
`;

/** `GET /00` answers with as many headers as there may be, `GET /01` with one more. */
function withHeaders(count: number): string {
  const append =
    '(call $fields_append (local.get $fields) (i32.const 24) (i32.const 3) (i32.const 16) (i32.const 5) (i32.const 64))';
  return `(local.set $fields (call $fields)) ${append.repeat(count)}
    (local.set $response (call $response (local.get $fields))) ${TEXT.set}`;
}

/**
 * Keeps headers of 60,000 bytes each, which are not in its memory but in the heap of its process, and neither ends nor waits:
 * with as many handles as it may have here, more than the process may have.
 */
const HOARD = `(memory.fill (i32.const 65536) (i32.const 97) (i32.const 60000))
  (loop $again
    (call $fields_append (local.tee $fields (call $fields))
      (i32.const 24) (i32.const 3) (i32.const 65536) (i32.const 60000) (i32.const 64))
    (br $again))`;

const now = '{policyRef: {name: now}}';
/** Reached by a host name each. */
const OTHERS = {
  'shop/wide.yaml': component({
    name: 'wide',
    wasm: 'wasm/wide.wasm',
    rollout: now,
    readinessPath: '/00',
    limits: `headers: ${RESPONSE_HEADERS}`,
  }),
  'shop/desk.yaml': component({
    name: 'desk',
    wasm: 'wasm/testbed-files.wasm',
    rollout: now,
    limits: `files: ${FILES}`,
    extra: '  capabilities: [{name: uploads, filesystem: {volume: uploads, mountPath: /uploads, access: ReadWrite}}]\n',
  }),
  'shop/caller.yaml': component({
    name: 'caller',
    wasm: 'wasm/testbed-sockets.wasm',
    rollout: now,
    limits: `sockets: ${SOCKETS}`,
    extra:
      '  capabilities: [{name: out, sockets: {protocols: [Udp], hosts: [127.0.0.0/8], ports: [9]}}, {name: names, nameLookup: {hosts: [db.example]}}]\n',
  }),
  'shop/hoard.yaml': component({
    name: 'hoard',
    wasm: 'wasm/hoard.wasm',
    rollout: now,
    readinessPath: '/00',
    limits: 'handles: 1000000',
    // How long it takes to fill that much is the machine's.
    requestTimeout: '60s',
  }),
  'shop/late.yaml': component({
    name: 'late',
    wasm: 'wasm/testbed-managed.wasm',
    rollout: now,
    limits: 'startTimeout: 500ms',
  }).replace('env: [', 'env: [{name: INIT, value: spin}, '),
  'shop/late-route.yaml': route({ name: 'late', hostname: 'late.test' }),
  'wasm/testbed-managed.wasm': example('testbed-managed'),
  ...Object.fromEntries(
    ['wide', 'desk', 'caller', 'hoard'].map((name) => [
      `shop/${name}-route.yaml`,
      route({ name, hostname: `${name}.test` }),
    ]),
  ),
  'wasm/wide.wasm': await guestOfMany([withHeaders(RESPONSE_HEADERS), withHeaders(RESPONSE_HEADERS + 1)]),
  'wasm/hoard.wasm': await guestOfMany([ANSWER, HOARD]),
  'wasm/testbed-files.wasm': example('testbed-files'),
  'wasm/testbed-sockets.wasm': example('testbed-sockets'),
};

const running = chapters({
  'environment.yaml': environment(),
  'shop/policies.yaml': immediatePolicy(),
  'shop/greeting.yaml': COMPONENT,
  'shop/route.yaml': route(),
  'wasm/testbed.wasm': example('testbed'),
  ...OTHERS,
});

interface Told {
  readonly status: number;
  readonly body: string;
}

function ask(
  path: string,
  { method = 'GET', body = '', headers = {} }: { method?: string; body?: string; headers?: object } = {},
): Promise<Told> {
  return new Promise((resolve, reject) => {
    const options = { method, headers: { ...headers, connection: 'close' }, agent: false } as const;
    const request = http.request(`${running().daemon.url}${path}`, options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('error', reject).once('end', () => resolve({ status: response.statusCode!, body: text }));
    });
    request.once('error', reject).end(body);
  });
}

async function counted(reason: RegExp): Promise<number> {
  const text = await (await fetch(`${running().daemon.statusUrl}/metrics`)).text();
  const lines = text.split('\n').filter((line) => !line.startsWith('#') && reason.test(line));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

/**
 * How often it was hit by what is told outside: the metric, once it says `count`, or anything where nobody can know how often; and
 * the condition that names it.
 */
async function isTold(limit: LimitName, count: number | 'Any', key = KEY): Promise<void> {
  const metric = new RegExp(`^headway_limit_hits_total\\{entry="${key}",limit="${limit}"\\}`);
  if (count === 'Any') await expect.poll(() => counted(metric), { timeout: 10_000 }).toBeGreaterThan(0);
  else await expect.poll(() => counted(metric), { timeout: 10_000 }).toBe(count);
  const { conditions, limits } = await running().daemon.entry(key, `${limit} is told`, (entry) =>
    entry.conditions.some(
      ({ type, message }) => type === 'WithinLimits' && message.includes(`limits.${limit} was hit`),
    ),
  );
  const said = conditions.find(({ type }) => type === 'WithinLimits')!;
  expect(said.reason).toBe('LimitsHit');
  if (LIMITS[limit].kind === 'Refused') expect(said.status).toBe('False');
  const hits = count === 'Any' ? (expect.any(Number) as number) : count;
  expect(limits!.find((one) => one.limit === limit)).toMatchObject({ hits, fix: LIMITS[limit].fix });
}

const many = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-${index}`, 'v']));

describe('a limit', () => {
  it('is there for each of these, from a component that is proven', async () => {
    for (const key of [KEY, 'shop/wide', 'shop/desk', 'shop/caller', 'shop/hoard'])
      expect((await provenAfter(running().daemon, undefined, key)).key).toBe(key);
  });

  it.each([
    {
      what: 'requestBody',
      within: () => ask('/echo', { method: 'POST', body: 'x'.repeat(BODY_BYTES) }),
      beyond: () => ask('/echo', { method: 'POST', body: 'x'.repeat(BODY_BYTES + 1) }),
      status: 413,
      reason: 'BodyTooLarge',
    },
    {
      what: 'responseBody',
      within: () => ask(`/big?bytes=${RESPONSE_BYTES}`),
      beyond: () => ask(`/big?bytes=${RESPONSE_BYTES + 1}`),
      status: 502,
      reason: 'ResponseTooLarge',
    },
    {
      what: 'handles',
      within: () => ask(`/handles?count=${HANDLES / 2}`),
      beyond: () => ask(`/handles?count=${HANDLES + 1}`),
      status: 502,
      reason: 'Trap',
    },
    {
      what: 'requestTimeout',
      within: () => ask('/sleep?ms=100'),
      beyond: () => ask('/sleep?ms=60000'),
      status: 504,
      reason: 'Deadline',
    },
    {
      what: 'headers',
      // Beside `host` and `connection`, which the client adds.
      within: () => ask('/', { headers: many(HEADERS - 2) }),
      beyond: () => ask('/', { headers: many(HEADERS - 1) }),
      status: 431,
      reason: 'TooManyHeaders',
    },
  ] as const)('$what', async ({ what, within, beyond, status, reason }) => {
    expect((await within()).status).toBe(200);
    const told = await beyond();
    expect(told.status).toBe(status);
    expect(JSON.parse(told.body)).toMatchObject({ error: { status, reason } });
    expect((await within()).status).toBe(200);
    // What is within it, before and after, has counted nothing.
    await isTold(what, 1);
  });

  it('headers of a response', async () => {
    const get = (path: string): Promise<Told> => ask(path, { headers: { host: 'wide.test' } });
    expect((await get('/00')).status).toBe(200);
    const told = await get('/01');
    expect(told.status).toBe(502);
    expect(JSON.parse(told.body)).toMatchObject({ error: { code: 'HW4534', reason: 'ResponseTooLarge' } });
    expect(told.body).toContain(`${RESPONSE_HEADERS + 1} headers, limits.headers is ${RESPONSE_HEADERS}`);
    expect((await get('/00')).status).toBe(200);
    await isTold('headers', 1, 'shop/wide');
  });

  it('files, which the broker counts', async () => {
    const opens = (count: number): string[] => Array.from({ length: count }, (_, at) => `open:0:${at + 5}:${at}:c:rw`);
    const run = async (count: number): Promise<string[]> => {
      const closes = Array.from({ length: count }, (_, at) => `close:${at + 5}`).slice(0, FILES);
      return (
        await ask(`/run?${[...opens(count), ...closes].join(';')}`, { headers: { host: 'desk.test' } })
      ).body.split('\n');
    };
    expect(new Set(await run(FILES))).toEqual(new Set(['ok']));
    expect((await run(FILES + 1))[FILES]).toBe('insufficient-memory');
    await isTold('files', 1, 'shop/desk');
  });

  it('sockets', async () => {
    const bind = (slot: number): string => `udp,${slot},4;udp-start-bind,${slot},4.0.0.0.0.0`;
    const run = async (count: number): Promise<string[]> => {
      const script = Array.from({ length: count }, (_, slot) => bind(slot)).join(';');
      return (await ask(`/?do=${script}`, { headers: { host: 'caller.test' } })).body.split('\n');
    };
    expect(await run(SOCKETS)).toEqual(['0', 'ok']);
    expect((await run(SOCKETS + 1)).at(-1)).toBe(`!${NETWORK_ERRORS.indexOf('new-socket-limit')}`);
    await isTold('sockets', 1, 'shop/caller');
  });

  it('concurrency and queue', async () => {
    const together = (count: number): Promise<readonly number[]> =>
      Promise.all(Array.from({ length: count }, async () => (await ask('/sleep?ms=1500')).status));
    expect(await together(CONCURRENCY + QUEUE)).toEqual([200, 200, 200]);
    const statuses = await together(CONCURRENCY + QUEUE + 1);
    expect([...statuses].sort((one, other) => one - other)).toEqual([200, 200, 200, 429]);
    await isTold('queue', 1);
    await isTold('concurrency', 2);
  });

  it('memory of an instance: what a guest asks beyond it, it does not get', async () => {
    const got = async (bytes: number): Promise<string> => (await ask(`/memory?bytes=${bytes}`)).body;
    const [less, more] = [await got(MIB), await got(64 * MIB)];
    expect(Number(/[0-9]+/.exec(less)?.[0])).toBeGreaterThanOrEqual(MIB);
    expect(Number(/[0-9]+/.exec(more)?.[0])).toBeLessThanOrEqual(8 * MIB);
    await isTold('memory', 1);
  });

  it('processMemory: a guest that fills the heap of its process loses that, and nothing else', async () => {
    const { daemon } = running();
    const ofOthers = async (): Promise<readonly string[]> => {
      const entries = await Promise.all([KEY, 'shop/wide'].map((key) => daemon.entry(key, 'it is there', () => true)));
      return entries.flatMap(({ replicas }) => replicas.map(({ id }) => id));
    };
    const get = (path: string): Promise<Told> => ask(path, { headers: { host: 'hoard.test' } });
    const before = await ofOthers();
    expect((await get('/00')).status).toBe(200);
    const [slow, told] = await Promise.all([ask('/sleep?ms=1500'), get('/01')]);
    expect([slow.status, told.status]).toEqual([200, 502]);
    expect(JSON.parse(told.body)).toMatchObject({ error: { code: 'HW4535', reason: 'CellLost' } });
    await isTold('processMemory', 1, 'shop/hoard');
    await expect.poll(async () => (await get('/00')).status, { timeout: 30_000 }).toBe(200);
    expect(await ofOthers()).toEqual(before);
  });

  it('startTimeout: what is not loaded in time does not serve, and says why', async () => {
    await isTold('startTimeout', 'Any', 'shop/late');
    expect((await ask('/', { headers: { host: 'late.test' } })).status).not.toBe(200);
  });

  it('logBytesPerSecond: the rest is dropped, and counted in the log', async () => {
    expect((await ask('/log?text=chatter&times=20000')).status).toBe(200);
    const { daemon } = running();
    await daemon.becomes('what was dropped is said', () =>
      /"droppedBytes":[0-9]+.*guest output was dropped/.test(daemon.output),
    );
    await expect
      .poll(() => counted(/^headway_log_dropped_bytes_total\{entry="shop\/greeting"\}/), { timeout: 10_000 })
      .toBeGreaterThan(0);
    await isTold('logBytesPerSecond', 'Any');
    const said = daemon.output.split('\n').filter((line) => line.includes('chatter'));
    expect(said.length).toBeGreaterThan(0);
    expect(said.length).toBeLessThan(15_000);
  });

  it.each([
    ['/recurse', 502],
    ['/trap', 502],
    ['/exit', 502],
  ])('a guest that breaks by %s loses its instance and nothing else', async (path, status) => {
    const { replicas } = await running().daemon.entry(KEY, 'it is ready', isReady);
    const [slow, broken] = await Promise.all([ask('/sleep?ms=300'), ask(path)]);
    expect([slow.status, broken.status]).toEqual([200, status]);
    const after = await running().daemon.entry(KEY, 'it is ready', isReady);
    expect(after.replicas.map(({ id }) => id)).toEqual(replicas.map(({ id }) => id));
  });

  it('all of it is in the counters', async () => {
    expect(await counted(/^headway_release_failures_total\{.*kind="trap"/)).toBeGreaterThanOrEqual(4);
    expect(await counted(/^headway_release_failures_total\{.*kind="deadline"/)).toBeGreaterThanOrEqual(1);
  });

  it('a guest that spins loses its process, is answered, and runs again', async () => {
    expect((await ask('/spin')).status).toBe(504);
    await running().daemon.entry(KEY, 'it is ready again', isReady);
    await expect.poll(async () => (await ask('/')).status, { timeout: 30_000 }).toBe(200);
  });

  it('instances and requestsPerInstance, from the next release on', async () => {
    const { daemon, repository } = running();
    const before = await daemon.entry(KEY, 'it is proven', ({ proven }) => proven !== undefined);
    const text = COMPONENT.replace('PerRequest', 'Pooled').replace(
      'queue:',
      'instances: 1, requestsPerInstance: 3, queue:',
    );
    await repository.push('Three calls to an instance', { 'shop/greeting.yaml': text });
    await provenAfter(daemon, before);
    const nth = async (): Promise<number> => Number((await ask('/calls')).body);
    // Probes are calls, too: a number may be missing, and none is above the limit.
    const numbers: number[] = [];
    for (let call = 0; call < 12; call++) numbers.push(await nth());
    expect(Math.max(...numbers)).toBe(3);
    expect(numbers.filter((number) => number === 1).length).toBeGreaterThanOrEqual(2);
    const finished: string[] = [];
    const slow = ask('/sleep?ms=700').then(() => finished.push('slow'));
    await new Promise((resolve) => setTimeout(resolve, 200));
    await Promise.all([slow, ask('/calls').then(() => finished.push('next'))]);
    expect(finished).toEqual(['slow', 'next']);
    for (const limit of ['instances', 'requestsPerInstance'] as const) await isTold(limit, 'Any');
  });
});
