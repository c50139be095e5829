/**
 * Each limit of `spec.limits` that a request or a guest can hit, in the real program: at N it is not hit, at N + 1 it is, the
 * answer says so, the counters say so, and the same component answers the next request. `memory` and the cap of a process are
 * in test/host/memory.test.ts, `cpu` in processor.test.ts, `startTimeout` in failures.test.ts.
 */
import http from 'node:http';
import { describe, expect, it } from 'vitest';
import { environment, example, immediatePolicy, route } from '../support/manifests.ts';
import { chapters, KEY, provenAfter } from './story.ts';

const BODY_BYTES = 1_000;
const RESPONSE_BYTES = 2_000;
const HANDLES = 32;
const CONCURRENCY = 2;
const QUEUE = 1;
const LOG_BYTES = 1_024;
/** Of the whole program, no component can raise it: 128, four of which are ours (`src/ingress/request-facts.ts`). */
const MAX_HEADERS = 124;
const MIB = 1024 * 1024;

const COMPONENT = `apiVersion: headway.dev/v1alpha1
kind: Component
metadata: {name: greeting, namespace: shop}
spec:
  source: {path: wasm/testbed.wasm}
  probes: {readiness: {httpGet: {path: /healthz}, period: 50ms, timeout: 500ms, deadline: 10s}}
  instancePolicy: PerRequest
  limits:
    {memory: 8Mi, concurrency: ${CONCURRENCY}, queue: ${QUEUE}, requestTimeout: 2s, requestBody: "${BODY_BYTES}",
     responseBody: "${RESPONSE_BYTES}", handles: ${HANDLES}, logBytesPerSecond: "${LOG_BYTES}"}
  rollout: {policyRef: {name: now}}
`;

const running = chapters({
  'environment.yaml': environment(),
  'shop/policies.yaml': immediatePolicy(),
  'shop/greeting.yaml': COMPONENT,
  'shop/route.yaml': route(),
  'wasm/testbed.wasm': example('testbed'),
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

const many = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-${index}`, 'v']));

describe('a limit', () => {
  it('is there for each of these, from a component that is proven', async () => {
    expect((await provenAfter(running().daemon, undefined)).key).toBe(KEY);
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
      within: () => ask('/', { headers: many(MAX_HEADERS - 2) }),
      beyond: () => ask('/', { headers: many(MAX_HEADERS - 1) }),
      status: 431,
      reason: 'TooManyHeaders',
    },
  ])('$what', async ({ within, beyond, status, reason }) => {
    expect((await within()).status).toBe(200);
    const told = await beyond();
    expect(told.status).toBe(status);
    expect(JSON.parse(told.body)).toMatchObject({ error: { status, reason } });
    expect((await within()).status).toBe(200);
  });

  it('concurrency and queue', async () => {
    const together = (count: number): Promise<readonly number[]> =>
      Promise.all(Array.from({ length: count }, async () => (await ask('/sleep?ms=700')).status));
    expect(await together(CONCURRENCY + QUEUE)).toEqual([200, 200, 200]);
    const statuses = await together(CONCURRENCY + QUEUE + 1);
    expect([...statuses].sort((one, other) => one - other)).toEqual([200, 200, 200, 429]);
  });

  it('memory of an instance: what a guest asks beyond it, it does not get', async () => {
    const got = async (bytes: number): Promise<string> => (await ask(`/memory?bytes=${bytes}`)).body;
    const [less, more] = [await got(MIB), await got(64 * MIB)];
    expect(Number(/[0-9]+/.exec(less)?.[0])).toBeGreaterThanOrEqual(MIB);
    expect(Number(/[0-9]+/.exec(more)?.[0])).toBeLessThanOrEqual(8 * MIB);
  });

  it('logBytesPerSecond: the rest is dropped, and counted in the log', async () => {
    expect((await ask('/log?text=chatter&times=20000')).status).toBe(200);
    const { daemon } = running();
    await daemon.becomes('what was dropped is said', () => daemon.output.includes('droppedBytes'));
    const said = daemon.output.split('\n').filter((line) => line.includes('chatter'));
    expect(said.length).toBeGreaterThan(0);
    expect(said.length).toBeLessThan(15_000);
  });

  it.each([
    ['/recurse', 502],
    ['/trap', 502],
    ['/exit', 502],
  ])('a guest that breaks by %s loses its instance and nothing else', async (path, status) => {
    const { replicas } = await running().daemon.entry(KEY, 'it is ready', ({ replicas: all }) =>
      all.some(({ phase }) => phase === 'Ready'),
    );
    const [slow, broken] = await Promise.all([ask('/sleep?ms=300'), ask(path)]);
    expect([slow.status, broken.status]).toEqual([200, status]);
    const after = await running().daemon.entry(KEY, 'it is ready', ({ replicas: all }) =>
      all.some(({ phase }) => phase === 'Ready'),
    );
    expect(after.replicas.map(({ id }) => id)).toEqual(replicas.map(({ id }) => id));
  });

  it('all of it is in the counters', async () => {
    expect(await counted(/^headway_release_failures_total\{.*kind="trap"/)).toBeGreaterThanOrEqual(4);
    expect(await counted(/^headway_release_failures_total\{.*kind="deadline"/)).toBeGreaterThanOrEqual(1);
  });

  it('a guest that spins loses its process, is answered, and runs again', async () => {
    expect((await ask('/spin')).status).toBe(504);
    await running().daemon.entry(KEY, 'it is ready again', ({ replicas }) =>
      replicas.some(({ phase }) => phase === 'Ready'),
    );
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
  });
});
